"""The playground's first part, "Watch it learn", and what its parts share.

Python keeps the state and trains; the browser draws, and answers by itself what only looks. What
a picture needs comes from nnlib: `feedforward` of the network, or of its first layers as a network
of their own, and `backpropagate`.

Why anywidget: a map of 100 x 100 and a curve came at 10 frames a second with ipycanvas, too, in 5
kilobytes a frame instead of 12, and a click was seen after 59 instead of 41 ms. But with ipycanvas
each move of the mouse would ask Python, and the controls would be other widgets beside the canvas.

Measured on two cores, in Chromium: 75 ms from a click to its frame, in the median of 50 clicks
while it trained, 107 at most; a frame of training each 50 to 70 ms.
"""

import asyncio
import base64
import contextlib
import json
import time
from itertools import pairwise
from pathlib import Path

import anywidget
import numpy as np
from sklearn.metrics import accuracy_score, r2_score

from nnlib import SGD, Adam, NeuralNetwork, RMSProp
from playground_data import CLASSES, FUNCTIONS, IRIS, Data, require

WIDGETS = Path(__file__).parent / "widgets"


def text_of(*names):
    """The files of widgets/, one after the other."""
    return "\n".join((WIDGETS / name).read_text("utf-8") for name in names)


class Part(anywidget.AnyWidget):
    """A part of the playground: one widget, which talks with the browser in messages.

    A subclass has `_esm`, `_css`, and `still`, the picture that stands for it where there is no
    front end. It answers a message of some kind by its method of that name, such as `on_start`.
    """

    still = loop = None

    def __init__(self):
        super().__init__()
        self.on_msg(self._receive)
        with contextlib.suppress(RuntimeError):  # no loop runs where there is no kernel
            self.loop = asyncio.get_running_loop()

    def _receive(self, _, content, buffers):
        """Answer in the kernel's event loop. JupyterLab sends messages to a thread of their own, a
        subshell, where they would meet a training half-way through a step."""
        if self.loop:
            self.loop.call_soon_threadsafe(self._answer, content)
        else:
            self._answer(content)

    def _answer(self, content):
        kind = content.pop("kind")
        try:
            getattr(self, f"on_{kind}")(**content)
        except ValueError as error:
            self.tell("problem", text=str(error))

    def on_ping(self):
        """The browser asks whether the kernel is alive."""
        self.tell("pong")

    def tell(self, kind, *arrays, **content):
        """Send the browser a message of some kind, with arrays as its buffers."""
        self.send({"kind": kind} | content, [np.ascontiguousarray(a).data for a in arrays])

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        data["text/plain"] = f"{type(self).__name__}()"
        if self.still and self.still.exists():
            data["image/png"] = base64.b64encode(self.still.read_bytes()).decode()
        return data, metadata


SETTINGS = {
    "target": "runge", "points": 100, "noise": 0.05, "data_seed": 1, "hidden": [8, 8],
    "activation": "tanh", "init": None, "optimizer": "adam", "learning_rate": 0.01,
    "batch_size": 20, "l1": 0.0, "l2": 0.0, "seed": 1,
}  # fmt: skip
OPTIMIZERS = {
    "sgd": (SGD, {}), "momentum": (SGD, {"momentum": 0.9}), "rmsprop": (RMSProp, {}),
    "adam": (Adam, {}),
}  # fmt: skip
SPEEDS = {"slow": 1, "medium": 8, "fast": 10**9}  # epochs in a frame
SLICE, REST, PATIENCE = 0.03, 0.01, 1.0  # seconds: of training, for clicks, for a frame's drawing
SLOWEST = 0.3  # seconds that an epoch and a frame may take, and so a click may wait
WINDOW, FALL, TINY = 500, 0.01, 1e-6  # see Trainer.why_end
SHOWN = 8  # nodes of a layer
GRID, SMALL = {1: 201, 2: 61}, {1: 41, 2: 16}  # points along an axis: of the picture, of a node's


def finite(values):
    """Numbers as JSON can hold them: None for what is not finite."""
    return [None if v is None or not np.isfinite(v) else float(v) for v in values]


