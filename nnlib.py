"""A feed-forward neural network in plain NumPy, in the order of the theory.

Equations and algorithms are numbered as in report/report.pdf. Shapes are the same throughout: rows
are samples, ``A`` is (n, m_l), ``W`` is (m_{l-1}, m_l), ``b`` is (m_l,), and ``Z = A W + b``.

>>> network, X = NeuralNetwork([1, 50, 1], ["tanh", "linear"]), np.linspace(-1, 1, 200)[:, None]
>>> costs = [record.cost for record in network.train(X, X**2, "adam", epochs=50, batch_size=20)]
"""

import inspect
import json
import math
import os
import time
import warnings
from copy import deepcopy
from dataclasses import dataclass
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data


class Part:
    """What activations, costs and optimizers share: a repr to type back, parameters to search."""

    def __init_subclass__(cls):
        slopes = (getattr(cls, k, None) for k in ("derivative", "jacobian", "gradient", "backward"))
        new = {"__call__", "apply"} & vars(cls).keys() and cls.__module__ != __name__
        if new and {slope.__module__ for slope in slopes if slope} <= {__name__}:
            raise TypeError(f"{cls.__name__} is a function of its own, but has no derivative of it")

    def get_params(self, deep=True):
        """The arguments by name, as scikit-learn's ``clone`` and ``GridSearchCV`` ask for them."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params):
        """Begin anew with other arguments; returns self."""
        self.__init__(**self.get_params() | params)
        return self

    def __repr__(self):
        names = (k for k in inspect.signature(type(self)).parameters if hasattr(self, k))
        return f"{type(self).__name__}({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"


# --------------------------------------------------------------------------- activations
class Activation(Part):
    """A function f with ``A = f(Z)``, elementwise unless it has a ``jacobian``.

    One's own is a subclass with ``__call__(z)`` and ``derivative(z)`` or ``jacobian(z)``. Those
    below have ``apply(z)``, which may overwrite z, and ``backward(a, delta)``, dC/dZ from a = f(z)
    and delta = dC/dA, which may overwrite delta; all are (n, m).
    """

    def __call__(self, z):
        """f(z), a new array of z's shape."""
        return self.apply(np.asarray(1.0 * np.asarray(z)))

    def derivative(self, z):
        """Elementwise f'(z), an array of z's shape."""
        a = Activation.__call__(self, z)
        return self.backward(a, np.ones_like(a))


class Linear(Activation):
    """f(z) = z: equation (22)."""

    def apply(self, z):
        return z

    def backward(self, a, delta):
        return delta


class Sigmoid(Activation):
    """f(z) = 1 / (1 + e^-z), with f' = f (1 - f): equation (23)."""

    def apply(self, z):
        with np.errstate(over="ignore"):  # e^-z may reach infinity: 1 / infinity = 0 is right
            return 1 / (1 + np.exp(-z))

    def backward(self, a, delta):
        return np.multiply(delta, a * (1 - a), out=delta)


class Tanh(Activation):
    """f(z) = tanh z, with f' = 1 - f^2: equation (25)."""

    def apply(self, z):
        return np.tanh(z, out=z)

    def backward(self, a, delta):
        return np.multiply(delta, 1 - a * a, out=delta)


class ReLU(Activation):
    """f(z) = max(0, z), with f' = 1 where z > 0, else 0: equation (26) (Nair and Hinton 2010)."""

    def apply(self, z):
        return np.maximum(z, 0, out=z)

    def backward(self, a, delta):
        return np.multiply(delta, a > 0, out=delta)


class LeakyReLU(Activation):
    """f(z) = z where z > 0, else alpha z, 0 <= alpha < 1: equation (27) (Maas et al. 2013)."""

    def __init__(self, alpha=0.01):
        self.alpha = _number("alpha", alpha, below=1)

    def apply(self, z):
        return np.maximum(z, float(self.alpha) * z, out=z)

    def backward(self, a, delta):
        return np.where(a > 0, delta, float(self.alpha) * delta)


class ELU(Activation):
    """f = z if z > 0, else alpha (e^z - 1); f' = f + alpha: equation (28) (Clevert et al. 2015)."""

    def __init__(self, alpha=1.0):
        self.alpha = _number("alpha", alpha)

    def apply(self, z):
        return np.where(z > 0, z, float(self.alpha) * np.expm1(np.minimum(z, 0)))

    def backward(self, a, delta):
        return np.where(a > 0, delta, (a + float(self.alpha)) * delta)


class Softmax(Activation):
    """f(z)_i = e^(z_i) / sum_j e^(z_j), j over the last axis: equation (29) (Bridle 1990)."""

    def apply(self, z):
        e = np.exp(z - z.max(axis=-1, keepdims=True))  # changes nothing but the range: e <= 1
        return e / e.sum(axis=-1, keepdims=True)

    def derivative(self, z):
        raise TypeError("softmax has no elementwise derivative: use jacobian(z)")

    def jacobian(self, z):
        """df_i/dz_j = f_i (delta_ij - f_j), (n, K, K) for z (n, K): equation (30)."""
        a = Activation.__call__(self, z)
        return a[..., :, None] * (np.eye(a.shape[-1], dtype=a.dtype) - a[..., None, :])

    def backward(self, a, delta):
        return a * (delta - (delta * a).sum(axis=-1, keepdims=True))  # equation (30) times delta


