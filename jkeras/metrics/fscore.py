"""F scores: the weighted harmonic mean of precision and recall, label by label."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jkeras.metrics.counting import spread
from jkeras.metrics.lazy import LazyMetric
from jkeras.metrics.mean import divide_no_nan

_AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(LazyMetric):
    """`(1 + beta^2) P R / (beta^2 P + R)` of precision P and recall R.

    Args:
        average: None for one score a label; `"micro"` counts all labels together; `"macro"` is the mean of the labels'
            scores, `"weighted"` their mean weighted by how often each label is true.
        beta: How many times as important recall is.
        threshold: Predictions above it, in (0, 1], are positive. If None, the largest of each sample is.
        name: The key in logs.
        dtype: Dtype of the counts.

    Raises:
        ValueError: If an argument is outside these.

    >>> labels = jnp.array([[1, 0], [0, 1], [0, 1]])
    >>> predictions = jnp.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    >>> [round(float(score), 3) for score in FBetaScore(beta=2.0)(labels, predictions)]
    [0.833, 0.556]
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if average not in _AVERAGES:
            raise ValueError(f"average must be None, 'micro', 'macro' or 'weighted'; got {average!r}.")
        if not beta > 0:
            raise ValueError(f"beta must be positive; got {beta!r}.")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"threshold must be None or in (0, 1]; got {threshold!r}.")
        self.average = average
        self.beta = beta
        self.threshold = threshold

    def _declare(self, shape: tuple[int | None, ...]) -> None:
        """Declare one count of each kind for each label."""
        if len(shape) != 2 or shape[-1] is None:
            raise ValueError(f"Metric {self.path!r} expected predictions of shape (batch, labels); got {shape}.")
        labels = () if self.average == "micro" else (shape[-1],)
        self.true_positives = self.add_variable(labels, name="true_positives")
        self.false_positives = self.add_variable(labels, name="false_positives")
        self.false_negatives = self.add_variable(labels, name="false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels, 0 or 1, and predictions, both of shape (batch, labels)."""
        y_true, y_pred = jnp.asarray(y_true, self.dtype), jnp.asarray(y_pred, self.dtype)
        self._prepare(y_pred)
        if y_true.shape != y_pred.shape or y_pred.ndim != 2:
            raise ValueError(
                f"Metric {self.path!r} expected labels and predictions of shape (batch, labels); "
                f"got y_true {y_true.shape} and y_pred {y_pred.shape}. Integer labels want one_hot(y_true, classes)."
            )
        if self.threshold is None:
            largest = jnp.max(y_pred, axis=-1, keepdims=True)
            positive = (y_pred >= largest) & (jnp.abs(y_pred) > 1e-9)  # all zeros is no prediction
        else:
            positive = y_pred > self.threshold
        weight = spread(sample_weight, y_pred.shape, self.dtype)
        axis = None if self.average == "micro" else 0
        self.true_positives.assign_add(jnp.sum(weight * positive * y_true, axis=axis))
        self.false_positives.assign_add(jnp.sum(weight * positive * (1 - y_true), axis=axis))
        self.false_negatives.assign_add(jnp.sum(weight * ~positive * y_true, axis=axis))

    def result(self) -> Any:
        """Return the score: shape (labels,) if `average` is None, else a scalar."""
        self._require_built()
        hits = jnp.asarray(self.true_positives)
        found = divide_no_nan(hits, hits + self.false_negatives)
        right = divide_no_nan(hits, hits + self.false_positives)
        score = (1 + self.beta**2) * divide_no_nan(right * found, self.beta**2 * right + found)
        if self.average == "macro":
            return jnp.mean(score)
        if self.average == "weighted":
            support = hits + self.false_negatives
            return divide_no_nan(jnp.sum(score * support), jnp.sum(support))
        return score


class F1Score(FBetaScore):
    """`2 P R / (P + R)` of precision P and recall R; see `FBetaScore` for the arguments.

    >>> metric = F1Score(average="micro", threshold=0.5)
    >>> round(float(metric(jnp.array([[1, 1], [1, 0]]), jnp.array([[0.9, 0.1], [0.2, 0.8]]))), 3)
    0.4
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ):
        super().__init__(average, 1.0, threshold, name, dtype)
