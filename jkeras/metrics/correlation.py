"""How well predictions and targets go together along an axis."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jkeras.functional.losses import aligned
from jkeras.metrics.standard import StandardMetric

Axis = int | Sequence[int]


def pearson_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: Axis = -1) -> jax.Array:
    """`cov(y_true, y_pred) / (std(y_true) std(y_pred))` along `axis`; NaN where one of them is constant.

    Args:
        y_true, y_pred: Arrays of one shape.
        axis: The axis, or axes, along which values are correlated.

    Returns:
        Numbers in [-1, 1]: the shape without `axis`.

    >>> round(float(pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]])[0]), 3)
    1.0
    """
    covariance, true, predicted, _ = _moments(y_true, y_pred, axis)
    return covariance / jnp.sqrt(true * predicted)


def concordance_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: Axis = -1) -> jax.Array:
    """`2 cov(y_true, y_pred) / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred))^2)` along `axis`.

    Args:
        y_true, y_pred: Arrays of one shape.
        axis: The axis, or axes, along which values are correlated.

    Returns:
        Numbers in [-1, 1]: the shape without `axis`.

    Reference: Lin 1989, A concordance correlation coefficient to evaluate reproducibility.

    >>> round(float(concordance_correlation([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]])[0]), 3)
    0.571
    """
    covariance, true, predicted, shift = _moments(y_true, y_pred, axis)
    return 2 * covariance / (true + predicted + jnp.square(shift))


def _moments(y_true: ArrayLike, y_pred: ArrayLike, axis: Axis) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Return the covariance, both variances, and the difference of the means."""
    y_true, y_pred = aligned(y_true, y_pred)
    axis = axis if isinstance(axis, int) else tuple(axis)
    means = [jnp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred)]
    true, predicted = y_true - means[0], y_pred - means[1]
    shift = jnp.squeeze(means[0] - means[1], axis=axis)
    products = (true * predicted, jnp.square(true), jnp.square(predicted))
    covariance, first, second = (jnp.mean(product, axis=axis) for product in products)
    return covariance, first, second, shift


class PearsonCorrelation(StandardMetric, function=pearson_correlation, order="name dtype axis"):
    """Mean over the samples of the correlation of `y_true` and `y_pred` along `axis`.

    >>> round(float(PearsonCorrelation()([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]])), 3)
    1.0
    """


class ConcordanceCorrelation(StandardMetric, function=concordance_correlation, order="name dtype axis"):
    """Mean over the samples of the concordance correlation of `y_true` and `y_pred` along `axis`.

    >>> round(float(ConcordanceCorrelation()([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]])), 3)
    0.571
    """
