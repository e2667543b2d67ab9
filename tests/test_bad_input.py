"""Bad input is refused before any work, by an error that says what was wrong."""

import re

import numpy as np
import pytest
import scipy.sparse

from nnlib import (
    ELU,
    SGD,
    Adam,
    LeakyReLU,
    NeuralNetwork,
    NeuralNetworkClassifier,
    NeuralNetworkRegressor,
    RMSProp,
)

X = np.linspace(0, 1, 8).reshape(4, 2)
Y = np.linspace(0, 1, 4).reshape(4, 1)
NAN, INF = X.copy(), X.copy()
NAN[1, 1], INF[1, 1] = np.nan, np.inf

NETWORKS = [
    ({"layer_sizes": [2]}, "layer_sizes must be two or more widths", "got [2]"),
    ({"layer_sizes": []}, "layer_sizes must be two or more widths", "got []"),
    ({"layer_sizes": 3}, "layer_sizes must be two or more widths", "got 3"),
    ({"layer_sizes": [2, 0, 1]}, "each an int >= 1", "got [2, 0, 1]"),
    ({"layer_sizes": [2, -3, 1]}, "each an int >= 1", "got [2, -3, 1]"),
    ({"layer_sizes": [2, 2.5, 1]}, "each an int >= 1", "got [2, 2.5, 1]"),
    ({"layer_sizes": [2, "3", 1]}, "each an int >= 1", "got [2, '3', 1]"),
    ({"layer_sizes": [[2], [3, 1]]}, "layer_sizes must be", "got [[2], [3, 1]]"),
    ({"activations": "tanh"}, "activations must be a list of 2", "got 'tanh'"),
    ({"activations": ["tanh"]}, "activations must be a list of 2", "got ['tanh']"),
    ({"activations": ["tanh", "gelu"]}, "unknown activation 'gelu'", "'leaky_relu'"),
    ({"activations": ["tanh", 1]}, "activation must be a name or an instance", "got 1"),
    ({"activations": [ELU, "tanh"]}, "activation must be a name or an instance", "ELU"),
    ({"cost": "mae"}, "unknown cost 'mae'", "'mse'"),
    ({"cost": None}, "cost must be a name or an instance", "got None"),
    ({"init": "xavier"}, "unknown init 'xavier'", "'glorot'"),
    ({"init": ["he"]}, "init", "['he']"),
    ({"l1": -0.1}, "l1 must be a number >= 0", "got -0.1"),
    ({"l2": -1}, "l2 must be a number >= 0", "got -1"),
    ({"l2": np.nan}, "l2 must be a number >= 0", "got nan"),
    ({"l1": np.inf}, "l1 must be a number >= 0", "got inf"),
    ({"l1": "0.1"}, "l1 must be a number >= 0", "got '0.1'"),
    ({"input_scale": 0}, "input_scale must be a number > 0", "got 0"),
    ({"input_scale": "1"}, "input_scale must be a number > 0", "got '1'"),
    ({"dtype": int}, "dtype must be float32 or float64", "int"),
    ({"dtype": np.float16}, "dtype must be float32 or float64", "float16"),
    ({"dtype": "float31"}, "dtype must be float32 or float64", "'float31'"),
]


@pytest.mark.parametrize(("arguments", "wrong", "detail"), NETWORKS)
def test_network_refuses(arguments, wrong, detail):
    good = {"layer_sizes": [2, 3, 1], "activations": ["tanh", "linear"]}
    with pytest.raises(ValueError, match=f"{re.escape(wrong)}.*{re.escape(detail)}"):
        NeuralNetwork(**good | arguments)


