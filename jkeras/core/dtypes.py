"""Which dtype a layer computes in, and which its weights are stored in."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.config import Configurable
from jkeras.core.errors import nearest

_POLICIES = {
    "float16": ("float16", "float16"),
    "bfloat16": ("bfloat16", "bfloat16"),
    "float32": ("float32", "float32"),
    "float64": ("float64", "float64"),
    "mixed_float16": ("float16", "float32"),
    "mixed_bfloat16": ("bfloat16", "float32"),
}


class DTypePolicy(Configurable):
    """The dtype a layer computes in and the dtype it stores its weights in.

    >>> DTypePolicy("mixed_bfloat16").compute_dtype, DTypePolicy("mixed_bfloat16").variable_dtype
    ('bfloat16', 'float32')
    >>> DTypePolicy("float32") == DTypePolicy()
    True
    """

    def __init__(self, name: str = "float32"):
        if name not in _POLICIES and not _is_dtype(name):
            raise ValueError(f"Unknown dtype policy {name!r}.{nearest(name, _POLICIES)} Known: {', '.join(_POLICIES)}.")
        self.name = name
        self.compute_dtype, self.variable_dtype = _POLICIES.get(name, (name, name))
        if "float64" in (self.compute_dtype, self.variable_dtype) and not jax.config.read("jax_enable_x64"):
            raise ValueError(
                "The float64 policy needs 64-bit JAX: call jax.config.update('jax_enable_x64', True) first."
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


def _is_dtype(name: str) -> bool:
    try:
        jnp.dtype(name)
    except TypeError:
        return False
    return True


class _Defaults:
    policy: DTypePolicy | None = None
    float_name = "float32"


def floatx() -> str:
    """Return the name of the default float dtype."""
    return _Defaults.float_name


def set_floatx(name: str) -> None:
    """Set the default float dtype: 'float16', 'bfloat16', 'float32' or 'float64'."""
    if name not in ("float16", "bfloat16", "float32", "float64"):
        raise ValueError(f"Unknown float dtype {name!r}. Known: float16, bfloat16, float32, float64.")
    _Defaults.float_name = name
    _Defaults.policy = None


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers that are made without `dtype`."""
    return _Defaults.policy or DTypePolicy(floatx())


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers that are made without `dtype`: a name or a `DTypePolicy`; None is that of `floatx()`."""
    _Defaults.policy = None if policy is None else as_policy(policy)


def as_policy(value: Any) -> DTypePolicy:
    """Turn a name, a dtype, a configuration, a policy or None (the default policy) into a policy."""
    if value is None:
        return dtype_policy()
    if isinstance(value, DTypePolicy):
        return value
    if isinstance(value, dict):
        return DTypePolicy(value.get("config", value)["name"])
    return DTypePolicy(value if isinstance(value, str) else jnp.dtype(value).name)


def is_float(value: Any) -> bool:
    """Whether `value` is an array of floating-point numbers."""
    return hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jnp.floating)


def to_array(value: Any) -> Any:
    """Return numbers, numpy arrays and weights as JAX arrays of a dtype that JAX supports; leave the rest alone.

    >>> to_array(np.zeros(2)).dtype
    dtype('float32')
    """
    if isinstance(value, jax.Array) or value is None:
        return value
    if hasattr(value, "__jax_array__"):
        return value.__jax_array__()
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype == object or value.dtype.kind in "USMm":
            raise TypeError(f"Expected an array of numbers; got dtype {value.dtype}. Convert it: x.astype('float32').")
        return jax.device_put(canonical(np.asarray(value)))
    return value


def canonical(array: np.ndarray) -> np.ndarray:
    """Return `array` in the dtype JAX would give it: 64-bit becomes 32-bit unless 64-bit JAX is enabled."""
    wanted = jax.dtypes.canonicalize_dtype(array.dtype)
    return np.asarray(array, wanted)
