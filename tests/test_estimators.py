"""The scikit-learn estimators: their checks, their company, and what they learn."""

import inspect
import re
import warnings

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import nnlib
from nnlib import (
    SGD,
    Adam,
    LeakyReLU,
    NeuralNetwork,
    NeuralNetworkClassifier,
    NeuralNetworkRegressor,
    ReLU,
    RMSProp,
)

ESTIMATORS = [NeuralNetworkRegressor, NeuralNetworkClassifier]
CONVEX = {  # no hidden layer, and the whole data at each step: the optimum is unique
    "hidden_layer_sizes": (),
    "optimizer": SGD(0.2, momentum=0.9),
    "epochs": 2000,
    "batch_size": None,
    "tol": None,
    "random_state": 0,
}


def data_for(kind, n=60, **arguments):
    if kind is NeuralNetworkRegressor:
        X, y = make_regression(n, 4, noise=1, random_state=0, **arguments)
        return X, y / np.std(y)
    return make_classification(n, 4, class_sep=2, flip_y=0, random_state=0, **arguments)


@parametrize_with_checks([NeuralNetworkRegressor(), NeuralNetworkClassifier()])
def test_scikit_learn_check(estimator, check, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it the array API's check is skipped
    check(estimator)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_pipeline_learns_unscaled_data(kind):
    X, y = data_for(kind)
    model = make_pipeline(StandardScaler(), kind(learning_rate=0.01, random_state=0))
    assert model.fit(100 + 1000 * X, y).score(100 + 1000 * X, y) > 0.95


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_grid_search_in_two_processes(kind):
    X, y = data_for(kind)
    model = kind(hidden_layer_sizes=(8,), epochs=20, random_state=0)
    grid = {"learning_rate": [1e-6, 0.02], "activation": ["tanh", "relu"]}
    search = GridSearchCV(model, grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_params_["learning_rate"] == 0.02
    alone = GridSearchCV(model, grid, cv=2).fit(X, y)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"], rtol=1e-6
    )


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_cross_validation_with_instances_as_arguments(kind):
    X, y = data_for(kind)
    model = kind(activation=ReLU(), optimizer=Adam(0.02), epochs=50, random_state=0)
    assert (cross_val_score(model, X, y, cv=3) > 0.7).all()
    assert model.optimizer.step == 0


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_clone_is_unfitted_and_learns_the_same(kind):
    X, y = data_for(kind)
    model = kind((5, 4), activation="tanh", optimizer=Adam(0.01), epochs=3, random_state=0)
    twin = clone(model.fit(X, y))
    assert not hasattr(twin, "network_")
    np.testing.assert_array_equal(twin.fit(X, y).predict(X), model.predict(X))
    assert [r.cost for r in twin.history_] == [r.cost for r in model.history_]


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_joblib_round_trip_goes_on_training_as_the_original(kind, tmp_path):
    X, y = data_for(kind)
    model = kind(epochs=3, random_state=0).fit(X, y)
    joblib.dump(model, tmp_path / "model")
    twin = joblib.load(tmp_path / "model")
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    model.partial_fit(X, y)
    twin.partial_fit(X, y)
    np.testing.assert_array_equal(twin.network_.parameters, model.network_.parameters)
    assert [r.cost for r in twin.history_] == [r.cost for r in model.history_]


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_random_state_fixes_everything(kind):
    X, y = data_for(kind)

    def parameters(random_state):
        model = kind(epochs=2, batch_size=7, random_state=random_state, early_stopping=True)
        return model.fit(X, y).network_.parameters.tobytes()

    assert parameters(0) == parameters(0) == parameters(np.random.RandomState(0))
    assert parameters(0) != parameters(1)
    state = np.random.RandomState(0)
    assert parameters(state) != parameters(state)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_the_second_fit_begins_anew(kind):
    X, y = data_for(kind)
    model = kind(epochs=2, random_state=0, optimizer=Adam(0.01)).fit(X, y)
    first = model.network_.parameters.copy()
    np.testing.assert_array_equal(model.fit(X, y).network_.parameters, first)
    assert len(model.history_) == 2


@pytest.mark.parametrize(("given", "used"), [("f4", "f4"), ("f8", "f8"), ("i4", "f8"), ("?", "f8")])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_the_dtype_is_that_of_x(kind, given, used):
    X, y = data_for(kind)
    X = np.round(X).astype(given)
    model = kind(epochs=2, random_state=0, early_stopping=True).fit(X, y)
    model.set_params(early_stopping=False).partial_fit(X, y)
    output = model.predict if kind is NeuralNetworkRegressor else model.predict_proba
    assert model.network_.parameters.dtype == output(X).dtype == np.dtype(used)


def test_regression_of_many_outputs():
    X, Y = data_for(NeuralNetworkRegressor, n_targets=3)
    model = NeuralNetworkRegressor(learning_rate=0.01, random_state=0).fit(X, Y)
    assert model.predict(X).shape == Y.shape
    assert model.score(X, Y) > 0.95


def test_labels_are_strings():
    X, y = data_for(NeuralNetworkClassifier, n_classes=3, n_informative=4, n_redundant=0)
    names = np.array(["cat", "dog", "ant"])
    by_name = NeuralNetworkClassifier(learning_rate=0.02, random_state=0).fit(X, names[y])
    assert by_name.classes_.tolist() == ["ant", "cat", "dog"]
    assert by_name.score(X, names[y]) > 0.95
    assert set(by_name.predict(X)) <= set(names)
    # the columns of predict_proba are in the order of classes_
    winners = by_name.classes_[by_name.predict_proba(X).argmax(axis=1)]
    np.testing.assert_array_equal(by_name.predict(X), winners)


def test_probabilities_are_a_row_for_each_sample():
    X, y = data_for(NeuralNetworkClassifier)
    p = NeuralNetworkClassifier(epochs=2, random_state=0).fit(X, y).predict_proba(X)
    assert p.shape == (60, 2)
    assert p.min() >= 0
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)


