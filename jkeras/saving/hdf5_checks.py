"""What an object in an HDF5 file must be to be read: numbers or text, inside the file, of a size that fits it."""

from __future__ import annotations

import math
import mmap
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from jkeras.saving.limits import ATTRIBUTE_BYTES, DEPTH, OBJECTS, RATIO, RATIO_FREE

# Filters that come with HDF5 or h5py: deflate, shuffle, fletcher32, LZF. Others would be plugins, loaded for the file.
_FILTERS = {1, 2, 3, 32000}
# A chunk is taken into memory whole, however small the part that is wanted.
_CHUNK_BYTES = 64 << 20
# Strings without a fixed length may each be as long as the file, and all be the same one: this many are read, and
# more if even then they are not too large.
_VARIABLE_COUNT = 64
_VARIABLE_BYTES = 256 << 20
_HEAP = b"GCOL\x01"  # signature and version


@contextmanager
def reported(where: str) -> Iterator[None]:
    """Turn whatever h5py raises into a `ValueError` that says where: in a damaged file, it may be anything."""
    try:
        yield
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{where} cannot be read; the file is damaged: {text}.") from None


def file_of(item: Any) -> str:
    """Return the name of the file that an object is in, for messages; a file inside an archive comes with both."""
    name = str(item.file.filename)
    return name if name.startswith("'") else repr(name)


class _Storage(NamedTuple):
    """What a dataset says of itself."""

    is_elsewhere: bool
    kind: Any
    is_number: bool
    shape: tuple[int, ...] | None
    chunk: tuple[int, ...] | None
    filters: list[int]
    stored: int
    file_size: int


def _storage(dataset: Any) -> _Storage:
    import h5py

    made, kind = dataset.id.get_create_plist(), dataset.id.get_type()
    numbers = (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM)
    return _Storage(
        is_elsewhere=dataset.is_virtual or made.get_external_count() > 0,
        kind=kind,
        is_number=kind.get_class() in numbers or _is_bfloat16(dataset, kind),
        shape=dataset.shape,
        chunk=dataset.chunks,
        filters=[made.get_filter(i)[0] for i in range(made.get_nfilters())],
        stored=dataset.id.get_storage_size(),
        file_size=dataset.file.id.get_filesize(),
    )


def check_dataset(dataset: Any, where: str) -> np.dtype:
    """Return the dtype of a dataset of numbers whose bytes are all in the file.

    Raises:
        ValueError: If it holds anything else, keeps it elsewhere, is compressed in an unknown way, or declares more
            than the file has.
    """
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{where}: expected a dataset; found {type(dataset).__name__}.")
    with reported(where):
        found = _storage(dataset)
        size = found.kind.get_size()
        description = _described(found.kind)
    if found.is_elsewhere:
        raise ValueError(f"{where}: the dataset keeps its data outside of the file, which is not followed.")
    if not found.is_number or found.kind.committed() or not 1 <= size <= 16:
        raise ValueError(f"{where}: expected numbers; found {description}.")
    if found.shape is None:
        raise ValueError(f"{where}: the dataset is empty; expected numbers.")
    unknown = [number for number in found.filters if number not in _FILTERS]
    if unknown:
        raise ValueError(
            f"{where}: compressed by filter {unknown[0]}, which is none of those every HDF5 has. "
            "No plugin is loaded for a file; write it with compression='gzip' or none."
        )
    declared = size * math.prod(found.shape)
    if found.chunk is not None and size * math.prod(found.chunk) > max(_CHUNK_BYTES, declared):
        raise ValueError(f"{where}: stored in chunks of shape {found.chunk}, larger than its shape {found.shape}.")
    stored = found.stored
    limit = stored if not found.filters else max(stored * RATIO, min(RATIO_FREE, stored * 1100))
    if declared > limit or stored > found.file_size:
        raise ValueError(
            f"{where}: shape {found.shape} takes {declared} bytes, but the file holds {stored} for it. "
            "It is damaged, or the data were never written."
        )
    with reported(where):
        return dataset.dtype


def _is_bfloat16(dataset: Any, kind: Any) -> bool:
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