ACTIVATIONS = {
    "linear": Linear, "sigmoid": Sigmoid, "tanh": Tanh, "relu": ReLU, "leaky_relu": LeakyReLU,
    "elu": ELU, "softmax": Softmax,
}  # fmt: skip
OURS = frozenset(ACTIVATIONS.values())  # a subclass is not: it is called as it is


def _activate(f, z):
    """a = f(z), which may overwrite z where f is one of the above."""
    return f.apply(z) if type(f) in OURS else _shaped(f(z.copy()), z, f, "(z)")


def _through(f, z, a, delta):
    """dC/dz from delta = dC/da at a = f(z): the chain rule of equation (14)."""
    if type(f) in OURS:
        return f.backward(a, delta)
    kind = next(c for c in type(f).__mro__ if {"derivative", "jacobian"} & vars(c).keys())
    if "jacobian" in vars(kind):
        return np.einsum("ni,nij->nj", delta, f.jacobian(z)).astype(z.dtype)
    return delta * _shaped(f.derivative(z), z, f, ".derivative(z)")


# --------------------------------------------------------------------------- costs
class Cost(Part):
    """A function C of targets y and outputs y_hat, both (n, m), that is a mean over samples.

    One's own is a subclass with ``__call__(y, y_hat)``, C, and ``gradient(y, y_hat)``, dC/dy_hat.
    """

    target_range = (-math.inf, math.inf)  # where y must lie


class MSE(Cost):
    """C = sum (y_hat - y)^2 / (n m), the mean over samples and outputs: equation (36)."""

    def __call__(self, y, y_hat):
        y, y_hat = _same_shape(y, y_hat)
        return float(np.square(y_hat - y).mean())

    def gradient(self, y, y_hat):
        y, y_hat = _same_shape(y, y_hat)
        return (y_hat - y) * (2 / y_hat.size)


class BinaryCrossEntropy(Cost):
    """C = -sum [y log p + (1 - y) log(1 - p)] / n, summed over outputs: equation (37)."""

    target_range = (0, 1)

    def __call__(self, y, y_hat):
        y, p = _same_shape(y, y_hat)
        return -float(np.sum(y * _log(p)[0] + (1 - y) * _log(1 - p)[0])) / len(y)

    def gradient(self, y, y_hat):
        y, p = _same_shape(y, y_hat)
        return ((1 - y) * _log(1 - p)[1] - y * _log(p)[1]) / len(y)


class CrossEntropy(Cost):
    """C = -sum y log y_hat / n: summed over classes, mean over samples, equation (38)."""

    target_range = (0, 1)

    def __call__(self, y, y_hat):
        y, p = _same_shape(y, y_hat)
        return -float(np.sum(y * _log(p)[0])) / len(y)

    def gradient(self, y, y_hat):
        y, p = _same_shape(y, y_hat)
        return -y * _log(p)[1] / len(y)


COSTS = {"mse": MSE, "binary_cross_entropy": BinaryCrossEntropy, "cross_entropy": CrossEntropy}


# Of the canonical pairs of output activation and cost dC/dZ is (a - y) / n, up to a factor:
# equation (39). Each function gives C and dC/dZ from Z: exact where a rounds to 0 or 1 and the
# chain rule would multiply 0 by infinity. `weight` is 1 / n, or (n, 1) with each sample's share.
def linear_mse(y, z, weight, gradient=True):
    """C and dC/dZ at y_hat = z."""
    error = z - y
    delta = error * (2 / z.shape[1] * weight)
    return float(np.vdot(delta, error)) / 2, delta


def sigmoid_binary_cross_entropy(y, z, weight, gradient=True):
    """C, and dC/dZ or None, at y_hat = sigmoid(z): equation (40)."""
    losses = np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))
    return float(np.sum(losses * weight)), (Sigmoid()(z) - y) * weight if gradient else None


def softmax_cross_entropy(y, z, weight, gradient=True):
    """C, and dC/dZ or None, at y_hat = softmax(z): equation (41), for rows of y with any sum."""
    z = z - z.max(axis=1, keepdims=True)
    e, y, ones = np.exp(z), y * weight, np.ones((z.shape[1], 1), z.dtype)
    y_sum, e_sum = y.dot(ones), e.dot(ones)  # faster than sum(axis=1)
    cost = float(np.vdot(y_sum, np.log(e_sum)) - np.vdot(y, z))
    return cost, e * (y_sum / e_sum) - y if gradient else None


CANONICAL = {
    (Linear, MSE): linear_mse,
    (Sigmoid, BinaryCrossEntropy): sigmoid_binary_cross_entropy,
    (Softmax, CrossEntropy): softmax_cross_entropy,
}