def test_partial_fit_over_batches_that_lack_a_class():
    X, y = data_for(NeuralNetworkClassifier, n_classes=3, n_informative=4, n_redundant=0)
    order = np.argsort(y)
    X, y = X[order], y[order]  # each of the three batches below has one class or two
    model = NeuralNetworkClassifier(learning_rate=0.01, random_state=0)
    for _ in range(200):
        for batch in (slice(0, 20), slice(20, 40), slice(40, 60)):
            model.partial_fit(X[batch], y[batch], classes=[2, 0, 1])
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.score(X, y) > 0.95
    assert [r.epoch for r in model.history_] == list(range(1, 601))


def test_partial_fit_of_the_whole_data_is_one_epoch_of_fit():
    X, y = data_for(NeuralNetworkRegressor)
    once = NeuralNetworkRegressor(epochs=1, random_state=0).fit(X, y)
    part = NeuralNetworkRegressor(epochs=99, random_state=0).partial_fit(X, y)
    np.testing.assert_array_equal(part.network_.parameters, once.network_.parameters)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_partial_fit_goes_on_after_fit(kind):
    X, y = data_for(kind)
    model = kind(epochs=3, batch_size=None, tol=None, random_state=0).fit(X, y)
    four = clone(model).set_params(epochs=4).fit(X, y)
    assert model.partial_fit(X, y) is model
    assert [r.epoch for r in model.history_] == [1, 2, 3, 4]
    # the order of the samples in the sums is another
    np.testing.assert_allclose(model.network_.parameters, four.network_.parameters, rtol=1e-9)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_early_stopping_keeps_the_parameters_of_the_best_epoch(kind):
    X, y = data_for(kind)
    arguments = {
        "learning_rate": 0.1, "early_stopping": True, "patience": 4, "tol": 0, "random_state": 0,
    }  # fmt: skip
    model = kind(**arguments).fit(X, y)
    costs = [r.validation_cost for r in model.history_]
    best = np.argmin(costs) + 1
    assert len(costs) == best + 4 < 200
    until_best = kind(**arguments, epochs=best).fit(X, y)
    np.testing.assert_array_equal(model.network_.parameters, until_best.network_.parameters)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_early_stopping_holds_out_the_fraction_asked_for(kind):
    X, y = data_for(kind)
    model = kind(epochs=1, batch_size=1, early_stopping=True, validation_fraction=0.25)
    assert model.fit(X, y)._optimizer.step == 45


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_without_early_stopping_all_data_and_all_epochs_are_used(kind):
    X, y = data_for(kind)
    model = kind(epochs=3, batch_size=7, random_state=0).fit(X, y)
    assert len(model.history_) == 3
    assert model._optimizer.step == 3 * 9
    assert {r.validation_cost for r in model.history_} == {None}


