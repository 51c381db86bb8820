"""Which dtypes layers compute in and store their weights in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.core.config import serialize as _serialize
from jkeras.core.dtypes import DTypePolicy, DTypePolicyMap, as_policy

FloatDTypePolicy = DTypePolicy  # what Keras calls those that are not quantised

__all__ = ["DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "deserialize", "get", "serialize"]


def get(identifier: Any) -> DTypePolicy:
    """Return the policy for a name, a dtype, a configuration or a policy; None is that of layers made without `dtype`.

    Args:
        identifier: Such as "mixed_bfloat16", `jnp.float16`, what `serialize` returned, or None.

    Returns:
        A `DTypePolicy`.

    Raises:
        ValueError: If the name is unknown; it tells the nearest one.

    >>> get("mixed_float16").variable_dtype
    'float32'
    """
    return as_policy(identifier)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return a policy as plain data.

    Args:
        dtype_policy: A policy.

    Returns:
        Its class name and configuration.

    >>> serialize(DTypePolicy("bfloat16"))["config"]
    {'name': 'bfloat16'}
    """
    return _serialize(dtype_policy)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> DTypePolicy:
    """Return the policy that `serialize` wrote, or one of the classes in `custom_objects`.

    Args:
        config: What `serialize` returned, or what `get` takes.
        custom_objects: Classes by name, looked up first.

    Returns:
        A `DTypePolicy`.

    >>> deserialize({'class_name': 'DTypePolicy', 'config': {'name': 'bfloat16'}}).compute_dtype
    'bfloat16'
    """
    own = (custom_objects or {}).get(str(config.get("class_name"))) if isinstance(config, dict) else None
    return own.from_config(config["config"]) if own is not None else as_policy(config)
