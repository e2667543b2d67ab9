"""A feed-forward neural network in plain NumPy, in the order of the theory.

Activations, costs, the network (feed-forward and back-propagation), optimizers, training, and
scikit-learn estimators. Shapes are the same throughout: rows are samples, ``A`` is (n, m_l),
``W`` is (m_{l-1}, m_l), ``b`` is (m_l,), and ``Z = A W + b``.

>>> network = NeuralNetwork([1, 100, 1], ["tanh", "linear"], seed=0)
>>> for record in network.train(X, Y, "adam", epochs=100, batch_size=32):
...     print(record.epoch, record.cost)
"""

import copy
import json
import math
import os
import time
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data


def _require(condition, message):
    if not condition:
        raise ValueError(message)


def _number(name, value, positive=False, below=math.inf):
    """`value` as a float, if it is in [0, below), or in (0, below) where it must be positive."""
    _require(
        isinstance(value, Real) and 0 <= value < below and not (positive and value == 0),
        f"{name} must be a number {'>' if positive else '>='} 0 and < {below}, got {value!r}",
    )
    return float(value)


def _whole(name, value):
    ok = isinstance(value, Integral) and value >= 1
    _require(ok, f"{name} must be an int >= 1, got {value!r}")
    return int(value)


def _by_name(value, known, base):
    """A new instance of what `value` names in the dictionary `known`, or the instance `value`."""
    kind = base.__name__.lower()
    if isinstance(value, str):
        _require(value in known, f"unknown {kind} {value!r}: expected one of {sorted(known)}")
        return known[value]()
    _require(isinstance(value, base), f"{kind} must be a name or an instance, got {value!r}")
    return value


# --------------------------------------------------------------------------- activations


class Activation:
    """A function f with ``A = f(Z)``, elementwise unless its class says otherwise.

    A subclass gives ``apply``, which works in place, and ``slope``: f'(z) written in terms of
    the output a = f(z), so that back-propagation need not keep Z.
    """

    def __call__(self, z):
        """f(z), a new array of z's shape."""
        z = np.array(z)
        return self.apply(z if z.dtype.kind == "f" else z.astype(float))

    def derivative(self, z):
        """Elementwise f'(z), an array of z's shape."""
        return self.slope(self(z))

    def backward(self, a, delta):
        """dC/dZ from delta = dC/dA and the outputs a, all (n, m); overwrites delta."""
        delta *= self.slope(a)
        return delta


class Linear(Activation):
    """f(z) = z: equation (22)."""

    def apply(self, z):
        return z

    def slope(self, a):
        return np.ones_like(a)

    def backward(self, a, delta):
        return delta


class Sigmoid(Activation):
    """f(z) = 1 / (1 + e^-z), with f' = f (1 - f): equation (23)."""

    def apply(self, z):
        with np.errstate(over="ignore"):  # e^-z may reach infinity: 1 / infinity = 0 is right
            np.exp(np.negative(z, out=z), out=z)
        z += 1
        return np.reciprocal(z, out=z)

    def slope(self, a):
        return a * (1 - a)


class Tanh(Activation):
    """f(z) = tanh z, with f' = 1 - f^2: equation (25)."""

    def apply(self, z):
        return np.tanh(z, out=z)

    def slope(self, a):
        slope = a * a
        return np.subtract(1, slope, out=slope)


class ReLU(Activation):
    """f(z) = max(0, z), with f' = 1 where z > 0, else 0: equation (26) (Nair and Hinton 2010)."""

    def apply(self, z):
        return z.clip(0, np.inf, out=z)  # max(0, z), faster than np.maximum

    def slope(self, a):
        return (a > 0).astype(a.dtype)


class LeakyReLU(Activation):
    """f(z) = z where z > 0, else alpha z, 0 <= alpha < 1: equation (27) (Maas et al. 2013)."""

    def __init__(self, alpha=0.01):
        self.alpha = _number("alpha", alpha, below=1)

    def apply(self, z):
        return np.maximum(z, self.alpha * z, out=z)

    def slope(self, a):
        return np.where(a > 0, a.dtype.type(1), a.dtype.type(self.alpha))


class ELU(Activation):
    """f(z) = z where z > 0, else alpha (e^z - 1), with f' = f + alpha: equation (28)
    (Clevert et al. 2015)."""

    def __init__(self, alpha=1.0):
        self.alpha = _number("alpha", alpha)

    def apply(self, z):
        negative = np.expm1(np.minimum(z, 0))
        negative *= self.alpha
        np.maximum(z, 0, out=z)
        z += negative
        return z

    def slope(self, a):
        return np.where(a > 0, a.dtype.type(1), a + self.alpha)