def interrupted_at(step):
    """A learning rate, during which the user presses the stop button."""

    def rate(now):
        if now == step:
            raise KeyboardInterrupt
        return 0.01

    return rate


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_interrupted_fit_leaves_its_network_and_its_history(kind, early_stopping):
    X, y = data_for(kind)
    model = kind(
        learning_rate=interrupted_at(17), batch_size=10, random_state=0,
        early_stopping=early_stopping, validation_fraction=0.1,
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):  # six steps an epoch
        model.fit(X, y)
    assert [r.epoch for r in model.history_] == [1, 2]
    assert model.predict(X).shape == y.shape
    assert np.isfinite(model.score(X, y))
    if early_stopping:
        whole = kind(
            learning_rate=0.01, batch_size=10, random_state=0,
            early_stopping=True, epochs=np.argmin([r.validation_cost for r in model.history_]) + 1,
        ).fit(X, y)  # fmt: skip
        np.testing.assert_array_equal(model.network_.parameters, whole.network_.parameters)


def test_a_diverging_fit_ends_with_an_error():
    X, y = data_for(NeuralNetworkRegressor)
    model = NeuralNetworkRegressor(optimizer="sgd", learning_rate=1e3, random_state=0)
    with pytest.raises(FloatingPointError, match=r"in epoch \d+, at learning rate 1000"):
        model.fit(X, y)


def test_verbose_prints_each_record(capsys):
    X, y = data_for(NeuralNetworkRegressor)
    model = NeuralNetworkRegressor(epochs=2, verbose=True).fit(X, y)
    assert capsys.readouterr().out.splitlines() == [str(r) for r in model.history_]
    NeuralNetworkRegressor(epochs=2).fit(X, y)
    assert capsys.readouterr().out == ""


