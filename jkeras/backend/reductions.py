"""`K` functions that reduce an axis, a list of axes or all, or accumulate along one."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.operation import operation, publish
from jkeras.ops.math import logsumexp
from jkeras.ops.numpy.reductions import all, any, mean, std, sum, var


def _l2_normalize(x: Any, axis: Any = None) -> Any:
    squared_norm = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squared_norm, 1e-12))


def _in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    own = jnp.take_along_axis(predictions, jnp.asarray(targets, jnp.int32)[:, None], axis=-1)
    return (jnp.sum(predictions > own, axis=-1) < k) & jnp.isfinite(own[:, 0])


_REDUCE = "x, axis=None, keepdims=False"
_row = functools.partial(
    operation, axis="One axis or several to reduce; None is all of them.",
    returns="Array without these axes, of the dtype of `x`.",
)  # fmt: skip
_scan = functools.partial(operation, returns="Array of the shape of `x`; booleans and small integers give 32 bits.")

prod = _row(jnp.prod, _REDUCE, "Product.", "jnp.array([[1, 2], [3, 4]]), axis=0 -> [3, 8]")
max = _row(jnp.max, _REDUCE, "Largest element.", "jnp.array([[1, 2], [3, 4]]), axis=0 -> [3, 4]")
min = _row(jnp.min, _REDUCE, "Smallest element.", "jnp.array([[1, 2], [3, 4]]), axis=0 -> [1, 2]")
argmax = operation(
    jnp.argmax, "x, axis=-1", "Index of the largest element along an axis; the first of equals.",
    "jnp.array([[1, 2], [4, 4]]) -> [1, 0]", returns="Array of int32 without the axis.",
)  # fmt: skip
argmin = operation(
    jnp.argmin, "x, axis=-1", "Index of the smallest element along an axis; the first of equals.",
    "jnp.array([[2, 1], [4, 4]]) -> [1, 0]", returns="Array of int32 without the axis.",
)  # fmt: skip
cumsum = _scan(jnp.cumsum, "x, axis=0", "Sum up to each element along an axis.", "jnp.array([1, 2, 3]) -> [1, 3, 6]")
cumprod = _scan(
    jnp.cumprod, "x, axis=0", "Product up to each element along an axis.", "jnp.array([1, 2, 3]) -> [1, 2, 6]"
)
l2_normalize = operation(
    _l2_normalize, "x, axis=None", "Scale to Euclidean norm 1 along an axis.",
    "jnp.array([[3.0, 4.0]]), -1 -> [[0.6..., 0.8...]]",
    axis="One axis or several; None is all.", returns="Array of the shape and dtype of `x`.",
)  # fmt: skip
in_top_k = operation(
    _in_top_k, "predictions, targets, k", "Whether each target class is among the `k` largest predictions; ties count.",
    "jnp.array([[0.1, 0.9], [0.2, 0.8]]), jnp.array([0, 1]), 1 -> [False, True]",
    predictions="Array `(batch, classes)`.", targets="Class numbers `(batch,)`.", k="An integer.",
    returns="Booleans `(batch,)`.",
)  # fmt: skip

__all__ = ["all", "any", "logsumexp", "mean", "std", "sum", "var", *publish(globals())]