class Softmax(Activation):
    """f(z)_i = e^(z_i) / sum_j e^(z_j) over the classes, the last axis: equation (29)
    (Bridle 1990).

    Each output depends on each input of its row, so that there is no elementwise derivative.
    """

    def apply(self, z):
        z -= z.max(axis=-1, keepdims=True)  # changes nothing but the range: e^z <= 1
        np.exp(z, out=z)
        z /= z.sum(axis=-1, keepdims=True)
        return z

    def derivative(self, z):
        raise TypeError("softmax has no elementwise derivative: use jacobian(z)")

    def jacobian(self, z):
        """df_i/dz_j = f_i (delta_ij - f_j), (n, K, K) for z (n, K): equation (30)."""
        a = self(z)
        return a[..., :, None] * (np.eye(a.shape[-1], dtype=a.dtype) - a[..., None, :])

    def backward(self, a, delta):
        delta -= (delta * a).sum(axis=-1, keepdims=True)  # equation (30): the Jacobian
        delta *= a  # times delta, without ever forming the Jacobian
        return delta


ACTIVATIONS = {
    "linear": Linear,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "softmax": Softmax,
}


# --------------------------------------------------------------------------- costs


def _same_shape(y, y_hat):
    """Both as floats of y_hat's precision, if their shapes agree."""
    y_hat = np.asarray(y_hat)
    y_hat = y_hat if y_hat.dtype.kind == "f" else y_hat.astype(float)
    y = np.asarray(y, y_hat.dtype)
    if y.shape != y_hat.shape:
        raise ValueError(f"y has shape {y.shape}, but y_hat has {y_hat.shape}")
    if y.size == 0:
        raise ValueError("y is empty")
    return y, y_hat


def _log(p):
    """log p, held finite at p <= 0 by the smallest normal number of p's dtype."""
    return np.log(np.maximum(p, np.finfo(p.dtype).tiny))


def _log_slope(p):
    """The derivative of _log: 1 / p, and 0 below p = 0, where _log is constant."""
    return (p >= 0) / np.maximum(p, np.finfo(p.dtype).tiny)


class Cost:
    """A function C of targets y and outputs y_hat, both (n, m), that is a mean over samples.

    With the activation `canonical` in the output layer dC/dZ is (a - y) / n, up to a factor:
    equation (39). `from_logits` then gives C and dC/dZ from Z: exact where the activation
    saturates, where the chain rule would multiply 0 by infinity.
    """

    canonical = None
    targets = (-math.inf, math.inf)  # the interval that y must lie in


class MSE(Cost):
    """C = sum (y_hat - y)^2 / (n m), the mean over samples and outputs: equation (36)."""

    canonical = Linear

    def __call__(self, y, y_hat):
        y, y_hat = _same_shape(y, y_hat)
        error = np.ravel(y_hat - y)
        return float(error @ error) / error.size

    def gradient(self, y, y_hat):
        """dC/dy_hat, of y_hat's shape."""
        y, y_hat = _same_shape(y, y_hat)
        return (y_hat - y) * (2 / y_hat.size)

    def from_logits(self, y, z):
        """C and dC/dZ at y_hat = z."""
        error = z - y
        return float(np.vdot(error, error)) / error.size, error * (2 / error.size)


class BinaryCrossEntropy(Cost):
    """C = -sum [y log p + (1 - y) log(1 - p)] / n, summed over outputs: equation (37)."""

    canonical = Sigmoid
    targets = (0, 1)

    def __call__(self, y, y_hat):
        y, p = _same_shape(y, y_hat)
        return -float(np.sum(y * _log(p) + (1 - y) * _log(1 - p))) / len(y)

    def gradient(self, y, y_hat):
        """dC/dy_hat, of y_hat's shape."""
        y, p = _same_shape(y, y_hat)
        return ((1 - y) * _log_slope(1 - p) - y * _log_slope(p)) / len(y)

    def from_logits(self, y, z):
        """C and dC/dZ at y_hat = sigmoid(z), exact where y_hat rounds to 0 or 1: equation (40)."""
        cost = float(np.sum(np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z))))) / len(y)
        return cost, (Sigmoid()(z) - y) / len(y)


