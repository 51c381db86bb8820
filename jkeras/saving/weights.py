"""`save_weights` and `load_weights`: HDF5 files that Keras 2 and 3 read and write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jkeras.saving.archive import WEIGHTS, open_archive
from jkeras.saving.atomic import atomic_path
from jkeras.saving.hdf5 import open_for_reading
from jkeras.saving.hdf5_seal import seal
from jkeras.saving.keras3_weights import match_keras3, write_keras3
from jkeras.saving.legacy_weights import is_legacy, match_legacy, write_legacy
from jkeras.saving.matching import HostValues, Mismatches, assign_all, read_all
from jkeras.saving.optimizer_files import numbered_rows, trained_optimizer, write_numbered
from jkeras.saving.optimizer_weights import fits, restore_optimizer
from jkeras.saving.safetensors import is_safetensors, load_safetensors, save_safetensors
from jkeras.saving.shards import is_index, open_shards, write_shards


def save_weights(model: Any, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None) -> None:
    """Write the weights of `model` to an HDF5 file.

    A name that ends in `.weights.h5` gives the layout of Keras 3, one that ends in `.safetensors` a safetensors file
    with the names of `params` and `state`, any other name the layout of Keras 2. The file appears whole or not at all,
    and one weight at a time is brought to the host.

    Args:
        model: A built model (or layer).
        filepath: Name of the file; folders are made when they are missing.
        overwrite: Whether to replace an existing file.
        max_shard_size: Gigabytes of one file. Given that, the name is that of an index, `model.weights.json`, and the
            weights are written beside it, to `model_00000.weights.h5` and so on. None: to one file.

    Raises:
        ValueError: If the model is not built, or a weight is larger than a shard.
        FileExistsError: If the file exists and `overwrite` is false.

    >>> import tempfile, os, numpy as np
    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> path = os.path.join(tempfile.mkdtemp(), "model.weights.h5")
    >>> model = Sequential([Dense(2, input_shape=(3,))])
    >>> save_weights(model, path)
    >>> twin = Sequential([Dense(2, input_shape=(3,))])
    >>> load_weights(twin, path)
    >>> bool(np.all(twin.get_weights()[0] == model.get_weights()[0]))
    True
    """
    import h5py

    _check_built(model, "saved")
    if is_safetensors(filepath):
        return save_safetensors(model, filepath, overwrite)
    values = HostValues(model)
    if max_shard_size is not None or is_index(filepath):
        if max_shard_size is None:
            raise ValueError(f"{os.fspath(filepath)!r} is the name of an index of shards: give max_shard_size= too.")
        return write_shards(model, filepath, values, max_shard_size, overwrite)
    write = write_keras3 if os.fspath(filepath).endswith(".weights.h5") else write_legacy
    with atomic_path(filepath, overwrite, values.nbytes) as temporary, h5py.File(temporary, "x") as file:
        write(file, model, values)
        if write is write_keras3:
            write_numbered(file, model)
        seal(file)


def load_weights(
    model: Any, filepath: Any, by_name: bool = False, skip_mismatch: bool = False, allow_nan: bool = False
) -> None:
    """Read the weights of `model` from an HDF5 file that Keras 2, Keras 3 or jkeras wrote, or from a safetensors file.

    Which layout the file has is seen from its content. All of it is read and checked first, so a file that does not
    fit changes nothing. Nothing in the file is executed and no link in it is followed. If the file has the state of
    an optimizer, and the model one of that kind that has been used, that is taken over too, as in Keras 3.

    Args:
        model: A built model (or layer).
        filepath: Name of the file; also a whole model, `.h5` or `.keras`, or the `.weights.json` of several files.
        by_name: Match layers by name, not by order, and ignore the rest (Keras 2 layout; safetensors are always matched
            by name, and ignore the rest with it).
        skip_mismatch: Warn about layers that do not fit, and leave them as they are, instead of raising.
        allow_nan: Accept values that are NaN.

    Raises:
        ValueError: If the model is not built, or the file is damaged, does not fit or holds NaN; names the layer.
        FileNotFoundError: If there is no such file.

    >>> import tempfile
    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> path = os.path.join(tempfile.mkdtemp(), "model.weights.h5")
    >>> save_weights(Sequential([Dense(2, input_shape=(3,))]), path)
    >>> load_weights(Sequential([Dense(2, input_shape=(4,))]), path)
    Traceback (most recent call last):
    ValueError: ... does not fit the model. Layer 'dense', weight 'kernel': expected shape (4, 2); found (3, 2)...
    """
    _check_built(model, "loaded")
    name = os.fspath(filepath)
    mismatches = Mismatches(name, skip_mismatch)
    if is_safetensors(name):
        return load_safetensors(model, name, by_name, mismatches, allow_nan)
    with open_shards(name) if is_index(name) else open_weights(name) as file:
        if not isinstance(file, list) and is_legacy(file):
            matches = match_legacy(file, model, by_name, mismatches)
        elif by_name:
            raise ValueError(
                f"{name!r} has the layout of Keras 3, which holds layers by class and position. "
                "by_name=True works for files of the Keras 2 layout, e.g. 'weights.h5'."
            )
        else:
            matches = match_keras3(file, model, mismatches)
        values = read_all(matches, name, allow_nan)
        optimizer = trained_optimizer(model)
        rows = [] if optimizer is None or isinstance(file, list) else numbered_rows(file, name)
        if rows and fits(optimizer, model.trainable_variables, rows):
            restore_optimizer(optimizer, model.trainable_variables, rows, repr(name))
    assign_all(values)


@contextmanager
def open_weights(name: str) -> Iterator[Any]:
    """Open an HDF5 file of weights, or the one inside a `.keras` archive."""
    if not begins_as_zip(name):
        with open_for_reading(name) as file:
            yield file
        return
    with open_archive(name) as archive, archive.hdf5(WEIGHTS) as file:
        yield file


def begins_as_zip(name: str) -> bool:
    """Whether a file is a `.keras` archive, going by its first bytes."""
    if not os.path.isfile(name):
        return False
    with open(name, "rb") as file:
        return file.read(2) == b"PK"


def _check_built(model: Any, what: str) -> None:
    if not model._is_declared():
        raise ValueError(
            f"The weights of {model.name!r} cannot be {what}: it is not built, so it has none yet. "
            "Give it an Input, call it on data, or call model.build(input_shape)."
        )
