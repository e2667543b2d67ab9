"""What the README and the docstrings show runs as it stands there."""

import doctest
import logging
import re
from pathlib import Path

import distributed
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import nnlib

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(
    r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.fixture
def surroundings(tmp_path, monkeypatch):
    """What the README's reader has: data, files, a cluster."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 1))
    Y = np.sin(X)
    np.save(tmp_path / "X.npy", rng.integers(256, size=(120, 784), dtype=np.uint8))
    np.save(tmp_path / "y.npy", np.arange(120) % 10)
    monkeypatch.chdir(tmp_path)
    client = distributed.Client

    def quiet(**arguments):
        return client(**arguments, dashboard_address=None, silence_logs=logging.CRITICAL)

    monkeypatch.setattr(distributed, "Client", quiet)
    labels = np.arange(120) % 3
    model = nnlib.NeuralNetworkClassifier((4,), epochs=2, random_state=0)
    return {
        "X": X, "Y": Y, "X_val": X, "Y_val": Y, "X_test": X, "y_test": labels,
        "X_train": X, "y_train": labels, "y": labels,
        "search": GridSearchCV(model, {"learning_rate": [0.01, 0.1]}, cv=2),
    }  # fmt: skip


def test_there_is_something_to_run():
    assert len(BLOCKS) >= 5


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
def test_the_readme_runs(block, surroundings, capsys):
    try:
        exec(block, surroundings)
    finally:
        if "client" in surroundings:
            surroundings["client"].close()


def test_the_docstrings_run():
    result = doctest.testmod(nnlib)
    assert result.attempted >= 2
    assert result.failed == 0
