"""`tf.Variable`, `tf.Tensor` and `tf.TensorShape`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.backend.variables import Variable as _KerasVariable
from jkeras.compat.array_methods import TensorShape as TensorShape
from jkeras.core.graph import SymbolicTensor
from jkeras.core.spec import InputSpec as TensorSpec
from jkeras.core.weight import ArrayHolder, plain


class _EveryTensor(type):
    """Lets `isinstance(x, tf.Tensor)` be true of arrays and symbolic tensors."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, (jax.Array, SymbolicTensor))


class Tensor(metaclass=_EveryTensor):
    """What functions of `tf` return: arrays of JAX, or symbolic tensors. It is made by `tf.constant` only."""

    def __new__(cls, *_: Any, **__: Any) -> Tensor:
        """Refuse."""
        raise TypeError("tf.Tensor is not made by calling it: use tf.constant(value).")


class Variable(_KerasVariable):
    """An array that can be assigned; held in an attribute of a layer, it is one of its weights.

    Args:
        initial_value: An array, a number, or a function that returns one.
        trainable: Whether a training step changes it.
        name: Its name.
        dtype: Its dtype; that of the value if left out.
        shape: Its shape, which has to be that of the value.
        validate_shape, caching_device, synchronization, aggregation: Where and how TensorFlow keeps copies of it: an
            array of JAX is one array, so these change nothing.

    >>> count = Variable(0, trainable=False)
    >>> count.assign_add(2).numpy()
    array(2, dtype=int32)
    """

    def __init__(
        self,
        initial_value: Any = None,
        trainable: Any = True,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        dtype: Any = None,
        shape: Any = None,
        synchronization: Any = None,
        aggregation: Any = None,
    ):
        value = plain(initial_value() if callable(initial_value) else initial_value)
        if value is None:
            raise ValueError("tf.Variable needs a first value: tf.Variable(0.0).")
        if dtype is None:
            found = np.asarray(value).dtype
            dtype = "float32" if found.kind == "f" and not hasattr(value, "dtype") else found
        super().__init__(
            np.asarray(value), dtype=jax.dtypes.canonicalize_dtype(dtype), trainable=bool(trainable), name=name
        )
        if shape is not None and tuple(shape) != self.shape:
            raise ValueError(f"tf.Variable: the value has shape {self.shape}, not {tuple(shape)}.")

    def assign_add(self, delta: Any, **_: Any) -> Any:
        """Add an array or a list of numbers."""
        return super().assign_add(jnp.asarray(plain(delta)))

    def assign_sub(self, delta: Any, **_: Any) -> Any:
        """Subtract an array or a list of numbers."""
        return super().assign_sub(jnp.asarray(plain(delta)))

    def read_value(self) -> Any:
        """Return the array."""
        return self.value


def is_variable(x: Any) -> bool:
    """Whether it can be assigned: a variable or a weight of a layer."""
    return isinstance(x, ArrayHolder)


__all__ = ["Tensor", "TensorShape", "TensorSpec", "Variable", "is_variable"]
