"""A fit that fails leaves the estimator as it was: unfitted, or with its older fit, whole."""

import copy

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from nnlib import SGD, NeuralNetworkClassifier, NeuralNetworkRegressor, Tanh

ESTIMATORS = [NeuralNetworkRegressor, NeuralNetworkClassifier]
X = np.random.default_rng(0).normal(size=(30, 3))
LABELS = np.arange(30) % 2
SMALL = {"hidden_layer_sizes": (4,), "epochs": 3, "random_state": 0}


def raising_at(step, error):
    def rate(now):
        if now == step:
            raise error("now")
        return 0.01

    return rate


class Broken(Tanh):
    def __call__(self, z):
        raise RuntimeError("broken")

    def derivative(self, z):
        return z


FAILURES = {
    "learning rate": ({"learning_rate": -1}, ValueError),
    "l1": ({"l1": -1}, ValueError),
    "optimizer": ({"optimizer": "lion"}, ValueError),
    "activation": ({"activation": "gelu"}, ValueError),
    "hidden layers": ({"hidden_layer_sizes": (0,)}, ValueError),
    "epochs": ({"epochs": 0}, ValueError),
    "batch size": ({"batch_size": -3}, ValueError),
    "random state": ({"random_state": "x"}, ValueError),
    "patience": ({"patience": 0}, ValueError),
    "tol": ({"tol": -1}, ValueError),
    "validation fraction": ({"early_stopping": True, "validation_fraction": 2.0}, ValueError),
    "a schedule in the third epoch": ({"learning_rate": raising_at(2, OSError)}, OSError),
    "divergence": ({"optimizer": SGD(1e200), "epochs": 50}, FloatingPointError),
    "a part of one's own": ({"activation": Broken()}, RuntimeError),
}


def everything(model):
    """What an estimator knows and answers, to be compared."""
    state = {k: v for k, v in vars(model).items() if k not in model.get_params(deep=False)}
    network = state.get("network_")
    answers = model.predict(X[:, :3]).tolist() if network else None
    inside = (network, network.parameters.tobytes(), network.rng.bit_generator.state) if network \
        else ()  # fmt: skip
    optimizer = state.get("_optimizer")
    return state, answers, inside, str(vars(optimizer)) if optimizer else None


def unchanged(model, before):
    state, *rest = everything(model)
    assert state.keys() == before[0].keys()
    for name, value in state.items():
        assert repr(value) == repr(before[0][name])
    assert rest == list(before[1:])


