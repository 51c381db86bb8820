"""The forms in which inputs and their shapes are given to a layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import dtypes
from jkeras.core.types import Shape, is_listing, is_shape


def pop_input_hint(legacy: dict[str, Any]) -> tuple[Shape, Any] | None:
    """Read the old ways to say what comes in: `input_shape`, `input_dim`, `batch_input_shape`, `batch_shape`."""
    length, features = legacy.pop("input_length", None), legacy.pop("input_dim", None)
    batch, dtype = legacy.pop("batch_size", None), legacy.pop("input_dtype", None)
    shape = legacy.pop("input_shape", None)
    full = legacy.pop("batch_input_shape", None)
    full = legacy.pop("batch_shape", None) if full is None else full
    if full is not None:
        return tuple(full), dtype
    if shape is None and features is not None:
        shape = (features,) if length is None else (length, features)
    if shape is None:
        return None
    return (batch, *((shape,) if isinstance(shape, int) else shape)), dtype


def as_spec(value: Any) -> Any:
    """Turn a shape tuple into an abstract float array; trees of arrays and specs pass."""
    if is_shape(value) and value and not isinstance(value, list):
        return jax.ShapeDtypeStruct(tuple(1 if n is None else int(n) for n in value), jnp.float32)
    return value


def as_arrays(value: Any) -> Any:
    """Convert numpy arrays, numbers and plain nested lists of numbers into arrays."""
    if is_listing(value) and value:
        leaves = jax.tree.leaves(value)
        if leaves and all(isinstance(leaf, (int, float, bool)) for leaf in leaves):
            return jnp.asarray(value)
    return jax.tree.map(dtypes.to_array, value)


def check_name(name: Any) -> str | None:
    """Return `name` if it can be a part of a path."""
    if name is not None and (not isinstance(name, str) or not name or "/" in name):
        raise ValueError(f"A layer's name must be a non-empty string without '/'; got {name!r}.")
    return name
