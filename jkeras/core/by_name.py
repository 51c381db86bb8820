"""Functions in pickles and copies: by name, where Python's pickle would look into them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import FunctionType
from typing import Any

# What computes public operations, to those: a function made inside of another one has no name of its own.
_operations: dict[Callable[..., Any], list[Callable[..., Any]]] = {}


class ByName:
    """A function that is pickled as the place where it is found, and is the function itself again when it is read.

    >>> import pickle
    >>> import jax.numpy as jnp
    >>> pickle.loads(pickle.dumps(by_name(jnp.tanh))) is jnp.tanh
    True
    """

    def __init__(self, function: Callable[..., Any], module: str, name: str):
        self.function, self.module, self.name = function, module, name

    def __reduce__(self) -> Any:
        return find, (self.module, self.name)


def find(module: str, name: str) -> Any:
    """Return what a module has under a dotted name."""
    return attrgetter(name)(importlib.import_module(module))


def note_operation(function: Callable[..., Any], operation: Callable[..., Any]) -> None:
    """Remember a public operation, with its `function`, by whose name the function is found."""
    _operations.setdefault(function, []).append(operation)


def by_name(value: Any) -> Any:
    """Return `value`, or a `ByName` for a function that pickle itself could not write: one of JAX, or of an operation.

    What has no name either stays as it is, and pickle says which function it is.
    """
    is_plain = type(value) is FunctionType
    if not is_plain and not (callable(value) and type(value).__module__.partition(".")[0] in ("jax", "jaxlib")):
        return value
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    if not is_plain and _is_at(value, value.__module__, name):
        return ByName(value, value.__module__, name)
    for operation in _operations.get(value, ()) if not is_plain or "<" in name else ():
        if _is_at(operation, operation.__module__, operation.__qualname__):
            return ByName(value, operation.__module__, f"{operation.__qualname__}.function")
    return value


def _is_at(value: Any, module: str | None, name: str) -> bool:
    loaded = sys.modules.get(module or "")
    try:
        return attrgetter(name)(loaded) is value
    except AttributeError:
        return False


def written(attributes: Mapping[str, Any], without: Iterable[str] = ()) -> dict[str, Any]:
    """Return attributes as `__getstate__` gives them: functions by name, some left out."""
    state = {k: by_name(v) for k, v in attributes.items() if k not in without}
    if "_given_arguments" in state:
        state["_given_arguments"] = {k: by_name(v) for k, v in state["_given_arguments"].items()}
    return state


def read(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes for what `written` gave, also if it was copied without having been pickled."""
    attributes = {k: _function(v) for k, v in state.items()}
    if "_given_arguments" in attributes:
        attributes["_given_arguments"] = {k: _function(v) for k, v in attributes["_given_arguments"].items()}
    return attributes


def _function(value: Any) -> Any:
    return value.function if isinstance(value, ByName) else value