def test_no_hidden_layer_is_linear_regression():
    X, Y = data_for(NeuralNetworkRegressor, n_targets=2)
    ours, theirs = NeuralNetworkRegressor(**CONVEX).fit(X, Y), LinearRegression().fit(X, Y)
    (W,), (b,) = ours.network_.weights, ours.network_.biases
    # 2000 steps leave nothing but rounding
    np.testing.assert_allclose(W, theirs.coef_.T, rtol=1e-9)
    np.testing.assert_allclose(b, theirs.intercept_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_no_hidden_layer_is_logistic_regression(n_classes):
    X, y = data_for(
        NeuralNetworkClassifier, n_classes=n_classes, n_informative=4, n_redundant=0
    )
    # theirs minimises C · the sum over samples of the cross-entropy + w² / 2. Of two classes they
    # have one weight vector, ours are two, w and -w at the optimum: half as long each.
    strength = 10.0
    l2 = 1 / (2 * strength * len(X)) * (2 if n_classes == 2 else 1)
    ours = NeuralNetworkClassifier(**CONVEX, l2=l2).fit(X, y)
    theirs = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10).fit(X, y)
    # their solver stops when the gradient is below 1e-10; the optimum is flat to about 1e-8
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-7)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_constant_feature_is_no_trouble(kind):
    X, y = data_for(kind)
    X[:, 1] = 5
    model = kind(learning_rate=0.01, random_state=0).fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    assert model.history_[-1].cost < model.history_[0].cost


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_single_sample_is_learnt(kind):
    model = kind(learning_rate=0.01, tol=None, random_state=0).fit([[1.0, 2.0]], [3])
    assert model.predict([[1.0, 2.0]]) == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_single_class_is_certain(early_stopping):
    X, _ = data_for(NeuralNetworkClassifier)
    model = NeuralNetworkClassifier(epochs=2, early_stopping=early_stopping)
    model.fit(X, np.full(len(X), "only"))
    assert model.predict_proba(X).tolist() == [[1.0]] * len(X)
    assert set(model.predict(X)) == {"only"}


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fit_is_the_training_that_its_arguments_say(kind, early_stopping):
    """With unequal arguments, none of them a default, against a network built by hand."""
    X, y = data_for(kind, n=50)
    arguments = {"l1": 0.001, "l2": 0.002, "init": "normal"}
    model = kind(
        (5, 3), activation="elu", optimizer="rmsprop", learning_rate=0.03, epochs=40, batch_size=9,
        early_stopping=early_stopping, validation_fraction=0.3, patience=2, tol=0.004,
        random_state=5, **arguments,
    ).fit(X, y)  # fmt: skip

    regression = kind is NeuralNetworkRegressor
    Y = y[:, None] if regression else np.eye(2)[y]
    seed = np.random.RandomState(5).randint(2**31 - 1)
    network = NeuralNetwork(
        [4, 5, 3, Y.shape[1]], ["elu", "elu", "linear" if regression else "softmax"],
        "mse" if regression else "cross_entropy", seed=seed, **arguments,
    )  # fmt: skip
    held_out = []
    if early_stopping:
        rows, held_out = train_test_split(
            np.arange(50), test_size=0.3, random_state=int(network.rng.integers(2**31)),
            stratify=None if regression else y,
        )  # fmt: skip
        X, Y, *validation = X[rows], Y[rows], X[held_out], Y[held_out]
    else:
        validation = None
    history, lowest, waited = [], np.inf, 0
    for record in network.train(X, Y, RMSProp(0.03), 40, 9, validation=validation):
        history.append(record)
        cost = record.validation_cost if early_stopping else record.cost
        waited = waited + 1 if cost > lowest - 0.004 else 0
        if cost < lowest:
            lowest, best = cost, network.parameters.copy()
        if waited == 2:
            break
    parameters = best if early_stopping else network.parameters
    assert 2 < len(history) < 40
    assert [r[:3] for r in model.history_] == [r[:3] for r in history]
    assert model.loss_curve_ == [r.cost for r in history]
    assert model.n_iter_ == len(history)
    assert model.network_.parameters.tobytes() == parameters.tobytes()
    assert model.network_.rng.bit_generator.state == network.rng.bit_generator.state


@pytest.mark.parametrize(("n", "steps"), [(31, 1), (33, 2), (400, 10), (9000, 48), (20_100, 101)])
def test_batches_are_2_sqrt_n_but_at_least_32_and_at_most_200(n, steps):
    model = NeuralNetworkRegressor((1,), epochs=1).fit(np.zeros((n, 1)), np.zeros(n))
    assert model._optimizer.step == steps


