"""Intersection over union of predicted and true classes, from a matrix of counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.metrics.base import Metric
from jkeras.metrics.counting import spread


class IoU(Metric):
    """Mean over the target classes of `TP / (TP + FP + FN)`; a class that never occurs is left out.

    Weights are counted exactly (Keras truncates them to integers).

    Args:
        num_classes: The number of classes. Labels outside [0, num_classes) are not counted.
        target_class_ids: The classes that the mean is taken over.
        name: The key in logs, default is the class name in snake_case.
        dtype: Dtype of the counts.
        ignore_class: A label that is not counted, such as -1 or 255 for "void".
        sparse_y_true: Whether labels are integers, not one-hot.
        sparse_y_pred: Whether predictions are class numbers, not scores.
        axis: The axis of the classes of one-hot labels and of scores.

    Raises:
        ValueError: If a target class is outside [0, num_classes).

    >>> round(float(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(name=name, dtype=dtype)
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        wrong = [n for n in self.target_class_ids if not 0 <= n < num_classes]
        if wrong:
            raise ValueError(f"target_class_ids must be in [0, {num_classes}); got {wrong[0]}.")
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable((num_classes, num_classes), name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and predictions: of equal shapes, but for the axis of the classes."""
        true = _class_numbers(y_true, self.sparse_y_true, self.axis)
        predicted = _class_numbers(y_pred, self.sparse_y_pred, self.axis)
        if true.ndim != predicted.ndim and true.size == predicted.size:
            true = true.reshape(predicted.shape)
        if true.shape != predicted.shape:
            raise ValueError(
                f"Metric {self.path!r} expected one label for each prediction; got {true.shape} and {predicted.shape}. "
                "If one of the two has an axis of classes, say so: sparse_y_true=False or sparse_y_pred=False."
            )
        n = self.num_classes
        counted = (true >= 0) & (true < n) & (predicted >= 0) & (predicted < n)
        if self.ignore_class is not None:
            counted &= true != self.ignore_class
        cell = jnp.where(counted, true * n + predicted, n * n)  # one cell more, for what is not counted
        if sample_weight is None:  # integers: a large batch has more pixels than float32 can count one by one
            cells = jnp.zeros(n * n + 1, jnp.int32).at[cell.reshape(-1)].add(1)
        else:
            weight = spread(sample_weight, true.shape, self.dtype)
            cells = jnp.zeros(n * n + 1, self.dtype).at[cell.reshape(-1)].add(weight.reshape(-1))
        self.total_cm.assign_add(cells[:-1].reshape(n, n).astype(self.dtype))

    def result(self) -> Any:
        """Return the mean, a scalar; 0 if no target class occurs."""
        matrix = jnp.asarray(self.total_cm, jnp.result_type(float))
        both = jnp.diagonal(matrix)
        either = jnp.sum(matrix, axis=0) + jnp.sum(matrix, axis=1) - both
        ids = jnp.asarray(self.target_class_ids)
        occurs = either[ids] > 0
        ratio = jnp.where(occurs, both[ids] / jnp.where(occurs, either[ids], 1), 0)
        return jnp.sum(ratio) / jnp.maximum(jnp.sum(occurs), 1)


def _class_numbers(values: Any, sparse: bool, axis: int) -> jax.Array:
    values = jnp.asarray(values)
    return values.astype(jnp.int32) if sparse else jnp.argmax(values, axis=axis).astype(jnp.int32)


class BinaryIoU(IoU):
    """Intersection over union of two classes, where a prediction is class 1 from `threshold` on.

    Args:
        target_class_ids: The classes that the mean is taken over.
        threshold: Predictions from it on are class 1.

    >>> round(float(BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels, 0 or 1, and predictions."""
        super().update_state(y_true, jnp.asarray(y_pred) >= self.threshold, sample_weight)


class MeanIoU(IoU):
    """Mean over all classes of `TP / (TP + FP + FN)`.

    >>> round(float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        every = range(num_classes)
        super().__init__(num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(IoU):
    """Intersection over union of one-hot labels with scores, or with class numbers if `sparse_y_pred`.

    >>> metric = OneHotIoU(num_classes=2, target_class_ids=[1])
    >>> float(metric([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]))
    0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(IoU):
    """Mean intersection over union of all classes, of one-hot labels with scores.

    >>> metric = OneHotMeanIoU(num_classes=2)
    >>> float(metric([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]))
    0.25
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        every = range(num_classes)
        super().__init__(num_classes, every, name, dtype, ignore_class, False, sparse_y_pred, axis)
