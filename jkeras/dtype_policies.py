"""Which dtypes layers compute in and store their weights in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.core.config import serialize as _serialize
from jkeras.core.dtypes import DTypePolicy as DTypePolicy
from jkeras.core.dtypes import DTypePolicyMap as DTypePolicyMap
from jkeras.core.dtypes import as_policy

FloatDTypePolicy = DTypePolicy  # what Keras calls those that are not quantised


def get(identifier: Any) -> DTypePolicy:
    """Return the policy for a name, a dtype, a configuration or a policy; None is that of layers made without `dtype`.

    Raises:
        ValueError: If the name is unknown; names the nearest one.

    >>> get("mixed_float16").variable_dtype
    'float32'
    """
    return as_policy(identifier)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return a policy as plain data.

    >>> serialize(DTypePolicy("bfloat16"))["config"]
    {'name': 'bfloat16'}
    """
    return _serialize(dtype_policy)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> DTypePolicy:
    """Return the policy that `serialize` wrote, or one of the classes in `custom_objects`.

    >>> deserialize({'class_name': 'DTypePolicy', 'config': {'name': 'bfloat16'}}).compute_dtype
    'bfloat16'
    """
    own = (custom_objects or {}).get(str(config.get("class_name"))) if isinstance(config, dict) else None
    return own.from_config(config["config"]) if own is not None else as_policy(config)
