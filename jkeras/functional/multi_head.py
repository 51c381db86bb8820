"""Attention whose weights are wanted or dropped, and the masks of attention."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import math
from typing import cast

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.functional.dropout import dropout


def attend(
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None = None,
    rate: float = 0.0,
    rng: Array | None = None,
    bias: Array | None = None,
    scale: float | None = None,
    soft_cap: float | None = None,
) -> tuple[Array, Array]:
    """Average the values by `w = softmax(scale query key^T + bias)`, for each head, and return `w` too.

    Args:
        query: `(batch, targets, heads, features)`.
        key: `(batch, sources, key heads, features)`; the number of key heads divides that of heads.
        value: `(batch, sources, key heads, value features)`.
        mask: Booleans that broadcast to `(batch, heads, targets, sources)`, true where a target may look. A target
            that may look nowhere looks everywhere alike.
        rate: Probability that a weight is dropped before the average.
        rng: A key for it; None drops nothing.
        bias: Added to the logits, broadcasts to `(batch, heads, targets, sources)`.
        scale: Factor of the logits; `1 / sqrt(features)` if None.
        soft_cap: Bound `c` of the logits, by `c * tanh(logits / c)`, before bias and mask.

    Returns:
        The averages `(batch, targets, heads, value features)`, and the weights before dropout
        `(batch, heads, targets, sources)`.

    >>> x = jnp.eye(2)[None, :, None]
    >>> averages, weights = attend(0 * x, x, x)
    >>> averages[0, :, 0].tolist(), weights.shape
    ([[0.5, 0.5], [0.5, 0.5]], (1, 1, 2, 2))

    Reference: Vaswani et al., 2017.
    """
    groups = query.shape[2] // key.shape[2]
    if groups > 1:
        key, value = (jnp.repeat(x, groups, axis=2) for x in (key, value))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    logits = jnp.einsum("btnh,bsnh->bnts", query, key, preferred_element_type=jnp.float32) * scale
    logits = logits if soft_cap is None else soft_cap * jnp.tanh(logits / soft_cap)
    logits = logits if bias is None else logits + bias
    weights = masked_softmax(logits, mask).astype(value.dtype)
    return jnp.einsum("bnts,bsnh->btnh", dropout(weights, rate, rng), value), weights


def masked_softmax(logits: Array, mask: Array | None) -> Array:
    """Softmax along the last axis over what `mask` lets through; a row without anything is uniform.

    Args:
        logits: `(..., sources)`.
        mask: Booleans that broadcast to it, or None for all.

    Returns:
        The shape of `logits`.

    >>> masked_softmax(jnp.zeros((1, 3)), jnp.asarray([[True, False, True]])).tolist()
    [[0.5, 0.0, 0.5]]
    """
    if mask is not None:
        # Finite, or a row without anything would be NaN.
        logits = jnp.where(mask, logits, cast(float, jnp.finfo(logits.dtype).min))
    return jax.nn.softmax(logits, axis=-1)


def attention_mask(
    targets: int,
    sources: int,
    query_mask: Array | None = None,
    value_mask: Array | None = None,
    key_mask: Array | None = None,
    causal: bool = False,
    window: int | None = None,
) -> Array | None:
    """Return where a target may look, `(batch or 1, targets, sources)`, or None for everywhere.

    Args:
        targets: Number of targets.
        sources: Number of sources.
        query_mask: `(batch, targets)`, like the next two, `(batch, sources)`.
        value_mask: Sources that count.
        key_mask: Sources that count.
        causal: Whether a target looks at no later source.
        window: Whether it looks at sources at a distance below this number only.

    Returns:
        Booleans, or None.

    >>> attention_mask(2, 2, causal=True).astype(int).tolist()
    [[[1, 0], [1, 1]]]
    """
    masks: list[Array] = []
    if query_mask is not None:
        masks.append(query_mask[:, :, None])
    masks += [mask[:, None, :] for mask in (value_mask, key_mask) if mask is not None]
    distance = jnp.arange(targets)[:, None] - jnp.arange(sources)[None]
    if causal:
        masks.append((distance >= 0)[None])
    if window is not None:
        masks.append((jnp.abs(distance) < window)[None])
    if not masks:
        return None
    combined = masks[0].astype(bool)
    for mask in masks[1:]:
        combined = combined & mask.astype(bool)
    return combined
