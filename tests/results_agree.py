"""After the notebooks have run in a copy of the tree: their results agree with the committed ones.

`make test` keeps the committed results in `committed/` beside the fresh ones. Everything is
compared exactly but what depends on the processor: times and rounding errors not at all, and
trained numbers within the tolerance that stands here with its reason.
"""

import json
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMITTED = sorted((ROOT / "committed").glob("*.json"))

# (results and key, absolute tolerance, relative tolerance); the first pattern that fits counts
TOLERANCES = [
    # Measured times and their ratios depend on the machine and on what else it does.
    ("*/*_seconds", float("inf"), 0),
    ("*/*_us", float("inf"), 0),
    ("*/*_ratio", float("inf"), 0),
    # Five trainings, other rounding: about the standard error of 10,000 test digits.
    ("05_mnist_classification/*_accuracy_*", 0.0015, 0),
    # A count of some 15 digits over five trainings, with its Poisson noise.
    ("05_mnist_classification/top_pair_count", 4, 0),
]


def agree(fresh, committed, absolute, relative):
    if isinstance(committed, list):
        return len(fresh) == len(committed) and all(
            agree(f, c, absolute, relative) for f, c in zip(fresh, committed)
        )
    if isinstance(committed, float):
        return fresh == pytest.approx(committed, abs=absolute, rel=relative)
    return fresh == committed


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_fresh_results_agree_with_the_committed_ones(path):
    committed = json.loads(path.read_text())
    fresh = json.loads((ROOT / "report/results" / path.name).read_text())
    assert fresh.keys() == committed.keys()
    for key, value in committed.items():
        name = f"{path.stem}/{key}"
        absolute, relative = next(
            (t[1:] for t in TOLERANCES if fnmatch(name, t[0])), (0, 1e-9)
        )
        assert agree(fresh[key], value, absolute, relative), f"{name}: {fresh[key]} is not {value}"


def test_there_are_results_to_compare():
    assert COMMITTED
