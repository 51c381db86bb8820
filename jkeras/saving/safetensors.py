"""The safetensors format: a header of JSON that says where each array is, then the arrays. Nothing in it can be code.

    8 bytes     length of the header, little-endian
    header      {"encoder/lstm/kernel": {"dtype": "F32", "shape": [4, 8], "data_offsets": [0, 128]}, ...}
    data        the arrays one after the other, without gaps

Reference: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import math
import mmap
import os
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras.core.template import weights_of
from jkeras.saving.atomic import atomic_path
from jkeras.saving.limits import parse_json
from jkeras.saving.matching import Mismatches, check_no_nan

_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "F16": "float16", "BF16": "bfloat16",
    "U32": "uint32", "I32": "int32", "F32": "float32", "U64": "uint64", "I64": "int64", "F64": "float64",
    "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip
_CODES = {name: code for code, name in _DTYPES.items()}
_METADATA = "__metadata__"
# The checksum of the file, with zeros in its own place: the format has none, and other readers pass over it.
_CHECKSUM = "jkeras_crc32"
_EMPTY = b"00000000"
_CHECKSUM_AT = re.compile(rb'"jkeras_crc32": "([0-9a-f]{8})"')
_LONGEST_HEADER = 100_000_000  # bytes, as in the reference implementation
_ALIGNED_TO = 8
_BLOCK = 2**20  # bytes that are read at a time


def write_safetensors(path: Any, rows: Iterable[tuple[str, Any]], metadata: Mapping[str, str] | None = None,
                      overwrite: bool = True) -> None:  # fmt: skip
    """Write arrays; each is brought to the host alone, when it is its turn. The file appears whole or not at all.

    Args:
        path: Name of the file.
        rows: Pairs of a name and an array, of numpy or JAX, or anything with `shape`, `dtype` and `__array__`.
        metadata: Texts by name.
        overwrite: Whether to replace an existing file.

    Raises:
        ValueError: If a name is used twice, or the format has no such dtype.
        FileExistsError: If the file exists and `overwrite` is false.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.safetensors")
    >>> write_safetensors(path, [("dense/kernel", np.eye(2, dtype="float32"))])
    >>> {name: array.tolist() for name, array in read_safetensors(path).items()}
    {'dense/kernel': [[1.0, 0.0], [0.0, 1.0]]}
    """
    rows, header, begin = list(rows), {}, 0
    for name, array in rows:
        dtype = jnp.dtype(array.dtype)
        if name in header or name == _METADATA:
            raise ValueError(f"The name {name!r} cannot be used for two arrays of one file.")
        if dtype.name not in _CODES:
            raise ValueError(f"{name!r} has dtype {dtype.name}, which the safetensors format does not have.")
        end = begin + math.prod(array.shape) * dtype.itemsize
        header[name] = {"dtype": _CODES[dtype.name], "shape": list(array.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps({_METADATA: {**(metadata or {}), _CHECKSUM: _EMPTY.decode()}, **header}).encode()
    text += b" " * (-len(text) % _ALIGNED_TO)
    start = len(text).to_bytes(8, "little") + text
    found = _CHECKSUM_AT.search(start)
    assert found is not None
    checksum = zlib.crc32(start)
    with atomic_path(path, overwrite, begin) as temporary, temporary.open("xb") as file:
        file.write(start)
        for _, array in rows:
            content = np.ascontiguousarray(np.asarray(array)).reshape(-1).view(np.uint8).data
            file.write(content)
            checksum = zlib.crc32(content, checksum)
        file.seek(found.start(1))
        file.write(f"{checksum:08x}".encode())


def check_safetensors(path: Any) -> None:
    """Read a file from end to end and compare its checksum, if there is one: only jkeras writes it.

    Raises:
        ValueError: If it is not what was written.
    """
    name = os.fspath(path)
    with open(name, "rb") as file:
        start = file.read(8)
        start += file.read(min(int.from_bytes(start, "little"), _LONGEST_HEADER))
        found = _CHECKSUM_AT.search(start)
        if found is None:
            return
        checksum = zlib.crc32(start[: found.start(1)] + _EMPTY + start[found.end(1) :])
        while block := file.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    if f"{checksum:08x}".encode() != found[1]:
        raise ValueError(f"{name!r} is not what was written: its checksum differs. The file is damaged.")


def read_safetensors(path: Any) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name. They are parts of a memory map: what is not looked at is not read.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no safetensors file, or is damaged: the header must describe every byte once.
    """
    name = os.fspath(path)
    if not Path(name).is_file():
        raise FileNotFoundError(f"There is no file {name!r}.")
    with open(name, "rb") as file:
        size = os.path.getsize(name)
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _LONGEST_HEADER):
            raise ValueError(f"{name!r} is not a safetensors file, or is damaged: its header is longer than the file.")
        header = _checked(file.read(length), size - 8 - length, name)
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    arrays = {}
    for key, (dtype, shape, begin) in header.items():
        count = math.prod(shape)
        flat = np.frombuffer(content, dtype, count, 8 + length + begin) if count else np.zeros(0, dtype)
        arrays[key] = flat.reshape(shape)
    return arrays