# --------------------------------------------------------------------------- optimizers
class Optimizer(Part):
    """A rule that moves parameters against the gradient of their cost.

    `learning_rate` is a number > 0 or a function of the step 0, 1, ... An optimizer keeps its step
    and the vectors that ``keeps`` names, zero at first: use a new one for each network. One's own
    is a subclass with ``move(parameters, gradient, rate)``, in place on flat vectors (P,).
    """

    keeps = ()

    def __init__(self, learning_rate):
        if not callable(learning_rate):
            _number("learning_rate", learning_rate, ">")
        self.learning_rate, self.step = learning_rate, 0

    def rate(self, step):
        """The learning rate of a step, 0, 1, ..."""
        if callable(self.learning_rate):
            return float(_number(f"learning_rate at step {step}", self.learning_rate(step)))
        return float(self.learning_rate)

    def update(self, parameters, gradient):
        """One step, in place, on flat vectors (P,); `gradient` is left as it is."""
        vectors = parameters.shape, gradient.shape, parameters.dtype
        if self.step == 0:
            self._vectors = parameters.shape, parameters.shape, parameters.dtype
            vars(self).update((name, np.zeros_like(parameters)) for name in self.keeps)
        if vectors != self._vectors:
            expected = f"expected parameters, gradient and dtype {self._vectors}"
            raise ValueError(f"{expected}, got {vectors}: use a new optimizer for each network")
        self.move(parameters, gradient, self.rate(self.step))
        self.step += 1
        if self.step % 100 == 0:  # what dead nodes leave is subnormal, and slows all steps down
            for values in (vars(self)[name] for name in self.keeps):
                values[np.abs(values) < np.finfo(values.dtype).tiny] = 0


class SGD(Optimizer):
    """v <- momentum v - rate g, parameters <- parameters + v: equations (16) and (18)."""

    keeps = ("v",)

    def __init__(self, learning_rate=0.01, momentum=0.0):
        super().__init__(learning_rate)
        self.momentum = _number("momentum", momentum, below=1)

    def move(self, parameters, g, rate):
        change = -rate * g
        if self.momentum:
            change = self.v = float(self.momentum) * self.v + change
        parameters += change


class RMSProp(Optimizer):
    """v <- rho v + (1 - rho) g^2, parameters <- parameters - rate g / (sqrt(v) + epsilon):
    equation (19) (Tieleman and Hinton 2012)."""

    keeps = ("v",)

    def __init__(self, learning_rate=0.001, rho=0.9, epsilon=1e-8):
        super().__init__(learning_rate)
        self.rho = _number("rho", rho, below=1)
        self.epsilon = _number("epsilon", epsilon, ">")

    def move(self, parameters, g, rate):
        self.v *= self.rho
        self.v += (1 - self.rho) * np.square(g)
        parameters -= rate * g / (np.sqrt(self.v) + self.epsilon)


class Adam(Optimizer):
    """m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2, and at step t = 1, 2, ...
    parameters <- parameters - rate m_hat / (sqrt(v_hat) + epsilon), where m_hat = m / (1 - beta1^t)
    and v_hat = v / (1 - beta2^t): equations (20) and (21) (Kingma and Ba 2015)."""

    keeps = ("m", "v", "change")

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
        super().__init__(learning_rate)
        self.beta1 = _number("beta1", beta1, below=1)
        self.beta2 = _number("beta2", beta2, below=1)
        self.epsilon = _number("epsilon", epsilon, ">")

    def move(self, parameters, g, rate):
        # fewer passes: m and v lack (1 - beta), m_hat = m_scale m and sqrt(v_hat) = v_scale sqrt(v)
        m_scale = (1 - self.beta1) / (1 - self.beta1 ** (self.step + 1))
        v_scale = math.sqrt((1 - self.beta2) / (1 - self.beta2 ** (self.step + 1)))
        m, v, change = self.m, self.v, np.square(g, out=self.change)
        m *= self.beta1
        m += g
        v *= self.beta2
        v += change
        np.sqrt(v, out=change)
        change += self.epsilon / v_scale
        np.divide(m, change, out=change)
        change *= rate * m_scale / v_scale
        parameters -= change


OPTIMIZERS = {"sgd": SGD, "rmsprop": RMSProp, "adam": Adam}


# --------------------------------------------------------------------------- the network
class Record(NamedTuple):
    """What one epoch of training measured."""

    epoch: int  # 1, 2, ...
    cost: float  # without penalties; mean over the batches, each measured before its step
    validation_cost: float | None  # the same on the validation data, after the epoch
    seconds: float  # of training; the validation is not counted


INITIALIZATIONS = {  # standard deviation of a layer's first weights: equation (35)
    "normal": lambda fan_in, fan_out: 1.0,
    "glorot": lambda fan_in, fan_out: np.sqrt(2 / (fan_in + fan_out)),  # Glorot, Bengio 2010
    "he": lambda fan_in, fan_out: np.sqrt(2 / fan_in),  # He et al. 2015
}
FLOATS = [np.float64, np.float32]  # of scikit-learn's users; the rest is converted to the first
ROWS = 1024  # are converted and fed forward at once where no gradient is needed


class Views(list):
    """Arrays in the memory of `parameters`; assigning to an item copies into it."""

    def __setitem__(self, layer, values):
        self[layer][...] = _shaped(values, self[layer], "layer ", layer)


