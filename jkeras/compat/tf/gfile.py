"""`tf.io.gfile` and the like for files of this machine."""

from __future__ import annotations

import glob as _glob
import os
import shutil
from collections.abc import Iterator

GFile = Open = FastGFile = open
exists = Exists = os.path.exists
isdir = IsDirectory = os.path.isdir
listdir = ListDirectory = os.listdir
mkdir = MkDir = os.mkdir
remove = Remove = os.remove
rmtree = DeleteRecursively = shutil.rmtree
stat = os.stat
join = os.path.join


def makedirs(path: str) -> None:
    """Make a folder and those above it, if there are none yet."""
    os.makedirs(path, exist_ok=True)


MakeDirs = makedirs


def glob(pattern: str) -> list[str]:
    """Return the files that fit a pattern, in order."""
    return sorted(_glob.glob(pattern))


Glob = glob


def copy(src: str, dst: str, overwrite: bool = False) -> None:
    """Copy a file.

    Raises:
        FileExistsError: If there is one already and it is not to be overwritten.
    """
    if os.path.exists(dst) and not overwrite:
        raise FileExistsError(f"{dst!r} exists already. Say copy(..., overwrite=True).")
    shutil.copyfile(src, dst)


def walk(top: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each folder below with its folders and files."""
    return os.walk(top)


def read_file(filename: str) -> bytes:
    """Return what is in a file."""
    with open(filename, "rb") as file:
        return file.read()


def write_file(filename: str, contents: bytes | str) -> None:
    """Write a file."""
    with open(filename, "wb") as file:
        file.write(contents.encode() if isinstance(contents, str) else contents)