class CrossEntropy(Cost):
    """C = -sum y log y_hat / n: summed over classes, mean over samples, equation (38)."""

    canonical = Softmax
    targets = (0, 1)

    def __call__(self, y, y_hat):
        y, p = _same_shape(y, y_hat)
        return -float(np.sum(y * _log(p))) / len(y)

    def gradient(self, y, y_hat):
        """dC/dy_hat, of y_hat's shape."""
        y, p = _same_shape(y, y_hat)
        return -y * _log_slope(p) / len(y)

    def from_logits(self, y, z):
        """C and dC/dZ at y_hat = softmax(z), exact even where y_hat rounds to 0: equation (41).

        dC/dZ = (a - y) / n where each row of y sums to one.
        """
        n, y, z = len(y), y.T.copy(), z.T.copy()  # NumPy sums faster along the first axis
        z -= z.max(axis=0)
        e = np.exp(z)
        y_sum, e_sum = y.sum(axis=0), e.sum(axis=0)
        cost = float(np.vdot(y_sum, np.log(e_sum)) - np.vdot(y, z)) / n
        e *= y_sum / e_sum
        e -= y
        e /= n
        return cost, e.T


COSTS = {"mse": MSE, "binary_cross_entropy": BinaryCrossEntropy, "cross_entropy": CrossEntropy}


# --------------------------------------------------------------------------- the network


class Record(NamedTuple):
    """What one epoch of training measured."""

    epoch: int  # 1, 2, ...
    cost: float  # without penalties; mean over the batches, each measured before its step
    validation_cost: float | None  # the same on the validation data, after the epoch
    seconds: float  # of training; the validation is not counted


# Standard deviation of a layer's initial weights, from its numbers of inputs and outputs:
# equation (35)
INITIALIZATIONS = {
    "normal": lambda fan_in, fan_out: 1.0,
    "glorot": lambda fan_in, fan_out: np.sqrt(2 / (fan_in + fan_out)),  # Glorot, Bengio 2010
    "he": lambda fan_in, fan_out: np.sqrt(2 / fan_in),  # He et al. 2015
}


