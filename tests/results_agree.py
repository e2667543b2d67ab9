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
    # Rounding errors; the bounds that they must keep are in 01_theory/checks, compared exactly.
    ("01_theory/checks_raw_error", float("inf"), 0),
    # Ill-conditioned least squares, products over 20 layers, small differences of weights.
    ("01_theory/approximation_least_squares_*", 0, 1e-5),
    ("01_theory/vanishing_ratio_*", 0, 1e-4),
    ("01_theory/slip_weight_change_*", 0, 1e-4),
    # Medians over five trainings, each of thousands of steps.
    ("01_theory/approximation_trained_*", 0, 0.3),
    # Choices on validation data between rates of nearly the same score.
    ("02_runge_regression/*_learning_rate", 0, 9.0),
    ("02_runge_regression/*_from_rate", 0, 9.0),
    # Two of RMSProp's rates tie: the choice may fall on the next, three times as high or low, and
    # its figures go with it.
    ("02_runge_regression/rmsprop_best_rate", 0, 2.5),
    ("02_runge_regression/rmsprop_*", 0, 0.7),
    ("03_activations_and_depth/*_learning_rates", 0, 40.0),
    ("04_regularization/*_learning_rate", 0, 40.0),
    # Errors of some 1e-8 at the end of long trainings, where rounding decides the path.
    ("02_runge_regression/clean_chosen_network_*", 3e-8, 1.0),
    ("02_runge_regression/clean_sigmoid_*", 0, 1.0),
    ("02_runge_regression/clean_tanh_*", 3e-8, 1.0),
    ("02_runge_regression/two_d_network_*", 0, 1.0),
    ("02_runge_regression/choice_*", 0, 1.0),
    # High degrees: near-singular least squares, and Lasso fits that just converge or do not.
    ("02_runge_regression/*_degree_median", 4, 0.5),
    ("02_runge_regression/*_lambda_median", 0, 9.0),
    ("02_runge_regression/clean_*", 1e-11, 0.3),
    ("02_runge_regression/two_d_ols_*", 0, 0.3),
    # Medians over trainings, on data whose noise outweighs the rounding.
    ("02_runge_regression/*_test_mse_median", 0, 0.5),
    ("02_runge_regression/*_epochs", 0, 0.2),
    ("02_runge_regression/noisy_sigmoid_*", 0, 0.5),
    ("02_runge_regression/noisy_tanh_*", 0, 0.5),
    ("02_runge_regression/noisy_chosen_network_*", 0, 0.5),
    ("02_runge_regression/noisy_*", 0, 0.1),
    ("02_runge_regression/*_r2_median", 0.01, 0),
    # ReLU's corners amplify rounding, which may also change the choice of its rate.
    ("03_activations_and_depth/*_best_excess_median", 0, 3.0),
    ("03_activations_and_depth/clean_*relu_*", 0, 3.0),
    ("03_activations_and_depth/noisy_*relu_*", 0, 3.0),
    ("03_activations_and_depth/clean_*", 0, 0.5),
    ("03_activations_and_depth/overfit_*_best_step", 0, 0.5),
    ("03_activations_and_depth/overfit_*", 0, 0.2),
    ("03_activations_and_depth/dead_share_*", 0.1, 0),
    # One training each, far from the data.
    ("03_activations_and_depth/extrapolation_*", 0, 0.3),
    ("03_activations_and_depth/gap_*", 0, 0.3),
    ("03_activations_and_depth/*", 0, 0.1),
    ("04_regularization/pruned_change_*", 0, 1.0),
    ("04_regularization/*_best_lambda", 0, 9.0),
    ("04_regularization/*_best_rate", 0, 3.0),
    ("04_regularization/*", 1e-6, 0.1),
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
    # Means of two short trainings each, judged by 10,000 digits.
    ("05_mnist_classification/study_effect_*", 0.006, 0),
    ("05_mnist_classification/study_best_accuracy_*", 0.006, 0),
    ("05_mnist_classification/scaling_*", 0.006, 0),
    # Other rounding, other trainings: about the standard error of 10,000 test digits, and a few of
    # them for a single digit's thousand.
    ("05_mnist_classification/*accuracy*", 0.0025, 0),
    ("05_mnist_classification/kappa", 0.002, 0),
    ("05_mnist_classification/precision", 0.006, 0),
    ("05_mnist_classification/recall", 0.006, 0),
    ("05_mnist_classification/f1", 0.005, 0),
    ("05_mnist_classification/calibration_error_*", 0.003, 0),
    ("05_mnist_classification/error_after_rejection", 0.002, 0),
    # Costs at the end of trainings.
    ("05_mnist_classification/plain_training_cost", 0, 1.0),
    ("05_mnist_classification/*_cost*", 0, 0.1),
    ("05_mnist_classification/roughness_*", 0, 0.1),
]


def agree(fresh, committed, absolute, relative):
    if absolute == float("inf"):
        return True
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
