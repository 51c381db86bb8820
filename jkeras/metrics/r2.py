"""The coefficient of determination."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jkeras.functional.losses import aligned
from jkeras.metrics.counting import spread
from jkeras.metrics.lazy import LazyMetric
from jkeras.metrics.mean import divide_no_nan

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(LazyMetric):
    """`1 - sum (y_true - y_pred)^2 / sum (y_true - mean(y_true))^2`: 1 is perfect, 0 is as good as the mean.

    Args:
        class_aggregation: `"uniform_average"` over the outputs, `"variance_weighted_average"`, or None for one each.
        num_regressors: The number of independent variables `p`, for the adjusted score
            `1 - (1 - R2)(n - 1) / (n - p - 1)`; `n` counts every target, as in Keras. If it is not above `p + 1`,
            the plain score is returned.
        name: The key in logs.
        dtype: Dtype of the sums.

    Raises:
        ValueError: If an argument is outside these.

    >>> round(float(R2Score()(jnp.array([[1.0], [4.0], [3.0]]), jnp.array([[2.0], [4.0], [4.0]]))), 3)
    0.571
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in _AGGREGATIONS:
            known = ", ".join(map(repr, _AGGREGATIONS))
            raise ValueError(f"class_aggregation must be one of {known}; got {class_aggregation!r}.")
        if num_regressors < 0:
            raise ValueError(f"num_regressors must not be negative; got {num_regressors}.")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), name="num_samples")

    def _declare(self, shape: tuple[int | None, ...]) -> None:
        """Declare the sums, one for each output."""
        if len(shape) != 2 or shape[-1] is None:
            raise ValueError(f"Metric {self.path!r} expected predictions of shape (batch, outputs); got {shape}.")
        self.squared_sum = self.add_variable(shape[1:], name="squared_sum")
        self.sum = self.add_variable(shape[1:], name="sum")
        self.total_mse = self.add_variable(shape[1:], name="residual")
        self.count = self.add_variable(shape[1:], name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and predictions, both of shape (batch, outputs)."""
        y_true, y_pred = aligned(y_true, jnp.asarray(y_pred, self.dtype))
        self._prepare(y_pred)
        if y_true.shape != y_pred.shape or y_pred.ndim != 2:
            raise ValueError(
                f"Metric {self.path!r} expected targets and predictions of shape (batch, outputs); "
                f"got y_true {y_true.shape} and y_pred {y_pred.shape}."
            )
        weight = spread(sample_weight, y_pred.shape, self.dtype)
        self.sum.assign_add(jnp.sum(weight * y_true, axis=0))
        self.squared_sum.assign_add(jnp.sum(weight * y_true**2, axis=0))
        self.total_mse.assign_add(jnp.sum(weight * (y_true - y_pred) ** 2, axis=0))
        self.count.assign_add(jnp.sum(weight, axis=0))
        self.num_samples.assign_add(y_true.size)

    def result(self) -> Any:
        """Return the score: a scalar, or shape (outputs,) if `class_aggregation` is None."""
        self._require_built()
        total = self.squared_sum - self.sum * divide_no_nan(self.sum, self.count)
        score = 1 - self.total_mse / total
        score = jnp.where(jnp.isinf(score), 0, score)
        if self.class_aggregation == "uniform_average":
            score = jnp.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = jnp.sum(score * total) / jnp.sum(total)
        if not self.num_regressors:
            return score
        n, free = self.num_samples - 1, self.num_samples - self.num_regressors - 1
        return jnp.where(free > 0, 1 - (1 - score) * n / jnp.where(free > 0, free, 1), score)
