"""`K` functions for connectionist temporal classification; the blank is the last class."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.operation import operate
from jkeras.functional import ctc
from jkeras.functional.fuzz import epsilon

__all__ = ["ctc_batch_cost", "ctc_decode", "ctc_label_dense_to_sparse"]


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """Return minus the log probability of each label sequence, summed over its alignments with the frames.

    Args:
        y_true: Class numbers, shape (batch, labels).
        y_pred: Probabilities, shape (batch, frames, classes).
        input_length: How many frames count, shape (batch, 1).
        label_length: How many labels count, shape (batch, 1).

    Returns:
        Shape (batch, 1); about 1e5 where no alignment fits.

    Reference: Graves et al. 2006, "Connectionist temporal classification"; computed by `optax.ctc_loss`.

    >>> cost = ctc_batch_cost(np.array([[0]]), np.full((1, 1, 2), 0.5), np.array([[1]]), np.array([[1]]))
    >>> round(cost.item(), 4)
    0.6931
    """
    import optax

    def cost(labels: Any, probabilities: Any, frames: Any, lengths: Any) -> Any:
        labels, frames, lengths = (jnp.asarray(a).astype(jnp.int32) for a in (labels, frames, lengths))
        logits = jnp.log(jnp.asarray(probabilities) + epsilon())
        late = (jnp.arange(logits.shape[1]) >= jnp.reshape(frames, (-1, 1))).astype(logits.dtype)
        padding = (jnp.arange(labels.shape[1]) >= jnp.reshape(lengths, (-1, 1))).astype(logits.dtype)
        return optax.ctc_loss(logits, late, labels, padding, blank_id=logits.shape[-1] - 1)[:, None]

    return operate(cost, y_true, y_pred, input_length, label_length)


def ctc_decode(
    y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[Any], Any]:
    """Return the most probable label sequences of each sample.

    Args:
        y_pred: Probabilities, shape (batch, frames, classes).
        input_length: How many frames count, shape (batch,).
        greedy: Take the best class of every frame, rather than search for the best sequence.
        beam_width: How many prefixes the search keeps.
        top_paths: How many sequences the search returns.

    Returns:
        A list of `top_paths` arrays (batch, frames) padded with -1 (one, if greedy), and scores: the log probabilities,
        (batch, top_paths); if greedy, minus the log probability of the chosen classes, (batch, 1).

    >>> [labels], _ = ctc_decode(np.eye(3)[[[0, 2, 0, 1, 1]]], np.array([5]))
    >>> labels.tolist()
    [[0, 0, 1, -1, -1]]
    """

    def decode(probabilities: Any, lengths: Any) -> Any:
        scores = jnp.log(jnp.asarray(probabilities) + epsilon())
        lengths = jnp.reshape(jnp.asarray(lengths).astype(jnp.int32), -1)
        blank = scores.shape[-1] - 1
        if greedy:
            labels, score = ctc.greedy_decode(scores, lengths, blank=blank)
            return [labels], score
        labels, score = ctc.beam_decode(scores, lengths, beam_width, top_paths, blank)
        return list(labels), score

    return operate(decode, y_pred, input_length)


def ctc_label_dense_to_sparse(labels: Any, label_lengths: Any) -> Any:
    """Return label sequences as a sparse array without what is beyond their lengths.

    Args:
        labels: Class numbers, shape (batch, labels).
        label_lengths: How many labels count, shape (batch,).

    Returns:
        A `jax.experimental.sparse.BCOO`; `K.to_dense` has zeros beyond the lengths.

    >>> sparse = ctc_label_dense_to_sparse(np.array([[3, 4], [5, 0]]), np.array([2, 1]))
    >>> sparse.data.tolist(), sparse.indices.tolist()
    ([3, 4, 5], [[0, 0], [0, 1], [1, 0]])
    """
    from jax.experimental import sparse

    labels = np.asarray(jax.device_get(labels))
    lengths = np.asarray(jax.device_get(label_lengths)).reshape(-1, 1)
    indices = np.argwhere(np.arange(labels.shape[1]) < lengths)
    values = labels[tuple(indices.T)]
    return sparse.BCOO((jnp.asarray(values), jnp.asarray(indices, jnp.int32)), shape=labels.shape)
