"""Linear algebra: decompositions, equations, norms; the last two axes are the matrix, those before are a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer
from jax.scipy import linalg as factors

from jkeras.core.operation import operate, publish
from jkeras.ops.operands import as_operands, row


def _parts(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` with a plain tuple in place of a named one."""

    def compute(x: Any, **options: Any) -> Any:
        found = function(x, **options)
        return tuple(found) if isinstance(found, tuple) else found

    compute.__name__ = function.__name__
    return compute


def _cholesky(x: Any, *, upper: bool) -> Array:
    factor = jnp.linalg.cholesky(x, upper=upper)
    # While compiled, nobody can look: then NaN says it, as everywhere in JAX.
    if not isinstance(factor, Tracer) and jnp.isnan(factor).any():
        raise ValueError(f"cholesky: a matrix of shape {factor.shape} is not positive definite.")
    return factor


def _cholesky_inverse(x: Any, *, upper: bool) -> Array:
    x = jnp.asarray(x)
    identity = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape)
    return factors.cho_solve((x, not upper), identity)


def _lstsq(a: Any, b: Any, *, rcond: float | None) -> Array:
    return jnp.linalg.lstsq(a, b, rcond)[0]


def _matrix_rank(x: Any, *, tol: Any) -> Array:
    if tol is None:
        return jnp.linalg.matrix_rank(x)
    return jnp.sum(jnp.linalg.svd(x, compute_uv=False) > tol, axis=-1)


def _pinv(x: Any, *, rcond: Any) -> Array:
    return jnp.linalg.pinv(x, rcond)


_row = functools.partial(row, x="Matrices `(..., n, n)`.", returns="Array `(..., n, n)` of the dtype of `x`.")
_numbers = functools.partial(_row, returns="Array `(...)` of the dtype of `x`.")
_equation = functools.partial(
    row,
    a="Matrices `(..., n, n)`.",
    b="Matrices `(..., n, m)`, or a vector `(n,)`.",
    returns="Array of the shape of `b`.",
)

