"""`K` functions that make, read and change variables."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import initializers
from jkeras.backend import random
from jkeras.core import frame as frames
from jkeras.core.dtypes import floatx
from jkeras.core.errors import unexpected_argument
from jkeras.core.graph import SymbolicTensor
from jkeras.core.weight import ArrayHolder, Weight, plain
from jkeras.ops.core import shape
from jkeras.ops.numpy.manipulation import ndim

__all__ = [
    "Variable", "batch_get_value", "batch_set_value", "count_params", "eval", "get_value", "get_variable_shape",
    "int_shape", "is_sparse", "moving_average_update", "ndim", "random_normal_variable", "random_uniform_variable",
    "set_value", "to_dense", "update", "update_add", "update_sub", "variable",
]  # fmt: skip

_SYNCHRONIZATIONS = ("auto", "none", "on_read", "on_write", None)


class _EveryWeight(type):
    """Lets `isinstance(weight, Variable)` be true of the weights that layers declare."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, ArrayHolder)


class Variable(Weight, metaclass=_EveryWeight):
    """An array with a name that can be assigned; held in an attribute of a layer, it is one of its weights.

    Args:
        initializer: The first value: an array or number; or a name, initializer or `f(shape, dtype)`, with `shape`.
        shape: Tuple of integers, for an initializer that is no array.
        dtype: Its dtype; that of an array of numbers, `floatx()` otherwise.
        trainable: Whether a training step changes it.
        autocast: Whether a layer of mixed precision computes with it in the compute dtype.
        aggregation: See `Layer.add_weight`.
        layout: None; arrays are placed on devices by `jax.device_put`.
        synchronization: "auto", "none", "on_read", "on_write" or None, which come to the same: an array of JAX is one
            array, on however many devices.
        name: Its name; that of the attribute it is held in, if left out.

    Raises:
        ValueError: If a shape is missing, or an argument is not one of its values.

    >>> step = Variable(0, dtype="int32", trainable=False)
    >>> step.assign_add(1).numpy()
    array(1, dtype=int32)
    >>> Variable("ones", shape=(2,)).tolist()
    [1.0, 1.0]
    """

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        layout: Any = None,
        synchronization: str | None = "auto",
        name: str | None = None,
        **kwargs: Any,
    ):
        if kwargs:
            accepted = "initializer shape dtype trainable autocast aggregation layout synchronization name".split()
            raise unexpected_argument("Variable", next(iter(kwargs)), accepted)
        if layout is not None:
            raise ValueError(
                "Variable(layout=...) is not supported. Place the array: v.assign(jax.device_put(v.value, sharding))."
            )
        if synchronization not in _SYNCHRONIZATIONS:
            raise ValueError(
                f"Variable: synchronization must be one of {', '.join(map(repr, _SYNCHRONIZATIONS))}; "
                f"got {synchronization!r}."
            )
        if callable(initializer) or isinstance(initializer, (str, dict)):
            if shape is None:
                raise ValueError(
                    f"Variable: the initializer {initializer!r} needs a shape: Variable({initializer!r}, shape=(3,))."
                )
            draw, dtype = initializers.get(initializer), dtype or floatx()
        else:
            array = _as_array(initializer, dtype)
            draw, shape, dtype = functools.partial(_copy, array), array.shape if shape is None else shape, array.dtype
        dtype = jnp.dtype(dtype).name
        super().__init__(
            name or "variable", shape, draw, dtype, trainable and "float" in dtype,
            autocast=autocast, aggregation=aggregation,
        )  # fmt: skip
        self.synchronization = synchronization or "none"


def _as_array(value: Any, dtype: Any) -> np.ndarray:
    value = plain(value)
    if isinstance(value, SymbolicTensor):
        raise ValueError(f"A variable needs a value, and {value!r} has none yet.")
    array = np.asarray(value)
    if dtype is None:
        dtype = array.dtype if hasattr(value, "dtype") and array.dtype.kind != "f" else floatx()
    return array.astype(jax.dtypes.canonicalize_dtype(dtype))


def _copy(array: np.ndarray, shape: Any, dtype: Any) -> Any:
    return jnp.broadcast_to(jnp.array(array, dtype), shape)


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """Return a variable that holds `value`, a float unless `dtype` says otherwise.

    Args:
        value: A number, a list or an array.
        dtype: Its dtype; None is `floatx()`.
        name: Its name.
        constraint: A function of arrays, applied after each training step; or None.

    Returns:
        A `Variable` of the shape of `value`.

    >>> variable([1, 2]).numpy()
    array([1., 2.], dtype=float32)
    """
    made = Variable(np.asarray(plain(value)), dtype=dtype or floatx(), name=name)
    made.constraint = constraint
    return made


