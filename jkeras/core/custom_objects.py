"""Classes and functions of users, found by name where configurations are read.

Three places are asked, in this order: the scopes that are open, the table of the process, what was registered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

# The tables of jkeras's own objects by the module that Keras says they are in; every `Registry` adds itself.
tables: dict[str, dict[str, Any]] = {"keras": {}, "keras.src.models.functional": {}}
_scopes: ContextVar[tuple[Mapping[str, Any], ...]] = ContextVar("jkeras_custom_objects", default=())
_process: dict[str, Any] = {}
_registered: dict[str, Any] = {}


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Decorator: let a class or function be found as `package>name` (and by its own name) in configurations.

    Args:
        package: What tells it from others of the same name.
        name: Default is the name of the class or function.

    Returns:
        A decorator that returns what it is given.

    Raises:
        ValueError: If a class has no `get_config`.

    >>> @register_keras_serializable("docs")
    ... def twice(x):
    ...     return 2 * x
    >>> get_registered_name(twice), get_registered_object("docs>twice") is twice
    ('docs>twice', True)
    """

    def register(obj: Any) -> Any:
        if isinstance(obj, type) and not hasattr(obj, "get_config"):
            raise ValueError(
                f"register_keras_serializable: class {obj.__name__} has no get_config(self). "
                "Return the constructor's arguments from it as plain data."
            )
        _registered[f"{package}>{name or obj.__name__}"] = obj
        return obj

    return register


def get_registered_name(obj: Any) -> str:
    """Return the name that a class or function was registered under, or its own name.

    Args:
        obj: A class or function.

    Returns:
        `package>name`, or the name.

    >>> get_registered_name(dict)
    'dict'
    """
    for name, known in _registered.items():
        if known is obj:
            return name
    return obj.__name__


def address(cls: type, name: str | None = None) -> tuple[str, str | None]:
    """Return the module that Keras says a class is in, and the name a user's class is registered under.

    Args:
        cls: A class.
        name: What files call it, if that is not its name.

    >>> from jkeras.layers import Dense
    >>> address(Dense)
    ('keras.layers', None)
    """
    name = name or cls.__name__
    for module, table in tables.items():
        if table.get(name) is cls:
            return module, name if module.startswith("keras.src.") else None
    return cls.__module__, get_registered_name(cls)


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """Return the class or function of that name, or None.

    Args:
        name: As registered (`package>name`), or as given in a scope or a mapping.
        custom_objects: Asked after the scopes and the process's table.
        module_objects: Asked last.

    Returns:
        The class or function, or None.

    >>> get_registered_object("docs>Mine", {"docs>Mine": dict})
    <class 'dict'>
    """
    for table in (*reversed(_scopes.get()), _process, _registered, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


def find(name: str) -> Any:
    """Return a user's object by its registered or by its own name, or None."""
    found = get_registered_object(name)
    if found is None and ">" not in name:
        found = next((obj for key, obj in _registered.items() if key.rpartition(">")[2] == name), None)
    return found


def get_custom_objects() -> dict[str, Any]:
    """Return the table of the process, which may be changed: `get_custom_objects()["Mine"] = Mine`.

    Returns:
        The table itself, by name.

    >>> get_custom_objects()["half"] = lambda x: x / 2
    >>> find("half")(3), get_custom_objects().pop("half") is None
    (1.5, False)
    """
    return _process


class CustomObjectScope:
    """Context in which names of users' classes and functions are known.

    Args:
        custom_objects: A mapping from names, or several of them; None is none.

    >>> with CustomObjectScope({"triple": lambda x: 3 * x}):
    ...     find("triple")(2)
    6
    >>> find("triple") is None
    True
    """

    def __init__(self, *custom_objects: Mapping[str, Any] | None):
        self.custom_objects = {name: obj for table in custom_objects for name, obj in (table or {}).items()}

    def __enter__(self) -> CustomObjectScope:
        self._token = _scopes.set((*_scopes.get(), self.custom_objects))
        return self

    def __exit__(self, *_: object) -> None:
        _scopes.reset(self._token)


custom_object_scope = CustomObjectScope
