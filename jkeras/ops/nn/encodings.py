"""Class numbers as vectors, and complex numbers of lengths and angles."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.core.dtypes import floatx
from jkeras.core.operation import operation, publish


def _refuse_sparse(name: str, sparse: bool) -> None:
    if sparse:
        raise ValueError(f"{name}(sparse=True): every tensor here is dense. Leave `sparse` out.")


def _one_hot(x: Any, num_classes: int, *, axis: int, dtype: Any, sparse: bool) -> Array:
    _refuse_sparse("one_hot", sparse)
    x = jnp.asarray(x)
    classes = jnp.arange(num_classes, dtype=jnp.int32 if x.dtype == bool else x.dtype)
    axis = axis % (x.ndim + 1)
    classes = classes.reshape([-1 if a == axis else 1 for a in range(x.ndim + 1)])
    return (jnp.expand_dims(x, axis) == classes).astype(jax.dtypes.canonicalize_dtype(dtype or floatx()))


def _multi_hot(inputs: Any, *, num_classes: int | None, axis: int, dtype: Any, sparse: bool) -> Array:
    _refuse_sparse("multi_hot", sparse)
    if num_classes is None:
        raise ValueError("multi_hot needs the number of classes: multi_hot(inputs, num_classes=...).")
    inputs = jnp.asarray(inputs)
    each = _one_hot(inputs, num_classes, axis=axis, dtype=dtype, sparse=False)
    return jnp.max(each, axis=1 if inputs.ndim > 1 else 0)


def _polar(abs_: Any, angle: Any) -> Array:
    length, angle = jnp.asarray(abs_), jnp.asarray(angle)
    return jax.lax.complex(length * jnp.cos(angle), length * jnp.sin(angle))


_hot = functools.partial(
    operation, num_classes="How many classes there are.", axis="Where the axis of the classes goes.",
    dtype="Dtype of the result; None is `config.floatx()`.",
)  # fmt: skip

one_hot = _hot(
    _one_hot, "x, num_classes, axis=-1, dtype=None, sparse=False", "1 at the place that `x` names along a new axis.",
    "[0, 2], 3 -> [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]", x="Array of integers.",
    returns="Array with one more axis, of `num_classes`.",
)  # fmt: skip
multi_hot = _hot(
    _multi_hot, "inputs, num_classes=None, axis=-1, dtype=None, sparse=False",
    "1 at every place that a row of `inputs` names.", "[[0, 2]], 3 -> [[1.0, 0.0, 1.0]]",
    inputs="Array of integers `(batch, labels)` or `(labels,)`.",
    returns="Array `(batch, num_classes)` or `(num_classes,)`.",
)  # fmt: skip
polar = operation(
    _polar, "abs_, angle", "Complex numbers of their absolute values and angles.", "[2.0], 0.0 -> [(2+0j)]",
    elementwise=True,
    abs_="Array of absolute values.", angle="Array of angles in radians.",
    returns="Array of complex numbers of their shape.",
)  # fmt: skip


__all__ = publish(globals())
