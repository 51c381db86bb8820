"""`K` functions that act on each element: arithmetic, comparison, activations."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jkeras import activations
from jkeras.core.operation import operation, publish
from jkeras.ops.nn.activations import elu, sigmoid, softmax, softplus, softsign
from jkeras.ops.numpy.elementwise import abs, cos, exp, log, sign, sin, square, tanh


def _clip(x: Any, low: Any, high: Any) -> Any:
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        high = max(low, high)
    return jnp.clip(x, low, high)


def _sqrt(x: Any) -> Any:
    return jnp.sqrt(jnp.maximum(x, 0))


def _relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    return activations.relu(x, alpha, max_value, threshold)


_row = functools.partial(
    operation, elementwise=True, returns="Array of the shape and dtype of the operands; two are broadcast and promoted."
)
_bool = functools.partial(_row, returns="Array of booleans of the shape of the operands; two are broadcast.")

sqrt = _row(_sqrt, "x", "Square root; 0 for negative numbers.", "jnp.array([4.0, -1.0]) -> [2.0, 0.0]")
round = _row(jnp.round, "x", "Nearest integer; halves go to the even one.", "jnp.array([1.5, 2.5]) -> [2.0, 2.0]")
pow = _row(jnp.power, "x, a", "`x` to the power `a`.", "jnp.array([2.0, 3.0]), 2 -> [4.0, 9.0]", a="A number.")
clip = _row(
    _clip, "x, min_value, max_value", "Limit the values to an interval.", "jnp.array([-7.0, 3.0]), 0, 2 -> [0.0, 2.0]",
    min_value="The least value, or None.", max_value="The largest value, or None.",
)  # fmt: skip
maximum = _row(jnp.maximum, "x, y", "The larger of two.", "jnp.array([1, 5]), jnp.array([4, 2]) -> [4, 5]")
minimum = _row(jnp.minimum, "x, y", "The smaller of two.", "jnp.array([1, 5]), jnp.array([4, 2]) -> [1, 2]")
equal = _bool(jnp.equal, "x, y", "Whether `x == y`.", "jnp.array([1, 2, 3]), 2 -> [False, True, False]")
not_equal = _bool(jnp.not_equal, "x, y", "Whether `x != y`.", "jnp.array([1, 2, 3]), 2 -> [True, False, True]")
greater = _bool(jnp.greater, "x, y", "Whether `x > y`.", "jnp.array([1, 2, 3]), 2 -> [False, False, True]")
greater_equal = _bool(jnp.greater_equal, "x, y", "Whether `x >= y`.", "jnp.array([1, 2, 3]), 2 -> [False, True, True]")
less = _bool(jnp.less, "x, y", "Whether `x < y`.", "jnp.array([1, 2, 3]), 2 -> [True, False, False]")
less_equal = _bool(jnp.less_equal, "x, y", "Whether `x <= y`.", "jnp.array([1, 2, 3]), 2 -> [True, True, False]")

identity = _row(lambda x: x, "x", "The same values.", "jnp.arange(2) -> [0, 1]")
relu = _row(
    _relu, "x, alpha=0.0, max_value=None, threshold=0.0", "Rectifier with slope, ceiling and threshold.",
    "[-2.0, 5.0], 0.5, 3.0 -> [-1.0, 3.0]", alpha="Slope below the threshold.", max_value="The largest value, or None.",
    threshold="Values up to it are damped.",
)  # fmt: skip
hard_sigmoid = _row(
    activations.legacy_hard_sigmoid, "x", "`0.2 x + 0.5` within 0 and 1: the formula of Keras 1 and 2.",
    "[-5.0, 0.0, 1.0] -> [0.0, 0.5, 0.699...]",
)  # fmt: skip
stop_gradient = operation(
    lambda variables: jax.tree.map(jax.lax.stop_gradient, variables), "variables",
    "The same values, held constant when differentiating.",
    ">>> jax.grad(lambda x: x * stop_gradient(x))(3.0).item()\n3.0", variables="One array or a list of them.",
    returns="The same array or list.",
)  # fmt: skip

__all__ = [
    "abs", "cos", "elu", "exp", "log", "sigmoid", "sign", "sin", "softmax", "softplus", "softsign", "square", "tanh",
    *publish(globals()),
]  # fmt: skip
