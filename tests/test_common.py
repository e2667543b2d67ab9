"""What the notebooks share: claims, results, Runge's data, runs and pictures."""

import inspect
import json
import pickle

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import common
import nnlib


@pytest.fixture(autouse=True)
def anew(tmp_path, monkeypatch):
    """No results yet, and a folder of its own for them."""
    monkeypatch.setattr(common, "results", {})
    monkeypatch.setattr(common, "HERE", tmp_path / "notebooks")


def test_a_claim_that_holds_is_printed_and_kept(capsys):
    common.claim("two-is-more", "Two is more than one.", 2 > 1)
    assert capsys.readouterr().out == "✓ Two is more than one.\n"
    assert common.results["claims"] == {"two-is-more": "Two is more than one."}


def test_a_claim_that_does_not_hold_is_an_error_and_is_not_kept():
    with pytest.raises(AssertionError, match=r"one-is-more does not hold: One is more\."):
        common.claim("one-is-more", "One is more.", 1 > 2)
    assert "claims" not in common.results


def test_a_cell_with_a_claim_can_run_again():
    common.claim("a", "A.", True)
    common.claim("a", "A, once more.", True)
    assert common.results["claims"] == {"a": "A, once more."}


def test_a_check_of_an_equation_is_printed_and_kept(capsys):
    common.verify(14, "backward", "a row", "autograd", [1e-17, -3e-16], 1e-14)
    common.verify(1, "perceptron", "and", "exact arithmetic", 0, 0)
    assert capsys.readouterr().out.splitlines() == [
        "✓ (14) backward: a row, autograd agrees within 1e-14",
        "✓ (1) perceptron: and, exact arithmetic agrees exactly",
    ]
    assert common.results["checks"][0] == [14, "eq-backward", "a row", "autograd", 1e-14]
    assert common.results["checks_raw_error"] == [3e-16, 0]


@pytest.mark.parametrize("error", [2e-14, [0, -2e-14], np.nan])
def test_a_check_of_an_equation_that_fails_is_an_error(error):
    with pytest.raises(AssertionError, match=r"\(14\) backward, a row: off by"):
        common.verify(14, "backward", "a row", "autograd", error, 1e-14)
    assert "checks" not in common.results


@pytest.mark.parametrize(
    ("yours", "truth", "line"),
    [
        (None, 1, "○ 1.2 is still open"),
        (..., [1, 2], "○ 1.2 is still open"),
        (0.5, 0.5, "✓ 1.2"),
        ([1.0, 2.0], np.array([1, 2 + 1e-12]), "✓ 1.2"),
        (0.25, 0.5, "✗ 1.2: the value is 0.25, expected 0.5"),
        ([[1, 2], [3, 5]], [[1, 2], [3, 4]], "✗ 1.2: value [1, 1] is 5, expected 4"),
        ([1, np.nan], [1, 2], "✗ 1.2: value [1] is nan, expected 2"),
        ([1, 2], [[1, 2]], "✗ 1.2: the shape is (2,), expected (1, 2)"),
    ],
)
def test_what_an_exercise_gave_is_compared(yours, truth, line, capsys):
    common.check("1.2", yours, truth)
    assert capsys.readouterr().out == line + "\n"


def test_a_training_is_shown_live_and_keeps_what_was_learnt_when_stopped(capsys, monkeypatch):
    class Picture:
        def update(self, fig):
            shown.append(list(drawn))

    def records():
        yield from range(1000)
        raise KeyboardInterrupt

    drawn, shown = [], []
    monkeypatch.setattr(common, "display", lambda fig, display_id: Picture())
    assert common.live(plt.figure(), drawn.append, records(), every=60) == 999
    assert drawn == [0, 999]
    assert shown == [[0], [0, 999]]
    assert capsys.readouterr().out == "Stopped. What was learnt stays.\n"
    assert common.live(plt.figure(), drawn.append, iter([])) is None
    assert len(drawn) == 2
    assert not plt.get_fignums()


def test_results_are_written_in_full_precision(tmp_path):
    (tmp_path / "report/results").mkdir(parents=True)
    common.results |= {"b": 1 / 3, "a": [np.float64(0.1)]}
    common.write_results("02_x")
    text = (tmp_path / "report/results/02_x.json").read_text()
    assert json.loads(text) == {"a": [0.1], "arithmetic": common.arithmetic(), "b": 1 / 3}
    assert text.index('"a"') < text.index('"b"')


