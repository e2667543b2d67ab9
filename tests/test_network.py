"""What a network is before it trains: its parameters, their start, its dtype, its extremes."""

import copy

import numpy as np
import pytest
from oracles import ACTIVATIONS, COSTS, layout, outputs

from nnlib import ELU, SGD, Adam, NeuralNetwork, RMSProp


def one_of_each(**arguments):
    """A network with every activation in it."""
    return NeuralNetwork([3, 4, 5, 3, 4, 2, 3, 4], list(ACTIVATIONS), **arguments)


def test_weights_and_biases_are_views_of_the_parameters():
    network = NeuralNetwork([2, 3, 1], ["tanh", "linear"])
    assert [W.shape for W in network.weights] == [(2, 3), (3, 1)]
    assert [b.shape for b in network.biases] == [(3,), (1,)]
    weights, biases = layout(network)
    places = np.concatenate([a.ravel() for a in weights + biases])
    assert sorted(places) == list(range(network.parameters.size))


def test_feedforward_is_the_textbook_formula():
    network, X = one_of_each(seed=0), np.random.default_rng(0).normal(size=(6, 3))
    network.parameters += 0.1
    _, A = outputs(network.parameters, layout(network), list(ACTIVATIONS), X)[-1]
    # seven layers of rounding at 1e-16 each
    np.testing.assert_allclose(network.feedforward(X), A, rtol=1e-13)


def test_activation_instances_and_names_are_the_same():
    X = np.random.default_rng(0).normal(size=(6, 2))
    by_name = NeuralNetwork([2, 3, 1], ["elu", "linear"], seed=0)
    by_instance = NeuralNetwork([2, 3, 1], [ELU(), "linear"], seed=0)
    np.testing.assert_array_equal(by_name.feedforward(X), by_instance.feedforward(X))


@pytest.mark.parametrize(
    ("init", "activation", "variance"),
    [
        ("normal", "relu", 1),
        ("glorot", "relu", 2 / (300 + 200)),
        ("he", "tanh", 2 / 300),
        (None, "relu", 2 / 300),
        (None, "leaky_relu", 2 / 300),
        (None, "elu", 2 / 300),
        (None, "linear", 2 / (300 + 200)),
        (None, "sigmoid", 2 / (300 + 200)),
        (None, "tanh", 2 / (300 + 200)),
        (None, "softmax", 2 / (300 + 200)),
    ],
)
def test_initial_weights_have_the_stated_variance(init, activation, variance):
    network = NeuralNetwork([300, 200], [activation], init=init, seed=0)
    w = network.weights[0].ravel()
    # 60,000 draws: the mean is within 4 / sqrt(60000) σ, the variance within 4 sqrt(2 / 60000)
    assert abs(w.mean()) < 0.0164 * np.sqrt(variance)
    assert w.var() == pytest.approx(variance, rel=0.0231)
    assert not network.biases[0].any()


