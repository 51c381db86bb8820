"""`tf.function` and its like: decorators, scopes, branches and loops."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from jkeras import ops
from jkeras.backend.settings import name_scope as name_scope
from jkeras.compat.tf.once import say_once
from jkeras.core.weight import plain


def function(func: Callable[..., Any] | None = None, *args: Any, **kwargs: Any) -> Any:
    """Return the function itself: `fit` compiles what it runs, and `jax.jit` compiles functions of arrays.

    It decorates with and without arguments.

    >>> @function(jit_compile=True)
    ... def double(x):
    ...     return 2 * x
    >>> double(2)
    4
    """
    if func is None or not callable(func):
        return lambda decorated: decorated
    return func


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any], name: str | None = None) -> Any:
    """Return `true_fn()` if `pred` holds, else `false_fn()`."""
    return ops.cond(pred, true_fn, false_fn)


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None, **_: Any
) -> Any:
    """Compute `loop_vars = body(*loop_vars)` as long as `cond(*loop_vars)` holds."""
    return ops.while_loop(cond, body, loop_vars, maximum_iterations=maximum_iterations)


def map_fn(fn: Callable[[Any], Any], elems: Any, dtype: Any = None, fn_output_signature: Any = None, **_: Any) -> Any:
    """Return `fn` of each row."""
    return ops.map(fn, elems)


def vectorized_map(fn: Callable[[Any], Any], elems: Any) -> Any:
    """Return `fn` of each row, computed together."""
    return ops.vectorized_map(fn, elems)


def scan(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, **_: Any) -> Any:
    """Return what `fn(so_far, row)` gave after each row."""
    if initializer is None:
        elems = jax.tree.map(jnp.asarray, elems)
        first, elems = jax.tree.map(lambda x: x[0], elems), jax.tree.map(lambda x: x[1:], elems)
        rest = scan(fn, elems, first)
        return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, rest)
    step = lambda so_far, one: (fn(so_far, one),) * 2  # noqa: E731
    return jax.lax.scan(step, plain(initializer), elems)[1]


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with the gradient that it returns beside its value."""
    return ops.custom_gradient(f)


def executing_eagerly() -> bool:
    """Return True: outside of compiled code arrays have values."""
    return True


def group(*inputs: Any, name: str | None = None) -> None:
    """Do nothing: what was assigned has been assigned."""


@contextlib.contextmanager
def device(device_name: Any) -> Iterator[None]:
    """Do nothing: JAX places arrays. `jax.default_device` chooses another device, `jax.device_put` moves an array."""
    say_once("tf.device", "arrays stay where JAX puts them. Use jax.default_device(jax.devices()[0]) to choose.")
    yield


@contextlib.contextmanager
def variable_scope(name_or_scope: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
    """Name what is computed inside, as profiles show it."""
    with name_scope(str(name_or_scope)):
        yield name_or_scope


@contextlib.contextmanager
def control_dependencies(control_inputs: Any) -> Iterator[None]:
    """Do nothing: what stands first is computed first."""
    yield


def print(*inputs: Any, **kwargs: Any) -> None:
    """Print values, also those inside compiled code, when they are known."""
    import builtins

    separator, end = kwargs.get("sep", " "), kwargs.get("end", "\n")
    if any(isinstance(plain(x), Tracer) for x in inputs):
        jax.debug.print(separator.join("{}" for _ in inputs), *map(plain, inputs))
    else:
        builtins.print(*(getattr(plain(x), "tolist", lambda x=x: x)() for x in inputs), sep=separator, end=end)


__all__ = """cond control_dependencies custom_gradient device executing_eagerly function group map_fn name_scope print
scan variable_scope vectorized_map while_loop""".split()
