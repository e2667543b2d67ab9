"""Saving and loading: the same bits, no pickle, and a clear error for any other file."""

import io
import json
import pickle
import re
from contextlib import suppress

import numpy as np
import pytest
from oracles import ACTIVATIONS, COSTS

from nnlib import ELU, LeakyReLU, NeuralNetwork, Sigmoid

NOT_OURS = "is damaged, or not by nnlib"
X, Y = np.random.default_rng(0).normal(size=(2, 9, 2))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.npz"


@pytest.fixture
def saved(path):
    """A trained network, of which `path` is the file."""
    network = NeuralNetwork([2, 4, 2], [ELU(0.3), "linear"], l1=0.1, l2=1e-3, seed=0)
    list(network.train(X, Y, "adam", epochs=2, batch_size=4))
    network.save(path)
    return network


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return open, (str(self.target), "w")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cost", COSTS)
def test_every_part_comes_back(path, cost, dtype):
    activations = [*ACTIVATIONS, LeakyReLU(0.3), ELU(1 / 3)]
    sizes = [2, 3, 4, 5, 4, 3, 2, 3, 4, 2]
    network = NeuralNetwork(
        sizes, activations, cost, 0.1, 1 / 3, "he", dtype=dtype, seed=0, input_scale=0.3
    )
    network.parameters *= np.pi
    network.save(path)
    loaded = NeuralNetwork.load(path)
    assert loaded.layer_sizes == sizes
    assert type(loaded.cost) is type(network.cost)
    for ours, theirs in zip(network.activations, loaded.activations):
        assert type(ours) is type(theirs)
        assert vars(ours) == vars(theirs)
    assert (loaded.l1, loaded.l2, loaded.dtype) == (0.1, 1 / 3, np.dtype(dtype))
    assert loaded.input_scale == 0.3
    assert loaded.init == "he"
    assert loaded.rng.bit_generator.state == network.rng.bit_generator.state
    assert loaded.parameters.tobytes() == network.parameters.tobytes()
    assert loaded.feedforward(X).tobytes() == network.feedforward(X).tobytes()


def test_training_continues_bit_for_bit(saved, path):
    loaded = NeuralNetwork.load(path)
    ours = [r.cost for r in saved.train(X, Y, "adam", epochs=3, batch_size=4)]
    theirs = [r.cost for r in loaded.train(X, Y, "adam", epochs=3, batch_size=4)]
    assert ours == theirs
    assert loaded.parameters.tobytes() == saved.parameters.tobytes()


@pytest.mark.parametrize("name", ["network", "a.b", "network.npz"])
@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
def test_the_path_is_taken_as_it_is(tmp_path, name, kind):
    path = kind(tmp_path / name)
    network = NeuralNetwork([1, 1], ["linear"], seed=0)
    network.save(path)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    np.testing.assert_array_equal(NeuralNetwork.load(path).parameters, network.parameters)


def test_a_path_is_asked_for(saved, tmp_path):
    for call in (saved.save, NeuralNetwork.load):
        with pytest.raises(TypeError, match=r"expected str, bytes or os.PathLike.*BytesIO"):
            call(io.BytesIO())
    assert [file.name for file in tmp_path.iterdir()] == ["network.npz"]


def test_numbers_of_numpy_can_be_saved(path):
    network = NeuralNetwork([1, 1], [ELU(np.float32(0.5))], l2=np.float64(0.1), seed=0)
    network.save(path)
    loaded = NeuralNetwork.load(path)
    assert (loaded.activations[0].alpha, loaded.l2) == (0.5, 0.1)


def test_the_file_holds_no_pickle(saved, path):
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_a_part_of_ones_own_is_refused_and_the_older_file_stays(saved, path):
    class Mine(Sigmoid):
        pass

    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"only nnlib's own parts can be saved, not .*Mine"):
        NeuralNetwork([1, 1], [Mine()]).save(path)
    assert path.read_bytes() == before


