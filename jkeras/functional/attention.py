"""Attention."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.functional.multi_head import attend


def dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    bias: Array | None = None,
    mask: Array | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    soft_cap: float | None = None,
    implementation: Literal["xla", "cudnn"] | None = None,
) -> Array:
    """Average the values by `softmax(scale * query key^T + bias)`, for each head.

    Args:
        query: `(batch, targets, heads, features)`.
        key: `(batch, sources, key heads, features)`; the number of key heads divides that of heads.
        value: `(batch, sources, key heads, features)`.
        bias: Added to the logits, broadcasts to `(batch, heads, targets, sources)`.
        mask: Booleans, True where a target may look. `(targets, sources)`, `(batch, targets, sources)`, or what
            broadcasts to `(batch, heads, targets, sources)`. A target that may look nowhere looks everywhere alike.
        scale: Factor of the logits; `1 / sqrt(features)` if None.
        is_causal: Whether a target looks at no later source.
        soft_cap: Bound `c` of the logits, by `c * tanh(logits / c)`, before bias and mask.
        implementation: `"xla"`, `"cudnn"` (fused, on GPU, for 16 bits), or None for what JAX chooses.

    Returns:
        `(batch, targets, heads, features)`, of the promoted dtype.

    Raises:
        ValueError: If query, key and value do not have four axes.

    >>> x = jnp.eye(2)[None, :, None]
    >>> dot_product_attention(x, x, x, is_causal=True, scale=0.0)[0, :, 0].tolist()
    [[1.0, 0.0], [0.5, 0.5]]

    Reference: Vaswani et al., "Attention Is All You Need", 2017.
    """
    if not query.ndim == key.ndim == value.ndim == 4:
        raise ValueError(
            "dot_product_attention expects query, key and value of shape (batch, steps, heads, features); "
            f"got {query.shape}, {key.shape} and {value.shape}."
        )
    dtype = jnp.result_type(query, key, value)
    query, key, value = (x.astype(dtype) for x in (query, key, value))
    if mask is not None:
        mask = _four_axes(mask[:, None] if mask.ndim == 3 else mask).astype(bool)
    if bias is not None:
        bias = _four_axes(bias).astype(dtype)
    if soft_cap is not None:
        if is_causal:
            causal = jnp.tril(jnp.ones((query.shape[1], key.shape[1]), bool))
            mask = causal if mask is None else mask & causal
        return attend(query, key, value, mask, bias=bias, scale=scale, soft_cap=soft_cap)[0]
    return jax.nn.dot_product_attention(
        query, key, value, bias, mask, scale=scale, is_causal=is_causal, implementation=implementation
    )


def _four_axes(x: Array) -> Array:
    return x.reshape((1,) * (4 - x.ndim) + x.shape)
