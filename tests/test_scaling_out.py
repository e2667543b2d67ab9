"""Beyond one process and beyond memory: the estimators on a cluster, and on a file in pieces."""

import logging

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from nnlib import NeuralNetworkClassifier, NeuralNetworkRegressor


@pytest.fixture
def moons():
    rng = np.random.default_rng(0)
    angle, label = rng.uniform(0, np.pi, 300), rng.integers(2, size=300)
    X = np.stack([np.cos(angle) + label, np.sin(angle) * (1 - 2 * label)], axis=1)
    return X + rng.normal(0, 0.1, X.shape), label


def test_a_grid_search_on_a_cluster_of_two_workers_finds_what_it_finds_alone(moons):
    search = GridSearchCV(
        NeuralNetworkClassifier(epochs=10, batch_size=32, random_state=0),
        {"hidden_layer_sizes": [(4,), (16,)], "learning_rate": [1e-4, 1e-2]},
        cv=3,
    )
    alone = clone(search).fit(*moons)
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        assert len(client.scheduler_info()["workers"]) == 2
        there = clone(search).fit(*moons)
    assert there.best_params_ == alone.best_params_
    np.testing.assert_array_equal(
        there.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(there.predict_proba(moons[0]), alone.predict_proba(moons[0]))


def test_a_memory_mapped_file_is_learnt_in_pieces(tmp_path, moons):
    X, y = moons
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    learner, same = (NeuralNetworkClassifier(batch_size=10, random_state=0) for _ in range(2))
    for _ in range(20):
        for start in range(0, len(X), 50):
            rows = slice(start, start + 50)
            learner.partial_fit(mapped[rows], y[rows], classes=[0, 1])
            same.partial_fit(X[rows], y[rows], classes=[0, 1])
    assert learner.score(X, y) > 0.95
    np.testing.assert_array_equal(learner.network_.parameters, same.network_.parameters)


def test_a_mapped_file_is_not_written_to(tmp_path):
    X = np.linspace(-1, 1, 100, dtype=np.float32)[:, None]
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    NeuralNetworkRegressor((5,), epochs=2, random_state=0).fit(mapped, X[:, 0])
    np.testing.assert_array_equal(np.load(tmp_path / "X.npy"), X)
