"""Masks made from values, and penalties on activities."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.regularizers import L1L2

__all__ = ["ActivityRegularization", "Masking"]


class Masking(Layer):
    """Mask the steps of a sequence all of whose features equal `mask_value`, and set them to zero.

    Inputs `(batch, steps, ..., features)` keep their shape; the mask is `(batch, steps, ...)`.

    Args:
        mask_value: What padding is written as.

    >>> layer = Masking(mask_value=9.0)
    >>> x = jnp.asarray([[[1.0, 9.0], [9.0, 9.0]]])
    >>> layer(x).tolist(), layer.compute_mask(x).tolist()
    ([[[1.0, 9.0], [0.0, 0.0]]], [[True, False]])
    """

    supports_masking = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.mask_value = mask_value

    def compute_mask(self, inputs: Array, mask: Any = None) -> Array:
        """Return which steps hold anything but `mask_value`."""
        return jnp.any(jnp.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Array) -> Array:
        """Return the inputs with masked steps set to zero."""
        return inputs * self.compute_mask(inputs)[..., None].astype(inputs.dtype)


class ActivityRegularization(Layer):
    """Pass the inputs on, and add `l1 * sum(|x|) + l2 * sum(x^2)`, per sample, to the loss.

    Inputs of any shape keep it.

    Args:
        l1: Factor of the absolute values.
        l2: Factor of the squares.

    >>> _, _, losses = ActivityRegularization(l1=0.5).apply({}, {}, jnp.ones((1, 4)), with_losses=True)
    >>> losses[0].item()
    2.0
    """

    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=L1L2(l1=l1, l2=l2), **kwargs)
        self.l1 = l1
        self.l2 = l2

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; the penalty is given by `l1` and `l2`."""
        return {k: v for k, v in super().get_config().items() if k != "activity_regularizer"}
