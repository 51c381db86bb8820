"""First values drawn from a distribution that does not depend on the shape, and orthogonal matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.core import threefry
from jkeras.core.registry import initializers
from jkeras.initializers.base import RandomInitializer


class _Normal(RandomInitializer):
    """What normal distributions take.

    Args:
        mean: Mean.
        stddev: Standard deviation, before any value is drawn again.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev


@initializers.register_class("normal")
class RandomNormal(_Normal):
    """Normal distribution of mean `mean` and standard deviation `stddev`.

    >>> RandomNormal(mean=5.0, stddev=0.0)((2,)).tolist()
    [5.0, 5.0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        return self.mean + self.stddev * jax.random.normal(self.key(key), tuple(shape), dtype)


@initializers.register_class("uniform")
class RandomUniform(RandomInitializer):
    """Uniform distribution over `[minval, maxval)`; for integer dtypes, over the integers in it.

    Args:
        minval: The lower bound, contained.
        maxval: The upper bound, not contained.

    >>> bool((abs(RandomUniform(seed=0)((100,))) <= 0.05).all())
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        if jnp.issubdtype(dtype, jnp.integer):
            return jax.random.randint(self.key(key), tuple(shape), int(self.minval), int(self.maxval), dtype)
        return jax.random.uniform(self.key(key), tuple(shape), dtype, self.minval, self.maxval)

    def on_host(self, shape: Sequence[int], key: np.ndarray) -> np.ndarray | None:
        """Return the values that a call draws, if it draws with the key given."""
        return None if self.seed is not None else threefry.uniform(key, shape, self.minval, self.maxval)


@initializers.register_class()
class TruncatedNormal(_Normal):
    """Normal distribution, values further than two standard deviations from the mean drawn again.

    >>> bool((abs(TruncatedNormal(stddev=1.0, seed=0)((100,))) <= 2).all())
    True
    """

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        return self.mean + self.stddev * jax.random.truncated_normal(self.key(key), -2.0, 2.0, tuple(shape), dtype)


@initializers.register_class("OrthogonalInitializer")
class Orthogonal(RandomInitializer):
    """`gain` times a random matrix with orthonormal columns or rows (Saxe et al., 2014).

    Axes before the last are taken together as rows.

    Args:
        gain: Factor of the matrix.

    Raises:
        ValueError: When called, for a shape of fewer than two sizes.

    >>> q = Orthogonal(seed=0)((3, 3))
    >>> bool(jnp.allclose(q @ q.T, jnp.eye(3), atol=1e-5))
    True
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal makes matrices: expected a shape of two or more sizes, got {tuple(shape)}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        # QR exists for 32 and 64 bits only.
        wide = jnp.promote_types(dtype, jnp.float32)
        normal = jax.random.normal(self.key(key), (max(rows, columns), min(rows, columns)), wide)
        q, r = jnp.linalg.qr(normal)
        # The signs make the distribution uniform over orthogonal matrices.
        q = q * jnp.sign(jnp.diagonal(r))
        q = q.T if rows < columns else q
        return (self.gain * q.reshape(tuple(shape))).astype(dtype)