class NeuralNetwork:
    """A fully connected feed-forward network.

    Parameters
    ----------
    layer_sizes : list of int
        Widths m_0, ..., m_L, the input's first; [2, 1] has no hidden layer.
    activations, cost : list of L str or Activation, str or Cost
        One activation per layer after the input.
    l1, l2 : float
        Penalties: C = cost + l1 sum |w| + l2 sum w^2 over the weights, not the biases.
    init : {"normal", "glorot", "he"} or None
        None takes "he" before a ReLU, leaky ReLU or ELU, else "glorot". Biases begin at zero.
    dtype, seed : np.float32 or np.float64, as of np.random.default_rng
        Of all computation; of the initial weights and the order of batches.
    input_scale : float
        A^0 = input_scale X. With 1 / 255 images may stay bytes, in a quarter of the memory.

    Attributes
    ----------
    parameters, weights, biases : (P,) array, lists of (m_{l-1}, m_l) and of (m_l,) arrays
        Layer by layer, weights first; the lists are views. Assigning copies in.
    """

    def __init__(
        self, layer_sizes, activations, cost="mse", l1=0.0, l2=0.0, init=None, dtype=np.float64,
        seed=None, input_scale=1.0,
    ):  # fmt: skip
        _check_structure(layer_sizes, activations, init, dtype)
        self.layer_sizes = [int(m) for m in layer_sizes]
        self.activations = [_by_name(f, ACTIVATIONS, Activation) for f in activations]
        self.cost, self.init, self.dtype = _by_name(cost, COSTS, Cost), init, np.dtype(dtype)
        self.l1, self.l2 = float(_number("l1", l1)), float(_number("l2", l2))
        self.input_scale = float(_number("input_scale", input_scale, ">"))
        self.rng = np.random.default_rng(seed)
        n_parameters = sum((m + 1) * k for m, k in zip(self.layer_sizes, self.layer_sizes[1:]))
        self._parameters = np.zeros(n_parameters, self.dtype)
        for W, f in zip(self.weights, self.activations):
            rectifier = isinstance(f, (ReLU, LeakyReLU, ELU))
            scale = INITIALIZATIONS[init or ("he" if rectifier else "glorot")]
            W[:] = scale(*W.shape) * self.rng.standard_normal(W.shape)

    def _views(self, flat):
        """The weights and biases as views of a vector laid out as `parameters`."""
        shapes = list(zip(self.layer_sizes, self.layer_sizes[1:]))
        parts = np.split(flat, np.cumsum([size for m, k in shapes for size in (m * k, k)])[:-1])
        return Views(map(np.reshape, parts[::2], shapes)), Views(parts[1::2])

    weights = property(lambda self: self._views(self._parameters)[0])
    biases = property(lambda self: self._views(self._parameters)[1])
    parameters = property(lambda self: self._parameters)

    @parameters.setter
    def parameters(self, values):
        self._parameters[:] = _shaped(values, self._parameters, "parameters")

    def _forward(self, X, weights, biases):
        """Algorithm 1: [A^0, ..., A^(L-1)] and [Z^1, ..., Z^L]; A^l may stand in Z^l's memory."""
        A, Z = [X.astype(self.dtype, order="C", copy=self.input_scale != 1)], []
        if self.input_scale != 1:
            A[0] *= self.input_scale
        for W, b, f in zip(weights, biases, self.activations):
            z = A[-1].dot(W)
            z += b
            Z.append(z)
            if len(Z) < len(weights):  # the cost may need the last Z
                A.append(_activate(f, z))
        return A, Z

    def _logits(self, X):
        """Z^L (n, m_L) for checked X, converted and fed forward a block at a time."""
        blocks, views = range(0, len(X), ROWS), self._views(self._parameters)
        return np.concatenate([self._forward(X[i : i + ROWS], *views)[1][-1] for i in blocks])

    @np.errstate(under="ignore")
    def feedforward(self, X):
        """The network's output (n, m_L) for X (n, m_0): Algorithm 1, equation (8)."""
        X = _checked(X, self.layer_sizes[0], "X", self.dtype)
        return _activate(self.activations[-1], self._logits(X))

    def _cost(self, Y, Z, weight, gradient=True):
        """The cost without penalties, and dC/dZ^L or None, from Z^L, which may be overwritten."""
        f, cost, Y = self.activations[-1], self.cost, Y.astype(self.dtype, copy=False)
        canonical = CANONICAL.get((type(f), type(cost)))
        if canonical:
            return canonical(Y, Z, weight, gradient)
        a = _activate(f, Z)
        value = float(cost(Y.copy(), a.copy()))  # copies, lest one's own cost change them
        if not gradient:
            return value, None
        delta = _shaped(cost.gradient(Y.copy(), a.copy()), a, cost, ".gradient")
        return value, _through(f, Z, a, delta)

    @np.errstate(under="ignore")
    def total_cost(self, X, Y):
        """C = cost + l1 sum |w| + l2 sum w^2, a float: equation (9). X is (n, m_0), Y (n, m_L)."""
        X, Y, weight = _checked_pair(self, (X, Y))
        cost, _ = self._cost(Y, self._logits(X), weight, gradient=False)
        return float(cost + sum((self.l1 * abs(W) + self.l2 * W**2).sum() for W in self.weights))

    @np.errstate(under="ignore")
    def backpropagate(self, X, Y):
        """The gradient of `total_cost`, laid out as `parameters`: Algorithm 2."""
        X, Y, weight = _checked_pair(self, (X, Y))
        gradient = np.empty_like(self.parameters)
        self._backward(X, Y, weight, self._views(self._parameters), self._views(gradient))
        return gradient

    def _backward(self, X, Y, weight, views, gradient_views):
        """Algorithm 2, equations (14) and (15): write dC/dW and dC/db, return the plain cost."""
        A, Z = self._forward(X, *views)
        cost, delta = self._cost(Y, Z[-1], weight)
        ones, (weights, _), (dW, db) = np.ones(len(Y), self.dtype), views, gradient_views
        for layer, W in reversed(list(enumerate(weights))):
            slope = A[layer].T.dot(delta, out=dW[layer])
            ones.dot(delta, out=db[layer])  # the sum over samples, faster as a product
            if self.l1:
                slope += self.l1 * np.sign(W)
            if self.l2:
                slope += 2 * self.l2 * W
            if layer > 0:
                f = self.activations[layer - 1]
                delta = _through(f, Z[layer - 1], A[layer], delta.dot(W.T))
        return cost

    def train(
        self, X, Y, optimizer, epochs, batch_size=None, validation=None, shuffle=True,
        sample_weight=None,
    ):  # fmt: skip
        """A generator that at each step trains one epoch by minibatches and yields its `Record`.

        Nothing is trained until it is looped over; ``list(network.train(...))`` does all of it. A
        bad argument is a ValueError at the call. Where the cost or a parameter stops being finite
        a FloatingPointError is raised, with the last parameters that began an epoch at finite cost.

        Parameters
        ----------
        X, Y : (n, m_0) and (n, m_L) arrays of real numbers
        optimizer : str or Optimizer
            An instance goes on from where it is.
        epochs, batch_size, shuffle : int, int or None, bool
            An epoch takes the samples in batches, of which the last may be smaller, or with None
            all at once; in a new order if it is to shuffle.
        validation, sample_weight : (X, Y) or (X, Y, sample_weight), (n,) array
            The cost on the former is measured after each epoch. With weights a cost is a weighted
            mean: weight 2 is the sample twice. Only for the canonical pairs, equation (39).
        """
        X, Y, weight = _checked_pair(self, (X, Y, sample_weight))
        optimizer = _by_name(optimizer, OPTIMIZERS, Optimizer)
        epochs = _number("epochs", epochs, ">", kind=Integral)
        size = len(X) if batch_size is None else batch_size
        size = _number("batch_size", size, ">", kind=Integral)
        if validation is not None:
            validation = _checked_pair(self, validation, "validation ")
        return self._epochs(X, Y, weight, optimizer, epochs, size, validation, shuffle)

    def _epochs(self, X, Y, weight, optimizer, epochs, batch_size, validation, shuffle):
        """Algorithm 3, with checked arguments."""
        order = np.arange(len(X))
        gradient, last_finite = np.empty_like(self.parameters), self.parameters.copy()
        views, gradient_views = self._views(self._parameters), self._views(gradient)
        for epoch in range(1, epochs + 1):
            begin = time.perf_counter()
            if shuffle:
                self.rng.shuffle(order)
            total, validation_cost = 0.0, None
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # seen to below
                for start in range(0, len(X), batch_size):
                    rows = order[start : start + batch_size]
                    n = len(rows)
                    share = 1 / n if isinstance(weight, float) else weight[rows] * (len(X) / n)
                    x, y = X.take(rows, axis=0), Y.take(rows, axis=0)
                    total += n * self._backward(x, y, share, views, gradient_views)
                    if not math.isfinite(total):
                        break
                    if start == 0:
                        last_finite[:] = self._parameters
                    optimizer.update(self._parameters, gradient)
                seconds = time.perf_counter() - begin
                if validation:
                    X_val, Y_val, share = validation
                    validation_cost, _ = self._cost(Y_val, self._logits(X_val), share, False)
            finite = math.isfinite(total + (validation_cost or 0.0))
            if not (finite and np.isfinite(self.parameters).all()):
                self.parameters = last_finite
                rate = optimizer.rate(max(optimizer.step - 1, 0))
                raise FloatingPointError(
                    f"the cost is no longer finite in epoch {epoch}, at learning rate {rate:g}: "
                    "try a smaller one, with a new optimizer"
                )
            yield Record(epoch, total / len(X), validation_cost, seconds)

    def save(self, path):
        """Write the network, its random state included, to `path` (.npz, without pickle)."""
        names = {kind: name for name, kind in (ACTIVATIONS | COSTS).items()}
        for part in (*self.activations, self.cost):
            _require(type(part) in names, f"only nnlib's own parts can be saved, not {part!r}")
        rng = self.rng.bit_generator.state
        _require(rng["bit_generator"] == "PCG64", f"cannot save a {rng['bit_generator']} generator")
        spec = {key: vars(self)[key] for key in ("layer_sizes", "l1", "l2", "init", "input_scale")}
        spec["activations"] = [[names[type(f)], f.get_params()] for f in self.activations]
        spec |= {"cost": names[type(self.cost)], "dtype": self.dtype.name, "rng": rng}
        partial = f"{os.fsdecode(path)}.partial"  # an interrupted save must not cost the older file
        with open(partial, "wb") as file:
            np.savez(file, spec=json.dumps(spec, default=float), parameters=self.parameters)
        os.replace(partial, path)

    @classmethod
    def load(cls, path):
        """The network that `save` wrote to `path`; ValueError if the file is anything else."""
        with open(path, "rb") as handle:
            try:
                with np.load(handle, allow_pickle=False) as file:
                    spec, parameters = json.loads(str(file["spec"])), file["parameters"]
                rng, parts = spec.pop("rng"), spec.pop("activations")
                network = cls(activations=[ACTIVATIONS[f](**args) for f, args in parts], **spec)
                network.rng.bit_generator.state = rng
                _require(parameters.dtype == network.dtype, "its parameters are of another dtype")
                network.parameters = parameters
            except Exception as error:  # a damaged file can fail in any way
                raise ValueError(f"{path} is damaged, or not by nnlib: {error}") from error
        return network

    def __repr__(self):
        parts = f"{self.layer_sizes}, {self.activations}, {self.cost}, dtype='{self.dtype}'"
        options = (f"{key}={vars(self)[key]!r}" for key in ("l1", "l2", "init", "input_scale"))
        return f"NeuralNetwork({parts}, {', '.join(options)})"


