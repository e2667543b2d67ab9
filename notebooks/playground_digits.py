"""The playground's second and third part: draw a digit, and look inside the network that reads it.

The network is the record network of notebook 08, whose weights are in data/. Python turns strokes
into the picture that the network reads, and computes all that is shown; the browser draws.
"""

import functools
import math
import time

import numpy as np
from PIL import Image, ImageDraw
from scipy.special import logsumexp, softmax
from threadpoolctl import threadpool_limits

from common import HERE, load_mnist
from nnlib import NeuralNetwork, Softmax, _through
from playground import WIDGETS, Part, text_of

WEIGHTS = HERE.parent / "data/mnist_record_weights.npz"
N_TRAIN, EVERY = 60_000, 3  # each third training digit is looked through for the nearest ones
SIZE, BOX, SIDE, FINE = 28, 20, 280, 3  # pixels: MNIST's picture and box; drawing area, its grain


# --------------------------------------------------------------------------- from strokes to input
def picture(strokes, underlay=None):
    """The strokes as a fine picture (840, 840), 0 to 255: each is a dictionary with the pen's
    `width` and its `points` [[x, y], ...] in a drawing area of 280 by 280. `underlay`, if any, is
    an MNIST picture (28, 28) that lies below them."""
    image = Image.new("L", (FINE * SIDE, FINE * SIDE))
    pen = ImageDraw.Draw(image)
    for stroke in strokes:
        points = [(FINE * x, FINE * y) for x, y in stroke["points"]]
        half = FINE * stroke["width"] / 2
        pen.line(points, fill=255, width=round(2 * half), joint="curve")
        for x, y in points:  # round ends and joints
            pen.ellipse([x - half, y - half, x + half, y + half], fill=255)
    fine = np.asarray(image)
    if underlay is not None:
        grain = FINE * SIDE // SIZE
        fine = np.maximum(fine, np.repeat(np.repeat(underlay, grain, axis=0), grain, axis=1))
    return fine


