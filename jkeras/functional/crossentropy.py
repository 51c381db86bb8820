"""Distances between distributions: cross entropies, focal losses, divergences. One value for each sample.

Probabilities are kept 1e-7 away from 0 and 1, as Keras does; with `from_logits=True` nothing needs clipping.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jkeras.functional.fuzz import epsilon
from jkeras.functional.losses import aligned, as_float


def binary_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """Mean over `axis` of `-y log(p) - (1 - y) log(1 - p)`.

    Args:
        y_true: Labels in [0, 1], shape (batch, ..., n).
        y_pred: Probabilities, or logits if `from_logits`; same shape.
        from_logits: Whether `p = sigmoid(y_pred)`.
        label_smoothing: `s` moves the labels to `y (1 - s) + s / 2`.
        axis: The axis that the mean is taken over.

    Returns:
        (batch, ...), without `axis`; of the float dtype of `y_pred`.

    >>> round(float(binary_crossentropy([[1.0, 0.0]], [[0.0, 0.0]], from_logits=True)[0]), 4)
    0.6931
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return jnp.mean(_binary(_smooth(y_true, label_smoothing, 2), y_pred, from_logits), axis=axis)


def _binary(target: jax.Array, output: jax.Array, from_logits: bool) -> jax.Array:
    if from_logits:
        return jnp.maximum(output, 0) - output * target + jnp.log1p(jnp.exp(-jnp.abs(output)))
    output = jnp.clip(output, epsilon(), 1 - epsilon())
    return -target * jnp.log(output) - (1 - target) * jnp.log(1 - output)


def _smooth(target: jax.Array, smoothing: float, classes: int) -> jax.Array:
    return target * (1 - smoothing) + smoothing / classes if smoothing else target


def categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """`-sum_c y_c log(p_c)` over the classes along `axis`.

    Args:
        y_true: Probabilities of the classes, one-hot as a rule, shape (batch, ..., classes).
        y_pred: Probabilities (scaled to sum to one), or logits if `from_logits`; same shape.
        from_logits: Whether `p = softmax(y_pred)`.
        label_smoothing: `s` moves the labels to `y (1 - s) + s / classes`.
        axis: The axis of the classes.

    Returns:
        (batch, ...), without the axis of the classes; of the float dtype of `y_pred`.

    Raises:
        ValueError: If the shapes do not fit each other.

    >>> round(float(categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])[0]), 4)
    0.6931
    """
    y_true, y_pred = _classes(y_true, y_pred, "categorical_crossentropy")
    target = _smooth(y_true, label_smoothing, y_pred.shape[axis])
    return -jnp.sum(target * _log_probabilities(y_pred, from_logits, axis), axis=axis)


def _classes(y_true: ArrayLike, y_pred: ArrayLike, name: str) -> tuple[jax.Array, jax.Array]:
    true, predicted = aligned(y_true, y_pred)
    if true.shape != predicted.shape:
        raise ValueError(
            f"{name} expected y_true of the shape of y_pred, {predicted.shape}; got {true.shape}. "
            "Integer labels want sparse_categorical_crossentropy, or one_hot(y_true, classes)."
        )
    return true, predicted


def _log_probabilities(output: jax.Array, from_logits: bool, axis: int) -> jax.Array:
    if from_logits:
        return jax.nn.log_softmax(output, axis=axis)
    return jnp.log(_probabilities(output, axis))


def _probabilities(output: jax.Array, axis: int) -> jax.Array:
    return jnp.clip(output / jnp.sum(output, axis=axis, keepdims=True), epsilon(), 1 - epsilon())


def sparse_categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> jax.Array:
    """`-log(p_y)`: the cross entropy of integer labels.

    Args:
        y_true: Class numbers, shape (batch, ...) or (batch, ..., 1). One outside [0, classes) costs 0, as in Keras.
        y_pred: Probabilities (scaled to sum to one), or logits if `from_logits`; shape (batch, ..., classes).
        from_logits: Whether `p = softmax(y_pred)`.
        ignore_class: A label that costs 0, such as -1 for padding.
        axis: The axis of the classes in `y_pred`.

    Returns:
        (batch, ...), without the axis of the classes; of the float dtype of `y_pred`.

    Raises:
        ValueError: If the shapes do not fit each other.

    >>> round(float(sparse_categorical_crossentropy([1], [[0.5, 0.5]])[0]), 4)
    0.6931
    """
    output = jnp.moveaxis(as_float(y_pred), axis, -1)
    labels = sparse_labels(y_true, output.ndim)
    if labels.shape != output.shape[:-1]:
        raise ValueError(
            f"sparse_categorical_crossentropy expected one class number for each prediction, shape "
            f"{output.shape[:-1]}; got y_true of shape {labels.shape} for y_pred of shape {jnp.shape(y_pred)}. "
            "One-hot labels want categorical_crossentropy."
        )
    # A comparison, not a gather: it fuses forward and its gradient is no scatter.
    chosen = labels[..., None] == jnp.arange(output.shape[-1])
    loss = -jnp.sum(jnp.where(chosen, _log_probabilities(output, from_logits, -1), 0), axis=-1)
    return loss if ignore_class is None else jnp.where(labels == ignore_class, 0, loss)


