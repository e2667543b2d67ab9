"""After the notebooks have run in a copy of the tree: what they made is what is committed.

`make test` keeps the committed results and figures in `committed/` beside the fresh ones. In the
arithmetic that the committed ones were made in (libraries, kernels of BLAS, instruction sets: each
result names it) both are compared exactly. In another, numbers are compared within the tolerances
that stand here; the claims are asserted in either.
"""

import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted(path.stem for path in (ROOT / "committed/results").glob("0[1-5]_*.json"))
FIGURES = sorted((ROOT / "committed/figures").glob("*.svg"))

SETTINGS = [
    "degrees", "final_learning_rate", "floor", "lambdas", "lasso_alphas", "low_rates",
    "many_lambdas", "many_learning_rate", "near_zero", "rates", "ridge_alphas", "sigma",
]  # fmt: skip
# (results and key, absolute tolerance, relative tolerance); the first pattern that fits counts, and
# 1e-9 where none does. A relative one of 0.5 allows a factor of 1.5 to either side. With None a
# number is not compared, for the reason given. The others are from what was seen between SkylakeX,
# Haswell, Nehalem and Prescott, and below what the claims beside them would survive.
TOLERANCES = [
    # Rounding errors; the bounds that they must keep are in `checks`, compared like all else.
    ("01_theory/checks_raw_error", None, None),
    ("01_theory/approximation_trained_large_*", 0, 1e-9),
    ("01_theory/approximation_trained_*", 0, 0.01),
    # Ill-conditioned least squares, and products over 20 layers.
    ("01_theory/approximation_least_squares_*", 0, 1e-6),
    ("01_theory/vanishing_ratio_*", 0, 1e-6),
    ("02_runge_regression/clean_*_test_r2_*", 0, 1e-9),
    # A kernel matrix without noise is nearly singular: errors below 1e-10 are rounding.
    ("02_runge_regression/clean_gaussian_process_*", 1e-10, 0.01),
    ("02_runge_regression/two_d_*", 0, 0.001),
    # At a constant rate the last digits decide the path. The methods differ by factors of 20.
    ("02_runge_regression/constants_adam_beta_2_0.9_*", 0, 1.0),
    ("02_runge_regression/*rmsprop_*m[ai][nx]", 0, 1.0),
    ("02_runge_regression/*rmsprop_*", 0, 0.3),
    ("02_runge_regression/*gradient_descent_*", 0, 0.4),
    # Errors of 1e-8, and polynomials that are exact to 1e-24.
    ("02_runge_regression/clean_*", 0, 1e-5),
    ("02_runge_regression/map_clean_*", 0, 1e-6),
    ("02_runge_regression/choice_*", 0, 1e-6),
    ("02_runge_regression/*noisy_*", 0, 1e-6),
    ("02_runge_regression/constants_*", 0, 0.001),
    # Ten thousand steps at a constant rate.
    ("03_activations_and_depth/long_30_*", 0, 0.05),
    # What follows is for what 04 measures, not for what it sets.
    *((f"04_regularization/{setting}", 0, 0) for setting in SETTINGS),
    # A tie among L1's and L2's pairs of strength and rate, which the text names as one.
    ("04_regularization/contest_pooled_l[12]_at_edge", None, None),
    ("04_regularization/*_at_edge", 3, 0),
    ("04_regularization/*_wins", 3, 0),
    ("04_regularization/*_pairs_told_apart", 2, 0),
    ("04_regularization/contest_pooled_l[12]_*", 0, 2.5),
    ("04_regularization/spread_over_rates_*_max", None, None),  # one run that breaks out, or none
    # Choices by ten noisy samples among nearly equal pairs.
    ("04_regularization/contest_by_10_samples_l[12]_excess_*", 0, 1.5),
    ("04_regularization/contest_by_10_samples_l2_*", 0, 0.5),
    ("04_regularization/contest_by_10_samples_*", 0, 0.25),
    ("04_regularization/contest_by_f_l[12]_to_none_ratio", 0, [0.12, 0.3, 0.12]),
    ("04_regularization/contest_by_f_l[12]_*", 0, 0.35),
    ("04_regularization/contest_*", 0, 0.05),
    ("04_regularization/cost_of_choosing_l[12]_*", 0, 0.6),
    ("04_regularization/cost_of_choosing_*", 0, 0.2),
    ("04_regularization/spread_l[12]_0.0001_*", 0, 0.7),
    ("04_regularization/spread_over_rates_l[12]_0.001_median", 0, 0.2),
    ("04_regularization/spread_*", 0, 0.4),
    ("04_regularization/rise_over_time_*", 0, 0.25),
    ("04_regularization/*_excess_by_rate", 0, 0.3),
    ("04_regularization/none_rate_0.03_*", 0, 0.4),  # the highest rate, at which runs break out
    ("04_regularization/short_*", 0, 0.05),
    ("04_regularization/*", 0, 0.1),
    # Probabilities and orders of counts that scatter.
    ("05_mnist_classification/mcnemar_*_p", None, None),
    ("05_mnist_classification/top_pairs", None, None),
    ("05_mnist_classification/mcnemar_affine_plain_counts", 10, 0),
    ("05_mnist_classification/mcnemar_*_counts", 20, 0.2),
    ("05_mnist_classification/top_pair_counts", 2, 0.2),
    ("05_mnist_classification/*_wrong_count", 10, 0.15),
    ("05_mnist_classification/always_wrong_also_*", 0.1, 0),
    # L-BFGS and a falling rate come to the minimum of a convex cost.
    ("05_mnist_classification/logistic_cost", 0, 0.0005),
    ("05_mnist_classification/no_hidden_layer_cost", 0, 0.0005),
    ("05_mnist_classification/test_accuracy_logistic", 0.0005, 0),
    ("05_mnist_classification/test_accuracy_no_hidden_layer", 0.0005, 0),
    ("05_mnist_classification/study_*", 0, 1e-9),  # of a file, data/mnist_study.npz
    # Standard deviations of three or five accuracies.
    ("05_mnist_classification/test_spread_affine", 0.0006, 0),
    ("05_mnist_classification/test_spread_*", 0.0015, 0),
    ("05_mnist_classification/test_accuracy_std", 0.0006, 0),
    # Other rounding, other trainings: with a falling rate their test accuracies scatter by 0.02 to
    # 0.07 points over seeds, at a constant rate by 0.1 to 0.2.
    ("05_mnist_classification/same_answer_accuracy_*", 0.001, 0),
    ("05_mnist_classification/test_accuracy_plain", 0.001, 0),
    ("05_mnist_classification/test_accuracy_standard_error", 0.0001, 0),
    ("05_mnist_classification/test_accuracy_affine", 0.001, 0),
    ("05_mnist_classification/test_accuracy_mean", 0.001, 0),
    ("05_mnist_classification/*accuracy*", 0.002, 0),
    ("05_mnist_classification/kappa", 0.0015, 0),
    ("05_mnist_classification/precision", 0.006, 0),
    ("05_mnist_classification/recall", 0.006, 0),
    ("05_mnist_classification/f1", 0.005, 0),
    ("05_mnist_classification/calibration_error_affine", 0.001, 0),
    ("05_mnist_classification/calibration_error_*", 0.002, 0),
    ("05_mnist_classification/error_after_rejection", 0.0005, 0),
    ("05_mnist_classification/validation_cost_mean", 0, 0.03),
    ("05_mnist_classification/roughness_*", 0, 0.02),
]


