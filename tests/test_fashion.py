"""Notebook 09 finds Fashion-MNIST where it says, and takes no damaged file; its results hold."""

import gzip
import hashlib
import json
from pathlib import Path

import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
RESULTS = json.loads((ROOT / "report/results/09_fashion_mnist.json").read_text(encoding="utf-8"))
NAMES = [f"{part}-ubyte" for part in (
    "train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"
)]  # fmt: skip


def idx(array):
    lengths = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


@pytest.fixture(scope="module")
def files():
    """Small idx files in the place of the four of Fashion-MNIST."""
    rng = np.random.default_rng(0)
    shapes = [(6, 28, 28), (6,), (3, 28, 28), (3,)]
    return {name: idx(rng.integers(256, size=s, dtype=np.uint8)) for name, s in zip(NAMES, shapes)}


@pytest.fixture
def loader(files, tmp_path, monkeypatch):
    """What the notebook's cells tagged "function" define, with the sums of the small files and
    sources that are folders of the test: nothing is there, and the address leads nowhere."""
    notebook = nbformat.read(ROOT / "notebooks/09_fashion_mnist.ipynb", as_version=4)
    names = {}
    for tag in ("imports", "function"):
        for cell in notebook.cells:
            if tag in cell.metadata.get("tags", []):
                exec(cell.source.split("%matplotlib")[0], names)
    monkeypatch.delenv("FASHION_MNIST", raising=False)
    names["ORIGINAL_SUMS"] = names["SUMS"]
    names["SUMS"] = {name: hashlib.md5(whole).hexdigest() for name, whole in files.items()}
    names |= {"DEBIAN": tmp_path / "debian", "CACHE": tmp_path / "build/cache"}
    names["ADDRESS"] = (tmp_path / "address").as_uri()
    return names


def put(files, folder, packed=False):
    folder.mkdir(parents=True)
    for name, whole in files.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(whole))
        else:
            (folder / name).write_bytes(whole)
    return folder


def images_of(files):
    return np.frombuffer(files["train-images-idx3-ubyte"][16:], np.uint8).reshape(6, 784)


def test_the_sums_are_those_of_the_original_files(loader):
    readme = (ROOT / "data/README.md").read_text(encoding="utf-8")
    assert list(loader["ORIGINAL_SUMS"]) == NAMES
    for name, md5 in loader["ORIGINAL_SUMS"].items():
        assert f"| {name} | MD5 {md5} |" in readme.split("# Fashion-MNIST")[1]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("place", ["named", "debian", "cache"])
def test_the_files_are_read_from_a_folder_plain_or_gzipped(
    loader, files, tmp_path, monkeypatch, place, packed
):
    folders = {"named": tmp_path / "named", "debian": loader["DEBIAN"], "cache": loader["CACHE"]}
    monkeypatch.setenv("FASHION_MNIST", str(put(files, folders[place], packed)))
    if place != "named":
        monkeypatch.delenv("FASHION_MNIST")
    images, labels = loader["load"]("train")
    assert np.array_equal(images, images_of(files))
    assert labels.tolist() == list(files["train-labels-idx1-ubyte"][8:])
    assert loader["load"]("t10k")[0].shape == (3, 784)


def test_what_comes_from_the_address_is_kept(loader, files, tmp_path):
    address = put(files, tmp_path / "address", packed=True)
    assert np.array_equal(loader["load"]("train")[0], images_of(files))
    kept = sorted(path.name for path in loader["CACHE"].iterdir())
    assert kept == ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
    for path in address.iterdir():
        path.unlink()
    assert np.array_equal(loader["load"]("train")[0], images_of(files))


def test_the_sources_are_tried_in_the_documented_order(loader, tmp_path, monkeypatch):
    assert loader["sources"]() == [loader["DEBIAN"], loader["CACHE"], loader["ADDRESS"]]
    monkeypatch.setenv("FASHION_MNIST", str(tmp_path / "named"))
    assert loader["sources"]()[:2] == [tmp_path / "named", loader["DEBIAN"]]


def test_a_folder_that_is_named_comes_first(loader, files, tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST", str(put(files, tmp_path / "named")))
    read = []
    monkeypatch.setitem(loader, "unpacked", lambda source, name: read.append(source) or files[name])
    loader["load"]("train")
    assert set(read) == {tmp_path / "named"}


DAMAGE = {
    "empty": lambda whole: b"",
    "truncated": lambda whole: whole[: len(whole) // 2],
    "changed": lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]),
    "truncated gzip": lambda whole: gzip.compress(whole)[:100],
    "damaged gzip": lambda whole: gzip.compress(whole)[:40] + bytes(40),
    "a web page": lambda whole: b"<html>Not here</html>",
    "another gzip": lambda whole: gzip.compress(b"another file"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_passed_over_and_named_if_there_is_no_other(
    loader, files, tmp_path, monkeypatch, damage
):
    named = put({name: damage(whole) for name, whole in files.items()}, tmp_path / "named")
    monkeypatch.setenv("FASHION_MNIST", str(named))
    with pytest.raises(RuntimeError, match="train-images-idx3-ubyte was not found undamaged") as e:
        loader["load"]("train")
    assert f"- {named}: " in str(e.value)
    put(files, loader["DEBIAN"])
    assert np.array_equal(loader["load"]("train")[0], images_of(files))


def test_a_damaged_download_is_not_kept(loader, files, tmp_path):
    put({name: whole + b"!" for name, whole in files.items()}, tmp_path / "address", packed=True)
    with pytest.raises(RuntimeError, match="its MD5 sum is"):
        loader["load"]("train")
    assert not loader["CACHE"].exists()


def test_where_nothing_is_found_the_error_names_what_was_tried_and_what_to_do(
    loader, tmp_path, monkeypatch
):
    monkeypatch.setenv("FASHION_MNIST", str(tmp_path / "named"))
    with pytest.raises(RuntimeError) as e:
        loader["load"]("t10k")
    lines = str(e.value).splitlines()
    assert lines[0].startswith("t10k-images-idx3-ubyte was not found undamaged. Tried:")
    tried = [tmp_path / "named", loader["DEBIAN"], loader["CACHE"], loader["ADDRESS"]]
    assert [line.split(": ")[0] for line in lines[1:5]] == [f"- {source}" for source in tried]
    assert all("No such file" in line for line in lines[1:5])
    for way in ("FASHION_MNIST", "dataset-fashion-mnist", loader["ADDRESS"]):
        assert way in lines[5]


def test_the_results_belong_together():
    confusion = np.array(RESULTS["confusion"])
    assert confusion.sum(axis=1) == pytest.approx(np.full(10, RESULTS["n_test"] / 10))
    assert 10_000 - np.trace(confusion) == pytest.approx(RESULTS["n_wrong"])
    assert np.trace(confusion) / 10_000 == pytest.approx(RESULTS["test_accuracy_chosen"])
    key = "held_out_accuracy_"
    networks = {k: np.mean(v) for k, v in RESULTS.items() if k.startswith(key) and len(v) == 5}
    for baseline in ("logistic", "mlp"):
        del networks[key + baseline]
    assert RESULTS["chosen"] == "no distortion, lower rate"
    assert max(networks, key=networks.get) == key + "lower_rate"
