"""Time and memory beside scikit-learn on the same work: `python tests/benchmark.py`.

Both libraries in one process, in turns, with the same BLAS and the same number of its threads;
the ratios are of medians. Not a test: times depend on the machine.
"""

import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_info

from nnlib import NeuralNetworkClassifier, NeuralNetworkRegressor

MNIST = Path(__file__).parents[1] / "data/mnist_784.npz"


def load_training_digits():
    with np.load(MNIST) as file:
        return file["X"][:60_000] / np.float32(255), file["y"][:60_000]


def seconds(estimator, X, y):
    begin = time.perf_counter()
    estimator.fit(X, y)
    return time.perf_counter() - begin


def compare(title, unit, scale, repeats, X, y, ours, theirs):
    times = [(seconds(ours(), X, y), seconds(theirs(), X, y)) for _ in range(repeats)]
    own, other = scale * np.median(times, axis=0)
    ratio = own / other
    print(f"{title}: nnlib {own:.3g} {unit}, scikit-learn {other:.3g} {unit}, ratio {ratio:.2f}")


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch is all that is asked for
    blas = next(info for info in threadpool_info() if info["user_api"] == "blas")
    print(f"BLAS: {blas['internal_api']} {blas['architecture']}, {blas['num_threads']} threads")

    X, y = load_training_digits()
    same = {"hidden_layer_sizes": (128, 64), "batch_size": 128, "random_state": 0}
    compare(
        "MNIST, one epoch of 784-128-64-10, batch 128, float32", "s", 1, 7, X, y,
        lambda: NeuralNetworkClassifier(epochs=1, **same),
        lambda: MLPClassifier(max_iter=1, alpha=0, **same),
    )

    x = np.linspace(-1, 1, 800)[:, None]
    f = 1 / (1 + 25 * x[:, 0] ** 2)
    same = {"hidden_layer_sizes": (100, 100), "activation": "tanh", "batch_size": 8}
    epochs, steps = 10, 10 * len(x) // 8
    compare(
        "Runge, one step of 1-100-100-1, batch 8, float64", "µs", 1e6 / steps, 7, x, f,
        lambda: NeuralNetworkRegressor(epochs=epochs, **same),
        lambda: MLPRegressor(max_iter=epochs, n_iter_no_change=epochs, alpha=0, **same),
    )

    peak = subprocess.check_output([sys.executable, __file__, "memory"], text=True)
    print(f"MNIST, peak resident memory of loading and training: {peak.strip()} MB")


def train_and_print_peak_memory():
    X, y = load_training_digits()
    NeuralNetworkClassifier((128, 64), batch_size=128, epochs=2, random_state=0).fit(X, y)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


if __name__ == "__main__":
    train_and_print_peak_memory() if sys.argv[1:] == ["memory"] else main()
