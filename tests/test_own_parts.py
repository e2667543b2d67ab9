"""Activations, costs and optimizers of one's own, as the README writes them and otherwise."""

import re
from pathlib import Path

import numpy as np
import pytest
from oracles import central_differences, relative_error
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import nnlib
from nnlib import (
    MSE,
    Activation,
    Adam,
    Cost,
    NeuralNetwork,
    NeuralNetworkRegressor,
    Optimizer,
    Sigmoid,
    Softmax,
    Tanh,
)

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
X, Y = np.random.default_rng(0).uniform(0.1, 1, size=(2, 6, 3))


@pytest.fixture(scope="module")
def readme():
    """What the README's section on one's own parts defines."""
    section = README.split("### Parts of your own")[1].split("\n### ")[0]
    names = {}
    for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        exec(block, names)
    return names


class Cubic(MSE):
    """A subclass of a cost with a shortcut, and another formula."""

    def __call__(self, y, y_hat):
        return float(np.mean(np.abs(y_hat - y) ** 3))

    def gradient(self, y, y_hat):
        return 3 * (y_hat - y) * np.abs(y_hat - y) / y.size


class Steep(Sigmoid):
    """A subclass of an activation that works in place, and another formula."""

    def __call__(self, z):
        return np.arctan(3 * z)

    def derivative(self, z):
        return 3 / (1 + 9 * z * z)


class Warm(Softmax):
    """Softmax at a temperature: its outputs depend on each other."""

    def __call__(self, z):
        return super().__call__(z / 2)

    def jacobian(self, z):
        return super().jacobian(z / 2) / 2


class AlsoWarm(Warm):
    """A subclass that changes nothing, of one whose outputs depend on each other."""


class Centred(Activation):
    """A Jacobian and no derivative."""

    def __call__(self, z):
        return z**2 - (z**2).mean(axis=1, keepdims=True)

    def jacobian(self, z):
        width = z.shape[1]
        return (np.eye(width) - 1 / width) * (2 * z)[:, None, :]


class Sine(Activation):
    """With constructor arguments under other names."""

    def __init__(self, frequency):
        self._omega = frequency

    def __call__(self, z):
        return np.sin(self._omega * z)

    def derivative(self, z):
        return self._omega * np.cos(self._omega * z)


class Same(Tanh):
    """A subclass that changes nothing."""


class Careless(Activation):
    """Overwrites what it is given."""

    def __call__(self, z):
        return np.tanh(z, out=z)

    def derivative(self, z):
        return np.subtract(1, np.square(np.tanh(z, out=z), out=z), out=z)


class CarelessMSE(MSE):
    def __call__(self, y, y_hat):
        y -= y_hat
        return float(np.mean(y**2))

    def gradient(self, y, y_hat):
        y_hat -= y
        y_hat *= 2 / y.size
        return y_hat


class Half(Cost):
    """Its gradient is its argument, and read-only."""

    def __call__(self, y, y_hat):
        return float(np.sum(y_hat**2) / 2)

    def gradient(self, y, y_hat):
        return np.broadcast_to(y_hat, y_hat.shape)


class Elementwise(Softmax):
    """A subclass of what has a Jacobian, without one."""

    def __call__(self, z):
        return np.sin(z)

    def derivative(self, z):
        return np.cos(z)


class Numerical(Activation):
    """A derivative for whatever a subclass computes."""

    def derivative(self, z):
        return (self(z + 1e-5) - self(z - 1e-5)) / 2e-5


class Softplus(Numerical):
    def __call__(self, z):
        return np.log1p(np.exp(z))


class InPlace(Tanh):
    """Written as nnlib's own are."""

    def apply(self, z):
        return np.multiply(z, z, out=z)

    def backward(self, a, delta):
        return delta * 2 * np.sqrt(a)


CASES = [
    ([Careless(), "linear"], CarelessMSE()),
    (["tanh", Careless()], CarelessMSE()),
    (["tanh", "sigmoid"], Half()),
    ([Elementwise(), "linear"], "mse"),
    ([Softplus(), Softplus()], "mse"),
    (["tanh", "linear"], Cubic()),
    ([Steep(), "linear"], "mse"),
    ([Steep(), Steep()], Cubic()),
    (["tanh", Warm()], "cross_entropy"),
    ([Warm(), "softmax"], "cross_entropy"),
    (["tanh", AlsoWarm()], "mse"),
    ([Centred(), Centred()], "mse"),
    ([Sine(2.0), Sine(0.5)], "mse"),
    ([Same(), "linear"], "mse"),
    (["tanh", Same()], "mse"),
]


@pytest.mark.parametrize(("activations", "cost"), CASES, ids=str)
def test_the_gradient_is_that_of_the_parts_as_they_were_written(activations, cost):
    network = NeuralNetwork([3, 4, 3], activations, cost, l1=0.01, l2=0.02, seed=1)
    oracle = central_differences(network, X, Y)
    assert relative_error(network.backpropagate(X, Y), oracle) < 1e-7


