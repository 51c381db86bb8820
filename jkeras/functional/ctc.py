"""Decoding what a model trained by connectionist temporal classification says: the most probable labels."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import functools
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

NOTHING = -1
"""What pads label sequences."""


def greedy_decode(logits: Array, lengths: Array, merge_repeated: bool = True, blank: int = 0) -> tuple[Array, Array]:
    """Take the best class of each frame, one of each run if `merge_repeated`, and drop the blanks.

    Args:
        logits: `(batch, frames, classes)`.
        lengths: Number of frames of each sample, `(batch,)`.
        merge_repeated: Whether equal neighbours are one label.
        blank: The class that is no label.

    Returns:
        Labels `(batch, frames)`, int32, padded by -1, and minus the sum of their logits `(batch, 1)`.

    >>> labels, _ = greedy_decode(jax.nn.one_hot(jnp.asarray([[1, 1, 0, 1, 2]]), 3), jnp.asarray([5]))
    >>> labels.tolist()
    [[1, 1, 2, -1, -1]]
    """
    best = jnp.argmax(logits, axis=-1).astype(jnp.int32)
    frames = jnp.arange(best.shape[1])
    valid = frames < lengths[:, None]
    scores = -jnp.sum(jnp.where(valid, jnp.max(logits, axis=-1), 0), axis=1, keepdims=True)
    keep = valid & (best != blank)
    if merge_repeated:
        keep &= jnp.pad(best[:, 1:] != best[:, :-1], ((0, 0), (1, 0)), constant_values=True)
    order = jnp.argsort(~keep, axis=1, stable=True)
    labels = jnp.take_along_axis(jnp.where(keep, best, NOTHING), order, axis=1)
    return labels, scores


class _Beams(NamedTuple):
    """The label sequences that are kept, each with the log probability of its alignments so far."""

    labels: Array  # (beams, frames), padded
    sizes: Array
    label_scores: Array  # of alignments whose last frame is the last label
    blank_scores: Array  # of those whose last frame is a blank

    @property
    def scores(self) -> Array:
        return jnp.logaddexp(self.label_scores, self.blank_scores)


def beam_decode(
    logits: Array, lengths: Array, beam_width: int = 100, top_paths: int = 1, blank: int = 0
) -> tuple[Array, Array]:
    """Search the label sequences with the most probable sum of alignments (Graves, 2012).

    After each frame the `beam_width` most probable sequences are kept.

    Args:
        logits: `(batch, frames, classes)`.
        lengths: Number of frames of each sample, `(batch,)`.
        beam_width: How many are kept.
        top_paths: How many are returned.
        blank: The class that is no label.

    Returns:
        Labels `(top_paths, batch, frames)`, int32, padded by -1, the best first, and their log probabilities
        `(batch, top_paths)`.

    Raises:
        ValueError: If more paths than beams are asked for, or the blank is no class.

    >>> labels, scores = beam_decode(jnp.zeros((1, 2, 2)), jnp.asarray([2]), beam_width=4)
    >>> labels.tolist(), round(jnp.exp(scores[0, 0]).item(), 4)
    ([[[1, -1]]], 0.75)
    """
    if top_paths > beam_width:
        raise ValueError(f"beam_decode: top_paths must be at most beam_width, {beam_width}; got {top_paths}.")
    if not 0 <= blank < logits.shape[-1]:
        raise ValueError(f"beam_decode: the blank must be one of {logits.shape[-1]} classes; got {blank}.")
    log_probs = jax.nn.log_softmax(logits.astype(jnp.promote_types(logits.dtype, jnp.float32)))
    search = functools.partial(_search, beam_width=beam_width, top_paths=top_paths, blank=blank)
    labels, scores = jax.vmap(search)(log_probs, lengths)
    return jnp.swapaxes(labels, 0, 1), scores


def _search(log_probs: Array, length: Array, beam_width: int, top_paths: int, blank: int) -> tuple[Array, Array]:
    frames = log_probs.shape[0]
    nothing = jnp.full(beam_width, -jnp.inf, log_probs.dtype)
    beams = _Beams(
        jnp.full((beam_width, frames), NOTHING, jnp.int32),
        jnp.zeros(beam_width, jnp.int32),
        nothing,
        nothing.at[0].set(0),
    )

    def step(beams: _Beams, at: Any) -> tuple[_Beams, None]:
        frame, scores = at
        later = _extend(beams, scores, blank)
        return jax.tree.map(partial(jnp.where, frame < length), later, beams), None

    beams, _ = lax.scan(step, beams, (jnp.arange(frames), log_probs))
    scores, best = lax.top_k(beams.scores, top_paths)
    return beams.labels[best], scores


def _extend(beams: _Beams, scores: Array, blank: int) -> _Beams:
    """Read one frame: each sequence stays, by a blank or its last label again, or gets one more; keep the best."""
    width, classes = beams.sizes.shape[0], scores.shape[0]
    places, every = jnp.arange(beams.labels.shape[1]), jnp.arange(classes)
    last = jnp.take_along_axis(beams.labels, jnp.maximum(beams.sizes - 1, 0)[:, None], axis=1)[:, 0]

    with_blank = beams.scores + scores[blank]
    repeated = beams.label_scores + scores[last]
    # Only a blank in between makes a label again a label more.
    before = jnp.where(every == last[:, None], beams.blank_scores[:, None], beams.scores[:, None])
    added = jnp.where(every == blank, -jnp.inf, before + scores)

    # A sequence with one more label may be one that is kept already: their probabilities add up.
    alive = beams.scores > -jnp.inf
    shorter = jnp.where(places == beams.sizes[:, None] - 1, NOTHING, beams.labels)
    grows = jnp.all(shorter[:, None] == beams.labels, axis=-1) & (beams.sizes[:, None] == beams.sizes + 1)
    grows &= alive[:, None] & alive
    parent, found = jnp.argmax(grows, axis=1), jnp.any(grows, axis=1)
    repeated = jnp.where(found, jnp.logaddexp(repeated, added[parent, last]), repeated)
    added = added.at[jnp.where(found, parent, width), last].set(-jnp.inf, mode="drop")

    _, best = lax.top_k(jnp.concatenate([jnp.logaddexp(repeated, with_blank), added.ravel()]), width)
    is_new = best >= width
    source = jnp.where(is_new, (best - width) // classes, best)
    label = ((best - width) % classes).astype(jnp.int32)
    at_end = is_new[:, None] & (places == beams.sizes[source][:, None])
    return _Beams(
        jnp.where(at_end, label[:, None], beams.labels[source]),
        beams.sizes[source] + is_new,
        jnp.where(is_new, added[source, label], repeated[source]),
        jnp.where(is_new, -jnp.inf, with_blank[source]),
    )
