"""`K` functions for the outputs of networks: cross entropies element by element, biases, normalisation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras.core.data_format import standardize_data_format
from jkeras.core.operation import operation, publish
from jkeras.functional import crossentropy, norm


def _elementwise(loss: Callable[..., Any]) -> Callable[..., Any]:
    """The losses take the mean over the last axis: over one of size 1, it is the value of each element."""

    def each(target: Any, output: Any, **options: Any) -> Any:
        return loss(jnp.expand_dims(target, -1), jnp.expand_dims(output, -1), **options)

    return each


def _bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    rank, sizes = jnp.ndim(x), tuple(np.shape(bias))
    if len(sizes) not in (1, rank - 1):
        raise ValueError(f"bias_add expects a bias of 1 or {rank - 1} dimensions for {rank} of x; got shape {sizes}.")
    if standardize_data_format(data_format) == "channels_last" or rank < 3:
        return x + bias
    if len(sizes) == 1:
        return x + jnp.reshape(bias, (-1, *[1] * (rank - 2)))
    return x + jnp.moveaxis(jnp.asarray(bias), -1, 0)


def _normalize_batch(x: Any, gamma: Any, beta: Any, reduction_axes: Sequence[int], epsilon: float = 1e-3) -> Any:
    rank = jnp.ndim(x)
    kept = tuple(axis for axis in range(rank) if axis not in [a % rank for a in reduction_axes])
    return norm.batch_norm_train(x, _array(gamma), _array(beta), kept, epsilon)


def _batch_normalization(
    x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: int = -1, epsilon: float = 1e-3
) -> Any:
    x, mean, var = (jnp.asarray(a) for a in (x, mean, var))
    return norm.batch_norm_inference(x, _array(gamma), _array(beta), mean, var, axis, epsilon)


def _array(value: Any) -> Any:
    return None if value is None else jnp.asarray(value)


_loss = functools.partial(
    operation, target="One-hot labels or probabilities, of the shape of `output`.",
    output="Predictions `(..., classes)`.",
    axis="The axis of the classes.", returns="Array of floats without the axis of the classes.",
    alpha="Weight of all classes.", gamma="How much right predictions are weighted down; 0 not at all.",
)  # fmt: skip
_each = functools.partial(
    _loss, elementwise=True, target="Array of labels 0 and 1.", output="Array of predictions of the same shape.",
    returns="Array of floats of the same shape.",
)  # fmt: skip

binary_crossentropy = _each(
    _elementwise(crossentropy.binary_crossentropy), "target, output, from_logits=False",
    "`-y log(p) - (1 - y) log(1 - p)` of each element; the mean is left to the caller.",
    "jnp.array([1.0, 0.0]), jnp.array([0.5, 0.75]) -> [0.693..., 1.386...]",
)  # fmt: skip
binary_focal_crossentropy = _each(
    _elementwise(crossentropy.binary_focal_crossentropy),
    "target, output, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False",
    "Cross entropy of each element, weighted down where the prediction is right.",
    "jnp.array([1.0, 0.0]), jnp.array([0.5, 0.75]) -> [0.173..., 0.779...]",
    apply_class_balancing="Whether the classes are weighted by `alpha`.",
    alpha="Weight of class 1; class 0 has `1 - alpha`.",
)  # fmt: skip
categorical_crossentropy = _loss(
    crossentropy.categorical_crossentropy, "target, output, from_logits=False, axis=-1",
    "Cross entropy of one-hot labels, one value for each sample.",
    "jnp.array([[0.0, 1.0]]), jnp.array([[0.5, 0.5]]) -> [0.693...]",
)  # fmt: skip
categorical_focal_crossentropy = _loss(
    crossentropy.categorical_focal_crossentropy, "target, output, alpha=0.25, gamma=2.0, from_logits=False, axis=-1",
    "Cross entropy of one-hot labels, weighted down where the prediction is right.",
    "jnp.array([[0.0, 1.0]]), jnp.array([[0.5, 0.5]]) -> [0.043...]",
)  # fmt: skip
sparse_categorical_crossentropy = _loss(
    crossentropy.sparse_categorical_crossentropy, "target, output, from_logits=False, axis=-1, ignore_class=None",
    "Cross entropy of class numbers, one value for each sample.",
    "jnp.array([1]), jnp.array([[0.5, 0.5]]) -> [0.693...]", target="Class numbers `(...)`.",
    ignore_class="A label whose samples have loss 0, or None.",
)  # fmt: skip
bias_add = operation(
    _bias_add, "x, bias, data_format=None", "Add one number to each channel, or one to each element.",
    "jnp.ones((1, 2)), jnp.array([1.0, 2.0]) -> [[2.0, 3.0]]", x="Array `(batch, ..., channels)`.",
    bias="Array `(channels,)`, or of the shape of a sample.", returns="Array of the shape of `x`.",
)  # fmt: skip
_normalized = functools.partial(
    operation, gamma="Vector of factors, or None.", beta="Vector of summands, or None.",
    epsilon="Added under the root.",
    returns="Array of the shape of `x`.",
)  # fmt: skip
batch_normalization = _normalized(
    _batch_normalization, "x, mean, var, beta, gamma, axis=-1, epsilon=1e-3",
    "`gamma * (x - mean) / sqrt(var + epsilon) + beta`.",
    "[[1.0], [5.0]], [3.0], [4.0], None, None, epsilon=0.0 -> [[-1.0], [1.0]]", mean="Vector of means.",
    var="Vector of variances.", axis="The axis of these vectors.",
)  # fmt: skip
normalize_batch_in_training = _normalized(
    _normalize_batch, "x, gamma, beta, reduction_axes, epsilon=1e-3",
    "Normalise by the batch's own statistics; return the result, the mean and the (biased) variance.",
    "jnp.array([[1.0], [5.0]]), None, None, [0], 0.0 -> ([[-1.0], [1.0]], [3.0], [4.0])",
    reduction_axes="The axes of the statistics.", returns="An array of the shape of `x`, and two vectors.",
)  # fmt: skip

__all__ = publish(globals())
