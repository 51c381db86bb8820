"""Sums, extremes, statistics, order and counts along axes: `axis` is a number, several, or None for all."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.operation import publish
from jkeras.ops.operands import need_values, row

_AXES = "x, axis=None, keepdims=False"
_QUANTILES = "x, q, axis=None, method='linear', keepdims=False"

_row = functools.partial(
    row,
    axis="One axis or several to reduce; None is all of them.",
    returns="Array without these axes, of the dtype of `x`.",
)
_total = functools.partial(
    _row, returns="Array without these axes, of the dtype of `x`; booleans and small integers give 32 bits."
)
_mean = functools.partial(_row, returns="Array without these axes, of the dtype of `x`; integers give float32.")
_test = functools.partial(_row, returns="Array of booleans without these axes.")
_index = functools.partial(
    _row, returns="Array of int32 without the axis.", axis="The axis; None numbers the elements of the flattened array."
)
_scan = functools.partial(
    row, returns="Array of the shape of `x`, flat for `axis=None`; booleans and small integers give 32 bits.",
    axis="The axis; None flattens.", dtype="Dtype of the result; None is that of `x`.",
)  # fmt: skip
_quantile = functools.partial(
    _row, q="The fraction, or an array of several.", method='"linear", "lower", "higher", "midpoint" or "nearest".',
    returns="Array without these axes, of floats; the axes of `q` come first.",
)  # fmt: skip


def _bincount(x: Any, *, weights: Any, minlength: int, sparse: bool) -> Array:
    if sparse:
        raise ValueError("bincount(sparse=True): every tensor here is dense. Leave it out.")
    need_values("bincount", x, "jax.numpy.bincount(x, length=n)")
    x = jnp.asarray(x)
    return jnp.bincount(x.astype(jnp.int32) if x.dtype == bool else x, weights, minlength)


def _histogram(x: Any, *, bins: Any, range: Sequence[float] | None) -> tuple[Array, Array]:
    if isinstance(bins, int) and bins < 1:
        raise ValueError(f"histogram: bins must be a positive number; got {bins}.")
    if range is not None and range[0] > range[1]:
        raise ValueError(f"histogram: range must be (low, high); got {tuple(range)}.")
    return jnp.histogram(x, bins, range)


# Sums and products

sum = _total(jnp.sum, _AXES, "Sum.", "[[1, 2], [3, 4]], axis=0 -> [4, 6]")
prod = _total(
    jnp.prod, "x, axis=None, keepdims=False, dtype=None", "Product.", "[[1, 2], [3, 4]], axis=0 -> [3, 8]",
    dtype="Dtype of the result; None is that of `x`.",
)  # fmt: skip
mean = _mean(jnp.mean, _AXES, "Arithmetic mean.", "[[1, 2], [3, 4]], axis=1 -> [1.5, 3.5]")
average = _mean(
    jnp.average, "x, axis=None, weights=None", "`sum(weights * x) / sum(weights)`, the mean without weights.",
    "[1.0, 5.0], weights=[3.0, 1.0] -> 2.0", weights="Array of the shape of `x`, or a vector along `axis`.",
)  # fmt: skip
var = _mean(jnp.var, _AXES, "`mean((x - mean(x))^2)`.", "[1.0, 5.0] -> 4.0")
std = _mean(jnp.std, _AXES, "Square root of the variance.", "[1.0, 5.0] -> 2.0")
cumsum = _scan(jnp.cumsum, "x, axis=None, dtype=None", "Sums of all elements up to each.", "[1, 2, 3] -> [1, 3, 6]")
cumprod = _scan(
    jnp.cumprod, "x, axis=None, dtype=None", "Products of all elements up to each.", "[1, 2, 3] -> [1, 2, 6]"
)
trapezoid = _mean(
    jnp.trapezoid, "y, x=None, dx=1.0, axis=-1", "Integral by the trapezoidal rule.", "[1.0, 2.0, 3.0] -> 4.0",
    y="Array of values.", x="Array of the points at which they are, or None.", dx="Distance of points without `x`.",
    axis="The axis to integrate along.",
)  # fmt: skip

# Extremes

max = _row(
    jnp.max, "x, axis=None, keepdims=False, initial=None", "Largest element, or `initial` if that is larger.",
    "[[1, 5], [3, 4]], axis=1 -> [5, 4]", initial="A number; the result where there are no elements.",
)  # fmt: skip
min = _row(
    jnp.min, "x, axis=None, keepdims=False, initial=None", "Smallest element, or `initial` if that is smaller.",
    "[[1, 5], [3, 4]], axis=1 -> [1, 3]", initial="A number; the result where there are no elements.",
)  # fmt: skip
amax = _row(jnp.amax, _AXES, "Largest element.", "[[1, 5], [3, 4]], axis=1 -> [5, 4]")
amin = _row(jnp.amin, _AXES, "Smallest element.", "[[1, 5], [3, 4]], axis=1 -> [1, 3]")
ptp = _row(jnp.ptp, _AXES, "`max(x) - min(x)`.", "[[1, 5], [3, 4]], axis=1 -> [4, 1]")
argmax = _index(
    jnp.argmax,
    _AXES,
    "Index of the largest element, the first if there are several.",
    "[[1, 5], [4, 4]], axis=1 -> [1, 0]",
)
argmin = _index(
    jnp.argmin,
    _AXES,
    "Index of the smallest element, the first if there are several.",
    "[[5, 1], [4, 4]], axis=1 -> [1, 0]",
)
all = _test(jnp.all, _AXES, "Whether all elements are true.", "[[True, False], [True, True]], axis=1 -> [False, True]")
any = _test(jnp.any, _AXES, "Whether some element is true.", "[[True, False], [False, False]], axis=1 -> [True, False]")
allclose = row(
    jnp.allclose, "x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False", "Whether `|x1 - x2| <= atol + rtol * |x2|` always.",
    "[1.0, 2.0], [1.0, 2.000001] -> True", returns="Array of one boolean, shape `()`.",
)  # fmt: skip

# Order

_sorted = functools.partial(row, axis="The axis; None flattens.")
sort = _sorted(
    jnp.sort, "x, axis=-1", "Elements from the smallest to the largest.", "[3, 1, 2] -> [1, 2, 3]",
    returns="Array of the shape and dtype of `x`.",
)  # fmt: skip
argsort = _sorted(
    jnp.argsort, "x, axis=-1", "Indices that sort, equal elements in their order.", "[3, 1, 2] -> [1, 2, 0]",
    returns="Array of int32 of the shape of `x`.",
)  # fmt: skip
argpartition = _sorted(
    jnp.argpartition, "x, kth, axis=-1",
    "Indices that bring the element `kth` in order to its place, smaller ones first.",
    "[3, 1, 2], 0 -> [1, 0, 2]", kth="An index.", returns="Array of int32 of the shape of `x`.",
)  # fmt: skip
median = _mean(jnp.median, _AXES, "The middle element, or the mean of the middle two.", "[1.0, 9.0, 2.0, 4.0] -> 3.0")
quantile = _quantile(
    jnp.quantile, _QUANTILES, "The element at the fraction `q` of the order; `method` says what is between two.",
    "[1.0, 9.0, 2.0], [0.0, 0.25] -> [1.0, 1.5]",
)  # fmt: skip
percentile = _quantile(
    jnp.percentile, _QUANTILES, "The element at `q` percent of the order; `method` says what is between two.",
    "[1.0, 9.0, 2.0], [0, 25] -> [1.0, 1.5]", q="The percentage, or an array of several.",
)  # fmt: skip

# Counts

count_nonzero = _row(
    jnp.count_nonzero, "x, axis=None", "How many elements are not zero.", "[[0, 7], [5, 6]], axis=1 -> [1, 2]",
    returns="Array of int32 without these axes.",
)  # fmt: skip
bincount = row(
    _bincount, "x, weights=None, minlength=0, sparse=False",
    "How often each number from 0 occurs, or the sum of its weights; at least `minlength` of them.",
    "[0, 2, 2] -> [1, 0, 2]", x="Vector of integers from 0.", weights="Vector of one weight for each.",
    minlength="The least size of the result.", returns="Vector, of int32 or the dtype of the weights.",
)  # fmt: skip
histogram = row(
    _histogram, "x, bins=10, range=None", "How many elements are in each bin, and the edges of the bins.",
    "[1.0, 2.0, 4.0], bins=2, range=(0.0, 4.0) -> ([1.0, 2.0], [0.0, 2.0, 4.0])",
    bins="A number of bins, or the edges themselves.", range="`(low, high)`; None is from the least to the largest.",
    returns="Two vectors of floats: `(bins,)` and `(bins + 1,)`.",
)  # fmt: skip

# Without NaN

nansum = _total(jnp.nansum, _AXES, "Sum without NaN.", "[1.0, jnp.nan, 2.0] -> 3.0")
nanprod = _total(jnp.nanprod, _AXES, "Product without NaN.", "[1.0, jnp.nan, 2.0] -> 2.0")
nanmean = _mean(jnp.nanmean, _AXES, "Arithmetic mean without NaN.", "[1.0, jnp.nan, 2.0] -> 1.5")
nanvar = _mean(jnp.nanvar, _AXES, "Variance without NaN.", "[1.0, jnp.nan, 5.0] -> 4.0")
nanstd = _mean(jnp.nanstd, _AXES, "Standard deviation without NaN.", "[1.0, jnp.nan, 5.0] -> 2.0")
nancumsum = _scan(
    jnp.nancumsum, "x, axis=None, dtype=None", "Sums of all elements up to each, NaN counting as 0.",
    "[1.0, jnp.nan, 2.0] -> [1.0, 1.0, 3.0]",
)  # fmt: skip
nancumprod = _scan(
    jnp.nancumprod, "x, axis=None, dtype=None", "Products of all elements up to each, NaN counting as 1.",
    "[1.0, jnp.nan, 2.0] -> [1.0, 1.0, 2.0]",
)  # fmt: skip
nanmax = _row(jnp.nanmax, _AXES, "Largest element without NaN.", "[1.0, jnp.nan, 2.0] -> 2.0")
nanmin = _row(jnp.nanmin, _AXES, "Smallest element without NaN.", "[1.0, jnp.nan, 2.0] -> 1.0")
nanargmax = _index(
    jnp.nanargmax, _AXES, "Index of the largest element without NaN; -1 if there is none.", "[1.0, jnp.nan, 2.0] -> 2"
)
nanargmin = _index(
    jnp.nanargmin, _AXES, "Index of the smallest element without NaN; -1 if there is none.", "[1.0, jnp.nan, 2.0] -> 0"
)
nanmedian = _mean(jnp.nanmedian, _AXES, "The middle element without NaN.", "[1.0, jnp.nan, 2.0] -> 1.5")
nanquantile = _quantile(jnp.nanquantile, _QUANTILES, "`quantile` without NaN.", "[1.0, jnp.nan, 2.0], 0.5 -> 1.5")
nanpercentile = _quantile(
    jnp.nanpercentile, _QUANTILES, "`percentile` without NaN.", "[1.0, jnp.nan, 2.0], 50 -> 1.5",
    q="The percentage, or an array of several.",
)  # fmt: skip

__all__ = publish(globals())
