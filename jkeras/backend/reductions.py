"""`K` functions that reduce an axis, a list of axes or all, or accumulate along one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.operation import operation, publish


def _l2_normalize(x: Any, axis: Any = None) -> Any:
    squared_norm = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squared_norm, 1e-12))


def _in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    own = jnp.take_along_axis(predictions, jnp.asarray(targets, jnp.int32)[:, None], axis=-1)
    return (jnp.sum(predictions > own, axis=-1) < k) & jnp.isfinite(own[:, 0])


_REDUCE = "x, axis=None, keepdims=False"

mean = operation(jnp.mean, _REDUCE, "Arithmetic mean.")
sum = operation(jnp.sum, _REDUCE, "Sum.")
prod = operation(jnp.prod, _REDUCE, "Product.")
max = operation(jnp.max, _REDUCE, "Largest element.")
min = operation(jnp.min, _REDUCE, "Smallest element.")
std = operation(jnp.std, _REDUCE, "Standard deviation (divided by n).")
var = operation(jnp.var, _REDUCE, "Variance (divided by n).")
any = operation(jnp.any, _REDUCE, "Whether some element is true.")
all = operation(jnp.all, _REDUCE, "Whether every element is true.")
logsumexp = operation(jax.scipy.special.logsumexp, _REDUCE, "`log(sum(exp(x)))`, without overflow.")
argmax = operation(jnp.argmax, "x, axis=-1", "Index of the largest element along an axis; the first of equals.")
argmin = operation(jnp.argmin, "x, axis=-1", "Index of the smallest element along an axis; the first of equals.")
cumsum = operation(jnp.cumsum, "x, axis=0", "Sum up to each element along an axis.")
cumprod = operation(jnp.cumprod, "x, axis=0", "Product up to each element along an axis.")
l2_normalize = operation(_l2_normalize, "x, axis=None", "Scale to Euclidean norm 1 along an axis.")
in_top_k = operation(
    _in_top_k,
    "predictions, targets, k",
    "Whether each target class, shape (batch,), is among the `k` largest predictions; ties count.",
)

__all__ = publish(globals())
