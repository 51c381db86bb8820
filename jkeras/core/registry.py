"""Tables of names: what `get("relu")` looks up, one table for each kind of object."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from jkeras.core import config as configuration
from jkeras.core import custom_objects
from jkeras.core.errors import nearest
from jkeras.core.types import is_dict

Class = TypeVar("Class", bound=type[Any])


class Registry:
    """A table from names to objects of one kind, case-insensitive for look-up.

    `get` accepts what Keras accepts: `None`, a name, a configuration dictionary, a class, an instance or a function.
    `register_class` adds the class name and its snake_case form; further aliases are given.

    Args:
        kind: What the objects are, for messages.
        module: Where Keras has them: `keras.<module>`; nowhere if left out.

    >>> kinds = Registry("activation")
    >>> _ = kinds.register("relu", abs)
    >>> kinds.get("relu") is kinds.get("ReLU") is abs
    True
    >>> kinds.get("rellu")
    Traceback (most recent call last):
    ValueError: Unknown activation 'rellu'. Did you mean 'relu'?
    """

    def __init__(self, kind: str, module: str = ""):
        self.kind = kind
        self.module = module  # where Keras has the classes, as the newer of its formats says
        self._rows: dict[str, Any] = {}
        if module:
            custom_objects.tables[f"keras.{module}"] = self._rows

    def register(self, name: str, obj: Any, *aliases: str) -> Any:
        """Add `obj` under `name` and every alias, and return it.

        Args:
            name: Its name.
            obj: The object, or a class to make one of.
            aliases: Further names.

        Returns:
            `obj`.
        """
        for key in (name, *aliases):
            self._rows[key] = obj
        return obj

    def register_class(self, *aliases: str) -> Callable[[Class], Class]:
        """Class decorator: add a class under its name, its snake_case name and every alias.

        Args:
            aliases: Further names.

        Returns:
            A decorator that returns the class.
        """

        def add(cls: Class) -> Class:
            return self.register(cls.__name__, cls, snake_case(cls.__name__), *aliases)

        return add

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __contains__(self, name: object) -> bool:
        return self._find(str(name)) is not None

    def _find(self, name: str) -> Any:
        own = custom_objects.find(name)
        if own is not None:
            return own
        if name in self._rows:
            return self._rows[name]
        folded = {k.lower(): v for k, v in self._rows.items()}
        return folded.get(name.lower())

    def lookup(self, name: str) -> Any:
        """Return the registered object, or raise `ValueError` with the nearest known name.

        Args:
            name: A name, in any case.
        """
        found = self._find(name)
        if found is None:
            hint = nearest(name, self._rows)
            listing = "" if hint else f" Known: {', '.join(sorted(self._rows))}."
            raise ValueError(f"Unknown {self.kind} {name!r}.{hint}{listing}")
        return found

    def get(self, identifier: Any) -> Any:
        """Return what a name, configuration, class, instance or function stands for; `None` stays `None`.

        Args:
            identifier: Any of these.

        Raises:
            ValueError: If a name is unknown, or it is none of these.
        """
        if identifier is None:
            return None
        if isinstance(identifier, str):
            found = self.lookup(identifier)
            return found() if isinstance(found, type) else found
        if is_dict(identifier) and "class_name" in identifier:
            if identifier["class_name"] == "function":
                return self.get(identifier["config"])
            return _make(self.lookup(identifier["class_name"]), identifier)
        if isinstance(identifier, type):
            return identifier()
        if callable(identifier):
            return identifier
        raise ValueError(
            f"Cannot interpret {identifier!r} as {self.kind}: expected a name, a configuration dictionary "
            f"with 'class_name', an instance or a function; got {type(identifier).__name__}."
        )

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return what `serialize` described, or what `get` takes; `custom_objects` by name are looked up first.

        Both formats of Keras are understood.

        Args:
            config: A configuration, or what `get` takes.
            custom_objects: Users' classes and functions by name.

        Raises:
            TypeError: If a user's class has no `from_config`.

        >>> Registry("thing").deserialize({"class_name": "Mine", "config": {"real": 2}}, {"Mine": complex})
        Traceback (most recent call last):
        TypeError: thing 'Mine': expected a class with from_config, or a function; got <class 'complex'>.
        """
        name: Any = config.get("class_name") if is_dict(config) else config
        if name == "function":
            config = name = config["config"]
        if custom_objects and isinstance(name, str) and name in custom_objects:
            own = custom_objects[name]
            if isinstance(own, type) and not isinstance(config, dict):
                return own()
            if isinstance(own, type) and not hasattr(own, "from_config"):
                raise TypeError(f"{self.kind} {name!r}: expected a class with from_config, or a function; got {own!r}.")
            return _make(own, config, custom_objects)
        if is_dict(config) and "class_name" in config:
            return _make(self.lookup(config["class_name"]), config, custom_objects)
        return self.get(config)

    def serialize(self, obj: Any, use_legacy_format: bool = True) -> Any:
        """Return `obj` as plain data: a function's name, or the class name and configuration of an instance.

        Args:
            obj: One of this table, or of a user's class.
            use_legacy_format: True: `{"class_name", "config"}`, which Keras of every version reads. False: with
                `"module"` and `"registered_name"` besides, as Keras 3 writes it.

        Raises:
            ValueError: For a lambda, which no name can find again.
        """
        if getattr(obj, "__name__", "") == "<lambda>":
            raise ValueError(
                f"A lambda has no name to be saved under: define the {self.kind} with `def`, and pass it in "
                "custom_objects when it is read."
            )
        written = configuration.serialize(obj)
        if use_legacy_format and is_dict(written):
            return {name: written[name] for name in ("class_name", "config")}
        return written


def _make(found: Any, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return what a row of a table and a configuration give; a function is what it is."""
    if not isinstance(found, type):
        return found
    arguments = dict(config.get("config") or {})
    if custom_objects and "custom_objects" in inspect.signature(found.from_config).parameters:  # type: ignore[attr-defined]
        return found.from_config(arguments, custom_objects=custom_objects)  # type: ignore[attr-defined]
    return found.from_config(arguments)  # type: ignore[attr-defined]


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


initializers = Registry("initializer", "initializers")
regularizers = Registry("regularizer", "regularizers")
constraints = Registry("constraint", "constraints")
activations = Registry("activation function", "activations")