def sparse_labels(y_true: ArrayLike, output_rank: int) -> jax.Array:
    """Return integer labels of rank `output_rank - 1`: a trailing unit axis is dropped.

    Args:
        y_true: Class numbers.
        output_rank: The rank of the predictions, with the axis of the classes.

    Returns:
        Integers.

    >>> sparse_labels([[1.0], [0.0]], 2).tolist()
    [1, 0]
    """
    labels = jnp.asarray(y_true)
    labels = labels if jnp.issubdtype(labels.dtype, jnp.integer) else labels.astype(jnp.int32)
    return labels.squeeze(-1) if labels.ndim == output_rank and labels.shape[-1] == 1 else labels


def binary_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """Binary cross entropy times `(1 - p_t)^gamma`, where `p_t` is the probability given to the true label.

    Args:
        y_true: Labels in [0, 1], shape (batch, ..., n).
        y_pred: Probabilities, or logits if `from_logits`; same shape.
        apply_class_balancing: Whether class 1 is weighted by `alpha` and class 0 by `1 - alpha`.
        alpha: The weight of class 1.
        gamma: How much easy samples are weighted down.
        from_logits: Whether `p = sigmoid(y_pred)`.
        label_smoothing: `s` moves the labels to `y (1 - s) + s / 2`.
        axis: The axis that the mean is taken over.

    Returns:
        (batch, ...), without `axis`; of the float dtype of `y_pred`.

    Reference: Lin et al. 2018, https://arxiv.org/abs/1708.02002

    >>> round(float(binary_focal_crossentropy([[1.0]], [[0.5]])[0]), 4)
    0.1733
    """
    y_true, y_pred = aligned(y_true, y_pred)
    target = _smooth(y_true, label_smoothing, 2)
    output = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    agreement = target * output + (1 - target) * (1 - output)
    loss = jnp.power(1 - agreement, gamma) * _binary(target, output, from_logits=False)
    if apply_class_balancing:
        loss = loss * (target * alpha + (1 - target) * (1 - alpha))
    return jnp.mean(loss, axis=axis)


def categorical_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """`-sum_c alpha (1 - p_c)^gamma y_c log(p_c)` over the classes along `axis`.

    Args:
        y_true: One-hot labels, shape (batch, ..., classes).
        y_pred: Probabilities (scaled to sum to one), or logits if `from_logits`; same shape.
        alpha: One weight, or one for each class.
        gamma: How much easy samples are weighted down.
        from_logits: Whether `p = softmax(y_pred)`.
        label_smoothing: `s` moves the labels to `y (1 - s) + s / classes`.
        axis: The axis of the classes.

    Returns:
        (batch, ...), without the axis of the classes; of the float dtype of `y_pred`.

    Raises:
        ValueError: If the shapes do not fit each other.

    Reference: Lin et al. 2018, https://arxiv.org/abs/1708.02002

    >>> round(float(categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])[0]), 4)
    0.0433
    """
    y_true, y_pred = _classes(y_true, y_pred, "categorical_focal_crossentropy")
    target = _smooth(y_true, label_smoothing, y_pred.shape[axis])
    output = _probabilities(jax.nn.softmax(y_pred, axis=axis) if from_logits else y_pred, axis)
    weight = jnp.asarray(alpha, output.dtype) * jnp.power(1 - output, gamma)
    return -jnp.sum(weight * target * jnp.log(output), axis=axis)


def categorical_generalized_cross_entropy(y_true: ArrayLike, y_pred: ArrayLike, q: float = 0.5) -> jax.Array:
    """`(1 - p_y^q) / q`: from cross entropy (`q` to 0) to absolute error (`q` = 1), robust to wrong labels.

    Args:
        y_true: Class numbers, shape (batch,) or (batch, 1).
        y_pred: Probabilities, shape (batch, classes).
        q: A number in (0, 1).

    Returns:
        (batch,), of the float dtype of `y_pred`.

    Reference: Zhang and Sabuncu 2018, https://arxiv.org/abs/1805.07836

    >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]]).tolist()
    [1.0]
    """
    output = as_float(y_pred)
    labels = sparse_labels(y_true, output.ndim)
    chosen = labels[..., None] == jnp.arange(output.shape[-1])
    probability = jnp.sum(jnp.where(chosen, output, 0), axis=-1)
    return (1 - jnp.power(probability, q)) / q


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`sum y_true log(y_true / y_pred)` over the last axis; both are clipped to [1e-7, 1].

    Args:
        y_true: Probabilities, (batch, ..., classes).
        y_pred: Probabilities, (batch, ..., classes).

    Returns:
        (batch, ...), of the float dtype of `y_pred`.

    >>> kl_divergence([[0.5, 0.5]], [[0.5, 0.5]]).tolist()
    [0.0]
    """
    y_true, y_pred = (jnp.clip(p, epsilon(), 1) for p in aligned(y_true, y_pred))
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean over the last axis of `y_pred - y_true log(y_pred + 1e-7)`: the rate `y_pred` of a Poisson count.

    Args:
        y_true: Counts, (batch, ..., n).
        y_pred: Rates, (batch, ..., n).

    Returns:
        (batch, ...), of the float dtype of `y_pred`.

    >>> round(float(poisson([[2.0, 0.0]], [[1.0, 1.0]])[0]), 4)
    1.0
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + epsilon()), axis=-1)
