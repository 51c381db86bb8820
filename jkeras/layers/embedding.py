"""The embedding of integers as vectors."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.layers.arguments import declare, keep, positive, refuse

__all__ = ["Embedding"]


class Embedding(Layer):
    """`embeddings[x]`: a vector for each integer.

    An id outside `[-input_dim, input_dim)` gives a vector of NaN, as in Keras on JAX: a compiled program cannot raise,
    and NaN is seen where another id's vector would not be. Negative ids count from the end.

    Args:
        input_dim: Number of ids.
        output_dim: Size of a vector.
        embeddings_initializer: First values of `embeddings`, `(input_dim, output_dim)`.
        embeddings_regularizer: Penalty on `embeddings`.
        embeddings_constraint: Projection of `embeddings` after each update.
        mask_zero: Whether id 0 is padding: the mask of the outputs is `x != 0`.
        weights: First values of `embeddings` as an array (or a list that holds it).
        lora_rank: Not supported: low-rank adaptation transforms `params`.
        lora_alpha: Not supported.
        quantization_config: Not supported.
        activity_regularizer: Penalty on the outputs, per sample.

    >>> layer = Embedding(10, 4, mask_zero=True)
    >>> layer(jnp.asarray([[1, 2, 0]])).shape
    (1, 3, 4)
    >>> layer.compute_mask(jnp.asarray([[1, 2, 0]])).tolist()
    [[True, True, False]]
    """

    supports_masking = True
    input_dim: int
    output_dim: int
    mask_zero: bool
    embeddings: Any

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        activity_regularizer: Any = None,
        **kwargs: Any,
    ):
        weights = [weights] if hasattr(weights, "shape") else weights
        super().__init__(activity_regularizer=activity_regularizer, weights=weights, **kwargs)
        # The ids need no size of their own to build: `input_length` only says how long a sequence is.
        self.autocast = False
        refuse(self, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        keep(
            self,
            input_dim=positive(self, "input_dim", input_dim),
            output_dim=positive(self, "output_dim", output_dim),
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
        )

    def build(self, input_shape: Any) -> None:
        """Declare `embeddings`."""
        self.embeddings = declare(self, "embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs: Array) -> Array:
        """Return `(..., output_dim)` for ids of any shape."""
        ids = inputs if jnp.issubdtype(inputs.dtype, jnp.integer) else inputs.astype(jnp.int32)
        return jnp.take(self.embeddings, ids, axis=0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return `inputs != 0` with `mask_zero`, else None."""
        return jnp.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments without `weights`, which are values."""
        return {k: v for k, v in super().get_config().items() if k != "weights"}
