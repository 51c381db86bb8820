"""`K` functions that multiply matrices and higher tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.operation import operate, operation, publish

dot = operation(
    jnp.dot, "x, y", "Sum of products over the last axis of `x` and the second to last of `y`.",
    "jnp.ones((2, 3)), jnp.ones((4, 3, 5)) -> shape (2, 4, 5)", x="Array `(..., n)`.",
    y="Array `(..., n, m)` or `(n,)`.",
    returns="Array with the other axes of `x`, then those of `y`, of their dtype, promoted.",
)  # fmt: skip


def batch_dot(x: Any, y: Any, axes: int | Sequence[int] | None = None) -> Any:
    """Multiply sample by sample, and sum over one axis of each.

    Args:
        x: `(batch, ...)`.
        y: `(batch, ...)`.
        axes: The axis of `x` and that of `y` to sum over, or one number for both, batch counted as 0. None: the last
            of `x` and the second to last of `y` (the last, if `y` has two dimensions).

    Returns:
        The other axes of `x`, then those of `y`: `(batch, ...)`; `(batch, 1)` if none is left.

    Raises:
        ValueError: If an array has no axis besides the batch, or the sizes of the two axes differ.

    >>> batch_dot(jnp.ones((2, 3, 4)), jnp.ones((2, 4, 5))).shape, batch_dot(jnp.ones((2, 3)), jnp.ones((2, 3))).shape
    ((2, 3, 5), (2, 1))
    """
    ranks = len(x.shape), len(y.shape)
    if min(ranks) < 2:
        raise ValueError(
            f"batch_dot expects a batch and at least one more dimension in both; got shapes {tuple(x.shape)} and "
            f"{tuple(y.shape)}. K.dot multiplies without a batch."
        )
    if axes is None:
        axes = (ranks[0] - 1, max(ranks[1] - 2, 1))
    pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
    if len(pair) != 2 or any(not -rank <= axis < rank or axis % rank == 0 for axis, rank in zip(pair, ranks)):
        raise ValueError(f"batch_dot: axes must be one axis of x and one of y, not the batch (0); got {axes!r}.")
    sizes = x.shape[pair[0]], y.shape[pair[1]]
    if None not in sizes and sizes[0] != sizes[1]:
        raise ValueError(
            f"batch_dot sums over axis {pair[0]} of {tuple(x.shape)} and axis {pair[1]} of {tuple(y.shape)}, "
            f"whose sizes {sizes[0]} and {sizes[1]} differ."
        )
    over = ((pair[0] % ranks[0],), (pair[1] % ranks[1],))

    def multiply(a: Any, b: Any) -> Any:
        dtype = jnp.result_type(a, b)
        product = jax.lax.dot_general(jnp.asarray(a, dtype), jnp.asarray(b, dtype), (over, ((0,), (0,))))
        return product[:, None] if product.ndim == 1 else product

    return operate(multiply, x, y)


__all__ = publish(globals())