def both(name):
    """The fresh and the committed results of a notebook."""
    folders = ROOT / "report/results", ROOT / "committed/results"
    return [json.loads((folder / f"{name}.json").read_text("utf-8")) for folder in folders]


def agree(fresh, committed, absolute, relative):
    """Whole numbers are settings and counts: the same, unless an absolute tolerance is given. The
    relative one is symmetric: neither number may be more than 1 + relative times the other; of a
    list's numbers each may have its own."""
    if isinstance(committed, list):
        each = relative if isinstance(relative, list) else [relative] * len(committed)
        return len(fresh) == len(committed) and all(
            agree(f, c, absolute, r) for f, c, r in zip(fresh, committed, each)
        )
    if isinstance(committed, float) or (isinstance(committed, int) and absolute):
        low, high = sorted([abs(fresh), abs(committed)])
        near = fresh == pytest.approx(committed, abs=absolute, rel=0)
        return near or (fresh * committed > 0 and high <= (1 + relative) * low)
    return fresh == committed


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_fresh_results_agree_with_the_committed_ones(name, capsys):
    fresh, committed = both(name)
    here, there = fresh.pop("arithmetic"), committed.pop("arithmetic")
    if here == there:
        assert fresh == committed
        return
    differ = [f"{key} {here[key]} for {there[key]}" for key in there if here[key] != there[key]]
    with capsys.disabled():
        print(f"\n{name}: compared within tolerances, since the arithmetic is another,", *differ)
    assert fresh.keys() == committed.keys()
    for key, value in committed.items():
        tolerance = next((t[1:] for t in TOLERANCES if fnmatch(f"{name}/{key}", t[0])), (0, 1e-9))
        assert None in tolerance or agree(fresh[key], value, *tolerance), (
            f"{name}/{key}: {fresh[key]} is not {value}"
        )


def test_fresh_figures_are_the_committed_ones():
    results = map(both, NOTEBOOKS)
    if any(fresh["arithmetic"] != committed["arithmetic"] for fresh, committed in results):
        pytest.skip("the arithmetic is another")
    for path in FIGURES:
        committed, fresh_path = path.read_text("utf-8"), ROOT / "figures" / path.name
        fresh = fresh_path.read_text("utf-8")
        by, then_by = (re.search(r"Matplotlib v[\d.]+", text)[0] for text in (fresh, committed))
        if by != then_by:
            pytest.skip(f"drawn by {by}, not {then_by}")
        assert fresh == committed, path.name


def test_there_is_something_to_compare():
    assert NOTEBOOKS
    assert FIGURES
