"""`K` functions that act on each element: arithmetic, comparison, activations."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras import activations
from jkeras.core.operation import operation, publish


def _clip(x: Any, low: Any, high: Any) -> Any:
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        high = max(low, high)
    return jnp.clip(x, low, high)


def _sqrt(x: Any) -> Any:
    return jnp.sqrt(jnp.maximum(x, 0))


def _relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    return activations.relu(x, alpha, max_value, threshold)


abs = operation(jnp.abs, "x", "Absolute value.", elementwise=True)
square = operation(jnp.square, "x", "Square.", elementwise=True)
sqrt = operation(_sqrt, "x", "Square root; 0 for negative numbers.", elementwise=True)
exp = operation(jnp.exp, "x", "Exponential.", elementwise=True)
log = operation(jnp.log, "x", "Natural logarithm.", elementwise=True)
sign = operation(jnp.sign, "x", "-1, 0 or 1.", elementwise=True)
sin = operation(jnp.sin, "x", "Sine.", elementwise=True)
cos = operation(jnp.cos, "x", "Cosine.", elementwise=True)
round = operation(jnp.round, "x", "Nearest integer; halves go to the even one.", elementwise=True)
pow = operation(jnp.power, "x, a", "`x` to the power `a`.", elementwise=True)
clip = operation(_clip, "x, min_value, max_value", "Limit the values to an interval.", elementwise=True)
maximum = operation(jnp.maximum, "x, y", "The larger of two.", elementwise=True)
minimum = operation(jnp.minimum, "x, y", "The smaller of two.", elementwise=True)
equal = operation(jnp.equal, "x, y", "Whether `x == y`.", elementwise=True)
not_equal = operation(jnp.not_equal, "x, y", "Whether `x != y`.", elementwise=True)
greater = operation(jnp.greater, "x, y", "Whether `x > y`.", elementwise=True)
greater_equal = operation(jnp.greater_equal, "x, y", "Whether `x >= y`.", elementwise=True)
less = operation(jnp.less, "x, y", "Whether `x < y`.", elementwise=True)
less_equal = operation(jnp.less_equal, "x, y", "Whether `x <= y`.", elementwise=True)

identity = operation(lambda x: x, "x", "The same values.", elementwise=True)
relu = operation(
    _relu, "x, alpha=0.0, max_value=None, threshold=0.0", "Rectifier with slope, ceiling and threshold.", True
)
elu = operation(activations.elu, "x, alpha=1.0", "`x` where positive, else `alpha * (exp(x) - 1)`.", True)
sigmoid = operation(activations.sigmoid, "x", "`1 / (1 + exp(-x))`.", True)
hard_sigmoid = operation(
    activations.legacy_hard_sigmoid, "x", "`0.2 x + 0.5` within 0 and 1: the formula of Keras 1 and 2.", True
)
tanh = operation(activations.tanh, "x", "Hyperbolic tangent.", True)
softplus = operation(activations.softplus, "x", "`log(1 + exp(x))`.", True)
softsign = operation(activations.softsign, "x", "`x / (1 + |x|)`.", True)
softmax = operation(activations.softmax, "x, axis=-1", "`exp(x)` scaled to sum to 1 along an axis.")
stop_gradient = operation(
    lambda variables: jax.tree.map(jax.lax.stop_gradient, variables),
    "variables",
    "The same values, held constant when differentiating; one array or a list.",
)

__all__ = publish(globals())
