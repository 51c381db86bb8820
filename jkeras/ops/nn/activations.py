"""Activation functions, of arrays and symbolic tensors; `jkeras.activations` has their formulas."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

import jkeras.activations as activations
from jkeras.core.operation import operation, publish
from jkeras.ops.operands import row


def _threshold(x: Any, threshold: Any, default_value: Any) -> Array:
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x, jnp.asarray(default_value, x.dtype))


_along = functools.partial(operation, returns="Array of the shape of `x`, of floats; integers give float32.")
_row = functools.partial(_along, elementwise=True)
_same = functools.partial(row, elementwise=True, returns="Array of the shape and dtype of `x`.")

relu = _same(jax.nn.relu, "x", "`max(x, 0)`.", "[-1, 2] -> [0, 2]")
relu6 = _row(activations.relu6, "x", "`min(max(x, 0), 6)`.", "[-1.0, 2.0, 7.0] -> [0.0, 2.0, 6.0]")
leaky_relu = _row(
    activations.leaky_relu, "x, negative_slope=0.2", "`x` where `x >= 0`, else `negative_slope * x`.",
    "[-1.0, 2.0], 0.5 -> [-0.5, 2.0]", negative_slope="Slope below 0.",
)  # fmt: skip
elu = _row(
    activations.elu, "x, alpha=1.0", "`x` where `x > 0`, else `alpha * (exp(x) - 1)`.",
    "[-1.0, 2.0] -> [-0.632..., 2.0]",
    alpha="Minus the limit at the left.",
)  # fmt: skip
celu = _row(
    activations.celu, "x, alpha=1.0", "`max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)`.",
    "[-1.0, 2.0] -> [-0.632..., 2.0]",
    alpha="Minus the limit at the left.",
)  # fmt: skip
selu = _row(activations.selu, "x", "`1.0507 * elu(x, alpha=1.6733)`.", "[-1.0, 1.0] -> [-1.11..., 1.05...]")
gelu = _row(
    activations.gelu, "x, approximate=True", "`x * Phi(x)`, with the distribution function of the normal distribution.",
    "[0.0, 1.0] -> [0.0, 0.841...]", approximate="Whether to approximate it by tanh.",
)  # fmt: skip
silu = _row(activations.silu, "x", "`x * sigmoid(x)`.", "[0.0, 1.0] -> [0.0, 0.731...]")
swish = silu
hard_silu = _row(activations.hard_silu, "x", "`x * hard_sigmoid(x)`.", "[-3.0, 0.0, 3.0] -> [-0.0, 0.0, 3.0]")
hard_swish = hard_silu
softplus = _row(activations.softplus, "x", "`log(1 + exp(x))`.", "[0.0, 1.0] -> [0.693..., 1.313...]")
softsign = _row(activations.softsign, "x", "`x / (1 + |x|)`.", "[-1.0, 0.0, 3.0] -> [-0.5, 0.0, 0.75]")
squareplus = _row(
    activations.squareplus,
    "x, b=4",
    "`(x + sqrt(x^2 + b)) / 2`.",
    "[0.0, 1.5] -> [1.0, 2.0]",
    b="How smooth it is at 0.",
)
sparse_plus = _row(
    activations.sparse_plus,
    "x",
    "0 up to -1, `(x + 1)^2 / 4` between, `x` from 1 on.",
    "[-2.0, 0.0, 2.0] -> [0.0, 0.25, 2.0]",
)
sigmoid = _row(activations.sigmoid, "x", "`1 / (1 + exp(-x))`.", "[0.0, 1.0] -> [0.5, 0.731...]")
hard_sigmoid = _row(
    activations.hard_sigmoid, "x", "`min(max(x / 6 + 1/2, 0), 1)`.", "[-3.0, 0.0, 3.0] -> [0.0, 0.5, 1.0]"
)
sparse_sigmoid = _row(
    activations.sparse_sigmoid, "x", "`min(max((x + 1) / 2, 0), 1)`.", "[-1.0, 0.0, 2.0] -> [0.0, 0.5, 1.0]"
)
log_sigmoid = _row(activations.log_sigmoid, "x", "`-softplus(-x)`.", "[0.0, 1.0] -> [-0.693..., -0.313...]")
hard_tanh = _same(jax.nn.hard_tanh, "x", "`min(max(x, -1), 1)`.", "[-2.0, 0.5, 3.0] -> [-1.0, 0.5, 1.0]")
tanh_shrink = _row(activations.tanh_shrink, "x", "`x - tanh(x)`.", "[0.0, 1.0] -> [0.0, 0.238...]")
soft_shrink = _row(
    activations.soft_shrink, "x, threshold=0.5", "`sign(x) * max(|x| - threshold, 0)`.",
    "[-1.0, 0.25, 2.0] -> [-0.5, 0.0, 1.5]",
    threshold="What is taken off.",
)  # fmt: skip
hard_shrink = _row(
    activations.hard_shrink, "x, threshold=0.5", "`x` where `|x| > threshold`, else 0.",
    "[-1.0, 0.25, 2.0] -> [-1.0, 0.0, 2.0]",
    threshold="What is small up to it becomes 0.",
)  # fmt: skip
threshold = _row(
    _threshold, "x, threshold, default_value", "`x` where `x > threshold`, else `default_value`.",
    "[1, 2, 3], 1, -5 -> [-5, 2, 3]",
    threshold="A number.", default_value="A number.", returns="Array of the shape and dtype of `x`.",
)  # fmt: skip
glu = _along(
    activations.glu, "x, axis=-1", "`a * sigmoid(b)` for the halves `a, b` of `x` along `axis`.", "[3.0, 0.0] -> [1.5]",
    returns="Array of half the size along `axis`, of floats.",
)  # fmt: skip
softmax = _along(
    activations.softmax,
    "x, axis=-1",
    "`exp(x) / sum(exp(x))` along `axis`.",
    "[5.0, 5.0] -> [0.5, 0.5]",
    axis="One or several.",
)
log_softmax = _along(
    activations.log_softmax, "x, axis=-1", "`x - log(sum(exp(x)))` along `axis`.",
    "[5.0, 5.0] -> [-0.693..., -0.693...]",
    axis="One or several.",
)  # fmt: skip
sparsemax = _along(
    activations.sparsemax,
    "x, axis=-1",
    "Projection onto the probability simplex along `axis`.",
    "[2.0, 1.5, 0.0] -> [0.75, 0.25, 0.0]",
)


__all__ = publish(globals())
