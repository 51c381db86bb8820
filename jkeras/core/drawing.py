"""First values of the weights a facade holds: all of a layer's in one compiled function."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

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
        self.identity = (type(initializer), repr(initializer.get_config()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InitializerKey) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


def draw_all(rows: list[tuple[str, Weight]], key: Any) -> list[Any]:
    """Return a first value for each weight, drawn from `key` folded by its path.

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
    drawn = iter(_compiled()(key, recipes) if recipes else ())
    return [next(drawn) if use else weight.draw_at(path, key) for (path, weight), use in zip(rows, pure, strict=True)]


def _is_pure(initializer: Any) -> bool:
    if type(initializer).__module__ != "jkeras.initializers":
        return False
    given = initializer._given_arguments.values()  # an array among them would be compared by its text
    return all(isinstance(value, (int, float, str, bool)) or value is None for value in given)


def _draw(key: Any, recipes: tuple[Recipe, ...]) -> list[Any]:
    return [
        Weight(r.path, r.shape, r.initializer.initializer, r.dtype).draw(seeds.fold_path(key, r.path)) for r in recipes
    ]


@functools.cache
def _compiled() -> Any:
    return jit_once(_draw, static_argnames="recipes")
