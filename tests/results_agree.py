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
    ("0[16]_*/*_ratio", float("inf"), 0),
    # Rounding errors; the bounds that they must keep are in 01_theory/checks, compared exactly.
    ("01_theory/checks_raw_error", float("inf"), 0),
    # Ill-conditioned least squares, products over 20 layers, small differences of weights.
    ("01_theory/approximation_least_squares_*", 0, 1e-5),
    ("01_theory/vanishing_ratio_*", 0, 1e-4),
    ("01_theory/slip_weight_change_*", 0, 1e-4),
    # Medians over five trainings, each of thousands of steps.
    ("01_theory/approximation_trained_*", 0, 0.3),
    # In how many seeds one model is better than another: near ties fall to either side.
    ("0[234]_*/*_wins", 4, 0),
    # Sampled functions of untrained networks, and R² near 1.
    ("02_runge_regression/length_*", 0, 1e-6),
    ("02_runge_regression/clean_*_test_r2_*", 1e-4, 0),
    # Near-singular: a kernel matrix without noise.
    ("02_runge_regression/clean_gaussian_process_*", 1e-10, 0.01),
    ("02_runge_regression/two_d_*", 0, 0.5),
    # Trained at a constant rate, where the last digits decide the path: 0.9 between kernels.
    ("02_runge_regression/rates_below_*", 1, 0),
    ("02_runge_regression/constants_*", 0, 1.5),
    ("02_runge_regression/*_equal_*", 0, 1.5),
    # Errors of 1e-8 at the end of trainings with a falling rate: 1e-4 between kernels, more where
    # another instruction set rounds tanh otherwise.
    ("02_runge_regression/map_clean_*", 0, 1.0),
    ("02_runge_regression/choice_*", 0, 1.0),
    ("02_runge_regression/clean_*", 1e-11, 1.0),
    ("02_runge_regression/*noisy_*", 0, 0.3),
    # Which of nearly equal starts and rates is chosen, and what hangs on it.
    ("03_activations_and_depth/*_choice", float("inf"), 0),
    ("03_activations_and_depth/choices_at_edge", 4, 0),
    ("03_activations_and_depth/clean_*", 0, 2.0),
    ("03_activations_and_depth/noisy_*", 0, 0.6),
    ("03_activations_and_depth/effective_parameters_*", 3, 0.3),
    # Ten thousand steps at a constant rate, and counts of nodes that a large step kills.
    ("03_activations_and_depth/long_*_best_step", 0, 0.6),
    ("03_activations_and_depth/long_*", 0, 0.3),
    ("03_activations_and_depth/nodes_*", 5, 0),
    ("03_activations_and_depth/sgd_died", 30, 0),
    ("03_activations_and_depth/adam_*", 40, 0),
    # Choices by noise, a gap, and what lies outside the data.
    ("03_activations_and_depth/regret_*", 1, 0.2),
    ("03_activations_and_depth/outside_*", 0, 0.5),
    ("03_activations_and_depth/gap_*", 0, 0.3),
    # Differences of means over data sets, near zero.
    ("03_activations_and_depth/*_boot_*", 1e-3, 0.3),
    ("03_activations_and_depth/*_bias", 1e-4, 0.2),
    ("03_activations_and_depth/variance_*", 0, 0.5),
    ("03_activations_and_depth/*", 0, 0.2),
    # Ten thousand steps at a constant rate, few data, and choices by ten noisy samples.
    ("04_regularization/*_at_edge", float("inf"), 0),
    ("04_regularization/*_pairs_told_apart", 4, 0),
    ("04_regularization/*_best_step", 0, 1.0),
    ("04_regularization/*_pruned_change", 0, 2.0),
    ("04_regularization/pruned_change_none", 0, 2.0),
    ("04_regularization/spread_*_max", float("inf"), 0),  # one run that broke out, or did not
    ("04_regularization/spread_*", 0, 2.0),
    ("04_regularization/contest_by_f_*", 0, 0.5),
    ("04_regularization/contest_*", 0, 3.0),
    ("04_regularization/cost_of_choosing_*", 0, 3.0),
    ("04_regularization/*", 1e-6, 0.5),
    # Which pairs are confused most often, among pairs of nearly the same counts; the first is in
    # the notebook's claims.
    ("05_mnist_classification/top_pairs", float("inf"), 0),
    # Probabilities of chance: powers of counts that scatter.
    ("05_mnist_classification/mcnemar_*_p", float("inf"), 0),
    # Counts of digits that one classifier or the other mistakes, with their Poisson noise.
    ("05_mnist_classification/mcnemar_*_counts", 20, 0.2),
    ("05_mnist_classification/top_pair_counts", 4, 0.3),
    ("05_mnist_classification/*_wrong_count", 15, 0.2),
    ("05_mnist_classification/always_wrong_also_*", 0.15, 0),
    ("05_mnist_classification/scaling_accuracy_*", 0.004, 0),
    # L-BFGS and a falling rate come to the minimum of a convex cost.
    ("05_mnist_classification/logistic_cost", 0, 0.001),
    ("05_mnist_classification/no_hidden_layer_cost", 0, 0.001),
    # Spreads of three or five trainings.
    ("05_mnist_classification/test_accuracy_std", 0.0007, 0),
    ("05_mnist_classification/test_spread_*", 0.0015, 0),
    # Other rounding, other trainings: with a falling rate their test accuracies scatter by 0.02 to
    # 0.07 points over seeds, at a constant rate by 0.1 to 0.2.
    ("05_mnist_classification/same_answer_accuracy_*", 0.001, 0),
    ("05_mnist_classification/test_accuracy_same_settings", 0.003, 0),
    ("05_mnist_classification/*accuracy*", 0.002, 0),
    ("05_mnist_classification/kappa", 0.0015, 0),
    # A few digits of a single class's thousand.
    ("05_mnist_classification/precision", 0.006, 0),
    ("05_mnist_classification/recall", 0.006, 0),
    ("05_mnist_classification/f1", 0.005, 0),
    ("05_mnist_classification/calibration_error_*", 0.003, 0),
    ("05_mnist_classification/error_after_rejection", 0.002, 0),
    # The cost at the end of five trainings: 0.0289 to 0.0332.
    ("05_mnist_classification/validation_cost_mean", 0, 0.1),
    ("05_mnist_classification/roughness_*", 0, 0.05),
]


def agree(fresh, committed, absolute, relative):
    if absolute == float("inf"):
        return True
    if isinstance(committed, list):
        return len(fresh) == len(committed) and all(
            agree(f, c, absolute, relative) for f, c in zip(fresh, committed)
        )
    if isinstance(committed, int | float):
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
