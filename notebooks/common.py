"""What the notebooks share: data, parallel runs, pictures, claims and results."""

import ast
import inspect
import json
import platform
import sys
import time
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType

import joblib
import matplotlib.pyplot as plt
import numpy as np
import scipy.stats
import seaborn as sns
import sklearn
from IPython import get_ipython
from IPython.display import clear_output, display
from matplotlib.patches import Patch
from matplotlib_inline.backend_inline import set_matplotlib_formats
from scipy.sparse import csr_array
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits
from tqdm import tqdm

import nnlib
from nnlib import SGD, Adam, NeuralNetwork, RMSProp

HERE = Path(__file__).parent
results = {}  # what the notebook measures, by flat keys


def begin():
    """Set the looks of figures, and one BLAS thread for each of the two processes of `run_all`."""
    plt.style.use(HERE / "report.mplstyle")
    set_matplotlib_formats("retina")
    text = get_ipython().display_formatter.formatters["text/plain"]
    text.for_type(plt.Figure, lambda *_: None)  # a figure is a picture, not "<Figure ...>"
    threadpool_limits(1)


def claim(name, sentence, condition):
    """Assert what a notebook concludes, print it with a tick, keep it for the report."""
    assert condition, f"{name} does not hold: {sentence}"
    results.setdefault("claims", {})[name] = sentence
    print(f"✓ {sentence}")


def verify(number, label, what, by, error, bound):
    """Assert that |error| <= bound in a check of equation (number), whose label in the report is
    eq-LABEL; print it with a tick, and keep it for the table of checks."""
    error = float(np.max(np.abs(error)))
    assert error <= bound, f"({number}) {label}, {what}: off by {error}, allowed is {bound}"
    checks, errors = results.setdefault("checks", []), results.setdefault("checks_raw_error", [])
    checks.append([number, f"eq-{label}", what, by, bound])
    errors.append(error)
    agreement = f"within {bound:.0e}" if bound else "exactly"
    print(f"✓ ({number}) {label}: {what}, {by} agrees {agreement}")


def check(exercise, yours, truth, tolerance=1e-9):
    """Compare what an exercise gave, a number or an array, with the truth. What is still open
    (None or ...) is said to be; where a value is off, the line says which."""
    if yours is None or yours is ...:
        return print(f"○ {exercise} is still open")
    yours, truth = np.asarray(yours), np.asarray(truth)
    if yours.shape != truth.shape:
        return print(f"✗ {exercise}: the shape is {yours.shape}, expected {truth.shape}")
    wrong = ~np.isclose(yours, truth, rtol=tolerance, atol=tolerance)
    if not wrong.any():
        return print(f"✓ {exercise}")
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    which = f"value {list(place)}" if place else "the value"
    return print(f"✗ {exercise}: {which} is {yours[place]:.6g}, expected {truth[place]:.6g}")


def live(fig, draw, records, every=0.2):
    """Go through the records of a training, and show the figure in place, redrawn by draw(record)
    about `every` seconds. The stop button ends it, and what was learnt stays. The last record."""
    picture, last, drawn = display(fig, display_id=True), None, -np.inf
    try:
        for last in records:
            if time.monotonic() - drawn > every:
                draw(last)
                picture.update(fig)
                drawn = time.monotonic()
    except KeyboardInterrupt:
        print("Stopped. What was learnt stays.")
    if last is not None:
        draw(last)
        picture.update(fig)
    plt.close(fig)
    return last


def keep(key, values):
    """Keep the median and the range of `values` over seeds as KEY_median, KEY_min and KEY_max."""
    for name, value in zip(("median", "min", "max"), np.quantile(values, [0.5, 0, 1])):
        results[f"{key}_{name}"] = float(value)


def ratio(a, b, key=None):
    """a / b over paired seeds: geometric mean, its 95 % interval (t), in how many seeds a < b."""
    logs = np.log(a) - np.log(b)
    interval = scipy.stats.t.interval(0.95, len(logs) - 1, logs.mean(), scipy.stats.sem(logs))
    middle, wins = np.exp([logs.mean(), *interval]).tolist(), int((logs < 0).sum())
    if key:
        results[f"{key}_ratio"], results[f"{key}_wins"] = middle, wins
    return *middle, wins


