"""How often a prediction is right."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jkeras.functional import crossentropy
from jkeras.functional.losses import same_rank
from jkeras.metrics.standard import StandardMetric


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """1 where `y_true == y_pred`, else 0; elementwise.

    Args:
        y_true, y_pred: Arrays of one shape; a unit axis at the end may differ.

    Returns:
        Floats 0 or 1 of that shape.

    >>> accuracy([1, 2], [1, 3]).tolist()
    [1.0, 0.0]
    """
    y_true, y_pred = same_rank(jnp.asarray(y_true), jnp.asarray(y_pred))
    return _as_float(y_true == y_pred)


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> jax.Array:
    """1 where `y_true == (y_pred > threshold)`, else 0; elementwise.

    Args:
        y_true: Labels 0 and 1, shape (batch, ...).
        y_pred: Probabilities, same shape; a unit axis at the end may differ.
        threshold: Predictions above it are class 1.

    Returns:
        Floats 0 or 1 of that shape.

    >>> binary_accuracy([1, 0], [0.9, 0.8]).tolist()
    [1.0, 0.0]
    """
    y_true, y_pred = same_rank(jnp.asarray(y_true), jnp.asarray(y_pred))
    return _as_float(y_true == (y_pred > threshold).astype(y_true.dtype))


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """1 where the largest class score is that of the one-hot label, else 0.

    Args:
        y_true: One-hot labels, shape (batch, ..., classes).
        y_pred: Scores, same shape.

    Returns:
        Floats 0 or 1, shape (batch, ...).

    Raises:
        ValueError: If the shapes differ in more than the number of classes.

    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.1, 0.9]]).tolist()
    [1.0, 0.0]
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    if y_true.shape[:-1] != y_pred.shape[:-1] or y_true.ndim != y_pred.ndim:
        raise ValueError(
            f"categorical_accuracy expected y_true of the shape of y_pred, {y_pred.shape}; got {y_true.shape}. "
            "Integer labels want sparse_categorical_accuracy."
        )
    return _as_float(jnp.argmax(y_true, axis=-1) == jnp.argmax(y_pred, axis=-1))


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """1 where the largest class score is that of the integer label, else 0.

    Args:
        y_true: Class numbers, shape (batch, ...) or (batch, ..., 1).
        y_pred: Scores, shape (batch, ..., classes).

    Returns:
        Floats 0 or 1, shape (batch, ...).

    Raises:
        ValueError: If there is not one label for each prediction.

    >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.1, 0.9]]).tolist()
    [1.0, 0.0]
    """
    labels, y_pred = _labels(y_true, jnp.asarray(y_pred), "sparse_categorical_accuracy")
    return _as_float(labels == jnp.argmax(y_pred, axis=-1))


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> jax.Array:
    """1 where the class of the one-hot label is among the `k` largest scores, else 0.

    Args:
        y_true: One-hot labels, shape (batch, ..., classes).
        y_pred: Scores, same shape.
        k: How many scores are looked at. A score equal to the `k`-th largest is among them.

    Returns:
        Floats 0 or 1, shape (batch, ...).

    >>> top_k_categorical_accuracy([[0, 1, 0]], [[0.5, 0.3, 0.2]], k=2).tolist()
    [1.0]
    """
    return sparse_top_k_categorical_accuracy(jnp.argmax(jnp.asarray(y_true), axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> jax.Array:
    """1 where the integer label is among the `k` largest scores, else 0.

    Args:
        y_true: Class numbers, shape (batch, ...).
        y_pred: Scores, shape (batch, ..., classes); with `from_sorted_ids` class numbers, best first.
        k: How many scores are looked at. A score equal to the `k`-th largest is among them.
        from_sorted_ids: Whether `y_pred` holds the best classes and not scores.

    Returns:
        Floats 0 or 1, shape (batch, ...).

    Raises:
        ValueError: If there is not one label for each prediction.

    >>> sparse_top_k_categorical_accuracy([1, 2], [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], k=2).tolist()
    [1.0, 0.0]
    """
    labels, y_pred = _labels(y_true, jnp.asarray(y_pred), "sparse_top_k_categorical_accuracy")
    if from_sorted_ids:
        return _as_float(jnp.any(labels[..., None] == y_pred[..., :k], axis=-1))
    chosen = labels[..., None] == jnp.arange(y_pred.shape[-1])
    score = jnp.sum(jnp.where(chosen, y_pred, 0), axis=-1)
    better = jnp.sum(y_pred > score[..., None], axis=-1)
    return _as_float((better < k) & jnp.any(chosen, axis=-1) & ~jnp.isnan(score))


def accuracy_by_shape(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Binary accuracy for one output, sparse categorical for one label a prediction, else categorical accuracy.

    >>> accuracy_by_shape([1, 0], [[0.2, 0.8], [0.1, 0.9]]).tolist()
    [1.0, 0.0]
    """
    choices = (binary_accuracy, sparse_categorical_accuracy, categorical_accuracy)
    return choices[kind_of_labels(y_true, y_pred)](y_true, y_pred)


def crossentropy_by_shape(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Binary cross entropy for one output, sparse categorical for one label a prediction, else categorical.

    >>> round(float(crossentropy_by_shape([1], [[0.5, 0.5]])[0]), 4)
    0.6931
    """
    choices = (
        crossentropy.binary_crossentropy,
        crossentropy.sparse_categorical_crossentropy,
        crossentropy.categorical_crossentropy,
    )
    return choices[kind_of_labels(y_true, y_pred)](y_true, y_pred)


def kind_of_labels(y_true: Any, y_pred: Any) -> int:
    """Return 0 for binary labels, 1 for integer labels of classes, 2 for one-hot labels, judged by the shapes.

    >>> kind_of_labels(jnp.zeros(4), jnp.zeros((4, 1))), kind_of_labels(jnp.zeros((4, 1)), jnp.zeros((4, 3)))
    (0, 1)
    """
    true, predicted = np.shape(y_true), np.shape(y_pred)
    if predicted[-1:] == (1,):
        return 0
    return 1 if len(true) < len(predicted) or true[-1:] == (1,) else 2


def _labels(y_true: ArrayLike, y_pred: jax.Array, name: str) -> tuple[jax.Array, jax.Array]:
    """Return one label for each prediction; unit axes that only one side has are dropped."""
    labels = jnp.asarray(y_true)
    if labels.ndim == y_pred.ndim and labels.shape[-1:] == (1,):
        labels = labels.squeeze(-1)
    if labels.shape != y_pred.shape[:-1]:
        raise ValueError(
            f"{name} expected one class number for each prediction, shape {y_pred.shape[:-1]}; got y_true of shape "
            f"{labels.shape} for y_pred of shape {y_pred.shape}. "
            f"One-hot labels want {name.removeprefix('sparse_')}."
        )
    return labels, y_pred


def _as_float(matches: jax.Array) -> jax.Array:
    return matches.astype(jnp.result_type(float))


class Accuracy(StandardMetric, function=accuracy):
    """How often `y_pred` equals `y_true`.

    >>> float(Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]))
    0.75
    """


class BinaryAccuracy(StandardMetric, function=binary_accuracy, order="name dtype threshold"):
    """How often `y_pred > threshold` where the label is 1, and not where it is 0.

    >>> float(BinaryAccuracy(threshold=0.7)([1, 1, 0, 0], [0.98, 0.6, 0.0, 0.6]))
    0.75
    """


class CategoricalAccuracy(StandardMetric, function=categorical_accuracy):
    """How often the largest score is that of the one-hot label.

    >>> float(CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]))
    0.5
    """


class SparseCategoricalAccuracy(StandardMetric, function=sparse_categorical_accuracy):
    """How often the largest score is that of the integer label.

    >>> float(SparseCategoricalAccuracy()([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]]))
    0.5
    """


class TopKCategoricalAccuracy(StandardMetric, function=top_k_categorical_accuracy, order="k name dtype"):
    """How often the class of the one-hot label is among the `k` largest scores.

    >>> float(TopKCategoricalAccuracy(k=1)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]))
    0.5
    """


class SparseTopKCategoricalAccuracy(
    StandardMetric, function=sparse_top_k_categorical_accuracy, order="k name dtype from_sorted_ids"
):
    """How often the integer label is among the `k` largest scores (or the first `k` class numbers).

    >>> float(SparseTopKCategoricalAccuracy(k=1)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]))
    0.5
    """