def test_batch_size_none_is_one_step_an_epoch():
    model = NeuralNetworkRegressor((1,), epochs=3, batch_size=None, tol=None)
    assert model.fit(np.ones((500, 1)), np.ones(500))._optimizer.step == 3


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_what_is_held_out_depends_on_the_random_state_and_keeps_the_shares(kind, monkeypatch):
    X, _ = data_for(kind, n=60)
    y = np.repeat([0, 1], [50, 10])
    seen = []
    train = NeuralNetwork.train

    def watched(self, X, Y, optimizer, epochs, batch_size, validation, *rest):
        X_held_out, Y_held_out = validation
        seen.append((len(X), len(X_held_out), Y_held_out[:, -1].sum(), X_held_out.tobytes()))
        return train(self, X, Y, optimizer, epochs, batch_size, validation, *rest)

    monkeypatch.setattr(NeuralNetwork, "train", watched)
    for random_state in range(6):
        kind(epochs=1, early_stopping=True, validation_fraction=0.2, random_state=random_state).fit(
            X, y
        )
    assert {(n, held_out) for n, held_out, *_ in seen} == {(48, 12)}
    assert len({rows for *_, rows in seen}) == 6
    if kind is NeuralNetworkClassifier:
        assert {ones for _, _, ones, _ in seen} == {2}  # of 12, as 10 of 60


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("weights", ["fit", "partial_fit"])
def test_a_weight_is_as_good_as_so_many_samples(kind, weights):
    X, y = data_for(kind, n=30)
    count = np.random.default_rng(0).integers(0, 4, size=30)
    results = []
    for A, b, w in ((X, y, 0.25 * count), (np.repeat(X, count, 0), np.repeat(y, count), None)):
        model = kind((5,), epochs=30, batch_size=None, learning_rate=0.01, random_state=0)
        classes = {"classes": [0, 1]} if kind is NeuralNetworkClassifier else {}
        for _ in range(1 if weights == "fit" else 30):
            if weights == "fit":
                model.fit(A, b, sample_weight=w)
            else:
                model.partial_fit(A, b, sample_weight=w, **classes)
        results.append((model.network_.parameters, model.loss_curve_))
    # rounding alone: the sums have other terms in another order
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-7)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-9)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_weights_reach_the_samples_that_are_held_out(kind, monkeypatch):
    X, y = data_for(kind, n=40)
    weight = np.arange(40) + 1.0
    arguments = {"epochs": 1, "early_stopping": True, "validation_fraction": 0.25}
    model = kind(**arguments, random_state=0).fit(X, y, sample_weight=weight)
    network = NeuralNetwork(
        model.network_.layer_sizes, model.network_.activations, model.network_.cost,
        init="glorot", seed=np.random.RandomState(0).randint(2**31 - 1),
    )  # fmt: skip
    Y = y[:, None] if kind is NeuralNetworkRegressor else np.eye(2)[y]
    rows, held_out = train_test_split(
        np.arange(40), test_size=0.25, random_state=int(network.rng.integers(2**31)),
        stratify=None if kind is NeuralNetworkRegressor else y,
    )  # fmt: skip
    validation = X[held_out], Y[held_out], weight[held_out]
    (record,) = network.train(
        X[rows], Y[rows], "adam", 1, 32, validation, sample_weight=weight[rows]
    )
    assert record[:3] == model.history_[0][:3]
    losses = [network.total_cost(X[i : i + 1], Y[i : i + 1]) for i in held_out]
    # the parameters before the epoch ended are gone: they are those of the validation
    assert record.validation_cost == pytest.approx(
        np.average(losses, weights=weight[held_out]), rel=1e-12
    )


def test_class_weights_multiply_sample_weights():
    X, y = data_for(NeuralNetworkClassifier, n=60, weights=[0.8])
    w = np.random.default_rng(0).uniform(1, 2, size=60)
    arguments = {"hidden_layer_sizes": (4,), "epochs": 5, "random_state": 0}

    def parameters(class_weight, sample_weight):
        model = NeuralNetworkClassifier(class_weight=class_weight, **arguments)
        return model.fit(X, y, sample_weight=sample_weight).network_.parameters

    by_class = np.where(y == 1, 5.0, 2.0)
    np.testing.assert_array_equal(parameters({0: 2.0, 1: 5.0}, None), parameters(None, by_class))
    np.testing.assert_array_equal(parameters({0: 2.0, 1: 5.0}, w), parameters(None, by_class * w))
    balanced = 60 / (2 * np.bincount(y)[y])
    np.testing.assert_array_equal(parameters("balanced", None), parameters(None, balanced))
    assert (parameters("balanced", None) != parameters(None, None)).any()
    names = np.array(["no", "yes"])
    by_name = NeuralNetworkClassifier(class_weight={"no": 2.0, "yes": 5.0}, **arguments)
    by_name.fit(X, names[y])
    np.testing.assert_array_equal(by_name.network_.parameters, parameters(None, by_class))