def upto(network, layer):
    """The network cut off behind a layer, 1, 2, ..., as a network of its own."""
    sizes = network.layer_sizes[: layer + 1]
    first = NeuralNetwork(sizes, network.activations[:layer])
    first.parameters = network.parameters[: len(first.parameters)]
    return first


class Trainer:
    """A network with its data and its training, made from settings; ValueError if they are bad."""

    def __init__(self, settings, data, data_code):
        self.settings, self.data, self.data_code = settings, data, data_code
        n_outputs = data.Y.shape[1]
        output = "linear" if not data.classes else "sigmoid" if n_outputs == 1 else "softmax"
        costs = {"linear": "mse", "sigmoid": "binary_cross_entropy", "softmax": "cross_entropy"}
        sizes = [data.x.shape[1], *settings["hidden"], n_outputs]
        self._check_speed(sizes)
        activations = [settings["activation"]] * len(settings["hidden"]) + [output]
        self.arguments = sizes, activations, costs[output]
        self.options = {k: settings[k] for k in ("l1", "l2", "init") if settings[k]}
        self.options["seed"] = settings["seed"]
        self.network = NeuralNetwork(*self.arguments, **self.options)
        kind, more = OPTIMIZERS[settings["optimizer"]]
        self.optimizer = kind(settings["learning_rate"], **more)
        self.records, self.best, self.since, self.end, self.failed = [], [], 0, "", ""
        self.ready = len(data.x) > 1 and (not data.classes or len(set(data.y.tolist())) > 1)
        if self.ready:
            how = self.optimizer, 10**9, settings["batch_size"], data.test
            self.epochs = self.network.train(data.X, data.Y, *how)
            self.first_cost = self.network.total_cost(data.X, data.Y)

    def _check_speed(self, sizes):
        """Refuse what would keep a click waiting."""
        n_parameters = sum((m + 1) * k for m, k in pairwise(sizes))
        rows = max(len(self.data.x), 1)
        steps = -(-rows // (self.settings["batch_size"] or rows))
        seconds = n_parameters * (6 * rows + 3 * 61**2) / 5e9 + 5e-5 * steps * len(sizes)
        require(
            seconds < SLOWEST,
            f"Too slow to watch: {n_parameters:,} parameters and {steps:,} steps in an epoch would "
            f"take about {seconds:.1g} s, and each click as long. Take fewer nodes, or larger "
            "batches. Nothing was changed.",
        )

    def advance(self, epochs, seconds=float("inf")):
        """Train so many epochs at most, or about so many seconds; False if the training ends, with
        the reason in `end`."""
        until, self.end = time.perf_counter() + seconds, self.failed
        while epochs > 0 and not self.end:
            try:
                record = next(self.epochs)
            except FloatingPointError as error:
                self.end = self.failed = f"It diverged: {error}."
                break
            self.records.append(record)
            self.best.append(min([record.cost, *self.best[-1:]]))
            self.end = self.why_end()
            epochs -= 1
            if time.perf_counter() > until:
                break
        return not self.end

    def why_end(self):
        """Why training should end, or "": the cost is TINY times what it was before training, or in
        the last WINDOW epochs, all since the last start, the lowest cost fell by less than FALL."""
        cost, best, rate = self.records[-1].cost, self.best, self.settings["learning_rate"]
        if cost < TINY * self.first_cost:
            return "Converged: the cost is below a millionth of its first value."
        if len(best) <= self.since + WINDOW or best[-1] < (1 - FALL) * best[-1 - WINDOW]:
            return ""
        if cost > self.first_cost:
            return f"It diverged: the cost is higher than at the start, at learning rate {rate:g}."
        return f"Converged: in {WINDOW} epochs the cost fell by less than 1 %."

    @np.errstate(all="ignore")  # what diverges is shown as far as it can be
    def scores(self):
        """R² or accuracy on training and test data, None where there are too few."""
        data, scores = self.data, []
        for pair, y in zip(((data.X, data.Y), data.test), (data.y, data.y_test)):
            output = self.network.feedforward(pair[0]) if self.ready and pair else np.empty(0)
            if len(output) < 2 or not np.isfinite(output).all():
                scores.append(None)
            elif not data.classes:
                scores.append(r2_score(pair[1], output))
            else:
                labels = output.argmax(axis=1) if output.shape[1] > 1 else output[:, 0] > 0.5
                scores.append(accuracy_score(y, labels))
        return scores

    def gradient_norms(self):
        """The length of the cost's gradient by the weights and biases of each layer."""
        network = self.network
        sizes = [(m + 1) * k for m, k in pairwise(network.layer_sizes)]
        gradient = network.backpropagate(self.data.X, self.data.Y)
        return [np.linalg.norm(g) for g in np.split(gradient, np.cumsum(sizes)[:-1])]

    def grid(self, sizes):
        """Inputs on a grid over the picture, row by row from its lower left corner. It spans the
        first two inputs; others stay at the mean of the training data."""
        data, n = self.data, min(self.data.x.shape[1], 2)
        axes = [np.linspace(data.low[i], data.high[i], sizes[n]) for i in range(n)]
        points = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, n)
        rest = data.scale.mean_[n:] if data.scale else []
        return data.inputs(np.hstack([points, np.tile(rest, (len(points), 1))]))

    def picture(self):
        """The output on the grid: targets as floats, or bytes 0-255, each class's probability."""
        output = self.network.feedforward(self.grid(GRID))
        if not self.data.classes:
            scale = self.data.scale_y
            return (scale.inverse_transform(output) if scale else output).astype(np.float32)
        p = output if output.shape[1] > 1 else np.hstack([1 - output, output])
        return np.round(255 * p).astype(np.uint8)

    def nodes(self):
        """Of each layer, inputs and outputs included, the first nodes' outputs on a small grid, as
        shares of the largest, -127 to 127: (nodes, points) bytes. Probability 1/2 is 0."""
        X, layers = self.grid(SMALL), []
        for layer in range(len(self.network.layer_sizes)):
            A = upto(self.network, layer).feedforward(X)[:, :SHOWN] if layer else X[:, :SHOWN]
            top = np.abs(A).max(axis=0)
            share = A / np.where(top > 0, top, 1)
            if self.data.classes and layer == len(self.network.layer_sizes) - 1:
                share = 2 * A - 1
            layers.append(np.round(127 * share).T.astype(np.int8))
        return np.concatenate(layers)

    def code(self):
        """The lines of nnlib that do the same, for as many epochs as have been trained."""
        kind, more = OPTIMIZERS[self.settings["optimizer"]]
        rate = [repr(self.settings["learning_rate"]), *(f"{k}={v!r}" for k, v in more.items())]
        network = [*map(json.dumps, self.arguments)]
        network += [f"{key}={json.dumps(value)}" for key, value in self.options.items()]
        how = f"epochs={max(len(self.records), 1)}, batch_size={self.settings['batch_size']}"
        return (
            f"from nnlib import {kind.__name__}, NeuralNetwork\n"
            f"from playground_data import {'IRIS, ' * ('IRIS' in self.data_code)}Data\n\n"
            f"data = {self.data_code}\n"
            f"network = NeuralNetwork({', '.join(network)})\n"
            f"optimizer = {kind.__name__}({', '.join(rate)})\n"
            f"for record in network.train(data.X, data.Y, optimizer, {how}):\n"
            "    print(record.epoch, record.cost)\n"
        )


