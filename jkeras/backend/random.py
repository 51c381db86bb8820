"""`K` functions that draw random numbers.

Keys are those of `jkeras.random`: with an integer seed the numbers are the same each time; without one the key comes
from the call that is running, so that each training step draws others, and outside of a call from the global seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras import random
from jkeras.core.dtypes import floatx
from jkeras.random.seed_generator import as_key

__all__ = [
    "dropout", "random_bernoulli", "random_binomial", "random_normal", "random_uniform", "truncated_normal",
]  # fmt: skip


def _known(name: str, shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple; refuse unknown sizes."""
    sizes = tuple(shape)
    if None in sizes:
        raise ValueError(
            f"K.{name}: shape {sizes} has an unknown size. Draw inside the `call` of a layer, or a Lambda, "
            "where K.shape(x) is known."
        )
    return sizes


def random_normal(
    shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> jax.Array:
    """Draw from the normal distribution.

    Args:
        shape: Sizes.
        mean, stddev: Mean and standard deviation.
        dtype: Dtype of the result; None is `floatx()`.
        seed: An integer, or None for fresh numbers.

    Returns:
        Array of `shape` and `dtype`.

    >>> random_normal((2, 3)).shape
    (2, 3)
    """
    return random.normal(_known("random_normal", shape), mean, stddev, dtype, seed)


def truncated_normal(
    shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> jax.Array:
    """Draw from the normal distribution, without what is more than two standard deviations from the mean.

    Args:
        shape: Sizes.
        mean, stddev: Mean and standard deviation of the distribution before it is cut.
        dtype: Dtype of the result; None is `floatx()`.
        seed: An integer, or None for fresh numbers.

    Returns:
        Array of `shape` and `dtype`.

    >>> bool(abs(truncated_normal((100,))).max() <= 2)
    True
    """
    return random.truncated_normal(_known("truncated_normal", shape), mean, stddev, dtype, seed)


def random_uniform(
    shape: Sequence[int], minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: int | None = None
) -> jax.Array:
    """Draw from the interval `[minval, maxval)`; integers for an integer dtype.

    Args:
        shape: Sizes.
        minval, maxval: The interval; `maxval` is left out.
        dtype: Dtype of the result; None is `floatx()`.
        seed: An integer, or None for fresh numbers.

    Returns:
        Array of `shape` and `dtype`.

    >>> random_uniform((2,), 0, 10, dtype="int32").dtype
    dtype('int32')
    """
    sizes = _known("random_uniform", shape)
    if jnp.issubdtype(jnp.dtype(dtype or floatx()), jnp.integer):
        return random.randint(sizes, int(minval), int(maxval), dtype, seed)
    return random.uniform(sizes, minval, maxval, dtype, seed)


def random_bernoulli(shape: Sequence[int], p: float = 0.0, dtype: Any = None, seed: int | None = None) -> jax.Array:
    """Draw 1 with probability `p`, else 0.

    Args:
        shape: Sizes.
        p: The probability.
        dtype: Dtype of the result; None is `floatx()`.
        seed: An integer, or None for fresh numbers.

    Returns:
        Array of `shape` and `dtype`.

    >>> random_bernoulli((2,), p=1.0).tolist()
    [1.0, 1.0]
    """
    drawn = jax.random.bernoulli(as_key(seed), p, _known("random_bernoulli", shape))
    return drawn.astype(dtype or floatx())


random_binomial = random_bernoulli  # how Keras 1 and 2 spell it


def dropout(x: Any, level: float, noise_shape: Any = None, seed: int | None = None) -> Any:
    """Set each element to zero with probability `level`, and divide the others by `1 - level`.

    It always drops: `K.in_train_phase(K.dropout(x, 0.5), x)` does so in training only.

    Args:
        x: Array of any shape.
        level: The probability.
        noise_shape: Shape of the draw; size 1 shares it along an axis. None is that of `x`.
        seed: An integer, or None for fresh numbers.

    Returns:
        Array of the shape and dtype of `x`.

    >>> sorted(set(dropout(jnp.ones(100), 0.5).tolist()))
    [0.0, 2.0]
    """
    return random.dropout(x, level, noise_shape, seed)
