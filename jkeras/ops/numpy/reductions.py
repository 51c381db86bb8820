"""Sums, extremes, statistics, order and counts along axes: `axis` is a number, several, or None for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.operation import publish
from jkeras.ops.operands import need_values, row

_AXES = "x, axis=None, keepdims=False"
_QUANTILES = "x, q, axis=None, method='linear', keepdims=False"


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

sum = row(jnp.sum, _AXES, "Sum.")
prod = row(jnp.prod, "x, axis=None, keepdims=False, dtype=None", "Product.")
mean = row(jnp.mean, _AXES, "Arithmetic mean.")
average = row(jnp.average, "x, axis=None, weights=None", "`sum(weights * x) / sum(weights)`, the mean without weights.")
var = row(jnp.var, _AXES, "`mean((x - mean(x))^2)`.")
std = row(jnp.std, _AXES, "Square root of the variance.")
cumsum = row(jnp.cumsum, "x, axis=None, dtype=None", "Sums of all elements up to each.")
cumprod = row(jnp.cumprod, "x, axis=None, dtype=None", "Products of all elements up to each.")
trapezoid = row(
    jnp.trapezoid, "y, x=None, dx=1.0, axis=-1", "Integral by the trapezoidal rule, over points `x` or steps `dx`."
)

# Extremes

max = row(jnp.max, "x, axis=None, keepdims=False, initial=None", "Largest element, or `initial` if that is larger.")
min = row(jnp.min, "x, axis=None, keepdims=False, initial=None", "Smallest element, or `initial` if that is smaller.")
amax = row(jnp.amax, _AXES, "Largest element.")
amin = row(jnp.amin, _AXES, "Smallest element.")
ptp = row(jnp.ptp, _AXES, "`max(x) - min(x)`.")
argmax = row(jnp.argmax, _AXES, "Index of the largest element, the first if there are several.")
argmin = row(jnp.argmin, _AXES, "Index of the smallest element, the first if there are several.")
all = row(jnp.all, _AXES, "Whether all elements are true.")
any = row(jnp.any, _AXES, "Whether some element is true.")
allclose = row(
    jnp.allclose, "x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False", "Whether `|x1 - x2| <= atol + rtol * |x2|` always."
)

# Order

sort = row(jnp.sort, "x, axis=-1", "Elements from the smallest to the largest; None flattens.")
argsort = row(jnp.argsort, "x, axis=-1", "Indices that sort, equal elements in their order; None flattens.")
argpartition = row(
    jnp.argpartition,
    "x, kth, axis=-1",
    "Indices that bring the element `kth` in order to its place, smaller ones first.",
)
median = row(jnp.median, _AXES, "The middle element, or the mean of the middle two.")
quantile = row(
    jnp.quantile,
    _QUANTILES,
    "The element at the fraction `q` of the order; `method` says what is between two elements.",
)
percentile = row(jnp.percentile, _QUANTILES, "The element at `q` percent of the order; `method` as for `quantile`.")

# Counts

count_nonzero = row(jnp.count_nonzero, "x, axis=None", "How many elements are not zero.")
bincount = row(
    _bincount,
    "x, weights=None, minlength=0, sparse=False",
    "How often each number from 0 occurs, or the sum of its weights; at least `minlength` of them.",
)
histogram = row(
    _histogram,
    "x, bins=10, range=None",
    "How many elements are in each bin, and the edges of the bins; `bins` is a number or the edges themselves.",
)

# Without NaN

nansum = row(jnp.nansum, _AXES, "Sum without NaN.")
nanprod = row(jnp.nanprod, _AXES, "Product without NaN.")
nanmean = row(jnp.nanmean, _AXES, "Arithmetic mean without NaN.")
nanvar = row(jnp.nanvar, _AXES, "Variance without NaN.")
nanstd = row(jnp.nanstd, _AXES, "Standard deviation without NaN.")
nancumsum = row(jnp.nancumsum, "x, axis=None, dtype=None", "Sums of all elements up to each, NaN counting as 0.")
nancumprod = row(jnp.nancumprod, "x, axis=None, dtype=None", "Products of all elements up to each, NaN counting as 1.")
nanmax = row(jnp.nanmax, _AXES, "Largest element without NaN.")
nanmin = row(jnp.nanmin, _AXES, "Smallest element without NaN.")
nanargmax = row(jnp.nanargmax, _AXES, "Index of the largest element without NaN; -1 if there is none.")
nanargmin = row(jnp.nanargmin, _AXES, "Index of the smallest element without NaN; -1 if there is none.")
nanmedian = row(jnp.nanmedian, _AXES, "The middle element without NaN.")
nanquantile = row(jnp.nanquantile, _QUANTILES, "`quantile` without NaN.")
nanpercentile = row(jnp.nanpercentile, _QUANTILES, "`percentile` without NaN.")

__all__ = publish(globals())