def random_normal_variable(
    shape: Sequence[int], mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """Return a variable drawn from the normal distribution with standard deviation `scale`.

    Args:
        shape: Sizes.
        mean, scale: Mean and standard deviation.
        dtype: Its dtype; None is `floatx()`.
        name: Its name.
        seed: An integer, or None for fresh numbers.

    Returns:
        A `Variable` of `shape`.

    >>> random_normal_variable((2, 3), 0.0, 1.0).shape
    (2, 3)
    """
    return variable(random.random_normal(shape, mean, scale, dtype, seed), dtype, name)


def random_uniform_variable(
    shape: Sequence[int], low: float, high: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """Return a variable drawn from the interval `[low, high)`.

    Args:
        shape: Sizes.
        low, high: The interval; `high` is left out.
        dtype: Its dtype; None is `floatx()`.
        name: Its name.
        seed: An integer, or None for fresh numbers.

    Returns:
        A `Variable` of `shape`.

    >>> random_uniform_variable((2, 3), 0.0, 1.0).shape
    (2, 3)
    """
    return variable(random.random_uniform(shape, low, high, dtype, seed), dtype, name)


def get_value(x: Any) -> Any:
    """Return a variable, array or number as numpy (a scalar as a numpy scalar).

    Args:
        x: Variable, array or number.

    Returns:
        An array of numpy of its shape and dtype.

    Raises:
        ValueError: If `x` is symbolic.

    >>> get_value(variable([1, 2]))
    array([1., 2.], dtype=float32)
    """
    if isinstance(x, SymbolicTensor):
        raise ValueError(f"{x!r} has no value yet. Compute it: K.function([model.input], [x])([array]).")
    value = np.asarray(jax.device_get(plain(x)))
    return value[()] if value.ndim == 0 else value


eval = get_value


def set_value(x: Any, value: Any) -> None:
    """Set a variable.

    Args:
        x: The variable.
        value: An array or number of its shape.

    Raises:
        TypeError: If `x` is not a variable.

    >>> counts = variable([1, 2])
    >>> set_value(counts, [3, 4]); counts.numpy()
    array([3., 4.], dtype=float32)
    """
    _assignable("set_value", x).assign(value)


def batch_get_value(tensors: Iterable[Any]) -> list[Any]:
    """Return several variables as numpy.

    Args:
        tensors: Variables, arrays or numbers.

    Returns:
        A list of arrays of numpy.

    >>> batch_get_value([variable(1), variable([2])])
    [np.float32(1.0), array([2.], dtype=float32)]
    """
    return [get_value(x) for x in tensors]


def batch_set_value(tuples: Iterable[tuple[Any, Any]]) -> None:
    """Set several variables.

    Args:
        tuples: Pairs `(variable, value)`.

    >>> a, b = variable(0), variable(0)
    >>> batch_set_value([(a, 1), (b, 2)]); a.item(), b.item()
    (1.0, 2.0)
    """
    for x, value in tuples:
        set_value(x, value)


def update(x: Any, new_x: Any) -> Any:
    """Set a variable or, in `call`, a state weight, and return it.

    Args:
        x: The variable.
        new_x: The new value.

    Returns:
        The variable; in `call`, the new array.

    >>> update(variable(1), 5).item()
    5.0
    """
    return _assignable("update", x).assign(new_x)


def update_add(x: Any, increment: Any) -> Any:
    """Add to a variable or, in `call`, to a state weight, and return it.

    Args:
        x: The variable.
        increment: What is added.

    Returns:
        The variable; in `call`, the new array.

    >>> update_add(variable(1), 2).item()
    3.0
    """
    return _assignable("update_add", x).assign_add(increment)


def update_sub(x: Any, decrement: Any) -> Any:
    """Subtract from a variable or, in `call`, from a state weight, and return it.

    Args:
        x: The variable.
        decrement: What is subtracted.

    Returns:
        The variable; in `call`, the new array.

    >>> update_sub(variable(1), 2).item()
    -1.0
    """
    return _assignable("update_sub", x).assign_sub(decrement)


def moving_average_update(x: Any, value: Any, momentum: Any) -> Any:
    """Move a variable towards `value`: `momentum * x + (1 - momentum) * value`; return it.

    Args:
        x: The variable.
        value: An array or number of its shape.
        momentum: What of it stays, from 0 to 1.

    Returns:
        The variable; in `call`, the new array.

    >>> moving_average_update(variable(1), 5, 0.75).item()
    2.0
    """
    return _assignable("moving_average_update", x).assign(x * momentum + value * (1 - momentum))


def _assignable(function: str, x: Any) -> Any:
    if hasattr(x, "assign"):
        return x
    hint = (
        "In `call` only state can change: add_weight(..., trainable=False)."
        if frames.active() is not None
        else "Make one: K.variable(value)."
    )
    raise TypeError(
        f"K.{function} expects a variable, such as model.optimizer.learning_rate; got {type(x).__name__}. {hint}"
    )


int_shape = get_variable_shape = shape  # how Keras 2 and 1 spell it


def count_params(x: Any) -> int:
    """Return the number of elements.

    Args:
        x: Array or variable.

    Returns:
        An integer.

    >>> count_params(np.zeros((2, 3)))
    6
    """
    return math.prod(x.shape)


def is_sparse(tensor: Any) -> bool:
    """Whether `tensor` is a sparse array of `jax.experimental.sparse`.

    Args:
        tensor: Anything.

    Returns:
        A boolean.

    >>> is_sparse(np.zeros(2))
    False
    """
    from jax.experimental import sparse

    return isinstance(tensor, sparse.JAXSparse)


def to_dense(tensor: Any) -> Any:
    """Return a sparse array as a dense one, and anything else as it is.

    Args:
        tensor: Anything.

    Returns:
        An array of the same shape and dtype.

    >>> to_dense(np.zeros(2)).shape
    (2,)
    """
    return tensor.todense() if is_sparse(tensor) else tensor
