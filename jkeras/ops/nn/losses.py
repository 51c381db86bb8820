"""Cross entropies, connectionist temporal classification, signal to noise."""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.operation import operation, publish
from jkeras.functional import crossentropy, ctc


def _binary_crossentropy(target: Any, output: Any, *, from_logits: bool) -> Array:
    # The mean over an axis of one element is that element.
    target, output = jnp.asarray(target)[..., None], jnp.asarray(output)[..., None]
    output = output.astype(jnp.result_type(target, output))
    return crossentropy.binary_crossentropy(target, output, from_logits)


def _ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, *, mask_index: int) -> Array:
    # optax is needed by this one only.
    from jkeras.losses.ctc import ctc_loss

    return ctc_loss(target, output, target_length, output_length, mask_index)


def _ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    *,
    strategy: str,
    beam_width: int,
    top_paths: int,
    merge_repeated: bool,
    mask_index: int,
) -> tuple[Array, Array]:
    inputs, lengths = jnp.asarray(inputs), jnp.asarray(sequence_lengths)
    if strategy == "greedy":
        labels, scores = ctc.greedy_decode(inputs, lengths, merge_repeated, mask_index)
        return labels[None], scores
    if strategy != "beam_search":
        raise ValueError(f"ctc_decode: strategy must be 'greedy' or 'beam_search'; got {strategy!r}.")
    # The labels of an alignment are what repeats merge to: there is no search without, in Keras neither.
    return ctc.beam_decode(inputs, lengths, beam_width, top_paths, mask_index)


def _psnr(x1: Any, x2: Any, max_val: Any) -> Array:
    error = jnp.mean(jnp.square(jnp.asarray(x1) - jnp.asarray(x2)))
    return 20 * jnp.log10(max_val) - 10 * jnp.log10(error)


_loss = functools.partial(
    operation, target="Array of labels, as probabilities.", output="Array of predictions of the same shape.",
    axis="The axis of the classes.", returns="Array of floats without the axis of the classes.",
)  # fmt: skip

binary_crossentropy = _loss(
    _binary_crossentropy, "target, output, from_logits=False", "`-t log(p) - (1 - t) log(1 - p)`, element by element.",
    "[1.0, 0.0], [0.5, 0.75] -> [0.693..., 1.386...]", elementwise=True, returns="Array of floats of the same shape.",
)  # fmt: skip
categorical_crossentropy = _loss(
    crossentropy.categorical_crossentropy, "target, output, from_logits=False, axis=-1",
    "`-sum(t log(p))` over the classes along `axis`.", "[[0.0, 1.0]], [[0.5, 0.5]] -> [0.693...]",
)  # fmt: skip
sparse_categorical_crossentropy = _loss(
    crossentropy.sparse_categorical_crossentropy, "target, output, from_logits=False, axis=-1",
    "`-log(p)` of the class that `target` names.", "[1], [[0.5, 0.5]] -> [0.693...]",
    target="Array of class numbers, without the axis of the classes.", output="Array of predictions.",
)  # fmt: skip
ctc_loss = operation(
    _ctc_loss, "target, output, target_length, output_length, mask_index=0",
    "Minus the log probability of label sequences, summed over their alignments with the frames.",
    "[[1]], [[[0.0, 0.0]]], [1], [1] -> [0.693...]", target="Class numbers `(batch, labels)`.",
    output="Logits `(batch, frames, classes)`.", target_length="How many labels count, `(batch,)`.",
    output_length="How many frames count, `(batch,)`.", mask_index="The class that stands for no label.",
    returns="Array `(batch,)` of floats.",
)  # fmt: skip
ctc_decode = operation(
    _ctc_decode,
    'inputs, sequence_lengths, strategy="greedy", beam_width=100, top_paths=1, merge_repeated=True, mask_index=0',
    "The most probable label sequences, and their scores.",
    ">>> labels, scores = ctc_decode([[[0.0, 1.0], [1.0, 0.0]]], [2])\n>>> labels.tolist()\n[[[1, -1]]]",
    inputs="Logits `(batch, frames, classes)`.", sequence_lengths="How many frames count, `(batch,)`.",
    strategy='"greedy" takes the best class of each frame, "beam_search" looks for the best sequences.',
    beam_width="How many prefixes the search keeps.", top_paths="How many sequences the search returns.",
    merge_repeated="Whether equal labels of neighbouring frames are one.",
    mask_index="The class that stands for no label.",
    returns="Integers `(paths, batch, frames)`, padded by -1, and scores `(batch, paths)`.",
)  # fmt: skip
psnr = operation(
    _psnr, "x1, x2, max_val", "Peak signal-to-noise ratio, `20 log10(max_val / rms(x1 - x2))`.",
    "[1.0, 2.0], [2.0, 3.0], 10.0 -> 20.0", max_val="The range of the values.",
    returns="A number in decibels, shape `()`.",
)  # fmt: skip


__all__ = publish(globals())