class NeuralNetwork:
    """A fully connected feed-forward network.

    Parameters
    ----------
    layer_sizes : widths m_0, ..., m_L, the input's first; [2, 1] has no hidden layer
    activations : list of L, one per layer after the input, each a name or an instance
    cost : a name or an instance
    l1, l2 : penalties, C = cost + l1 sum |w| + l2 sum w^2 over the weights, not the biases
    init : "normal", "glorot" or "he"; None takes "he" before a ReLU, leaky ReLU or ELU, "glorot"
        before the others. Biases begin at zero.
    dtype : np.float32 or np.float64, of the parameters and of all computation
    seed : as of np.random.default_rng; it fixes the initial weights and the order of batches
    input_scale : A^0 = input_scale X, a number > 0; with 1 / 255 images may stay bytes until their
        batch, which takes a quarter of the memory

    Attributes
    ----------
    parameters : (P,), layer by layer, each layer's weights and then its biases
    weights, biases : lists of (m_{l-1}, m_l) and (m_l,) arrays, views of `parameters`

    Raises ValueError where an argument is not of these.
    """

    def __init__(
        self, layer_sizes, activations, cost="mse", l1=0.0, l2=0.0, init=None, dtype=np.float64,
        seed=None, input_scale=1.0,
    ):  # fmt: skip
        sizes = list(layer_sizes) if isinstance(layer_sizes, (list, tuple, np.ndarray)) else []
        _require(
            len(sizes) >= 2 and all(isinstance(m, Integral) and m >= 1 for m in sizes),
            f"layer_sizes must be two or more widths, each an int >= 1, got {layer_sizes!r}",
        )
        _require(
            isinstance(activations, (list, tuple)) and len(activations) == len(sizes) - 1,
            f"activations must be a list of {len(sizes) - 1}, one per layer after the input, "
            f"got {activations!r}",
        )
        _require(
            init in (None, *INITIALIZATIONS),
            f"unknown init {init!r}: expected None or one of {sorted(INITIALIZATIONS)}",
        )
        legal = dtype in (float, np.float32, np.float64, "float32", "float64")
        _require(legal, f"dtype must be float32 or float64, got {dtype!r}")
        self.dtype = np.dtype(dtype)
        self.layer_sizes = [int(m) for m in sizes]
        self.activations = [_by_name(f, ACTIVATIONS, Activation) for f in activations]
        self.cost = _by_name(cost, COSTS, Cost)
        self.l1, self.l2 = _number("l1", l1), _number("l2", l2)
        self.input_scale = _number("input_scale", input_scale, positive=True)
        self.rng = np.random.default_rng(seed)

        n_parameters = sum((m + 1) * k for m, k in zip(self.layer_sizes, self.layer_sizes[1:]))
        self.parameters = np.zeros(n_parameters, self.dtype)
        self.weights, self.biases = self._views(self.parameters)
        for W, f in zip(self.weights, self.activations):
            rectifier = isinstance(f, (ReLU, LeakyReLU, ELU))
            scale = INITIALIZATIONS[init or ("he" if rectifier else "glorot")]
            W[:] = scale(*W.shape) * self.rng.standard_normal(W.shape)

    def _views(self, flat):
        """The weights and biases as views of a vector laid out as `parameters`."""
        weights, biases, start = [], [], 0
        for m, k in zip(self.layer_sizes, self.layer_sizes[1:]):
            weights.append(flat[start : start + m * k].reshape(m, k))
            biases.append(flat[start + m * k : start + (m + 1) * k])
            start += (m + 1) * k
        return weights, biases

    def _checked(self, data, width, name):
        """`data` as an array of finite real numbers of shape (n, width), n >= 1."""
        try:
            data = np.asarray(data)
        except ValueError as error:
            raise ValueError(f"{name} must be an array: {error}") from error
        _require(
            data.ndim == 2 and data.shape[1] == width and len(data) > 0,
            f"{name} must have shape (n, {width}) with n >= 1, got {data.shape}",
        )
        _require(data.dtype.kind in "fiub", f"{name} must be real numbers, got dtype {data.dtype}")
        limit = np.finfo(self.dtype).max
        _require(
            -limit <= data.min() and data.max() <= limit,
            f"{name} holds NaN, infinity or numbers beyond {self.dtype}",
        )
        return data

    def _checked_pair(self, X, Y, prefix=""):
        X = self._checked(X, self.layer_sizes[0], f"{prefix}X")
        Y = self._checked(Y, self.layer_sizes[-1], f"{prefix}Y")
        _require(len(X) == len(Y), f"{prefix}X has {len(X)} samples, but Y has {len(Y)}")
        low, high = self.cost.targets
        _require(
            Y.min() >= low and Y.max() <= high,
            f"the targets of {type(self.cost).__name__} must be in [{low}, {high}], "
            f"got {Y.min()} to {Y.max()}",
        )
        return X, Y

    def _cast(self, data):
        return data if data.dtype == self.dtype else data.astype(self.dtype)

    def _input(self, X, out=None):
        """A^0 = input_scale X, into `out` where it has to be computed."""
        if self.input_scale == 1:
            return self._cast(X)
        A = np.empty(X.shape, self.dtype) if out is None else out
        A[:] = X
        A *= self.input_scale
        return A

    def feedforward(self, X):
        """The network's output (n, m_L) for X (n, m_0): Algorithm 1, equation (8)."""
        A = self._input(self._checked(X, self.layer_sizes[0], "X"))
        for W, b, f in zip(self.weights, self.biases, self.activations):
            Z = A.dot(W)
            Z += b
            A = f.apply(Z)
        return A

    def _forward(self, X):
        """Algorithm 1 for training, which needs [A^0, ..., A^(L-1), Z^L]."""
        outputs = [X]
        for W, b, f in zip(self.weights, self.biases, self.activations):
            Z = outputs[-1].dot(W)
            Z += b
            outputs.append(Z if W is self.weights[-1] else f.apply(Z))
        return outputs

    def _cost_and_delta(self, Y, Z):
        """The cost without its penalties and dC/dZ^L, from Z^L, which may be overwritten."""
        f = self.activations[-1]
        if type(f) is self.cost.canonical:
            return self.cost.from_logits(Y, Z)
        a = f.apply(Z)
        return self.cost(Y, a), f.backward(a, self.cost.gradient(Y, a))

    def _data_cost(self, X, Y):
        """The cost without its penalties, for checked X and Y."""
        return self._cost_and_delta(self._cast(Y), self._forward(self._input(X))[-1])[0]

    def total_cost(self, X, Y):
        """C = cost + l1 sum |w| + l2 sum w^2, a float: equation (9). X is (n, m_0), Y (n, m_L)."""
        l1_norm = sum(np.abs(W).sum() for W in self.weights)
        l2_norm = sum(np.square(W).sum() for W in self.weights)
        cost = self._data_cost(*self._checked_pair(X, Y))
        return float(cost + self.l1 * l1_norm + self.l2 * l2_norm)

    def backpropagate(self, X, Y):
        """The gradient of `total_cost`, laid out as `parameters`: Algorithm 2."""
        X, Y = self._checked_pair(X, Y)
        gradient = np.empty_like(self.parameters)
        self._backward(self._input(X), self._cast(Y), *self._views(gradient))
        return gradient

    def _backward(self, X, Y, dW, db):
        """Algorithm 2, equations (14) and (15): write dC/dW and dC/db, return the plain cost."""
        *A, Z = self._forward(X)
        cost, delta = self._cost_and_delta(Y, Z)
        ones = np.ones(len(Y), self.dtype)
        for layer in reversed(range(len(self.weights))):
            W = self.weights[layer]
            A[layer].T.dot(delta, out=dW[layer])
            ones.dot(delta, out=db[layer])  # the sum over samples, faster as a product
            if self.l1:
                dW[layer] += self.l1 * np.sign(W)
            if self.l2:
                dW[layer] += 2 * self.l2 * W
            if layer > 0:
                delta = self.activations[layer - 1].backward(A[layer], delta.dot(W.T))
        return cost

    def train(self, X, Y, optimizer, epochs, batch_size=None, validation=None, shuffle=True):
        """A generator that at each step trains one epoch by minibatches and yields its `Record`.

        Parameters
        ----------
        X, Y : (n, m_0) inputs and (n, m_L) targets, of any real dtype, converted batch by batch
        optimizer : a name, or an instance, which keeps its state between calls
        epochs : number of passes over the data
        batch_size : the last batch of an epoch may be smaller; None takes all samples at once
        validation : a pair (X, Y), on which the cost is measured after each epoch
        shuffle : whether to draw a new order of the samples for each epoch

        Raises ValueError for bad arguments, at once, and FloatingPointError in the epoch in which
        the cost stops being finite; the parameters are then the last known to give a finite cost.
        """
        X, Y = self._checked_pair(X, Y)
        optimizer = _by_name(optimizer, OPTIMIZERS, Optimizer)
        epochs = _whole("epochs", epochs)
        batch_size = len(X) if batch_size is None else _whole("batch_size", batch_size)
        if validation is not None:
            is_pair = isinstance(validation, (list, tuple)) and len(validation) == 2
            _require(is_pair, f"validation must be a pair (X, Y), got {type(validation)}")
            validation = self._checked_pair(*validation, prefix="validation ")
        return _epochs(self, X, Y, optimizer, epochs, batch_size, validation, shuffle)

    def save(self, path):
        """Write the network, its random state included, to `path` (.npz, without pickle)."""
        names = {kind: name for name, kind in (ACTIVATIONS | COSTS).items()}
        for part in (*self.activations, self.cost):
            _require(type(part) in names, f"only nnlib's own parts can be saved, not {part!r}")
        rng = self.rng.bit_generator.state
        _require(rng["bit_generator"] == "PCG64", f"cannot save a {rng['bit_generator']} generator")
        spec = {
            "layer_sizes": self.layer_sizes,
            "activations": [[names[type(f)], vars(f)] for f in self.activations],
            "cost": names[type(self.cost)],
            "l1": self.l1,
            "l2": self.l2,
            "dtype": self.dtype.name,
            "input_scale": self.input_scale,
            "rng": rng,
        }
        partial = f"{path}.partial"  # an interrupted save must not cost the older file
        with open(partial, "wb") as file:
            np.savez(file, spec=json.dumps(spec), parameters=self.parameters)
        os.replace(partial, path)

    @classmethod
    def load(cls, path):
        """The network that `save` wrote to `path`; ValueError if the file is anything else."""
        with open(path, "rb") as handle:
            try:
                with np.load(handle, allow_pickle=False) as file:
                    spec, parameters = json.loads(str(file["spec"])), file["parameters"]
                rng = spec.pop("rng")
                parts = spec.pop("activations")
                network = cls(activations=[ACTIVATIONS[f](**args) for f, args in parts], **spec)
                network.rng.bit_generator.state = rng
                own = network.parameters
                fit = (own.shape, own.dtype) == (parameters.shape, parameters.dtype)
                _require(fit, "its parameters do not fit its layers")
            except Exception as error:  # a damaged file can fail in any way
                raise ValueError(
                    f"{path} is not a whole file by NeuralNetwork.save: {error}"
                ) from error
        network.parameters[:] = parameters
        return network

    def __getstate__(self):
        return {k: v for k, v in vars(self).items() if k not in ("weights", "biases")}

    def __setstate__(self, state):
        vars(self).update(state)  # a copy or an unpickled network needs views of its own vector
        self.weights, self.biases = self._views(self.parameters)


