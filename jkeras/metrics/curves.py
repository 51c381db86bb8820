"""Metrics of the whole curve of thresholds: the area under it, and the best of one rate given another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import nearest
from jkeras.metrics.counting import Counts, count
from jkeras.metrics.lazy import LazyMetric
from jkeras.metrics.mean import divide_no_nan

_CURVES = ("ROC", "PR", "PRGAIN")
_SUMMATIONS = ("interpolation", "minoring", "majoring")


class CurveMetric(LazyMetric):
    """Counts of right and wrong predictions at many thresholds. Subclasses say what is made of them."""

    levels: np.ndarray
    class_id: int | None = None
    multi_label: bool = False
    label_weights: Any = None

    def _declare(self, shape: tuple[int | None, ...]) -> None:
        """Declare the four counts, shape (thresholds,) or, if `multi_label`, (thresholds, labels)."""
        full = (len(self.levels), shape[-1]) if self.multi_label else (len(self.levels),)
        for field in Counts._fields:
            setattr(self, field, self.add_variable(full, name=field))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels, 0 or 1, and predictions of the same shape."""
        self._prepare(y_pred)
        counts = count(
            y_true,
            y_pred,
            self.levels,
            sample_weight,
            dtype=self.dtype,
            multi_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
            class_id=self.class_id,
        )
        for field, added in counts._asdict().items():
            getattr(self, field).assign_add(added)

    def _counts(self) -> Counts:
        """Return the counts so far."""
        self._require_built()
        return Counts(*(jnp.asarray(getattr(self, field)) for field in Counts._fields))


class AUC(CurveMetric):
    """Area under the ROC curve, the precision-recall curve or the precision-recall-gain curve.

    The curve is known at `num_thresholds` points; what lies between them is interpolated, for `"PR"` as Davis and
    Goadrich do it: linear in the counts.

    Args:
        num_thresholds: How many thresholds there are, evenly over [0, 1].
        curve: `"ROC"`, `"PR"` or `"PRGAIN"`.
        summation_method: `"interpolation"`, or `"minoring"` (`"majoring"`) for the sum of the lower (upper) rectangles.
        name: The key in logs.
        dtype: Dtype of the counts.
        thresholds: Thresholds in (0, 1) instead of evenly spaced ones; one below 0 and one above 1 are added.
        multi_label: Whether the area of each label of the last axis is computed, and then averaged.
        num_labels: The number of labels; needed if the pure triple is used before a batch was seen.
        label_weights: Weights of the labels in that average, or in the counts if not `multi_label`.
        from_logits: Whether the predictions are logits.

    Raises:
        ValueError: For an unknown curve or summation method, thresholds outside [0, 1], or `num_labels` without
            `multi_label`.

    Reference: Davis and Goadrich 2006; Flach and Kull 2015 for precision-recall-gain.

    >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
    0.75
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        super().__init__(name=name, dtype=dtype)
        if curve not in _CURVES:
            raise ValueError(f"Unknown curve {curve!r}.{nearest(curve, _CURVES)} Known: {', '.join(_CURVES)}.")
        if summation_method not in _SUMMATIONS:
            hint = nearest(summation_method, _SUMMATIONS)
            raise ValueError(f"Unknown summation_method {summation_method!r}.{hint} Known: {', '.join(_SUMMATIONS)}.")
        if num_labels is not None and not multi_label:
            raise ValueError(f"num_labels={num_labels} is for multi_label=True only.")
        if thresholds is None and num_thresholds < 2:
            raise ValueError(f"num_thresholds must be at least 2; got {num_thresholds}.")
        self.num_thresholds = num_thresholds
        self.curve = curve
        self.summation_method = summation_method
        self.thresholds = thresholds
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = label_weights
        self.from_logits = from_logits
        inner = np.linspace(0, 1, num_thresholds)[1:-1] if thresholds is None else np.sort(np.asarray(thresholds))
        if inner.size and (inner.min() < 0 or inner.max() > 1):
            raise ValueError(f"thresholds must be in [0, 1]; got {thresholds!r}.")
        self.levels = np.concatenate([[-1e-7], inner, [1 + 1e-7]])
        if not multi_label or num_labels is not None:
            self.build((None, num_labels))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels, 0 or 1, and predictions (logits if `from_logits`) of the same shape."""
        y_pred = jnp.asarray(y_pred, self.dtype)
        super().update_state(y_true, jax.nn.sigmoid(y_pred) if self.from_logits else y_pred, sample_weight)

    def result(self) -> Any:
        """Return the area, a scalar."""
        counts = self._counts()
        area = self._area(counts)
        if not self.multi_label:
            return area
        if self.label_weights is None:
            return jnp.mean(area)
        weights = jnp.asarray(self.label_weights, self.dtype)
        return divide_no_nan(jnp.sum(area * weights), jnp.sum(weights))

    def _area(self, counts: Counts) -> jax.Array:
        tp, fp, tn, fn = counts
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _interpolated_precision_recall(tp, fp, fn)
        recall = divide_no_nan(tp, tp + fn)
        if self.curve == "ROC":
            x, y = divide_no_nan(fp, fp + tn), recall
        elif self.curve == "PR":
            x, y = recall, divide_no_nan(tp, tp + fp)
        else:
            odds = divide_no_nan(tp + fn, fp + tn)
            recall_gain, precision_gain = (1 - odds * divide_no_nan(wrong, tp) for wrong in (fn, fp))
            x, y = jnp.where(tp > 0, jnp.clip(recall_gain, 0, 1), 0), precision_gain
        lower, upper = jnp.minimum(y[:-1], y[1:]), jnp.maximum(y[:-1], y[1:])
        height = {"interpolation": (lower + upper) / 2, "minoring": lower, "majoring": upper}[self.summation_method]
        return jnp.sum((x[:-1] - x[1:]) * height, axis=0)


