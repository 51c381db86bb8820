"""What an object in an HDF5 file must be to be read: numbers or text, inside the file, of a size that fits it."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from jkeras.saving.limits import ATTRIBUTE_BYTES, DEPTH, OBJECTS

# Filters that come with HDF5 or h5py: deflate, shuffle, fletcher32, LZF. Others would be plugins, loaded for the file.
_FILTERS = {1, 2, 3, 32000}
# A chunk is taken into memory whole, however small the part that is wanted.
_CHUNK_BYTES = 64 << 20
# Weights do not shrink much when they are compressed; small arrays of zeros may.
_RATIO = 200
_RATIO_FREE = 64 << 20
# Strings without a fixed length may each be as long as the file, and all be the same one: with this much on top, so
# many are read.
_VARIABLE_COUNT = 64
_VARIABLE_BYTES = 256 << 20


def check_dataset(dataset: Any, where: str) -> np.dtype:
    """Return the dtype of a dataset of numbers whose bytes are all in the file.

    Raises:
        ValueError: If it holds anything else, keeps it elsewhere, is compressed in an unknown way, or declares more
            than the file has.
    """
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{where}: expected a dataset; found {type(dataset).__name__}.")
    try:
        return _checked_dtype(dataset, where)
    except (OSError, RuntimeError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(f"{where}: the dataset cannot be read; the file seems to be damaged: {error}.") from None


def _checked_dtype(dataset: Any, where: str) -> np.dtype:
    import h5py

    made = dataset.id.get_create_plist()
    if dataset.is_virtual or made.get_external_count():
        raise ValueError(f"{where}: the dataset keeps its data outside of the file, which is not followed.")
    kind = dataset.id.get_type()
    bare = {h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM}
    is_number = kind.get_class() in bare or is_bfloat16(dataset, kind)
    if not is_number or kind.committed() or not 1 <= kind.get_size() <= 16:
        raise ValueError(f"{where}: expected numbers; found {_described(kind)}.")
    if dataset.shape is None:
        raise ValueError(f"{where}: the dataset is empty; expected numbers.")
    for index in range(made.get_nfilters()):
        number = made.get_filter(index)[0]
        if number not in _FILTERS:
            raise ValueError(
                f"{where}: compressed by filter {number}, which is none of those every HDF5 has. "
                "No plugin is loaded for a file; write it with compression='gzip' or none."
            )
    item = kind.get_size()
    declared = item * math.prod(dataset.shape)
    if dataset.chunks is not None and item * math.prod(dataset.chunks) > max(_CHUNK_BYTES, declared):
        raise ValueError(f"{where}: stored in chunks of shape {dataset.chunks}, larger than its shape {dataset.shape}.")
    stored = dataset.id.get_storage_size()
    limit = stored if not made.get_nfilters() else max(stored * _RATIO, min(_RATIO_FREE, stored * 1100))
    if declared > limit or stored > dataset.file.id.get_filesize():
        raise ValueError(
            f"{where}: shape {dataset.shape} takes {declared} bytes, but the file holds {stored} for it. "
            "Data that were never written are not made up."
        )
    return dataset.dtype


def is_bfloat16(dataset: Any, kind: Any) -> bool:
    """Whether a dataset holds bfloat16 the way Keras 3 writes it: two bytes each, and the name in an attribute."""
    import h5py

    if kind.get_class() != h5py.h5t.OPAQUE or kind.get_size() != 2:
        return False
    return read_attribute(dataset, "dtype") == "bfloat16"


def _described(kind: Any) -> str:
    import h5py

    names = {
        h5py.h5t.STRING: "text",
        h5py.h5t.REFERENCE: "references to objects",
        h5py.h5t.COMPOUND: "records",
        h5py.h5t.VLEN: "lists of variable length",
        h5py.h5t.ARRAY: "arrays as elements",
        h5py.h5t.OPAQUE: "bytes without a meaning",
        h5py.h5t.BITFIELD: "bit fields",
        h5py.h5t.TIME: "times",
    }
    name = names.get(kind.get_class(), f"elements of {kind.get_size()} bytes")
    return f"{name} of a type defined in the file" if kind.committed() else name


def read_attribute(item: Any, name: str) -> Any:
    """Return an attribute of numbers or text: a string, a number, or a flat list of them; None if it is not there.

    Raises:
        ValueError: If it is of another type, or too large.
    """
    import h5py

    where = f"{item.file.filename!r}: attribute {name!r} of {item.name}"
    try:
        if name not in item.attrs:
            return None
        attribute = item.attrs.get_id(name)
        kind, space = attribute.get_type(), attribute.get_space()
        if kind.get_class() not in (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM):
            raise ValueError(f"{where}: expected text or numbers; found {_described(kind)}.")
        count = space.get_simple_extent_npoints() if space.get_simple_extent_type() != h5py.h5s.NULL else 0
        if count * kind.get_size() > ATTRIBUTE_BYTES:
            raise ValueError(f"{where} declares {count * kind.get_size()} bytes; at most {ATTRIBUTE_BYTES} are read.")
        if kind.get_class() == h5py.h5t.STRING and kind.is_variable_str() and count > _VARIABLE_COUNT:
            if (count - _VARIABLE_COUNT) * item.file.id.get_filesize() > _VARIABLE_BYTES:
                raise ValueError(f"{where} has {count} strings without a fixed length, which may unfold without bound.")
        value = item.attrs[name] if count else []
    except (OSError, RuntimeError, KeyError, TypeError, OverflowError, MemoryError, UnicodeError) as error:
        raise ValueError(f"{where} cannot be read; the file seems to be damaged: {error}.") from None
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist()
    elif isinstance(value, np.generic):
        value = value.item()
    return [_text(x) for x in value] if isinstance(value, list) else _text(value)


def _text(value: Any) -> Any:
    return value.decode("utf8", "replace") if isinstance(value, bytes) else value


def child(group: Any, name: str) -> Any:
    """Return the object that a hard link leads to, or None if there is no such name.

    Raises:
        ValueError: If the name is a soft, an external or a user-defined link, or the file is damaged there.
    """
    import h5py

    where = f"{group.file.filename!r}: {str(group.name).rstrip('/')}/{name[:200]}"
    try:
        link = group.get(name, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            kind = type(link).__name__
            raise ValueError(f"{where} is a link ({kind}). Links in weight files are not followed.")
        return group[name]
    except TypeError as error:
        raise ValueError(f"{where} is a link of an unknown kind. Links in weight files are not followed.") from error
    except (OSError, KeyError, RuntimeError, UnicodeError, OverflowError) as error:
        raise ValueError(f"{where} cannot be read; the file is damaged: {error}.") from None


def datasets_in(group: Any) -> Iterator[tuple[str, Any]]:
    """Yield path and dataset of all that is below a group, sorted; what has several names or lies in a circle, once.

    Raises:
        ValueError: If there are links, or more groups and datasets, or deeper ones, than are read.
    """
    import h5py

    seen: set[Any] = set()
    todo: list[tuple[str, Any]] = [("", group)]
    count = 0
    while todo:
        path, item = todo.pop()
        if isinstance(item, h5py.Dataset):
            yield path, item
        if not isinstance(item, h5py.Group):
            continue
        if path.count("/") > DEPTH:
            raise ValueError(f"{group.file.filename!r} has groups nested more than {DEPTH} deep.")
        count += _count_members(item)
        if count > OBJECTS:
            raise ValueError(f"{group.file.filename!r} has more than {OBJECTS} groups and datasets.")
        found = []
        for name in _names(item):
            below = child(item, name)
            address = h5py.h5o.get_info(below.id).addr
            if address not in seen:
                seen.add(address)
                found.append((f"{path}/{name}" if path else name, below))
        todo += reversed(found)


def _count_members(group: Any) -> int:
    try:
        return len(group)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{group.file.filename!r}: {group.name} cannot be listed; it is damaged: {error}.") from None


def _names(group: Any) -> list[str]:
    try:
        return sorted(group)
    except (OSError, RuntimeError, UnicodeError) as error:
        raise ValueError(f"{group.file.filename!r}: {group.name} cannot be listed; it is damaged: {error}.") from None


def count_elements(group: Any) -> int:
    """Return how many numbers the datasets below a group hold: for `limits.check_size`, before a model takes memory.

    Raises:
        ValueError: If there is anything but numbers, or datasets share their bytes to seem to be more than the file.
    """
    elements = stored = 0
    for _, dataset in datasets_in(group):
        check_dataset(dataset, f"{group.file.filename!r}: {dataset.name}")
        elements += math.prod(dataset.shape)
        stored += dataset.id.get_storage_size()
    if stored > group.file.id.get_filesize():
        raise ValueError(f"{group.file.filename!r} is damaged: its datasets together are larger than the file.")
    return elements


def checksum(path: str, array: np.ndarray) -> int:
    """Return the CRC-32 of an array with its place in the file, its dtype and its shape."""
    label = f"{path.strip('/')} {array.dtype.str} {array.shape}".encode()
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).reshape(-1), zlib.crc32(label))