def test_the_data_of_a_seed_are_of_its_seed_and_noise():
    data, same, other = common.Data(3, 0.1), common.Data(3, 0.1), common.Data(4, 0.1)
    assert [len(x) for x in (data.x, data.x_val, data.x_test)] == [300, 100, 100]
    np.testing.assert_array_equal(data.y, same.y)
    assert not np.isin(data.x, other.x).any()
    assert len(np.unique(np.vstack([data.x, data.x_val, data.x_test]))) == 500
    assert np.std(data.y - common.runge(data.x)) == pytest.approx(0.1, rel=0.15)
    clean = common.Data(3, 0.0)
    np.testing.assert_array_equal(clean.x, data.x)
    np.testing.assert_array_equal(clean.y, common.runge(clean.x))
    np.testing.assert_allclose([data.X.mean(), data.X.std()], [0, 1], atol=1e-12)


def test_scores_stand_where_their_names_say():
    data = common.Data(3, 0.1)
    scores = data.scores(lambda x: np.zeros_like(x))
    assert scores[common.VALIDATION] == pytest.approx(np.mean(data.y_val**2))
    assert scores[common.TEST] == pytest.approx(np.mean(data.y_test**2))
    assert scores[common.R2] == pytest.approx(1 - np.mean(data.y_test**2) / np.var(data.y_test))
    assert scores[common.EXCESS] == pytest.approx(np.mean(common.runge(common.GRID) ** 2))


def test_data_of_another_function_keep_inputs_and_noise():
    data, other = common.Data(3, 0.1), common.Data(3, 0.1, np.cos)
    np.testing.assert_array_equal(data.x_val, other.x_val)
    noise = data.y_test - common.runge(data.x_test)
    np.testing.assert_allclose(other.y_test - np.cos(other.x_test), noise, atol=1e-15)
    assert other.scores(np.cos)[common.EXCESS] == 0
    assert other.scores(np.cos)[common.TEST] == pytest.approx(np.mean(noise**2))


def test_a_cosine_falls_from_the_first_rate_to_the_last_and_can_be_sent_to_a_process():
    rate = pickle.loads(pickle.dumps(common.cosine(0.3, 10, last=0.1)))
    assert [rate(0), rate(5), rate(10)] == pytest.approx([0.3, 0.2, 0.1])
    assert common.cosine(0.3, 10)(10) == pytest.approx(common.FINAL_RATE)


def test_a_spread_is_kept_as_median_and_range():
    common.keep("error", [3.0, 1.0, 2.0, 10.0])
    assert common.results == {"error_median": 2.5, "error_min": 1.0, "error_max": 10.0}


