"""Training: a step by hand, minibatches, records, seeds, interrupts and divergence."""

import copy
import pickle
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import layout

from nnlib import SGD, Adam, NeuralNetwork, RMSProp


class Frozen(SGD):
    """Moves nothing, and notes which rows of an identity matrix X were in each batch."""

    def __init__(self, network):
        super().__init__()
        self.rows = layout(network)[0][0]
        self.batches = []

    def update(self, parameters, gradient):
        self.batches.append(np.flatnonzero(gradient[self.rows].any(axis=1)).tolist())


def problem(n=20, **arguments):
    """A small regression that has something to learn: (network, X, Y)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    network = NeuralNetwork([3, 5, 2], ["tanh", "linear"], **{"seed": 1, **arguments})
    return network, X, np.sin(X[:, :2])


def batches_of(n, epochs, batch_size, **arguments):
    """The samples of each batch, and the records, of a network that does not move."""
    network = NeuralNetwork([n, 1], ["linear"], seed=0)
    X, Y, optimizer = np.eye(n), 100 + np.arange(n)[:, None], Frozen(network)
    records = list(network.train(X, Y, optimizer, epochs, batch_size, **arguments))
    return optimizer.batches, records, network.total_cost(X, Y)


def test_one_step_worked_by_hand():
    # One sigmoid hidden unit, a linear output, MSE, l2 = 0.1, and the sample x = 2, y = 1.
    network = NeuralNetwork([1, 1, 1], ["sigmoid", "linear"], l2=0.1)
    network.weights[0][:], network.biases[0][:] = 0.3, -0.1
    network.weights[1][:], network.biases[1][:] = 0.8, -0.1
    X, Y = np.array([[2.0]]), np.array([[1.0]])

    # Forward: z  = 0.3 · 2 - 0.1             =  0.5
    #          a  = 1 / (1 + e^-0.5)          =  0.62245933
    #          ŷ  = 0.8 · 0.62245933 - 0.1    =  0.39796746
    # Cost:    (ŷ - 1)²                       =  0.36244317
    #          + 0.1 (0.3² + 0.8²)            =  0.43544317
    assert network.feedforward(X) == pytest.approx(0.39796746, abs=5e-9)
    assert network.total_cost(X, Y) == pytest.approx(0.43544317, abs=5e-9)

    # Backward, output layer: ∂C/∂ŷ = 2 (0.39796746 - 1)                    = -1.20406507
    #   ∂C/∂w² = -1.20406507 · 0.62245933 + 2 · 0.1 · 0.8                   = -0.58948154
    #   ∂C/∂b² =                                                              -1.20406507
    # Hidden layer: f'(z) = 0.62245933 (1 - 0.62245933)                     =  0.23500371
    #   ∂C/∂z  = -1.20406507 · 0.8 · 0.23500371                             = -0.22636781
    #   ∂C/∂w¹ = -0.22636781 · 2 + 2 · 0.1 · 0.3                            = -0.39273562
    #   ∂C/∂b¹ =                                                              -0.22636781
    gradient = network.backpropagate(X, Y)
    (w1, w2), (b1, b2) = layout(network)
    assert gradient[w1] == pytest.approx(-0.39273562, abs=5e-9)
    assert gradient[b1] == pytest.approx(-0.22636781, abs=5e-9)
    assert gradient[w2] == pytest.approx(-0.58948154, abs=5e-9)
    assert gradient[b2] == pytest.approx(-1.20406507, abs=5e-9)

    # Step of SGD with learning rate 0.5:  w¹ =  0.3 + 0.5 · 0.39273562 = 0.49636781
    #                                      b¹ = -0.1 + 0.5 · 0.22636781 = 0.01318390
    #                                      w² =  0.8 + 0.5 · 0.58948154 = 1.09474077
    #                                      b² = -0.1 + 0.5 · 1.20406507 = 0.50203254
    (record,) = network.train(X, Y, SGD(0.5), epochs=1)
    assert network.weights[0] == pytest.approx(0.49636781, abs=5e-9)
    assert network.biases[0] == pytest.approx(0.01318390, abs=6e-9)
    assert network.weights[1] == pytest.approx(1.09474077, abs=5e-9)
    assert network.biases[1] == pytest.approx(0.50203254, abs=6e-9)
    assert record.cost == pytest.approx(0.36244317, abs=5e-9)  # before the step, no penalty


@settings(derandomize=True, database=None, deadline=None)
@given(n=st.integers(1, 30), batch_size=st.integers(1, 35), shuffle=st.booleans())
def test_each_epoch_covers_each_sample_once(n, batch_size, shuffle):
    batches, records, cost = batches_of(n, 2, batch_size, shuffle=shuffle)
    per_epoch = -(-n // batch_size)
    short = n - (per_epoch - 1) * batch_size
    assert [len(b) for b in batches] == 2 * ([batch_size] * (per_epoch - 1) + [short])
    for epoch in (batches[:per_epoch], batches[per_epoch:]):
        assert sorted(chain.from_iterable(epoch)) == list(range(n))
    # the record's cost is the mean over samples, however short the last batch
    assert [r.cost for r in records] == pytest.approx([cost, cost], rel=1e-13)


def test_shuffle_draws_another_order_each_epoch():
    batches, _, _ = batches_of(20, epochs=3, batch_size=1)
    assert batches[:20] != batches[20:40] != batches[40:] != batches[:20]
    assert batches[:20] != [[i] for i in range(20)]


def test_without_shuffle_the_order_is_kept():
    batches, _, _ = batches_of(7, epochs=2, batch_size=3, shuffle=False)
    assert batches == [[0, 1, 2], [3, 4, 5], [6]] * 2


def test_a_batch_no_smaller_than_the_data_is_the_full_batch_bit_for_bit():
    results = []
    for batch_size in (None, 20, 21, 1000):
        network, X, Y = problem()
        costs = [r.cost for r in network.train(X, Y, Adam(), 5, batch_size)]
        results.append((costs, network.parameters.tobytes()))
    assert all(result == results[0] for result in results)


def test_a_full_batch_step_follows_the_gradient():
    network, X, Y = problem(l1=0.01, l2=0.02)
    expected = network.parameters - 0.1 * network.backpropagate(X, Y)
    list(network.train(X, Y, SGD(0.1), epochs=1))
    # the order of the sum over samples is another
    np.testing.assert_allclose(network.parameters, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_same_seed_same_bits(optimizer, dtype):
    results = []
    for seed in (1, 1, 2):
        network, X, Y = problem(seed=seed, dtype=dtype)
        costs = [r.cost for r in network.train(X, Y, optimizer, 5, batch_size=6)]
        results.append((costs, network.parameters.tobytes()))
    assert results[0] == results[1] != results[2]


def test_the_seed_fixes_the_order_of_the_batches():
    results = []
    for seed in (1, 1, 2):
        network, X, Y = problem(seed=seed)
        network.parameters[:] = 0.1
        list(network.train(X, Y, SGD(0.1), 2, batch_size=6))
        results.append(network.parameters.tobytes())
    assert results[0] == results[1] != results[2]


def test_fields_of_the_record():
    network, X, Y = problem()
    before = network.total_cost(X, Y)
    records = []
    for record in network.train(X, Y, SGD(0.1), epochs=3, validation=(X, Y)):
        records.append(record)
        assert record.validation_cost == network.total_cost(X, Y)
        assert record.seconds > 0
    assert [r.epoch for r in records] == [1, 2, 3]
    assert records[0].cost == pytest.approx(before, rel=1e-13)
    # what is the validation cost after one epoch is the cost before the step of the next
    assert [r.cost for r in records[1:]] == pytest.approx(
        [r.validation_cost for r in records[:-1]], rel=1e-13
    )
    (record,) = network.train(X, Y, "sgd", epochs=1)
    assert record.validation_cost is None


def test_the_record_has_no_penalties():
    network, X, Y = problem(l1=0.1, l2=0.1)
    (record,) = network.train(X, Y, Frozen(network), epochs=1, validation=(X, Y))
    network.l1 = network.l2 = 0
    assert record.cost == pytest.approx(network.total_cost(X, Y), rel=1e-13)
    assert record.validation_cost == network.total_cost(X, Y)


def test_validation_changes_nothing_else():
    results = []
    for with_validation in (False, True):
        network, X, Y = problem()
        validation = (X[:3], Y[:3]) if with_validation else None
        list(network.train(X, Y, "adam", 3, batch_size=6, validation=validation))
        results.append(network.parameters)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(
    "optimizer", [SGD(0.1, momentum=0.9), RMSProp(0.01), Adam(0.01)], ids=lambda o: type(o).__name__
)
def test_training_lowers_the_cost(optimizer):
    network, X, Y = problem()
    records = list(network.train(X, Y, optimizer, epochs=100, batch_size=8))
    assert records[-1].cost < 0.1 * records[0].cost


def test_data_is_left_as_it_was():
    network, X, Y = problem()
    before = X.copy(), Y.copy()
    list(network.train(X, Y, "sgd", epochs=2, batch_size=6))
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(Y, before[1])


def test_lists_and_integers_are_data_too():
    network = NeuralNetwork([2, 1], ["linear"], seed=0)
    X, Y = np.arange(6).reshape(3, 2), np.array([[1], [2], [4]])
    results = []
    for x, y in ((X, Y), (X.tolist(), Y.tolist()), (X.astype(float), Y.astype(float))):
        trained = copy.deepcopy(network)
        list(trained.train(x, y, "sgd", epochs=2))
        results.append(trained.parameters)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_single_sample_with_a_constant_feature_is_learnt(dtype):
    network = NeuralNetwork([2, 3, 1], ["tanh", "linear"], dtype=dtype, seed=0)
    X, Y = np.array([[1.0, 0.0]]), np.array([[0.5]])
    *_, last = network.train(X, Y, SGD(0.1), epochs=200)
    assert last.cost < 1e-6


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, pickled])
def test_a_copy_goes_on_training_as_the_original(duplicate):
    network, X, Y = problem()
    optimizer = Adam()
    list(network.train(X, Y, optimizer, 3, batch_size=6))
    twin, twin_optimizer = duplicate((network, optimizer))
    ours = [r.cost for r in network.train(X, Y, optimizer, 3, batch_size=6)]
    after = network.parameters.copy()
    theirs = [r.cost for r in twin.train(X, Y, twin_optimizer, 3, batch_size=6)]
    assert ours == theirs
    np.testing.assert_array_equal(twin.parameters, after)
    np.testing.assert_array_equal(network.parameters, after)  # the twin trained alone
    np.testing.assert_array_equal(twin.feedforward(X), network.feedforward(X))


def test_a_break_stops_after_the_epoch():
    network, X, Y = problem()
    reference, _, _ = problem()
    for record in network.train(X, Y, "adam", epochs=1000):
        if record.epoch == 3:
            break
    list(reference.train(X, Y, "adam", epochs=3))
    np.testing.assert_array_equal(network.parameters, reference.parameters)


def interrupted_at(step):
    """A learning rate, during which the user presses the stop button."""

    def rate(now):
        if now == step:
            raise KeyboardInterrupt
        return 0.1

    return rate


def test_an_interrupt_leaves_a_usable_network_and_its_history():
    network, X, Y = problem()
    reference, _, _ = problem()
    history = []
    training = network.train(X, Y, SGD(interrupted_at(10)), epochs=9, batch_size=5)
    with pytest.raises(KeyboardInterrupt):  # in the third of the four batches of epoch 3
        history.extend(training)
    expected = list(reference.train(X, Y, SGD(0.1), epochs=2, batch_size=5))
    assert [r.cost for r in history] == [r.cost for r in expected]
    # two steps of the third epoch were taken
    assert (network.parameters != reference.parameters).any()
    *_, last = network.train(X, Y, SGD(0.1), epochs=50, batch_size=5)
    assert last.cost < history[-1].cost


@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_divergence_ends_with_an_error_and_the_last_finite_parameters(dtype, batch_size):
    network, X, Y = problem(dtype=dtype)
    snapshots = [network.parameters.copy()]
    training = network.train(X, Y, SGD(1e3), epochs=1000, batch_size=batch_size)
    with pytest.raises(FloatingPointError) as error:
        snapshots.extend(network.parameters.copy() for _ in training)
    assert f"in epoch {len(snapshots)}," in str(error.value)
    assert "learning rate 1000" in str(error.value)
    assert "try a smaller one, with a new optimizer" in str(error.value)
    assert np.isfinite(network.parameters).all()
    # they are those of the beginning of the failing epoch or, if their cost is not finite, of the
    # epoch before
    assert any((network.parameters == s).all() for s in snapshots[-2:])
    if batch_size is None:
        assert np.isfinite(network.total_cost(X, Y))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_that_are_no_longer_finite_are_an_error_though_the_cost_was(dtype):
    network, X, Y = problem(dtype=dtype)
    start = network.parameters.copy()
    training = network.train(X, 1e4 * Y, SGD(lambda step: 1e308), epochs=1)
    with pytest.raises(FloatingPointError, match=r"in epoch 1, at learning rate 1e\+308"):
        next(training)
    np.testing.assert_array_equal(network.parameters, start)


def test_nothing_is_trained_until_it_is_looped_over():
    network, X, Y = problem()
    before = network.parameters.copy()
    training = network.train(X, Y, "adam", epochs=2)
    np.testing.assert_array_equal(network.parameters, before)
    next(training)
    assert (network.parameters != before).all()


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("activations", [["tanh", "linear"], ["tanh", "softmax"]], ids=str)
def test_weights_are_shares_of_the_cost(activations, batch_size):
    cost = "mse" if activations[1] == "linear" else "cross_entropy"
    rng = np.random.default_rng(0)
    X, Y, w = rng.normal(size=(20, 3)), rng.uniform(size=(20, 2)), rng.integers(0, 4, size=20)
    network = NeuralNetwork([3, 5, 2], activations, cost, seed=1)
    losses = np.array([network.total_cost(X[i : i + 1], Y[i : i + 1]) for i in range(20)])
    gradients = [network.backpropagate(X[i : i + 1], Y[i : i + 1]) for i in range(20)]
    frozen = Frozen(network)
    seen = []
    frozen.update = lambda parameters, gradient: seen.append(gradient.copy())
    (record,) = network.train(
        X, Y, frozen, 1, batch_size, validation=(X[:9], Y[:9], w[:9]), shuffle=False,
        sample_weight=w,
    )  # fmt: skip
    size, w = batch_size or 20, w / w.mean()  # of mean one over the data, not over the batch
    for i, gradient in enumerate(seen):
        rows = np.arange(20)[i * size : (i + 1) * size]
        expected = sum(w[j] * gradients[j] for j in rows) / len(rows)
        np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-14)
    assert len(seen) == (1 if batch_size is None else 3)
    assert record.cost == pytest.approx(np.dot(w, losses) / 20, rel=1e-12)
    assert record.validation_cost == pytest.approx(np.average(losses[:9], weights=w[:9]), rel=1e-12)


def test_only_the_proportions_of_weights_count():
    results = []
    for scale in (1.0, 2.0**-20, 2.0**20):
        network, X, Y = problem()
        list(network.train(X, Y, "adam", 3, 6, sample_weight=scale * np.arange(20)))
        results.append(network.parameters)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_weights_keep_the_dtype():
    network, X, Y = problem(dtype=np.float32)
    list(network.train(X, Y, "adam", 1, sample_weight=np.arange(20.0)))
    other, *_ = problem(dtype=np.float32)
    list(other.train(X, Y, "adam", 1, sample_weight=np.arange(20)))
    np.testing.assert_array_equal(network.parameters, other.parameters)


def test_weights_are_for_the_canonical_pairs():
    network = NeuralNetwork([3, 2], ["tanh"], seed=0)
    X, Y = np.zeros((4, 3)), np.zeros((4, 2))
    with pytest.raises(ValueError, match=r"Tanh\(\) with MSE\(\) takes no sample_weight"):
        network.train(X, Y, "sgd", 1, sample_weight=np.ones(4))
    for wrong, message in [
        (np.ones(3), r"sample_weight must have shape \(4,\), got \(3,\)"),
        (np.ones((4, 1)), r"sample_weight must have shape \(4,\), got \(4, 1\)"),
        ([1, 1, 1, -1], "sample_weight must be finite numbers >= 0"),
        (np.zeros(4), "sample_weight must be finite numbers >= 0, not all zero"),
    ]:
        network = NeuralNetwork([3, 2], ["linear"], seed=0)
        with pytest.raises(ValueError, match=f"^{message}"):
            network.train(X, Y, "sgd", 1, sample_weight=wrong)
        with pytest.raises(ValueError, match=f"^validation {message}"):
            network.train(X, Y, "sgd", 1, validation=(X, Y, wrong))


SEEDS = {
    "number": lambda: 3,
    "NumPy's number": lambda: np.random.default_rng(0).integers(9),
    "read-only array": lambda: np.frombuffer(b"12345678", np.uint32),
    "sequence": lambda: np.random.SeedSequence(3),
    "generator": lambda: np.random.default_rng(3),
}


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)
def test_any_seed_of_numpy_will_do(seed):
    networks = [NeuralNetwork([2, 3, 1], ["tanh", "linear"], seed=seed()) for _ in range(2)]
    for network in networks:
        list(network.train(np.eye(2), np.ones((2, 1)), "adam", epochs=3, batch_size=1))
    np.testing.assert_array_equal(*(network.parameters for network in networks))
    assert repr(networks[0]) == repr(networks[1])


def test_a_validation_cost_that_diverges_is_an_error_too():
    network = NeuralNetwork([1, 1], ["linear"], seed=0)
    start = network.parameters.copy()
    X, Y = np.ones((2, 1)), np.zeros((2, 1))
    training = network.train(X, Y, SGD(1e-3), epochs=2, validation=(1e200 * X, Y))
    with pytest.raises(FloatingPointError, match=r"in epoch 1, at learning rate 0\.001"):
        list(training)
    np.testing.assert_array_equal(network.parameters, start)


def test_the_error_names_the_learning_rate_that_diverged():
    network, X, Y = problem()
    too_large_once = SGD(lambda step: 1e300 if step == 2 else 0.01)
    with pytest.raises(FloatingPointError, match=r"learning rate 1e\+300"):
        list(network.train(X, Y, too_large_once, epochs=9, batch_size=5))
