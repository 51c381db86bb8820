"""`K`: the functions of `keras.backend`, for arrays and symbolic tensors alike."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import data_format, dtypes
from jkeras.core.graph import SymbolicTensor
from jkeras.core.operation import operate
from jkeras.core.weight import Weight

floatx = dtypes.floatx
set_floatx = dtypes.set_floatx
image_data_format = data_format.image_data_format
set_image_data_format = data_format.set_image_data_format


class _Settings:
    epsilon = 1e-7


def backend() -> str:
    """Return "jax": the only backend there is."""
    return "jax"


def epsilon() -> float:
    """Return the small number that keeps divisions and logarithms finite."""
    return _Settings.epsilon


def set_epsilon(value: float) -> None:
    """Set what `epsilon` returns."""
    _Settings.epsilon = float(value)


def clear_session(free_memory: bool = True) -> None:
    """Free what no model refers to any more.

    Names and models depend on no session, so nothing else needs clearing.
    """
    if free_memory:
        gc.collect()


def get_value(x: Any) -> Any:
    """Return a variable, array or number as numpy (a scalar as a numpy scalar)."""
    value = np.asarray(jax.device_get(x.value if hasattr(x, "value") else x))
    return value[()] if value.ndim == 0 else value


def set_value(x: Any, value: Any) -> None:
    """Set a variable.

    Raises:
        TypeError: If `x` is not a variable.
    """
    if not hasattr(x, "assign"):
        raise TypeError(f"set_value expects a variable, such as model.optimizer.learning_rate; got {type(x).__name__}.")
    x.assign(value)


def batch_get_value(tensors: Any) -> list[Any]:
    """Return several variables as numpy."""
    return [get_value(x) for x in tensors]


def batch_set_value(pairs: Any) -> None:
    """Set several variables: `[(variable, value), ...]`."""
    for variable, value in pairs:
        set_value(variable, value)


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Weight:
    """Return a variable with the given value."""
    array = np.asarray(value, dtype or floatx())
    weight = Weight(name or "variable", array.shape, lambda s, d: jnp.asarray(array, d), array.dtype.name)
    weight.constraint = constraint
    return weight.assign(array)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> jax.Array:
    """Return an array filled with, or made from, `value`."""
    array = jnp.asarray(value, dtype or floatx())
    return jnp.broadcast_to(array, shape) if shape is not None else array


def function(inputs: Any, outputs: Any, updates: Any = None, name: str | None = None) -> Callable[[Any], Any]:
    """Return a function from arrays for `inputs` to the arrays of `outputs`, both lists of symbolic tensors.

    >>> from jkeras.layers import Dense, Input
    >>> x = Input(shape=(3,))
    >>> f = function([x], [Dense(2)(x)])
    >>> f([np.ones((4, 3))])[0].shape
    (4, 2)
    """
    from jkeras.models import Model

    if updates:
        raise ValueError("K.function(updates=...) is not supported. Use model.apply, which returns the new state.")
    model = Model(inputs, outputs, name=name)

    def run(arrays: Any) -> Any:
        given = arrays if isinstance(inputs, (list, tuple)) and len(inputs) > 1 else jax.tree.leaves(arrays)[0]
        return jax.tree.map(np.asarray, model(given))

    return run


def int_shape(x: Any) -> tuple[int | None, ...]:
    """Return the static shape, None where unknown."""
    return tuple(x.shape)


def ndim(x: Any) -> int:
    """Return the number of dimensions."""
    return len(x.shape)


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor."""
    return isinstance(x, SymbolicTensor)


def cast(x: Any, dtype: Any) -> Any:
    """Convert to another dtype."""
    return operate(lambda a: jnp.asarray(a).astype(dtype), x)


def _axis_function(reduce: Callable[..., Any]) -> Callable[..., Any]:
    def reduced(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axes = tuple(axis) if isinstance(axis, list) else axis
        return operate(lambda a: reduce(a, axis=axes, keepdims=keepdims), x)

    reduced.__doc__ = f"`jax.numpy.{reduce.__name__}` over an axis, a list of axes, or all."
    return reduced


def _pointwise(compute: Callable[..., Any]) -> Callable[..., Any]:
    def computed(*args: Any, **kwargs: Any) -> Any:
        return operate(lambda *operands: compute(*operands, **kwargs), *args)

    computed.__doc__ = f"`{getattr(compute, '__name__', 'the function')}` of arrays or symbolic tensors."
    return computed


mean, sum, max, min, prod = map(_axis_function, (jnp.mean, jnp.sum, jnp.max, jnp.min, jnp.prod))
any, all, std, var = map(_axis_function, (jnp.any, jnp.all, jnp.std, jnp.var))
square, sqrt, exp, log, abs, sign, sin, cos, pow, round = map(
    _pointwise,
    (jnp.square, jnp.sqrt, jnp.exp, jnp.log, jnp.abs, jnp.sign, jnp.sin, jnp.cos, jnp.power, jnp.round),
)
maximum, minimum, equal, not_equal, greater, greater_equal, less, less_equal = map(
    _pointwise,
    (
        jnp.maximum, jnp.minimum, jnp.equal, jnp.not_equal, jnp.greater, jnp.greater_equal, jnp.less, jnp.less_equal,
    ),
)  # fmt: skip
relu, sigmoid, tanh, softmax, softplus, elu = map(
    _pointwise, (jax.nn.relu, jax.nn.sigmoid, jnp.tanh, jax.nn.softmax, jax.nn.softplus, jax.nn.elu)
)
dot, transpose, zeros_like, ones_like, expand_dims, squeeze, reshape, clip = map(
    _pointwise,
    (jnp.dot, jnp.transpose, jnp.zeros_like, jnp.ones_like, jnp.expand_dims, jnp.squeeze, jnp.reshape, jnp.clip),
)


def argmax(x: Any, axis: int = -1) -> Any:
    """Return the index of the largest element along an axis."""
    return operate(lambda a: jnp.argmax(a, axis=axis), x)


def concatenate(tensors: Any, axis: int = -1) -> Any:
    """Join arrays along an axis."""
    return operate(lambda *parts: jnp.concatenate(parts, axis=axis), *tensors)


def stack(tensors: Any, axis: int = 0) -> Any:
    """Stack arrays along a new axis."""
    return operate(lambda *parts: jnp.stack(parts, axis=axis), *tensors)
