"""Attention of query, key and value."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.operation import operation, publish
from jkeras.functional import attention


def _dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    bias: Any,
    mask: Any,
    scale: float | None,
    is_causal: bool,
    flash_attention: bool | None,
    attn_logits_soft_cap: float | None,
) -> Array:
    query, key, value = map(jnp.asarray, (query, key, value))
    bias, mask = (None if a is None else jnp.asarray(a) for a in (bias, mask))
    fused: Any = {None: None, False: "xla", True: "cudnn"}[flash_attention]
    if flash_attention and attn_logits_soft_cap is not None:
        raise ValueError("dot_product_attention: attn_logits_soft_cap needs flash_attention=None or False.")
    return attention.dot_product_attention(
        query, key, value, bias, mask, scale, is_causal, attn_logits_soft_cap, implementation=fused
    )


dot_product_attention = operation(
    _dot_product_attention,
    "query, key, value, bias=None, mask=None, scale=None, is_causal=False, flash_attention=None, "
    "attn_logits_soft_cap=None",
    "Average of the values by `softmax(scale * query key^T + bias)`.",
    "jnp.zeros((1, 1, 1, 2)), jnp.ones((1, 2, 1, 2)), [[[[1.0, 2.0]], [[3.0, 4.0]]]] -> [[[[2.0, 3.0]]]]",
    query="Array `(batch, targets, heads, features)`.", key="Array `(batch, sources, heads, features)`.",
    value="Array of the shape of `key`.", bias="Array that broadcasts to `(batch, heads, targets, sources)`, or None.",
    mask="Array of booleans that broadcasts to the same: False is left out. Or None.",
    scale="Factor of the products; None is `1 / sqrt(features)`.", is_causal="Whether targets see no later source.",
    flash_attention="True insists on the fused kernel of cuDNN, False forbids it, None leaves it to JAX.",
    attn_logits_soft_cap="Products are kept within it by tanh; None leaves them.",
    returns="Array `(batch, targets, heads, features)` of the dtype of `query`.",
)  # fmt: skip


__all__ = publish(globals())