PARTS = [
    (lambda: LeakyReLU(-0.1), "alpha must be a number >= 0 and < 1, got -0.1"),
    (lambda: LeakyReLU(1), "alpha must be a number >= 0 and < 1, got 1"),
    (lambda: ELU(-1), "alpha must be a number >= 0 and < inf, got -1"),
    (lambda: SGD(0), "learning_rate must be a number > 0 and < inf, got 0"),
    (lambda: SGD(-0.1), "learning_rate must be a number > 0 and < inf, got -0.1"),
    (lambda: RMSProp(np.nan), "learning_rate must be a number > 0 and < inf, got nan"),
    (lambda: Adam("0.1"), "learning_rate must be a number > 0 and < inf, got '0.1'"),
    (lambda: SGD(momentum=1), "momentum must be a number >= 0 and < 1, got 1"),
    (lambda: RMSProp(rho=-0.1), "rho must be a number >= 0 and < 1, got -0.1"),
    (lambda: RMSProp(epsilon=0), "epsilon must be a number > 0 and < inf, got 0"),
    (lambda: Adam(beta1=1.0), "beta1 must be a number >= 0 and < 1, got 1.0"),
    (lambda: Adam(beta2=2), "beta2 must be a number >= 0 and < 1, got 2"),
    (lambda: Adam(epsilon=-1e-8), "epsilon must be a number > 0 and < inf, got -1e-08"),
]


