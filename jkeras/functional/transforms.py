"""JAX's transformations as decorators that keep the signature of a function, which JAX's own annotations lose."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

import jax

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def jit(
    *, static_argnums: Sequence[int] = (), static_argnames: Sequence[str] = (), inline: bool = False
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Return a decorator that does what `jax.jit` does.

    Args:
        static_argnums: Positions of arguments that are part of the program.
        static_argnames: Names of arguments that are part of the program.
        inline: Whether a program that calls it takes it in.

    Returns:
        A decorator.

    >>> @jit(static_argnums=(1,))
    ... def power(x, n):
    ...     return x**n
    >>> power(3.0, 2).item()
    9.0
    """
    options: dict[str, Any] = {"static_argnums": static_argnums, "static_argnames": static_argnames, "inline": inline}
    return partial(jax.jit, **{name: value for name, value in options.items() if value})


def checkpoint(*, prevent_cse: bool = True) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Return a decorator that does what `jax.checkpoint` does: the gradient computes values again, and keeps none.

    Args:
        prevent_cse: Whether to keep XLA from finding that it computes them twice, which in a loop it does not.

    Returns:
        A decorator.

    >>> jax.grad(checkpoint()(jax.numpy.square))(3.0).item()
    6.0
    """
    return cast(Any, partial(jax.checkpoint, prevent_cse=prevent_cse))
