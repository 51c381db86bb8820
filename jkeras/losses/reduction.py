"""From one loss for each sample to the number that is minimised: sample weights, masks, reduction."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.errors import nearest
from jkeras.functional.losses import same_rank


class Reduction:
    """The names of the reductions, as Keras 2 spelled them.

    >>> Reduction.SUM_OVER_BATCH_SIZE
    'sum_over_batch_size'
    """

    AUTO = "auto"
    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"


_MEANS = ("sum_over_batch_size", "mean")
_KNOWN = (*_MEANS, "sum", "mean_with_sample_weight", "none")


def as_reduction(reduction: str | None) -> str | None:
    """Return a valid reduction; Keras 2's `"auto"` is `"sum_over_batch_size"`.

    >>> as_reduction("auto")
    'sum_over_batch_size'
    """
    if reduction == "auto":
        return "sum_over_batch_size"
    if reduction is not None and reduction not in _KNOWN:
        hint = nearest(str(reduction), _KNOWN)
        raise ValueError(f"Unknown reduction {reduction!r}.{hint} Expected None or one of: {', '.join(_KNOWN)}.")
    return reduction


def reduce_weighted(
    values: Any,
    sample_weight: Any = None,
    mask: Any = None,
    reduction: str | None = "sum_over_batch_size",
) -> jax.Array:
    """Weight, mask and reduce the losses of the samples.

    With losses `l`, weights `w` and `n` losses in all: `"sum"` is `sum(w l)`; `"sum_over_batch_size"` and `"mean"` are
    `sum(w l) / n`, where `n` counts only what the mask keeps; `"mean_with_sample_weight"` is `sum(w l) / sum(w)`;
    `"none"` and `None` return `w l`. A division by zero gives 0.

    Args:
        values: Losses, shape (batch, ...).
        sample_weight: Numbers that broadcast to `values`. A shape that matches the leading axes of `values`, such as
            (batch,), weights whole samples. (Keras 3 refuses it, or for a square `values` weights the columns.)
        mask: Booleans; where False a loss does not count. Shapes as for `sample_weight`.
        reduction: See above.

    Returns:
        A scalar, or without a reduction an array of the shape of `values`.

    >>> reduce_weighted(jnp.array([1.0, 2.0, 6.0]), mask=jnp.array([True, True, False])).item()
    1.5
    """
    values = jnp.asarray(values)
    weight = None if sample_weight is None else jnp.asarray(sample_weight).astype(values.dtype)
    if mask is not None:
        kept = jnp.asarray(mask).astype(values.dtype)
        if reduction in _MEANS:
            kept = kept * _divide(jnp.asarray(kept.size, values.dtype), jnp.sum(kept))
        weight = kept if weight is None else _multiply(weight, kept)
    if weight is not None:
        values, weight = same_rank(values, weight)
        values = _multiply(values, weight)
    if reduction in (None, "none") or values.ndim == 0:
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weight is not None:
        return _divide(total, jnp.sum(weight))
    return _divide(total, jnp.asarray(math.prod(values.shape), total.dtype))


def _multiply(first: jax.Array, second: jax.Array) -> jax.Array:
    """Multiply by numpy's rules, except that a shape equal to the other's leading axes belongs to those."""
    first, second = same_rank(first, second)
    return _leading(first, second) * _leading(second, first)


def _leading(array: jax.Array, other: jax.Array) -> jax.Array:
    missing = other.ndim - array.ndim
    if array.ndim and missing > 0 and array.shape == other.shape[: array.ndim]:
        return array.reshape(array.shape + (1,) * missing)
    return array


def _divide(numerator: jax.Array, denominator: jax.Array) -> jax.Array:
    is_zero = denominator == 0
    return jnp.where(is_zero, 0, numerator / jnp.where(is_zero, 1, denominator))
