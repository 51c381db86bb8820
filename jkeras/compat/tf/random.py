"""`tf.random`: draws from distributions, from keys as `jkeras.random` makes them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras import random as draws
from jkeras.compat.tf.arrays import _sizes
from jkeras.core.dtypes import floatx
from jkeras.core.seeds import set_random_seed


def set_seed(seed: int) -> None:
    """Set the seed of what is drawn from now on, and of Python's and numpy's generators as Keras does."""
    set_random_seed(seed)


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: int | None = None, name: str | None = None
) -> Any:
    """Draw from the normal distribution."""
    return draws.normal(_sizes(shape), mean=mean, stddev=stddev, dtype=dtype or floatx(), seed=seed)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: int | None = None, name: str | None = None
) -> Any:
    """Draw from the normal distribution without what is more than two standard deviations from the mean."""
    return draws.truncated_normal(_sizes(shape), mean=mean, stddev=stddev, dtype=dtype or floatx(), seed=seed)


def uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = None, seed: int | None = None, name: str | None = None
) -> Any:
    """Draw from an interval, without its upper end; integers if `dtype` says so.

    Raises:
        ValueError: For integers without `maxval`.
    """
    if dtype is not None and np.dtype(dtype).kind in "iu":
        if maxval is None:
            raise ValueError("tf.random.uniform of integers needs maxval=.")
        return draws.randint(_sizes(shape), minval, maxval, dtype="int32", seed=seed)
    return draws.uniform(
        _sizes(shape), minval=minval, maxval=1.0 if maxval is None else maxval, dtype=dtype or floatx(), seed=seed
    )


def gamma(shape: Any, alpha: Any, beta: Any = 1.0, dtype: Any = None, seed: int | None = None) -> Any:
    """Draw from the gamma distribution."""
    return draws.gamma(_sizes(shape), alpha, dtype=dtype or floatx(), seed=seed) / jnp.asarray(beta)


def categorical(logits: Any, num_samples: int, dtype: Any = None, seed: int | None = None, name: Any = None) -> Any:
    """Draw classes from rows of logits."""
    return draws.categorical(logits, num_samples, dtype="int32", seed=seed)


multinomial = categorical


def shuffle(value: Any, seed: int | None = None, name: str | None = None) -> Any:
    """Return the rows in another order."""
    return draws.shuffle(value, axis=0, seed=seed)


__all__ = ["categorical", "gamma", "multinomial", "normal", "set_seed", "shuffle", "truncated_normal", "uniform"]
