"""Training checkpoints as folders of shards, which all hosts write and read together: by Orbax."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jkeras.core.extras import optional
from jkeras.saving.checkpoint import Snapshot, key_data
from jkeras.saving.checkpoint_file import FORMAT, VERSION, Arrays, DamagedError, checked_document, described

ARRAYS, DOCUMENT = "arrays", "document"


def orbax_checkpoint() -> Any:
    """Return the module `orbax.checkpoint`.

    Raises:
        ImportError: If it is not installed; says how to.
    """
    one_file = "A checkpoint in one file does not: model.save_checkpoint('name.h5')."
    return optional("orbax.checkpoint", "A checkpoint of several processes", one_file)


def save_arguments(taken: Snapshot) -> Any:
    """Return what Orbax is to write: arrays by group and name, and the document that describes them."""
    arguments = orbax_checkpoint().args
    arrays = {group: {k: _writable(v) for k, v in members.items()} for group, members in taken.arrays.items()}
    listing = {group: {k: described(v) for k, v in members.items()} for group, members in arrays.items()}
    # Orbax has no arrays without elements, and needs none: their description is all there is to them.
    kept = {group: {k: v for k, v in members.items() if v.size} for group, members in arrays.items()}
    document = {"format": FORMAT, "version": VERSION, **taken.document, "arrays": listing}
    return arguments.Composite(**{ARRAYS: arguments.PyTreeSave(kept), DOCUMENT: arguments.JsonSave(document)})


def write_folder(path: Any, taken: Snapshot, overwrite: bool = True) -> None:
    """Write a checkpoint into a folder; every process of a run on several hosts has to call it.

    An existing checkpoint is deleted before the new one is written: to have one at every moment, write to another
    folder each time, as `OrbaxCheckpoint` does.

    Raises:
        FileExistsError: If the folder exists and `overwrite` is false.
    """
    folder, orbax = Path(path).absolute(), orbax_checkpoint()
    if folder.exists() and not overwrite:
        raise FileExistsError(f"{str(path)!r} exists already. Pass overwrite=True to replace it.")
    with orbax.Checkpointer(orbax.CompositeCheckpointHandler()) as checkpointer:
        checkpointer.save(folder, args=save_arguments(taken), force=overwrite)


class StoredFolder:
    """An open sharded checkpoint: its document, and its arrays.

    Args:
        folder: The folder of one checkpoint.
        checkpointer: Of Orbax.
    """

    def __init__(self, folder: Path, checkpointer: Any):
        self.folder, self.checkpointer, self.arguments = folder, checkpointer, orbax_checkpoint().args
        found = self._restore(**{DOCUMENT: self.arguments.JsonRestore()})[DOCUMENT]
        self.document = checked_document(found, str(folder))

    def read(self, groups: Arrays) -> Arrays:
        """Return the arrays of some groups as the document describes them.

        Args:
            groups: Arrays by group and name: those of several devices are read as they lie there, others to the host.
                A group without any is read whole.
        """
        orbax, target, ways, empty = orbax_checkpoint(), {}, {}, {}
        for group, rows in self.document["arrays"].items():
            target[group], ways[group], empty[group] = {}, {}, {}
            for name, row in rows.items():
                shape, dtype = tuple(row["shape"]), jax.numpy.dtype(row["dtype"])
                current: Any = groups.get(group, {}).get(name)
                if 0 in shape:
                    empty[group][name] = np.zeros(shape, dtype)
                    continue
                target[group][name] = jax.ShapeDtypeStruct(shape, dtype)
                ways[group][name] = orbax.RestoreArgs(restore_type=np.ndarray)
                if _is_spread(current):
                    ways[group][name] = orbax.ArrayRestoreArgs(sharding=current.sharding, global_shape=shape)
        arguments = self.arguments.PyTreeRestore(target, restore_args=ways)
        found = self._restore(**{ARRAYS: arguments})[ARRAYS]
        return {group: {**(found.get(group) or {}), **empty[group]} for group in groups}

    def _restore(self, **arguments: Any) -> Any:
        try:
            return self.checkpointer.restore(self.folder, args=self.arguments.Composite(**arguments))
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise DamagedError(f"{str(self.folder)!r} is not a sharded checkpoint, or is damaged: {error}") from None


@contextmanager
def open_folder(path: Any) -> Iterator[StoredFolder]:
    """Open a sharded checkpoint, or the last one in a folder of them.

    Raises:
        DamagedError: If there is none.
    """
    folder, orbax = Path(os.path.realpath(path)), orbax_checkpoint()
    if not (folder / DOCUMENT).is_dir():
        numbered = [below for below in folder.iterdir() if below.name.isdigit() and (below / DOCUMENT).is_dir()]
        if not numbered:
            raise DamagedError(f"There is no sharded checkpoint in the folder {str(path)!r}.")
        folder = max(numbered, key=lambda below: int(below.name))
    with orbax.Checkpointer(orbax.CompositeCheckpointHandler()) as checkpointer:
        yield StoredFolder(folder, checkpointer)


def _is_spread(array: Any) -> bool:
    return isinstance(array, jax.Array) and len(array.sharding.device_set) > 1


def _writable(array: Any) -> Any:
    """Return what lies on several devices as it is, and anything else as a copy on the host."""
    array = key_data(array)
    return array if _is_spread(array) else np.array(jax.device_get(array))