def test_the_cost_is_that_of_the_part_as_it_was_written():
    network = NeuralNetwork([3, 4, 3], ["tanh", "linear"], Cubic(), seed=1)
    cost = np.mean(np.abs(network.feedforward(X) - Y) ** 3)
    assert network.total_cost(X, Y) == pytest.approx(cost, rel=1e-14)
    (record,) = network.train(X, Y, "sgd", epochs=1, validation=(X, Y))
    assert record.cost == pytest.approx(cost, rel=1e-14)
    assert record.validation_cost == network.total_cost(X, Y)


def test_a_subclass_that_changes_nothing_trains_as_its_base():
    results = []
    for f in ("tanh", Same()):
        network = NeuralNetwork([3, 4, 3], [f, "linear"], seed=1)
        list(network.train(X, Y, "adam", epochs=20))
        results.append(network.parameters)
    # f' from z and from a round differently
    np.testing.assert_allclose(*results, rtol=1e-10)


def test_own_parts_cannot_change_the_data_or_each_other():
    network = NeuralNetwork([3, 4, 3], [Careless(), "sigmoid"], CarelessMSE(), seed=1)
    same = NeuralNetwork([3, 4, 3], ["tanh", "sigmoid"], seed=1)
    before = X.copy(), Y.copy()
    ours, theirs = (
        [r[1:3] for r in n.train(X, Y, "adam", 20, validation=(X, Y))] for n in (network, same)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)
    np.testing.assert_array_equal((X, Y), before)


def test_a_way_to_work_in_place_is_not_inherited_without_its_derivative():
    with pytest.raises(TypeError, match="Mine is a function of its own"):
        type("Mine", (Tanh,), {"apply": lambda self, z: z})
    own = {"apply": lambda self, z: z, "backward": lambda self, a, delta: delta}
    assert type("Mine", (Tanh,), own)()(2.0) == 2
    network = NeuralNetwork([3, 4, 3], [InPlace(), "linear"], seed=1)
    by_hand = (X @ network.weights[0]) ** 2 @ network.weights[1]
    np.testing.assert_allclose(network.feedforward(X), by_hand, rtol=1e-12)


@pytest.mark.parametrize("base", [Activation, Tanh, Softmax, Cost, MSE])
def test_a_derivative_is_not_inherited_without_its_function(base):
    with pytest.raises(TypeError, match=r"Mine is a function of its own, but has no derivative"):
        type("Mine", (base,), {"__call__": lambda self, *arrays: 0.0})


def test_a_function_with_any_derivative_of_its_own_is_accepted():
    pairs = [(Activation, "derivative"), (Activation, "jacobian"), (MSE, "gradient")]
    for base, derivative in pairs:
        own = {"__call__": lambda self, *arrays: 0.0, derivative: lambda self, *arrays: 0.0}
        assert isinstance(type("Mine", (base,), own)(), base)


def test_float32_is_kept_whatever_a_part_gives():
    class Double(Activation):
        def __call__(self, z):
            return np.tanh(z.astype(np.float64))

        def derivative(self, z):
            return 1 - np.tanh(z.astype(np.float64)) ** 2

    class DoubleMSE(MSE):
        def gradient(self, y, y_hat):
            return super().gradient(y, y_hat).astype(np.float64)

    network = NeuralNetwork([3, 4, 3], [Double(), Double()], DoubleMSE(), dtype="float32", seed=1)
    list(network.train(X, Y, "adam", epochs=2))
    assert network.feedforward(X).dtype == network.backpropagate(X, Y).dtype == np.float32


class Flat(Activation):
    def __call__(self, z):
        return z.sum(axis=1)

    def derivative(self, z):
        return np.ones_like(z)


class NoSlope(Activation):
    def __call__(self, z):
        return z

    def derivative(self, z):
        return np.ones(2)


class Short(MSE):
    def gradient(self, y, y_hat):
        return (y_hat - y).mean(axis=1)


WRONG = [
    (["tanh", Flat()], "mse", r"Flat\(\)\(z\) must have shape \(6, 3\), got \(6,\)"),
    ([Flat(), "linear"], "mse", r"Flat\(\)\(z\) must have shape \(6, 4\), got \(6,\)"),
    ([NoSlope(), "linear"], "mse", r"NoSlope\(\)\.derivative\(z\) must .*\(6, 4\), got \(2,\)"),
    (["tanh", "linear"], Short(), r"Short\(\)\.gradient must have shape \(6, 3\), got \(6,\)"),
]


@pytest.mark.parametrize(("activations", "cost", "message"), WRONG)
def test_a_part_that_gives_another_shape_is_named(activations, cost, message):
    network = NeuralNetwork([3, 4, 3], activations, cost, seed=1)
    with pytest.raises(ValueError, match=message):
        network.backpropagate(X, Y)


