"""The scikit-learn estimators: their checks, their company, and what they learn."""

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from nnlib import SGD, Adam, NeuralNetworkClassifier, NeuralNetworkRegressor, ReLU

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
