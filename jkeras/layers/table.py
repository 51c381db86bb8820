"""Layers by class name, and their configurations."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from jkeras.core.layer import Layer
from jkeras.core.registry import Registry

layers = Registry("layer")


def serialize(layer: Layer) -> dict[str, Any]:
    """Return `{"class_name", "config"}` of a layer.

    >>> serialize(Layer(name="a"))["class_name"]
    'Layer'
    """
    return {"class_name": type(layer).__name__, "config": layer.get_config()}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make a layer from what `serialize` returned.

    Args:
        config: `{"class_name", "config"}`.
        custom_objects: Classes by name, looked up first.

    Raises:
        ValueError: If the class is not known.
    """
    if isinstance(config, Layer):
        return config
    name = config["class_name"]
    own = (custom_objects or {}).get(name)
    cls = layers.lookup(name) if own is None else own
    if custom_objects and "custom_objects" in inspect.signature(cls.from_config).parameters:
        return cls.from_config(dict(config["config"]), custom_objects=custom_objects)
    return cls.from_config(dict(config["config"]))
