"""Which dtype a layer computes in, and which its weights are stored in."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.config import Configurable, serialize
from jkeras.core.custom_objects import tables
from jkeras.core.errors import nearest
from jkeras.core.types import is_dict

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

    Args:
        name: A dtype, such as "bfloat16"; "mixed_float16" or "mixed_bfloat16", which store float32; None: the policy
            of layers that are made without `dtype`.

    Raises:
        ValueError: If the name is unknown, or asks for 64 bits that JAX is not set to.

    >>> DTypePolicy("mixed_bfloat16").compute_dtype, DTypePolicy("mixed_bfloat16").variable_dtype
    ('bfloat16', 'float32')
    >>> DTypePolicy("float32") == DTypePolicy()
    True
    """

    def __init__(self, name: str | None = None):
        name = dtype_policy().name if name is None else str(name)
        if name not in _POLICIES and not _is_dtype(name):
            raise ValueError(f"Unknown dtype policy {name!r}.{nearest(name, _POLICIES)} Known: {', '.join(_POLICIES)}.")
        self.name = name
        self.compute_dtype, self.variable_dtype = _POLICIES.get(name, (name, name))
        if "float64" in (self.compute_dtype, self.variable_dtype) and not jax.config.read("jax_enable_x64"):
            raise ValueError(
                "The float64 policy needs 64-bit JAX: call jax.config.update('jax_enable_x64', True) first."
            )

    @property
    def quantization_mode(self) -> None:
        """None: weights are not quantised."""
        return None

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.get_config() == other.get_config()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.name)


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """Policies by the path of a layer: a path itself, or a regular expression that matches it whole.

    Given as the `dtype` of layers, or to `set_dtype_policy`, it is asked once by each layer when its weights are made.
    A layer's path is what `params` calls it; while a functional model is being written, that is its name.

    Args:
        default_policy: The policy of paths that nothing matches; None: that of layers made without `dtype`.
        policy_map: Paths or patterns, and their policies.

    >>> policies = DTypePolicyMap(policy_map={"encoder/.*": "mixed_bfloat16"})
    >>> policies["encoder/dense"].compute_dtype, policies["decoder"].compute_dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, default_policy: Any = None, policy_map: Mapping[str, Any] | None = None):
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("The default of a DTypePolicyMap is one policy, such as 'float32'; got another map.")
        self._given_default = None if default_policy is None else as_policy(default_policy)
        self._rows: dict[str, DTypePolicy] = {}
        for path, policy in (policy_map or {}).items():
            self[path] = policy

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of paths that nothing matches."""
        if self._given_default is not None:
            return self._given_default
        found = dtype_policy()
        return DTypePolicy(floatx()) if isinstance(found, DTypePolicyMap) else found

    # What a layer that has not asked for its own policy yet goes by.
    name = property(lambda self: f"map_{self.default_policy.name}")  # type: ignore[assignment]
    compute_dtype = property(lambda self: self.default_policy.compute_dtype)  # type: ignore[assignment]
    variable_dtype = property(lambda self: self.default_policy.variable_dtype)  # type: ignore[assignment]

    def __getitem__(self, path: str) -> DTypePolicy:
        if path in self._rows:
            return self._rows[path]
        found = [pattern for pattern in self._rows if re.fullmatch(pattern, path)]
        if len(found) > 1:
            raise ValueError(f"Path {path!r} is matched by several rows of the DTypePolicyMap: {', '.join(found)}.")
        return self._rows[found[0]] if found else self.default_policy

    def __setitem__(self, path: str, policy: Any) -> None:
        if path in self._rows:
            raise ValueError(
                f"The DTypePolicyMap has a row {path!r} already: {self._rows[path].name}. Delete it first."
            )
        self._rows[path] = as_policy(policy)

    def __delitem__(self, path: str) -> None:
        del self._rows[path]

    def __contains__(self, path: object) -> bool:
        return path in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __hash__(self) -> int:
        return id(self)

    def get_config(self) -> dict[str, Any]:
        """Return the default policy and the rows by name."""
        default = None if self._given_default is None else self._given_default.name
        return {"default_policy": default, "policy_map": {path: p.name for path, p in self._rows.items()}}


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
    """Return the name of the default float dtype.

    Returns:
        "float32", unless set otherwise.

    >>> floatx()
    'float32'
    """
    return _Defaults.float_name