@pytest.mark.parametrize(("make", "message"), PARTS)
def test_activations_and_optimizers_refuse(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


INPUTS = [
    (X[0], "X must have shape (n, 2) with n >= 1, got (2,)"),
    (X[:, :1], "X must have shape (n, 2) with n >= 1, got (4, 1)"),
    (X[None], "X must have shape (n, 2) with n >= 1, got (1, 4, 2)"),
    (np.empty((0, 2)), "X must have shape (n, 2) with n >= 1, got (0, 2)"),
    (NAN, "X holds NaN, infinity or numbers beyond float64"),
    (INF, "X holds NaN, infinity or numbers beyond float64"),
    (-INF, "X holds NaN, infinity or numbers beyond float64"),
    (X + 1j, "X must be real numbers, got dtype complex128"),
    (X.astype(str), "X must be real numbers, got dtype <U"),
    (X.astype(object), "X must be real numbers, got dtype object"),
    ([[1, 2], [3]], "X must be an array"),
    (scipy.sparse.csr_array(X), "X is sparse: use X.toarray()"),
]
TARGETS = [
    (Y.ravel(), "Y must have shape (n, 1) with n >= 1, got (4,)"),
    (X, "Y must have shape (n, 1) with n >= 1, got (4, 2)"),
    (Y[:3], "X has 4 samples, but Y has 3"),
    (NAN[:, 1:], "Y holds NaN, infinity or numbers beyond float64"),
    (INF[:, 1:], "Y holds NaN, infinity or numbers beyond float64"),
    ([["a"]] * 4, "Y must be real numbers, got dtype <U1"),
    (np.empty((0, 1)), "Y must have shape (n, 1) with n >= 1, got (0, 1)"),
]
PAIRS = [((x, Y), message) for x, message in INPUTS] + [((X, y), message) for y, message in TARGETS]


@pytest.fixture
def network():
    """A network, which the test must leave as it was."""
    network = NeuralNetwork([2, 3, 1], ["tanh", "linear"], seed=0)
    before = network.parameters.copy(), network.rng.bit_generator.state
    yield network
    np.testing.assert_array_equal(network.parameters, before[0])
    assert network.rng.bit_generator.state == before[1]


@pytest.mark.parametrize(("data", "message"), INPUTS)
def test_feedforward_refuses(network, data, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        network.feedforward(data)


@pytest.mark.parametrize(("pair", "message"), PAIRS)
def test_cost_gradient_and_training_refuse(network, pair, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        network.total_cost(*pair)
    with pytest.raises(ValueError, match=re.escape(message)):
        network.backpropagate(*pair)
    with pytest.raises(ValueError, match=re.escape(message)):
        network.train(*pair, "sgd", epochs=1)


@pytest.mark.parametrize("pair", [pair for pair, _ in PAIRS])
def test_validation_data_is_refused_by_name(network, pair):
    with pytest.raises(ValueError, match="validation"):
        network.train(X, Y, "sgd", epochs=1, validation=pair)


@pytest.mark.parametrize("validation", [5, X, (X,), (X, Y, Y, Y)], ids=["5", "X", "X,", "XYYY"])
def test_validation_must_be_a_pair(network, validation):
    with pytest.raises(ValueError, match=r"validation data must be a pair \(X, Y\)"):
        network.train(X, Y, "sgd", epochs=1, validation=validation)


ARGUMENTS = [
    ({"optimizer": "lion"}, "unknown optimizer 'lion': expected one of ['adam', 'rmsprop', 'sgd']"),
    ({"optimizer": SGD}, "optimizer must be a name or an instance, got <class"),
    ({"epochs": 0}, "epochs must be an int > 0 and < inf, got 0"),
    ({"epochs": 2.5}, "epochs must be an int > 0 and < inf, got 2.5"),
    ({"epochs": "3"}, "epochs must be an int > 0 and < inf, got '3'"),
    ({"batch_size": 0}, "batch_size must be an int > 0 and < inf, got 0"),
    ({"batch_size": -1}, "batch_size must be an int > 0 and < inf, got -1"),
    ({"batch_size": 1.5}, "batch_size must be an int > 0 and < inf, got 1.5"),
]


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_training_refuses_before_the_first_step(network, arguments, message):
    good = {"optimizer": "sgd", "epochs": 1}
    with pytest.raises(ValueError, match=re.escape(message)):
        network.train(X, Y, **good | arguments)


@pytest.mark.parametrize("cost", ["binary_cross_entropy", "cross_entropy"])
@pytest.mark.parametrize("offset", [-0.5, 0.5])
def test_cross_entropies_refuse_targets_outside_0_and_1(cost, offset):
    network = NeuralNetwork([2, 1], ["sigmoid"], cost, seed=0)
    with pytest.raises(ValueError, match=r"targets of .*CrossEntropy\(\) must be in \[0, 1\], got"):
        network.total_cost(X, Y + offset)
    with pytest.raises(ValueError, match=r"targets of .*CrossEntropy\(\) must be in \[0, 1\], got"):
        network.train(X, Y + offset, "sgd", epochs=1)


def test_data_beyond_float32_is_refused_by_a_float32_network():
    network = NeuralNetwork([2, 1], ["linear"], dtype=np.float32, seed=0)
    with pytest.raises(ValueError, match="X holds NaN, infinity or numbers beyond float32"):
        network.feedforward(1e300 * X)
    with pytest.raises(ValueError, match="Y holds NaN, infinity or numbers beyond float32"):
        network.train(X, 1e300 * Y, "sgd", epochs=1)


@pytest.mark.parametrize("kind", [SGD, RMSProp, Adam])
def test_an_optimizer_refuses_a_second_network(kind):
    optimizer = kind()
    optimizer.update(np.ones(3), np.ones(3))
    x = np.ones(4)
    with pytest.raises(ValueError, match=r"expected .*\(3,\).*got .*\(4,\).*use a new optimizer"):
        optimizer.update(x, np.ones(4))
    with pytest.raises(ValueError, match=r"expected .*float64.*got .*float32"):
        optimizer.update(np.ones(3, np.float32), np.ones(3, np.float32))
    np.testing.assert_array_equal(x, np.ones(4))


@pytest.mark.parametrize("shape", [(1,), (2,), (3, 1)])
@pytest.mark.parametrize("kind", [SGD, RMSProp, Adam])
def test_an_optimizer_refuses_a_gradient_of_another_shape(kind, shape):
    x = np.ones(3)
    with pytest.raises(ValueError, match="gradient"):
        kind().update(x, np.ones(shape))
    np.testing.assert_array_equal(x, np.ones(3))


@pytest.mark.parametrize("rate", [-1, np.nan, np.inf])
def test_a_schedule_that_gives_no_learning_rate_is_refused_at_its_step(rate):
    x = np.ones(3)
    optimizer = SGD(lambda step: rate if step == 1 else 0.5)
    optimizer.update(x, np.ones(3))
    with pytest.raises(ValueError, match=r"learning_rate at step 1 must be a number >= 0"):
        optimizer.update(x, np.ones(3))
    np.testing.assert_array_equal(x, np.full(3, 0.5))


ESTIMATORS = [
    ({"hidden_layer_sizes": (0,)}, "each an int >= 1"),
    ({"hidden_layer_sizes": (2.5,)}, "each an int >= 1"),
    ({"activation": "gelu"}, "unknown activation 'gelu'"),
    ({"optimizer": "lion"}, "unknown optimizer 'lion'"),
    ({"learning_rate": -1}, "learning_rate must be a number > 0"),
    ({"epochs": 0}, "epochs must be an int > 0 and < inf"),
    ({"batch_size": 0}, "batch_size must be an int > 0 and < inf"),
    ({"l1": -1}, "l1 must be a number >= 0"),
    ({"l2": -1}, "l2 must be a number >= 0"),
    ({"init": "xavier"}, "unknown init 'xavier'"),
    ({"early_stopping": True, "validation_fraction": 1.5}, "validation_fraction must be a number"),
    ({"early_stopping": True, "validation_fraction": 1}, "validation_fraction must be a number"),
    ({"early_stopping": True, "validation_fraction": 0}, "fraction must be a number > 0 and < 1"),
    ({"early_stopping": True, "validation_fraction": None}, "validation_fraction must be a number"),
    ({"hidden_layer_sizes": (), "activation": "gelu"}, "unknown activation 'gelu'"),
    ({"early_stopping": True, "patience": -1}, "patience must be an int > 0 and < inf, got -1"),
    ({"early_stopping": True, "patience": "10"}, "patience must be an int > 0 and < inf, got '10'"),
    ({"tol": -1e-4}, "tol must be a number >= 0 and < inf, got -0.0001"),
    ({"batch_size": "all"}, "batch_size must be an int > 0 and < inf, got 'all'"),
    ({"random_state": np.random.default_rng(0)}, "cannot be used to seed"),
]


@pytest.mark.parametrize("kind", [NeuralNetworkRegressor, NeuralNetworkClassifier])
@pytest.mark.parametrize(("arguments", "message"), ESTIMATORS)
def test_estimators_refuse(kind, arguments, message):
    features, labels = np.repeat(X, 5, axis=0), np.repeat([0, 0, 1, 1], 5)
    with pytest.raises(ValueError, match=message):
        kind(**arguments).fit(features, labels)


def test_partial_fit_refuses_labels_that_it_never_saw():
    classifier = NeuralNetworkClassifier().partial_fit(X, [0, 1, 1, 0], classes=[0, 1])
    before = classifier.network_.parameters.copy()
    with pytest.raises(ValueError, match=r"labels \[2, 7\], not among the classes \[0, 1\]"):
        classifier.partial_fit(X, [0, 1, 2, 7])
    with pytest.raises(ValueError, match=r"labels \['0', '1'\], not among the classes \[0, 1\]"):
        classifier.partial_fit(X, ["0", "1", "1", "0"])
    np.testing.assert_array_equal(classifier.network_.parameters, before)


def test_partial_fit_refuses_other_classes_than_before():
    classifier = NeuralNetworkClassifier().partial_fit(X, [0, 1, 1, 0], classes=[0, 1])
    classifier.partial_fit(X, [0, 1, 1, 0], classes=[1, 0])
    with pytest.raises(ValueError, match="classes"):
        classifier.partial_fit(X, [0, 1, 1, 0], classes=[0, 1, 2])


def test_the_first_partial_fit_needs_the_classes():
    with pytest.raises(ValueError, match=r"^a first call needs classes"):
        NeuralNetworkClassifier().partial_fit(X, [0, 1, 1, 0])
    with pytest.raises(ValueError, match=r"labels \[1\], not among the classes \[0, 2\]"):
        NeuralNetworkClassifier().partial_fit(X, [0, 1, 1, 0], classes=[0, 2])


def test_partial_fit_refuses_another_number_of_features_or_outputs():
    regressor = NeuralNetworkRegressor().partial_fit(X, Y)
    with pytest.raises(ValueError, match=r"X has 1 features, but .* is expecting 2 features"):
        regressor.partial_fit(X[:, :1], Y)
    with pytest.raises(ValueError, match=r"Y must have shape \(n, 1\)"):
        regressor.partial_fit(X, X)