def arithmetic():
    """What the last digits hang on: libraries, the kernels of BLAS, NumPy's instruction sets."""
    versions = {package.__name__: package.__version__ for package in (np, scipy, sklearn)}
    versions["libc"] = " ".join(platform.libc_ver())
    blas = [b for b in threadpool_info() if b["user_api"] == "blas"]
    kernels = {f"{b['internal_api']} {b['version']} {b['architecture']}" for b in blas}
    sets = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return versions | {"BLAS": sorted(kernels), "instruction sets": sets}


def write_results(notebook):
    """Write `results` to report/results/NOTEBOOK.json, in full precision, and their arithmetic."""
    results["arithmetic"] = arithmetic()
    text = json.dumps(results, indent=1, sort_keys=True, default=float)
    (HERE.parent / f"report/results/{notebook}.json").write_text(text + "\n", encoding="utf-8")


SIGMA, N_SAMPLES, N_TRAIN, N_VALIDATION = 0.1, 500, 300, 100
SIGMAS = {"clean": 0.0, "noisy": SIGMA}
GRID = np.linspace(-1, 1, 1001)[:, None]
FINAL_RATE = 1e-5  # where `cosine` ends
VALIDATION, TEST, R2, EXCESS = range(4)  # the places of `Data.scores`
PROTOCOL = dict(sigma=SIGMA, floor=SIGMA**2, n_samples=N_SAMPLES, n_train=N_TRAIN)
PROTOCOL |= dict(n_validation=N_VALIDATION, n_grid=len(GRID))


def runge(x):
    """Runge's function, of arrays of any shape."""
    return 1 / (1 + 25 * x**2)


class Data:
    """The data of one seed, y = f(x) + noise: x and y of each part, (n, 1), and the scaled X."""

    def __init__(self, seed, sigma, f=runge):
        rng = np.random.default_rng(seed)
        x = rng.uniform(-1, 1, (N_SAMPLES, 1))
        self.f, y = f, f(x) + sigma * rng.standard_normal(x.shape)
        split = partial(train_test_split, random_state=seed)
        self.x, x_rest, self.y, y_rest = split(x, y, train_size=N_TRAIN)
        parts = split(x_rest, y_rest, train_size=N_VALIDATION)
        self.x_val, self.x_test, self.y_val, self.y_test = parts
        self.scale = StandardScaler().fit(self.x).transform
        self.X, self.X_val = self.scale(self.x), self.scale(self.x_val)

    def scores(self, predict):
        """Validation MSE, test MSE, test R² and grid MSE of a function of the unscaled x."""
        y_test = predict(self.x_test)
        return (
            mean_squared_error(self.y_val, predict(self.x_val)),
            mean_squared_error(self.y_test, y_test),
            r2_score(self.y_test, y_test),
            mean_squared_error(self.f(GRID), predict(GRID)),
        )


def load_mnist(path=HERE.parent / "data/mnist_784.npz"):
    """Images (70000, 784) and labels (70000,), bytes; RuntimeError if the file is damaged."""
    try:
        with open(path, "rb") as stream, np.load(stream) as file:
            images, labels = file["X"], file["y"]
        if (images.shape, labels.shape) != ((70_000, 784), (70_000,)):
            raise ValueError(f"its shapes are {images.shape} and {labels.shape}")
    except Exception as error:  # a damaged file can fail in any way
        raise RuntimeError(
            f"{path} is missing or damaged ({error}). Restore it with "
            f"`git checkout -- data/mnist_784.npz`, or rebuild it as data/README.md says."
        ) from error
    return images, labels


def prepare(images):
    """Grey images, (n, 784) or (n, 28, 28), as float32 rows (n, 784) with values from 0 to 1."""
    images = np.asarray(images)
    if images.shape[1:] not in {(784,), (28, 28)} or len(images) == 0:
        raise ValueError(f"expected images of shape (n, 784) or (n, 28, 28), got {images.shape}")
    if images.dtype.kind not in "ui":
        raise ValueError(f"expected grey values as integers, such as uint8, got {images.dtype}")
    low, high = images.min(), images.max()
    if low < 0 or high > 255:
        raise ValueError(f"expected grey values from 0 to 255, found {low} to {high}")
    return np.divide(images.reshape(-1, 784), 255, dtype=np.float32)


