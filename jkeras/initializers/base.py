"""The bases of initializers: what they are called with, and where random ones take their key from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.core.config import Configurable
from jkeras.core.seeds import next_key


class Initializer(Configurable):
    """Base of initializers: a subclass defines `__call__(shape, dtype="float32", key=None)`.

    The shape is a sequence of sizes, the dtype a name or what `jax.numpy.dtype` takes, the key one of `jax.random`. The
    result is an array of that shape and dtype.

    >>> class Alternating(Initializer):
    ...     def __call__(self, shape, dtype="float32", key=None):
    ...         return jnp.broadcast_to(jnp.arange(shape[-1]) % 2, shape).astype(dtype)
    >>> Alternating()((2, 2)).tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        """Return an array of the given shape and dtype, drawn with `key` if it is random."""
        raise TypeError(
            f"{type(self).__name__} must define __call__(self, shape, dtype='float32', key=None) to be an initializer."
        )

    def on_host(self, shape: Sequence[int], key: np.ndarray) -> np.ndarray | None:
        """Return the float32 values of a call, computed by numpy: nothing is compiled for one shape each.

        Args:
            shape: Sizes of the array.
            key: The two words of a threefry key, uint32.

        Returns:
            An array of that shape, or None where only a call can compute it.
        """
        return None

    def clone(self) -> Initializer:
        """Return a new initializer of the same configuration."""
        return type(self).from_config(self.get_config())


class RandomInitializer(Initializer):
    """Base of random initializers: a subclass draws with `self.key(key)`.

    Args:
        seed: With an integer the values depend on it only, and are those of Keras for the same seed. With a seed
            generator (an object with `next()`) each call draws its next key. With None the key given to the call is
            used, or else a fresh one.

    >>> class Signs(RandomInitializer):
    ...     def __call__(self, shape, dtype="float32", key=None):
    ...         return jax.random.rademacher(self.key(key), shape, dtype)
    >>> bool((abs(Signs(seed=0)((2, 3))) == 1).all())
    True
    """

    seed: Any = None  # of subclasses whose constructor sets none

    def __init__(self, seed: Any = None):
        super().__init__()
        self.seed = seed

    def key(self, key: Array | None) -> Array:
        """Return the key to draw with: by the seed if there is one.

        Args:
            key: The key that a call was given, or None.
        """
        if self.seed is None:
            return next_key() if key is None else key
        if isinstance(self.seed, int):
            # Keras on JAX uses the pair (seed, 0) as the raw threefry key.
            return jax.random.wrap_key_data(jnp.asarray([self.seed % 2**32, 0], jnp.uint32), impl="threefry2x32")
        drawn = jnp.asarray(self.seed.next())
        is_key = jnp.issubdtype(drawn.dtype, jax.dtypes.prng_key)
        return drawn if is_key else jax.random.wrap_key_data(drawn, impl="threefry2x32")
