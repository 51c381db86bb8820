"""Draws from distributions, shuffling and dropout."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.core.dtypes import floatx
from jkeras.core.operation import operation, publish
from jkeras.functional import dropout as dropping
from jkeras.random.seed_generator import as_key


def _shape(shape: Any) -> tuple[int, ...]:
    return (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)


def _dtype(name: str, dtype: Any, kind: Any = jnp.floating) -> Any:
    """Return the dtype, the default float for None; refuse one of another kind."""
    found = jax.dtypes.canonicalize_dtype(dtype or floatx())
    if not jnp.issubdtype(found, kind):
        expected = "a floating-point" if kind is jnp.floating else "an integer"
        raise ValueError(f"random.{name} draws numbers of {expected} dtype; got dtype={dtype!r}.")
    return found


def _normal(shape: Any, *, mean: Any, stddev: Any, dtype: Any, seed: Any) -> Array:
    dtype = _dtype("normal", dtype)
    noise = jax.random.normal(as_key(seed), _shape(shape), dtype)
    return noise * jnp.asarray(stddev, dtype) + jnp.asarray(mean, dtype)


def _truncated_normal(shape: Any, *, mean: Any, stddev: Any, dtype: Any, seed: Any) -> Array:
    dtype = _dtype("truncated_normal", dtype)
    noise = jax.random.truncated_normal(as_key(seed), -2.0, 2.0, _shape(shape), dtype)
    return noise * jnp.asarray(stddev, dtype) + jnp.asarray(mean, dtype)


def _uniform(shape: Any, *, minval: Any, maxval: Any, dtype: Any, seed: Any) -> Array:
    return jax.random.uniform(as_key(seed), _shape(shape), _dtype("uniform", dtype), minval, maxval)


def _randint(shape: Any, minval: Any, maxval: Any, *, dtype: Any, seed: Any) -> Array:
    dtype = _dtype("randint", dtype, jnp.integer)
    return jax.random.randint(as_key(seed), _shape(shape), minval, maxval, dtype)


def _gamma(shape: Any, alpha: Any, *, dtype: Any, seed: Any) -> Array:
    return jax.random.gamma(as_key(seed), alpha, _shape(shape), _dtype("gamma", dtype))


def _beta(shape: Any, alpha: Any, beta: Any, *, dtype: Any, seed: Any) -> Array:
    return jax.random.beta(as_key(seed), alpha, beta, _shape(shape), _dtype("beta", dtype))


def _binomial(shape: Any, counts: Any, probabilities: Any, *, dtype: Any, seed: Any) -> Array:
    return jax.random.binomial(as_key(seed), counts, probabilities, _shape(shape), _dtype("binomial", dtype))


def _categorical(logits: Any, num_samples: int, *, dtype: Any, seed: Any) -> Array:
    logits = jnp.asarray(logits)
    if logits.ndim != 2:
        raise ValueError(f"random.categorical expects logits of shape (batch, classes); got {logits.shape}.")
    dtype = _dtype("categorical", dtype, jnp.integer)
    shape = (logits.shape[0], num_samples)
    return jax.random.categorical(as_key(seed), logits[..., None], axis=1, shape=shape).astype(dtype)


def _shuffle(x: Any, *, axis: int, seed: Any) -> Array:
    return jax.random.permutation(as_key(seed), jnp.asarray(x), axis)


def _dropout(inputs: Any, rate: float, *, noise_shape: Sequence[int | None] | None, seed: Any) -> Array:
    x = jnp.asarray(inputs)
    x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(floatx())
    return dropping.dropout(x, rate, as_key(seed) if rate else None, noise_shape)


_row = functools.partial(
    operation, dtype="Dtype of the result, one of floats; None is `config.floatx()`.",
    returns="Array of `shape` and `dtype`.",
)  # fmt: skip

normal = _row(
    _normal, "shape, mean=0.0, stddev=1.0, dtype=None, seed=None", "Normal distribution.",
    "(2, 3), seed=1 -> shape (2, 3)",
    mean="Its mean.", stddev="Its standard deviation.",
)  # fmt: skip
truncated_normal = _row(
    _truncated_normal, "shape, mean=0.0, stddev=1.0, dtype=None, seed=None",
    "Normal distribution, what is further than two standard deviations from the mean drawn again.",
    ">>> bool(abs(truncated_normal((100,), seed=1)).max() <= 2)\nTrue", mean="Its mean.",
    stddev="Its standard deviation before it is cut.",
)  # fmt: skip
uniform = _row(
    _uniform, "shape, minval=0.0, maxval=1.0, dtype=None, seed=None", "Uniform distribution over `[minval, maxval)`.",
    "(2, 3), seed=1 -> shape (2, 3)", minval="The least value.", maxval="The end, which is left out.",
)  # fmt: skip
randint = _row(
    _randint, "shape, minval, maxval, dtype='int32', seed=None", "Integers from `minval` up to, and without, `maxval`.",
    "(3,), 0, 10, seed=1 -> [4, 5, 3]", minval="The least value.", maxval="The end, which is left out.",
    dtype="Dtype of the result, one of integers.",
)  # fmt: skip
gamma = _row(
    _gamma, "shape, alpha, dtype=None, seed=None", "Gamma distribution of shape `alpha` and scale 1.",
    "(2,), 3.0, seed=1 -> shape (2,)", alpha="A positive number, or an array that broadcasts to `shape`.",
)  # fmt: skip
beta = _row(
    _beta, "shape, alpha, beta, dtype=None, seed=None", "Beta distribution.", "(2,), 1.0, 3.0, seed=1 -> shape (2,)",
    alpha="A positive number, or an array that broadcasts to `shape`.", beta="Likewise.",
)  # fmt: skip
binomial = _row(
    _binomial, "shape, counts, probabilities, dtype=None, seed=None", "Number of successes in `counts` trials.",
    "(2,), 5, 1.0, seed=1 -> [5.0, 5.0]", counts="A number, or an array that broadcasts to `shape`.",
    probabilities="Probability of success, likewise.",
)  # fmt: skip
categorical = _row(
    _categorical, "logits, num_samples, dtype='int32', seed=None", "Classes drawn by `softmax(logits)` in each row.",
    "jnp.log(jnp.array([[0.0, 1.0]])), 3, seed=1 -> [[1, 1, 1]]", logits="Array `(batch, classes)`.",
    num_samples="How many are drawn from each row.", dtype="Dtype of the result, one of integers.",
    returns="Class numbers `(batch, num_samples)` of `dtype`.",
)  # fmt: skip
shuffle = _row(
    _shuffle, "x, axis=0, seed=None", "The slices along `axis`, each as it is, in random order.",
    ">>> sorted(shuffle(jnp.arange(4), seed=1).tolist())\n[0, 1, 2, 3]", returns="Array of the shape and dtype of `x`.",
)  # fmt: skip
dropout = _row(
    _dropout, "inputs, rate, noise_shape=None, seed=None", "Zero with probability `rate`, else divided by `1 - rate`.",
    ">>> set(dropout(jnp.ones(100), 0.5, seed=1).tolist()) == {0.0, 2.0}\nTrue", elementwise=True,
    inputs="Array of any shape.", rate="The probability, from 0 up to 1.",
    noise_shape="Shape of the draw; size 1 shares it along an axis, None stands for the size of the inputs.",
    returns="Array of the shape of `inputs`, of floats.",
)  # fmt: skip


__all__ = publish(globals())
