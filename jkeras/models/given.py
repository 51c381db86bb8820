"""The data given to a model's methods, as training sees them."""

from __future__ import annotations

from typing import Any

import jax

from jkeras.training.data import ArrayData, Batch, make_data, split


def training_data(
    x: Any,
    y: Any,
    sample_weight: Any,
    batch_size: int | None,
    class_weight: Any,
    validation_split: float,
    validation_data: Any,
    validation_batch_size: int | None,
    prepare: Any,
) -> tuple[Any, Any]:
    """Return the data to train on and to validate on (or None)."""
    data = make_data(x, y, sample_weight, batch_size, class_weight, prepare=prepare)
    if validation_data is not None:
        is_arrays = isinstance(validation_data, (tuple, list)) and len(validation_data) in (1, 2, 3)
        parts = tuple(validation_data) if is_arrays else (validation_data,)
        return data, make_data(*parts, batch_size=validation_batch_size, name="validation_data", prepare=prepare)
    if not validation_split:
        return data, None
    if not isinstance(data, ArrayData):
        raise ValueError("validation_split needs arrays: a generator cannot be split. Give validation_data.")
    unweighted = make_data(data.batch.x, y, sample_weight, batch_size)
    assert isinstance(unweighted, ArrayData)
    train, _ = split(data.batch, validation_split)
    _, held_out = split(unweighted.batch, validation_split)
    return ArrayData(train, data.batch_size), ArrayData(held_out, int(validation_batch_size or data.batch_size))


def one_batch(x: Any, y: Any, sample_weight: Any, class_weight: Any, prepare: Any) -> Batch:
    """Return arrays as a single batch."""
    data = make_data(x, y, sample_weight, row_count(x), class_weight, prepare=prepare)
    if not isinstance(data, ArrayData):
        raise TypeError(f"train_on_batch takes arrays; got a {type(x).__name__}. Use fit for an iterable of batches.")
    return data.batch


def row_count(x: Any) -> int | None:
    """Return the number of samples, or None if `x` does not tell."""
    leaves = jax.tree.leaves(x)
    if leaves and getattr(leaves[0], "shape", None):  # sparse matrices have a shape, but no length
        return max(1, leaves[0].shape[0])
    return max(1, len(leaves[0])) if leaves and hasattr(leaves[0], "__len__") else None
