"""Back-propagation against central differences and against autograd, over every combination."""

import zlib

import numpy as np
import pytest
from autograd import grad
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import (
    ACTIVATIONS,
    COSTS,
    PENALTIES,
    central_differences,
    layout,
    penalised_cost,
    relative_error,
    smooth_case,
)

from nnlib import ELU, LeakyReLU, NeuralNetwork


def cases(cost, hidden, output):
    """Depths 0 to 4 and output widths 1 and 3, each as (network, X, Y)."""
    for depth in range(5):
        for width in (1, 3):
            if (output, width) == ("softmax", 1):
                continue  # p = 1 always: test_softmax_of_one_output_is_refused
            activations = [hidden] * depth + [output]
            seed = zlib.crc32(f"{cost} {activations} {width}".encode())
            yield smooth_case([2, *[2] * depth, width], activations, cost, seed)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("output", ACTIVATIONS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_gradient_is_that_of_central_differences(hidden, output, cost):
    for network, X, Y in cases(cost, hidden, output):
        for network.l1, network.l2 in PENALTIES:
            oracle = central_differences(network, X, Y)
            assert relative_error(network.backpropagate(X, Y), oracle) < 1e-7


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("output", ACTIVATIONS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_cost_and_gradient_are_those_of_autograd(hidden, output, cost):
    for network, X, Y in cases(cost, hidden, output):
        activations = [hidden] * (len(network.weights) - 1) + [output]
        for network.l1, network.l2 in PENALTIES:
            rest = layout(network), activations, cost, network.l1, network.l2, X, Y
            oracle = grad(penalised_cost)(network.parameters, *rest)
            gradient = network.backpropagate(X, Y)
            assert relative_error(gradient, oracle) < 1e-10
            # Each entry too: a sum of terms of order 1 is exact to a few 1e-16.
            np.testing.assert_allclose(gradient, oracle, rtol=1e-10, atol=1e-14)
            assert network.total_cost(X, Y) == pytest.approx(
                penalised_cost(network.parameters, *rest), rel=1e-13
            )


@settings(derandomize=True, database=None, deadline=None, max_examples=100)
@given(
    cost=st.sampled_from(list(COSTS)),
    inputs=st.integers(1, 4),
    layers=st.lists(
        st.tuples(st.integers(1, 4), st.sampled_from(list(ACTIVATIONS))), min_size=1, max_size=5
    ),
    n=st.integers(1, 6),
    l1=st.floats(0, 1),
    l2=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_any_mixture_of_layers_has_the_exact_gradient(cost, inputs, layers, n, l1, l2, seed):
    widths, activations = zip(*layers)
    if layers[-1] == (1, "softmax"):
        widths = *widths[:-1], 2
    network, X, Y = smooth_case([inputs, *widths], activations, cost, seed, n)
    network.l1, network.l2 = l1, l2
    gradient = network.backpropagate(X, Y)
    assert relative_error(gradient, central_differences(network, X, Y)) < 1e-7
    rest = layout(network), activations, cost, l1, l2, X, Y
    assert relative_error(gradient, grad(penalised_cost)(network.parameters, *rest)) < 1e-10


@pytest.mark.parametrize("f", [LeakyReLU(0.3), LeakyReLU(0), ELU(0.4), ELU(2.5), ELU(0)])
def test_gradient_with_another_alpha(f):
    rng = np.random.default_rng(3)  # no pre-activation within 1e-3 of the kink
    network = NeuralNetwork([2, 5, 5, 2], [f, f, "linear"], l1=0.01, l2=0.01, seed=rng)
    X, Y = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    oracle = central_differences(network, X, Y)
    assert relative_error(network.backpropagate(X, Y), oracle) < 1e-7


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
@pytest.mark.parametrize("cost", COSTS)
def test_gradient_with_targets_of_exactly_0_and_1(cost, output):
    network, X, _ = smooth_case([2, 3, 3], ["tanh", output], cost, seed=0, n=3)
    Y = np.eye(3)
    oracle = central_differences(network, X, Y)
    assert relative_error(network.backpropagate(X, Y), oracle) < 1e-7


def test_cross_entropy_of_rows_that_do_not_sum_to_one_has_the_exact_gradient():
    network, X, _ = smooth_case([2, 3], ["softmax"], "cross_entropy", seed=0, n=3)
    Y = np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.1], [1.0, 1.0, 1.0]])
    oracle = central_differences(network, X, Y)
    assert relative_error(network.backpropagate(X, Y), oracle) < 1e-7


@pytest.mark.parametrize("cost", COSTS)
def test_softmax_of_one_output_is_refused_unless_one_is_all_that_is_asked_of_it(cost):
    network = NeuralNetwork([2, 3, 1], ["tanh", "softmax"], cost, seed=0)
    X, Y = np.eye(2), np.array([[0.0], [1.0]])
    for method in (network.total_cost, network.backpropagate):
        with pytest.raises(ValueError, match="one softmax output is always 1: use a sigmoid"):
            method(X, Y)
    with pytest.raises(ValueError, match="one softmax output is always 1"):
        network.train(X, Y, "sgd", epochs=1)
    assert network.total_cost(X, np.ones((2, 1))) == pytest.approx(0, abs=1e-300)
    assert not network.backpropagate(X, np.ones((2, 1))).any()


def test_biases_are_not_penalised():
    network = NeuralNetwork([2, 3, 1], ["tanh", "linear"], l1=0.1, l2=0.1, seed=0)
    for b in network.biases:
        b += 1
    X = np.zeros((4, 2))
    Y = network.feedforward(X)
    weights, biases = layout(network)
    gradient = network.backpropagate(X, Y)
    w = np.concatenate([W.ravel() for W in network.weights])
    assert network.total_cost(X, Y) == pytest.approx(0.1 * np.abs(w).sum() + 0.1 * (w**2).sum())
    assert not np.concatenate([gradient[b] for b in biases]).any()
    assert all(gradient[W].all() for W in weights)


def test_backpropagate_changes_neither_network_nor_data():
    network = NeuralNetwork([2, 3, 2], ["relu", "softmax"], "cross_entropy", l1=0.1, seed=0)
    X, Y = np.random.default_rng(0).normal(size=(4, 2)), np.eye(2)[[0, 1, 1, 0]]
    before = network.parameters.copy(), X.copy(), Y.copy()
    network.feedforward(X), network.total_cost(X, Y), network.backpropagate(X, Y)
    for old, new in zip(before, (network.parameters, X, Y)):
        np.testing.assert_array_equal(new, old)
