"""What conversions of parameters have in common: a table of kinds of layers, and where each layer is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.core.layer import Layer
from jkeras.core.template import two_level, walk
from jkeras.core.weight import Weight

Arrays = dict[str, Any]
Shapes = dict[str, tuple[int, ...]]


class Kind(NamedTuple):
    """How the weights of one kind of layer are named and laid out elsewhere."""

    there: Callable[[Arrays], Arrays]
    """From our names and layout to theirs: `{"path/in/the/layer": array}`."""

    here: Callable[[Arrays, Shapes], Arrays]
    """From theirs to ours, with the shapes that ours are to have."""


def renamed(names: Mapping[str, str]) -> Kind:
    """Return a kind whose weights have other names and the same layout.

    >>> renamed({"gamma": "scale"}).there({"gamma": 1})
    {'scale': 1}
    """
    back = {theirs: ours for ours, theirs in names.items()}
    return Kind(
        lambda arrays: {names[name]: array for name, array in arrays.items()},
        lambda arrays, _: {back.get(name, name): array for name, array in arrays.items()},
    )


def layers_of(model: Layer, kinds: Mapping[str, Kind], target: str) -> Iterator[tuple[str, Kind, list[Weight]]]:
    """Yield the path, the kind and the weights of each layer that has weights.

    Raises:
        ValueError: If the model is not built, or the table has no such layer.
    """
    if not model._is_declared():
        raise ValueError(f"{model.name!r} has no weights yet. Make them first: params, state = model.init(rng, x).")
    for path, layer in walk(model):
        if not layer._weights:
            continue
        kind = next((kinds[c.__name__] for c in type(layer).__mro__ if c.__name__ in kinds), None)
        if kind is None:
            raise ValueError(
                f"Layer {path!r} is a {type(layer).__name__}, for which {target} has no counterpart in the table: "
                f"{', '.join(sorted(kinds))}."
            )
        yield path or layer.name, kind, layer._weights


def arrays_of(path: str, weights: list[Weight], params: Mapping[str, Any], state: Mapping[str, Any]) -> Arrays:
    """Return the arrays of one layer by name."""
    return {w.name: (params if w.trainable else state)[path][w.name] for w in weights}


def read_here(path: str, kind: Kind, weights: list[Weight], theirs: Arrays, where: str) -> Arrays:
    """Return the arrays of one layer, made from those found elsewhere.

    Raises:
        ValueError: If weights are missing or left over, or have another shape.
    """
    shapes: Shapes = {w.name: w.shape for w in weights}
    try:
        ours = kind.here(theirs, shapes)
    except KeyError as error:
        found = ", ".join(theirs) or "nothing"
        raise ValueError(f"Layer {path!r}: {where} has no {error.args[0]!r}; it has {found}.") from None
    if ours.keys() != shapes.keys():
        raise ValueError(
            f"Layer {path!r} has the weights {', '.join(shapes)}; {where} gives {', '.join(ours) or 'none'}. "
            "The two layers differ, in having a bias for instance."
        )
    for name, array in ours.items():
        if np.shape(array) != shapes[name]:
            raise ValueError(
                f"Layer {path!r}: {name} has the shape {shapes[name]}; {where} gives one of {np.shape(array)}."
            )
    return ours


def two_trees(rows: list[tuple[str, Weight, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return `(params, state)` of rows `(path, weight, array)`."""
    params, state = (
        two_level((path, w.name, jnp.asarray(array, w.dtype)) for path, w, array in rows if w.trainable is trainable)
        for trainable in (True, False)
    )
    return params, state


def gates(array: Array, count: int) -> list[Array]:
    """Return the blocks of the last axis, one for each gate."""
    return jnp.split(jnp.asarray(array), count, axis=-1)
