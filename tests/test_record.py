"""The record network classifies the test digits as the report says; its notebook's code holds."""

import json
from pathlib import Path

import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
RESULTS = json.loads((ROOT / "report/results/08_mnist_record.json").read_text(encoding="utf-8"))


def cells(tag):
    notebook = nbformat.read(ROOT / "notebooks/08_mnist_record.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


@pytest.fixture(scope="module")
def mnist():
    with np.load(ROOT / "data/mnist_784.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def record(mnist):
    """What the notebook's cells tagged "function" define."""
    names = {"images": mnist["X"][:1000], "labels": mnist["y"][:1000]}
    for source in cells("imports") + cells("function"):
        exec(source.split("%matplotlib")[0], names)
    return names


def test_the_stored_weights_classify_the_test_digits_as_well_as_the_report_says(record, mnist):
    network = record["load_weights"](ROOT / "data/mnist_record_weights.npz")
    answers = record["classify"](mnist["X"][60_000:], [network]).argmax(axis=1)
    n_right = int((answers == mnist["y"][60_000:]).sum())
    assert n_right == pytest.approx(10_000 * RESULTS["test_accuracy"], abs=2)


def test_the_stored_weights_are_small_and_those_of_the_settings(record):
    path = ROOT / "data/mnist_record_weights.npz"
    assert path.stat().st_size < 10e6
    hidden = record["SETTINGS"]["hidden_layer_sizes"]
    assert record["load_weights"](path).layer_sizes == [784, *hidden, 10]


def test_the_results_are_those_of_the_settings(record):
    assert {key: RESULTS[key] for key in record["SETTINGS"]} == record["SETTINGS"]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 783), np.uint8), r"shape \(n, 784\).*got \(2, 783\)"),
        (np.zeros(784, np.uint8), r"shape \(n, 784\).*got \(784,\)"),
        (np.zeros((28, 28), np.uint8), r"shape \(n, 784\).*got \(28, 28\)"),
        (np.zeros((0, 784), np.uint8), r"n >= 1, got \(0, 784\)"),
        (np.zeros((1, 784), np.float32), "integers from 0 to 255, got dtype float32"),
        (np.zeros((1, 784), bool), "got dtype bool"),
        (np.full((1, 784), 256), "from 0 to 255, got 256 to 256"),
        (np.full((1, 784), -1), "from 0 to 255, got -1 to -1"),
    ],
)
def test_bad_images_are_refused_with_what_was_expected(record, images, message):
    with pytest.raises(ValueError, match=message):
        record["classify"](images, [])
    with pytest.raises(ValueError, match=message):
        record["distorted"](images, np.random.default_rng(0))


def test_integers_of_any_width_are_read_alike(record, mnist):
    images = mnist["X"][:5]
    assert np.array_equal(record["upright"](images), record["upright"](images.tolist()))


def test_without_any_strength_a_distorted_image_is_the_upright_one(record, mnist):
    still = dict.fromkeys(record["DISTORTION"], 0.0)
    images = mnist["X"][:600]  # more than are warped at once
    distorted = record["distorted"](images, np.random.default_rng(0), still)
    assert np.allclose(distorted, record["upright"](images), atol=1e-4)


def test_an_image_does_not_depend_on_its_neighbours(record, mnist):
    images = mnist["X"][:600]
    alone = np.vstack([record["upright"](image[None]) for image in images[::50]])
    assert np.allclose(record["upright"](images)[::50], alone, atol=1e-3)


def test_a_slanted_stroke_becomes_upright(record):
    stroke = np.zeros((28, 28), np.uint8)
    stroke[np.arange(6, 22), np.arange(6, 22)] = 255
    assert record["slants"](stroke.reshape(1, 784)) == pytest.approx(1)
    upright = record["upright"](stroke.reshape(1, 784)).reshape(28, 28)
    assert upright[6:22, 13:15].sum() == pytest.approx(upright.sum(), rel=1e-3)


def test_an_empty_image_stays_empty(record):
    assert not record["upright"](np.zeros((1, 784), np.uint8)).any()


def test_an_interrupted_training_ends_as_an_uninterrupted_one(record):
    (source,) = cells("resumption")
    assert "assert " in source
    exec(source, record)
