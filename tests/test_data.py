"""The data are the original ones, byte for byte."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from common import load_mnist

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def mnist():
    with np.load(ROOT / "data/mnist_784.npz", allow_pickle=False) as file:
        return dict(file)


def test_arrays_have_the_documented_shape_and_type(mnist):
    assert {name: (a.shape, a.dtype) for name, a in mnist.items()} == {
        "X": ((70_000, 784), np.uint8),
        "y": ((70_000,), np.uint8),
    }


@pytest.mark.parametrize(
    ("array", "rows", "header", "md5"),
    [
        ("X", slice(60_000), (2051, 60_000, 28, 28), "6bbc9ace898e44ae57da46a324031adb"),
        ("y", slice(60_000), (2049, 60_000), "a25bea736e30d166cdddb491f175f624"),
        ("X", slice(60_000, None), (2051, 10_000, 28, 28), "2646ac647ad5339dbf082846283269ea"),
        ("y", slice(60_000, None), (2049, 10_000), "27ae3e4e09519cfbb04c329615203637"),
    ],
)
def test_with_their_headers_the_arrays_are_the_original_idx_files(mnist, array, rows, header, md5):
    idx = np.array(header, ">i4").tobytes() + mnist[array][rows].tobytes()
    assert hashlib.md5(idx, usedforsecurity=False).hexdigest() == md5


def test_readme_gives_the_checksum_of_the_file():
    digest = hashlib.sha256((ROOT / "data/mnist_784.npz").read_bytes()).hexdigest()
    assert digest in (ROOT / "data/README.md").read_text(encoding="utf-8")


def test_readme_rebuilds_the_arrays_from_the_idx_files(mnist, tmp_path, monkeypatch):
    (tmp_path / "idx").mkdir()
    (tmp_path / "data").mkdir()
    for name, header, array, rows in [
        ("train-images-idx3", 16, "X", slice(60_000)),
        ("t10k-images-idx3", 16, "X", slice(60_000, None)),
        ("train-labels-idx1", 8, "y", slice(60_000)),
        ("t10k-labels-idx1", 8, "y", slice(60_000, None)),
    ]:
        (tmp_path / f"idx/{name}-ubyte").write_bytes(bytes(header) + mnist[array][rows].tobytes())
    readme = (ROOT / "data/README.md").read_text(encoding="utf-8")
    code = readme.split("```python\n")[2].split("```")[0]
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "data/README.md", "exec"), {})
    with np.load("data/mnist_784.npz") as rebuilt:
        assert all((rebuilt[name] == mnist[name]).all() for name in ("X", "y"))


def damage(path, whole):
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + b"damage" + whole[middle + 6 :])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path, whole: path.unlink(missing_ok=True),
        lambda path, whole: path.write_bytes(b""),
        lambda path, whole: path.write_bytes(whole[: len(whole) // 2]),
        damage,
        lambda path, whole: path.write_text("version https://git-lfs.github.com/spec/v1"),
        lambda path, whole: np.savez(path, X=np.zeros((5, 784)), y=np.zeros(5)),
        lambda path, whole: np.savez(path, images=np.zeros(5)),
    ],
    ids=["missing", "empty", "truncated", "damaged", "a pointer", "other arrays", "other names"],
)
def test_a_missing_or_damaged_file_is_reported_with_the_way_to_restore_it(
    tmp_path, spoil
):
    path = tmp_path / "mnist_784.npz"
    spoil(path, (ROOT / "data/mnist_784.npz").read_bytes())
    with pytest.raises(RuntimeError, match=r"missing or damaged .*git checkout -- data/mnist"):
        load_mnist(path)


def test_the_whole_file_is_loaded(mnist):
    images, labels = load_mnist(ROOT / "data/mnist_784.npz")
    assert (images == mnist["X"]).all()
    assert (labels == mnist["y"]).all()


def test_the_study_is_kept():
    """Each training once, with a cost and an accuracy; data/README.md says how many there are."""
    with np.load(ROOT / "data/mnist_study.npz") as file:
        jobs, (costs, accuracies) = file["jobs"].tolist(), file["scores"].T
    assert len(set(jobs)) == len(jobs)
    assert f"the {len(jobs)} trainings" in (ROOT / "data/README.md").read_text(encoding="utf-8")
    assert {json.loads(job)[0] for job in jobs} == {1, 2, 3}
    assert (costs > 0).all()
    assert ((accuracies > 0.9) & (accuracies < 1)).all()
