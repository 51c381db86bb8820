"""First values of the weights a facade holds: all of a layer's in one compiled function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jkeras.core import seeds, threefry
from jkeras.core.compiling import jit_once
from jkeras.core.placement import Placement
from jkeras.core.weight import Weight

# Weights with more elements are drawn by a compiled function, which is faster once it is compiled.
HOST_SIZE = 1 << 20


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


def draw_all(rows: list[tuple[str, Weight]], key: Any, placement: Placement) -> list[Any]:
    """Return a first value for each weight, drawn from `key` folded by its path; arrays, also while JAX traces.

    Initializers of jkeras are pure functions of the key and their configuration. Small values are drawn on the host if
    the initializer can do that; the others come from one compiled function. Initializers that a user wrote
    may do anything, and run on their own. Each value is made on the devices where `placement` wants it.
    """
    paths = [f"{path}/{weight.name}" for path, weight in rows]
    pure = [_is_pure(weight.initializer) for _, weight in rows]
    drawn: dict[int, Any] = {}
    with jax.ensure_compile_time_eval():
        on_host = _Host(key, placement)
        for i, (path, (_, weight)) in enumerate(zip(paths, rows, strict=True)):
            value = on_host.draw(path, weight) if pure[i] else placement.place(path, weight.draw_at(rows[i][0], key))
            if value is not None:
                drawn[i] = value
    left = [i for i in range(len(rows)) if i not in drawn]
    if left:
        weights = [weight for _, weight in rows]
        recipes = (
            Recipe(paths[i], weights[i].shape, weights[i].dtype, InitializerKey(weights[i].initializer)) for i in left
        )
        # Compiled apart from evaluating at once, which would run the constants inside one by one.
        places = tuple(placement.sharding(paths[i], weights[i].shape) for i in left)
        draw = _compiled(tuple(recipes), key.dtype, places)
        with jax.ensure_compile_time_eval():
            drawn.update(zip(left, draw(key), strict=True))
    return [drawn[i] for i in range(len(rows))]


class _Host:
    """Draws on the host what is small enough for it."""

    def __init__(self, key: Any, placement: Placement):
        self.placement = placement
        self.words = np.asarray(jax.random.key_data(key)) if threefry.is_default() else None

    def draw(self, path: str, weight: Weight) -> Any:
        """Return the value, or None if it cannot be drawn here."""
        if self.words is None or weight.size > HOST_SIZE or weight.dtype != "float32":
            return None
        initializer: Any = weight.initializer
        value = initializer.on_host(weight.shape, threefry.fold_in(self.words, seeds.number_of(path)))
        return None if value is None else self.placement.place(path, value)


def _is_pure(initializer: Any) -> bool:
    if not type(initializer).__module__.startswith("jkeras.") or not hasattr(initializer, "on_host"):
        return False
    # An array among the arguments would have to be compared value by value.
    given = initializer._given_arguments.values()
    return all(isinstance(value, (int, float, str, bool)) or value is None or _is_pure(value) for value in given)


def _identity(value: Any) -> Any:
    if not hasattr(value, "_given_arguments"):
        return value
    return type(value), tuple((name, _identity(given)) for name, given in value._given_arguments.items())


@functools.lru_cache(maxsize=256)
def _compiled(recipes: tuple[Recipe, ...], key_dtype: Any, places: tuple[Any, ...]) -> Callable[..., list[Any]]:
    """Return the function of a key that draws, compiled now: a call of it does not depend on what JAX is tracing.

    What it draws for a mesh of devices is drawn there: no value has to fit on one of them.
    """
    options = {} if None in places else {"out_shardings": list(places)}

    def draw(key: Any) -> list[Any]:
        return [
            Weight(r.path, r.shape, r.initializer.initializer, r.dtype).draw(seeds.fold_path(key, r.path))
            for r in recipes
        ]

    return jit_once(draw, **options).lower(jax.ShapeDtypeStruct((), key_dtype)).compile()  # pyright: ignore[reportFunctionMemberAccess]
