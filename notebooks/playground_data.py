"""The playground's data: functions and classes made to order, points clicked in, and CSV tables."""

import csv
import io
import math
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from common import runge

FUNCTIONS = {  # of one input in [-1, 1], and of two
    "runge": (runge, 1),
    "step": (lambda x: np.where(x < 0, 0.0, 1.0), 1),
    "kink": (np.abs, 1),
    "waves": (lambda x: np.sin(np.pi * x) / 2 + np.sin(4 * np.pi * x) / 4, 1),
    "runge_2d": (lambda x: runge(np.hypot(x[:, :1], x[:, 1:])), 2),
}
N_TEST, MAX_ROWS, MAX_INPUTS, MAX_CLASSES = 200, 5000, 20, 6
MISSING = {"", "?", "na", "n/a", "nan", "null", "none"}


def require(condition, message):
    """Raise a ValueError with the message, which a reader is shown, unless the condition holds."""
    if not condition:
        raise ValueError(message)


def _polar(radius, angle):
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)


def spirals(rng, label):
    """Two arms of a spiral, which turn by 7/4 of a circle."""
    t = np.sqrt(rng.uniform(0.01, 1, len(label)))
    return _polar(t, np.pi * (3.5 * t + label))


def circles(rng, label):
    """A disc, and a ring around it."""
    low, high = np.where(label == 1, 0, 0.65), np.where(label == 1, 0.5, 1)
    return _polar(rng.uniform(low, high), rng.uniform(0, 2 * np.pi, len(label)))


def xor(rng, label):
    """Four squares; the class is 1 where exactly one coordinate is positive."""
    x = rng.uniform(0.05, 1, (len(label), 2)) * rng.choice([-1, 1], (len(label), 1))
    x[:, 1] *= 1 - 2 * label
    return x


CLASSES = {"spirals": spirals, "circles": circles, "xor": xor}


class Data:
    """Training and test data.

    `x`, `y`, `x_test`, `y_test` are as they were given; `y` of classes, (n,), counts `classes`
    from 0. `X`, `Y` and `test`, which is a pair or None, are for a network: inputs are scaled by
    `StandardScaler`, fitted on the training inputs, and `Y` has one column for two classes, else
    one for each class. With `scale_y` targets are scaled as inputs are. `low` and `high` are the
    corners of the picture.
    """

    def __init__(self, x, y, test=None, classes=(), names=("x", "y"), f=None, scale_y=False):
        self.x, self.y, self.classes, self.names, self.f = x, y, [*classes], [*names], f
        self.x_test, self.y_test = test or (x[:0], y[:0])
        self.low, self.high = np.full(x.shape[1], -1.0), np.full(x.shape[1], 1.0)
        self.scale = StandardScaler().fit(x) if len(x) else None
        self.scale_y = StandardScaler().fit(y) if scale_y else None
        self.X, self.Y = self.inputs(x), self._targets(y)
        self.test = (self.inputs(test[0]), self._targets(test[1])) if test else None

    def inputs(self, x):
        """x (n, n_inputs) as the network gets it."""
        return self.scale.transform(x) if self.scale and len(x) else x

    def _targets(self, y):
        if self.scale_y:
            return self.scale_y.transform(y)
        if len(self.classes) == 2:
            return y[:, None].astype(float)
        return np.eye(len(self.classes))[y] if self.classes else y

    def _frame(self, margin):
        x = np.concatenate([self.x, self.x_test])
        low, high = x.min(axis=0), x.max(axis=0)
        edge = margin * (high - low) + 1e-9
        self.low, self.high = low - edge, high + edge

    @classmethod
    def made(cls, name, points=100, noise=0.0, seed=0):
        """So many training points and 200 test points of a function or of two classes. The noise is
        the standard deviation of what is added to targets, or to the inputs of classes."""
        rng, n = np.random.default_rng(seed), points + N_TEST
        if name in FUNCTIONS:
            f, n_inputs = FUNCTIONS[name]
            x = rng.uniform(-1, 1, (n, n_inputs))
            y = f(x) + noise * rng.standard_normal((n, 1))
            options = {"f": f, "names": ["x₁", "x₂", "y"] if n_inputs == 2 else ["x", "y"]}
        else:
            y = rng.permutation(np.arange(n) % 2)
            x = CLASSES[name](rng, y) + noise * rng.standard_normal((n, 2))
            options = {"classes": "AB", "names": ["x₁", "x₂", "class"]}
        data = cls(x[:points], y[:points], (x[points:], y[points:]), **options)
        if data.classes:
            data._frame(0.05)
        return data

    @classmethod
    def points(cls, training, test=()):
        """Points (x, y) of a function."""
        training, test = (np.reshape([*p], (-1, 2)).astype(float) for p in (training, test))
        held_out = (test[:, :1], test[:, 1:]) if len(test) else None
        return cls(training[:, :1], training[:, 1:], held_out)

    @classmethod
    def labelled(cls, training, test=()):
        """Points (x₁, x₂, class) with class 0, 1 or 2."""
        training, test = (np.reshape([*p], (-1, 3)).astype(float) for p in (training, test))
        held_out = (test[:, :2], test[:, 2].astype(int)) if len(test) else None
        n_classes = int(max([1, *training[:, 2], *test[:, 2]])) + 1
        y = training[:, 2].astype(int)
        return cls(training[:, :2], y, held_out, "ABC"[:n_classes], ["x₁", "x₂", "class"])

    @classmethod
    def file(cls, path, seed=0):
        """`csv` of a file's text."""
        return cls.csv(Path(path).read_text("utf-8"), seed)

    @classmethod
    def csv(cls, text, seed=0):
        """A table whose last column is the target, and the others inputs; a third of the rows are
        test data. Texts, or whole numbers of at most five values, are classes."""
        names, rows, decimal = _table(text)
        x = [[_number(v, i, k, decimal) for v, k in zip(row, names[:-1])] for i, row in rows]
        x, labels = np.array(x), [row[-1] for _, row in rows]
        missing = [i for i, row in rows if row[-1].lower() in MISSING]
        require(
            not missing, f"Row {missing and missing[0]}: its label, the last value, is missing."
        )
        if any(_is_number(label, decimal) for label in labels):
            y = np.array([_number(row[-1], i, names[-1], decimal) for i, row in rows])
            whole = len(np.unique(y)) <= 5 and (y == np.round(y)).all()
            labels = [f"{v:g}" for v in y] if whole else None
        classes = ()
        if labels:
            classes, y, counts = np.unique(labels, return_inverse=True, return_counts=True)
            n, least = len(classes), classes[counts.argmin()]
            require(n > 1, f"“{names[-1]}”, the last column, is the same in all rows.")
            require(n <= MAX_CLASSES, f"“{names[-1]}” has {n} classes; the limit is {MAX_CLASSES}.")
            require(counts.min() >= 3, f"Label “{least}” is in fewer than 3 rows.")
        require(len({*y.tolist()}) > 1, f"“{names[-1]}”, the last column, is the same in all rows.")
        options = {"random_state": seed, "stratify": y if labels else None, "test_size": 1 / 3}
        x, x_test, y, y_test = train_test_split(x, y if labels else y[:, None], **options)
        data = cls(x, y, (x_test, y_test), classes, names, scale_y=not labels)
        data._frame(0.05)
        return data


