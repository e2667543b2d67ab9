"""Any array that holds the same numbers trains the same network, at the same cost."""

import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from nnlib import NeuralNetwork, NeuralNetworkClassifier, NeuralNetworkRegressor

LAYOUTS = {
    "Fortran": np.asfortranarray,
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "every second column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "backwards": lambda X: X[::-1].copy()[::-1],
    "DataFrame": pd.DataFrame,
    "list": lambda X: X.tolist(),
    "read-only": lambda X: np.frombuffer(X.tobytes(), X.dtype).reshape(X.shape),
    "other byte order": lambda X: X.astype(X.dtype.newbyteorder()),
}


@pytest.fixture
def data():
    X, Y = np.random.default_rng(0).normal(size=(2, 70, 3))
    return X, Y


def trained(X, Y, dtype):
    network = NeuralNetwork([3, 5, 3], ["tanh", "linear"], dtype=dtype, seed=0)
    history = [r[:3] for r in network.train(X, Y, "adam", 3, 16, validation=(X, Y))]
    outputs = network.feedforward(X), network.total_cost(X, Y), network.backpropagate(X, Y)
    return history, network.parameters.copy(), *outputs


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_gives_the_network_the_same_bits(data, layout, dtype):
    for ours, theirs in zip(trained(*map(layout, data), dtype), trained(*data, dtype)):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("kind", [NeuralNetworkRegressor, NeuralNetworkClassifier])
def test_every_layout_gives_the_estimators_the_same_bits(data, kind, layout):
    X, Y = data
    y = Y[:, 0] if kind is NeuralNetworkRegressor else Y[:, 0] > 0
    ours, theirs = (kind(epochs=3, batch_size=16, random_state=0).fit(A, y) for A in (layout(X), X))
    np.testing.assert_array_equal(ours.network_.parameters, theirs.network_.parameters)
    np.testing.assert_array_equal(ours.predict(layout(X)), theirs.predict(X))


def test_names_of_columns_are_kept_and_compared(data):
    X, Y = (pd.DataFrame(a, columns=["a", "b", "c"]) for a in data)
    model = NeuralNetworkRegressor(epochs=2, random_state=0).fit(X, Y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X[["b", "a", "c"]])


@pytest.mark.parametrize("layout", ["Fortran", "every second column", "DataFrame"])
def test_no_layout_is_gathered_again_for_each_batch(layout):
    # Gathered from another layout a batch costs 50 times as much: 5 leaves room for other work.
    X, Y = np.random.default_rng(0).normal(size=(2, 20_000, 300))

    def seconds(X):
        network = NeuralNetwork([300, 2, 1], ["tanh", "linear"], seed=0)
        begin = time.perf_counter()
        list(network.train(X, Y[:, :1], "sgd", epochs=3, batch_size=20))
        return time.perf_counter() - begin

    other = LAYOUTS[layout](X)
    assert min(seconds(other), seconds(other)) < 5 * min(seconds(X), seconds(X))


@pytest.fixture
def images():
    """A network of bytes, and 15.7 MB of them with their targets."""
    rng = np.random.default_rng(0)
    network = NeuralNetwork(
        [784, 16, 10], ["relu", "softmax"], "cross_entropy",
        dtype=np.float32, seed=0, input_scale=1 / 255,
    )  # fmt: skip
    X = rng.integers(256, size=(20_000, 784), dtype=np.uint8)
    return network, X, np.eye(10, dtype=np.float32)[rng.integers(10, size=20_000)]


USES = {
    "feedforward": lambda network, X, Y: network.feedforward(X),
    "total_cost": lambda network, X, Y: network.total_cost(X, Y),
    "training": lambda network, X, Y: list(network.train(X, Y, "adam", 1, 128)),
    "validation": lambda network, X, Y: list(
        network.train(X[:500], Y[:500], "adam", 1, 128, validation=(X, Y))
    ),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_bytes_are_never_all_converted_at_once(images, use):
    tracemalloc.start()
    use(*images)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8e6  # as floats they are 63 MB


@pytest.mark.parametrize("n", [1, 1023, 1024, 1025, 3000])
def test_what_is_fed_forward_in_blocks_is_what_is_fed_forward_one_by_one(n):
    network = NeuralNetwork([3, 4, 2], ["tanh", "linear"], seed=0)
    X, Y = np.random.default_rng(0).normal(size=(2, n, 3))
    alone = np.vstack([network.feedforward(X[i : i + 1]) for i in range(0, n, 97)])
    # another block, another order of the sums
    np.testing.assert_allclose(network.feedforward(X)[::97], alone, rtol=1e-12, atol=1e-14)
    mean = np.mean((network.feedforward(X) - Y[:, :2]) ** 2)
    assert network.total_cost(X, Y[:, :2]) == pytest.approx(mean, rel=1e-12)
