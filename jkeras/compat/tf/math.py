"""`tf.math`, whose functions are mostly found in `tf` itself too: elementwise functions and reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras import ops
from jkeras.compat.tf.rows import publish, row

_Function = Callable[..., Any]


def _float(function: _Function) -> _Function:
    """Return a function of floats: integers become the default float."""

    def of_floats(x: Any) -> Any:
        x = jnp.asarray(x)
        return function(x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32))

    of_floats.__name__ = getattr(function, "__name__", "function")
    return of_floats


def _one(function: _Function, summary: str) -> _Function:
    return row(function, "x", summary)


def _two(function: _Function, summary: str) -> _Function:
    return row(function, "x, y", summary)


def _reduced(function: _Function, summary: str) -> _Function:
    def reduce(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return function(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=bool(keepdims))

    reduce.__name__ = getattr(function, "__name__", "reduce")
    return row(reduce, "input_tensor, axis=None, keepdims=False", summary)


def _mean(x: Any, **options: Any) -> Any:
    """Of integers the mean is an integer, as in TensorFlow."""
    x = jnp.asarray(x)
    mean = jnp.mean(x, **options)
    return mean.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.integer) else mean


def _divide_no_nan(x: Any, y: Any) -> Any:
    y = jnp.asarray(y)
    return jnp.where(y == 0, 0, x / jnp.where(y == 0, 1, y))


def _multiply_no_nan(x: Any, y: Any) -> Any:
    return jnp.where(jnp.asarray(y) == 0, 0, jnp.asarray(x) * y)


def _index(function: _Function) -> _Function:
    def index(x: Any, axis: Any = None, output_type: Any = "int32") -> Any:
        return function(x, axis=0 if axis is None else axis).astype(jax.dtypes.canonicalize_dtype(output_type))

    return index


def _cumulative(function: _Function, start: int) -> _Function:
    def cumulate(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Any:
        x = jnp.asarray(x)
        x = jnp.flip(x, axis) if reverse else x
        if exclusive:
            first = jnp.full_like(jax.lax.slice_in_dim(x, 0, 1, axis=axis), start)
            x = jnp.concatenate([first, jax.lax.slice_in_dim(x, 0, x.shape[axis] - 1, axis=axis)], axis)
        total = function(x, axis=axis)
        return jnp.flip(total, axis) if reverse else total

    return cumulate


def _euclidean(x: Any, **options: Any) -> Any:
    return jnp.sqrt(jnp.sum(jnp.square(x), **options))


def _normal_form(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    axis = tuple(axis) if isinstance(axis, list) else axis
    squares = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squares, epsilon))


def _confusion_matrix(
    labels: Any, predictions: Any, num_classes: Any = None, weights: Any = None, dtype: Any = "int32"
) -> Any:
    labels, predictions = jnp.asarray(labels).astype(jnp.int32), jnp.asarray(predictions).astype(jnp.int32)
    size = int(max(labels.max(), predictions.max())) + 1 if num_classes is None else num_classes
    counts = 1 if weights is None else jnp.asarray(weights)
    return jnp.zeros((size, size), dtype or "int32").at[labels, predictions].add(counts)


def _segment(kind: str) -> _Function:
    reduce = getattr(jax.ops, f"segment_{kind}")

    def segments(data: Any, segment_ids: Any, num_segments: Any = None) -> Any:
        return reduce(jnp.asarray(data), jnp.asarray(segment_ids), num_segments)

    return segments


_COMPLEX = (jnp.real, jnp.imag, jnp.conj, jnp.angle)

abs = _one(jnp.abs, "Absolute value.")
negative = _one(jnp.negative, "`-x`.")
sign = _one(jnp.sign, "-1, 0 or 1.")
round = _one(jnp.round, "Nearest integer, ties to the even one.")
rint = round
ceil = _one(jnp.ceil, "Next integer above.")
floor = _one(jnp.floor, "Next integer below.")
square = _one(jnp.square, "`x * x`.")
sqrt = _one(_float(jnp.sqrt), "Square root.")
rsqrt = _one(_float(jax.lax.rsqrt), "`1 / sqrt(x)`.")
reciprocal = _one(_float(jnp.reciprocal), "`1 / x`.")
exp = _one(_float(jnp.exp), "Exponential.")
expm1 = _one(_float(jnp.expm1), "`exp(x) - 1`.")
log = _one(_float(jnp.log), "Natural logarithm.")
log1p = _one(_float(jnp.log1p), "`log(1 + x)`.")
log_sigmoid = _one(_float(jax.nn.log_sigmoid), "`-softplus(-x)`.")
sin, cos, tan = (_one(_float(f), f"{f.__name__} of radians.") for f in (jnp.sin, jnp.cos, jnp.tan))
asin, acos, atan = (_one(_float(f), f"{f.__name__}, in radians.") for f in (jnp.arcsin, jnp.arccos, jnp.arctan))
sinh, cosh, tanh = (_one(_float(f), f"Hyperbolic {f.__name__}.") for f in (jnp.sinh, jnp.cosh, jnp.tanh))
sigmoid = _one(_float(jax.nn.sigmoid), "`1 / (1 + exp(-x))`.")
softplus = row(_float(jax.nn.softplus), "features", "`log(1 + exp(x))`.")
erf = _one(_float(jax.scipy.special.erf), "The error function.")
lgamma = _one(_float(jax.scipy.special.gammaln), "Logarithm of the absolute gamma function.")
digamma = _one(_float(jax.scipy.special.digamma), "Derivative of `lgamma`.")
is_nan = _one(jnp.isnan, "Whether it is not a number.")
is_inf = _one(jnp.isinf, "Whether it is infinite.")
is_finite = _one(jnp.isfinite, "Whether it is a finite number.")
logical_not = _one(jnp.logical_not, "Whether it is false.")
real, imag, conj, angle = (_one(f, f"{f.__name__} of complex numbers.") for f in _COMPLEX)

add = _two(jnp.add, "`x + y`.")
subtract = _two(jnp.subtract, "`x - y`.")
multiply = _two(jnp.multiply, "`x * y`.")
divide = truediv = _two(jnp.true_divide, "`x / y`.")
floordiv = _two(jnp.floor_divide, "`x // y`.")
mod = floormod = _two(jnp.mod, "Remainder, of the sign of `y`.")
divide_no_nan = _two(_divide_no_nan, "`x / y`, 0 where `y` is 0.")
multiply_no_nan = _two(_multiply_no_nan, "`x * y`, 0 where `y` is 0, whatever `x` is.")
pow = _two(jnp.power, "`x` to the power `y`.")
maximum = _two(jnp.maximum, "The larger.")
minimum = _two(jnp.minimum, "The smaller.")
squared_difference = _two(lambda x, y: jnp.square(jnp.subtract(x, y)), "`(x - y)^2`.")
atan2 = row(jnp.arctan2, "y, x", "Angle of the point `(x, y)`.")
xlogy = _two(jax.scipy.special.xlogy, "`x log(y)`, 0 where `x` is 0.")
equal = _two(jnp.equal, "`x == y`.")
not_equal = _two(jnp.not_equal, "`x != y`.")
less = _two(jnp.less, "`x < y`.")
less_equal = _two(jnp.less_equal, "`x <= y`.")
greater = _two(jnp.greater, "`x > y`.")
greater_equal = _two(jnp.greater_equal, "`x >= y`.")
logical_and = _two(jnp.logical_and, "Whether both are true.")
logical_or = _two(jnp.logical_or, "Whether one is true.")
logical_xor = _two(jnp.logical_xor, "Whether exactly one is true.")
add_n = accumulate_n = row(lambda inputs: sum(inputs[1:], inputs[0]), "inputs", "Sum of a list of arrays.")

reduce_sum = _reduced(jnp.sum, "Sum over axes.")
reduce_mean = _reduced(_mean, "Mean over axes.")
reduce_max = _reduced(jnp.max, "Largest over axes.")
reduce_min = _reduced(jnp.min, "Smallest over axes.")
reduce_prod = _reduced(jnp.prod, "Product over axes.")
reduce_any = _reduced(jnp.any, "Whether one is true over axes.")
reduce_all = _reduced(jnp.all, "Whether all are true over axes.")
reduce_std = _reduced(jnp.std, "Standard deviation over axes.")
reduce_variance = _reduced(jnp.var, "Variance over axes.")
reduce_logsumexp = _reduced(jax.nn.logsumexp, "`log(sum(exp(x)))` over axes.")
reduce_euclidean_norm = _reduced(_euclidean, "Root of the sum of squares over axes.")
count_nonzero = _reduced(jnp.count_nonzero, "How many are not 0 over axes.")
argmax = row(_index(jnp.argmax), "input, axis=None, output_type='int32'", "Where the largest is; along axis 0.")
argmin = row(_index(jnp.argmin), "input, axis=None, output_type='int32'", "Where the smallest is; along axis 0.")
cumsum = row(_cumulative(jnp.cumsum, 0), "x, axis=0, exclusive=False, reverse=False", "Running sum.")
cumprod = row(_cumulative(jnp.cumprod, 1), "x, axis=0, exclusive=False, reverse=False", "Running product.")
l2_normalize = row(_normal_form, "x, axis=None, epsilon=1e-12", "`x / |x|` along axes.")
top_k = row(
    lambda x, k, sorted: jax.lax.top_k(jnp.asarray(x), k),
    "input, k=1, sorted=True",
    "The `k` largest elements along the last axis, and their indices.",
)
in_top_k = row(
    ops.in_top_k,
    "targets, predictions, k",
    "Whether fewer than `k` predictions exceed the target's.",
)
bincount = row(
    lambda x, minlength: jnp.bincount(x, minlength=minlength or 0), "arr, minlength=None", "Counts of each integer."
)
confusion_matrix = row(
    _confusion_matrix,
    "labels, predictions, num_classes=None, weights=None, dtype='int32'",
    "How often each label (row) is predicted as each class (column).",
)
zero_fraction = row(lambda value: jnp.mean(jnp.asarray(value) == 0), "value", "The part of the elements that is 0.")
segment_sum, segment_max, segment_min, segment_prod = (
    row(_segment(kind), "data, segment_ids", f"The {kind} of the rows that have the same number.")
    for kind in ("sum", "max", "min", "prod")
)
unsorted_segment_sum, unsorted_segment_max, unsorted_segment_min, unsorted_segment_prod = (
    row(_segment(kind), "data, segment_ids, num_segments", f"The {kind} of the rows that have the same number.")
    for kind in ("sum", "max", "min", "prod")
)

__all__ = publish(globals())
