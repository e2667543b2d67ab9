"""The three costs: values, gradients, what happens at and outside 0 and 1, dtypes."""

import autograd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oracles import COSTS
from sklearn.metrics import log_loss, mean_squared_error

import nnlib
from nnlib import MSE, BinaryCrossEntropy, CrossEntropy, NeuralNetwork

KINDS = {"mse": MSE, "binary_cross_entropy": BinaryCrossEntropy, "cross_entropy": CrossEntropy}
CROSS_ENTROPIES = [BinaryCrossEntropy, CrossEntropy]
shapes = st.tuples(st.integers(1, 5), st.integers(1, 4))


def pair_of_arrays(shape):
    return st.tuples(
        arrays(np.float64, shape, elements=st.floats(0, 1)),
        arrays(np.float64, shape, elements=st.floats(1e-3, 1 - 1e-3)),
    )


@pytest.mark.parametrize("name", KINDS)
def test_names_stand_for_the_classes(name):
    assert type(NeuralNetwork([1, 1], ["linear"], cost=name).cost) is KINDS[name]
    assert nnlib.COSTS == KINDS


@pytest.mark.parametrize("name", KINDS)
@settings(derandomize=True, database=None, deadline=None)
@given(pair=shapes.flatmap(pair_of_arrays))
def test_cost_and_gradient_are_the_textbook_formula(name, pair):
    y, p = pair
    cost = KINDS[name]()
    assert isinstance(cost(y, p), float)
    assert cost(y, p) == pytest.approx(COSTS[name](y, p), rel=1e-13, abs=1e-15)
    oracle = autograd.grad(COSTS[name], 1)(y, p)
    # the oracle's terms are up to 1e3: its differences of them are exact to about 1e-13
    np.testing.assert_allclose(cost.gradient(y, p), oracle, rtol=1e-13, atol=1e-13)


def test_costs_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    y, p = rng.normal(size=(7, 3)), rng.normal(size=(7, 3))
    assert MSE()(y, p) == pytest.approx(mean_squared_error(y, p), rel=1e-14)
    labels, p = rng.integers(3, size=7), rng.dirichlet([1, 1, 1], size=7)
    assert CrossEntropy()(np.eye(3)[labels], p) == pytest.approx(
        log_loss(labels, p, labels=[0, 1, 2]), rel=1e-14
    )
    y, p = rng.integers(2, size=(7, 1)), rng.uniform(size=(7, 1))
    assert BinaryCrossEntropy()(y, p) == pytest.approx(log_loss(y, p, labels=[0, 1]), rel=1e-14)


@pytest.mark.parametrize("kind", KINDS.values())
def test_cost_is_a_mean_over_samples(kind):
    rng = np.random.default_rng(0)
    y, p = rng.uniform(size=(2, 6, 2))
    cost = kind()
    single = [cost(y[i : i + 1], p[i : i + 1]) for i in range(6)]
    assert cost(y, p) == pytest.approx(np.mean(single), rel=1e-14)
    gradients = [cost.gradient(y[i : i + 1], p[i : i + 1]) for i in range(6)]
    np.testing.assert_allclose(cost.gradient(y, p), np.concatenate(gradients) / 6, rtol=1e-14)


def test_the_cost_of_a_sure_and_right_answer_is_exact():
    network = NeuralNetwork([1, 1], ["sigmoid"], "binary_cross_entropy")
    network.weights[0][:] = 1
    X, Y = np.array([[40.0], [-50.0]]), np.array([[1], [0]])
    # log(1 + e^-40) = e^-40 to all digits, while 1 + e^-40 rounds to 1
    expected = (np.exp(-40) + np.exp(-50)) / 2
    assert network.total_cost(X, Y) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("weight", [1 / 4, np.array([[0.1], [0.0], [0.6], [0.3]])], ids=np.ndim)
@pytest.mark.parametrize("pair", nnlib.CANONICAL, ids=lambda pair: pair[0].__name__)
def test_a_canonical_pair_is_its_cost_after_its_activation(pair, weight):
    function, (f, cost) = nnlib.CANONICAL[pair], (kind() for kind in pair)
    y, z = np.random.default_rng(0).uniform(0.1, 0.9, size=(2, 4, 3))
    before = y.copy(), z.copy()
    total, delta = function(y, z, weight)
    weights = np.broadcast_to(weight, (4, 1)).ravel()
    samples = [cost(y[i : i + 1], f(z[i : i + 1])) for i in range(4)]
    assert total == pytest.approx(np.dot(weights, samples), rel=1e-14)
    gradients = [cost.gradient(y[i : i + 1], f(z[i : i + 1])) for i in range(4)]
    deltas = [w * f.backward(f(z[i : i + 1]), gradients[i]) for i, w in enumerate(weights)]
    np.testing.assert_allclose(delta, np.vstack(deltas), rtol=1e-12, atol=1e-16)
    assert function(y, z, weight, gradient=False)[0] == total
    np.testing.assert_array_equal((y, z), before)


