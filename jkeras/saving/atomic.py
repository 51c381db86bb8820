"""Files that are either the old one or the new one, never half of it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: Any, overwrite: bool = True) -> Iterator[Path]:
    """Lend a path in the same folder to write to; when all went well it takes the place of `path`.

    Folders are made when they are missing. After an error nothing is left behind and `path` is as it was.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is false.
        IsADirectoryError: If `path` is a folder.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic_path(target) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> target.read_text(), len(list(target.parent.iterdir()))
    ('whole', 1)
    """
    target = Path(os.path.realpath(os.fspath(path)))
    if target.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; give the name of a file.")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{str(path)!r} exists already. Pass overwrite=True to replace it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
