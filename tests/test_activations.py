"""The seven activations: values, derivatives, extremes and dtypes."""

import autograd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from oracles import ACTIVATIONS

import nnlib
from nnlib import ELU, LeakyReLU, Linear, NeuralNetwork, ReLU, Sigmoid, Softmax, Tanh

KINDS = {
    "linear": Linear,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "softmax": Softmax,
}
ELEMENTWISE = [name for name in KINDS if name != "softmax"]
AT_1000 = {  # f(-1000), f(1000), f'(-1000), f'(1000)
    "linear": (-1000, 1000, 1, 1),
    "sigmoid": (0, 1, 0, 0),
    "tanh": (-1, 1, 0, 0),
    "relu": (0, 1000, 0, 1),
    "leaky_relu": (-10, 1000, 0.01, 1),
    "elu": (-1, 1000, 0, 1),
}
real_arrays = arrays(
    np.float64, array_shapes(max_dims=3, max_side=5), elements=st.floats(-20, 20, width=32)
)


@pytest.mark.parametrize("name", KINDS)
def test_names_stand_for_the_classes(name):
    assert type(NeuralNetwork([1, 1], [name]).activations[0]) is KINDS[name]
    assert nnlib.ACTIVATIONS == KINDS


@pytest.mark.parametrize("name", KINDS)
@settings(derandomize=True, database=None, deadline=None)
@given(z=real_arrays)
def test_value_is_the_textbook_formula(name, z):
    before = z.copy()
    a = KINDS[name]()(z)
    assert a.shape == z.shape
    np.testing.assert_array_equal(z, before)
    # e^z - 1 and (e^z - e^-z) lose digits near 0 in the textbook form: a few 1e-16 absolute
    np.testing.assert_allclose(a, ACTIVATIONS[name](z), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", ELEMENTWISE)
@settings(derandomize=True, database=None, deadline=None)
@given(z=real_arrays.filter(lambda z: (z != 0).all()))
def test_derivative_is_that_of_the_textbook_formula(name, z):
    oracle = autograd.elementwise_grad(ACTIVATIONS[name])(z)
    # 1 - a^2 and a (1 - a) carry the rounding of a: a few 1e-16 absolute
    np.testing.assert_allclose(KINDS[name]().derivative(z), oracle, rtol=1e-13, atol=1e-15)


@settings(derandomize=True, database=None, deadline=None)
@given(z=arrays(np.float64, (3, 4), elements=st.floats(-20, 20, width=32)))
def test_softmax_jacobian_is_that_of_the_textbook_formula(z):
    jacobian = Softmax().jacobian(z)
    assert jacobian.shape == (3, 4, 4)
    for row, J in zip(z, jacobian):
        oracle = autograd.jacobian(ACTIVATIONS["softmax"])(row)
        np.testing.assert_allclose(J, oracle, rtol=1e-13, atol=1e-15)


def test_softmax_of_one_row_may_be_a_vector():
    z = np.array([1.0, 2.0, 3.0, 5.0])
    np.testing.assert_array_equal(Softmax()(z), Softmax()(z[None])[0])
    np.testing.assert_array_equal(Softmax().jacobian(z), Softmax().jacobian(z[None])[0])


def test_softmax_has_no_elementwise_derivative():
    with pytest.raises(TypeError, match=r"^softmax has no elementwise derivative: use jacobian"):
        Softmax().derivative(np.zeros((2, 3)))


def test_softmax_rows_sum_to_one_and_ignore_a_shift():
    z = np.random.default_rng(0).normal(size=(5, 4))
    np.testing.assert_allclose(Softmax()(z).sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(Softmax()(z + 700), Softmax()(z), rtol=1e-12)  # z + 700 rounds


@pytest.mark.parametrize("alpha", [0, 0.2])
def test_leaky_relu_alpha_is_the_slope_below_0(alpha):
    z = np.array([-2.0, 3.0])
    np.testing.assert_array_equal(LeakyReLU(alpha)(z), [-2 * alpha, 3])
    np.testing.assert_array_equal(LeakyReLU(alpha).derivative(z), [alpha, 1])


@pytest.mark.parametrize("alpha", [0, 0.2, 3])
def test_elu_alpha_is_minus_the_limit(alpha):
    z = np.array([-50.0, -np.log(2), 2.0])
    np.testing.assert_allclose(ELU(alpha)(z), [-alpha, -alpha / 2, 2], rtol=1e-15)
    # f' = f + alpha rounds like alpha
    np.testing.assert_allclose(ELU(alpha).derivative(z), [0, alpha / 2, 1], atol=1e-15)


def test_elu_is_exact_near_0():
    # e^z - 1 = z + z^2 / 2 there; computed as such it would have eight digits
    np.testing.assert_allclose(ELU(2)(np.array([-1e-8])), [-2e-8 + 1e-16], rtol=1e-15)


@pytest.mark.parametrize("name", KINDS)
def test_numpy_may_raise_on_underflow(name):
    f, z = KINDS[name](), np.array([[-1000.0, 1000.0], [-1e-300, 1e-300]])
    expected = f(z)
    with np.errstate(all="raise"):
        network = NeuralNetwork([2, 2], [f])
        network.weights[0] = np.eye(2)
        np.testing.assert_array_equal(network.feedforward(z), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_limits_at_1000(name, dtype):
    z, f = np.array([-1000, 1000], dtype), KINDS[name]()
    expected = np.array(AT_1000[name], dtype)
    np.testing.assert_array_equal(np.concatenate([f(z), f.derivative(z)]), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_at_1000(dtype):
    z = np.array([[1000, -1000, 0], [-1000, -1000, -1000], [1000, 1000, -1000]], dtype)
    expected = np.array([[1, 0, 0], [1 / 3] * 3, [0.5, 0.5, 0]], dtype)
    np.testing.assert_array_equal(Softmax()(z), expected)
    assert np.isfinite(Softmax().jacobian(z)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", KINDS)
def test_dtype_is_kept(name, dtype):
    z, f = np.linspace(-2, 2, 6, dtype=dtype).reshape(2, 3), KINDS[name]()
    slope = f.jacobian if name == "softmax" else f.derivative
    assert f(z).dtype == slope(z).dtype == dtype


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_number_alone_will_do(name):
    f = KINDS[name]()
    for z in (2, -0.5, np.float32(0.5)):
        assert f(z) == f([z])[0]
        assert f.derivative(z) == f.derivative([z])[0]


@pytest.mark.parametrize("name", KINDS)
def test_integers_are_taken_as_real_numbers(name):
    f = KINDS[name]()
    np.testing.assert_array_equal(f([[-2, 0, 3]]), f(np.array([[-2.0, 0.0, 3.0]])))