@pytest.mark.parametrize("kind", CROSS_ENTROPIES)
def test_a_canonical_cost_without_its_gradient_has_none(kind):
    (function,) = (f for (_, cost), f in nnlib.CANONICAL.items() if cost is kind)
    y, z = np.random.default_rng(0).uniform(0.1, 0.9, size=(2, 4, 3))
    assert function(y, z, 0.25, gradient=False)[1] is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", CROSS_ENTROPIES)
def test_certain_and_right_costs_nothing(kind, dtype):
    y = np.eye(3, dtype=dtype)
    assert kind()(y, y) == pytest.approx(0, abs=1e-30)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", CROSS_ENTROPIES)
def test_certain_and_wrong_costs_much_but_not_infinity(kind, dtype):
    y = np.eye(2, dtype=dtype)
    floor = -np.log(np.finfo(dtype).tiny)
    logarithms_of_0 = {BinaryCrossEntropy: 2, CrossEntropy: 1}[kind]
    assert kind()(y, 1 - y) == pytest.approx(logarithms_of_0 * floor, rel=1e-6)
    assert np.isfinite(kind().gradient(y, 1 - y)).all()


@pytest.mark.parametrize("kind", CROSS_ENTROPIES)
def test_logarithm_is_constant_below_0(kind):
    y = np.array([[1.0, 1.0]])
    at_0 = kind()(y, np.array([[0.0, 0.5]]))
    outside = np.array([[-0.3, 0.5]])
    assert kind()(y, outside) == at_0
    np.testing.assert_array_equal(kind().gradient(y, outside), [[0, -2]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_at_0_the_logarithm_has_the_slope_of_the_smallest_normal_number(dtype):
    y, p = np.ones((1, 1), dtype), np.zeros((1, 1), dtype)
    for kind in CROSS_ENTROPIES:
        assert kind().gradient(y, p) == -1 / np.finfo(dtype).tiny


def test_logarithm_of_1_minus_p_is_constant_above_1():
    y = np.array([[0.0, 0.0]])
    at_1 = BinaryCrossEntropy()(y, np.array([[1.0, 0.5]]))
    outside = np.array([[1.3, 0.5]])
    assert BinaryCrossEntropy()(y, outside) == at_1
    np.testing.assert_array_equal(BinaryCrossEntropy().gradient(y, outside), [[0, 2]])


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu", "tanh", "elu"])
@pytest.mark.parametrize("cost", ["binary_cross_entropy", "cross_entropy"])
def test_network_with_outputs_below_0_has_a_finite_cost_and_no_gradient(cost, activation):
    network = NeuralNetwork([1, 1], [activation], cost, seed=0)
    network.weights[0][:] = -1
    X, Y = np.array([[0.5], [3.0]]), np.ones((2, 1))
    assert network.total_cost(X, Y) == pytest.approx(-np.log(np.finfo(float).tiny))
    assert not network.backpropagate(X, Y).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("targets", [np.float32, np.float64, int, bool])
@pytest.mark.parametrize("kind", KINDS.values())
def test_gradient_keeps_the_dtype_of_the_outputs(kind, targets, dtype):
    y, p = np.eye(2, dtype=targets), np.full((2, 2), 0.5, dtype)
    assert kind().gradient(y, p).dtype == dtype
    assert isinstance(kind()(y, p), float)


@pytest.mark.parametrize("kind", KINDS.values())
def test_shapes_must_agree(kind):
    y, p = np.zeros((3, 1)), np.full((3, 2), 0.5)
    with pytest.raises(ValueError, match=r"y has shape \(3, 1\), but y_hat has \(3, 2\)"):
        kind()(y, p)
    with pytest.raises(ValueError, match=r"y has shape \(3, 1\), but y_hat has \(3, 2\)"):
        kind().gradient(y, p)


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_cost_of_nothing_is_an_error(kind):
    nothing = np.empty((0, 2))
    with pytest.raises(ValueError, match=r"^y is empty"):
        kind()(nothing, nothing)
    with pytest.raises(ValueError, match=r"^y is empty"):
        kind().gradient(nothing, nothing)