class Learn(Part):
    """Watch it learn: a network on data of one's choice, with all that can be set."""

    _esm, _css = text_of("shared.js", "chart.js", "learn.js"), text_of("style.css")
    still = WIDGETS / "learn.png"

    def __init__(self):
        super().__init__()
        self.own = {"points": ([], []), "labelled": ([], []), "csv": (IRIS, "csv(IRIS")}
        self.running, self.speed, self.task, self.drawn = False, "medium", None, asyncio.Event()
        self.trainer, self.told = self.make(SETTINGS), 0

    def make(self, settings):
        """A new trainer. Data are made anew, too: they depend on settings and `own` alone."""
        target, seed = settings["target"], settings["data_seed"]
        if target == "csv":
            text, call = self.own["csv"]
            return Trainer(settings, Data.csv(text, seed), f"Data.{call}, seed={seed})")
        if target in self.own:
            points = self.own[target]
            code = f"Data.{target}({', '.join(map(repr, points))})"
            return Trainer(settings, getattr(Data, target)(*points), code)
        how = {"points": settings["points"], "noise": settings["noise"], "seed": seed}
        arguments = ", ".join([f'"{target}"', *(f"{k}={v!r}" for k, v in how.items())])
        return Trainer(settings, Data.made(target, **how), f"Data.made({arguments})")

    def begin(self, **changes):
        """Begin anew, with some settings changed; if they are bad all stays as it was."""
        try:
            self.trainer = self.make(self.trainer.settings | changes)
            self.running = self.running and self.trainer.ready
        finally:
            self.show(fresh=True)

    # what the browser asks for
    def on_hello(self):
        self.show()

    def on_set(self, **changes):
        if changes.get("target", "csv") not in self.own:
            require(changes["target"] in FUNCTIONS | CLASSES, "There are no such data.")
        self.begin(**changes)

    def on_speed(self, speed):
        self.speed = speed

    def on_reset(self):
        self.running = False
        self.begin()

    def on_add(self, point, test):
        self.own[self.trainer.settings["target"]][test].append(tuple(point))
        self.begin()

    def on_clear(self):
        for points in self.own[self.trainer.settings["target"]]:
            points.clear()
        self.begin()

    def on_csv(self, text, file):
        before = self.own["csv"]
        self.own["csv"] = text, f"file({file!r}" if file else f"csv({text!r}"
        try:
            self.begin(target="csv")
        except ValueError:
            self.own["csv"] = before
            raise

    def on_code(self):
        self.tell("code", text=self.trainer.code())

    def on_drawn(self):
        self.drawn.set()

    def on_step(self):
        self.running = False
        if self.trainer.ready:
            self.trainer.advance(1)
            self.frame()

    def on_pause(self):
        self.running = False
        self.frame()

    def on_start(self):
        require(self.trainer.ready, "There are too few training points, or of one class only.")
        self.running, self.trainer.since = True, len(self.trainer.records)
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self.run())

    # what the browser is told
    async def run(self):
        """Train in slices, and after each show a frame, wait until it is drawn, and let clicks in.
        It runs in the kernel's event loop, between the messages of the browser."""
        while self.running:
            self.running = self.trainer.advance(SPEEDS[self.speed], SLICE)
            self.drawn.clear()
            self.frame()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.drawn.wait(), PATIENCE)
            await asyncio.sleep(REST)

    def show(self, fresh=False):
        """All that a new browser, or a change of settings, needs."""
        data, settings = self.trainer.data, self.trainer.settings
        parts = []
        for x, y in ((data.x, data.y), (data.x_test, data.y_test)):
            parts.append(np.column_stack([x[:, :2], y]).astype(np.float32))
        f = data.f(np.linspace(-1, 1, GRID[1])[:, None]) if data.f and data.x.shape[1] == 1 else []
        self.tell(
            "state", *parts, np.asarray(f, np.float32), settings=settings, names=data.names,
            classes=[str(name) for name in data.classes], low=data.low.tolist(),
            high=data.high.tolist(), cost=repr(self.trainer.network.cost), ready=self.trainer.ready,
            sizes=self.trainer.network.layer_sizes, speed=self.speed, fresh=fresh,
        )  # fmt: skip
        self.told = 0
        self.frame()

    @np.errstate(all="ignore")
    def frame(self):
        """One frame: what has changed since the last."""
        trainer = self.trainer
        network, new = trainer.network, trainer.records[self.told :]
        self.told = len(trainer.records)
        shown = [
            np.concatenate([W[:SHOWN, :SHOWN].ravel(), b[:SHOWN]])
            for W, b in zip(network.weights, network.biases)
        ]
        self.tell(
            "frame", trainer.picture(), trainer.nodes(), np.concatenate(shown, dtype=np.float32),
            epoch=len(trainer.records), running=self.running, end=trainer.end,
            failed=bool(trainer.failed),
            records=[(r.epoch, r.cost, r.validation_cost) for r in new],
            scores=finite(trainer.scores()),
            gradients=finite(trainer.gradient_norms() if trainer.ready else []),
        )  # fmt: skip
