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
def record():
    """What the notebook's cells tagged "function" define."""
    names = {}
    for source in cells("imports") + cells("function"):
        exec(source.split("%matplotlib")[0], names)
    return names


def test_the_stored_weights_classify_the_test_digits_as_well_as_the_report_says(record, mnist):
    network = record["load_weights"](ROOT / "data/mnist_record_weights.npz")
    answers = record["classify"](mnist["X"][60_000:], network).argmax(axis=1)
    n_right = int((answers == mnist["y"][60_000:]).sum())
    assert n_right == pytest.approx(10_000 * RESULTS["test_accuracy"], abs=2)


def test_the_stored_weights_are_small_and_those_of_the_settings(record):
    path = ROOT / "data/mnist_record_weights.npz"
    assert path.stat().st_size < 10e6
    hidden = record["SETTINGS"]["hidden_layer_sizes"]
    assert record["load_weights"](path).layer_sizes == [784, *hidden, 10]


def test_the_results_are_those_of_the_settings(record):
    own = record["COMMITTEE"][0]  # what each member has of its own
    settings = record["DISTORTION"] | {k: v for k, v in record["COMMON"].items() if k not in own}
    assert {key: RESULTS[key] for key in settings} == settings
    assert [row[:3] for row in RESULTS["members"]] == [[*m.values()] for m in record["COMMITTEE"]]


def test_the_first_network_sees_digits_upright_as_the_playground_shows_them(record):
    assert record["COMMITTEE"][0]["view"] == "upright"


def test_the_border_of_the_stored_network_counts_for_nothing(record):
    first = record["load_weights"](ROOT / "data/mnist_record_weights.npz").weights[0]
    assert not np.delete(first, record["INNER"], axis=0).any()
    assert first[record["INNER"]].any(axis=1).all()


def test_the_trials_are_kept(record):
    with np.load(ROOT / "data/mnist_record_trials.npz") as file:
        jobs, logs = [json.loads(job) for job in file["jobs"]], file["logs"]
    expected = [[seed, record["SETTINGS"] | changes] for seed, changes in record["TRIALS"].values()]
    assert jobs == expected
    assert np.allclose(np.exp(logs.astype(float)).sum(axis=2), 1, atol=0.01)


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
        record["seen"](images, "upright")
    with pytest.raises(ValueError, match=message):
        record["distorted"](images, np.random.default_rng(0), "upright")


def test_integers_of_any_width_are_read_alike(record, mnist):
    images = mnist["X"][:5]
    upright = record["seen"](images, "upright")
    assert np.array_equal(upright, record["seen"](images.tolist(), "upright"))


@pytest.mark.parametrize("view", ["as written", "upright", "sized"])
def test_without_any_strength_a_distorted_image_is_the_one_seen(record, mnist, view):
    images = mnist["X"][:600]  # more than are warped at once
    distorted = record["distorted"](images, np.random.default_rng(0), view, strength=0.0)
    assert np.allclose(distorted, record["seen"](images, view), atol=1e-4)


def test_as_written_is_the_image_itself(record, mnist):
    images = mnist["X"][:20]
    assert np.allclose(record["seen"](images, "as written"), images / 255, atol=1e-6)


# Haswell's kernel rounds the columns at the end of a product otherwise, where there are no zeros.
@pytest.mark.parametrize(("view", "rounding"), [("upright", 0), ("sized", 3e-6)])
def test_the_inner_pixels_are_those_of_the_whole_image(record, mnist, view, rounding):
    whole, inner = mnist["X"][:20], record["INNER"]
    among_all = record["seen"](whole, view)[:, inner]
    assert np.allclose(record["seen"](whole, view, inner), among_all, rtol=0, atol=rounding)


def test_sized_digits_have_the_typical_spread(record, mnist):
    images = mnist["X"][:500]
    sized = np.round(255 * record["seen"](images, "sized")).astype(np.uint8)
    _, *before = record["moments"](images)
    _, *after = record["moments"](sized)
    for typical, were, are in zip(record["TYPICAL"], before, after):
        within = abs(np.log(were / typical)) < np.log(1.4)  # no factor beyond 1.5 was needed
        assert within.mean() > 0.5
        assert abs(are[within] / typical - 1).max() < 0.12
        assert (are[within] / typical).std() < 0.2 * (were[within] / typical).std()


def test_an_image_does_not_depend_on_its_neighbours(record, mnist):
    images = mnist["X"][:600]
    alone = np.vstack([record["seen"](image[None], "upright") for image in images[::50]])
    assert np.allclose(record["seen"](images, "upright")[::50], alone, atol=1e-3)


def test_a_slanted_stroke_becomes_upright(record):
    stroke = np.zeros((28, 28), np.uint8)
    stroke[np.arange(6, 22), np.arange(6, 22)] = 255
    assert record["moments"](stroke.reshape(1, 784))[0] == pytest.approx(1)
    upright = record["seen"](stroke.reshape(1, 784), "upright").reshape(28, 28)
    assert upright[6:22, 13:15].sum() == pytest.approx(upright.sum(), rel=1e-3)


@pytest.mark.parametrize("view", ["upright", "sized"])
def test_an_empty_image_stays_empty(record, view):
    assert not record["seen"](np.zeros((1, 784), np.uint8), view).any()


def test_the_strength_changes_from_the_middle_on(record):
    settings = record["SETTINGS"] | {"strength": 1.0, "last_strength": 0.5, "epochs": 10}
    strengths = [record["strength"](epoch, settings) for epoch in range(10)]
    assert strengths[:5] == [1.0] * 5
    assert strengths[5:] == pytest.approx([0.95, 0.85, 0.75, 0.65, 0.55])


def test_an_interrupted_training_ends_as_an_uninterrupted_one(record):
    (source,) = cells("resumption")
    assert "assert " in source
    exec(source, record)