def test_the_seed_fixes_the_initial_weights():
    first, again, other = (one_of_each(seed=seed).parameters for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("data", [np.float32, np.float64, np.uint8, bool])
@pytest.mark.parametrize("cost", COSTS)
def test_everything_has_the_dtype_of_the_network(cost, data, dtype):
    network = one_of_each(cost=cost, dtype=dtype, l1=0.01, l2=0.01, seed=0)
    X, Y = np.eye(3).astype(data), np.eye(3, 4).astype(data)
    arrays = [*network.weights, *network.biases, network.feedforward(X)]
    assert {a.dtype for a in (*arrays, network.backpropagate(X, Y))} == {np.dtype(dtype)}
    assert isinstance(network.total_cost(X, Y), float)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("rate", [0.01, lambda step: np.float64(0.01)], ids=["number", "float64"])
@pytest.mark.parametrize("optimizer", [SGD, RMSProp, Adam])
def test_float32_training_computes_in_float32_alone(optimizer, rate, cost, monkeypatch):
    """Every array that an activation or a cost's gradient takes or gives is seen."""
    network = one_of_each(cost=cost, dtype=np.float32, l1=0.01, l2=0.01, seed=0)
    seen = set()

    def watched(method):
        def watch(*arguments):
            result = method(*arguments)
            results = result if isinstance(result, tuple) else [result]
            seen.update(a.dtype for a in (*arguments, *results) if isinstance(a, np.ndarray))
            return result

        return watch

    for part in (*network.activations, network.cost):
        for name in ("apply", "backward", "gradient", "from_logits"):
            if hasattr(part, name):
                monkeypatch.setattr(part, name, watched(getattr(part, name)))
    X, Y = np.eye(3), np.eye(3, 4)
    list(network.train(X, Y, optimizer(rate), epochs=2, batch_size=2))
    assert seen == {np.dtype(np.float32)}
    assert network.parameters.dtype == np.float32


@pytest.mark.parametrize("cost", COSTS)
def test_bytes_with_a_scale_are_the_floats_that_they_stand_for(cost):
    rng = np.random.default_rng(0)
    pixels, Y = rng.integers(256, size=(6, 3), dtype=np.uint8), np.eye(6, 4)
    scaled, plain = (one_of_each(cost=cost, seed=0, input_scale=s) for s in (1 / 255, 1.0))
    X = pixels * (1 / 255)
    np.testing.assert_array_equal(scaled.feedforward(pixels), plain.feedforward(X))
    assert scaled.total_cost(pixels, Y) == plain.total_cost(X, Y)
    np.testing.assert_array_equal(scaled.backpropagate(pixels, Y), plain.backpropagate(X, Y))
    histories = [
        [record[:3] for record in network.train(data, Y, "adam", 3, 4, validation=(data, Y))]
        for network, data in ((scaled, pixels), (plain, X))
    ]
    assert histories[0] == histories[1]
    np.testing.assert_array_equal(scaled.parameters, plain.parameters)


def test_float32_and_float64_agree():
    X = np.random.default_rng(0).normal(size=(6, 3))
    single, double = (one_of_each(dtype=d, seed=0).feedforward(X) for d in ("float32", "float64"))
    np.testing.assert_allclose(single, double, rtol=1e-5)  # seven layers of float32 rounding


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("output", ACTIVATIONS)
def test_pre_activations_of_1000_are_no_trouble(output, cost, dtype):
    network = NeuralNetwork([2, 2], [output], cost, dtype=dtype)
    network.weights[0][:] = 1000 * np.eye(2)
    X = np.array([[1, -1], [-1, 1], [-1, -1], [1, 1]])
    Y = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    assert np.isfinite(network.feedforward(X)).all()
    assert np.isfinite(network.total_cost(X, Y))
    assert np.isfinite(network.backpropagate(X, Y)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_hidden_pre_activations_of_1000_are_no_trouble(hidden, dtype):
    network = NeuralNetwork([2, 2, 1], [hidden, "linear"], dtype=dtype, seed=0)
    network.weights[0][:] = 1000 * np.eye(2)
    X, Y = np.array([[1, -1], [-1, 1]]), np.ones((2, 1))
    assert np.isfinite(network.total_cost(X, Y))
    assert np.isfinite(network.backpropagate(X, Y)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_with_binary_cross_entropy_is_exact_at_probabilities_of_0_and_1(dtype):
    network = NeuralNetwork([1, 1], ["sigmoid"], "binary_cross_entropy", dtype=dtype)
    network.weights[0][:] = 1
    X, Y = np.array([[1000], [-1000], [1000], [-1000]]), np.array([[1], [0], [0], [1]])
    np.testing.assert_array_equal(network.feedforward(X), [[1], [0], [1], [0]])
    # log(1 + e^∓z) is 0 where p is right, and |z| = 1000 where it is wrong
    assert network.total_cost(X, Y) == (0 + 0 + 1000 + 1000) / 4
    # the mean of x (a - y): two samples with x (a - y) = 1000 (1 - 0) and -1000 (0 - 1)
    weights, biases = layout(network)
    gradient = network.backpropagate(X, Y)
    assert gradient[weights[0]] == (1000 + 1000) / 4
    assert gradient[biases[0]] == (1 - 1) / 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_with_cross_entropy_is_exact_at_probabilities_of_0_and_1(dtype):
    network = NeuralNetwork([2, 2], ["softmax"], "cross_entropy", dtype=dtype)
    network.weights[0][:] = np.eye(2)
    X, Y = np.array([[1000, 0], [1000, 0]]), np.array([[1, 0], [0, 1]])
    np.testing.assert_array_equal(network.feedforward(X), [[1, 0], [1, 0]])
    # log(e^1000 + e^0) - z_y is 0 for the first sample and 1000 for the second
    assert network.total_cost(X, Y) == (0 + 1000) / 2
    # the second sample alone has a - y = (1, -1)
    weights, biases = layout(network)
    gradient = network.backpropagate(X, Y)
    np.testing.assert_array_equal(gradient[weights[0]], [[500, -500], [0, 0]])
    np.testing.assert_array_equal(gradient[biases[0]], [0.5, -0.5])


def test_a_deep_copy_has_views_of_its_own_parameters():
    network = NeuralNetwork([2, 3, 1], ["tanh", "linear"], seed=0)
    twin, before = copy.deepcopy(network), network.feedforward(np.eye(2))
    twin.weights[0] += 1
    assert (twin.feedforward(np.eye(2)) != before).all()
    np.testing.assert_array_equal(network.feedforward(np.eye(2)), before)
