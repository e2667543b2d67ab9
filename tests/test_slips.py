"""Slips known from respected code, each by name."""

import numpy as np
import pytest
from oracles import layout
from sklearn.metrics import r2_score

from nnlib import MSE, Adam, NeuralNetwork, NeuralNetworkRegressor, ReLU, Softmax


def test_relu_derivative_is_not_output_at_least_0():
    np.testing.assert_array_equal(ReLU().derivative([-2.0, -0.0, 0.0, 3.0]), [0, 0, 0, 1])
    network = NeuralNetwork([1, 1, 1], ["relu", "linear"], seed=0)
    network.biases[0][:] = -100  # the unit is off for every sample
    weights, biases = layout(network)
    gradient = network.backpropagate(np.ones((3, 1)), np.ones((3, 1)))
    assert gradient[weights[0]] == gradient[biases[0]] == 0


def test_softmax_takes_its_maximum_over_classes_not_samples():
    z = np.array([[1000.0, 1000.0], [-1000.0, -1000.0]])
    np.testing.assert_array_equal(Softmax()(z), np.full((2, 2), 0.5))
    np.testing.assert_array_equal(Softmax()(z), np.vstack([Softmax()(z[:1]), Softmax()(z[1:])]))


def test_softmax_with_cross_entropy_takes_its_maximum_over_classes_not_samples():
    network = NeuralNetwork([1, 2], ["softmax"], "cross_entropy")
    network.weights[0][:] = 1000
    X, Y = np.array([[1.0], [-1.0]]), np.eye(2)
    assert network.total_cost(X, Y) == pytest.approx(np.log(2), rel=1e-15)


def test_l2_penalty_of_lambda_w_squared_has_the_gradient_2_lambda_w():
    network = NeuralNetwork([2, 3, 1], ["tanh", "linear"], l2=0.25, seed=0)
    X = np.zeros((1, 2))  # with Y = f(X) the cost's own gradient is 0
    gradient = network.backpropagate(X, network.feedforward(X))
    for W, place in zip(network.weights, layout(network)[0]):
        np.testing.assert_array_equal(gradient[place], 2 * 0.25 * W)


def test_mse_is_averaged_over_outputs_and_so_is_its_gradient():
    y, y_hat = np.zeros((2, 3)), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert MSE()(y, y_hat) == (1 + 4 + 9 + 16 + 25 + 36) / 6
    np.testing.assert_allclose(MSE().gradient(y, y_hat), 2 * y_hat / 6, rtol=1e-15)


def test_adam_keeps_its_moments_from_epoch_to_epoch():
    X, Y = np.random.default_rng(0).normal(size=(2, 8, 2))
    network = NeuralNetwork([2, 3, 2], ["tanh", "linear"], seed=0)
    x, m, v = network.parameters.copy(), 0, 0
    list(network.train(X, Y, Adam(0.1), epochs=5))
    restated = NeuralNetwork([2, 3, 2], ["tanh", "linear"], seed=0)
    for t in range(1, 6):  # one full batch an epoch
        restated.parameters[:] = x
        g = restated.backpropagate(X, Y)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        x -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(network.parameters, x, rtol=1e-11)  # five steps of rounding


def test_adam_keeps_its_moments_from_one_partial_fit_to_the_next():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 2)), rng.normal(size=8)
    arguments = {"hidden_layer_sizes": (3,), "random_state": 0, "learning_rate": 0.1}
    whole = NeuralNetworkRegressor(**arguments, epochs=5, batch_size=None).fit(X, y)
    parts = NeuralNetworkRegressor(**arguments, batch_size=None)
    for _ in range(5):
        parts.partial_fit(X, y)
    # the order of the samples in the sums is another
    np.testing.assert_allclose(parts.predict(X), whole.predict(X), rtol=1e-9)


def test_score_is_r2_of_truth_and_prediction_in_this_order():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    regressor = NeuralNetworkRegressor(epochs=5, random_state=0).fit(X, y)
    prediction = regressor.predict(X)
    assert regressor.score(X, y) == r2_score(y, prediction)
    assert r2_score(y, prediction) != pytest.approx(r2_score(prediction, y), rel=0.1)


def test_a_column_and_a_vector_are_never_broadcast_to_a_matrix():
    column, vector = np.zeros((4, 1)), np.arange(4.0)
    with pytest.raises(ValueError, match="shape"):
        MSE()(vector, column)
    with pytest.raises(ValueError, match="shape"):
        MSE().gradient(vector, column)
    network = NeuralNetwork([1, 1], ["linear"], seed=0)
    for method in (network.total_cost, network.backpropagate):
        with pytest.raises(ValueError, match=r"Y must have shape \(n, 1\)"):
            method(column, vector)
    with pytest.raises(ValueError, match=r"Y must have shape \(n, 1\)"):
        network.train(column, vector, "sgd", epochs=1)


def test_a_regressor_takes_a_vector_as_it_takes_a_column():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(10, 2)), rng.normal(size=10)
    vector = NeuralNetworkRegressor(epochs=5, random_state=0).fit(X, y)
    column = NeuralNetworkRegressor(epochs=5, random_state=0).fit(X, y[:, None])
    assert vector.predict(X).shape == (10,)
    assert column.predict(X).shape == (10, 1)
    np.testing.assert_array_equal(vector.predict(X), column.predict(X).ravel())


def test_each_layer_has_its_own_initial_weights():
    first, second, third = NeuralNetwork([4, 4, 4, 4], ["tanh"] * 3, seed=0).weights
    drawn = np.concatenate([first, second, third], axis=None)
    assert len(np.unique(drawn)) == drawn.size


def test_regression_targets_are_not_cast_to_integers():
    X, y = np.array([[0], [1], [2], [3]]), [0.25, 0.75, 1.25, 1.75]
    arguments = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1000, "tol": None}
    regressor = NeuralNetworkRegressor((), **arguments)
    np.testing.assert_allclose(regressor.fit(X, y).predict(X), y, rtol=1e-6)  # converged so far
    network, Y = NeuralNetwork([1, 1], ["linear"]), np.reshape(y, (4, 1))
    network.parameters[:] = 0
    assert network.total_cost(X, Y) == pytest.approx(np.mean(np.square(y)))
    (record,) = network.train(X, Y, "sgd", epochs=1)
    assert record.cost == pytest.approx(np.mean(np.square(y)))