def _checked(text: bytes, size: int, name: str) -> dict[str, tuple[np.dtype, tuple[int, ...], int]]:
    """Return dtype, shape and beginning of each array, after making sure that together they are the whole file."""
    header = parse_json(text, f"The header of {name!r}")
    if not isinstance(header, dict):
        raise ValueError(f"{name!r} is damaged: its header is no list of arrays.")
    header.pop(_METADATA, None)
    found, parts = {}, []
    for key, row in header.items():
        given: dict[str, Any] = row if isinstance(row, dict) else {}
        code, shape, offsets = given.get("dtype"), given.get("shape", 0), given.get("data_offsets", 0)
        if not _are_counts(shape) or not _are_counts(offsets) or len(offsets) != 2:
            raise ValueError(f"{name!r} is damaged: its header does not describe {key!r}.")
        if not isinstance(code, str) or code not in _DTYPES:
            raise ValueError(f"{name!r}: {key!r} has the dtype {code!r}, which is not known.")
        dtype = jnp.dtype(_DTYPES[code])
        if offsets[1] - offsets[0] != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name!r} is damaged: {key!r} of shape {tuple(shape)} cannot lie at bytes {offsets}.")
        found[key] = dtype, tuple(shape), offsets[0]
        parts.append((*offsets, key))
    end = 0
    for begin, after, key in sorted(parts):
        if begin != end:
            raise ValueError(f"{name!r} is damaged: {key!r} begins at byte {begin}; expected {end}.")
        end = after
    if end != size:
        raise ValueError(f"{name!r} is damaged: its arrays are {end} bytes, and the file has {size} for them.")
    return found


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 64 and all(type(n) is int and 0 <= n < 2**63 for n in value)


def is_safetensors(path: Any) -> bool:
    """Whether a name asks for this format."""
    return os.fspath(path).endswith(".safetensors")


def save_safetensors(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write the weights of a model by their keys in `params` and `state`: `"encoder/lstm/kernel"`."""
    model._drawn_weights()
    write_safetensors(
        filepath, [(name, weight.current()) for name, weight in _named_weights(model)], {"format": "jkeras"}, overwrite
    )


def load_safetensors(
    model: Any, filepath: Any, by_name: bool = False, mismatches: Mismatches | None = None, allow_nan: bool = False
) -> None:
    """Read the weights of a model; everything is checked before the first is changed.

    Args:
        model: A built model (or layer).
        filepath: Name of the file.
        by_name: Leave out what the model or the file alone has.
        mismatches: What becomes of weights that do not fit.
        allow_nan: Accept values that are NaN.

    Raises:
        ValueError: If the file is damaged, does not fit or holds NaN; names the weight.
    """
    name = os.fspath(filepath)
    mismatches = mismatches or Mismatches(name, skip=False)
    arrays = read_safetensors(name)
    check_safetensors(name)
    own, fitting = dict(_named_weights(model)), []
    if not by_name:
        missing, unknown = [n for n in own if n not in arrays], [n for n in arrays if n not in own]
        if missing:
            mismatches.report(f"It has no {', '.join(missing[:6])}. It has: {', '.join(list(arrays)[:12])}.")
        if unknown:
            mismatches.report(f"The model has no {', '.join(unknown[:6])}. It has: {', '.join(list(own)[:12])}.")
    for key in (key for key in own if key in arrays):
        weight, array = own[key], arrays[key]
        if array.shape != weight.shape:
            mismatches.report(f"Weight {key!r}: expected shape {weight.shape}; found {array.shape}.")
            continue
        if not allow_nan:
            check_no_nan(array, f"{name!r}: weight {key!r}")
        fitting.append((weight, array))
    for weight, array in fitting:
        weight.assign(array)


def _named_weights(model: Any) -> list[tuple[str, Any]]:
    kept = {id(weight) for weight in model.weights}
    return [(f"{key}/{weight.name}", weight) for key, weight in weights_of(model) if id(weight) in kept]
