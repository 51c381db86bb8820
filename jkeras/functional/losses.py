"""Distances between targets and predictions: regression, hinge, similarity and overlap. One value for each sample.

Every function takes `(y_true, y_pred, ...)`. Targets may be integers; they are converted to the dtype of the
predictions, and a trailing axis of size one that only one of the two has is added or removed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jkeras.functional.fuzz import epsilon


def aligned(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Return both as arrays of the float dtype of `y_pred`, with equal ranks where a unit axis is all that differs.

    Args:
        y_true: Targets.
        y_pred: Predictions.

    Returns:
        `(y_true, y_pred)`.

    >>> [a.shape for a in aligned([1, 0], [[0.5], [0.5]])]
    [(2, 1), (2, 1)]
    """
    predicted = as_float(y_pred)
    return same_rank(jnp.asarray(y_true, predicted.dtype), predicted)


def as_float(values: ArrayLike) -> jax.Array:
    """Return `values` as an array; integers and booleans become the default float.

    Args:
        values: Numbers.

    Returns:
        An array of their shape.

    >>> as_float([1, 2]).dtype
    dtype('float32')
    """
    array = jnp.asarray(values)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(jnp.result_type(float))


def same_rank(first: jax.Array, second: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Add or drop a trailing unit axis where the ranks differ by one.

    A vector meets a column as a column; any other trailing unit axis is dropped.

    Args:
        first: The array whose rank is changed where it can be.
        second: The other one.

    Returns:
        Both.

    >>> [x.shape for x in same_rank(jnp.zeros(4), jnp.zeros((4, 1)))]
    [(4, 1), (4, 1)]
    >>> [x.shape for x in same_rank(jnp.zeros((4, 2)), jnp.zeros((4, 2, 1)))]
    [(4, 2), (4, 2)]
    """
    longer, shorter = (first, second) if first.ndim > second.ndim else (second, first)
    if longer.ndim != shorter.ndim + 1 or longer.shape[-1] != 1:
        return first, second
    if shorter.ndim == 1:
        shorter = shorter[:, None]
    else:
        longer = longer.squeeze(-1)
    return (longer, shorter) if first.ndim > second.ndim else (shorter, longer)


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean over the last axis of `(y_true - y_pred)^2`.

    Args:
        y_true: Targets, (batch, ..., n), or without a last axis of size 1.
        y_pred: Predictions, (batch, ..., n).

    Returns:
        (batch, ...), of the float dtype of `y_pred`.

    >>> mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [2.5]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean over the last axis of `|y_true - y_pred|`.

    Args:
        y_true: Targets, (batch, ..., n), or without a last axis of size 1.
        y_pred: Predictions, (batch, ..., n).

    Returns:
        (batch, ...), of the float dtype of `y_pred`.

    >>> mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [1.5]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean over the last axis of `100 |y_true - y_pred| / max(|y_true|, 1e-7)`.

    Args:
        y_true: Targets, (batch, ..., n), or without a last axis of size 1.
        y_pred: Predictions, (batch, ..., n).

    Returns:
        (batch, ...), of the float dtype of `y_pred`.

    >>> mean_absolute_percentage_error([[1.0, 2.0]], [[2.0, 2.0]]).tolist()
    [50.0]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return 100 * jnp.mean(jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), epsilon())), axis=-1)


def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean over the last axis of `(log(1 + y_true) - log(1 + y_pred))^2`; values below 1e-7 count as 1e-7.

    Args:
        y_true: Targets, (batch, ..., n), or without a last axis of size 1.
        y_pred: Predictions, (batch, ..., n).

    Returns:
        (batch, ...), of the float dtype of `y_pred`.

    >>> mean_squared_logarithmic_error([[2.0, 2.0]], [[2.0, 2.0]]).tolist()
    [0.0]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    difference = jnp.log(1 + jnp.maximum(y_true, epsilon())) - jnp.log(1 + jnp.maximum(y_pred, epsilon()))
    return jnp.mean(jnp.square(difference), axis=-1)


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean over the last axis of `log(cosh(y_pred - y_true))`, in a form that does not overflow.

    Args:
        y_true: Targets, (batch, ..., n), or without a last axis of size 1.
        y_pred: Predictions, (batch, ..., n).

    Returns:
        (batch, ...), of the float dtype of `y_pred`.

    >>> log_cosh([[0.0]], [[0.0]]).tolist()
    [0.0]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    error = y_pred - y_true
    return jnp.mean(error + jax.nn.softplus(-2 * error) - math.log(2), axis=-1)


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> jax.Array:
    """Mean over the last axis of `e^2 / 2` where `|e| <= delta`, and of `delta |e| - delta^2 / 2` beyond.

    Args:
        y_true: Targets, (batch, ..., n), or without a last axis of size 1.
        y_pred: Predictions, (batch, ..., n).
        delta: Where the square ends and the straight line begins.

    Returns:
        (batch, ...), of the float dtype of `y_pred`.

    >>> huber([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
    [1.5]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    error = jnp.abs(y_pred - y_true)
    return jnp.mean(jnp.where(error <= delta, error * error / 2, delta * error - delta * delta / 2), axis=-1)


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean over the last axis of `max(1 - y_true y_pred, 0)`; labels 0 and 1 are taken as -1 and 1.

    Args:
        y_true: Labels, -1 or 1 (or 0 or 1), (batch, ..., n), or without a last axis of size 1.
        y_pred: Predictions, (batch, ..., n).

    Returns:
        (batch, ...), of the float dtype of `y_pred`.

    >>> hinge([[0, 1]], [[-1.0, 0.5]]).tolist()
    [0.25]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return jnp.mean(jnp.maximum(1 - _signs(y_true) * y_pred, 0), axis=-1)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean over the last axis of `max(1 - y_true y_pred, 0)^2`; labels 0 and 1 are taken as -1 and 1.

    Args:
        y_true: Labels, -1 or 1 (or 0 or 1), (batch, ..., n), or without a last axis of size 1.
        y_pred: Predictions, (batch, ..., n).

    Returns:
        (batch, ...), of the float dtype of `y_pred`.

    >>> squared_hinge([[0, 1]], [[-1.0, 0.5]]).tolist()
    [0.125]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return jnp.mean(jnp.square(jnp.maximum(1 - _signs(y_true) * y_pred, 0)), axis=-1)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`max(1 + wrong - right, 0)`: `right` scores the true class, `wrong` is the largest of the other classes' scores.

    Args:
        y_true: One-hot labels, (batch, ..., classes).
        y_pred: Scores, (batch, ..., classes).

    Returns:
        (batch, ...), of the float dtype of `y_pred`.

    >>> categorical_hinge([[0, 1]], [[0.25, 0.75]]).tolist()
    [0.5]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    right = jnp.sum(y_true * y_pred, axis=-1)
    wrong = jnp.max((1 - y_true) * y_pred, axis=-1)
    return jnp.maximum(1 + wrong - right, 0)


def _signs(labels: jax.Array) -> jax.Array:
    is_binary = jnp.all((labels == 0) | (labels == 1))
    return jnp.where(is_binary, 2 * labels - 1, labels)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> jax.Array:
    """Minus the cosine of the angle between both: -1 is the same direction, 0 orthogonal, 1 opposite.

    Args:
        y_true: Targets, (batch, ..., n), or without a last axis of size 1.
        y_pred: Predictions, (batch, ..., n).
        axis: The axis of the vectors.

    Returns:
        The shape of `y_pred` without `axis`, and its float dtype.

    >>> cosine_similarity([[0.0, 1.0]], [[0.0, 2.0]]).tolist()
    [-1.0]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return -jnp.sum(_unit(y_true, axis) * _unit(y_pred, axis), axis=axis)


def _unit(vectors: jax.Array, axis: int) -> jax.Array:
    squared_norm = jnp.sum(jnp.square(vectors), axis=axis, keepdims=True)
    return vectors * jax.lax.rsqrt(jnp.maximum(squared_norm, epsilon() ** 2))


def dice(y_true: ArrayLike, y_pred: ArrayLike, axis: int | Sequence[int] | None = None) -> jax.Array:
    """`1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred))`, sums over `axis` (default: all axes).

    Args:
        y_true: Memberships from 0 to 1, (batch, ...).
        y_pred: Likewise.
        axis: The axes that are summed over; None: all.

    Returns:
        The axes that are left, of the float dtype of `y_pred`.

    >>> round(float(dice([1.0, 0.0], [1.0, 0.0])), 4)
    0.0
    """
    y_true, y_pred = aligned(y_true, y_pred)
    axis = _axes(axis)
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    return 1 - 2 * overlap / (jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis) + epsilon())


def tversky(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: int | Sequence[int] | None = None,
) -> jax.Array:
    """`1 - TP / (TP + alpha FN + beta FP)`: overlap with separate weights for false negatives and false positives.

    The weights are where Keras's code has them; its documentation, and the paper, have them the other way round.

    Args:
        y_true: Memberships from 0 to 1, (batch, ...).
        y_pred: Likewise.
        alpha: The weight of false negatives.
        beta: The weight of false positives.
        axis: The axes that are summed over; None: all.

    Returns:
        The axes that are left, of the float dtype of `y_pred`.

    Reference: Salehi et al. 2017, https://arxiv.org/abs/1706.05721

    >>> round(float(tversky([1.0, 0.0], [1.0, 0.0])), 4)
    0.0
    """
    y_true, y_pred = aligned(y_true, y_pred)
    axis = _axes(axis)
    true_positive = jnp.sum(y_true * y_pred, axis=axis)
    false_positive = jnp.sum((1 - y_true) * y_pred, axis=axis)
    false_negative = jnp.sum(y_true * (1 - y_pred), axis=axis)
    return 1 - true_positive / (true_positive + alpha * false_negative + beta * false_positive + epsilon())


def _axes(axis: int | Sequence[int] | None) -> int | tuple[int, ...] | None:
    return axis if axis is None or isinstance(axis, int) else tuple(axis)


def circle(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    ref_labels: ArrayLike | None = None,
    ref_embeddings: ArrayLike | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80.0,
    margin: float = 0.4,
) -> jax.Array:
    """Circle loss of unit-norm embeddings: pulls equal labels together and pushes others apart.

    With `s` the cosine similarity of two embeddings, `p` running over those of the same label and `n` over the others:
    `log(1 + sum_n exp(gamma [s_n + m]+ (s_n - m)) sum_p exp(-gamma [1 + m - s_p]+ (s_p - 1 + m)))`.

    Args:
        y_true: Integer labels, shape (batch,).
        y_pred: Embeddings of norm one, shape (batch, features).
        ref_labels: Labels of the embeddings to compare with; default `y_true`.
        ref_embeddings: Embeddings to compare with; default `y_pred`.
        remove_diagonal: Whether an embedding is left out of its own positives.
        gamma: Scale of the similarities.
        margin: The relaxation `m`.

    Returns:
        One value for each sample, shape (batch,); 0 for a sample without positives or negatives.

    Reference: Sun et al. 2020, https://arxiv.org/abs/2002.10857

    >>> import jax.numpy as jnp
    >>> circle([0, 0], jnp.eye(2)).tolist()
    [0.0, 0.0]
    """
    embeddings = as_float(y_pred)
    labels = jnp.asarray(y_true).reshape(-1)
    other_labels = labels if ref_labels is None else jnp.asarray(ref_labels).reshape(-1)
    others = embeddings if ref_embeddings is None else jnp.asarray(ref_embeddings, embeddings.dtype)
    similarity = embeddings @ others.T
    same = labels[:, None] == other_labels[None, :]
    positive = same & ~jnp.eye(*same.shape, dtype=bool) if remove_diagonal else same
    pull = -gamma * jnp.maximum(1 + margin - similarity, 0) * (similarity - 1 + margin)
    push = gamma * jnp.maximum(similarity + margin, 0) * (similarity - margin)
    return jax.nn.softplus(_log_sum_exp(pull, positive) + _log_sum_exp(push, ~same))


def _log_sum_exp(values: jax.Array, where: jax.Array) -> jax.Array:
    return jax.nn.logsumexp(values, axis=-1, where=where)