@pytest.mark.parametrize(("arguments", "error"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_unfitted_estimator_stays_unfitted(kind, arguments, error):
    for method in ("fit", "partial_fit"):
        model = kind(**SMALL | arguments)
        before = vars(model).copy()
        classes = {} if kind is NeuralNetworkRegressor or method == "fit" else {"classes": [0, 1]}
        try:
            getattr(model, method)(X, LABELS, **classes)
        except error:
            assert vars(model) == before
            with pytest.raises(NotFittedError):
                model.predict(X)
        else:  # some of it is not partial_fit's: it has one epoch, and splits nothing
            assert method == "partial_fit"
            check_is_fitted(model)
            assert set(arguments) <= {"epochs", "learning_rate", "optimizer"}


@pytest.mark.parametrize(("arguments", "error"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_older_fit_stays_whole(kind, arguments, error):
    model = kind(**SMALL).fit(X, LABELS)
    before = everything(copy.deepcopy(model))
    history = model.history_
    model.set_params(**arguments)
    with pytest.raises(error):
        model.fit(X, LABELS)
    before = (before[0], before[1], (model.network_, *before[2][1:]), before[3])
    unchanged(model, before)
    assert model.history_ is history


def test_a_refit_that_fails_keeps_the_classes_that_fit_the_network():
    model = NeuralNetworkClassifier(**SMALL).fit(X, LABELS)
    with pytest.raises(ValueError, match="l2"):
        model.set_params(l2=-1).fit(X[:, :2], np.arange(30) % 3)
    assert model.classes_.tolist() == [0, 1]
    assert model.n_features_in_ == 3
    assert model.predict_proba(X).shape == (30, 2)


def test_a_refit_that_fails_keeps_the_shape_of_the_answers():
    model = NeuralNetworkRegressor(**SMALL).fit(X, LABELS)
    with pytest.raises(ValueError, match="l2"):
        model.set_params(l2=-1).fit(X, np.c_[LABELS, LABELS])
    assert model.predict(X).shape == (30,)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_partial_fit_that_fails_half_way_undoes_its_steps(kind):
    model = kind(**SMALL | {"learning_rate": raising_at(14, OSError), "batch_size": 3})
    classes = {"classes": [0, 1]} if kind is NeuralNetworkClassifier else {}
    model.partial_fit(X, LABELS, **classes)  # ten steps
    before = everything(copy.deepcopy(model))
    network, history = model.network_, model.history_
    with pytest.raises(OSError, match="now"):  # in the fifth step of the second epoch
        model.partial_fit(X, LABELS)
    assert model.network_ is network
    assert model.history_ is history
    unchanged(model, (before[0], before[1], (network, *before[2][1:]), before[3]))


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_partial_fit_that_is_interrupted_keeps_its_steps(kind):
    model = kind(**SMALL | {"learning_rate": raising_at(14, KeyboardInterrupt), "batch_size": 3})
    classes = {"classes": [0, 1]} if kind is NeuralNetworkClassifier else {}
    model.partial_fit(X, LABELS, **classes)
    before = model.network_.parameters.copy()
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, LABELS)
    assert model._optimizer.step == 14
    assert (model.network_.parameters != before).any()


def test_partial_fit_leaves_an_older_copy_of_its_network_alone():
    model = NeuralNetworkRegressor(**SMALL).fit(X, LABELS)
    older, parameters = copy.copy(model), model.network_.parameters.copy()
    model.partial_fit(X, LABELS)
    assert len(older.history_) == 3
    np.testing.assert_array_equal(older.network_.parameters, parameters)


@pytest.mark.parametrize("name", ["weights", "biases"])
def test_assignment_to_a_layer_copies_in(name):
    network = NeuralNetworkRegressor(**SMALL).fit(X, LABELS).network_
    other = [3 * array for array in getattr(network, name)]
    for layer, values in enumerate(other):
        getattr(network, name)[layer] = values
        np.testing.assert_array_equal(getattr(network, name)[layer], values)
    vectors = [array.ravel() for pair in zip(network.weights, network.biases) for array in pair]
    np.testing.assert_array_equal(network.parameters, np.concatenate(vectors))
    before = network.parameters.copy()
    with pytest.raises(ValueError, match=r"layer 0 must have shape \(.*4.*\), got \(2,\)"):
        getattr(network, name)[0] = np.ones(2)
    with pytest.raises(AttributeError, match="no setter"):
        setattr(network, name, other)
    np.testing.assert_array_equal(network.parameters, before)


def test_arithmetic_in_place_works_on_layers_and_parameters():
    network = NeuralNetworkRegressor(**SMALL).fit(X, LABELS).network_
    expected = network.parameters.copy()
    network.weights[0] *= 2
    expected[:12] *= 2
    network.biases[1] -= 1
    expected[-1] -= 1
    network.parameters -= 0.5
    np.testing.assert_array_equal(network.parameters, expected - 0.5)


def test_assignment_to_the_parameters_copies_in():
    network = NeuralNetworkRegressor(**SMALL).fit(X, LABELS).network_
    vector, views = network.parameters, network.weights
    best = 2 * vector
    network.parameters = best
    assert network.parameters is vector
    np.testing.assert_array_equal(views[0].ravel(), best[:12])
    best[:] = 0
    assert network.parameters.any()
    network.parameters = network.parameters.tolist()
    for wrong in (np.ones(3), 1.0, best[:, None]):
        with pytest.raises(ValueError, match=r"parameters must have shape \(21,\), got \("):
            network.parameters = wrong


def test_training_goes_on_from_what_was_assigned():
    start = np.linspace(-1, 1, 21)
    by_hand = NeuralNetworkRegressor(**SMALL).fit(X, LABELS).network_
    training = by_hand.train(X, LABELS[:, None], SGD(0.1), epochs=2, shuffle=False)
    next(training)
    by_hand.parameters = start
    next(training)
    expected = NeuralNetworkRegressor(**SMALL).fit(X, LABELS).network_
    expected.parameters = start
    expected.parameters -= 0.1 * expected.backpropagate(X, LABELS[:, None])
    np.testing.assert_array_equal(by_hand.parameters, expected.parameters)
