"""Normalization by means, variances and norms."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.core.operation import operation, publish
from jkeras.functional import norm
from jkeras.functional.fuzz import epsilon as fuzz


def _batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, *, offset: Any, scale: Any, epsilon: float
) -> Array:
    given = [jnp.asarray(a) for a in (x, mean, variance, scale, offset) if a is not None]
    dtype = jnp.result_type(float, *given) if jnp.issubdtype(given[0].dtype, jnp.integer) else jnp.result_type(*given)
    scale, offset = (None if a is None else jnp.asarray(a) for a in (scale, offset))
    return norm.batch_norm_inference(given[0].astype(dtype), scale, offset, given[1], given[2], axis, epsilon)


def _layer_normalization(x: Any, *, gamma: Any, beta: Any, axis: Any, epsilon: float | None) -> Array:
    gamma, beta = (None if a is None else jnp.asarray(a) for a in (gamma, beta))
    return norm.layer_norm(jnp.asarray(x), gamma, beta, axis, fuzz() if epsilon is None else epsilon)


def _rms_normalization(x: Any, *, scale: Any, axis: Any, epsilon: float | None) -> Array:
    x = jnp.asarray(x)
    y = norm.rms_norm(x, None, axis, fuzz() if epsilon is None else epsilon)
    if scale is None:
        return y
    scale, axes = jnp.asarray(scale), (axis,) if isinstance(axis, int) else tuple(axis)
    if scale.ndim:
        kept = {a % x.ndim for a in axes}
        scale = scale.reshape([x.shape[a] if a in kept else 1 for a in range(x.ndim)])
    return (y * scale).astype(y.dtype)


def _moments(x: Any, axes: Any, *, keepdims: bool, synchronized: bool) -> tuple[Array, Array]:
    # An array of a program on several devices is one array: `synchronized` has nothing to add.
    x = jnp.asarray(x)
    mean, variance = norm.moments(x, axes, keepdims=keepdims)
    dtype = x.dtype if jnp.issubdtype(x.dtype, jnp.inexact) else mean.dtype
    return mean.astype(dtype), variance.astype(dtype)


def _normalize(x: Any, *, axis: Any, order: int, epsilon: float | None) -> Array:
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize: order must be an integer from 1; got {order!r}.")
    x = jnp.atleast_1d(jnp.asarray(x))
    x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.result_type(float))
    least = fuzz() if epsilon is None else epsilon
    if order == 2:
        # Kept from 0 under the root, so that the gradient is finite there.
        squared = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
        return x * jax.lax.rsqrt(jnp.maximum(squared, jnp.asarray(least**2, squared.dtype)))
    length = jnp.sum(jnp.abs(x) ** order, axis=axis, keepdims=True) ** (1 / order)
    return x / jnp.maximum(length, least)


_norm = functools.partial(
    operation, axis="One axis or several.", epsilon="Added under the root; None is `config.epsilon()`.",
    gamma="Factor of the shape of these axes, or None.", beta="Summand of the shape of these axes, or None.",
    returns="Array of the shape of `x`, of floats.",
)  # fmt: skip

batch_normalization = _norm(
    _batch_normalization, "x, mean, variance, axis, offset=None, scale=None, epsilon=0.001",
    "`scale * (x - mean) / sqrt(variance + epsilon) + offset` along `axis`.",
    "[[1.0], [5.0]], [3.0], [4.0], -1, epsilon=0.0 -> [[-1.0], [1.0]]", mean="Vector of means.",
    variance="Vector of variances.", axis="The axis of these vectors.", offset="Vector of summands, or None.",
    scale="Vector of factors, or None.",
)  # fmt: skip
layer_normalization = _norm(
    _layer_normalization, "x, gamma=None, beta=None, axis=-1, epsilon=None",
    "Mean 0 and variance 1 over `axis`, then times `gamma` plus `beta`.", "[1.0, 5.0], epsilon=0.0 -> [-1.0, 1.0]",
)  # fmt: skip
rms_normalization = _norm(
    _rms_normalization, "x, scale=None, axis=-1, epsilon=None", "Root mean square 1 over `axis`, then times `scale`.",
    "[1.0, -1.0], [2.0, 3.0], epsilon=0.0 -> [2.0, -3.0]", scale="Factor of the shape of these axes, or None.",
)  # fmt: skip
moments = operation(
    _moments, "x, axes, keepdims=False, synchronized=False", "Mean and (biased) variance over `axes`.",
    "[[1.0], [5.0]], 0 -> ([3.0], [4.0])", axes="One axis or several.",
    synchronized="Not used: an array on several devices is one array.",
    returns="Two arrays without these axes, of the dtype of `x`; integers give float32.",
)  # fmt: skip
normalize = _norm(
    _normalize, "x, axis=-1, order=2, epsilon=None", "Length 1 along `axis` by the norm of `order`.",
    "[3.0, 1.0], order=1 -> [0.75, 0.25]", order="An integer from 1; 2 is the Euclidean norm.",
    epsilon="The least length that is divided by; None is `config.epsilon()`.",
)  # fmt: skip


__all__ = publish(globals())