def test_a_network_with_another_bit_generator_is_refused_by_name(saved, path):
    network = NeuralNetwork([1, 1], ["linear"], seed=np.random.Generator(np.random.MT19937(0)))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="MT19937"):
        network.save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_save_leaves_the_older_file_whole(saved, path, error, monkeypatch):
    before = path.read_bytes()

    def interrupted(file, **arrays):
        file.write(b"PK")
        raise error

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(error):
        NeuralNetwork([1, 1], ["linear"], seed=1).save(path)
    assert path.read_bytes() == before
    assert NeuralNetwork.load(path).parameters.tobytes() == saved.parameters.tobytes()


def test_a_truncated_file_is_refused_wherever_it_ends(saved, path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=f"{re.escape(str(path))} {NOT_OURS}"):
            NeuralNetwork.load(path)


@pytest.mark.parametrize("bits", [0x01, 0x80, 0xFF])
def test_a_damaged_file_is_refused_or_harmless_wherever_it_is_damaged(saved, path, bits):
    whole = path.read_bytes()
    for place in range(0, len(whole), 2):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ bits]) + whole[place + 1 :])
        with suppress(ValueError):  # zip files hold a few bytes that nobody reads, such as dates
            loaded = NeuralNetwork.load(path)
            assert loaded.parameters.tobytes() == saved.parameters.tobytes()


FOREIGN = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("weights\n1.0\n"),
    "npy": lambda path: np.save(path, X) or path.with_suffix(".npz.npy").replace(path),
    "npz": lambda path: np.savez(path, X=X, Y=Y),
    "npz with our names": lambda path: np.savez(path, spec="{}", parameters=X),
    "npz with another spec": lambda path: np.savez(path, spec="[1, 2]", parameters=X),
    "npz with no json": lambda path: np.savez(path, spec="tanh", parameters=X),
    "compressed npz": lambda path: np.savez_compressed(path, X=X),
    "pickle": lambda path: path.write_bytes(pickle.dumps({"weights": X})),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_refused(path, kind):
    FOREIGN[kind](path)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))} {NOT_OURS}"):
        NeuralNetwork.load(path)


def changed(path, parameters=None, **changes):
    """Write the saved file again with another spec or other parameters."""
    with np.load(path) as file:
        spec, old = json.loads(str(file["spec"])), file["parameters"]
    new = old if parameters is None else parameters
    np.savez(path, spec=json.dumps(spec | changes), parameters=new)


@pytest.mark.parametrize(
    "changes",
    [
        {"layer_sizes": [2, 3, 2]},
        {"layer_sizes": [2, 0, 2]},
        {"layer_sizes": "4"},
        {"activations": [["gelu", {}], ["linear", {}]]},
        {"activations": [["elu", {"beta": 1}], ["linear", {}]]},
        {"activations": 5},
        {"cost": "mae"},
        {"l1": -1},
        {"dtype": "float32"},
        {"dtype": "int8"},
        {"rng": None},
        {"rng": {"bit_generator": "PCG64", "state": {}}},
        {"other": 1},
        {"parameters": np.zeros(3)},
        {"parameters": np.zeros(22, np.float32)},
    ],
    ids=repr,
)
def test_a_file_that_contradicts_itself_is_refused(saved, path, changes):
    assert saved.parameters.size == 22
    changed(path, **changes)
    with pytest.raises(ValueError, match=NOT_OURS):
        NeuralNetwork.load(path)


def test_a_missing_file_is_reported_as_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        NeuralNetwork.load(tmp_path / "none.npz")


def test_the_bomb_of_the_next_test_works(tmp_path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "bang"))).close()
    assert (tmp_path / "bang").exists()


@pytest.mark.parametrize("where", ["file", "npy", "spec", "parameters"])
def test_nothing_is_ever_unpickled(saved, path, tmp_path, where):
    bomb = np.array([Bomb(tmp_path / "bang")], dtype=object)
    with np.load(path) as file:
        arrays = dict(file)
    if where == "file":
        path.write_bytes(pickle.dumps(bomb))
    elif where == "npy":
        with path.open("wb") as file:
            np.save(file, bomb, allow_pickle=True)
    else:
        np.savez(path, **arrays | {where: bomb})
    with pytest.raises(ValueError, match=NOT_OURS):
        NeuralNetwork.load(path)
    assert not (tmp_path / "bang").exists()
