"""Attention of one sequence to another, with one set of weights for all features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.functional.dropout import dropout
from jkeras.functional.multi_head import attention_mask, masked_softmax
from jkeras.layers.arguments import one_of
from jkeras.layers.dropout import check_rate, check_seed, seeded_key

__all__ = ["AdditiveAttention", "Attention"]


class Attention(Layer):
    """`softmax(scores) value`, with `scores = query key^T`.

    With `score_mode="concat"`, `scores = w sum(tanh(scale (query + key)))` over the features.

    Of `(batch, targets, features)` and `(batch, sources, features)` becomes `(batch, targets, features)`.

    Args:
        use_scale: Whether a learned scalar `scale` multiplies the scores.
        score_mode: "dot" or "concat".
        dropout: Probability that a weight is dropped before the average.
        seed: Integer folded into the key.

    Call arguments:
        inputs: `[query, value]` or `[query, value, key]`, of shapes `(batch, targets, features)` and
            `(batch, sources, features)`; the key is the value if left out.
        mask: `[query_mask, value_mask]`: a masked target gives zeros, at a masked source nobody looks.
        return_attention_scores: Whether the weights `(batch, targets, sources)` are returned too.
        use_causal_mask: Whether a target looks at no later source.

    Raises:
        ValueError: If the inputs are not two or three arrays, or an argument is out of range.

    >>> query, value = jnp.ones((2, 3, 4)), jnp.ones((2, 5, 4))
    >>> Attention()([query, value]).shape
    (2, 3, 4)

    Reference: Luong et al., 2015.
    """

    supports_masking = True
    use_scale: bool
    score_mode: str
    dropout: float
    seed: int | None
    scale: Any = None

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.use_scale = use_scale
        self.score_mode = one_of(self, "score_mode", score_mode, ("dot", "concat"))
        self.dropout, self.seed = check_rate(self, "dropout", dropout), check_seed(self, seed)

    def build(self, input_shape: Any) -> None:
        """Declare `scale` and `concat_score_weight`, as far as they are used."""
        _check_inputs(self, input_shape)
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(name="concat_score_weight", shape=(), initializer="ones")

    def _scores(self, query: Array, key: Array) -> Array:
        """Return `(batch, targets, sources)`."""
        if self.score_mode == "concat":
            total = query[:, :, None, :] + key[:, None, :, :]
            total = total if self.scale is None else total * self.scale
            return self.concat_score_weight * jnp.sum(jnp.tanh(total), axis=-1)
        scores = jnp.einsum("btf,bsf->bts", query, key)
        return scores if self.scale is None else scores * self.scale

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Attend.

        Args:
            inputs: `[query, value]` or `[query, value, key]`.
            mask: `[query_mask, value_mask]`, `(batch, targets)` and `(batch, sources)`, each of which may be None.
            training: Whether dropout drops.
            return_attention_scores: Whether the weights are returned too.
            use_causal_mask: Whether a target looks at no later source.

        Returns:
            The averages `(batch, targets, features)`; with the weights, a pair with `(batch, targets, sources)`.
        """
        query, value, *rest = _check_inputs(self, inputs)
        query_mask, value_mask = (*mask, None)[:2] if mask is not None else (None, None)
        key = rest[0] if rest else value
        scores = self._scores(query, key)
        targets, sources = scores.shape[1:]
        where = attention_mask(targets, sources, value_mask=value_mask, causal=use_causal_mask)
        weights = masked_softmax(scores, where)
        if training and self.dropout:
            weights = dropout(weights, self.dropout, seeded_key(self, self.seed))
        outputs = weights @ value
        if query_mask is not None:
            outputs = jnp.where(query_mask[..., None], outputs, 0)
        return (outputs, weights) if return_attention_scores else outputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the query."""
        return mask[0] if isinstance(mask, (list, tuple)) else None


class AdditiveAttention(Attention):
    """`softmax(scores) value`, with `scores = sum(scale tanh(query + key))` over the features.

    Inputs, masks, call arguments and what is returned are those of `Attention`.

    Args:
        use_scale: Whether the learned vector `scale` is used.
        dropout: Probability that a weight is dropped before the average.
        seed: Integer folded into the key.

    >>> query, value = jnp.ones((2, 3, 4)), jnp.ones((2, 5, 4))
    >>> AdditiveAttention()([query, value]).shape
    (2, 3, 4)

    Reference: Bahdanau et al., 2015.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, seed: int | None = None, **kwargs: Any):
        super().__init__(use_scale=use_scale, dropout=dropout, seed=seed, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Declare `scale`, `(features,)`."""
        _check_inputs(self, input_shape)
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=input_shape[0][-1:], initializer="glorot_uniform")

    def _scores(self, query: Array, key: Array) -> Array:
        total = jnp.tanh(query[:, :, None, :] + key[:, None, :, :])
        return jnp.sum(total if self.scale is None else total * self.scale, axis=-1)


def _check_inputs(layer: Layer, inputs: Any) -> Sequence[Any]:
    """Return the inputs, or raise `ValueError` if they are not two or three (arrays, or shapes while building)."""
    if isinstance(inputs, (list, tuple)) and len(inputs) in (2, 3) and not isinstance(inputs[0], (int, type(None))):
        return inputs
    raise ValueError(
        f"Layer {layer.path!r} ({type(layer).__name__}) expects a list [query, value] or [query, value, key]; "
        f"got {type(inputs).__name__ if not isinstance(inputs, (list, tuple)) else f'{len(inputs)} inputs'}. "
        "Self-attention is layer([x, x])."
    )
