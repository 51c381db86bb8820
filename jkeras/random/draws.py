"""Draws from distributions, shuffling and dropout."""

from __future__ import annotations

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


normal = operation(
    _normal, "shape, mean=0.0, stddev=1.0, dtype=None, seed=None", "Normal distribution of `mean` and `stddev`."
)
truncated_normal = operation(
    _truncated_normal,
    "shape, mean=0.0, stddev=1.0, dtype=None, seed=None",
    "Normal distribution, what is further than two standard deviations from the mean drawn again.",
)
uniform = operation(
    _uniform, "shape, minval=0.0, maxval=1.0, dtype=None, seed=None", "Uniform distribution over `[minval, maxval)`."
)
randint = operation(
    _randint, "shape, minval, maxval, dtype='int32', seed=None", "Integers from `minval` up to, and without, `maxval`."
)
gamma = operation(_gamma, "shape, alpha, dtype=None, seed=None", "Gamma distribution of shape `alpha` and scale 1.")
beta = operation(_beta, "shape, alpha, beta, dtype=None, seed=None", "Beta distribution.")
binomial = operation(
    _binomial,
    "shape, counts, probabilities, dtype=None, seed=None",
    "Number of successes in `counts` trials, of given probabilities; as floating-point numbers.",
)
categorical = operation(
    _categorical,
    "logits, num_samples, dtype='int32', seed=None",
    "Classes drawn by `softmax(logits)` in each row: `(batch, num_samples)`.",
)
shuffle = operation(_shuffle, "x, axis=0, seed=None", "The slices along `axis`, each as it is, in random order.")
dropout = operation(
    _dropout,
    "inputs, rate, noise_shape=None, seed=None",
    "Zero with probability `rate`, else divided by `1 - rate`.",
    elementwise=True,
)


__all__ = publish(globals())
