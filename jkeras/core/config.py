"""Objects whose constructor arguments are their configuration."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any, Self

import numpy as np

from jkeras.core.by_name import read, written
from jkeras.core.custom_objects import address
from jkeras.core.errors import shortened
from jkeras.core.types import class_of, is_dict, is_listing

_LONGEST = 120  # characters of an argument in a repr


class Configurable:
    """Base of everything that can be written to a configuration and made again from it.

    A class of jkeras keeps each constructor argument in an attribute of the same name, so its configuration is read
    from the attributes and stays right when one of them is changed. A class written by a user makes no such promise
    (`self.hidden = Dense(hidden)` is common), so there the arguments are remembered as they were given.

    >>> class Scale(Configurable):
    ...     def __init__(self, factor=2.0):
    ...         self.factor = factor
    >>> Scale(3.0).get_config()
    {'factor': 3.0}
    >>> Scale.from_config({'factor': 3.0}).factor
    3.0
    """

    _given_arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        object.__setattr__(self, "_given_arguments", _bind(cls, args, kwargs))
        return self

    def __getstate__(self) -> dict[str, Any]:
        return written(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(read(state))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments as plain data that `from_config` accepts."""
        given = self._given_arguments
        if not type(self).__module__.startswith("jkeras."):
            return {name: serialize(value) for name, value in given.items()}
        return {
            name: serialize(getattr(self, name, given.get(name, default)))
            for name, default in constructor_parameters(type(self)).items()
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make an object from what `get_config` returned.

        Args:
            config: The constructor's arguments by name.

        Returns:
            A new object.
        """
        return cls(**config)

    def __repr__(self) -> str:
        listing = ", ".join(f"{k}={shown(v)}" for k, v in self._given_arguments.items())
        return f"{type(self).__name__}({listing})"


def shown(value: Any, longest: int = _LONGEST) -> str:
    """Return a value for a person to read: arrays by their shapes, and nothing that fills a page.

    >>> shown([np.zeros((2, 3)), "relu"])
    "[<float64 array of shape (2, 3)>, 'relu']"
    """
    if hasattr(value, "dtype") and getattr(value, "shape", ()):
        return f"<{value.dtype} array of shape {tuple(value.shape)}>"
    if class_of(value) is list:
        text = f"[{', '.join(shown(item, longest) for item in value[:longest])}]"
    else:
        text = repr(value)
    return shortened(text, longest)


@cache
def constructor_parameters(cls: type) -> dict[str, Any]:
    """Return the named parameters of a constructor with their defaults.

    A constructor that passes `**kwargs` on also has the parameters of the next class that defines one.
    """
    found: dict[str, Any] = {}
    for owner in cls.__mro__:
        if "__init__" not in owner.__dict__ or owner is object:
            continue
        parameters = list(inspect.signature(owner.__init__).parameters.values())[1:]
        for p in parameters:
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
                found.setdefault(p.name, None if p.default is p.empty else p.default)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return found


def _bind(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Name the arguments of a constructor call; a call that does not fit is left for `__init__` to refuse."""
    try:
        signature = inspect.signature(cls.__init__)
        bound = signature.bind(None, *args, **kwargs)
    except (TypeError, ValueError):
        return dict(kwargs)
    named: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            named.update(value)
        elif kind is not inspect.Parameter.VAR_POSITIONAL:
            named[name] = value
    return named


def serialize(value: Any) -> Any:
    """Return `value` as plain data; functions become their names.

    An object becomes `{"module", "class_name", "config", "registered_name"}`, as Keras 3 writes it.

    >>> import numpy as np
    >>> serialize((1, np.float32(2.0), np.arange(2)))
    [1, 2.0, [0, 1]]
    """
    if hasattr(value, "get_config") and not isinstance(value, type):
        name = class_name(value)
        module, registered = address(class_of(value), name)
        return {"module": module, "class_name": name, "config": value.get_config(), "registered_name": registered}
    if is_dict(value):
        return {k: serialize(v) for k, v in value.items()}
    if is_listing(value):
        return [serialize(v) for v in value]
    if hasattr(value, "__array__"):  # arrays, and the scalars of numpy
        return np.asarray(value).tolist()
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return value


def class_name(value: Any) -> str:
    """Return the name by which files know the class of an object."""
    return getattr(value, "_class_name", None) or type(value).__name__
