"""One HDF5 file with groups of arrays and a JSON document that describes them: how a training checkpoint is stored."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras.saving.atomic import atomic_path
from jkeras.saving.hdf5 import find, open_for_reading, read_array, write_array
from jkeras.saving.limits import JSON_BYTES, parse_json

FORMAT = "jkeras training checkpoint"
VERSION = 1
_DOCUMENT = "document"
# What h5py, and looking into a document that is none, may raise.
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OSError)

Arrays = dict[str, dict[str, Any]]


class DamagedError(ValueError):
    """The file is not what was written: another one may be whole."""


def write_file(path: Any, arrays: Arrays, document: dict[str, Any], overwrite: bool = True) -> None:
    """Write arrays on the host, by group and name, and a document of plain data; the file appears whole or not at all.

    Raises:
        FileExistsError: If the file exists and `overwrite` is false.
    """
    import h5py

    size = sum(array.nbytes for members in arrays.values() for array in members.values())
    with atomic_path(path, overwrite, size) as temporary, h5py.File(temporary, "x") as file:
        listing: dict[str, Any] = {}
        for group, members in arrays.items():
            folder = file.create_group(group)
            listing[group] = {}
            for number, (name, array) in enumerate(members.items()):
                place = _place_for(folder, name, number)
                write_array(folder, place, _storable(np.asarray(array)))
                listing[group][name] = {**described(array), "at": place}
        whole = {"format": FORMAT, "version": VERSION, **document, "arrays": listing}
        text = json.dumps(whole, allow_nan=False).encode()
        write_array(file, _DOCUMENT, np.frombuffer(text, np.uint8))


def described(array: Any) -> dict[str, Any]:
    """Return shape and dtype of an array as plain data."""
    return {"shape": list(np.shape(array)), "dtype": str(array.dtype)}


def _place_for(folder: Any, name: str, number: int) -> str:
    """Return where an array is kept: under its name, unless HDF5 reads that name in another way or it is taken."""
    parts = name.split("/")
    plain = all(part.strip(".") for part in parts) and "\0" not in name
    if plain and name not in folder:
        above = ["/".join(parts[:i]) for i in range(1, len(parts))]
        if not any(folder.get(path, getclass=True).__name__ == "Dataset" for path in above if path in folder):
            return name
    return f"#{number}"


class Stored:
    """An open checkpoint: its document, and its arrays as they are asked for.

    Args:
        file: The HDF5 file.
        path: Its name, for messages.
    """

    def __init__(self, file: Any, path: str):
        self.file, self.path = file, path
        found = find(file, _DOCUMENT)
        if found is None or getattr(found, "shape", None) is None or len(found.shape) != 1:
            raise DamagedError(f"{path!r} is not a training checkpoint: it has no {_DOCUMENT}.")
        where = f"{path!r}: {_DOCUMENT}"
        if found.shape[0] > JSON_BYTES:
            raise DamagedError(f"{where} of {found.shape[0]} bytes is too long.")
        self.document = checked_document(parse_json(read_array(found, found.shape, where).tobytes(), where), path)

    def read(self, groups: Iterable[str]) -> Arrays:
        """Return the arrays of some groups, as the document describes them.

        Raises:
            DamagedError: If an array is not there as it was written.
        """
        try:
            listing = self.document["arrays"]
            return {
                group: {name: self._read(f"{group}/{row['at']}", row) for name, row in listing.get(group, {}).items()}
                for group in groups
            }
        except DamagedError:
            raise
        except _UNREADABLE as error:
            raise DamagedError(f"{self.path!r} is damaged: {error}.") from None

    def _read(self, at: str, row: dict[str, Any]) -> np.ndarray:
        shape = tuple(row["shape"])
        array = read_array(find(self.file, at), shape, f"{self.path!r}: {at}").view(jnp.dtype(row["dtype"]))
        if array.shape != shape:
            raise DamagedError(f"{self.path!r} is damaged: {at} has not the dtype {row['dtype']}.")
        return array


def checked_document(document: Any, path: str) -> dict[str, Any]:
    """Return the document of a checkpoint if it is one that this version reads.

    Raises:
        DamagedError: If it is none, or of a version that is not known.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise DamagedError(f"{path!r} is not a training checkpoint.")
    if document.get("version") != VERSION:
        raise DamagedError(
            f"{path!r} is a checkpoint of version {document.get('version')!r}; this jkeras reads version {VERSION}."
        )
    return document


@contextmanager
def open_file(path: Any) -> Iterator[Stored]:
    """Open a checkpoint.

    Raises:
        FileNotFoundError: If there is no such file.
        DamagedError: If it is no checkpoint, or not as it was written.
    """
    name = os.fspath(path)
    with ExitStack() as stack:
        try:
            stored = Stored(stack.enter_context(open_for_reading(name)), name)
        except (FileNotFoundError, IsADirectoryError):
            raise
        except _UNREADABLE as error:
            raise DamagedError(str(error)) from None
        yield stored


def _storable(array: np.ndarray) -> np.ndarray:
    """HDF5 has no floats of 8 bits or less: they are stored as their bits."""
    is_known = array.dtype.kind in "fiub" or array.dtype == jnp.bfloat16
    return array if is_known else array.view(f"u{array.dtype.itemsize}")
