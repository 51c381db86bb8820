"""`tf.linalg`: matrices in the last two axes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jkeras import ops
from jkeras.compat.tf.arrays import einsum as einsum
from jkeras.compat.tf.arrays import eye as eye
from jkeras.compat.tf.arrays import matmul as matmul
from jkeras.compat.tf.arrays import tensordot as tensordot
from jkeras.compat.tf.math import l2_normalize as l2_normalize
from jkeras.compat.tf.rows import publish, row


def _norm(x: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False) -> Any:
    axis = tuple(axis) if isinstance(axis, list) else axis
    if ord == "euclidean":
        return jnp.sqrt(jnp.sum(jnp.square(x), axis=axis, keepdims=keepdims))
    return jnp.linalg.norm(x, ord=ord, axis=axis, keepdims=keepdims)


def _diag(x: Any) -> Any:
    x = jnp.asarray(x)
    return x[..., None] * jnp.eye(x.shape[-1], dtype=x.dtype)


def _band(x: Any, num_lower: int, num_upper: int) -> Any:
    x = jnp.asarray(x)
    rows, columns = jnp.arange(x.shape[-2])[:, None], jnp.arange(x.shape[-1])[None]
    below = (num_lower < 0) | (rows - columns <= num_lower)
    above = (num_upper < 0) | (columns - rows <= num_upper)
    return jnp.where(below & above, x, jnp.zeros((), x.dtype))


def _solve(matrix: Any, rhs: Any, adjoint: bool = False) -> Any:
    return jnp.linalg.solve(jnp.swapaxes(matrix, -1, -2) if adjoint else matrix, rhs)


def _slogdet(x: Any) -> Any:
    return tuple(jnp.linalg.slogdet(x))


inv = row(jnp.linalg.inv, "input", "Inverse.")
pinv = row(jnp.linalg.pinv, "a", "Pseudoinverse.")
det = row(jnp.linalg.det, "input", "Determinant.")
slogdet = row(_slogdet, "input", "Sign and logarithm of the absolute determinant.")
logdet = row(lambda x: jnp.linalg.slogdet(x)[1], "matrix", "Logarithm of the determinant.")
norm = row(_norm, "tensor, ord='euclidean', axis=None, keepdims=False", "Norm.")
trace = row(lambda x: jnp.trace(x, axis1=-2, axis2=-1), "x", "Sum of the diagonal.")
diag = row(_diag, "diagonal", "Matrices with these diagonals.")
diag_part = tensor_diag_part = row(lambda x: jnp.diagonal(x, axis1=-2, axis2=-1), "input", "The diagonal.")
tensor_diag = row(_diag, "diagonal", "A matrix with this diagonal.")
band_part = row(_band, "input, num_lower=-1, num_upper=-1", "A band.")
matrix_transpose = row(lambda a: jnp.swapaxes(a, -1, -2), "a", "Rows become columns.")
matvec = row(lambda a, b: jnp.matmul(a, b[..., None])[..., 0], "a, b", "Matrix times vector.")
cholesky = row(ops.cholesky, "input", "The triangle `L` with `x = L L^T`.")
solve = row(_solve, "matrix, rhs, adjoint=False", "The `x` with `matrix x = rhs`.")
eigh = row(lambda x: tuple(jnp.linalg.eigh(x)), "tensor", "Eigenvalues and eigenvectors of symmetric matrices.")
qr = row(lambda x: tuple(jnp.linalg.qr(x)), "input", "Orthogonal and triangular factor.")
cross = row(jnp.cross, "a, b", "Vector product.")


def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: str | None = None) -> Any:
    """Return singular values, left and right singular vectors as columns."""
    if not compute_uv:
        return ops.svd(tensor, full_matrices=full_matrices, compute_uv=False)
    u, s, vh = ops.svd(tensor, full_matrices=full_matrices)
    return s, u, ops.swapaxes(vh, -1, -2)


def global_norm(t_list: Any, name: str | None = None) -> Any:
    """Return the norm of all arrays together."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(jnp.asarray(t))) for t in t_list))


__all__ = publish(globals())