def set_floatx(value: str) -> None:
    """Set the default float dtype: 'float16', 'bfloat16', 'float32' or 'float64'.

    Args:
        value: The name.

    Raises:
        ValueError: If it is none of these.

    >>> set_floatx("bfloat16")
    >>> floatx(), dtype_policy().name
    ('bfloat16', 'bfloat16')
    >>> set_floatx("float32")
    """
    if value not in ("float16", "bfloat16", "float32", "float64"):
        raise ValueError(f"Unknown float dtype {value!r}. Known: float16, bfloat16, float32, float64.")
    _Defaults.float_name = value
    _Defaults.policy = None


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers that are made without `dtype`.

    Returns:
        A `DTypePolicy`.

    >>> dtype_policy().name
    'float32'
    """
    return _Defaults.policy or DTypePolicy(floatx())


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers that are made without `dtype`: a name or a `DTypePolicy`; None is that of `floatx()`.

    Args:
        policy: A name, such as "mixed_bfloat16", a policy or None.

    Raises:
        ValueError: If the name is unknown.

    >>> set_dtype_policy("mixed_bfloat16")
    >>> dtype_policy().compute_dtype
    'bfloat16'
    >>> set_dtype_policy(None)
    """
    _Defaults.policy = None if policy is None else as_policy(policy)


def as_policy(value: Any) -> DTypePolicy:
    """Turn a name, a dtype, a configuration, a policy or None (the default policy) into a policy.

    Args:
        value: One of these.

    Returns:
        A `DTypePolicy`.

    Raises:
        ValueError: If it is none of these, or its name is unknown.

    >>> as_policy("mixed_float16").compute_dtype
    'float16'
    """
    if value is None:
        return dtype_policy()
    if isinstance(value, DTypePolicy):
        return value
    if is_dict(value):
        kind = value.get("class_name", "DTypePolicy")
        if kind not in _KINDS:
            hint = " Quantised policies are not supported." if "DTypePolicy" in kind else ""
            raise ValueError(f"Unknown dtype policy class {kind!r}.{hint} Known: DTypePolicy, DTypePolicyMap.")
        return _KINDS[kind].from_config(value.get("config", value))
    if callable(getattr(value, "get_config", None)):
        raise ValueError(f"Expected a dtype policy or its name, such as 'mixed_bfloat16'; got {value!r}.")
    return DTypePolicy(value if isinstance(value, str) else jnp.dtype(value).name)


# By the names of their classes in files; tf_keras calls them `Policy`.
_KINDS: dict[str, type[DTypePolicy]] = {
    "DTypePolicy": DTypePolicy, "DTypePolicyMap": DTypePolicyMap, "Policy": DTypePolicy, "PolicyV1": DTypePolicy,
}  # fmt: skip
tables["keras"].update({kind.__name__: kind for kind in _KINDS.values()})


def as_config(policy: DTypePolicy) -> Any:
    """Return `policy` as plain data that `as_policy` takes: its name, if that says all."""
    return serialize(policy) if isinstance(policy, DTypePolicyMap) else policy.name


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
        array = np.asarray(cast(Any, value))
        if array.dtype.kind in "OUSMm":
            raise TypeError(
                f"Expected an array of numbers; got dtype {array.dtype}. Convert it: x.astype('float32'). "
                "Strings go through the layers at the front of a model by model.host_inputs(x)."
            )
        return jax.device_put(canonical(array))
    return value


def canonical(array: np.ndarray) -> np.ndarray:
    """Return `array` in the dtype JAX would give it: 64-bit becomes 32-bit unless 64-bit JAX is enabled."""
    wanted = jax.dtypes.canonicalize_dtype(array.dtype)
    return np.asarray(array, wanted)
