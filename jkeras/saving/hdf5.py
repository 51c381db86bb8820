"""HDF5 as plain data: no links are followed, and sizes are checked before memory is taken."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras.saving.hdf5_checks import check_dataset, checksum, child, file_of, read_attribute, reported
from jkeras.saving.hdf5_seal import check_seal
from jkeras.saving.limits import DEPTH

# An attribute larger than this does not fit into the header of an HDF5 object.
_HEADER_LIMIT = 64512
# Where the checksum of an array is kept: an attribute of its dataset, which Keras passes over.
_CHECKSUM = "jkeras_crc32"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@contextmanager
def open_for_reading(path: Any) -> Iterator[Any]:
    """Open an HDF5 file, given by its name or as an open binary file whose `repr` is its name for messages.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no HDF5 file, or is damaged.
    """
    import h5py

    is_open = hasattr(path, "readinto")
    name = repr(path) if is_open else repr(os.fspath(path))
    if not is_open:
        _check_is_file(os.fspath(path))
    if not (_begins_as_hdf5(path) if is_open else h5py.is_hdf5(os.fspath(path))):
        raise ValueError(f"{name} is not an HDF5 file, or is damaged: it does not begin as one.")
    try:
        file = h5py.File(path if is_open else os.fspath(path), "r")
    except Exception as error:
        if "unable to lock" in str(error) or "already open" in str(error):
            raise ValueError(f"The HDF5 file {name} is being written at the moment: {error}.") from None
        raise ValueError(f"The HDF5 file {name} cannot be opened; it seems to be damaged: {error}.") from None
    with file:
        check_seal(file)
        yield file


def _check_is_file(name: str) -> None:
    if not Path(name).exists():
        hint = ""
        if Path(f"{name}.index").exists():
            hint = " There is a TensorFlow checkpoint of this name, which cannot be read; save it as .h5."
        raise FileNotFoundError(f"There is no file {name!r}.{hint}")
    if Path(name).is_dir():
        raise IsADirectoryError(f"{name!r} is a folder; give the name of a file.")


def _begins_as_hdf5(file: Any) -> bool:
    file.seek(0)
    start = file.read(len(_SIGNATURE))
    file.seek(0)
    return start == _SIGNATURE


def find(group: Any, path: str) -> Any:
    """Return the object at `path` below `group`, or None.

    Raises:
        ValueError: If a part of the path is a soft or an external link, leads upwards, or the file is damaged there.
    """
    import h5py

    parts = [part for part in path.split("/") if part]
    if len(parts) > DEPTH or "\0" in path or any(part in (".", "..") for part in parts):
        raise ValueError(f"{file_of(group)}: {path[:200]!r} is no name of a group or a dataset.")
    found: Any = group
    for part in parts:
        found = child(found, part) if isinstance(found, h5py.Group) else None
        if found is None:
            return None
    return found


def read_array(dataset: Any, shape: Sequence[int], where: str) -> np.ndarray:
    """Return the numbers of a dataset whose shape must be `shape`.

    Raises:
        ValueError: If it holds no numbers, keeps them outside of the file, declares more than the file holds, cannot be
            read, or is not what was written (in files of jkeras, which keep a checksum of each array).
    """
    dtype = check_dataset(dataset, where)
    if tuple(dataset.shape) != tuple(shape):
        raise ValueError(f"{where}: expected shape {tuple(shape)}; found {dataset.shape}.")
    with reported(f"{where}: the data"):
        array = np.asarray(dataset[()])
    expected = read_attribute(dataset, _CHECKSUM)
    if expected is not None and expected != checksum(dataset.name, array):
        raise ValueError(
            f"{where}: the data are not those that were written: their checksum differs. The file is damaged. "
            f"If they were changed on purpose, remove the attribute {_CHECKSUM!r} of {dataset.name}."
        )
    return array.view(jnp.bfloat16) if dtype.kind == "V" else array


def write_array(group: Any, name: str, array: np.ndarray) -> None:
    """Write an array with its checksum; bfloat16 as raw bytes with its name, as Keras 3 does."""
    is_bfloat16 = array.dtype == jnp.bfloat16
    dataset = group.create_dataset(name, data=array.view(np.dtype("V2")) if is_bfloat16 else array)
    if is_bfloat16:
        dataset.attrs["dtype"] = "bfloat16"
    dataset.attrs[_CHECKSUM] = np.uint32(checksum(dataset.name, array.view("V2") if is_bfloat16 else array))


def read_text(group: Any, attribute: str) -> str | None:
    """Return a text kept in an attribute, or None if it is not there.

    Raises:
        ValueError: If it is no text, or is too large.
    """
    value = read_attribute(group, attribute)
    where = f"{file_of(group)}: attribute {attribute!r} of {group.name}"
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{where}: expected text; found {type(value).__name__}.")
    return value


def write_text(group: Any, attribute: str, text: str) -> None:
    """Write a text to an attribute, of any length."""
    group.attrs[attribute] = text.encode("utf8")


def read_names(group: Any, attribute: str) -> list[str] | None:
    """Return a list of strings kept in an attribute, or in `<attribute>0`, `<attribute>1`, ... if it was too large.

    Raises:
        ValueError: If it is no list of strings, or too large.
    """
    values = read_attribute(group, attribute)
    if values is None:
        values = read_attribute(group, f"{attribute}0")
        index = 1
        while values is not None and (more := read_attribute(group, f"{attribute}{index}")) is not None:
            values, index = [*_listed(values), *_listed(more)], index + 1
    if values is None:
        return None
    values = _listed(values)
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"{file_of(group)}: attribute {attribute!r} of {group.name}: expected a list of names.")
    return values


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def write_names(group: Any, attribute: str, names: Sequence[str]) -> None:
    """Write a list of strings to an attribute, or to several if it is too large for one."""
    encoded = [name.encode("utf8") for name in names]
    widest = max(map(len, encoded), default=1)
    if widest > _HEADER_LIMIT:
        raise ValueError(f"A name of {widest} bytes is too long for an HDF5 attribute.")
    # Strings of one attribute are stored with the length of the longest.
    each = max(_HEADER_LIMIT // widest, 1)
    if len(encoded) <= each:
        group.attrs[attribute] = np.array(encoded, dtype=f"S{widest}") if encoded else np.array([])
        return
    for index, start in enumerate(range(0, len(encoded), each)):
        group.attrs[f"{attribute}{index}"] = np.array(encoded[start : start + each], dtype=f"S{widest}")
