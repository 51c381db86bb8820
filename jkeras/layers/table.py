"""Layers by class name, and their configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.core.layer import Layer
from jkeras.core.registry import Registry

layers = Registry("layer", "layers")


def serialize(layer: Layer, use_legacy_format: bool = True) -> dict[str, Any]:
    """Return a layer as plain data that `deserialize` accepts.

    Args:
        layer: The layer.
        use_legacy_format: Whether as Keras 1 and 2 write it, rather than as Keras 3 does.

    Returns:
        `{"class_name", "config"}`; as Keras 3 writes it also with "module" and "registered_name".

    >>> serialize(Layer(name="a"))["class_name"]
    'Layer'
    """
    return layers.serialize(layer, use_legacy_format)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None, use_legacy_format: bool = False) -> Any:
    """Make a layer from what `serialize` returned.

    Args:
        config: `{"class_name", "config"}`, with or without more; a layer is what it is.
        custom_objects: Classes by name, looked up first.
        use_legacy_format: Either value: the two formats of Keras are told apart by what they hold.

    Returns:
        The layer.

    Raises:
        ValueError: If the class is not known.

    >>> deserialize(serialize(Layer(name="a"))).name
    'a'
    """
    return config if isinstance(config, Layer) else layers.deserialize(config, custom_objects)