# --------------------------------------------------------------------------- scikit-learn
@dataclass(eq=False, repr=False)
class _Estimator(BaseEstimator):
    """Parameters
    ----------
    hidden_layer_sizes, activation : tuple of int, str or Activation
        () makes linear or logistic regression.
    optimizer, learning_rate : str or Optimizer, float or function of the step
        The rate is for an optimizer given by name. Each fit uses a copy of an instance, into which
        a grid search reaches as ``optimizer__momentum``.
    epochs, batch_size, l1, l2, init
        As of `NeuralNetwork` and its `train`; "auto" is 2 sqrt(n), in between 32 and 200.
    early_stopping, validation_fraction : bool, float
        Hold out that part of the data, watch its cost instead of the training cost, and keep the
        parameters of the epoch where it was lowest.
    patience, tol : int, float or None
        `fit` ends when `patience` epochs in a row have not lowered the cost by `tol`. If it never
        comes to that, or the cost rose, a ConvergenceWarning says so; not so with tol=None.
    random_state, verbose : int, RandomState or None, bool
    class_weight : dict, "balanced" or None
        The classifier's alone: weights of its labels, which multiply sample_weight.

    Attributes
    ----------
    network_, history_, n_iter_, loss_curve_ : NeuralNetwork, list of Record, int, list of float
        The network has X's precision. Curve and history are of each epoch; the costs are without
        penalties. An interrupted fit leaves what it has reached.
    n_features_in_, classes_ : int, (K,) array of the classifier's sorted labels
    """

    hidden_layer_sizes: tuple = (100,)
    activation: str | Activation = "relu"
    optimizer: str | Optimizer = "adam"
    learning_rate: float = 0.001
    epochs: int = 200
    batch_size: int | str | None = "auto"
    l1: float = 0.0
    l2: float = 0.0
    init: str | None = "glorot"
    early_stopping: bool = False
    validation_fraction: float = 0.1
    patience: int = 10
    tol: float | None = 1e-4
    random_state: int | None = None
    verbose: bool = False

    n_iter_ = property(lambda self: len(self.history_))
    loss_curve_ = property(lambda self: [record.cost for record in self.history_])

    def fit(self, X, y, sample_weight=None):
        """Train a new network on X (n, n_features), or leave all as it was if that fails."""
        if not self._fit(X, y, sample_weight)._converged:
            message = f"not converged: {self.n_iter_} epochs end at cost {self.loss_curve_[-1]:.3g}"
            warnings.warn(message, ConvergenceWarning, stacklevel=2)
        return self

    def _fit(self, X, y, sample_weight, partial=False, **classes):
        before, validation = vars(self).copy(), None
        first = not (partial and hasattr(self, "network_"))
        try:
            data = X, Y, *_ = self._data(X, y, sample_weight, reset=first, **classes)
            if first:
                hidden = np.atleast_1d(self.hidden_layer_sizes).tolist()
                f = deepcopy(_by_name(self.activation, ACTIVATIONS, Activation))
                self.network_ = NeuralNetwork(
                    [X.shape[1], *hidden, Y.shape[1]], [f] * len(hidden) + [self._output],
                    self._cost, self.l1, self.l2, self.init, X.dtype,
                    seed=check_random_state(self.random_state).randint(2**31 - 1),
                )  # fmt: skip
                o = deepcopy(_by_name(self.optimizer, OPTIMIZERS, Optimizer, self.learning_rate))
                o.step, self._optimizer, self.history_ = 0, o, []
            else:  # train copies, lest a failure leave the network half trained
                self.network_, self._optimizer = deepcopy((self.network_, self._optimizer))
                self.history_ = [*self.history_]
            if self.early_stopping:
                _require(not partial, "partial_fit cannot do early_stopping: use fit")
                rows, held_out = train_test_split(
                    np.arange(len(X)),
                    test_size=_number("validation_fraction", self.validation_fraction, ">", 1),
                    random_state=int(self.network_.rng.integers(2**31)),
                    stratify=Y.argmax(axis=1) if isinstance(self, ClassifierMixin) else None,
                )  # fmt: skip
                validation = [array[held_out] for array in data]
                data = [array[rows] for array in data]
            self._train(*data[:2], 1 if partial else self.epochs, validation, *data[2:])
        except Exception:
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    def _train(self, X, Y, epochs, validation, *weight):
        network, patience = self.network_, _number("patience", self.patience, ">", kind=Integral)
        tol = -np.inf if self.tol is None else _number("tol", self.tol)
        auto = int(np.clip(2 * math.sqrt(len(X)), 32, 200))
        size = auto if self.batch_size == "auto" else self.batch_size
        best_cost, best, waited = np.inf, network.parameters, 0  # `best`: as they will be
        training = network.train(X, Y, self._optimizer, epochs, size, validation, True, *weight)
        try:
            for record in training:
                self.history_.append(record._replace(epoch=len(self.history_) + 1))
                if self.verbose:
                    print(self.history_[-1])
                cost = record.validation_cost if validation else record.cost
                waited = waited + 1 if cost > best_cost - tol else 0
                if validation and cost < best_cost:
                    best = network.parameters.copy()
                best_cost = min(cost, best_cost)
                if waited == patience:
                    break
        finally:
            network.parameters = best
        fell = record.cost <= self.history_[0].cost
        self._converged = self.tol is None or (waited == patience and fell)

    def _feedforward(self, X, method):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        return method(self.network_, _checked(X, X.shape[1], "X", self.network_.dtype))


