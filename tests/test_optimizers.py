"""Each optimizer against the formula of its paper, restated here."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import SGD, Adam, NeuralNetwork, RMSProp

KINDS = {"sgd": SGD, "rmsprop": RMSProp, "adam": Adam}


def sgd(x, gradients, rates, momentum):
    """Rumelhart et al. 1986, eq. 9: Δw(t) = -ε ∂E/∂w(t) + α Δw(t - 1)."""
    change = 0
    for g, rate in zip(gradients, rates):
        change = -rate * g + momentum * change
        x = x + change
    return x


def rmsprop(x, gradients, rates, rho, epsilon):
    """Tieleman and Hinton 2012, with epsilon beside the root."""
    mean_square = 0
    for g, rate in zip(gradients, rates):
        mean_square = rho * mean_square + (1 - rho) * g**2
        x = x - rate * g / (np.sqrt(mean_square) + epsilon)
    return x


def adam(x, gradients, rates, beta1, beta2, epsilon):
    """Kingma and Ba 2015, Algorithm 1."""
    m, v = 0, 0
    for t, (g, rate) in enumerate(zip(gradients, rates), start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        x = x - rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return x


SCHEDULES = [0.05, lambda step: 0.5 / (1 + step), lambda step: np.float64(0.1) * 0.99**step]
CASES = [
    (SGD, sgd, {"momentum": 0.0}),
    (SGD, sgd, {"momentum": 0.9}),
    (RMSProp, rmsprop, {"rho": 0.9, "epsilon": 1e-8}),
    (RMSProp, rmsprop, {"rho": 0.0, "epsilon": 0.1}),
    (Adam, adam, {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}),
    (Adam, adam, {"beta1": 0.0, "beta2": 0.5, "epsilon": 0.1}),
    (Adam, adam, {"beta1": 0.5, "beta2": 0.0, "epsilon": 1e-3}),
]


def after(optimizer, x, gradients):
    for g in gradients:
        optimizer.update(x, g)
    return x


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["constant", "function", "float64 function"])
@pytest.mark.parametrize(("kind", "oracle", "arguments"), CASES)
def test_200_steps_are_those_of_the_paper(kind, oracle, arguments, schedule):
    rng = np.random.default_rng(0)
    x, gradients = rng.normal(size=5), rng.normal(size=(200, 5)) * 10.0 ** rng.integers(-6, 3, 5)
    rates = [schedule(step) if callable(schedule) else schedule for step in range(200)]
    expected = oracle(x, gradients, rates, **arguments)
    result = after(kind(schedule, **arguments), x.copy(), gradients)
    # 200 steps of rounding, 1e-16 each, on positions and steps of order 1 and more
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


@settings(derandomize=True, database=None, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(1, 8),
    steps=st.integers(1, 30),
    rate=st.floats(1e-5, 1),
    decays=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
)
def test_any_arguments_give_the_steps_of_the_paper(seed, size, steps, rate, decays):
    rng = np.random.default_rng(seed)
    x, gradients = rng.normal(size=size), rng.normal(size=(steps, size))
    a, b = decays
    for optimizer, expected in [
        (SGD(rate, a), sgd(x, gradients, [rate] * steps, a)),
        (RMSProp(rate, a, 1e-4), rmsprop(x, gradients, [rate] * steps, a, 1e-4)),
        (Adam(rate, a, b, 1e-4), adam(x, gradients, [rate] * steps, a, b, 1e-4)),
    ]:
        # 30 steps of rounding; epsilon bounds how much a division can amplify it
        np.testing.assert_allclose(
            after(optimizer, x.copy(), gradients), expected, rtol=1e-10, atol=1e-10
        )


def test_defaults_are_those_of_the_papers():
    assert vars(SGD()).items() >= {"learning_rate": 0.01, "momentum": 0.0}.items()
    rmsprop_defaults = {"learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-8}
    assert vars(RMSProp()).items() >= rmsprop_defaults.items()
    adam_defaults = {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    assert vars(Adam()).items() >= adam_defaults.items()


@pytest.mark.parametrize("name", KINDS)
def test_a_name_stands_for_the_defaults(name):
    X, Y = np.eye(3), np.ones((3, 1))
    results = []
    for optimizer in (name, KINDS[name]()):
        network = NeuralNetwork([3, 1], ["linear"], seed=0)
        list(network.train(X, Y, optimizer, epochs=3))
        results.append(network.parameters)
    np.testing.assert_array_equal(*results)
    assert nnlib.OPTIMIZERS == KINDS


@pytest.mark.parametrize("kind", KINDS.values())
def test_the_schedule_sees_the_steps_in_order(kind):
    seen = []
    optimizer = kind(lambda step: seen.append(step) or 0.1)
    after(optimizer, np.zeros(2), np.ones((4, 2)))
    assert seen == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", KINDS.values())
def test_update_works_in_place_and_leaves_the_gradient(kind):
    x, g = np.ones(3), np.array([1.0, -2.0, 3.0])
    x_before, g_before = x.copy(), g.copy()
    kind(0.1).update(x, g)
    assert (x != x_before).all()
    np.testing.assert_array_equal(g, g_before)


@pytest.mark.parametrize("kind", KINDS.values())
def test_float32_stays_float32(kind):
    optimizer, gradients = kind(0.1), np.random.default_rng(0).normal(size=(5, 99))
    single = after(optimizer, np.ones(99, np.float32), gradients.astype(np.float32))
    state = [value for value in vars(optimizer).values() if isinstance(value, np.ndarray)]
    assert len(state) == len(optimizer.keeps)
    assert {a.dtype for a in state} == {np.dtype(np.float32)}
    double = after(kind(0.1), np.ones(99), gradients)
    # five steps of float32 rounding, on numbers of order 1
    np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_float64_learning_rate_does_not_promote_float32(kind):
    gradients = np.random.default_rng(0).normal(size=(5, 99)).astype(np.float32)
    number, scheduled = (
        after(kind(rate), np.zeros(99, np.float32), gradients)
        for rate in (0.1, lambda step: np.float64(0.1))
    )
    np.testing.assert_array_equal(scheduled, number)


@pytest.mark.parametrize("kind", KINDS.values())
def test_two_instances_share_nothing(kind):
    first, second = kind(0.1), kind(0.1)
    after(first, np.ones(3), np.ones((5, 3)))
    np.testing.assert_array_equal(
        after(second, np.zeros(3), np.ones((1, 3))), after(kind(0.1), np.zeros(3), np.ones((1, 3)))
    )


@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), RMSProp(), Adam()])
def test_what_a_dead_node_leaves_does_not_slow_the_steps_down(optimizer):
    """Averages of a gradient that has become zero end as zeros, not as subnormal numbers."""
    tiny, x, g = np.finfo(np.float32).tiny, np.ones(2, np.float32), np.ones(2, np.float32)
    for _ in range(1200):
        optimizer.update(x, g)
        g[0] = 0
    kept = [getattr(optimizer, name) for name in optimizer.keeps]
    assert all(values[1] != 0 for values in kept)
    assert all(values[0] == 0 or abs(values[0]) >= tiny for values in kept)
