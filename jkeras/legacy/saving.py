"""Objects as `{"class_name", "config"}`, the form that Keras 1 and 2 write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.core.config import serialize as _serialize
from jkeras.core.errors import nearest


def serialize_keras_object(instance: Any) -> Any:
    """Write an object, or a function, as plain data.

    Args:
        instance: An object with `get_config`, a function, or None.

    Returns:
        `{"class_name", "config"}` of an object, the name of a function; None stays None.

    Raises:
        ValueError: If it is neither.

    >>> from jkeras.core.dtypes import DTypePolicy
    >>> serialize_keras_object(DTypePolicy("float16"))
    {'class_name': 'DTypePolicy', 'config': {'name': 'float16'}}
    """
    if instance is None or hasattr(instance, "get_config"):
        written = _serialize(instance)
        return written and {name: written[name] for name in ("class_name", "config")}
    if callable(instance) and hasattr(instance, "__name__"):
        return instance.__name__
    raise ValueError(
        f"Cannot serialize {instance!r}: expected an object with get_config, or a function; "
        f"got {type(instance).__name__}."
    )


def deserialize_keras_object(
    identifier: Any,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """Return what `serialize_keras_object` wrote, from the objects given; no module named in a file is imported.

    Args:
        identifier: A configuration, a name, or None; functions and objects pass.
        module_objects: Classes and functions by name.
        custom_objects: More of them; these come first.
        printable_module_name: What to call them in an error.

    Returns:
        The object or function; a class that is named without a configuration is called.

    Raises:
        ValueError: If the name is unknown; names the nearest one.

    >>> from jkeras.core.dtypes import DTypePolicy
    >>> config = {'class_name': 'DTypePolicy', 'config': {'name': 'float16'}}
    >>> deserialize_keras_object(config, module_objects={"DTypePolicy": DTypePolicy}).name
    'float16'
    """
    known = {**(module_objects or {}), **(custom_objects or {})}

    def find(name: str) -> Any:
        if name not in known:
            hint = nearest(name, known) or " Give it in custom_objects={'name': object}."
            raise ValueError(f"Unknown {printable_module_name} {name!r}.{hint}")
        return known[name]

    if isinstance(identifier, str):
        found = find(identifier)
        return found() if isinstance(found, type) else found
    if isinstance(identifier, Mapping):
        if "class_name" not in identifier or "config" not in identifier:
            raise ValueError(f"A configuration needs 'class_name' and 'config'; got the keys {list(identifier)}.")
        found = find(identifier["class_name"])
        return found.from_config(dict(identifier["config"])) if hasattr(found, "from_config") else found
    if identifier is None or callable(identifier):
        return identifier
    raise ValueError(f"Cannot interpret {identifier!r} as {printable_module_name}.")
