"""First values of the weights a facade holds: all of a layer's in one compiled function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from jkeras.core import seeds
from jkeras.core.compiling import jit_once
from jkeras.core.weight import Weight


class Recipe(NamedTuple):
    """What the first value of a weight depends on besides the key; equal for equal weights of equal models."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    initializer: InitializerKey


class InitializerKey:
    """An initializer compared by its configuration, so that a model made again draws without compiling again."""

    def __init__(self, initializer: Any):
        self.initializer = initializer
        self.identity = _identity(initializer)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InitializerKey) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


def draw_all(rows: list[tuple[str, Weight]], key: Any) -> list[Any]:
    """Return a first value for each weight, drawn from `key` folded by its path; arrays, also while JAX traces.

    Initializers of jkeras are pure functions of the key and their configuration, so their values come from one
    compiled function; those that a user wrote may do anything, and run on their own.
    """
    paths = [f"{path}/{weight.name}" for path, weight in rows]
    pure = [_is_pure(weight.initializer) for _, weight in rows]
    recipes = tuple(
        Recipe(path, w.shape, w.dtype, InitializerKey(w.initializer))
        for path, (_, w), use in zip(paths, rows, pure, strict=True)
        if use
    )
    drawn = iter(_compiled(recipes, key.dtype)(key) if recipes else ())
    with jax.ensure_compile_time_eval():
        return [
            next(drawn) if use else weight.draw_at(path, key) for (path, weight), use in zip(rows, pure, strict=True)
        ]


def _is_pure(initializer: Any) -> bool:
    if type(initializer).__module__ != "jkeras.initializers":
        return False
    # An array among the arguments would have to be compared value by value.
    given = initializer._given_arguments.values()
    return all(isinstance(value, (int, float, str, bool)) or value is None or _is_pure(value) for value in given)


def _identity(value: Any) -> Any:
    if not hasattr(value, "_given_arguments"):
        return value
    return type(value), tuple((name, _identity(given)) for name, given in value._given_arguments.items())


@functools.lru_cache(maxsize=256)
def _compiled(recipes: tuple[Recipe, ...], key_dtype: Any) -> Callable[..., list[Any]]:
    """Return the function of a key that draws, compiled now: a call of it does not depend on what JAX is tracing."""

    def draw(key: Any) -> list[Any]:
        return [
            Weight(r.path, r.shape, r.initializer.initializer, r.dtype).draw(seeds.fold_path(key, r.path))
            for r in recipes
        ]

    return jit_once(draw).lower(jax.ShapeDtypeStruct((), key_dtype)).compile()  # pyright: ignore[reportFunctionMemberAccess]