def _longest_string(filename: str, file_size: int) -> int:
    """Return what no string without a fixed length in the file can exceed.

    They lie in heaps that begin with a signature and their size, which HDF5 checks; the largest is what bounds them.
    """
    longest = 0
    try:
        with open(filename, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            place = content.find(_HEAP)
            while place >= 0:
                longest = max(longest, int.from_bytes(content[place + 8 : place + 16], "little"))
                place = content.find(_HEAP, place + 1)
    except (OSError, ValueError):  # not a file of its own
        return file_size
    return min(longest, file_size)


def read_attribute(item: Any, name: str) -> Any:
    """Return an attribute of numbers or text: a string, a number, or a flat list of them; None if it is not there.

    Raises:
        ValueError: If it is of another type, or too large.
    """
    import h5py

    where = f"{file_of(item)}: attribute {name!r} of {item.name}"
    with reported(where):
        if name not in item.attrs:
            return None
        attribute = item.attrs.get_id(name)
        kind, space = attribute.get_type(), attribute.get_space()
        count = space.get_simple_extent_npoints() if space.get_simple_extent_type() != h5py.h5s.NULL else 0
        size, file_size, description = kind.get_size(), item.file.id.get_filesize(), _described(kind)
        is_variable = kind.get_class() == h5py.h5t.STRING and kind.is_variable_str()
    if kind.get_class() not in (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM):
        raise ValueError(f"{where}: expected text or numbers; found {description}.")
    if count * size > ATTRIBUTE_BYTES:
        raise ValueError(f"{where} declares {count * size} bytes; at most {ATTRIBUTE_BYTES} are read.")
    may_be_large = is_variable and (count - _VARIABLE_COUNT) * file_size > _VARIABLE_BYTES
    if may_be_large and (count - _VARIABLE_COUNT) * _longest_string(item.file.filename, file_size) > _VARIABLE_BYTES:
        raise ValueError(f"{where} has {count} strings without a fixed length, which may unfold without bound.")
    with reported(where):
        value = item.attrs[name] if count else []
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

    where = f"{file_of(group)}: {str(group.name).rstrip('/')}/{name[:200]}"
    try:
        with reported(where):
            link = group.get(name, getlink=True)
            if link is None:
                return None
    except ValueError:
        if _is_user_defined(group, name):
            raise ValueError(f"{where} is a link of an unknown kind. Links in weight files are not followed.") from None
        raise
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"{where} is a link ({type(link).__name__}). Links in weight files are not followed.")
    with reported(where):
        return group[name]


def _is_user_defined(group: Any, name: str) -> bool:
    from h5py import h5l  # pyright: ignore[reportAttributeAccessIssue]

    try:
        return group.id.links.get_info(name.encode("utf8")).type not in (h5l.TYPE_HARD, h5l.TYPE_SOFT)
    except Exception:  # the file is damaged there
        return False


def datasets_in(group: Any) -> Iterator[tuple[str, Any]]:
    """Yield path and dataset of all that is below a group; see `objects_in`."""
    import h5py

    return ((path, item) for path, item in objects_in(group) if isinstance(item, h5py.Dataset))


def objects_in(group: Any) -> Iterator[tuple[str, Any]]:
    """Yield path and object of all that is below a group, sorted; what has several names or lies in a circle, once.

    Raises:
        ValueError: If there are links, or more groups and datasets, or deeper ones, than are read.
    """
    import h5py
    from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue]

    seen: set[Any] = set()
    todo: list[tuple[str, Any]] = [("", group)]
    count = 0
    while todo:
        path, item = todo.pop()
        if path:
            yield path, item
        if not isinstance(item, h5py.Group):
            continue
        if path.count("/") >= DEPTH:
            raise ValueError(f"{file_of(group)} has groups nested more than {DEPTH} deep.")
        where = f"{file_of(group)}: the list of {'/' + path}"
        with reported(where):
            count += len(item)
        if count > OBJECTS:
            raise ValueError(f"{file_of(group)} has more than {OBJECTS} groups and datasets.")
        with reported(where):
            names = sorted(item)
        found = []
        for name in names:
            below = child(item, name)
            with reported(where):
                address = h5o.get_info(below.id).addr
            if address not in seen:
                seen.add(address)
                found.append((f"{path}/{name}" if path else name, below))
        todo += reversed(found)


def count_elements(group: Any) -> int:
    """Return how many numbers the datasets below a group hold: for `limits.check_size`, before a model takes memory.

    Raises:
        ValueError: If there is anything but numbers, or datasets share their bytes to seem to be more than the file.
    """
    elements = stored = 0
    for _, dataset in datasets_in(group):
        where = f"{file_of(group)}: {dataset.name}"
        check_dataset(dataset, where)
        with reported(where):
            elements += math.prod(dataset.shape)
            stored += dataset.id.get_storage_size()
    if stored > group.file.id.get_filesize():
        raise ValueError(f"{file_of(group)} is damaged: its datasets together are larger than the file.")
    return elements


def checksum(path: str, array: np.ndarray) -> int:
    """Return the CRC-32 of an array with its place in the file, its dtype and its shape."""
    label = f"{path.strip('/')} {array.dtype.str} {array.shape}".encode()
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data, zlib.crc32(label))