def test_balanced_weights_are_refused_by_partial_fit():
    X, y = data_for(NeuralNetworkClassifier)
    model = NeuralNetworkClassifier(class_weight="balanced")
    with pytest.raises(ValueError, match=r"^partial_fit needs class_weight as a dict"):
        model.partial_fit(X, y, classes=[0, 1])
    model.set_params(class_weight={1: 3.0}).partial_fit(X, y, classes=[0, 1])
    same = NeuralNetworkClassifier(random_state=0)
    same.partial_fit(X, y, [0, 1], np.where(y == 1, 3.0, 1.0))
    model = NeuralNetworkClassifier(class_weight={1: 3.0}, random_state=0)
    model.partial_fit(X, y, [0, 1])
    np.testing.assert_array_equal(model.network_.parameters, same.network_.parameters)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(59), r"sample_weight must have shape \(60,\), got \(59,\)"),
        (np.ones((60, 1)), r"sample_weight must have shape \(60,\), got \(60, 1\)"),
        (-np.ones(60), "sample_weight must be finite numbers >= 0, not all zero"),
        (np.zeros(60), "not all zero"),
        (np.full(60, np.nan), "must be finite"),
        (np.full(60, np.inf), "must be finite"),
    ],
)
def test_bad_weights_are_refused(kind, weight, message):
    X, y = data_for(kind)
    with pytest.raises(ValueError, match=message):
        kind().fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_early_stopping_is_not_for_partial_fit(kind):
    X, y = data_for(kind)
    with pytest.raises(ValueError, match=r"^partial_fit cannot do early_stopping: use fit"):
        kind(early_stopping=True).partial_fit(
            X, y, **({} if kind is NeuralNetworkRegressor else {"classes": [0, 1]})
        )


@pytest.mark.parametrize("y", [["a", "b"] * 30, np.array(["1.5", "2"] * 30)])
def test_targets_of_a_regression_are_numbers(y):
    X, _ = data_for(NeuralNetworkRegressor)
    with pytest.raises(ValueError, match="y must be numbers, got dtype <U"):
        NeuralNetworkRegressor().fit(X, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logarithms_of_probabilities_are_finite_where_the_probability_is_0(dtype):
    X, y = data_for(NeuralNetworkClassifier)
    model = NeuralNetworkClassifier((4,), epochs=20, random_state=0).fit(X.astype(dtype), y)
    # differences of logits, up to rounding
    np.testing.assert_allclose(
        model.predict_log_proba(X.astype(dtype)), np.log(model.predict_proba(X.astype(dtype))),
        rtol=1e-4, atol=1e-6,
    )  # fmt: skip
    model.network_.weights[1] = 1e4 * model.network_.weights[1]
    logarithms = model.predict_log_proba(X.astype(dtype))
    assert (model.predict_proba(X.astype(dtype)) == 0).any()
    assert np.isfinite(logarithms).all()
    assert logarithms.dtype == dtype
    assert logarithms.min() < -1000
    np.testing.assert_array_equal(logarithms.argmax(axis=1), model.predict(X.astype(dtype)))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_training_ends_when_nothing_more_is_gained(kind, early_stopping):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 50)
    X = rng.normal(size=(100, 2)) + 8 * y[:, None]  # two clouds far apart
    model = kind(epochs=3000, early_stopping=early_stopping, random_state=0).fit(X, y)
    assert model.n_iter_ < 1500
    assert model.score(X, y) > 0.97


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_patience_counts_the_epochs_that_gain_less_than_tol(kind):
    X, y = data_for(kind)
    arguments = {"epochs": 50, "batch_size": None, "learning_rate": 1e-6, "patience": 7}
    model = kind(**arguments, tol=1e-4, random_state=0).fit(X, y)
    costs = np.array(model.loss_curve_)
    assert (np.diff(costs) < 0).all()  # it falls all the time
    assert model.n_iter_ == 1 + 7
    with pytest.warns(ConvergenceWarning):
        kind(**arguments, tol=0, random_state=0).fit(X, y)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_cost_that_stays_where_it_is_has_not_gained_less_than_0(kind):
    X, y = [[1.0, 2.0]], [3]  # of one sample the cost is the same to the bit
    arguments = {"epochs": 9, "optimizer": SGD(1e-300), "patience": 2, "random_state": 0}
    assert kind(**arguments, tol=0).fit(X, y).n_iter_ == 9
    assert kind(**arguments, tol=1e-9).fit(X, y).n_iter_ == 3


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_fit_leaves_the_optimizer_that_it_was_given(kind):
    X, y = data_for(kind)
    optimizer = Adam(0.01)
    network = kind((3,), epochs=1, random_state=0).fit(X, y).network_
    optimizer.update(np.zeros_like(network.parameters), np.ones_like(network.parameters))
    before = optimizer.m.copy()
    kind((3,), optimizer=optimizer, epochs=2, random_state=0).fit(X, y)
    assert optimizer.step == 1
    np.testing.assert_array_equal(optimizer.m, before)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_optimizer_that_was_used_begins_anew(kind):
    X, y = data_for(kind)
    used, arguments = SGD(0.01, 0.9), {"hidden_layer_sizes": (3,), "epochs": 2, "random_state": 0}
    used.update(np.zeros(7), np.ones(7))
    expected = kind(optimizer=SGD(0.01, 0.9), **arguments).fit(X, y).network_.parameters
    ours = kind(optimizer=used, **arguments).fit(X, y).network_.parameters
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_activation_that_is_changed_later_leaves_the_fit(kind):
    X, y = data_for(kind)
    model = kind((3,), activation=LeakyReLU(0.1), epochs=2, random_state=0).fit(X, y)
    before = model.network_.feedforward(X)
    model.set_params(activation__alpha=0.9)
    np.testing.assert_array_equal(model.network_.feedforward(X), before)