def test_a_ratio_is_paired():
    a, b = np.array([1.0, 2.0, 8.0]), np.array([2.0, 8.0, 8.0])
    middle, low, high, wins = common.ratio(a, b, "a_to_b")
    t = 4.302653  # of 2 degrees of freedom, at 97.5 %
    half = t * np.std([np.log(1 / 2), np.log(1 / 4), 0], ddof=1) / np.sqrt(3)
    assert [middle, wins] == [pytest.approx(1 / 2), 2]
    assert [low, high] == pytest.approx([np.exp(-half) / 2, np.exp(half) / 2])
    assert common.results == {"a_to_b_ratio": [middle, low, high], "a_to_b_wins": 2}
    assert common.ratio(b, a)[0] == pytest.approx(2)
    assert list(common.results) == ["a_to_b_ratio", "a_to_b_wins"]


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Nothing is kept yet; what was computed is counted in the file given."""
    memory = joblib.Memory(tmp_path / "kept", verbose=0)
    monkeypatch.setattr(common, "_kept", memory.cache(common._call, ignore=["function", "job"]))
    return tmp_path / "count"


FACTOR = 2


class Scale:
    by = 10


def times(x):
    return FACTOR * x


def count(path, x):
    with open(path, "a") as file:
        file.write("x")
    return Scale.by * times(x)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_runs_come_back_in_their_order(n_jobs, kept):
    jobs = [(kept, x) for x in range(20)]
    assert common.run_all(count, jobs, n_jobs) == [20 * x for x in range(20)]


def test_what_was_computed_is_kept_until_something_it_hangs_on_changes(kept, monkeypatch):
    def computed():
        before = kept.stat().st_size if kept.exists() else 0
        common.run_all(count, [(kept, 1), (kept, 2)], n_jobs=1)
        return kept.stat().st_size - before

    assert [computed(), computed()] == [2, 0]
    monkeypatch.setattr("test_common.FACTOR", 3)  # named by a function that the function calls
    assert [computed(), computed()] == [2, 0]
    real = inspect.getsource
    changed = real(nnlib) + "# changed"
    monkeypatch.setattr(
        inspect, "getsource", lambda thing: changed if thing is nnlib else real(thing)
    )
    assert [computed(), computed()] == [2, 0]


def count_below_three(path, x):
    if x == 3:
        raise KeyboardInterrupt
    return count(path, x)


def test_a_run_that_was_stopped_goes_on_where_it_was(kept):
    with pytest.raises(KeyboardInterrupt):
        common.run_all(count_below_three, [(kept, x) for x in range(5)], n_jobs=1)
    assert kept.stat().st_size == 3
    again = common.run_all(count_below_three, [(kept, x) for x in (4, 2, 1, 0)], n_jobs=1)
    assert again == [80, 40, 20, 0]
    assert kept.stat().st_size == 4


def test_two_processes_do_not_take_what_one_has_kept(kept):
    common.run_all(count, [(kept, 1)], n_jobs=1)
    common.run_all(count, [(kept, 1)], n_jobs=2)
    assert kept.stat().st_size == 2


def test_a_band_is_the_median_and_the_quartiles_over_seeds():
    _, ax = plt.subplots()
    values = np.array([[1.0, 10], [2, 20], [3, 30], [4, 40], [5, 50]])
    common.band(ax, [0, 1], values, "x", "C0")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [3, 30])
    (area,) = ax.collections
    assert {*area.get_paths()[0].vertices[:, 1]} == {2, 4, 20, 40}
    plt.close()


def test_cells_that_diverged_are_marked():
    mse = np.array([[[1e-2, 1e-3, 1e-4], [1.0, np.inf, np.inf]]])
    middle, diverged, text = common.log_cells(mse)
    assert middle[0, 0] == -3
    np.testing.assert_allclose(diverged, [[0, 2 / 3]])
    assert text[0, 0] == "−3.0\n±1.0"
    _, ax = plt.subplots()
    common.heatmap(ax, middle, diverged, ["row"], ["a", "b"], text, cbar=False)
    assert [t.get_text() for t in ax.texts] == ["−3.0\n±1.0", "×"]
    plt.close()


STILL = dict.fromkeys(common.AFFINE, 0.0)


@pytest.fixture
def pictures():
    """Random images (12, 784) from 0 to 1."""
    return np.random.default_rng(0).random((12, 784), dtype=np.float32)


def test_limits_of_zero_leave_images_as_they_are(pictures):
    assert np.allclose(common.distort(pictures, np.random.default_rng(0), STILL), pictures)


def test_a_mirror_exchanges_left_and_right_alone(pictures):
    mirrored = common.distort(pictures, np.random.default_rng(0), STILL | {"mirror": 1.0})
    expected = pictures.reshape(-1, 28, 28)[:, :, ::-1].reshape(-1, 784)
    assert np.allclose(mirrored, expected)


@pytest.mark.parametrize("limit", common.AFFINE)
def test_each_limit_distorts_and_each_group_in_its_own_way(pictures, limit):
    same = np.repeat(pictures[:1], 12, axis=0)
    out = common.distort(same, np.random.default_rng(0), STILL | {limit: 0.4}, group=3)
    groups = out.reshape(4, 3, 784)
    assert np.array_equal(groups, np.repeat(groups[:, :1], 3, axis=1))
    assert all(not np.allclose(a, b) for a, b in zip(groups[:-1, 0], groups[1:, 0]))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 783), np.uint8), r"got \(2, 783\)"),
        (np.zeros((0, 784), np.uint8), r"got \(0, 784\)"),
        (np.zeros((2, 784)), "got float64"),
        (np.full((2, 784), 256), "found 256 to 256"),
    ],
)
def test_bad_images_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        common.prepare(images)


def test_images_are_divided_by_255_and_flattened():
    images = np.full((3, 28, 28), 51, np.uint8)
    assert np.array_equal(common.prepare(images), np.full((3, 784), 0.2, np.float32))


def test_the_settings_reach_the_network():
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(3_000, 784), dtype=np.uint8)
    labels, rows, watched = rng.integers(10, size=3_000), np.arange(2_600), np.arange(2_600, 3_000)
    settings = dict(hidden=(5, 4), activation="tanh", l2=0.02, epochs=2, limits=None, rate=0.001)
    network, history = common.train_on_images(images, labels, rows, watched, 1, settings)
    assert network.layer_sizes == [784, 5, 4, 10]
    assert (type(network.activations[0]), network.l2) == (nnlib.Tanh, 0.02)
    assert history.shape == (2, 3)
    right = network.feedforward(common.prepare(images[watched])).argmax(axis=1) == labels[watched]
    assert history[-1, 2] == right.mean()
    limits = common.AFFINE
    for other in ({"optimizer": "SGD"}, {"rate": 0.002}, {"batch_size": 100}, {"limits": limits}):
        again = common.train_on_images(images, labels, rows, watched, 1, settings | other)[0]
        assert not np.allclose(again.parameters, network.parameters, atol=1e-4), other
