"""Products of vectors and matrices, and what is made of them: contractions, correlation, determinants."""

from __future__ import annotations

import functools
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


_row = functools.partial(row, returns="Array of the dtype of the operands, promoted.")

matmul = _row(
    _matmul, "x1, x2", "Product of matrices, the last two axes of each.", "[[1, 2], [3, 4]], [1, 10] -> [21, 43]",
    x1="Matrix, batch of matrices or vector.", x2="Likewise; batches are broadcast.",
    returns="Array `(..., n, m)` of the dtype of the operands, promoted; of 8-bit integers int32.",
)  # fmt: skip
dot = _row(
    jnp.dot, "x1, x2", "Sum of products over the last axis of `x1` and the last but one of `x2`.",
    "[1, 2], [3, 4] -> 11",
    x2="Array of any shape.",
)  # fmt: skip
inner = _row(
    jnp.inner, "x1, x2", "Sum of products over the last axis of both.", "[[1, 2], [3, 4]], [1, 10] -> [21, 43]",
    x2="Array with a last axis of the same size.",
)  # fmt: skip
outer = _row(
    jnp.outer, "x1, x2", "Product of each element of `x1` with each of `x2`, both flattened.",
    "[1, 2], [3, 4] -> [[3, 4], [6, 8]]", x2="Array of any shape.",
)  # fmt: skip
vdot = _row(
    jnp.vdot, "x1, x2", "Sum of products of `conj(x1)` and `x2`, both flattened.", "[[1, 2]], [3, 4] -> 11",
    x2="Array of as many elements.", returns="Array of shape `()`.",
)  # fmt: skip
tensordot = _row(
    jnp.tensordot, "x1, x2, axes=2", "Sum of products over several axes.", "[[1, 2], [3, 4]], [[1, 1], [1, 1]] -> 10",
    x2="Array of any shape.", axes="So many last axes of `x1` and first of `x2`, or a pair: the axes of each.",
)  # fmt: skip
kron = _row(
    jnp.kron, "x1, x2", "Kronecker product: each element of `x1` times all of `x2`, in blocks.",
    "[[1, 2]], [[1, 1]] -> [[1, 1, 2, 2]]", x2="Array of any shape.",
)  # fmt: skip
cross = _row(
    jnp.cross, "x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None", "Vector product in space or in the plane.",
    "[1, 0, 0], [0, 1, 0] -> [0, 0, 1]", axisa="The axis of the vectors in `x1`.", axisb="That in `x2`.",
    axisc="That of the result.", axis="One axis for all three, or None.",
)  # fmt: skip
correlate = _row(
    jnp.correlate, "x1, x2, mode='valid'", "Sums of products with `conj(x2)` at each offset.",
    "[1.0, 2.0, 3.0], [0.0, 1.0] -> [2.0, 3.0]", x1="Vector.", x2="Vector.",
    mode='"valid" for offsets at which all of one overlaps, "same" for as many as the longer has, "full" for all.',
)  # fmt: skip
corrcoef = _row(
    jnp.corrcoef, "x", "Correlation coefficients of the rows.", "[[1.0, 2.0], [4.0, 2.0]] -> shape (2, 2)",
    x="Matrix `(variables, observations)`.", returns="Matrix `(variables, variables)` of floats.",
)  # fmt: skip
trace = _row(
    jnp.trace, "x, offset=0, axis1=0, axis2=1", "Sum of the diagonal of two axes.", "[[1, 2], [3, 4]] -> 5",
    offset="Number of the diagonal, positive above the main one.", returns="Array without the two axes.",
)  # fmt: skip
slogdet = _row(
    _slogdet, "x", "Sign of the determinant, and logarithm of its absolute value.",
    "[[0.0, 1.0], [1.0, 0.0]] -> (-1.0, 0.0)",
    x="Matrices `(..., n, n)`.", returns="Two arrays `(...)`.",
)  # fmt: skip
vander = _row(
    jnp.vander, "x, N=None, increasing=False", "Powers of a vector as columns.", "[2, 3], 3 -> [[4, 2, 1], [9, 3, 1]]",
    x="Vector.", N="How many columns; None is as many as rows.", increasing="Whether the lowest power comes first.",
)  # fmt: skip

__all__ = publish(globals())
