"""Connectionist temporal classification."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jkeras.functional.crossentropy import sparse_labels
from jkeras.functional.losses import as_float


def ctc(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Minus the log probability of a label sequence, summed over its alignments with the frames.

    Args:
        y_true: Class numbers, shape (batch, labels); 0 is the blank and pads short sequences.
        y_pred: Logits, shape (batch, frames, classes).

    Returns:
        One value for each sample, shape (batch,); about 1e5 if no alignment fits.

    Reference: Graves et al. 2006, "Connectionist temporal classification"; computed by `optax.ctc_loss`.

    >>> round(float(ctc([[1]], jnp.zeros((1, 1, 2)))[0]), 4)
    0.6931
    """
    logits = as_float(y_pred)
    labels = sparse_labels(y_true, 3)
    if logits.ndim != 3 or labels.ndim != 2 or logits.shape[0] != labels.shape[0]:
        raise ValueError(
            "ctc expected y_true of shape (batch, labels) and y_pred of shape (batch, frames, classes); "
            f"got {labels.shape} and {logits.shape}."
        )
    all_frames = jnp.zeros(logits.shape[:2], logits.dtype)
    return optax.ctc_loss(logits, all_frames, labels, (labels == 0).astype(logits.dtype), blank_id=0)


def ctc_loss(
    target: ArrayLike, output: ArrayLike, target_length: ArrayLike, output_length: ArrayLike, blank: int = 0
) -> jax.Array:
    """As `ctc`, for sequences whose lengths are given.

    Args:
        target: Class numbers, shape (batch, labels).
        output: Logits, shape (batch, frames, classes).
        target_length: Number of labels of each sample, shape (batch,).
        output_length: Number of frames of each sample, shape (batch,).
        blank: The class that is no label.

    Returns:
        One value for each sample, shape (batch,).

    >>> round(float(ctc_loss([[1, 7]], jnp.zeros((1, 3, 2)), [1], [1])[0]), 4)
    0.6931
    """
    logits, labels = as_float(output), jnp.asarray(target).astype(jnp.int32)
    paddings = [
        (jnp.arange(size) >= jnp.asarray(length)[:, None]).astype(logits.dtype)
        for size, length in ((logits.shape[1], output_length), (labels.shape[1], target_length))
    ]
    return optax.ctc_loss(logits, paddings[0], labels, paddings[1], blank_id=blank)