# --------------------------------------------------------------------------- optimizers


class Optimizer:
    """A rule that moves parameters against the gradient of their cost.

    `learning_rate` is a number > 0, or a function of the step 0, 1, ... An optimizer keeps its
    step and its moving averages between calls: use a new one for each network.
    """

    n_vectors = 1  # how many vectors like the parameters its rule works on

    def __init__(self, learning_rate):
        if not callable(learning_rate):
            _number("learning_rate", learning_rate, positive=True)
        self.learning_rate = learning_rate
        self.step = 0
        self._vectors = None

    def rate(self, step):
        """The learning rate of a step, 0, 1, ..."""
        if callable(self.learning_rate):
            return _number(f"learning_rate at step {step}", self.learning_rate(step))
        return float(self.learning_rate)

    def update(self, parameters, gradient):
        """One step, in place, on flat vectors (P,); `gradient` is left as it is."""
        if gradient.shape != parameters.shape:
            raise ValueError(
                f"the gradient has shape {gradient.shape}, the parameters {parameters.shape}"
            )
        if self._vectors is None:
            self._vectors = [np.zeros_like(parameters) for _ in range(self.n_vectors)]
        v = self._vectors[0]
        if (v.shape, v.dtype) != (parameters.shape, parameters.dtype):
            raise ValueError(
                f"this optimizer began with {v.size} parameters of {v.dtype}, it cannot go on "
                f"with {parameters.size} of {parameters.dtype}: use a new one for each network"
            )
        self._move(parameters, gradient, self.rate(self.step), *self._vectors)
        self.step += 1


