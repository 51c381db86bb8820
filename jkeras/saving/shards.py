"""Weights of Keras 3 spread over several files, and the index that appears when all of them are there.

name.weights.json           {"metadata": {"total_size": bytes}, "weight_map": {"/layers/dense/vars": [shards]}}
name_00000.weights.h5       the first part, in the layout of `.weights.h5`; a group may go on in the next part
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.core import blame
from jkeras.saving.atomic import atomic_path
from jkeras.saving.hdf5 import open_for_reading, write_array
from jkeras.saving.hdf5_checks import read_attribute
from jkeras.saving.hdf5_seal import seal
from jkeras.saving.keras3_weights import places
from jkeras.saving.limits import JSON_BYTES, parse_json
from jkeras.saving.matching import byte_size

INDEX = ".weights.json"
_SHARD = ".weights.h5"
_SHARDS = 500
_GIGABYTE = 1 << 30
# Index and shards of one writing carry the same mark, so that a mixture of two is noticed.
_MARK = "jkeras_written_as"


def is_index(path: Any) -> bool:
    """Whether a name is that of an index of shards.

    >>> is_index("model.weights.json"), is_index("model.weights.h5")
    (True, False)
    """
    return os.fspath(path).endswith(INDEX)


def write_shards(
    model: Any, filepath: Any, values: Mapping[int, np.ndarray], max_shard_size: float, overwrite: bool = True
) -> None:
    """Write the weights of `model` to files of at most `max_shard_size` gigabytes, and last their index.

    Args:
        model: A built model.
        filepath: Name of the index, which ends in `.weights.json`.
        values: The arrays by the ids of their weights.
        max_shard_size: Gigabytes of weights in one file.
        overwrite: Whether to replace files that are there.

    Raises:
        ValueError: If the name is another one, or a single weight is larger than a shard may be.
    """
    name = os.fspath(filepath)
    if name.endswith(_SHARD):
        blame.warn(f"max_shard_size: the index of the shards is written to {_index_of(name)!r}.")
        name = _index_of(name)
    if not is_index(name):
        raise ValueError(f"max_shard_size: expected a name that ends in {INDEX!r}, that of the index; got {name!r}.")
    base, folder = os.path.basename(name).removesuffix(INDEX), Path(name).parent
    parts = _parts(model, int(max_shard_size * _GIGABYTE), max_shard_size)
    names = [f"{base}_{index:05d}{_SHARD}" for index in range(len(parts))]
    mark = secrets.token_hex(8)
    surplus = _listed_shards(name) - set(names)
    weight_map: dict[str, list[str]] = {}
    with ExitStack() as files:
        # What is entered first is closed last: the index takes its place when every shard is in its own.
        index_path = files.enter_context(atomic_path(name, overwrite))
        for shard, rows in zip(names, parts, strict=True):
            size = sum(byte_size(weight) for *_, weights in rows for _, weight in weights)
            _write_shard(files.enter_context(atomic_path(folder / shard, overwrite, size)), rows, values, mark)
            for path, _, weights in rows:
                if weights:
                    weight_map.setdefault(f"/{path}", []).append(shard)
        total = sum(byte_size(weight) for rows in parts for *_, weights in rows for _, weight in weights)
        index = {"metadata": {"total_size": float(total), _MARK: mark}, "weight_map": weight_map}
        index_path.write_text(json.dumps(index, indent=4))
    for shard in surplus:
        with suppress(OSError):
            (folder / shard).unlink()


# A group of one layer: its path, the layer's name, and the weights with their numbers.
_Row = tuple[str, str, list[tuple[int, Any]]]


def _parts(model: Any, limit: int, given: float) -> list[list[_Row]]:
    """Return what each shard holds: layers are kept together unless one alone is too large."""
    parts: list[list[_Row]] = [[]]
    room = limit
    for place in places(model):
        path = f"{place.path}/vars" if place.path else "vars"
        sizes = [byte_size(weight) for weight in place.weights]
        if max(sizes, default=0) > limit:
            raise ValueError(
                f"max_shard_size={given} gigabytes are {limit} bytes; layer {place.name!r} has a weight of "
                f"{max(sizes)} bytes. Give a larger size."
            )
        if room < limit and sum(sizes) > room:
            parts, room = [*parts, []], limit
        row: _Row = (path, place.name, [])
        parts[-1].append(row)
        for number, (weight, size) in enumerate(zip(place.weights, sizes, strict=True)):
            if size > room:
                row = (path, place.name, [])
                parts, room = [*parts, [row]], limit
            row[2].append((number, weight))
            room -= size
    return parts


def _write_shard(path: Path, rows: list[_Row], values: Mapping[int, np.ndarray], mark: str) -> None:
    import h5py

    with h5py.File(path, "x") as file:
        file.attrs[_MARK] = mark
        for group_path, name, weights in rows:
            group = file.require_group(group_path)
            group.attrs["name"] = name
            for number, weight in weights:
                write_array(group, str(number), values[id(weight)])
        seal(file)


@contextmanager
def open_shards(filepath: Any) -> Iterator[list[Any]]:
    """Open all the files that an index names, which must lie beside it.

    Raises:
        FileNotFoundError: If the index or a shard is missing.
        ValueError: If the index is none, names files elsewhere, or names shards of another writing.
    """
    name = os.fspath(filepath)
    index = _read_index(name)
    mark = index["metadata"].get(_MARK)
    with ExitStack() as files:
        opened = []
        for shard in _shards_of(index, name):
            file = files.enter_context(open_for_reading(os.path.join(os.path.dirname(name), shard)))
            if read_attribute(file, _MARK) != mark:
                raise ValueError(f"{name!r} and its shard {shard!r} were not written together; one was replaced.")
            opened.append(file)
        yield opened


def _read_index(name: str) -> dict[str, Any]:
    if os.path.getsize(name) > JSON_BYTES:
        raise ValueError(f"{name!r} has more than {JSON_BYTES} bytes, too many for an index of shards.")
    index = parse_json(Path(name).read_bytes(), repr(name))
    is_index = isinstance(index, dict) and all(isinstance(index.get(k), dict) for k in ("metadata", "weight_map"))
    if not is_index:
        raise ValueError(f"{name!r} is no index of shards: expected the dictionaries 'metadata' and 'weight_map'.")
    return index


def _shards_of(index: dict[str, Any], name: str) -> list[str]:
    found: dict[str, None] = {}
    for path, shards in index["weight_map"].items():
        for shard in shards if isinstance(shards, list) else [shards]:
            if not isinstance(shard, str) or not re.fullmatch(r"[^/\\:\0]+\.h5", shard):
                raise ValueError(
                    f"{name!r}: {path!r} is said to be in {shard!r}. Expected names of .h5 files beside the index."
                )
            found[shard] = None
    if len(found) > _SHARDS:
        raise ValueError(f"{name!r} names {len(found)} shards; at most {_SHARDS} are read.")
    return list(found)


def _listed_shards(name: str) -> set[str]:
    """Return the shards of an index that is about to be replaced, if they have the names that are given here."""
    try:
        listed = _shards_of(_read_index(name), name)
    except (OSError, ValueError):
        return set()
    base = re.escape(os.path.basename(name).removesuffix(INDEX))
    return {shard for shard in listed if re.fullmatch(base + r"_\d{5}" + re.escape(_SHARD), shard)}


def _index_of(name: str) -> str:
    return name.removesuffix(_SHARD) + INDEX
