"""Categories as vectors."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.functional.encoding import encode_indices
from jkeras.layers.arguments import one_of, positive
from jkeras.layers.preprocessing.options import refuse_sparse

__all__ = ["CategoryEncoding"]


class CategoryEncoding(Layer):
    """Encode integers below `num_tokens` as vectors; what lies outside leaves no trace.

    `(batch, length)` becomes `(batch, num_tokens)`, or with "one_hot" `(batch, length, num_tokens)`.

    Args:
        num_tokens: How many categories there are.
        output_mode: "one_hot" encodes each integer, in place of a last axis of size 1, else along a new axis;
            "multi_hot" marks which integers a sample `(..., length)` has; "count" counts them.
        sparse: Not supported.

    Raises:
        ValueError: If an argument is invalid, or `count_weights` are given in another mode than "count".

    >>> CategoryEncoding(4)(jnp.asarray([[0, 1], [3, 3]])).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    >>> CategoryEncoding(3, output_mode="count")(jnp.asarray([[0, 2, 2]]), count_weights=0.5).tolist()
    [[0.5, 0.0, 1.0]]

    Reference: `keras.layers.CategoryEncoding`.
    """

    def __init__(
        self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any
    ):
        super().__init__(**{"autocast": False, **kwargs})
        refuse_sparse(self, sparse)
        if num_tokens is None:
            raise ValueError("CategoryEncoding needs num_tokens. Where it is not known, IntegerLookup can learn it.")
        self.num_tokens = positive(self, "num_tokens", num_tokens)
        self.output_mode = one_of(self, "output_mode", output_mode, ("one_hot", "multi_hot", "count"))
        self.sparse = sparse

    def call(self, inputs: Array, count_weights: Any = None) -> Array:
        """Return vectors of `num_tokens`; `count_weights` is what each integer counts, in place of one."""
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(
                f"Layer {self.path!r}: count_weights need output_mode='count'; it is {self.output_mode!r}."
            )
        indices = jnp.asarray(inputs).astype(jnp.int32)
        return encode_indices(indices, self.output_mode, self.num_tokens, self.compute_dtype, count_weights)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {k: v for k, v in super().get_config().items() if k != "sparse"}
