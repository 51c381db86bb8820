"""True and false positives and negatives at many thresholds, counted in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.functional.losses import same_rank


class Counts(NamedTuple):
    """Weighted numbers of predictions, shape (thresholds,) or (thresholds, labels)."""

    true_positives: jax.Array
    false_positives: jax.Array
    true_negatives: jax.Array
    false_negatives: jax.Array


def count(
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float] | np.ndarray,
    sample_weight: Any = None,
    *,
    dtype: Any = "float32",
    multi_label: bool = False,
    label_weights: Any = None,
    top_k: int | None = None,
    class_id: int | None = None,
) -> Counts:
    """Count the predictions above each threshold and those that are not, by their labels.

    A prediction is put in the bin of the thresholds below it; sums over the bins from either end are the counts. So
    the cost hardly grows with the number of thresholds.

    Args:
        y_true: Labels, any non-zero number is positive; shape (batch, ...).
        y_pred: Predictions, same shape.
        thresholds: A prediction is positive if it is greater.
        sample_weight: Weights, one for each sample or for each prediction.
        dtype: Dtype of the counts.
        multi_label: Whether each label of the last axis is counted by itself.
        label_weights: Weights of the labels of the last axis.
        top_k: Only the `top_k` largest predictions of the last axis can be positive.
        class_id: Which label of the last axis is counted; all if None.

    Raises:
        ValueError: If the shapes do not fit.

    >>> count([0, 1, 1], [0.2, 0.4, 0.9], [0.5, 0.3]).true_positives.tolist()
    [1.0, 2.0]
    """
    labels, scores = same_rank(jnp.asarray(y_true), jnp.asarray(y_pred, dtype))
    if labels.shape != scores.shape:
        raise ValueError(
            f"y_true of shape {labels.shape} does not fit y_pred of shape {scores.shape}: expected a label, 0 or 1, "
            "for each prediction. Integer labels of classes want one_hot(y_true, classes)."
        )
    weight = spread(sample_weight, scores.shape, dtype)
    if label_weights is not None:
        weight = weight * jnp.asarray(label_weights, dtype)
    if top_k is not None:
        best = jax.lax.top_k(scores, top_k)[1]
        is_best = jnp.any(best[..., None] == jnp.arange(scores.shape[-1]), axis=-2)
        scores = jnp.where(is_best, scores, -jnp.inf)
    if class_id is not None:
        labels, scores, weight = (x[..., class_id] for x in (labels, scores, weight))
    columns = scores.shape[-1] if multi_label else 1
    is_true, scores, weight = (x.reshape(-1, columns) for x in (labels != 0, scores, weight))

    levels = np.asarray(thresholds, "float32").reshape(-1)
    order = np.argsort(levels, kind="stable")
    place = jnp.searchsorted(jnp.asarray(levels[order], dtype), scores)
    place = jnp.where(jnp.isnan(scores), 0, place)

    def above_and_below(kept: jax.Array) -> tuple[jax.Array, jax.Array]:
        bins = jnp.zeros((levels.size + 1, columns), dtype).at[place, jnp.arange(columns)].add(weight * kept)
        above = jnp.cumsum(bins[::-1], axis=0)[::-1][1:]
        below = jnp.cumsum(bins, axis=0)[:-1]
        back = np.argsort(order)
        above, below = above[back], below[back]
        return (above, below) if multi_label else (above[:, 0], below[:, 0])

    true_positives, false_negatives = above_and_below(is_true)
    false_positives, true_negatives = above_and_below(~is_true)
    return Counts(true_positives, false_positives, true_negatives, false_negatives)


def spread(sample_weight: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """Return the weights in `shape`: weights of shape (batch,) belong to whole samples, no weights are ones.

    >>> spread([1.0, 2.0], (2, 2), "float32").tolist()
    [[1.0, 1.0], [2.0, 2.0]]
    """
    if sample_weight is None:
        return jnp.ones(shape, dtype)
    weight = jnp.asarray(sample_weight, dtype)
    if weight.ndim > len(shape) and weight.shape[-1] == 1:
        weight = weight.squeeze(-1)
    if weight.shape == shape[: weight.ndim]:
        weight = weight.reshape(weight.shape + (1,) * (len(shape) - weight.ndim))
    try:
        return jnp.broadcast_to(weight, shape)
    except ValueError:
        raise ValueError(
            f"sample_weight of shape {weight.shape} does not fit predictions of shape {shape}: "
            "give one weight for each sample, shape (batch,), or for each prediction."
        ) from None


def as_thresholds(thresholds: Any, default: float = 0.5) -> np.ndarray:
    """Return thresholds as an array; None is the default.

    >>> as_thresholds(None).tolist()
    [0.5]
    """
    levels = np.asarray([default] if thresholds is None else thresholds, "float32").reshape(-1)
    if not ((levels >= 0) & (levels <= 1) | (levels == -np.inf)).all():
        raise ValueError(f"thresholds must be in [0, 1]; got {thresholds!r}.")
    return levels
