"""`tf.float32` and the other dtypes: those of numpy, which arrays of JAX have."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

float16, float32, float64 = (np.dtype(name) for name in ("float16", "float32", "float64"))
half, double = float16, float64
bfloat16 = jnp.dtype("bfloat16")
int8, int16, int32, int64 = (np.dtype(name) for name in ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = (np.dtype(name) for name in ("uint8", "uint16", "uint32", "uint64"))
bool = np.dtype("bool")
complex64, complex128 = np.dtype("complex64"), np.dtype("complex128")
string = "string"
DType = np.dtype


def as_dtype(type_value: Any) -> Any:
    """Return a dtype by its name.

    >>> as_dtype("float32") == float32
    True
    """
    return string if str(type_value) == "string" else jnp.dtype(type_value)


__all__ = """DType as_dtype bfloat16 bool complex128 complex64 double float16 float32 float64 half int16 int32 int64
int8 string uint16 uint32 uint64 uint8""".split()