cholesky = _row(
    _cholesky, "x, upper=False", "The triangle `L` with `x = L L^T`.",
    "[[4.0, 2.0], [2.0, 5.0]] -> [[2.0, 0.0], [1.0, 2.0]]",
    x="Symmetric positive definite matrices `(..., n, n)`.", upper="Whether to return the upper `U` with `x = U^T U`.",
)  # fmt: skip
cholesky_inverse = _row(
    _cholesky_inverse, "x, upper=False", "Inverse of the matrix whose Cholesky factor is `x`.",
    "[[1.0, 0.0], [0.0, 2.0]] -> [[1.0, 0.0], [0.0, 0.25]]", x="Triangles `(..., n, n)`.",
    upper="Whether they are upper.",
)  # fmt: skip
det = _numbers(jnp.linalg.det, "x", "Determinant.", "[[1.0, 2.0], [3.0, 4.0]] -> -2.0")
eig = _row(
    _parts(jnp.linalg.eig), "x", "Eigenvalues, and eigenvectors as columns; on CPU only.",
    ">>> values, vectors = eig([[1.0, 1.0], [0.0, 2.0]])\n>>> values.tolist()\n[(1+0j), (2+0j)]",
    returns="Two complex arrays, `(..., n)` and `(..., n, n)`.",
)  # fmt: skip
eigh = _row(
    _parts(jnp.linalg.eigh), "x", "Eigenvalues, ascending, and eigenvectors as columns of a symmetric matrix.",
    ">>> values, vectors = eigh([[1.0, 0.0], [0.0, 2.0]])\n>>> values.tolist()\n[1.0, 2.0]",
    x="Symmetric matrices `(..., n, n)`.", returns="Two arrays, `(..., n)` and `(..., n, n)`, of the dtype of `x`.",
)  # fmt: skip
inv = _row(jnp.linalg.inv, "x", "Inverse.", "[[1.0, 0.0], [0.0, 4.0]] -> [[1.0, 0.0], [0.0, 0.25]]")
lstsq = _equation(
    _lstsq, "a, b, rcond=None", "The `x` of least squares `|a x - b|`, and of these the shortest.",
    ">>> round(lstsq([[1.0], [1.0]], [1.0, 3.0]).item(), 3)\n2.0", a="Matrix `(m, n)`.",
    b="Vector `(m,)` or matrix `(m, k)`.",
    rcond="Singular values up to so much of the largest count as zero; None is what their precision allows.",
    returns="Array `(n,)` or `(n, k)`.",
)  # fmt: skip
lu_factor = _row(
    factors.lu_factor, "x", "Both triangles `L` and `U` in one matrix, and the row that each one changed with.",
    "[[1.0, 2.0], [2.0, 2.0]] -> ([[2.0, 2.0], [0.5, 1.0]], [1, 1])",
    returns="Array `(..., n, n)` of the dtype of `x`, and array `(..., n)` of int32.",
)  # fmt: skip
matrix_rank = _row(
    _matrix_rank, "x, tol=None", "How many singular values are above `tol`.", "[[1.0, 2.0], [2.0, 4.0]] -> 1",
    x="Matrices `(..., m, n)`.", tol="A number; None is `eps max(shape) max(s)`.", returns="Array `(...)` of int32.",
)  # fmt: skip
norm = row(
    jnp.linalg.norm, "x, ord=None, axis=None, keepdims=False", "Norm of a vector (one axis) or of a matrix (two axes).",
    "[[3.0, 4.0], [0.0, 2.0]], axis=1 -> [5.0, 2.0]",
    ord='1, 2, `inf` and so on, of matrices also "fro" and "nuc"; None is the root of the sum of squares.',
    axis="One axis, or the two of a matrix; None is all.", returns="Array without these axes, of floats.",
)  # fmt: skip
pinv = _row(
    _pinv, "x, rcond=None", "Pseudoinverse.", "[[2.0, 0.0]] -> [[0.5], [0.0]]", x="Matrices `(..., m, n)`.",
    rcond="Singular values up to so much of the largest count as zero; None is what their precision allows.",
    returns="Array `(..., n, m)` of the dtype of `x`.",
)  # fmt: skip
qr = _row(
    _parts(jnp.linalg.qr), "x, mode='reduced'", "`Q`, `R` with `x = Q R` and `Q^T Q = 1`.",
    ">>> q, r = qr(jnp.ones((3, 2)))\n>>> q.shape, r.shape\n((3, 2), (2, 2))", x="Matrices `(..., m, n)`.",
    mode='"reduced" for `min(m, n)` columns of `Q`, "complete" for `m`.', returns="Two arrays of the dtype of `x`.",
)  # fmt: skip
solve = _equation(
    jnp.linalg.solve, "a, b", "The `x` with `a x = b`.", "[[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0] -> [0.5, 0.25]"
)
solve_triangular = _equation(
    factors.solve_triangular, "a, b, lower=False", "The `x` with `a x = b`, reading only one triangle of `a`.",
    "[[2.0, 9.0], [0.0, 4.0]], [1.0, 0.0] -> [0.5, 0.0]", lower="Whether it is the lower one.",
)  # fmt: skip
svd = _row(
    _parts(jnp.linalg.svd), "x, full_matrices=True, compute_uv=True", "`U`, `s`, `V^T` with `x = U diag(s) V^T`.",
    "[[0.0, 2.0], [1.0, 0.0]], compute_uv=False -> [2.0, 1.0]", x="Matrices `(..., m, n)`.",
    full_matrices="Whether `U` and `V` are square.", compute_uv="Whether to return `U` and `V^T`, not `s` alone.",
    returns="Arrays of the dtype of `x`; `s` is `(..., min(m, n))`, descending.",
)  # fmt: skip


def jvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """Return `fun(*primals)` and its derivative along `tangents`, by forward differentiation.

    Args:
        fun: Takes and returns arrays; with `has_aux`, returns a pair of outputs and anything else.
        primals: The arguments.
        tangents: One direction for each argument, of its shape and dtype.
        has_aux: Whether `fun` returns a pair.

    Returns:
        Outputs, derivatives, and with `has_aux` the rest.

    >>> value, slope = jvp(lambda x: x**2, (3.0,), (1.0,))
    >>> value.item(), slope.item()
    (9.0, 6.0)
    """
    return operate(
        lambda p, t: jax.jvp(fun, p, t, has_aux=has_aux), *(tuple(as_operands(v)) for v in (primals, tangents))
    )


__all__ = publish(globals())
