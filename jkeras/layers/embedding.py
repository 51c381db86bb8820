"""The embedding of integers as vectors."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.layers.arguments import declare, keep, positive, refuse

__all__ = ["Embedding", "ReversibleEmbedding"]


class Embedding(Layer):
    """`embeddings[x]`: a vector for each integer; ids `(batch, ...)` become `(batch, ..., output_dim)`.

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
        input_length: Number of ids in a sample, or the shape of a sample, as Keras 2 said it: `input_shape`.
        sparse: Of Keras 2, and must be False: gradients of JAX are dense.

    Raises:
        ValueError: If a size is not positive, or what is not supported is asked for.

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
    embeddings_initializer: Any

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
        input_length: Any = None,
        sparse: bool = False,
        **kwargs: Any,
    ):
        weights = [weights] if hasattr(weights, "shape") else weights
        if input_length is not None:
            sample = tuple(input_length) if isinstance(input_length, (list, tuple)) else (input_length,)
            kwargs.setdefault("input_shape", sample)
        super().__init__(activity_regularizer=activity_regularizer, weights=weights, **kwargs)
        if sparse:
            raise ValueError("Embedding: sparse=True is not supported: gradients of JAX are dense. Leave it out.")
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
        """Return the constructor arguments without `weights`, which are values, and without those of Keras 2."""
        dropped = ("weights", "input_length", "sparse")
        return {k: v for k, v in super().get_config().items() if k not in dropped}


class ReversibleEmbedding(Embedding):
    """An embedding that also goes back: `layer(x, reverse=True)` gives a score for each id, `x @ embeddings.T`.

    Ids `(batch, ...)` become `(batch, ..., output_dim)`, and vectors `(batch, ..., output_dim)` scores
    `(batch, ..., input_dim)`.

    Args:
        input_dim: Number of ids.
        output_dim: Size of a vector.
        tie_weights: Whether the way back uses `embeddings` too, rather than `reverse_embeddings` of its own.
        embeddings_initializer: First values of `embeddings`, `(input_dim, output_dim)`, and of `reverse_embeddings`,
            `(output_dim, input_dim)`.
        embeddings_regularizer: Penalty on `embeddings`.
        embeddings_constraint: Projection of `embeddings` after each update.
        mask_zero: Whether id 0 is padding: the mask of the vectors is `x != 0`.
        reverse_dtype: The dtype the way back is computed in; that of the layer if left out.
        logit_soft_cap: Scores become `cap * tanh(scores / cap)`.

    >>> layer = ReversibleEmbedding(10, 4)
    >>> layer(layer(jnp.asarray([[1, 2, 0]])), reverse=True).shape
    (1, 3, 10)

    Reference: Press & Wolf, 2017.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )
        self.tie_weights = tie_weights
        self.reverse_dtype = None if reverse_dtype is None else jnp.dtype(reverse_dtype).name
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any) -> None:
        """Declare `embeddings`, and `reverse_embeddings` if they are not tied."""
        super().build(input_shape)
        self.reverse_embeddings = None
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
            )

    def call(self, inputs: Array, reverse: bool = False) -> Array:
        """Return vectors of ids, or with `reverse` scores of vectors.

        Args:
            inputs: Ids `(batch, ...)`, or vectors `(batch, ..., output_dim)`.
            reverse: Whether to go back.

        Returns:
            Vectors `(batch, ..., output_dim)`, or scores `(batch, ..., input_dim)`.
        """
        if not reverse:
            return super().call(inputs)
        kernel = self.embeddings.T if self.reverse_embeddings is None else self.reverse_embeddings
        dtype = self.reverse_dtype or self.compute_dtype
        scores = jnp.matmul(inputs.astype(dtype), kernel.astype(dtype))
        if self.logit_soft_cap is None:
            return scores
        return self.logit_soft_cap * jnp.tanh(scores / self.logit_soft_cap)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return `inputs != 0` of ids with `mask_zero`; scores have no mask, as in Keras."""
        return super().compute_mask(inputs, mask) if jnp.issubdtype(inputs.dtype, jnp.integer) else None
