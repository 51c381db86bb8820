"""Random keys: the global seed of the facade, and keys that belong to a path."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import random as python_random
import threading
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from jkeras.core.types import is_integer


class _Source:
    """A seed and the number of keys drawn from it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seed = python_random.SystemRandom().getrandbits(31)
        self.count = 0
        self.is_set = False


_source = _Source()


def set_random_seed(seed: int) -> None:
    """Seed Python, numpy and jkeras, so that a script gives the same numbers each time.

    Args:
        seed: 0 or more.

    Raises:
        ValueError: If it is no such integer.

    >>> set_random_seed(7); a = next_key()
    >>> set_random_seed(7); b = next_key()
    >>> bool((jax.random.key_data(a) == jax.random.key_data(b)).all())
    True
    """
    if not is_integer(seed) or seed < 0:
        raise ValueError(f"set_random_seed expects a non-negative integer; got {seed!r}.")
    seed = int(seed)
    python_random.seed(seed)
    np.random.seed(seed % 2**32)
    with _source.lock:
        _source.seed, _source.count, _source.is_set = seed % 2**31, 0, True


def place() -> tuple[int, int]:
    """Return the global seed and how many numbers were drawn from it."""
    return _source.seed, _source.count


def go_on_from(seed: int, count: int) -> None:
    """Let the next numbers be those that follow a place, as `place` gives it."""
    with _source.lock:
        _source.seed, _source.count = seed, count


def next_number() -> int:
    """Return a fresh integer below 2**31 that depends on the global seed and on how many were drawn before."""
    with _source.lock:
        _source.count += 1
        return number_at(_source.seed, _source.count)


def number_at(seed: int, count: int) -> int:
    """Return the number that `next_number` gives as the one numbered `count`, from 1 on, after `set_random_seed(seed)`.

    >>> set_random_seed(7)
    >>> next_number() == number_at(7, 1), next_number() == number_at(7, 2)
    (True, True)
    """
    return zlib.crc32(f"{seed % 2**31}:{count}".encode()) & 0x7FFFFFFF


@contextmanager
def seeded(seed: int) -> Generator[Callable[[], int]]:
    """Inside, everything is as after `set_random_seed(seed)`; afterwards as if nothing had been drawn.

    Yields:
        A function that says how many numbers were drawn inside so far.

    >>> set_random_seed(7); expected = next_number()
    >>> with seeded(7) as drawn:
    ...     next_number() == expected, drawn()
    (True, 1)
    """
    with _source.lock:
        own = _source.seed, _source.count, _source.is_set
    python, numpy = python_random.getstate(), np.random.get_state()
    set_random_seed(seed)
    try:
        yield lambda: _source.count
    finally:
        python_random.setstate(python)
        np.random.set_state(numpy)
        with _source.lock:
            _source.seed, _source.count, _source.is_set = own


def next_key() -> jax.Array:
    """Return a fresh key that depends on the global seed and on how many were drawn before."""
    number = next_number()
    with jax.ensure_compile_time_eval():
        return jax.random.key(jax.device_put(np.uint32(number)))


def as_key(rng: Any) -> Any:
    """Turn an integer seed into a key; keys and `None` pass through."""
    return jax.random.key(int(rng)) if is_integer(rng) else rng


def fold_path(key: Any, path: str) -> Any:
    """Return the key that belongs to `path`: it does not depend on what else is drawn from `key`."""
    return jax.random.fold_in(key, np.uint32(number_of(path)))


def number_of(path: str) -> int:
    """Return the number that stands for a path in `fold_path`."""
    return zlib.crc32(path.encode())
