"""Files that are either the old one or the new one, never half of it."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

# What a process that was killed left behind is removed by the next one after so many seconds.
_ABANDONED = 3600.0
_NAME_BYTES = 255


@contextmanager
def atomic_path(path: Any, overwrite: bool = True, size: int = 0) -> Iterator[Path]:
    """Lend a path in the same folder to write to; when all went well it takes the place of `path`.

    Folders are made when they are missing. After an error nothing is left behind and `path` is as it was. The new file
    has the permissions of the one it replaces. File and name are on the disk when this returns. Whoever is killed
    before that leaves a hidden file beside `path`, which a later call removes.

    Args:
        path: Where the file shall be; a link is kept, and what it leads to replaced.
        overwrite: Whether a file that is there may be replaced.
        size: Bytes that will be written at least, if that is known: there must be room for them.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is false.
        IsADirectoryError: If `path` is a folder.
        OSError: If the disk is full, the folder cannot be written to, or the name is too long.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic_path(target) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> target.read_text(), len(list(target.parent.iterdir()))
    ('whole', 1)
    """
    target = Path(os.path.realpath(os.fspath(path)))
    mode = _mode_of(target, path, overwrite)
    prefix = f".{os.fsdecode(os.fsencode(target.name)[: _NAME_BYTES - 20])}."
    temporary = target.with_name(f"{prefix}{secrets.token_hex(6)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if len(os.fsencode(target.name)) > _NAME_BYTES:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        # An attempt says more clearly than the library that will write the file what is in the way.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        temporary.unlink()
        if size > shutil.disk_usage(target.parent).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        _explain(error, path, target, size)
    _remove_abandoned(target.parent, prefix)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            if mode is not None:
                os.chmod(temporary, mode)
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except Exception as error:
        if _is_full(error):
            _explain(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), path, target, size)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _mode_of(target: Path, path: Any, overwrite: bool) -> int | None:
    """Return the permissions of the file that is to be replaced, or None if there is none."""
    try:
        found = target.stat()
    except OSError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(f"{str(path)!r} is a folder; give the name of a file.")
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{str(path)!r} is a device or a pipe, which cannot be replaced by a file.")
    if not overwrite:
        raise FileExistsError(f"{str(path)!r} exists already. Pass overwrite=True to replace it.")
    return stat.S_IMODE(found.st_mode)


def _is_full(error: BaseException) -> bool:
    """Whether an error says that the disk is full; h5py has it as another error when the file is closed."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)


def _explain(error: OSError, path: Any, target: Path, size: int) -> NoReturn:
    """Raise the error of the system again, with what was to be done and what can be done about it."""
    reasons = {
        errno.EACCES: f"the folder {str(target.parent)!r} may not be written to",
        errno.EPERM: f"the folder {str(target.parent)!r} may not be written to",
        errno.EROFS: f"the folder {str(target.parent)!r} is on a disk that can only be read",
        errno.ENAMETOOLONG: f"the name has {len(os.fsencode(target.name))} bytes; most disks allow {_NAME_BYTES}",
        errno.ENOTDIR: "a part of the path is a file, not a folder",
        errno.EEXIST: "a part of the path is a file, not a folder",
    }
    code = error.errno or errno.EIO
    if code in (errno.ENOSPC, errno.EDQUOT):
        needed = f"at least {size} bytes are needed, " if size else ""
        with suppress(OSError):
            needed += f"{shutil.disk_usage(target.parent).free} are free"
        reason = f"the disk is full ({needed.rstrip(', ')})"
    else:
        reason = reasons.get(code, error.strerror or str(error))
    raise OSError(code, f"{str(path)!r} was not written: {reason}") from error


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk too. Where folders cannot be opened (Windows), the system sees to that."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _remove_abandoned(folder: Path, prefix: str) -> None:
    with suppress(OSError):
        for entry in os.scandir(folder):
            middle = entry.name[len(prefix) : -4]
            is_ours = entry.name.startswith(prefix) and entry.name.endswith(".tmp") and len(middle) == 12
            if is_ours and time.time() - entry.stat(follow_symlinks=False).st_mtime > _ABANDONED:
                os.unlink(entry.path)
