"""Textbook definitions, written for autograd and independent of nnlib, and what compares them."""

import autograd.numpy as anp
import numpy as np

from nnlib import NeuralNetwork

ACTIVATIONS = {
    "linear": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + anp.exp(-z)),
    "tanh": lambda z: (anp.exp(z) - anp.exp(-z)) / (anp.exp(z) + anp.exp(-z)),
    "relu": lambda z: anp.where(z > 0, z, 0 * z),
    "leaky_relu": lambda z: anp.where(z > 0, z, 0.01 * z),
    "elu": lambda z: anp.where(z > 0, z, anp.exp(z) - 1),
    "softmax": lambda z: anp.exp(z) / anp.sum(anp.exp(z), axis=-1, keepdims=True),
}
COSTS = {
    "mse": lambda y, p: anp.sum((p - y) ** 2) / y.size,
    "binary_cross_entropy": lambda y, p: (
        -anp.sum(y * anp.log(p) + (1 - y) * anp.log(1 - p)) / len(y)
    ),
    "cross_entropy": lambda y, p: -anp.sum(y * anp.log(p)) / len(y),
}
KINKED = {"relu", "leaky_relu", "elu"}  # elu's second derivative jumps at 0
PENALTIES = [(0.0, 0.0), (0.01, 0.0), (0.0, 0.02), (0.01, 0.02)]  # (l1, l2)


def layout(network):
    """Index arrays that cut any vector laid out as `network.parameters` into (weights, biases)."""
    parameters = network.parameters.copy()
    network.parameters[:] = np.arange(parameters.size)
    places = [[a.astype(int) for a in arrays] for arrays in (network.weights, network.biases)]
    network.parameters[:] = parameters
    return places


def outputs(flat, places, activations, X):
    """The (Z, A) of every layer."""
    A, layers = X, []
    for W, b, f in zip(*places, activations):
        Z = anp.dot(A, flat[W]) + flat[b]
        A = ACTIVATIONS[f](Z)
        layers.append((Z, A))
    return layers


def penalised_cost(flat, places, activations, cost, l1, l2, X, Y):
    w = anp.concatenate([flat[W].ravel() for W in places[0]])
    A = outputs(flat, places, activations, X)[-1][1]
    return COSTS[cost](Y, A) + l1 * anp.sum(anp.abs(w)) + l2 * anp.sum(w**2)


def central_differences(network, X, Y, h=1e-5):
    """The gradient of `total_cost`: its error is of order h^2 + machine epsilon / h = 1e-10."""
    p, gradient = network.parameters, np.empty_like(network.parameters)
    for i, p_i in enumerate(p.copy()):
        p[i] = p_i + h
        above = network.total_cost(X, Y)
        p[i] = p_i - h
        gradient[i] = (above - network.total_cost(X, Y)) / (2 * h)
        p[i] = p_i
    return gradient


def relative_error(a, b, floor=1e-2):
    """|a - b| over the larger norm; a gradient shorter than `floor` counts as that long."""
    return np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b), floor)


def smooth_case(sizes, activations, cost, seed, n=4):
    """A network with data at which its cost is smooth: (network, X, Y).

    No weight is near 0 (the kink of l1), no pre-activation of a kinked activation is near its
    kink, and a cross-entropy gets outputs inside (0, 1). Where n > 1, pre-activations are of both
    signs, but for those of a cross-entropy's outputs.
    """
    network = NeuralNetwork(sizes, activations, cost)
    places = layout(network)
    unbounded = cost != "mse" and activations[-1] not in ("sigmoid", "softmax")
    rng = np.random.default_rng(seed)
    for _ in range(1000):
        X = rng.normal(size=(n, sizes[0]))
        Y = (rng.normal if cost == "mse" else rng.uniform)(size=(n, sizes[-1]))
        for layer, (W, b) in enumerate(zip(network.weights, network.biases)):
            W[:] = rng.uniform(0.2, 1, W.shape) * rng.choice([-1, 1], W.shape)
            b[:] = 0
            Z = outputs(network.parameters, places, activations, X)[layer][0]
            b -= Z.mean(axis=0) * rng.uniform(0.5, 1, b.shape)
        if unbounded:  # make the last Z = 0.5 ± 0.3 at most
            W *= 0.3 / max(np.abs(Z).max(), 0.3)
            b[:] = 0.5
        layers = outputs(network.parameters, places, activations, X)
        kinked = [Z for (Z, _), f in zip(layers, activations) if f in KINKED]
        far = [*kinked, *network.weights]
        if min(np.abs(a).min() for a in far) > 1e-3:
            return network, X, Y
    raise RuntimeError("no smooth case found: try another seed")
