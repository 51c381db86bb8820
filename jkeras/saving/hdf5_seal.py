"""A checksum over what an HDF5 file lists and says, kept in the file: HDF5 itself notices few changed bytes.

The numbers of each dataset have a checksum of their own (`hdf5.write_array`). This one covers the names of all groups
and datasets, and the attributes that are read; attributes that users add do not matter to it.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

import numpy as np

from jkeras.saving.hdf5_checks import file_of, objects_in, read_attribute, reported

_SEAL = "jkeras_contents_crc32"
_READ = re.compile(r"(layer_names|weight_names)\d*|model_config|training_config|backend|keras_version|name")


def seal(file: Any) -> None:
    """Write the checksum: the last thing before a file is closed."""
    file.attrs[_SEAL] = np.uint32(_checksum(file))


def check_seal(file: Any) -> None:
    """Compare the checksum, if there is one: only jkeras writes it.

    Raises:
        ValueError: If names or attributes are not those that were written.
    """
    expected = read_attribute(file, _SEAL)
    if expected is not None and expected != _checksum(file):
        raise ValueError(
            f"{file_of(file)} is not what was written: the checksum of its names and attributes differs. "
            f"The file is damaged. If it was changed on purpose, remove the attribute {_SEAL!r}."
        )


def _checksum(file: Any) -> int:
    import h5py

    rows: list[Any] = [_attributes(file)]
    for path, item in objects_in(file):
        rows.append((path, _attributes(item) if isinstance(item, h5py.Group) else "dataset"))
    return zlib.crc32(json.dumps(rows).encode())


def _attributes(group: Any) -> dict[str, Any]:
    with reported(f"{file_of(group)}: the attributes of {group.name}"):
        names = sorted(name for name in group.attrs if _READ.fullmatch(name))
    return {name: read_attribute(group, name) for name in names}
