"""Products of vectors and matrices, and what is made of them: contractions, correlation, determinants."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.operation import operate, publish
from jkeras.ops.operands import as_operand, row


def _accumulator(*operands: Any) -> Any:
    """Return the dtype for sums of products: 8-bit integers would overflow."""
    return jnp.int32 if all(jnp.result_type(x) == jnp.int8 for x in operands) else None


def _matmul(x1: Any, x2: Any) -> Array:
    return jnp.matmul(x1, x2, preferred_element_type=_accumulator(x1, x2))


def _einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Array:
    kwargs.setdefault("preferred_element_type", _accumulator(*operands))
    return jnp.einsum(subscripts, *operands, **kwargs)


def _slogdet(x: Any) -> tuple[Array, Array]:
    sign, logarithm = jnp.linalg.slogdet(x)
    return sign, logarithm


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Multiply arrays and sum over the axes whose letters do not stand after the arrow.

    Args:
        subscripts: One letter for each axis, such as `"bij,bjk->bik"`.
        operands: The arrays.
        kwargs: Options of `jax.numpy.einsum`: `optimize`, `precision`, `preferred_element_type`.

    Returns:
        The sum of products; of 8-bit integers in 32 bits.

    >>> einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0]).tolist()
    [21.0, 43.0]
    """
    return operate(_einsum, subscripts, *map(as_operand, operands), **kwargs)


matmul = row(_matmul, "x1, x2", "Product of matrices, the last two axes of each; of 8-bit integers in 32 bits.")
dot = row(jnp.dot, "x1, x2", "Sum of products over the last axis of `x1` and the last but one of `x2`.")
inner = row(jnp.inner, "x1, x2", "Sum of products over the last axis of both.")
outer = row(jnp.outer, "x1, x2", "Product of each element of `x1` with each of `x2`, both flattened.")
vdot = row(jnp.vdot, "x1, x2", "Sum of products of `conj(x1)` and `x2`, both flattened.")
tensordot = row(
    jnp.tensordot,
    "x1, x2, axes=2",
    "Sum of products over axes: so many last of `x1` and first of `x2`, or the axes of each.",
)
kron = row(jnp.kron, "x1, x2", "Kronecker product: each element of `x1` times all of `x2`, in blocks.")
cross = row(
    jnp.cross,
    "x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None",
    "Vector product in space or in the plane; the axes of the vectors in `x1`, `x2` and the result, or one for all.",
)
correlate = row(
    jnp.correlate, "x1, x2, mode='valid'", "Sums of products with `conj(x2)` at each offset: 'valid', 'same' or 'full'."
)
corrcoef = row(jnp.corrcoef, "x", "Correlation coefficients of the rows.")
trace = row(jnp.trace, "x, offset=0, axis1=0, axis2=1", "Sum of the diagonal of two axes.")
slogdet = row(_slogdet, "x", "Sign of the determinant, and logarithm of its absolute value.")
vander = row(jnp.vander, "x, N=None, increasing=False", "Powers of a vector as columns, the highest first.")

__all__ = publish(globals())
