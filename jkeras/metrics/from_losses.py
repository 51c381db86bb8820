"""The formulas of losses as metrics: their mean over all samples seen."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jkeras.functional import crossentropy, losses
from jkeras.metrics.standard import StandardMetric
from jkeras.metrics.weighting import mask_weight


class MeanSquaredError(StandardMetric, function=losses.mean_squared_error):
    """Mean of `(y_true - y_pred)^2`.

    >>> float(MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]))
    2.5
    """


def squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`(y_true - y_pred)^2`, elementwise.

    Args:
        y_true, y_pred: Targets and predictions of one shape.

    Returns:
        An array of that shape.

    >>> squared_error([0.0, 1.0], [1.0, 3.0]).tolist()
    [1.0, 4.0]
    """
    y_true, y_pred = losses.aligned(y_true, y_pred)
    return jnp.square(y_true - y_pred)


class RootMeanSquaredError(StandardMetric, function=squared_error, name="root_mean_squared_error"):
    """Square root of the mean of `(y_true - y_pred)^2`.

    >>> round(float(RootMeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]])), 4)
    1.5811
    """

    def result(self) -> Any:
        """Return the root of the mean."""
        return jnp.sqrt(super().result())


class MeanAbsoluteError(StandardMetric, function=losses.mean_absolute_error):
    """Mean of `|y_true - y_pred|`.

    >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 3.0]]))
    1.5
    """


class MeanAbsolutePercentageError(StandardMetric, function=losses.mean_absolute_percentage_error):
    """Mean of `100 |y_true - y_pred| / |y_true|`.

    >>> float(MeanAbsolutePercentageError()([[1.0, 2.0]], [[2.0, 2.0]]))
    50.0
    """


class MeanSquaredLogarithmicError(StandardMetric, function=losses.mean_squared_logarithmic_error):
    """Mean of `(log(1 + y_true) - log(1 + y_pred))^2`.

    >>> float(MeanSquaredLogarithmicError()([[2.0]], [[2.0]]))
    0.0
    """


def cosine(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> jax.Array:
    """The cosine of the angle between both along `axis`: 1 is the same direction (the loss has the other sign).

    Args:
        y_true, y_pred: Vectors along `axis`, shape (batch, ..., n).
        axis: The axis of the components of a vector.

    Returns:
        One value in [-1, 1] for each vector: the shape without `axis`.

    >>> cosine([[0.0, 1.0]], [[0.0, 2.0]]).tolist()
    [1.0]
    """
    return -losses.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(StandardMetric, function=cosine, name="cosine_similarity", order="name dtype axis"):
    """Mean cosine of the angle between `y_true` and `y_pred`: 1 is the same direction, -1 the opposite.

    >>> float(CosineSimilarity()([[0.0, 1.0]], [[0.0, 2.0]]))
    1.0
    """


class LogCoshError(StandardMetric, function=losses.log_cosh, name="logcosh"):
    """Mean of `log(cosh(y_pred - y_true))`.

    >>> round(float(LogCoshError()([[0.0]], [[1.0]])), 4)
    0.4338
    """


class Hinge(StandardMetric, function=losses.hinge):
    """Mean of `max(1 - y_true y_pred, 0)`.

    >>> float(Hinge()([[1.0]], [[0.5]]))
    0.5
    """


class SquaredHinge(StandardMetric, function=losses.squared_hinge):
    """Mean of `max(1 - y_true y_pred, 0)^2`.

    >>> float(SquaredHinge()([[1.0]], [[0.5]]))
    0.25
    """


class CategoricalHinge(StandardMetric, function=losses.categorical_hinge):
    """Mean of `max(1 + wrong - right, 0)`, the scores of the best wrong class and of the right one.

    >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.25, 0.75]]))
    0.5
    """


class BinaryCrossentropy(
    StandardMetric, function=crossentropy.binary_crossentropy, order="name dtype from_logits label_smoothing"
):
    """Mean of `-y log(p) - (1 - y) log(1 - p)`.

    >>> round(float(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]])), 4)
    0.6931
    """


class CategoricalCrossentropy(
    StandardMetric, function=crossentropy.categorical_crossentropy, order="name dtype from_logits label_smoothing axis"
):
    """Mean of `-sum_c y_c log(p_c)`, labels one-hot.

    >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """


class SparseCategoricalCrossentropy(
    StandardMetric,
    function=crossentropy.sparse_categorical_crossentropy,
    order="name dtype from_logits ignore_class axis",
):
    """Mean of `-log(p_y)`, labels integers.

    Labels equal to `ignore_class` cost 0. As in Keras they are left out of the count only if there are sample weights.

    >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
    0.6931
    """

    ignore_class: int | None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of integer labels and predictions."""
        if sample_weight is not None and self.ignore_class is not None:
            labels = crossentropy.sparse_labels(y_true, jnp.ndim(y_pred))
            sample_weight = mask_weight(sample_weight, labels != self.ignore_class)
        super().update_state(y_true, y_pred, sample_weight)


class KLDivergence(StandardMetric, function=crossentropy.kl_divergence):
    """Mean of `sum y_true log(y_true / y_pred)`.

    >>> float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
    0.0
    """


class Poisson(StandardMetric, function=crossentropy.poisson):
    """Mean of `y_pred - y_true log(y_pred)`.

    >>> round(float(Poisson()([[2.0]], [[1.0]])), 4)
    1.0
    """
