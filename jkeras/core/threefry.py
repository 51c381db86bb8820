"""JAX's default random generator on the host: small draws need no compiled program.

The generator is a counter: the random bits of element `i` are the hash of `i` by a key of two words.

Reference: Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

Words = tuple[np.ndarray, np.ndarray]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def is_default() -> bool:
    """Whether JAX draws by this generator, in the form in which an element's bits depend on its index only."""
    config: Any = jax.config
    return config.jax_default_prng_impl == "threefry2x32" and getattr(config, "jax_threefry_partitionable", True)


def threefry(key: np.ndarray, high: np.ndarray, low: np.ndarray) -> Words:
    """Return the hash of 64-bit counters, given and returned as two words, by a key of two words.

    >>> zero = np.zeros(1, np.uint32)
    >>> [hex(word.item()) for word in threefry(np.zeros(2, np.uint32), zero, zero)]
    ['0x6b200159', '0x99ba4efe']
    """
    keys = (key[0], key[1], key[0] ^ key[1] ^ np.uint32(0x1BD11BDA))
    x, y = high + keys[0], low + keys[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x = x + y
            y = ((y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation))) ^ x
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x, y


def fold_in(key: np.ndarray, number: int) -> np.ndarray:
    """Return the key words of `jax.random.fold_in(key, number)`.

    >>> key = jax.random.key(3)
    >>> words = fold_in(np.asarray(jax.random.key_data(key)), 7)
    >>> bool((words == jax.random.key_data(jax.random.fold_in(key, 7))).all())
    True
    """
    high, low = threefry(key, np.zeros(1, np.uint32), np.array([number], np.uint32))
    return np.concatenate([high, low])


def split(key: np.ndarray, count: int) -> list[np.ndarray]:
    """Return the key words of `jax.random.split(key, count)`."""
    return list(np.stack(_hashed(key, count), axis=-1))


def uniform(key: np.ndarray, shape: Sequence[int], low: float, high: float) -> np.ndarray:
    """Return what `jax.random.uniform(key, shape, "float32", low, high)` does.

    Args:
        key: Two words, uint32: `jax.random.key_data(key)`.
        shape: Of the result.
        low, high: The interval.

    Returns:
        float32 of the given shape.

    >>> key = jax.random.key(0)
    >>> drawn = uniform(np.asarray(jax.random.key_data(key)), (2, 3), -1, 2)
    >>> np.allclose(drawn, jax.random.uniform(key, (2, 3), minval=-1, maxval=2), atol=1e-6)  # to the last rounding
    True
    """
    first, second = _hashed(key, int(np.prod(shape)))
    # 23 random bits behind the exponent of 1.0 are a number in [1, 2).
    floats = (((first ^ second) >> np.uint32(9)) | np.uint32(0x3F800000)).view(np.float32) - np.float32(1)
    least, span = np.float32(low), np.float32(high) - np.float32(low)
    # XLA multiplies and adds in one rounding.
    scaled = (floats.astype(np.float64) * span + least).astype(np.float32)
    return np.maximum(least, scaled).reshape(tuple(shape))


# Polynomials of the inverse error function in single precision: in w - 2.5 for w < 5, else in sqrt(w) - 3, where
# w = -log(1 - x * x). Reference: Giles, 2012, "Approximating the erfinv function".
_CENTRE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164,
    0.246640727, 1.50140941,
)  # fmt: skip
_TAIL = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
    1.00167406, 2.83297682,
)  # fmt: skip


def truncated_normal(key: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Return what `jax.random.truncated_normal(key, -2, 2, shape, "float32")` does.

    >>> key = jax.random.key(0)
    >>> drawn = truncated_normal(np.asarray(jax.random.key_data(key)), (2, 300))
    >>> np.allclose(drawn, jax.random.truncated_normal(key, -2, 2, (2, 300)), atol=1e-5)
    True
    """
    bound = math.erf(2 / math.sqrt(2))
    x = uniform(key, shape, -bound, bound)
    w = -np.log1p(-x * x)
    normal = x * np.polyval(np.array(_CENTRE, np.float32), w - np.float32(2.5))
    far = w >= 5
    if far.any():
        normal[far] = x[far] * np.polyval(np.array(_TAIL, np.float32), np.sqrt(w[far]) - np.float32(3))
    return np.clip(np.float32(math.sqrt(2)) * normal, np.float32(-2), np.float32(2))


def _hashed(key: np.ndarray, count: int) -> Words:
    low = np.arange(count, dtype=np.uint32)
    return threefry(key, np.zeros_like(low), low)
