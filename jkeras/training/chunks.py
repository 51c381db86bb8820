"""Arrays too large to live on the device, cut into chunks that live there while a compiled loop runs over them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from jkeras.training.data import ArrayData, Batch, rows

CHUNK_BYTES = 2**25  # a chunk is in use, one or two wait, one is made: they need four times as much
FEWEST_STEPS = 4  # a chunk of fewer batches is not worth its loop


def batch_bytes(sample: Batch) -> int:
    """Return the bytes of a batch.

    >>> batch_bytes(Batch(np.zeros((32, 10), "float32")))
    1280
    """
    return sum(math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(sample))


def chunk_steps(data: Any) -> int:
    """Return the number of batches in a chunk of `data`; 0 if so few fit that they better come one by one.

    >>> chunk_steps(ArrayData(Batch(np.zeros((10**4, 2**15), "uint8")), 32)), chunk_steps(iter([]))
    (32, 0)
    """
    if not isinstance(data, ArrayData):
        return 0
    steps = min(CHUNK_BYTES // max(batch_bytes(data.sample()), 1), data.steps)
    return steps if steps >= FEWEST_STEPS else 0


def chunks(
    data: ArrayData, order: np.ndarray | None, steps: int | None, start: int = 0
) -> Iterator[tuple[Batch, int, int, int]]:
    """Yield `(host arrays, batch size, batches, first batch)` for one epoch: chunks of full batches, then the rest.

    All chunks of full batches have the same shape, so that one program serves them; the last may be filled up with
    rows that no step sees.

    Args:
        data: What is cut.
        order: The order of samples; None: as they lie.
        steps: Batches, if not all.
        start: The batch to begin with. Chunks are cut as ever, so the first one may begin before it.
    """
    size = data.batch_size
    samples = data.samples if order is None else len(order)
    if order is None and steps is not None:
        samples = min(samples, steps * size)
    full, rest = divmod(samples, size)
    length = min(chunk_steps(data), full)
    for first in range(0, full, max(length, 1)):
        count = min(length, full - first)
        if first + count <= start:
            continue
        part = rows(data, order, first * size, (first + count) * size)
        yield jax.tree.map(lambda a: _filled(a, length * size), part), size, count, max(0, start - first)
    if rest and start <= full:
        yield rows(data, order, full * size, samples), rest, 1, 0


def _filled(array: np.ndarray, length: int) -> np.ndarray:
    missing = length - len(array)
    return array if not missing else np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)])