def test_the_gradient_of_a_cost_is_asked_for_only_where_it_is_needed():
    calls = []

    class Watched(MSE):
        def gradient(self, y, y_hat):
            calls.append(len(y))
            return super().gradient(y, y_hat)

    network = NeuralNetwork([3, 3], ["linear"], Watched(), seed=0)
    list(network.train(X, Y, "sgd", epochs=2, batch_size=4, validation=(X[:5], Y[:5])))
    network.total_cost(X, Y)
    assert calls == [4, 2, 4, 2]


def test_the_readme_s_parts_have_exact_gradients(readme):
    network = NeuralNetwork([3, 4, 3], [readme["Swish"](), "linear"], readme["Huber"](), seed=1)
    # no error is near the corner of its derivative
    assert np.abs(np.abs(network.feedforward(X) - Y) - 1).min() > 1e-3
    oracle = central_differences(network, X, Y)
    assert relative_error(network.backpropagate(X, Y), oracle) < 1e-7
    assert issubclass(readme["Swish"], Activation)
    assert issubclass(readme["Huber"], Cost)
    assert issubclass(readme["Nesterov"], Optimizer)


def test_the_readme_s_optimizer_takes_the_steps_of_its_paper(readme):
    """Sutskever et al. 2013, equations 3 and 4, in the variables theta + mu v."""
    rng = np.random.default_rng(0)
    x, gradients = rng.normal(size=5), rng.normal(size=(30, 5))
    optimizer, moved = readme["Nesterov"](0.1, momentum=0.8), x.copy()
    v, ahead = np.zeros(5), x.copy()  # `ahead` is where the gradient is taken
    for g in gradients:
        optimizer.update(moved, g)
        theta = ahead - 0.8 * v
        v = 0.8 * v - 0.1 * g
        theta = theta + v
        ahead = theta + 0.8 * v
        np.testing.assert_allclose(moved, ahead, rtol=1e-10)


def test_the_readme_s_parts_work_in_the_estimators(readme):
    model = NeuralNetworkRegressor(
        (8,), activation=readme["Swish"](), optimizer=readme["Nesterov"](), epochs=5, random_state=0
    )
    grid = {"optimizer__momentum": [0.0, 0.5, 0.95]}
    search = GridSearchCV(model, grid, cv=2).fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) == 3
    assert repr(clone(model).optimizer) == "Nesterov(learning_rate=0.01, momentum=0.9)"
    assert model.optimizer.step == 0


def test_a_subclass_of_an_optimizer_moves_as_it_was_written():
    class Backwards(Adam):
        def move(self, parameters, gradient, rate):
            super().move(parameters, -gradient, rate)

    x, y = np.zeros(3), np.zeros(3)
    Adam(0.1).update(x, np.ones(3))
    Backwards(0.1).update(y, np.ones(3))
    np.testing.assert_array_equal(x, -y)


PARTS = [
    *(kind() for kind in nnlib.ACTIVATIONS.values()),
    *(kind() for kind in nnlib.COSTS.values()),
    *(kind() for kind in nnlib.OPTIMIZERS.values()),
    nnlib.LeakyReLU(0.2),
    nnlib.ELU(0.3),
    nnlib.SGD(0.2, 0.3),
    nnlib.RMSProp(0.2, 0.3, 0.4),
    nnlib.Adam(0.2, 0.3, 0.4, 0.5),
    NeuralNetwork([2, 3, 1], ["tanh", "linear"]),
    NeuralNetwork(
        [2, 3, 4], [nnlib.ELU(0.3), "softmax"], "cross_entropy", 0.1, 0.2, "he", "float32",
        input_scale=0.5,
    ),
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_a_repr_can_be_typed_back(part):
    again = eval(repr(part), vars(nnlib).copy())
    assert type(again) is type(part)
    assert repr(again) == repr(part)
    for name, value in vars(part).items():
        if name not in ("rng", "_parameters"):
            assert repr(getattr(again, name)) == repr(value)


def test_parameters_of_a_part_are_set_with_their_checks_and_from_the_beginning():
    optimizer = Adam(0.1, beta1=0.5)
    optimizer.update(np.ones(3), np.ones(3))
    assert optimizer.set_params(beta2=0.25) is optimizer
    assert optimizer.get_params() == {
        "learning_rate": 0.1, "beta1": 0.5, "beta2": 0.25, "epsilon": 1e-8,
    }  # fmt: skip
    assert optimizer.step == 0
    with pytest.raises(ValueError, match="beta1 must be a number"):
        optimizer.set_params(beta1=2)


@pytest.mark.parametrize("momentum", [0, np.float64(0.5), np.float32(0.5)])
def test_a_part_can_be_cloned_with_any_kind_of_number(momentum):
    part = nnlib.SGD(momentum=momentum)
    assert part.momentum is momentum
    twin = clone(part)  # for which some versions of NumPy copy a number, some do not
    assert (type(twin.momentum), twin.momentum) == (type(momentum), momentum)
