"""Linear algebra: decompositions, equations, norms; the last two axes are the matrix, those before are a batch."""

from __future__ import annotations

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


cholesky = row(_cholesky, "x, upper=False", "The triangle `L` with `x = L L^T`, or with `upper`, `U` with `x = U^T U`.")
cholesky_inverse = row(_cholesky_inverse, "x, upper=False", "Inverse of the matrix whose Cholesky factor is `x`.")
det = row(jnp.linalg.det, "x", "Determinant.")
eig = row(_parts(jnp.linalg.eig), "x", "Eigenvalues and eigenvectors, complex, the latter as columns; on CPU only.")
eigh = row(_parts(jnp.linalg.eigh), "x", "Eigenvalues, ascending, and eigenvectors as columns of a symmetric matrix.")
inv = row(jnp.linalg.inv, "x", "Inverse.")
lstsq = row(_lstsq, "a, b, rcond=None", "The `x` of least squares `|a x - b|`, and of these the shortest.")
lu_factor = row(
    factors.lu_factor, "x", "Both triangles `L` and `U` in one matrix, and the row that each one changed with."
)
matrix_rank = row(
    _matrix_rank, "x, tol=None", "How many singular values are above `tol`, by default `eps max(shape) max(s)`."
)
norm = row(
    jnp.linalg.norm,
    "x, ord=None, axis=None, keepdims=False",
    "Norm of a vector (one axis: 1, 2, inf, ...) or a matrix (two axes: 'fro', 'nuc', 1, 2, inf, ...).",
)
pinv = row(_pinv, "x, rcond=None", "Pseudoinverse; singular values up to `rcond` times the largest count as zero.")
qr = row(
    _parts(jnp.linalg.qr), "x, mode='reduced'", "`Q`, `R` with `x = Q R`, `Q^T Q = 1`; `mode` 'reduced' or 'complete'."
)
solve = row(jnp.linalg.solve, "a, b", "The `x` with `a x = b`; `b` is a vector if it has one axis.")
solve_triangular = row(
    factors.solve_triangular, "a, b, lower=False", "The `x` with `a x = b`, reading only one triangle of `a`."
)
svd = row(
    _parts(jnp.linalg.svd),
    "x, full_matrices=True, compute_uv=True",
    "`U`, `s`, `V^T` with `x = U diag(s) V^T`; the singular values `s` alone without `compute_uv`.",
)


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
