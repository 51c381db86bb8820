"""How values and sample weights become one number for each sample, and what a mask does to the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.functional.losses import same_rank


def samplewise(
    values: Any, sample_weight: Any, reduce: Callable[..., jax.Array], dtype: Any
) -> tuple[jax.Array, jax.Array | None]:
    """Return `(weighted values, weights)`, each reduced to one number for each sample.

    Axes of `values` beyond those of the weights are reduced before they are weighted, the others afterwards.

    Args:
        values: Shape (batch, ...), or a scalar that stands for the whole batch.
        sample_weight: Shape (batch,) or as many leading axes of `values`, or None.
        reduce: `jnp.mean` or `jnp.sum`.
        dtype: What everything is converted to.

    Returns:
        Arrays of shape (batch,), or scalars; the second is None if there are no weights.

    Raises:
        ValueError: If the weights do not fit the values.

    >>> values, weights = samplewise([[1.0, 3.0], [5.0, 7.0]], [1.0, 0.5], jnp.mean, "float32")
    >>> values.tolist(), weights.tolist()
    ([2.0, 3.0], [1.0, 0.5])
    """
    values = jnp.asarray(values, dtype)
    if sample_weight is None:
        return _to_samples(values, reduce), None
    values, weight = same_rank(values, jnp.asarray(sample_weight, dtype))
    if values.ndim > weight.ndim:
        values = reduce(values, axis=tuple(range(weight.ndim, values.ndim)))
    if values.ndim == 0:
        values = jnp.broadcast_to(values, weight.shape)
    try:
        weight = jnp.broadcast_to(weight, values.shape)
    except ValueError:
        raise ValueError(
            f"sample_weight of shape {weight.shape} does not fit values of shape {values.shape}: "
            "give one weight for each sample, shape (batch,), or for each value."
        ) from None
    return _to_samples(values * weight, reduce), _to_samples(weight, reduce)


def _to_samples(values: jax.Array, reduce: Callable[..., jax.Array]) -> jax.Array:
    return reduce(values, axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values


def mask_weight(sample_weight: Any, mask: Any) -> Any:
    """Return the weights with those of masked values set to 0, or None if there are neither weights nor a mask.

    Unlike in a loss, nothing is scaled up: a masked value counts neither in the total nor in the count.

    Args:
        sample_weight: Numbers, shape (batch,) or (batch, time), or None.
        mask: Booleans, False where a value is left out, or None.

    Returns:
        Numbers in the shape of the larger of both, or None.

    >>> mask_weight(jnp.array([2.0, 3.0]), jnp.array([[True, False], [True, True]])).tolist()
    [[2.0, 0.0], [3.0, 3.0]]
    """
    if mask is None:
        return sample_weight
    mask = jnp.asarray(mask)
    if sample_weight is None:
        return mask.astype(jnp.result_type(float))
    weight, mask = same_rank(jnp.asarray(sample_weight), mask)
    missing = mask.ndim - weight.ndim
    if missing > 0 and weight.shape == mask.shape[: weight.ndim]:
        weight = weight.reshape(weight.shape + (1,) * missing)
    return weight * mask.astype(weight.dtype)
