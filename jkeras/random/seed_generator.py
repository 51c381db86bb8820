"""Where the keys of `jkeras.random` come from."""

from __future__ import annotations

import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from jkeras.core import frame as frames
from jkeras.core import seeds
from jkeras.core.config import Configurable
from jkeras.core.errors import unexpected_argument

# One for all generators, so that they can be copied and pickled.
_lock = threading.Lock()


class SeedGenerator(Configurable):
    """Fresh random keys, one after the other.

    In the `call` of a layer the keys are those of the call, folded by the generator's seed and the number of draws:
    each call gives fresh numbers, and the same key given to `apply` gives the same ones. Nothing is stored then.
    Elsewhere they depend on the seed and on how many were drawn before, and give the numbers of Keras on JAX.

    Args:
        seed: A non-negative integer; a random one if left out.
        name: A name for error messages and configurations.

    Raises:
        ValueError: If the seed is not a non-negative integer.

    >>> from jkeras.random import normal
    >>> generator = SeedGenerator(42)
    >>> normal((2,), seed=generator).tolist() == normal((2,), seed=generator).tolist()
    False
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        if kwargs:
            raise unexpected_argument("SeedGenerator", next(iter(kwargs)), ["seed", "name"])
        if seed is not None and (not isinstance(seed, (int, np.integer)) or seed < 0):
            raise ValueError(f"SeedGenerator: seed must be a non-negative integer or None; got {seed!r}.")
        self.seed = None if seed is None else int(seed)
        self.name = name or "seed_generator"
        self._begin = seeds.next_number() if self.seed is None else self.seed % 2**32
        self._count = 0

    @property
    def _initial_seed(self) -> int | None:
        return self.seed

    @property
    def state(self) -> Array:
        """The seed and the number of keys drawn outside of calls, as uint32."""
        return jnp.asarray(self._pair(self._count))

    def next(self, ordered: bool = True) -> Array:
        """Return the next key.

        Args:
            ordered: As in Keras, where False allows draws to change places; here they keep them.

        Raises:
            RuntimeError: While a function is traced that is not the `call` of a layer: the key would be a constant.
        """
        frame = frames.active()
        if frame is not None:
            return _key_of(frame, "seed_generator" if self.seed is None else f"seed_generator:{self.seed}")
        with _lock:
            count = self._count
            self._count += 1
        return _concrete(jax.random.wrap_key_data(jax.device_put(self._pair(count)), impl="threefry2x32"))

    def _pair(self, count: int) -> np.ndarray:
        return np.asarray([self._begin, count % 2**32], np.uint32)


def as_key(seed: Any) -> Array:
    """Return the key that `seed` stands for: an integer, a `SeedGenerator`, a key or its data, or None.

    Raises:
        ValueError: For anything else, and for None in a `call` that was given no key.
        RuntimeError: For None while a function is traced that is not the `call` of a layer.

    >>> jax.random.key_data(as_key(7)).tolist()
    [7, 0]
    """
    if seed is None:
        frame = frames.active()
        if frame is not None:
            return _key_of(frame, "random")
        return _concrete(jax.random.key(jax.device_put(np.uint32(seeds.next_number()))))
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, (int, np.integer)):
        # Keras on JAX uses the pair (seed, 0) as the raw threefry key.
        pair = jax.device_put(np.asarray([int(seed) % 2**32, 0], np.uint32))
        return jax.random.wrap_key_data(pair, impl="threefry2x32")
    if hasattr(seed, "dtype") and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key):
        return seed
    if hasattr(seed, "dtype") and seed.dtype == np.uint32:
        return jax.random.wrap_key_data(jnp.asarray(seed))
    raise ValueError(f"seed must be None, an integer, a SeedGenerator or a key of jax.random; got {seed!r}.")


def _key_of(frame: frames.Frame, path: str) -> Array:
    if frame.rng is None:
        raise ValueError(
            "Random numbers were drawn in `call`, but no key was given. "
            "Pass one: layer.apply(params, state, x, rng=jax.random.key(0)); or draw with an integer seed."
        )
    return frame.key(path)


def _concrete(key: Array) -> Array:
    if isinstance(key, Tracer):
        raise RuntimeError(
            "Random numbers were drawn without a key while JAX traced a function: they would be constants of the "
            "compiled program. Pass a key into the function and draw with it: jkeras.random.normal(shape, seed=key)."
        )
    return key
