"""Counts of right and wrong binary predictions, and what is made of them: precision and recall."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from jkeras.metrics.base import Metric
from jkeras.metrics.counting import as_thresholds, count
from jkeras.metrics.mean import divide_no_nan


class ConfusionCount(Metric):
    """The weighted number of predictions of one kind.

    Args:
        thresholds: Predictions above it are positive, default 0.5; a list gives one number for each.
        name: The key in logs, default is the class name in snake_case.
        dtype: Dtype of the counts.
    """

    counted: ClassVar[str]  # a field of `Counts`

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.thresholds = thresholds
        self.levels = as_thresholds(thresholds)
        self.accumulator = self.add_variable(self.levels.shape, name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels, 0 or 1, and predictions of the same shape."""
        counts = count(y_true, y_pred, self.levels, sample_weight, dtype=self.dtype)
        self.accumulator.assign_add(getattr(counts, self.counted))

    def result(self) -> Any:
        """Return the number: a scalar, or shape (thresholds,) if there are several."""
        return _scalar_if_single(self.accumulator[:])


class TruePositives(ConfusionCount):
    """How many positives were predicted as such.

    >>> float(TruePositives()([0, 1, 1, 1], [0.1, 0.2, 0.8, 0.9]))
    2.0
    """

    counted = "true_positives"


class FalsePositives(ConfusionCount):
    """How many negatives were predicted as positive.

    >>> float(FalsePositives()([0, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]))
    2.0
    """

    counted = "false_positives"


class TrueNegatives(ConfusionCount):
    """How many negatives were predicted as such.

    >>> float(TrueNegatives()([0, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]))
    1.0
    """

    counted = "true_negatives"


class FalseNegatives(ConfusionCount):
    """How many positives were predicted as negative.

    >>> float(FalseNegatives()([0, 1, 1, 1], [0.1, 0.2, 0.8, 0.9]))
    1.0
    """

    counted = "false_negatives"


class ConfusionRatio(Metric):
    """The part of true positives: `TP / (TP + other)`, 0 if there is none of either.

    Args:
        thresholds: Predictions above it are positive, default 0.5 (with `top_k`: none); a list gives one value each.
        top_k: Only the `top_k` largest predictions of the last axis can be positive.
        class_id: Which label of the last axis counts; all if None.
        name: The key in logs, default is the class name in snake_case.
        dtype: Dtype of the counts.
    """

    other: ClassVar[str]  # a field of `Counts`

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.levels = as_thresholds(thresholds, default=0.5 if top_k is None else -np.inf)
        self.true_positives = self.add_variable(self.levels.shape, name="true_positives")
        self.others = self.add_variable(self.levels.shape, name=self.other)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels, 0 or 1, and predictions of the same shape."""
        counts = count(
            y_true, y_pred, self.levels, sample_weight, dtype=self.dtype, top_k=self.top_k, class_id=self.class_id
        )
        self.true_positives.assign_add(counts.true_positives)
        self.others.assign_add(getattr(counts, self.other))

    def result(self) -> Any:
        """Return the ratio: a scalar, or shape (thresholds,) if there are several."""
        return _scalar_if_single(divide_no_nan(self.true_positives, self.true_positives + self.others))


class Precision(ConfusionRatio):
    """The part of the positive predictions that is right: `TP / (TP + FP)`.

    >>> float(Precision()([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.1]))
    0.5
    """

    other = "false_positives"


class Recall(ConfusionRatio):
    """The part of the positives that is found: `TP / (TP + FN)`.

    >>> round(float(Recall()([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.1])), 4)
    0.3333
    """

    other = "false_negatives"


def _scalar_if_single(values: Any) -> Any:
    return values[0] if values.shape[0] == 1 else values
