"""Compiled programs kept in a folder, for the next process."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from jkeras.core import blame

VARIABLE = "JKERAS_COMPILATION_CACHE"

_OPTIONS = (
    "jax_compilation_cache_dir",
    "jax_enable_compilation_cache",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)
_before: dict[str, Any] = {}  # what the options were until `enable`


def default_folder() -> Path:
    """Return the folder in the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return Path(base or Path.home() / ".cache") / "jkeras" / "compilation"


def enable(folder: str | os.PathLike[str] | None = None, minimum_seconds: float = 0.1) -> Path:
    """Keep compiled programs in `folder` and take them from there; return it.

    Whoever can write to the folder can run code in this process: a compiled program is one. So it is made for its owner
    alone (mode 0700), and refused if it belongs to somebody else or if others can write to it.

    Args:
        folder: `jkeras/compilation` in the user's cache directory if left out.
        minimum_seconds: Programs that compile faster are not kept.

    Returns:
        The folder.

    Raises:
        PermissionError: If the folder is not safe.
        ValueError: If `minimum_seconds` is negative.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as base:
    ...     folder = enable(os.path.join(base, "programs"))
    ...     disable()
    >>> folder.name
    'programs'
    """
    if minimum_seconds < 0:
        raise ValueError(f"minimum_seconds must be 0 or more; got {minimum_seconds}.")
    path = Path(folder).expanduser() if folder is not None else default_folder()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    path = path.resolve()
    check_safe(path)
    if not _before:
        _before.update({name: getattr(jax.config, name) for name in _OPTIONS})
    _set(dict(zip(_OPTIONS, (str(path), True, float(minimum_seconds), -1), strict=True)))
    return path


def disable() -> None:
    """Keep nothing any more, and take nothing from the folder: what JAX was told before `enable` holds again.

    >>> disable()  # nothing happens before `enable`
    """
    if _before:
        _set(_before)
        _before.clear()


def enable_from_environment() -> None:
    """Do what `JKERAS_COMPILATION_CACHE` says: 1 or a folder enables the cache; warn if it is not safe."""
    value = os.environ.get(VARIABLE, "")
    if value.lower() in ("", "0", "off", "false"):
        return
    try:
        enable(None if value.lower() in ("1", "on", "true") else value)
    except OSError as problem:
        blame.warn(f"{VARIABLE}={value}: nothing is cached. {problem}", RuntimeWarning)


def check_safe(path: Path) -> None:
    """Raise `PermissionError` if somebody else than the user could write to a folder."""
    if not hasattr(os, "getuid"):
        return  # Windows: folders in a user's profile are the user's
    status = path.stat()
    hint = "Compiled programs are run as they are: take a folder of your own, or mend this one: chmod 700."
    if status.st_uid != os.getuid():
        raise PermissionError(f"The compilation cache {path} belongs to user {status.st_uid}, not to you. {hint}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(status.st_mode)
        raise PermissionError(f"Others can write to the compilation cache {path} (mode {mode:04o}). {hint}")
    for parent in path.parents:
        mode = parent.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise PermissionError(f"Others can replace {path}: they can write to {parent}. {hint}")


def _set(options: dict[str, Any]) -> None:
    config: Any = jax.config
    for name, value in options.items():
        config.update(name, value)
    compilation_cache.reset_cache()  # or a folder that is in use would stay in use
