"""Arrays out of pickles, without running code: IMDB, Reuters and CIFAR are pickled at their source."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from typing import IO, Any

import numpy as np


class _ArrayType:
    """Stands for `numpy.ndarray` in a pickle: a name that the pickle can hand over but not call."""


def _reconstruct(kind: type, shape: Any, typecode: Any) -> np.ndarray:
    """The empty array that a pickle fills afterwards; only the one form that NumPy itself writes."""
    if kind is not _ArrayType or tuple(shape) != (0,):
        raise pickle.UnpicklingError("Refused: this is not how NumPy writes an array.")
    return np.empty(0, "b")


def _bytes_of(text: str, encoding: str) -> bytes:
    """Python 3 writes bytes this way in the older protocols, always in this one encoding."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"Refused: bytes in the encoding {encoding!r}.")
    return text.encode("latin1")


_ALLOWED = {
    ("_codecs", "encode"): _bytes_of,
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
}


class ArrayUnpickler(pickle.Unpickler):
    """Reads lists, numbers, strings, dictionaries and NumPy arrays, and refuses every other class or function.

    >>> ArrayUnpickler(io.BytesIO(pickle.dumps([1, "two"]))).load()
    [1, 'two']
    >>> ArrayUnpickler(io.BytesIO(pickle.dumps(print))).load()
    Traceback (most recent call last):
    _pickle.UnpicklingError: Refused to load builtins.print: a data file may only hold arrays, lists and numbers.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Return what one of the few allowed names stands for."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(
                f"Refused to load {module}.{name}: a data file may only hold arrays, lists and numbers."
            )
        return _ALLOWED[module, name]


def load_npz(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Return the arrays of an `.npz` file, those of Python objects too, without running anything in it.

    Raises:
        pickle.UnpicklingError: An array of objects holds something else than lists, numbers, strings and arrays.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/ragged.npz"
    >>> np.savez(path, x=np.array([[1], [2, 3]], dtype=object), y=np.arange(2))
    >>> load_npz(path)["x"].tolist()
    [[1], [2, 3]]
    """
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                arrays[name.removesuffix(".npy")] = _read_array(file)
    return arrays


def _read_array(file: IO[bytes]) -> np.ndarray:
    content = io.BytesIO(file.read())
    version = np.lib.format.read_magic(content)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(content)
    if not dtype.hasobject:
        content.seek(0)
        return np.lib.format.read_array(content, allow_pickle=False)
    array = ArrayUnpickler(content).load()
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise pickle.UnpicklingError(f"Refused: expected an array of shape {shape}.")
    return array
