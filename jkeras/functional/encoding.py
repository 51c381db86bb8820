"""Indices as vectors: one hot, several hot, counts. An index outside of the range leaves no trace."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.functional.transforms import jit


def encode_indices(indices: Any, mode: str, size: int, dtype: Any, weights: Any = None) -> Any:
    """Encode integer indices as vectors of `size`.

    Args:
        indices: Integers, `(..., length)`; a scalar is taken for a sample of one.
        mode: "int" returns the indices; "one_hot" encodes each, in place of a last axis of size 1, else along a new
            axis; "multi_hot" marks which indices a sample `(..., length)` has, and "count" counts them.
        size: Length of the vectors.
        dtype: Dtype of the vectors.
        weights: What each index counts, in place of one; of the shape of `indices`, or one that broadcasts to it.

    Returns:
        `(..., size)`, or `(..., length, size)` for "one_hot" with a length above 1. numpy in, numpy out.

    >>> encode_indices(np.asarray([[0, 2, 2]]), "count", 4, "int32").tolist()
    [[1, 0, 2, 0]]
    >>> encode_indices(jnp.asarray([[1], [-1]]), "one_hot", 2, "int32").tolist()
    [[0, 1], [0, 0]]
    """
    if isinstance(indices, (np.ndarray, np.generic)):
        return _encode(np, indices, mode, size, dtype, weights)
    return _encode_on_device(indices, mode, size, jnp.dtype(dtype).name, weights)


def _encode(xp: Any, indices: Any, mode: str, size: int, dtype: Any, weights: Any) -> Any:
    if mode == "int":
        return xp.asarray(indices, dtype)
    indices = xp.atleast_1d(indices)
    if mode == "one_hot":
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = indices[..., 0]
        return (indices[..., None] == xp.arange(size)).astype(dtype)
    rows = indices.reshape(-1, indices.shape[-1])
    outside = (rows < 0) | (rows >= size)
    counted = 1 if weights is None else xp.broadcast_to(xp.asarray(weights), indices.shape).reshape(rows.shape)
    counted, places = xp.where(outside, 0, counted), xp.where(outside, 0, rows)
    sums = _sums_on_host(places, counted, size) if xp is np else _sums(places, counted.astype(dtype), size)
    sums = (sums > 0) if mode == "multi_hot" else sums
    return sums.reshape(*indices.shape[:-1], size).astype(dtype)


# One program, where operation by operation would compile each.
_encode_on_device = jit(static_argnums=(1, 2, 3))(functools.partial(_encode, jnp))


def _sums(places: Array, weights: Array, size: int) -> Array:
    def add(place: Array, weight: Array) -> Array:
        return jnp.zeros(size, weight.dtype).at[place].add(weight)

    return jax.vmap(add)(places, weights)


def _sums_on_host(places: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    flat = (places + size * np.arange(len(places))[:, None]).ravel()
    return np.bincount(flat, weights.ravel(), len(places) * size).reshape(len(places), size)
