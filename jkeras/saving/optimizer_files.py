"""The state of an optimizer in HDF5 files: numbered as Keras 3 has it, or by name as Keras 2."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.saving.hdf5 import find, read_array, read_names, write_array, write_names
from jkeras.saving.optimizer_weights import Row, optimizer_rows

_NUMBERED, _NAMED = "optimizer/vars", "optimizer_weights"


def write_numbered(file: Any, model: Any) -> None:
    """Write the state of the optimizer of a model, if it has been used, in the layout of Keras 3."""
    optimizer = trained_optimizer(model)
    if optimizer is not None:
        group = file.create_group(_NUMBERED)
        group.attrs["name"] = optimizer.name
        for index, (_, array) in enumerate(optimizer_rows(optimizer, model.trainable_variables)):
            write_array(group, str(index), array)


def write_named(file: Any, model: Any) -> None:
    """Write the state of the optimizer of a model, if it has been used, in the layout of Keras 2."""
    optimizer = trained_optimizer(model)
    if optimizer is not None:
        group = file.create_group(_NAMED)
        rows = optimizer_rows(optimizer, model.trainable_variables, era=2)
        write_names(group, "weight_names", [name for name, _ in rows])
        for name, array in rows:
            write_array(group, name, array)


def trained_optimizer(model: Any) -> Any:
    """Return the optimizer of a model if it has a state for its variables, else None."""
    compiled = getattr(model, "_compiled", None)
    optimizer = None if compiled is None else compiled.optimizer
    return optimizer if optimizer is not None and optimizer.built else None


def numbered_rows(file: Any, name: str) -> list[Row]:
    """Return what a file in the layout of Keras 3 has for an optimizer; `name` is the file's, for messages."""
    group, rows = find(file, _NUMBERED), []
    while group is not None and (dataset := find(group, str(len(rows)))) is not None:
        rows.append(_row(str(len(rows)), dataset, f"{name!r}: {_NUMBERED}/{len(rows)}"))
    return rows


def named_rows(file: Any, name: str) -> list[Row]:
    """Return what a file in the layout of Keras 2 has for an optimizer; `name` is the file's, for messages.

    Raises:
        ValueError: If an array is listed and missing.
    """
    group, rows = find(file, _NAMED), []
    for key in (read_names(group, "weight_names") or []) if group is not None else []:
        dataset = find(group, key)
        if dataset is None:
            raise ValueError(f"{name!r} lists {_NAMED}/{key}, but does not contain it.")
        rows.append(_row(key, dataset, f"{name!r}: {_NAMED}/{key}"))
    return rows


def _row(key: str, dataset: Any, where: str) -> Row:
    shape = getattr(dataset, "shape", None)
    if shape is None:
        raise ValueError(f"{where}: expected an array.")
    return Row(key, tuple(shape), lambda: np.asarray(read_array(dataset, shape, where)))