PIXELS = np.indices((28, 28)).reshape(2, 784)[::-1] - 13.5  # x and y, from the centre
AFFINE = {"shift": 1.5, "angle": 10.0, "slant": 0.15, "zoom": 0.1}  # pixels, degrees, 1, log
GROUP, PART = 250, 5_000  # images that share a distortion, images that are distorted at once


def affine_matrix(rng, shift, angle, slant, zoom, mirror=0.0):
    """The (784, 784) sparse matrix of a random affine distortion: each limit is +-, `mirror` the
    probability that left and right change places. Bilinear, with the background outside."""
    turn = np.deg2rad(rng.uniform(-angle, angle))
    A = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    A = A @ [[1, rng.uniform(-slant, slant)], [0, 1]] @ np.diag(np.exp(rng.uniform(-zoom, zoom, 2)))
    if rng.random() < mirror:
        A[:, 0] *= -1
    x, y = A @ PIXELS + rng.uniform(-shift, shift, (2, 1)) + 13.5  # where each pixel's ink is from
    sources, shares = [], []
    for i, j in np.ndindex(2, 2):
        column, row = np.floor(x) + i, np.floor(y) + j
        inside = (column >= 0) & (column < 28) & (row >= 0) & (row < 28)
        sources.append(np.where(inside, 28 * row + column, 0).astype(int))
        shares.append(np.where(inside, (1 - abs(x - column)) * (1 - abs(y - row)), 0))
    entries = np.concatenate(shares).astype(np.float32)
    return csr_array((entries, (np.tile(np.arange(784), 4), np.concatenate(sources))), (784, 784))


def distort(X, rng, limits, group=GROUP):
    """Prepared images X (n, 784), each group of them by another random affine distortion."""
    out = np.empty_like(X)
    for start in range(0, len(X), group):
        rows = slice(start, start + group)
        out[rows] = (affine_matrix(rng, **limits) @ X[rows].T).T
    return out


OPTIMIZERS = {"SGD": SGD, "momentum": partial(SGD, momentum=0.9), "RMSProp": RMSProp, "Adam": Adam}
RECIPE = dict(hidden=(512, 256), activation="relu", optimizer="Adam", rate=0.003, l2=0.0)
RECIPE |= dict(limits=AFFINE, epochs=16, batch_size=200)  # limits=None: no distortion


