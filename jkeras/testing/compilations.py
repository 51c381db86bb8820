"""How many programs XLA compiles in a piece of code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

_EVENT = "/jax/core/compile/backend_compile_duration"


class Compilations:
    """The programs compiled since counting began, in any thread: their names and how many they are."""

    def __init__(self) -> None:
        self.names: list[str] = []

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.names)


@contextmanager
def count_compilations() -> Iterator[Compilations]:
    """Count the programs that JAX compiles, or takes from its cache on disk, inside of the `with`.

    Functions of `jax.numpy` on arrays are programs too; make such arrays before.

    Yields:
        What counts them: its `count` and its `names`, both of now.

    >>> import jax.numpy as jnp
    >>> double, x = jax.jit(lambda x: 2 * x), jnp.ones(3)
    >>> with count_compilations() as compilations:
    ...     _ = double(x), double(x)
    >>> compilations.count
    1
    """
    counter = Compilations()

    def heard(event: str, duration_secs: float, **facts: Any) -> None:
        if event == _EVENT:
            counter.names.append(str(facts.get("fun_name", "a program")))

    jax.monitoring.register_event_duration_secs_listener(heard)
    try:
        yield counter
    finally:
        jax.monitoring.unregister_event_duration_listener(heard)


@contextmanager
def assert_compiles(count: int) -> Iterator[Compilations]:
    """Raise `AssertionError` unless exactly `count` programs are compiled inside of the `with`.

    Args:
        count: How many there have to be.

    Yields:
        What counts them, as `count_compilations` does.

    Raises:
        AssertionError: Names the programs that were compiled.

    >>> import jax.numpy as jnp
    >>> double, x = jax.jit(lambda x: 2 * x), jnp.ones(3)
    >>> with assert_compiles(1):
    ...     for _ in range(3):
    ...         x = double(x)
    """
    with count_compilations() as compilations:
        yield compilations
    if compilations.count != count:
        names = ", ".join(compilations.names) or "nothing"
        raise AssertionError(
            f"Expected {count} compilation{'s' * (count != 1)}; there were {compilations.count}: {names}. What is "
            "compiled again had arguments of another shape, dtype, structure or sharding, or other static arguments; "
            "jax.config.update('jax_explain_cache_misses', True) lets JAX say which."
        )
