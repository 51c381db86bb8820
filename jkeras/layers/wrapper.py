"""Layers around a layer: every step of a sequence, and both directions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.layers.table import deserialize

__all__ = ["TimeDistributed", "Wrapper"]


class Wrapper(Layer):
    """Base of layers around one layer, which is `self.layer`; a subclass writes `call`.

    Inputs and outputs may be of any shape.

    Args:
        layer: The layer inside.

    Raises:
        TypeError: If it is not a layer.

    >>> import jax.numpy as jnp
    >>> from jkeras.layers.activation import ReLU
    >>> class Twice(Wrapper):
    ...     def call(self, inputs):
    ...         return 2 * self.layer(inputs)
    >>> Twice(ReLU())(jnp.asarray([-1.0, 1.0])).tolist()
    [0.0, 2.0]
    """

    supports_masking = True

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer = check_layer(self, "layer", layer)

    def children(self) -> dict[str, Any]:
        """Return the sublayers; the layer inside goes by its own name, which its configuration keeps."""
        return {c.name if c is self.layer else name: c for name, c in super().children().items()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """Make a layer, and the layer inside, from what `get_config` returned."""
        return super().from_config(with_layers(config, custom_objects))


class TimeDistributed(Wrapper):
    """Apply a layer to every step: `(batch, time, ...)` is folded to `(batch * time, ...)` and back.

    A mask of more than the steps, `(batch, time, ...)`, reaches the layer inside. The mask that it gives its outputs is
    that of the outputs here; if it gives none, a step counts if anything in it does.

    Args:
        layer: The layer that every step goes through, with the same weights.

    >>> import jax.numpy as jnp
    >>> from jkeras.layers.dense import Dense
    >>> TimeDistributed(Dense(4))(jnp.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    def call(self, inputs: Array, mask: Any = None) -> Any:
        """Return `(batch, time, ...)`. A mask of more than the steps reaches the layer inside.

        Raises:
            ValueError: If there is no time axis, or the mask does not fit.
        """
        if inputs.ndim < 3:
            raise ValueError(f"Layer {self.path!r} expects an input (batch, time, ...); got shape {inputs.shape}.")
        batch, time = inputs.shape[:2]
        if mask is not None and tuple(mask.shape[:2]) != (batch, time):
            raise ValueError(f"Layer {self.path!r}: a mask of shape {mask.shape} does not fit inputs {inputs.shape}.")
        inner = {} if mask is None or mask.ndim < 3 else {"mask": mask.reshape(batch * time, *mask.shape[2:])}
        outputs = self.layer(inputs.reshape(batch * time, *inputs.shape[2:]), **inner)
        frame: Any = self._frame

        def unfold(folded: Array) -> Array:
            y, own = folded.reshape(batch, time, *folded.shape[1:]), frame.mask_of(folded)
            frame.set_mask(y, None if own is None else own.reshape(batch, time, *own.shape[1:]))
            return y

        return jax.tree.map(unfold, outputs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return which steps count: those of which anything does. The layer inside may have a finer mask."""
        return mask if mask is None or mask.ndim < 3 else jnp.any(mask, axis=tuple(range(2, mask.ndim)))


def with_layers(config: dict[str, Any], custom_objects: dict[str, Any] | None) -> dict[str, Any]:
    """Return a configuration in which the layers inside are layers again."""
    config = dict(config)
    for key in config.keys() & {"layer", "backward_layer", "cell", "cells"}:
        value = config[key]
        if isinstance(value, list):
            config[key] = [deserialize(v, custom_objects) for v in value]
        elif isinstance(value, dict):
            config[key] = deserialize(value, custom_objects)
    return config


def check_layer(owner: Layer, name: str, layer: Any) -> Layer:
    """Return `layer`, or raise `TypeError` if it is not a layer."""
    if not isinstance(layer, Layer):
        raise TypeError(f"{type(owner).__name__}: {name} must be a layer; got {layer!r}.")
    return layer
