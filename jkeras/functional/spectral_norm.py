"""The largest singular value of a kernel, by power iteration."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array, lax


def spectral_norm(kernel: Array, vector: Array, iterations: int = 1) -> tuple[Array, Array]:
    """Estimate the largest singular value `v W u^T` of a matrix `W` (Miyato et al., 2018).

    `v = u W^T / |u W^T|`, `u = v W / |v W|`, `iterations` times. The vectors pass no gradient, so that of the estimate
    is `v^T u`. The norm of a kernel of zeros counts as 1, so that it can be divided, and `u` does not change.

    Args:
        kernel: `(..., features)`; all axes but the last are rows of the matrix.
        vector: `u`, `(1, features)`: where the iteration begins.
        iterations: how often both vectors are improved.

    Returns:
        The norm, a scalar, and the improved `u`.

    >>> norm, u = spectral_norm(jnp.diag(jnp.asarray([3.0, 1.0])), jnp.ones((1, 2)), iterations=8)
    >>> round(norm.item(), 4), u.round(2).tolist()
    (3.0, [[1.0, 0.0]])
    """
    matrix = kernel.reshape(-1, kernel.shape[-1])
    matrix = matrix.astype(jnp.promote_types(matrix.dtype, jnp.float32))
    fixed, u = lax.stop_gradient((matrix, vector.astype(matrix.dtype)))
    v = jnp.zeros((1, matrix.shape[0]), matrix.dtype)
    for _ in range(iterations):
        v = _unit(u @ fixed.T)
        u = _unit(v @ fixed)
    is_zero = jnp.all(fixed == 0)
    norm = jnp.where(is_zero, 1, jnp.sum(v @ matrix * u))
    return norm, jnp.where(is_zero, vector, u).astype(vector.dtype)


def _unit(vector: Array) -> Array:
    return vector / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(vector))), 1e-12)