def _table(text):
    """The names of the columns, the rows as (number, texts), and the decimal sign of a CSV."""
    text = text.removeprefix("\ufeff").strip("\r\n")
    require(text.strip(), "The table is empty.")
    require("\0" not in text, "This is no text file.")
    delimiter = max(",;\t", key=text.splitlines()[0].count)
    cells = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows = [(i, [v.strip() for v in row]) for i, row in enumerate(cells, 1) if any(row)]
    decimal, first, width = "," if delimiter == ";" else ".", rows[0][1], len(rows[0][1])
    require(width > 1, "There is one column only: at least one input and the target are needed.")
    require(width <= MAX_INPUTS + 1, f"There are {width - 1} inputs; the limit is {MAX_INPUTS}.")
    for i, row in rows:
        require(len(row) == width, f"Row {i} has {len(row)} values, but row 1 has {width}.")
    if any(_is_number(v, decimal) for v in first):
        names = [*(["x₁", "x₂"] if width > 2 else "x"), *(f"x{i}" for i in range(3, width)), "y"]
    else:
        names, rows = first, rows[1:]
    require(len(rows) >= 10, f"There are {len(rows)} rows of data; at least 10 are needed.")
    require(len(rows) <= MAX_ROWS, f"There are {len(rows)} rows of data; the limit is {MAX_ROWS}.")
    return names, rows, decimal


def _is_number(text, decimal):
    try:
        float(text.replace(decimal, "."))
    except ValueError:
        return False
    return True


def _number(text, row, name, decimal):
    where = f"Row {row}, column “{name}”:"
    require(text.lower() not in MISSING, f"{where} a value is missing.")
    require(_is_number(text, decimal), f"{where} “{text[:20]}” is not a number.")
    value = float(text.replace(decimal, "."))
    require(math.isfinite(value), f"{where} {text} is not a finite number.")
    return value


def _iris():
    iris = load_iris()
    lines = ["petal length,petal width,sepal length,sepal width,species"]
    for x, y in zip(iris.data[:, [2, 3, 0, 1]].tolist(), iris.target_names[iris.target].tolist()):
        lines.append(",".join([*map(str, x), y]))
    return "\n".join(lines)


IRIS = _iris()  # Fisher's flowers: a table to begin with