def train_on_images(images, labels, rows, watched, seed, settings):
    """A network trained by RECIPE | settings on `rows` of the images (n, 784), and its history
    (epochs, 3): its cost, and its cost and accuracy on the images `watched`."""
    recipe = RECIPE | settings
    epochs, size, hidden = recipe["epochs"], recipe["batch_size"], recipe["hidden"]
    activations = [recipe["activation"]] * len(hidden) + ["softmax"]
    network = NeuralNetwork(
        [784, *hidden, 10], activations, "cross_entropy", l2=recipe["l2"], dtype=np.float32,
        seed=seed,
    )  # fmt: skip
    steps = epochs * -(-len(rows) // size)
    optimizer = OPTIMIZERS[recipe["optimizer"]](cosine(recipe["rate"], steps, last=0))
    rng, Y = np.random.default_rng([seed, 1]), np.eye(10, dtype=np.float32)[labels]
    X_watched, history = prepare(images[watched]), []
    for _ in range(epochs):
        costs = []
        for part in np.array_split(rng.permutation(rows), round(len(rows) / PART)):
            X = prepare(images[part])
            X = distort(X, rng, recipe["limits"]) if recipe["limits"] else X
            [record] = network.train(X, Y[part], optimizer, 1, size, shuffle=False)
            costs.append(record.cost)
        P = network.feedforward(X_watched)
        right = P.argmax(axis=1) == labels[watched]
        history.append((np.mean(costs), network.cost(Y[watched], P), right.mean()))
    return network, np.array(history)


def _falling(first, steps, last, step):
    return last + (first - last) * (1 + np.cos(np.pi * step / steps)) / 2


def cosine(first, steps, last=FINAL_RATE):
    """A learning rate that falls from `first` to `last` in `steps` steps, along half a cosine."""
    return partial(_falling, first, steps, last)


def _meaning(thing, seen=()):
    """The source of a notebook's function or class, and all that it names in the notebook."""
    source, meaning = inspect.getsource(thing), []
    nodes = list(ast.walk(ast.parse(source)))
    local = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    local |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    for name in sorted({node.id for node in nodes if isinstance(node, ast.Name)} - local - {*seen}):
        value = vars(sys.modules[thing.__module__]).get(name)
        if not isinstance(value, FunctionType | ModuleType | type):
            meaning.append((name, joblib.hash(value)))
        elif getattr(value, "__module__", None) == thing.__module__ and value is not thing:
            meaning.append(_meaning(value, (*seen, thing.__name__)))
    return source, meaning


def run_all(function, jobs, n_jobs=2):
    """[function(*job) for job in jobs], on two cores, with a progress bar. What is kept below
    .build is not computed again, if the job, the function with all that it names, nnlib, this file
    and the arithmetic are the same: a run that was stopped goes on where it was."""
    ground = [inspect.getsource(nnlib), Path(__file__).read_text("utf-8"), arithmetic()]
    meaning = joblib.hash([ground, _meaning(function), n_jobs])
    calls = [(joblib.hash([meaning, job]), function, job) for job in jobs]
    new = [call for call in calls if not _kept.check_call_in_cache(*call)]
    with joblib.parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
        work = joblib.Parallel(return_as="generator")(joblib.delayed(_kept)(*c) for c in new)
        list(tqdm(work, total=len(new), file=sys.stdout, mininterval=1, leave=False))
    clear_output()  # the bar has served its purpose
    return [_kept(*call) for call in calls]


def _call(key, function, job):
    return function(*job)


_kept = joblib.Memory(HERE.parent / ".build/kept", verbose=0).cache(
    _call, ignore=["function", "job"]
)


def band(ax, x, values, label, color, style="-"):
    """The median over seeds of `values` (seeds, len(x)), and the quartiles as a band."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    ax.plot(x, middle, style, label=label, color=color)
    ax.fill_between(x, low, high, color=color, alpha=0.25, linewidth=0)


DIVERGED = Patch(facecolor="0.88", edgecolor="0.6", hatch="////", label="× diverged")


def heatmap(ax, values, diverged, rows, columns, text, **options):
    """values: (rows, columns); diverged: the share of seeds that diverged in each."""
    bad = diverged >= 0.5
    annotation = np.where((diverged > 0) & ~bad, np.char.add(text, " ×"), text)
    sns.heatmap(
        np.where(bad, np.nan, values), mask=bad, annot=annotation, fmt="", ax=ax,
        annot_kws={"fontsize": 8}, cmap="cividis", xticklabels=columns, yticklabels=rows,
        linewidths=0.5, **options,
    )  # fmt: skip
    for i, j in np.argwhere(bad):
        ax.add_patch(plt.Rectangle((j, i), 1, 1, facecolor="0.88", edgecolor="0.6", hatch="////"))
        ax.text(j + 0.5, i + 0.5, "×", ha="center", va="center", fontsize=11)
    ax.grid(False)
    ax.tick_params(length=0, labelrotation=0)


def log_cells(mse):
    """Median of log10 MSE over the last axis, share diverged, and the text of each cell."""
    diverged = ~np.isfinite(mse)
    log = np.log10(np.where(diverged, np.nan, mse))
    middle = np.median(np.log10(np.where(diverged, 1e30, mse)), axis=-1)
    half = np.max(log, axis=-1, initial=-99, where=~diverged)
    half = (half - np.min(log, axis=-1, initial=99, where=~diverged)) / 2
    text = [f"{m:.1f}\n±{h:.1f}".replace("-", "−") for m, h in zip(middle.flat, half.flat)]
    return middle, diverged.mean(axis=-1), np.reshape(text, middle.shape)
