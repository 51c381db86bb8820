"""`K` functions for the outputs of networks: cross entropies element by element, biases, normalisation."""

from __future__ import annotations

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


binary_crossentropy = operation(
    _elementwise(crossentropy.binary_crossentropy),
    "target, output, from_logits=False",
    "`-y log(p) - (1 - y) log(1 - p)` of each element; the mean is left to the caller.",
    elementwise=True,
)
binary_focal_crossentropy = operation(
    _elementwise(crossentropy.binary_focal_crossentropy),
    "target, output, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False",
    "Cross entropy of each element, weighted down where the prediction is right.",
    elementwise=True,
)
categorical_crossentropy = operation(
    crossentropy.categorical_crossentropy,
    "target, output, from_logits=False, axis=-1",
    "Cross entropy of one-hot labels, one value for each sample.",
)
categorical_focal_crossentropy = operation(
    crossentropy.categorical_focal_crossentropy,
    "target, output, alpha=0.25, gamma=2.0, from_logits=False, axis=-1",
    "Cross entropy of one-hot labels, weighted down where the prediction is right.",
)
sparse_categorical_crossentropy = operation(
    crossentropy.sparse_categorical_crossentropy,
    "target, output, from_logits=False, axis=-1, ignore_class=None",
    "Cross entropy of class numbers, one value for each sample.",
)
bias_add = operation(_bias_add, "x, bias, data_format=None", "Add one number to each channel, or one to each element.")
batch_normalization = operation(
    _batch_normalization,
    "x, mean, var, beta, gamma, axis=-1, epsilon=1e-3",
    "`gamma * (x - mean) / sqrt(var + epsilon) + beta`; beta and gamma may be None.",
)
normalize_batch_in_training = operation(
    _normalize_batch,
    "x, gamma, beta, reduction_axes, epsilon=1e-3",
    "Normalise by the batch's own statistics; return the result, the mean and the (biased) variance.",
)

__all__ = publish(globals())
