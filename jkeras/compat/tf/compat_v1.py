"""`tf.compat.v1`, and what stood in `tf` itself when TensorFlow 1 was current."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jkeras.backend.functions import placeholder as _placeholder
from jkeras.compat.tf import random as _random
from jkeras.compat.tf.arrays import cast as _cast
from jkeras.compat.tf.once import say_once
from jkeras.compat.tf.random import multinomial as multinomial
from jkeras.compat.tf.random import set_seed
from jkeras.compat.tf.random import truncated_normal as truncated_normal
from jkeras.compat.tf.sessions import ConfigProto as ConfigProto
from jkeras.compat.tf.sessions import GPUOptions as GPUOptions
from jkeras.compat.tf.sessions import InteractiveSession as InteractiveSession
from jkeras.compat.tf.sessions import Session as Session
from jkeras.compat.tf.sessions import global_variables_initializer as global_variables_initializer
from jkeras.compat.tf.sessions import initialize_all_variables as initialize_all_variables
from jkeras.compat.tf.sessions import local_variables_initializer as local_variables_initializer
from jkeras.compat.tf.sessions import tables_initializer as tables_initializer
from jkeras.compat.tf.sessions import variables_initializer as variables_initializer

set_random_seed = set_seed
random_normal, random_uniform, random_shuffle = _random.normal, _random.uniform, _random.shuffle


def _without_effect(name: str, reason: str) -> Callable[..., None]:
    def nothing(*_: Any, **__: Any) -> None:
        say_once(f"tf.compat.v1.{name}", f"it has no effect: {reason}.")

    nothing.__name__ = name
    nothing.__doc__ = f"Say that it has no effect: {reason}."
    return nothing


_EFFECTLESS = {
    "disable_eager_execution": "training is compiled in any case, and outside of it arrays have values",
    "enable_eager_execution": "arrays have values outside of compiled code",
    "disable_v2_behavior": "there is one behaviour",
    "enable_v2_behavior": "there is one behaviour",
    "disable_v2_tensorshape": "shapes are tuples",
    "enable_resource_variables": "there is one kind of variables",
    "disable_resource_variables": "there is one kind of variables",
    "reset_default_graph": "there is no global graph, and a model that is not referred to is freed",
}
globals().update({name: _without_effect(name, reason) for name, reason in _EFFECTLESS.items()})


def placeholder(dtype: Any = "float32", shape: Any = None, name: str | None = None) -> Any:
    """Return a symbolic tensor, the batch being in its shape."""
    return _placeholder(shape=shape, dtype=str(jnp.dtype(dtype)), name=name)


def to_float(x: Any, name: str | None = None) -> Any:
    """Convert to float32."""
    return _cast(x, "float32")


def to_int32(x: Any, name: str | None = None) -> Any:
    """Convert to int32."""
    return _cast(x, "int32")


to_int64 = to_int32