class SGD(Optimizer):
    """v <- momentum v - rate g, parameters <- parameters + v: equations (16) and (18)."""

    def __init__(self, learning_rate=0.01, momentum=0.0):
        super().__init__(learning_rate)
        self.momentum = _number("momentum", momentum, below=1)

    def _move(self, parameters, g, rate, v):
        v *= self.momentum
        v -= rate * g
        parameters += v


class RMSProp(Optimizer):
    """Steps divided by the root of a moving average v of g^2 (Tieleman and Hinton 2012).

    v <- rho v + (1 - rho) g^2, parameters <- parameters - rate g / (sqrt(v) + epsilon):
    equation (19).
    """

    n_vectors = 2

    def __init__(self, learning_rate=0.001, rho=0.9, epsilon=1e-8):
        super().__init__(learning_rate)
        self.rho = _number("rho", rho, below=1)
        self.epsilon = _number("epsilon", epsilon, positive=True)

    def _move(self, parameters, g, rate, v, change):
        np.square(g, out=change)
        change *= 1 - self.rho
        v *= self.rho
        v += change
        np.sqrt(v, out=change)
        change += self.epsilon
        np.divide(g, change, out=change)
        change *= rate
        parameters -= change


class Adam(Optimizer):
    """Moving averages m of g and v of g^2, corrected for their start at zero (Kingma, Ba 2015).

    m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2, and at step t = 1, 2, ...
    parameters <- parameters - rate m_hat / (sqrt(v_hat) + epsilon), where
    m_hat = m / (1 - beta1^t) and v_hat = v / (1 - beta2^t): equations (20) and (21).
    """

    n_vectors = 3

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
        super().__init__(learning_rate)
        self.beta1 = _number("beta1", beta1, below=1)
        self.beta2 = _number("beta2", beta2, below=1)
        self.epsilon = _number("epsilon", epsilon, positive=True)

    def _move(self, parameters, g, rate, m, v, change):
        # m and v are kept without their factors (1 - beta), which saves passes over memory:
        # m_hat = m_scale m and sqrt(v_hat) = v_scale sqrt(v).
        m_scale = (1 - self.beta1) / (1 - self.beta1 ** (self.step + 1))
        v_scale = math.sqrt((1 - self.beta2) / (1 - self.beta2 ** (self.step + 1)))
        m *= self.beta1
        m += g
        np.square(g, out=change)
        v *= self.beta2
        v += change
        np.sqrt(v, out=change)
        change += self.epsilon / v_scale
        np.divide(m, change, out=change)
        change *= rate * m_scale / v_scale
        parameters -= change


