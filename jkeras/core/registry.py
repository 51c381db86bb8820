"""Tables of names: what `get("relu")` looks up, one table for each kind of object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jkeras.core.errors import nearest


class Registry:
    """A table from names to objects of one kind, case-insensitive for look-up.

    `get` accepts what Keras accepts: `None`, a name, a configuration dictionary, a class, an instance or a function.
    `register_class` adds the class name and its snake_case form; further aliases are given.

    >>> kinds = Registry("activation")
    >>> _ = kinds.register("relu", abs)
    >>> kinds.get("relu") is kinds.get("ReLU") is abs
    True
    >>> kinds.get("rellu")
    Traceback (most recent call last):
    ValueError: Unknown activation 'rellu'. Did you mean 'relu'?
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._rows: dict[str, Any] = {}

    def register(self, name: str, obj: Any, *aliases: str) -> Any:
        """Add `obj` under `name` and every alias, and return it."""
        for key in (name, *aliases):
            self._rows[key] = obj
        return obj

    def register_class(self, *aliases: str) -> Callable[[type], type]:
        """Class decorator: add a class under its name, its snake_case name and every alias."""

        def add(cls: type) -> type:
            return self.register(cls.__name__, cls, snake_case(cls.__name__), *aliases)

        return add

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __contains__(self, name: object) -> bool:
        return self._find(str(name)) is not None

    def _find(self, name: str) -> Any:
        if name in self._rows:
            return self._rows[name]
        folded = {k.lower(): v for k, v in self._rows.items()}
        return folded.get(name.lower())

    def lookup(self, name: str) -> Any:
        """Return the registered object, or raise `ValueError` with the nearest known name."""
        found = self._find(name)
        if found is None:
            hint = nearest(name, self._rows)
            listing = "" if hint else f" Known: {', '.join(sorted(self._rows))}."
            raise ValueError(f"Unknown {self.kind} {name!r}.{hint}{listing}")
        return found

    def get(self, identifier: Any) -> Any:
        """Return what a name, configuration, class, instance or function stands for; `None` stays `None`."""
        if identifier is None:
            return None
        if isinstance(identifier, str):
            found = self.lookup(identifier)
            return found() if isinstance(found, type) else found
        if isinstance(identifier, dict) and "class_name" in identifier:
            found = self.lookup(identifier["class_name"])
            config = identifier.get("config") or {}
            return found.from_config(config) if isinstance(found, type) else found
        if isinstance(identifier, type):
            return identifier()
        if callable(identifier):
            return identifier
        raise ValueError(
            f"Cannot interpret {identifier!r} as {self.kind}: expected a name, a configuration dictionary "
            f"with 'class_name', an instance or a function; got {type(identifier).__name__}."
        )


def snake_case(name: str) -> str:
    """Return the snake_case form of a class name, as Keras names layers.

    >>> snake_case("MaxPooling2D"), snake_case("LSTM"), snake_case("Conv1D"), snake_case("GlorotUniform")
    ('max_pooling2d', 'lstm', 'conv1d', 'glorot_uniform')
    """
    out = ""
    for i, char in enumerate(name):
        before, after = name[i - 1 : i], name[i + 1 : i + 2]
        starts_word = before.islower() or (before.isalnum() and after.islower() and not before.isdigit())
        out += "_" if i and char.isupper() and starts_word else ""
        out += char.lower()
    return out


initializers = Registry("initializer")
regularizers = Registry("regularizer")
constraints = Registry("constraint")
activations = Registry("activation function")
