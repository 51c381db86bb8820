"""What constructors of layers have in common: checking and keeping arguments, and declaring weights from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jkeras.activations import get as get_activation
from jkeras.constraints import get as get_constraint
from jkeras.core.errors import nearest
from jkeras.core.layer import Layer
from jkeras.initializers import get as get_initializer
from jkeras.regularizers import get as get_regularizer

# What an argument whose name ends so stands for.
_CONVERSIONS = {
    "activation": get_activation,
    "initializer": get_initializer,
    "regularizer": get_regularizer,
    "constraint": get_constraint,
}
# What a constructor has besides the arguments that it keeps.
_NOT_KEPT = {"self", "kwargs", "activity_regularizer", "__class__"}


def arguments_of(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a constructor, given its `locals()`, but those that the base class keeps."""
    return {name: value for name, value in scope.items() if name not in _NOT_KEPT}


def keep(layer: Layer, **arguments: Any) -> None:
    """Keep each argument in the attribute of its name; names of activations, initializers, ... become the objects.

    >>> layer = Layer()
    >>> keep(layer, units=3, recurrent_activation="relu")
    >>> layer.units, layer.recurrent_activation.__name__
    (3, 'relu')
    """
    for name, value in arguments.items():
        convert = _CONVERSIONS.get(name.rpartition("_")[2])
        setattr(layer, name, convert(value) if convert else value)


def declare(layer: Layer, name: str, shape: Sequence[int], prefix: str | None = None, **options: Any) -> Any:
    """Declare a weight with the layer's `<prefix>_initializer`, `<prefix>_regularizer` and `<prefix>_constraint`.

    Args:
        layer: The layer that is being built.
        name: Name of the weight, and the prefix if none is given.
        shape: Shape of the weight.
        prefix: What the arguments begin with.
        options: Other arguments of `add_weight`, which win over the layer's.

    Returns:
        The `Weight`. In `call`, on the bound layer, the attribute it was put in is an array.
    """
    prefix = prefix or name
    kinds = ("initializer", "regularizer", "constraint")
    own = {kind: getattr(layer, f"{prefix}_{kind}", None) for kind in kinds}
    return layer.add_weight(name=name, shape=shape, **{**own, **options})


def positive(layer: Layer, name: str, value: Any) -> int:
    """Return `value` as an integer, or raise `ValueError` if it is not a positive one."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number <= 0 or number != value:
        raise ValueError(f"{type(layer).__name__}: {name} must be a positive integer; got {value!r}.")
    return number


def one_of(layer: Layer, name: str, value: Any, allowed: Iterable[Any]) -> Any:
    """Return `value` if it is allowed, or raise `ValueError` with the nearest one that is.

    >>> one_of(Layer(), "padding", "same", ("valid", "same"))
    'same'
    """
    allowed = tuple(allowed)
    if value not in allowed:
        *others, last = map(repr, allowed)
        listing = f"one of {', '.join(others)} or {last}" if others else last
        hint = nearest(str(value), allowed)
        raise ValueError(f"{type(layer).__name__}: {name} must be {listing}; got {value!r}.{hint}")
    return value


def refuse(layer: Layer, **arguments: Any) -> None:
    """Raise `ValueError` for each argument that is not None: Keras has it, jkeras does it elsewhere or not at all."""
    for name, value in arguments.items():
        if value is not None and value is not False:
            raise ValueError(
                f"{type(layer).__name__}: {name}={value!r} is not supported. Low rank and quantised weights are not "
                f"properties of a layer here: transform `params` outside of it. Leave {name} out."
            )


def share_arguments(source: type, *classes: type) -> None:
    r"""Put what a class's docstring says of arguments and errors into those of others, before their examples.

    So layers that differ in their number of dimensions have the same arguments described once, and `help` shows all.

    >>> Line = type("Line", (), {"__doc__": "A line."})
    >>> Square = type("Square", (), {"__doc__": "A square.\n\n    Args:\n        size: Of a side.\n    "})
    >>> share_arguments(Square, Line)
    >>> Line.__doc__.split()
    ['A', 'line.', 'Args:', 'size:', 'Of', 'a', 'side.']
    """
    sections = _SECTIONS.search(source.__doc__ or "")
    if sections is None:  # `python -OO` leaves docstrings out
        return
    for cls in classes:
        before, example, after = (cls.__doc__ or "").partition("    >>>")
        cls.__doc__ = f"{before.rstrip()}\n\n{sections[0].rstrip()}\n\n{example}{after}"


_SECTIONS = re.compile(r"^    Args:\n.*?(?=^    (?:>>>|Reference:)|\Z)", re.DOTALL | re.MULTILINE)