def test_weights_of_labels_that_a_piece_lacks_are_no_trouble():
    X, y = data_for(NeuralNetworkClassifier, n_classes=3, n_informative=4, n_redundant=0)
    piece = y != 2
    models = [
        NeuralNetworkClassifier(class_weight=w, random_state=0).partial_fit(
            X[piece], y[piece], [0, 1, 2]
        )
        for w in ({1: 4.0, 2: 5.0}, {1: 4.0})
    ]
    np.testing.assert_array_equal(*(model.network_.parameters for model in models))
    with pytest.raises(ValueError, match="not in class_weight"):
        NeuralNetworkClassifier(class_weight={7: 2.0}).fit(X, y)


def test_a_cost_that_rose_has_not_converged():
    X, y = data_for(NeuralNetworkRegressor)
    model = NeuralNetworkRegressor(
        (), optimizer=SGD(0.5), batch_size=None, random_state=0, patience=3
    )
    with pytest.warns(ConvergenceWarning, match="not converged: 4 epochs"):
        model.fit(3 * X, y)
    assert model.loss_curve_[-1] > model.loss_curve_[0]


def test_the_probabilities_and_their_logarithms_refuse_alike():
    X, y = data_for(NeuralNetworkClassifier)
    model = NeuralNetworkClassifier(epochs=2).fit(X.astype(np.float32), y)
    for method in (model.predict_proba, model.predict_log_proba, model.predict):
        with pytest.raises(ValueError, match=r"^X holds NaN, infinity or numbers beyond float32"):
            method(np.full((1, 4), 1e300))
    with np.errstate(all="raise"):
        model.predict_log_proba(1e6 * X.astype(np.float32))