def centred(fine):
    """A picture of any size as MNIST's digits were made, (28, 28) bytes: its ink is scaled to a box
    of 20 by 20, its shape kept, each pixel the mean of what it covers, and the box is placed such
    that the centre of mass comes to the middle of row 14 and column 14, as near as whole pixels
    allow. A dot is not blown up: ink smaller than an eighth of the picture is scaled as if it were
    that large."""
    result = np.zeros((SIZE, SIZE), np.uint8)
    rows, columns = np.flatnonzero(fine.any(axis=1)), np.flatnonzero(fine.any(axis=0))
    if len(rows) == 0:
        return result
    ink = fine[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(*ink.shape, len(fine) / 8)
    height, width = (math.ceil(scale * length - 1e-6) for length in ink.shape)
    spare = [round(n / scale) - length for n, length in zip((height, width), ink.shape)]
    ink = np.pad(ink, [(n // 2, n - n // 2) for n in spare])  # to whole pixels, shape kept
    small = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BOX))
    if not small.any():
        return result
    mass = small / small.sum(dtype=float)
    top = round(SIZE / 2 - mass.sum(axis=1) @ np.arange(height))
    left = round(SIZE / 2 - mass.sum(axis=0) @ np.arange(width))
    top, left = np.clip(top, 0, SIZE - height), np.clip(left, 0, SIZE - width)
    result[top : top + height, left : left + width] = small
    return result


def upright(images):
    """The images (n, 28, 28), bytes, as the network was trained to read them: (n, 784) float32 in
    [0, 1], each sheared back by the slant of its ink: the view "upright" of notebook 08, without
    the distortions that stand there in the same matrix."""
    ink = images / np.float32(255)
    along = np.arange(SIZE, dtype=np.float32) - (SIZE - 1) / 2
    total = np.maximum(ink.sum(axis=(1, 2)), 1e-3)
    by_row, by_column = ink.sum(axis=2) / total[:, None], ink.sum(axis=1) / total[:, None]
    row, variance = by_row @ along, by_row @ along**2 - (by_row @ along) ** 2
    covariance = (ink @ along) @ along / total - row * (by_column @ along)
    slant = covariance / np.maximum(variance, 1e-3)
    where = np.arange(SIZE) + slant[:, None, None] * along[:, None]  # a pixel's place in its row
    low = np.clip(where, 0, SIZE - 2).astype(int)
    left, right = (np.take_along_axis(ink, low + side, axis=2) for side in (0, 1))
    inside = (where >= 0) & (where <= SIZE - 1)
    values = inside * (left + (where - low) * (right - left))
    return values.astype(np.float32).reshape(-1, SIZE**2)


# --------------------------------------------------------------------------- the network's inside
def load_network(path=WEIGHTS):
    """The record network; RuntimeError, with what to do, if its file is missing or damaged."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            sizes, parameters = file["layer_sizes"].tolist(), file["parameters"]
        hidden = ["relu"] * (len(sizes) - 2)
        network = NeuralNetwork(sizes, [*hidden, "softmax"], "cross_entropy", dtype=np.float32)
        if (sizes[0], sizes[-1]) != (SIZE**2, 10) or not np.isfinite(parameters).all():
            raise ValueError(f"its layers are {sizes}, or its numbers are not finite")
        network.parameters = parameters
    except Exception as error:  # a damaged file can fail in any way
        raise RuntimeError(
            f"{path.parent.name}/{path.name} is missing or damaged ({error}). Restore it with "
            f"`git checkout -- data/{path.name}`, then run this cell again."
        ) from error
    return network


def layers(network, X):
    """[A^0, ..., A^(L-1)] and [Z^1, ..., Z^L], by nnlib's Algorithm 1. Z^L, (n, 10), are the scores
    of the ten digits, of which softmax makes probabilities."""
    return network._forward(X, network.weights, network.biases)


def input_gradient(network, A, Z, direction):
    """The gradient by the input, (n, 784), of the sum of the scores weighted by `direction`, (n,
    10), where `layers` gave A and Z. `backpropagate` ends at the first layer's weights; this is the
    same way back, through nnlib's `_through`, one step further."""
    weights = network.weights
    delta = direction.astype(network.dtype) @ weights[-1].T
    for k in range(len(weights) - 2, -1, -1):
        delta = _through(network.activations[k], Z[k], A[k + 1], delta) @ weights[k].T
    return delta


def _onto(x, slope, rise):
    """The nearest points to x, with pixels in [0, 1], where `slope` (n, 784) has risen by `rise`
    (n,): clip(x + t slope), with t found by bisection; x itself where `rise` is not positive."""
    steepest = np.abs(slope).max(axis=1, keepdims=True)
    low, high = np.zeros_like(steepest), 100 / np.maximum(steepest, 1e-9)
    for _ in range(30):
        t = (low + high) / 2
        risen = ((np.clip(x + t * slope, 0, 1) - x) * slope).sum(axis=1)
        short = (risen < rise)[:, None]
        low, high = np.where(short, t, low), np.where(short, high, t)
    return np.where(rise[:, None] > 0, np.clip(x + high * slope, 0, 1), x)


def leads_of(scores):
    """How far each digit is ahead in the scores of its own row, (10, 10): its score less log sum
    exp of the others, which is above 0 where its probability is above 1/2. And the gradient."""
    own = np.eye(10, dtype=bool)
    others = np.where(own, -np.inf, scores)
    return scores[own] - logsumexp(others, axis=1), own - softmax(others, axis=1)


def fooled(network, x, steps=20, lead=0.02, pull=0.3):
    """For each digit the nearest picture to x (784,) that was found to be read as that digit:
    pictures (10, 784), and their distances (10,), infinite where none was found.

    Each step takes the digit's lead as linear and goes to the nearest point where it would be just
    above 0 (Moosavi-Dezfooli et al. 2016, with pixels kept in [0, 1]). Once a picture fools, each
    step also goes part of the way to where the linearized boundary is nearest to x. At the end the
    best picture is moved back toward x as far as it still fools. Its distance is an upper bound of
    the smallest change, not the smallest.
    """
    X = np.tile(x, (10, 1))
    best, distances = X.copy(), np.full(10, np.inf)
    for _ in range(steps):
        A, Z = layers(network, X)
        leads, direction = leads_of(Z[-1])
        moved = np.linalg.norm(X - x, axis=1)
        better = (leads > lead) & (moved < distances)
        best[better], distances[better] = X[better], moved[better]
        slope = input_gradient(network, A, Z, direction)
        fools = np.isfinite(distances)
        near = _onto(X, slope, np.where(fools, 2 * lead, 1) - leads)
        back = _onto(x, slope, 2 * lead - leads + (slope * (X - x)).sum(axis=1)) - X
        X = np.clip(near + pull * back * (fools & (leads > -1))[:, None], 0, 1).astype(X.dtype)
    low, high = np.zeros((10, 1), X.dtype), np.ones((10, 1), X.dtype)
    for _ in range(8):
        middle = (low + high) / 2
        Z = layers(network, x + middle * (best - x))[1]
        enough = (leads_of(Z[-1])[0] > lead)[:, None]
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return x + high * (best - x), high[:, 0] * distances


def words(probabilities):
    """The answer in words."""
    best = int(probabilities.argmax())
    p = float(probabilities[best])
    limits = {"sure": 0.99, "fairly sure": 0.9, "in doubt": 0.6, "a guess": 0}
    how = next(word for word, limit in limits.items() if p >= limit)
    share = "over 99.9 %" if p > 0.999 else f"{100 * p:.1f} %"
    return f"{'An' if best == 8 else 'A'} {best} – {how}, {share}"


class Reader:
    """The network with the digits, and what is computed once for both parts."""

    def __init__(self):
        self.network = load_network()
        images, self.labels = load_mnist()
        self.images = images.reshape(-1, SIZE, SIZE)
        self.near = np.arange(0, N_TRAIN, EVERY)
        blocks = [upright(self.images[rows]) for rows in np.split(self.near, 10)]
        self._sort_nodes(blocks[0], self.labels[self.near[: len(blocks[0])]])
        weights = self.network.weights[0].T[self.order[0]]
        weights *= 127 / np.abs(weights).max(axis=1, keepdims=True)
        self.weights = weights.round().astype(np.int8)  # of the first layer's nodes, to show
        along = np.arange(SIZE)
        self.blur = np.exp(-((along[:, None] - along) ** 2) / 2).astype(np.float32)
        self.blur /= self.blur.sum(axis=1).max()
        self.blurred = np.concatenate([self._blurred(block) for block in blocks])
        self.squares = np.square(self.blurred).sum(axis=1)

    def _sort_nodes(self, X, labels):
        """Sort each hidden layer's nodes by the digit that excites them most, in the mean over
        training digits, the most excited first; `sections` are the numbers of nodes by digit."""
        self.order, self.sections = [], []
        for A in layers(self.network, X)[0][1:]:
            means = np.array([A[labels == digit].mean(axis=0) for digit in range(10)])
            self.order.append(np.lexsort([-means.max(axis=0), means.argmax(axis=0)]))
            self.sections.append(np.bincount(means.argmax(axis=0), minlength=10).tolist())

    def _blurred(self, X):
        return (self.blur @ X.reshape(-1, SIZE, SIZE) @ self.blur).reshape(-1, SIZE**2)

    def nearest(self, x):
        """The five training digits nearest to x (784,): rows of `images`, and distances. Both are
        blurred by a pixel, lest a stroke beside a stroke count as far."""
        x = self._blurred(x[None])[0]
        squares = self.squares - self.blurred @ (2 * x) + x @ x
        five = np.argsort(squares, kind="stable")[:5]
        return self.near[five], np.sqrt(np.maximum(squares[five], 0))

    def hidden(self, A):
        """The hidden layers' outputs of one digit, their nodes sorted, one after the other."""
        return np.concatenate([a[0, order] for a, order in zip(A[1:], self.order)])


@functools.cache
def reader():
    """The one that both parts share. Products this small are quicker on one thread, above all
    while the other core is busy."""
    threadpool_limits(1)
    return Reader()


# --------------------------------------------------------------------------- the two parts
class DigitPart(Part):
    """A part with the reader, or with the words why there is none."""

    _css = text_of("style.css", "digits.css")

    def __init__(self):
        super().__init__()
        self.reader, self.problem = None, ""
        try:
            self.reader = reader()
        except RuntimeError as error:
            self.problem = str(error)

    def on_hello(self):
        """A browser shows the part, perhaps for the first time."""
        if self.reader is None:
            self.tell("problem", text=self.problem)
        else:
            self.tell("hello", self.reader.weights, sections=self.reader.sections)


class Draw(DigitPart):
    """Draw a digit: the network's answer, and what it comes from."""

    _esm = text_of("shared.js", "digits.js", "draw.js")
    still = WIDGETS / "draw.png"

    def on_example(self, digit, before):
        """The test digit of that label after number `before`, as a picture to draw on."""
        number = next_of(self.reader, digit, before)
        self.tell("example", self.reader.images[N_TRAIN + number], number=number)

    def on_drawn(self, strokes, example, version=0):
        """Read the strokes, on the test digit number `example`, if any, below them. `version` goes
        back as it came: by it the browser knows what was read."""
        begin, reader = time.perf_counter(), self.reader
        underlay = None if example is None else reader.images[N_TRAIN + example]
        seen = centred(picture(strokes, underlay))
        X = upright(seen[None])
        A, Z = layers(reader.network, X)
        p = Softmax()(Z[-1])[0]
        near, distances = reader.nearest(X[0])
        self.tell(
            "answer", seen / np.float32(255), X, reader.hidden(A), reader.images[near],
            version=version, empty=not seen.any(), p=p.tolist(), words=words(p),
            labels=reader.labels[near].tolist(), distances=distances.tolist(),
            seconds=time.perf_counter() - begin,
        )  # fmt: skip


class Look(DigitPart):
    """Look inside: a test digit on its way through the network, and what would turn the answer."""

    _esm = text_of("shared.js", "digits.js", "look.js")
    still = WIDGETS / "look.png"
    rng = np.random.default_rng(7)

    def read(self, number):
        """A test digit as the network reads it, (1, 784)."""
        return upright(self.reader.images[N_TRAIN + number][None])

    def on_pick(self, how):
        """Show a random test digit, or the one of 500 random ones that the network is least sure
        of."""
        numbers = self.rng.choice(len(self.reader.images) - N_TRAIN, 500, replace=False)
        if how == "hard":
            p = self.reader.network.feedforward(upright(self.reader.images[N_TRAIN + numbers]))
            numbers = numbers[[p.max(axis=1).argmin()]]
        self.on_digit(int(numbers[0]))

    def on_digit(self, number):
        """The way of a test digit through the layers, and the gradients of all ten scores."""
        X = self.read(number)
        A, Z = layers(self.reader.network, X.repeat(10, axis=0))
        p = Softmax()(Z[-1])[0]
        gradients = input_gradient(self.reader.network, A, Z, np.eye(10))
        self.tell(
            "digit", self.reader.images[N_TRAIN + number] / np.float32(255), X,
            self.reader.hidden(A), gradients, number=number, p=p.tolist(), words=words(p),
            label=int(self.reader.labels[N_TRAIN + number]),
        )  # fmt: skip

    def on_blend(self, number, digit, before):
        """From a test digit to another, the one of that label after number `before`: the
        probabilities on the straight way from pixels to pixels."""
        other = next_of(self.reader, digit, before)
        start, end = self.read(number), self.read(other)
        share = np.linspace(0, 1, 101, dtype=np.float32)[:, None]
        curve = self.reader.network.feedforward((1 - share) * start + share * end)
        self.tell("blend", start, end, curve, number=number, other=other, digit=digit)

    def on_fool(self, number):
        """The smallest changes found that turn the answer into each other digit."""
        x = self.read(number)[0]
        pictures, distances = fooled(self.reader.network, x)
        p = self.reader.network.feedforward(pictures)
        found = [float(d) if np.isfinite(d) else None for d in distances]
        self.tell(
            "fooled", x, pictures, number=number, distances=found, size=float(np.linalg.norm(x)),
            p=p.diagonal().tolist(),
        )  # fmt: skip


def next_of(reader, digit, before):
    """The number of the first test digit of that label after number `before`, from 0 to 9999."""
    numbers = np.flatnonzero(reader.labels[N_TRAIN:] == digit)
    return int(numbers[np.searchsorted(numbers, before, side="right") % len(numbers)])