class NeuralNetworkRegressor(MultiOutputMixin, RegressorMixin, _Estimator):
    __doc__ = "Regression: linear outputs and the MSE.\n\n" + inspect.cleandoc(_Estimator.__doc__)
    _output, _cost = "linear", "mse"

    def _data(self, X, y, sample_weight, reset):
        X, y = validate_data(
            self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True, reset=reset
        )
        _require(y.dtype.kind in "fiub", f"y must be numbers, got dtype {y.dtype}")
        if reset:
            self._y_shape = y.shape[1:]
        data = X, y.reshape(len(y), -1)
        return data if sample_weight is None else (*data, _checked_weight(sample_weight, len(X)))

    def partial_fit(self, X, y, sample_weight=None):
        """One more epoch, on X and y alone; the first call makes network and optimizer."""
        return self._fit(X, y, sample_weight, partial=True)

    def predict(self, X):
        """(n,) if y was, else (n, n_outputs)."""
        return self._feedforward(X, NeuralNetwork.feedforward).reshape(-1, *self._y_shape)


@dataclass(eq=False, repr=False)
class NeuralNetworkClassifier(ClassifierMixin, _Estimator):
    __doc__ = "Classification: softmax, cross-entropy.\n\n" + inspect.cleandoc(_Estimator.__doc__)
    _output, _cost = "softmax", "cross_entropy"
    class_weight: dict | str | None = None

    def _data(self, X, y, sample_weight, reset, classes=None):
        X, y = validate_data(self, X, y, dtype=FLOATS, reset=reset)
        check_classification_targets(y)
        if reset:
            self.classes_ = np.unique(y if classes is None else classes)
        known = self.classes_.tolist()
        if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes {classes} are not those before: {known}")
        unseen = np.setdiff1d(y, self.classes_).tolist()
        _require(not unseen, f"y has labels {unseen}, not among the classes {known}")
        Y = y[:, None] == self.classes_
        if sample_weight is None and self.class_weight is None:
            return X, Y
        weight = compute_class_weight(self.class_weight, classes=self.classes_, y=y)[Y.argmax(1)]
        if sample_weight is not None:
            weight *= _checked_weight(sample_weight, len(X))
        return X, Y, weight

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """One more epoch, on X and y alone; the first call makes network and optimizer."""
        _require(classes is not None or hasattr(self, "network_"), "a first call needs classes")
        _require(not isinstance(self.class_weight, str), "partial_fit needs class_weight as a dict")
        return self._fit(X, y, sample_weight, partial=True, classes=classes)

    @np.errstate(under="ignore")
    def predict_log_proba(self, X):
        """(n, K), the logarithms of `predict_proba`, finite where that rounds to 0."""
        return log_softmax(self._feedforward(X, NeuralNetwork._logits), axis=1)

    def predict_proba(self, X):
        """(n, K), each row summing to one, columns in the order of `classes_`."""
        return self._feedforward(X, NeuralNetwork.feedforward)

    def predict(self, X):
        """(n,) labels, the most probable of `classes_`."""
        winners = self.predict_proba(X).argmax(axis=1)
        return self.classes_[winners]