OPTIMIZERS = {"sgd": SGD, "rmsprop": RMSProp, "adam": Adam}


# --------------------------------------------------------------------------- training


# Algorithm 3
def _epochs(network, X, Y, optimizer, epochs, batch_size, validation, shuffle):
    """The generator behind `NeuralNetwork.train`, whose arguments are checked by now."""
    order = np.arange(len(X))
    gradient = np.empty_like(network.parameters)
    dW, db = network._views(gradient)
    batch_size = min(batch_size, len(X))
    X_batch, Y_batch = (np.empty((batch_size, data.shape[1]), data.dtype) for data in (X, Y))
    A_batch = np.empty(X_batch.shape, network.dtype)
    last_finite = network.parameters.copy()
    for epoch in range(1, epochs + 1):
        begin = time.perf_counter()
        if shuffle:
            network.rng.shuffle(order)
        total, validation_cost = 0.0, None
        with np.errstate(over="ignore", invalid="ignore"):  # divergence is reported below
            for start in range(0, len(X), batch_size):
                rows = order[start : start + batch_size]
                n = len(rows)
                x = X.take(rows, axis=0, out=X_batch[:n], mode="clip")  # "raise" would buffer out
                y = Y.take(rows, axis=0, out=Y_batch[:n], mode="clip")
                a, y = network._input(x, out=A_batch[:n]), network._cast(y)
                total += n * network._backward(a, y, dW, db)
                if not math.isfinite(total):
                    break
                if start == 0:
                    last_finite[:] = network.parameters
                optimizer.update(network.parameters, gradient)
            seconds = time.perf_counter() - begin
            if validation:
                validation_cost = network._data_cost(*validation)
        finite = math.isfinite(total + (validation_cost or 0.0))
        if not (finite and np.isfinite(network.parameters).all()):
            network.parameters[:] = last_finite
            rate = optimizer.rate(max(optimizer.step - 1, 0))
            raise FloatingPointError(
                f"the cost is no longer finite in epoch {epoch}, at learning rate {rate:g}: "
                f"try a smaller one. The last finite parameters are kept."
            )
        yield Record(epoch, total / len(X), validation_cost, seconds)


# --------------------------------------------------------------------------- scikit-learn


FLOATS = [np.float64, np.float32]  # anything else is converted to the first


