"""Normalisation against Keras's layers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jkeras.functional.norm import (
    batch_norm_inference,
    batch_norm_train,
    group_norm,
    layer_norm,
    moments,
    rms_norm,
    unit_norm,
)

SHAPE = (6, 5, 4)
MASK = np.asarray([[1, 1, 1, 0, 0], [1, 0, 0, 0, 1]] * 3, bool)


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(2.0, 3.0, size=shape), jnp.float32)


@pytest.mark.parametrize("mask", [None, MASK, np.zeros_like(MASK)], ids=["none", "holes", "empty"])
@pytest.mark.parametrize("axis", [-1, 1])
def test_batch_norm_in_training_agrees_with_keras(axis, mask):
    keras = pytest.importorskip("keras")
    x, gamma, beta = draw(*SHAPE), draw(SHAPE[axis], seed=1), draw(SHAPE[axis], seed=2)
    layer = keras.layers.BatchNormalization(axis=axis, momentum=0.0)
    layer.build(SHAPE)
    mask = None if mask is None else jnp.asarray(mask)
    zeros, ones = jnp.zeros_like(gamma), jnp.ones_like(gamma)

    def theirs(x, gamma, beta):
        y, moving = layer.stateless_call([gamma, beta], [zeros, ones], x, training=True, mask=mask)
        return jnp.sum(jnp.sin(y / 100)), (y, *moving)

    def ours(x, gamma, beta):
        y, mean, variance = batch_norm_train(x, gamma, beta, axis, 1e-3, mask)
        return jnp.sum(jnp.sin(y / 100)), (y, mean, variance)

    got, want = (jax.jit(jax.grad(f, (0, 1, 2), has_aux=True))(x, gamma, beta) for f in (ours, theirs))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-4)


def test_batch_norm_in_inference_agrees_with_keras():
    keras = pytest.importorskip("keras")
    x, gamma, beta, mean = (draw(*s, seed=i) for i, s in enumerate([SHAPE, (4,), (4,), (4,)]))
    variance = jnp.abs(draw(4, seed=5))
    layer = keras.layers.BatchNormalization(epsilon=1e-2)
    layer.build(SHAPE)
    layer.set_weights([gamma, beta, mean, variance])
    np.testing.assert_allclose(
        batch_norm_inference(x, gamma, beta, mean, variance, epsilon=1e-2), layer(x), rtol=1e-4, atol=1e-5
    )
    plain = keras.layers.BatchNormalization(center=False, scale=False)
    np.testing.assert_allclose(
        batch_norm_inference(x, None, None, jnp.zeros(4), jnp.ones(4)), plain(x), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), [2]])
def test_layer_norm_agrees_with_keras(axis):
    keras = pytest.importorskip("keras")
    x = draw(*SHAPE)
    layer = keras.layers.LayerNormalization(axis=axis)
    layer.build(SHAPE)
    gamma, beta = (draw(*w.shape, seed=i) for i, w in enumerate(layer.weights))

    def theirs(x, gamma, beta):
        y, _ = layer.stateless_call([gamma, beta], [], x)
        return jnp.sum(jnp.sin(y)), y

    def ours(x, gamma, beta):
        y = layer_norm(x, gamma, beta, axis)
        return jnp.sum(jnp.sin(y)), y

    got, want = (jax.jit(jax.grad(f, (0, 1, 2), has_aux=True))(x, gamma, beta) for f in (ours, theirs))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_low_precision_is_computed_in_float32(dtype):
    x = (draw(512, 4) * 200).astype(dtype)  # the squares overflow float16
    y, mean, variance = batch_norm_train(x, None, None)
    exact, exact_mean, exact_variance = batch_norm_train(x.astype(jnp.float32), None, None)
    assert y.dtype == dtype and mean.dtype == variance.dtype == jnp.float32
    np.testing.assert_array_equal(mean, exact_mean)
    np.testing.assert_array_equal(variance, exact_variance)
    np.testing.assert_array_equal(y, exact.astype(dtype))
    np.testing.assert_array_equal(layer_norm(x), layer_norm(x.astype(jnp.float32)).astype(dtype))


def test_variance_does_not_cancel_far_from_zero():
    x = np.random.default_rng(0).normal(1e4, 1.0, size=(4000,)).astype(np.float32)
    np.testing.assert_allclose(moments(jnp.asarray(x), 0)[1], x.astype(np.float64).var(), rtol=1e-3)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), keep=st.integers(1, 7))
def test_a_mask_means_leaving_out(seed, keep):
    x = draw(7, 3, seed=seed)
    mask = jnp.arange(7) < keep
    for a, b in zip(moments(x, 0, mask), moments(x[:keep], 0), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("norm", [lambda x: group_norm(x, groups=2), rms_norm, unit_norm])
def test_other_norms_in_low_precision_and_at_zero(norm):
    x = draw(4, 6) * 1000  # the squares overflow float16
    np.testing.assert_array_equal(
        norm(x.astype(jnp.float16)), norm(x.astype(jnp.float16).astype(jnp.float32)).astype(jnp.float16)
    )
    assert np.isfinite(jax.grad(lambda x: jnp.sum(jnp.sin(norm(x))))(jnp.zeros((4, 6)))).all()


def test_unit_norm_of_extreme_vectors():
    x = jnp.asarray([[3e30, 4e30], [3e-11, 4e-11], [3e-14, 4e-14]])
    np.testing.assert_allclose(unit_norm(x), [[0.6, 0.8], [0.6, 0.8], [0.03, 0.04]], rtol=1e-5)
    np.testing.assert_allclose(jnp.sum(unit_norm(draw(3, 4, 5), (1, 2)) ** 2, (1, 2)), 1.0, rtol=1e-5)


def test_an_axis_out_of_range_is_refused():
    with pytest.raises(ValueError, match="axis 3 is out of range"):
        layer_norm(draw(2, 3), axis=3)


def test_the_variance_does_not_cancel_where_the_mean_is_large():
    x = np.random.default_rng(0).normal(1e4, 1.0, (64, 8, 3)).astype("float32")
    x[0, 0] = 0  # the element from which distances are taken is far from the others
    for part in (x, x[1:]):
        mean, variance = moments(jnp.asarray(part), (0, 1))
        np.testing.assert_allclose(mean, part.astype("float64").mean((0, 1)), rtol=1e-5)
        np.testing.assert_allclose(variance, part.astype("float64").var((0, 1)), rtol=2e-3)