# --------------------------------------------------------------------------- guards
def _require(condition, message):
    if not condition:
        raise ValueError(message)


def _number(name, value, sign=">=", below=math.inf, kind=Real):
    if isinstance(value, kind) and 0 <= value < below and (value > 0 or sign == ">="):
        return value
    what = "a number" if kind is Real else "an int"
    raise ValueError(f"{name} must be {what} {sign} 0 and < {below}, got {value!r}")


def _by_name(value, known, base, *arguments):
    """What `value` names in the dictionary `known`, made anew, or the instance `value`."""
    kind = base.__name__.lower()
    if isinstance(value, str):
        _require(value in known, f"unknown {kind} {value!r}: expected one of {sorted(known)}")
        return known[value](*arguments)
    _require(isinstance(value, base), f"{kind} must be a name or an instance, got {value!r}")
    return value


def _check_structure(layer_sizes, activations, init, dtype):
    sizes = list(layer_sizes) if isinstance(layer_sizes, (list, tuple, np.ndarray)) else []
    ok = len(sizes) >= 2 and all(isinstance(m, Integral) and m >= 1 for m in sizes)
    _require(ok, f"layer_sizes must be two or more widths, each an int >= 1, got {layer_sizes!r}")
    ok = isinstance(activations, (list, tuple)) and len(activations) == len(sizes) - 1
    one_each = f"activations must be a list of {len(sizes) - 1}, one per layer after the input"
    _require(ok, f"{one_each}, got {activations!r}")
    _require(init in (None, *INITIALIZATIONS), f"unknown init {init!r}, not {[*INITIALIZATIONS]}")
    legal = dtype in (float, np.float32, np.float64, "float32", "float64")
    _require(legal, f"dtype must be float32 or float64, got {dtype!r}")