def _interpolated_precision_recall(tp: jax.Array, fp: jax.Array, fn: jax.Array) -> jax.Array:
    """Integral of precision over recall, where between two thresholds TP is linear in P = TP + FP: TP = a P + b.

    Then the integral of TP / P dTP is `a (dTP + b log(P1 / P2))`, over all positives.
    """
    predicted = tp + fp
    gained = tp[:-1] - tp[1:]
    slope = divide_no_nan(gained, jnp.maximum(predicted[:-1] - predicted[1:], 0))
    intercept = tp[1:] - slope * predicted[1:]
    both = (predicted[:-1] > 0) & (predicted[1:] > 0)
    ratio = jnp.where(both, divide_no_nan(predicted[:-1], predicted[1:]), 1)
    pieces = slope * (gained + intercept * jnp.log(jnp.where(both, ratio, 1)))
    return jnp.sum(divide_no_nan(pieces, tp[1:] + fn[1:]), axis=0)


class BestAtConstraint(CurveMetric):
    """The largest value of one rate among the thresholds where another is at least a given value; 0 if none is.

    Args:
        num_thresholds: How many thresholds there are, evenly over [0, 1]; a single one is 0.5.
        class_id: Which label of the last axis counts; all if None.
        name: The key in logs, default is the class name in snake_case.
        dtype: Dtype of the counts.
    """

    wanted: ClassVar[str]
    given: ClassVar[str]

    def __init__(self, least: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any):
        super().__init__(name=name, dtype=dtype)
        if not 0 <= least <= 1:
            raise ValueError(f"{self.given} must be in [0, 1]; got {least}.")
        if num_thresholds < 1:
            raise ValueError(f"num_thresholds must be positive; got {num_thresholds}.")
        setattr(self, self.given, least)
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.levels = np.array([0.5]) if num_thresholds == 1 else np.linspace(0, 1, num_thresholds)
        self.build((None,))

    def result(self) -> Any:
        """Return the best rate, a scalar."""
        tp, fp, tn, fn = self._counts()
        parts = {"sensitivity": (tp, fn), "recall": (tp, fn), "specificity": (tn, fp), "precision": (tp, fp)}
        wanted, given = (divide_no_nan(part, part + rest) for part, rest in (parts[self.wanted], parts[self.given]))
        return jnp.max(jnp.where(given >= getattr(self, self.given), wanted, 0))


class SensitivityAtSpecificity(BestAtConstraint):
    """Best sensitivity `TP / (TP + FN)` where the specificity `TN / (TN + FP)` is at least `specificity`.

    Args:
        specificity: The least specificity, in [0, 1].

    Raises:
        ValueError: If `specificity` or `num_thresholds` is out of range.

    >>> float(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    wanted, given = "sensitivity", "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(BestAtConstraint):
    """Best specificity `TN / (TN + FP)` where the sensitivity `TP / (TP + FN)` is at least `sensitivity`.

    Args:
        sensitivity: The least sensitivity, in [0, 1].

    Raises:
        ValueError: If `sensitivity` or `num_thresholds` is out of range.

    >>> round(float(SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])), 4)
    0.6667
    """

    wanted, given = "specificity", "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(BestAtConstraint):
    """Best precision `TP / (TP + FP)` where the recall `TP / (TP + FN)` is at least `recall`.

    Args:
        recall: The least recall, in [0, 1].

    Raises:
        ValueError: If `recall` or `num_thresholds` is out of range.

    >>> float(PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    wanted, given = "precision", "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(BestAtConstraint):
    """Best recall `TP / (TP + FN)` where the precision `TP / (TP + FP)` is at least `precision`.

    Args:
        precision: The least precision, in [0, 1].

    Raises:
        ValueError: If `precision` or `num_thresholds` is out of range.

    >>> float(RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.5
    """

    wanted, given = "recall", "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(precision, num_thresholds, class_id, name, dtype)
