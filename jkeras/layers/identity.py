"""The layer that does nothing."""

from __future__ import annotations

from typing import Any

from jkeras.core.layer import Layer

__all__ = ["Identity"]


class Identity(Layer):
    """Return the inputs, of any shape: a placeholder where a layer is expected and nothing is to be done.

    >>> import jax.numpy as jnp
    >>> Identity()(jnp.arange(3)).tolist()
    [0, 1, 2]
    """

    supports_masking = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs
