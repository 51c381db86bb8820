"""Layers one after the other, as a plain layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jkeras.core.layer import Layer
from jkeras.core.template import unique_name
from jkeras.layers.preprocessing.host import HostLayer
from jkeras.layers.table import deserialize, serialize

__all__ = ["Pipeline"]


class Pipeline(Layer):
    """Apply layers in order. It is a layer, not a model: made for preprocessing and augmentation of data.

    Inputs are those of the first layer, of any shape, and outputs those of the last. Called as it is, it runs in
    training mode, in which augmentation layers draw. Layers of strings come first.

    Args:
        layers: The layers, in order.
        name: The layer's name.

    Raises:
        TypeError: If something is not a layer.

    >>> import numpy as np
    >>> from jkeras.layers.preprocessing.category_encoding import CategoryEncoding
    >>> from jkeras.layers.preprocessing.string_lookup import StringLookup
    >>> pipeline = Pipeline([StringLookup(vocabulary=["a", "b"]), CategoryEncoding(3)])
    >>> pipeline(np.asarray([["a", "b"], ["z", "z"]])).tolist()
    [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]

    Reference: `keras.layers.Pipeline`.
    """

    supports_masking = True

    def __init__(self, layers: Iterable[Layer], name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **{"autocast": False, **kwargs})
        self._pipeline_layers = list(layers)
        for layer in self._pipeline_layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"Pipeline takes layers; got {layer!r}.")

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order."""
        return list(self._pipeline_layers)

    def children(self) -> dict[str, Any]:
        """Return the layers by their own names."""
        found: dict[str, Any] = {}
        for layer in self._pipeline_layers:
            if not any(layer is other for other in found.values()):
                found[unique_name(layer.name, found)] = layer
        return found

    def call(self, inputs: Any, training: bool = True) -> Any:
        """Return what the last layer returns."""
        for layer in self._pipeline_layers:
            inputs = layer(inputs, training=training)
        return inputs

    def _call_arrays(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        count = self._leading()
        inputs, *others = args
        for layer in self._pipeline_layers[:count]:
            inputs = layer(inputs)
        if count == len(self._pipeline_layers):
            return inputs
        kwargs = {"training": True, **kwargs}
        if count == 0:
            return super()._call_arrays((inputs, *others), kwargs)
        return Pipeline(self._pipeline_layers[count:])(inputs, *others, **kwargs)

    def _leading(self) -> int:
        """Return how many layers at the front compute on the host."""
        kinds = [isinstance(layer, HostLayer) for layer in self._pipeline_layers]
        return kinds.index(False) if False in kinds else len(kinds)

    def get_config(self) -> dict[str, Any]:
        """Return the layers as `{"class_name", "config"}`."""
        return {**super().get_config(), "layers": [serialize(layer) for layer in self._pipeline_layers]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Make a pipeline and its layers from what `get_config` returned."""
        return super().from_config({**config, "layers": [deserialize(c, custom_objects) for c in config["layers"]]})