def _checked(data, width, name, dtype):
    """`data` as an array of finite real numbers of shape (n, width), n >= 1."""
    _require(not hasattr(data, "toarray"), f"{name} is sparse: use {name}.toarray()")
    try:
        data = np.asarray(data)
    except ValueError as error:
        raise ValueError(f"{name} must be an array: {error}") from error
    ok = data.ndim == 2 and data.shape[1] == width and len(data) > 0
    _require(ok, f"{name} must have shape (n, {width}) with n >= 1, got {data.shape}")
    _require(data.dtype.kind in "fiub", f"{name} must be real numbers, got dtype {data.dtype}")
    finite = max(data.max(), -float(data.min())) <= np.finfo(dtype).max
    _require(finite, f"{name} holds NaN, infinity or numbers beyond {dtype}")
    return data


def _checked_pair(network, data, prefix=""):
    """X and Y in C order, and a sample's weight: 1 / n, or (n, 1) with each one's share."""
    ok = isinstance(data, (list, tuple)) and len(data) in (2, 3)
    _require(ok, f"{prefix}data must be a pair (X, Y) or with sample_weight, got {type(data)}")
    X, Y, sample_weight = data if len(data) == 3 else (*data, None)
    f, cost = network.activations[-1], network.cost
    X = _checked(X, network.layer_sizes[0], f"{prefix}X", network.dtype)
    Y = _checked(Y, network.layer_sizes[-1], f"{prefix}Y", network.dtype)
    _require(len(X) == len(Y), f"{prefix}X has {len(X)} samples, but Y has {len(Y)}")
    lo, hi = cost.target_range
    if not (lo <= Y.min() and Y.max() <= hi):
        raise ValueError(f"targets of {cost} must be in [{lo}, {hi}], got {Y.min()} to {Y.max()}")
    certain = isinstance(f, Softmax) and Y.shape[1] == 1 and (Y != 1).any()
    _require(not certain, "one softmax output is always 1: use a sigmoid, or two outputs")
    X, Y = np.ascontiguousarray(X), np.ascontiguousarray(Y)
    if sample_weight is None:
        return X, Y, 1 / len(X)
    _require((type(f), type(cost)) in CANONICAL, f"{f} with {cost} takes no sample_weight")
    weight = _checked_weight(sample_weight, len(X), f"{prefix}sample_weight")
    return X, Y, (weight / weight.sum()).astype(network.dtype)[:, None]


def _checked_weight(weight, n, name="sample_weight"):
    weight = np.asarray(weight, float)
    _require(weight.shape == (n,), f"{name} must have shape ({n},), got {weight.shape}")
    ok = weight.min() >= 0 and 0 < weight.sum() < math.inf
    _require(ok, f"{name} must be finite numbers >= 0, not all zero")
    return weight


def _shaped(new, like, *name):
    new = np.array(new, like.dtype)
    if new.shape != like.shape:  # the name is not put together before, at each step
        raise ValueError(f"{''.join(map(str, name))} must have shape {like.shape}, got {new.shape}")
    return new


def _same_shape(y, y_hat):
    y_hat = 1.0 * np.asarray(y_hat)
    y = np.asarray(y, y_hat.dtype)
    _require(y.shape == y_hat.shape, f"y has shape {y.shape}, but y_hat has {y_hat.shape}")
    _require(y.size > 0, "y is empty")
    return y, y_hat


def _log(p):
    """log p and 1 / p; below the smallest normal number of p's dtype log p is held constant."""
    held = np.maximum(p, np.finfo(p.dtype).tiny)
    return np.log(held), (p >= 0) / held