class _Estimator(BaseEstimator):
    """Parameters
    ----------
    hidden_layer_sizes : widths of the hidden layers; () is linear or logistic regression
    activation : of the hidden layers, a name or an instance
    optimizer : a name, or an instance, of which each fit uses a copy
    learning_rate : a number or a function of the step, for an optimizer given by name
    epochs, batch_size : as of `NeuralNetwork.train`
    l1, l2, init : as of `NeuralNetwork`
    early_stopping : hold out `validation_fraction` of the data, stop once its cost has not fallen
        for `patience` epochs, and keep the best epoch's parameters
    random_state : int, RandomState or None
    verbose : print each epoch's record

    Attributes
    ----------
    network_ : the `NeuralNetwork`, float32 if X is, else float64
    history_ : list of `Record`, kept while training, so that an interrupted fit loses nothing
    n_features_in_ : int
    """

    def __init__(
        self, hidden_layer_sizes=(100,), activation="relu", optimizer="adam", learning_rate=0.001,
        epochs=200, batch_size=200, l1=0.0, l2=0.0, init=None, early_stopping=False,
        validation_fraction=0.1, patience=10, random_state=None, verbose=False,
    ):  # fmt: skip
        self.hidden_layer_sizes, self.activation = hidden_layer_sizes, activation
        self.optimizer, self.learning_rate = optimizer, learning_rate
        self.epochs, self.batch_size = epochs, batch_size
        self.l1, self.l2, self.init = l1, l2, init
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.patience, self.random_state, self.verbose = patience, random_state, verbose

    def _start(self, X, Y):
        """A new network and a new optimizer, for data of the shapes of X and Y."""
        hidden = np.atleast_1d(self.hidden_layer_sizes).tolist()
        self.network_ = NeuralNetwork(
            [X.shape[1], *hidden, Y.shape[1]],
            [self.activation] * len(hidden) + [self._output],
            cost=self._cost,
            l1=self.l1,
            l2=self.l2,
            init=self.init,
            dtype=X.dtype,
            seed=check_random_state(self.random_state).randint(2**31 - 1),
        )
        self._optimizer = copy.deepcopy(_by_name(self.optimizer, OPTIMIZERS, Optimizer))
        if isinstance(self.optimizer, str):
            self._optimizer = OPTIMIZERS[self.optimizer](self.learning_rate)
        self.history_ = []

    def _train(self, X, Y, epochs, validation=None):
        network, batch_size = self.network_, self.batch_size
        for record in network.train(X, Y, self._optimizer, epochs, batch_size, validation):
            self.history_.append(record._replace(epoch=len(self.history_) + 1))
            if self.verbose:
                print(self.history_[-1])
            yield record

    def fit(self, X, y):
        """Train a new network on X (n, n_features) and y; returns self."""
        X, Y = self._targets(X, y, reset=True)
        patience = _whole("patience", self.patience)
        self._start(X, Y)
        validation = None
        if self.early_stopping:
            X, X_held_out, Y, Y_held_out = train_test_split(
                X, Y, test_size=self.validation_fraction,
                random_state=int(self.network_.rng.integers(2**31)),
                stratify=Y.argmax(axis=1) if is_classifier(self) else None,
            )  # fmt: skip
            validation = X_held_out, Y_held_out
        best_cost, best_epoch, best = np.inf, 0, self.network_.parameters
        try:
            for record in self._train(X, Y, self.epochs, validation):
                if validation and record.validation_cost < best_cost:
                    best_cost, best_epoch = record.validation_cost, record.epoch
                    best = self.network_.parameters.copy()
                elif validation and record.epoch - best_epoch >= patience:
                    break
        finally:
            self.network_.parameters[:] = best
        return self

    def _partial_fit(self, X, Y, first):
        if first:
            self._start(X, Y)
        for _ in self._train(X, Y, epochs=1):
            pass
        return self

    def _feedforward(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        return self.network_.feedforward(X)


class NeuralNetworkRegressor(RegressorMixin, _Estimator):
    __doc__ = "Regression: a linear output layer trained on the MSE.\n" + _Estimator.__doc__
    _output, _cost = "linear", "mse"

    def _targets(self, X, y, reset):
        X, y = validate_data(
            self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True, reset=reset
        )
        if reset:
            self._column = y.ndim == 1
        return X, y.reshape(len(y), -1).astype(X.dtype)

    def partial_fit(self, X, y):
        """One more epoch, on X and y alone; the first call makes the network."""
        first = not hasattr(self, "network_")
        return self._partial_fit(*self._targets(X, y, reset=first), first)

    def predict(self, X):
        """(n,) if y was, else (n, n_outputs)."""
        output = self._feedforward(X)
        return output.ravel() if self._column else output

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class NeuralNetworkClassifier(ClassifierMixin, _Estimator):
    __doc__ = (
        "Classification: a softmax output layer trained on the cross-entropy.\n"
        + _Estimator.__doc__
        + "classes_ : (K,), the sorted labels\n"
    )
    _output, _cost = "softmax", "cross_entropy"

    def _targets(self, X, y, reset, classes=None):
        X, y = validate_data(self, X, y, dtype=FLOATS, reset=reset)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if reset:
            self.classes_ = np.unique(y if classes is None else classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes {classes} are not those before: {self.classes_.tolist()}")
        unseen = np.setdiff1d(y, self.classes_)
        _require(
            unseen.size == 0,
            f"y has labels {unseen.tolist()}, not among the classes {self.classes_.tolist()}",
        )
        return X, (y[:, None] == self.classes_).astype(X.dtype)

    def partial_fit(self, X, y, classes=None):
        """One more epoch, on X and y alone; the first call makes the network from `classes`."""
        first = not hasattr(self, "network_")
        _require(not (first and classes is None), "the first partial_fit needs all the classes")
        return self._partial_fit(*self._targets(X, y, first, classes), first)

    def predict_proba(self, X):
        """(n, K), each row summing to one, columns in the order of `classes_`."""
        return self._feedforward(X)

    def predict(self, X):
        """(n,) labels, the most probable of `classes_`."""
        winners = self.predict_proba(X).argmax(axis=1)
        return self.classes_[winners]
