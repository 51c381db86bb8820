"""Any object as plain data, in Keras 3's format, and back. Nothing that a file names is imported or run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jkeras.core import custom_objects as custom
from jkeras.core.config import class_name
from jkeras.core.errors import nearest
from jkeras.core.registry import activations
from jkeras.core.trust import reading_data

_BUILTIN = "builtins"


def _tables() -> dict[str, dict[str, Any]]:
    """Return the tables of names by the module of Keras that their objects are in."""
    import jkeras.applications.scaling
    import jkeras.layers.table
    import jkeras.losses
    import jkeras.metrics
    import jkeras.models
    import jkeras.optimizers.schedules  # noqa: F401  (each fills its table)

    return custom.tables


def serialize_keras_object(obj: Any) -> Any:
    """Return `obj` as plain data that JSON can hold, as Keras 3 writes it.

    Args:
        obj: Numbers, strings, None; lists, tuples and dicts; arrays; functions with a name; objects with `get_config`.

    Returns:
        An object of a class becomes `{"module", "class_name", "config", "registered_name"}`.

    Raises:
        ValueError: For a lambda, or an object without `get_config`.

    >>> from jkeras.layers import Dense
    >>> serialize_keras_object(Dense(2, name="a"))["class_name"]
    'Dense'
    >>> serialize_keras_object((1, None))
    {'class_name': '__tuple__', 'config': {'value': [1, None]}}
    """
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, tuple):
        return {"class_name": "__tuple__", "config": {"value": [serialize_keras_object(x) for x in obj]}}
    if isinstance(obj, list):
        return [serialize_keras_object(x) for x in obj]
    if isinstance(obj, Mapping):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {"start": obj.start, "stop": obj.stop, "step": obj.step}}
    if hasattr(obj, "get_config") and not isinstance(obj, type):
        kind = class_name(obj)
        module, registered = custom.address(type(obj), kind)
        config = {name: serialize_keras_object(value) for name, value in obj.get_config().items()}
        return {"module": module, "class_name": kind, "config": config, "registered_name": registered}
    if hasattr(obj, "__array__"):
        array = np.asarray(obj)
        return {"class_name": "__numpy__", "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if callable(obj) and getattr(obj, "__name__", "<lambda>") != "<lambda>":
        name = obj.__name__
        if name in activations and activations.lookup(name) is obj:
            return name
        registered = custom.get_registered_name(obj)
        kind = "class" if isinstance(obj, type) else "function"
        return {"module": _BUILTIN, "class_name": kind, "config": name, "registered_name": registered}
    what = "a lambda has no name" if callable(obj) else f"{type(obj).__name__} has no get_config(self)"
    raise ValueError(
        f"Cannot write {obj!r} as plain data: {what}. Define a named function, or a class with get_config."
    )


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """Return what `serialize_keras_object` described; both formats of Keras are understood.

    Args:
        config: Plain data.
        custom_objects: Users' classes and functions by name.
        safe_mode: Must be true: jkeras runs no code from data.
        kwargs: `module_objects` and `printable_module_name` of Keras 2: classes by name, and a word for messages.

    Returns:
        The object: a layer, an optimizer, an array, a list of such, ...

    Raises:
        ValueError: If a class is unknown, code would have to be run, or an argument is unknown.

    >>> deserialize_keras_object({"class_name": "Dense", "config": {"units": 3}}).units
    3
    """
    objects = {**(kwargs.pop("module_objects", None) or {}), **(custom_objects or {})}
    kwargs.pop("printable_module_name", None)
    if kwargs:
        raise TypeError(f"deserialize_keras_object got an unexpected argument {next(iter(kwargs))!r}.")
    if not safe_mode:
        raise ValueError("safe_mode=False would run code from data, which jkeras never does. Use custom_objects=.")
    with custom.CustomObjectScope(objects), reading_data():
        return _read(config)


def _read(config: Any) -> Any:
    if isinstance(config, list):
        return [_read(x) for x in config]
    if isinstance(config, str):
        found = custom.find(config)
        return config if found is None else found
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: _read(value) for key, value in config.items()}
    name, inner = config["class_name"], config["config"]
    if name in _PLAIN:
        return _PLAIN[name](inner)
    if name == "__lambda__":
        raise ValueError("The data hold the code of a lambda, which is not run. Give a function in custom_objects=.")
    if name in ("function", "class"):
        return _find(config.get("registered_name") or inner, inner, None)
    cls = _find(config.get("registered_name") or name, name, config.get("module"))
    if not isinstance(cls, type):
        return cls
    if not hasattr(cls, "from_config"):
        raise ValueError(f"{name!r}: expected a class with from_config; got {cls!r}.")
    arguments = _restored(cls, inner) if isinstance(inner, dict) else inner
    build = getattr(cls, "from_config")  # noqa: B009  (the registry holds classes of users, unknown to the checker)
    try:
        made = build(arguments)
    except TypeError as error:
        shown = arguments.get("name") if isinstance(arguments, dict) else None
        raise ValueError(
            f"{name}{f' {shown!r}' if shown else ''} cannot be made of its configuration: {error}"
        ) from error
    shapes = config.get("build_config")
    if isinstance(shapes, dict) and hasattr(made, "build_from_config") and not getattr(made, "built", True):
        made.build_from_config(shapes)
    return made


def _restored(cls: type, config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration in which what `get_config` of a user's class wrote as plain data are objects again.

    A class of jkeras reads its arguments itself, and so does a class with a `get_config` of its own.
    """
    owner = next((c for c in cls.__mro__ if "get_config" in c.__dict__), cls)
    reads_itself = cls.__module__.startswith("jkeras.") or not owner.__module__.startswith("jkeras.")
    if reads_itself or (hasattr(cls, "_is_graph") and "layers" in config):  # a model reads its layers
        return dict(config)

    def read(value: Any) -> Any:
        if isinstance(value, list):
            return [read(v) for v in value]
        return _read(value) if isinstance(value, dict) and "class_name" in value else value

    return {name: read(value) for name, value in config.items()}


