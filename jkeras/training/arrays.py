"""What users give as arrays, as arrays of numbers that JAX takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jkeras.core.dtypes import canonical, floatx
from jkeras.training.sources import Rows, frame_array, from_other_library, is_frame, is_sparse, sparse_rows
from jkeras.utils.hdf5_matrix import HDF5Matrix


def as_arrays(tree: Any, name: str) -> Any:
    """Return `tree` with every leaf an array of numbers; lists of numbers become one array."""
    if tree is None:
        return None
    if is_frame(tree):
        return as_array(frame_array(tree, name), name)
    if isinstance(tree, Mapping) and not is_sparse(tree):  # one form of sparse matrices is a dictionary
        return {k: as_arrays(v, f"{name}[{k!r}]") for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        if _is_numbers(tree):
            return as_array(np.asarray(tree), name)
        parts = [as_arrays(v, f"{name}[{i}]") for i, v in enumerate(tree)]
        return tuple(parts) if isinstance(tree, tuple) else parts
    return as_array(tree, name)


def as_array(value: Any, name: str) -> Any:
    """Return `value` as an array of a dtype that JAX supports."""
    if isinstance(value, jax.Array):
        return value
    if is_sparse(value):
        dtype = np.dtype(value.dtype)
        return sparse_rows(value, floatx() if dtype == np.float64 else jax.dtypes.canonicalize_dtype(dtype))
    if isinstance(value, (np.memmap, Rows, HDF5Matrix)) or _is_stored(value):
        return value  # read piece by piece: memory maps and HDF5 datasets
    array = np.asarray(from_other_library(value))
    if array.dtype == object or array.dtype.kind in "USMmV":
        raise TypeError(
            f"{name} must hold numbers; got an array of dtype {array.dtype}, shape {array.shape}. "
            "Rows of different lengths make such an array: pad them; or convert it with .astype('float32')."
        )
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array whose first axis counts the samples; got the scalar {array}.")
    if array.dtype == np.float64 and floatx() != "float64":
        return array.astype(floatx())
    return canonical(array)


def _is_stored(value: Any) -> bool:
    """Whether `value` stands for numbers in a file: an HDF5 dataset, or what has its attributes."""
    if isinstance(value, np.ndarray) or not hasattr(value, "shape"):
        return False
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return not hasattr(value, "__array__") or hasattr(value, "chunks") and kind in "biuf" and bool(value.shape)


def canonical_dtype(array: Any) -> Any:
    """The dtype that the array will have on the device."""
    return jax.dtypes.canonicalize_dtype(array.dtype)


def on_host(array: Any) -> Any:
    """Return a host array in the dtype that it will have on the device; one of JAX as it is."""
    return array if isinstance(array, jax.Array) else canonical(np.asarray(array))


def _is_numbers(values: Any) -> bool:
    first = values[0] if values else None
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    return isinstance(first, (int, float, bool, np.number, np.bool_)) or first is None or isinstance(first, str)