def test_a_column_of_labels_is_taken_with_a_warning():
    X, y = data_for(NeuralNetworkClassifier)
    model = NeuralNetworkClassifier(epochs=2, random_state=0)
    expected = model.fit(X, y).predict_proba(X)
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        model.fit(X, y[:, None])
    np.testing.assert_array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_fit_that_has_not_converged_warns(kind):
    X, y = data_for(kind)
    message = r"^not converged: 3 epochs end at cost \d"
    with pytest.warns(ConvergenceWarning, match=message) as record:
        kind(epochs=3).fit(X, y)
    assert record[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kind(epochs=3, tol=None).fit(X, y).n_iter_ == 3
        assert kind(epochs=50, tol=1e9, patience=4).fit(X, y).n_iter_ == 5
        classes = {} if kind is NeuralNetworkRegressor else {"classes": [0, 1]}
        kind(epochs=3).partial_fit(X, y, **classes)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_without_tol_all_epochs_are_run_and_the_best_is_kept(kind):
    X, y = data_for(kind)
    arguments = {"learning_rate": 0.1, "random_state": 0, "tol": None, "early_stopping": True}
    model = kind(epochs=60, **arguments).fit(X, y)
    costs = [r.validation_cost for r in model.history_]
    assert len(costs) == 60
    best = kind(epochs=int(np.argmin(costs)) + 1, **arguments).fit(X, y)
    np.testing.assert_array_equal(model.network_.parameters, best.network_.parameters)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_grid_search_reaches_into_an_optimizer(kind):
    X, y = data_for(kind)
    model = kind((4,), optimizer=SGD(0.01), epochs=1, random_state=0)
    search = GridSearchCV(model, {"optimizer__momentum": [0.0, 0.5, 0.9]}, cv=2).fit(X, y)
    costs = {
        momentum: clone(model).set_params(optimizer__momentum=momentum, epochs=9).fit(X, y)
        for momentum in (0.0, 0.5, 0.9)
    }
    assert len({model.loss_curve_[-1] for model in costs.values()}) == 3
    assert search.best_estimator_.optimizer.momentum == search.best_params_["optimizer__momentum"]
    assert model.optimizer.momentum == 0


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_the_name_of_an_optimizer_takes_the_learning_rate(kind):
    X, y = data_for(kind)
    for name, rule in [("sgd", SGD), ("rmsprop", RMSProp), ("adam", Adam)]:
        arguments = {"hidden_layer_sizes": (4,), "epochs": 3, "random_state": 0}
        by_name = kind(optimizer=name, learning_rate=0.003, **arguments).fit(X, y)
        instance = kind(optimizer=rule(0.003), learning_rate=7, **arguments).fit(X, y)
        np.testing.assert_array_equal(by_name.network_.parameters, instance.network_.parameters)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_numpy_may_raise_on_every_floating_point_event(kind):
    X, y = data_for(kind)
    large = 1e3 * X if kind is NeuralNetworkClassifier else X  # saturates, or would diverge
    Y = np.eye(2)[y] if kind is NeuralNetworkClassifier else y[:, None]
    for activation in nnlib.ACTIVATIONS:
        for optimizer in nnlib.OPTIMIZERS:
            model = kind((4,), activation, optimizer, epochs=30, random_state=0)
            with np.errstate(all="raise"):
                model.fit(large, y, sample_weight=np.ones(60)).predict(large)
                model.network_.total_cost(large, Y)
                model.network_.backpropagate(large, Y)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_docstrings_are_numpydoc_and_name_every_argument(kind):
    text = inspect.getdoc(kind)
    sections = re.findall(r"^(\w+)\n-+$", text, re.MULTILINE)
    assert sections == ["Parameters", "Attributes"]
    parameters = text.split("Parameters\n----------\n")[1].split("\n\nAttributes")[0]
    named = ", ".join(re.findall(r"^(\w[\w, ]*?)(?: :|$)", parameters, re.MULTILINE)).split(", ")
    assert set(named) - {"class_weight"} == {*kind().get_params()} - {"class_weight"}
    fitted = kind(epochs=1).fit(*data_for(kind))
    attributes = text.split("Attributes\n----------\n")[1]
    for name in re.findall(r"\b(\w+_)\b", " ".join(re.findall(r"^\S.*", attributes, re.MULTILINE))):
        assert hasattr(fitted, name) or (name == "classes_" and kind is NeuralNetworkRegressor)