def _find(registered: str, name: str, module: str | None) -> Any:
    found = custom.find(registered)
    found = custom.find(name) if found is None else found
    if found is not None:
        return found
    tables = _tables()
    # The module only says which table comes first: it is never imported, and files of each era name another one.
    parts = str(module or "keras.layers").split(".")
    for key in sorted(tables, key=lambda key: key != module and key.rsplit(".", 1)[-1] not in parts):
        if name in tables[key]:
            return tables[key][name]
    known = [row for table in tables.values() for row in table if row != name]
    raise ValueError(
        f"Unknown class or function {name!r}.{nearest(name, known)} "
        "If it is your own, pass custom_objects={'" + name + "': " + name + "} or register it with "
        "jkeras.saving.register_keras_serializable."
    )


def _array(value: Any, dtype: Any) -> np.ndarray:
    """Return numbers as an array. Of other dtypes some hold objects, and some are of any size."""
    if str(dtype) not in _NUMBERS:
        raise ValueError(f"An array in the data has dtype {str(dtype)[:40]!r}. Expected one of numbers.")
    return np.asarray(value, str(dtype))


_NUMBERS = {"bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)), "bfloat16"}
_NUMBERS |= {"float16", "float32", "float64", "complex64", "complex128"}

_PLAIN = {
    "__tuple__": lambda inner: tuple(_read(x) for x in inner["value"]),
    "__bytes__": lambda inner: inner["value"].encode("utf-8"),
    "__slice__": lambda inner: slice(inner["start"], inner["stop"], inner["step"]),
    "__ellipsis__": lambda inner: ...,
    "__numpy__": lambda inner: _array(inner["value"], inner["dtype"]),
    "__tensor__": lambda inner: _array(inner["value"], inner["dtype"]),
}
