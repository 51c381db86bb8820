"""HDF5 as plain data: no links are followed, and sizes are checked before memory is taken."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

# An attribute larger than this does not fit into the header of an HDF5 object.
_HEADER_LIMIT = 64512
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
    except OSError as error:
        raise ValueError(f"The HDF5 file {name} cannot be opened; it seems to be damaged: {error}.") from None
    with file:
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
        ValueError: If a part of the path is a soft or an external link.
    """
    import h5py

    found: Any = group
    for part in path.split("/"):
        if not part:
            continue
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ValueError(
                f"{found.file.filename!r}: {str(found.name).rstrip('/')}/{part} is a link ({type(link).__name__}). "
                "Links in weight files are not followed."
            )
        try:
            found = found[part]
        except (OSError, KeyError, RuntimeError) as error:
            raise ValueError(f"{group.file.filename!r} is damaged at {path!r}: {error}.") from None
    return found


def read_array(dataset: Any, shape: Sequence[int], where: str) -> np.ndarray:
    """Return the numbers of a dataset whose shape must be `shape`.

    Raises:
        ValueError: If it holds no numbers, keeps them outside of the file, or cannot be read.
    """
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{where}: expected a dataset; found {type(dataset).__name__}.")
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{where}: the dataset keeps its data outside of the file, which is not followed.")
    is_bfloat16 = dataset.dtype == np.dtype("V2") and _text(dataset.attrs.get("dtype", "")) == "bfloat16"
    if dataset.dtype.kind not in "fiub" and not is_bfloat16:
        raise ValueError(f"{where}: expected numbers; found dtype {dataset.dtype}.")
    if dataset.shape is None or tuple(dataset.shape) != tuple(shape):
        raise ValueError(f"{where}: expected shape {tuple(shape)}; found {dataset.shape}.")
    try:
        array = np.asarray(dataset[()])
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{where}: the data cannot be read; the file seems to be damaged: {error}.") from None
    return array.view(jnp.bfloat16) if is_bfloat16 else array


def write_array(group: Any, name: str, array: np.ndarray) -> None:
    """Write an array; bfloat16 as raw bytes with its name, as Keras 3 does."""
    if array.dtype == jnp.bfloat16:
        group.create_dataset(name, data=array.view(np.dtype("V2"))).attrs["dtype"] = "bfloat16"
    else:
        group.create_dataset(name, data=array)


def read_names(group: Any, attribute: str) -> list[str] | None:
    """Return a list of strings kept in an attribute, or in `<attribute>0`, `<attribute>1`, ... if it was too large."""
    attributes = group.attrs
    if attribute in attributes:
        values = list(attributes[attribute])
    elif f"{attribute}0" in attributes:
        values, index = [], 0
        while f"{attribute}{index}" in attributes:
            values += list(attributes[f"{attribute}{index}"])
            index += 1
    else:
        return None
    return [_text(value) for value in values]


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


def _text(value: Any) -> str:
    return value.decode("utf8", "replace") if isinstance(value, bytes) else str(value)
