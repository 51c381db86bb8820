"""`python -m jkeras doctor`: what is installed and found here, to be read, or sent with a report."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from jkeras.core.compilation_cache import default_folder
from jkeras.core.data_format import image_data_format
from jkeras.core.dtypes import floatx
from jkeras.core.units import format_bytes

_REQUIREMENT = re.compile(
    r"""(?P<name>[\w.-]+)(?:\[[^]]*\])?(?P<bounds>[^;]*)(?:;.*extra == ["'](?P<extra>\w+)["'])?"""
)
_FOR_DEVELOPERS = ("test", "docs", "lint", "dev")


def report() -> str:
    """Return versions, devices, settings, the compilation cache and the extras of this installation.

    >>> report().split()[0]
    'jkeras'
    """
    return "\n\n".join("\n".join(part) for part in (_versions(), _devices(), _settings(), _cache(), _extras()))


def _versions() -> Iterator[str]:
    system = f"{platform.system()} {platform.release()} ({platform.machine()})"
    yield f"jkeras {_installed('jkeras') or 'not installed'}, Python {platform.python_version()}, {system}"
    yield f"in {Path(__file__).parent.parent}"
    yield "  " + ", ".join(f"{name} {_installed(name) or 'missing'}" for name, _, extra in requirements() if not extra)


def _devices() -> Iterator[str]:
    yield "Devices"
    try:
        found = jax.devices()
    except (RuntimeError, AssertionError) as error:  # as JAX fails where the platform is not there
        yield f"  none: {str(error).partition(chr(10))[0] or 'JAX finds none'}; JAX_PLATFORMS chooses where it looks"
        return
    for device in found[:8]:
        limit = (device.memory_stats() or {}).get("bytes_limit")
        memory = f", {format_bytes(limit)} for arrays" if limit else ""
        yield f"  {device.platform}:{device.id}  {device.device_kind}{memory}"
    if len(found) > 8:
        yield f"  ... {len(found)} in all"
    if jax.process_count() > 1:
        yield f"  process {jax.process_index()} of {jax.process_count()}"


def _settings() -> Iterator[str]:
    yield "Settings"
    precision = jax.config.jax_default_matmul_precision or "that of the device"  # type: ignore[attr-defined]
    yield f"  float type {floatx()}, images {image_data_format()}, matrix products in {precision}"


def _cache() -> Iterator[str]:
    yield "Compilation cache"
    folder = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if not folder:
        yield f"  off; JKERAS_COMPILATION_CACHE=1 keeps programs in {default_folder()}"
        return
    files = [path for path in Path(folder).glob("*") if path.is_file()]
    yield f"  {folder}: {len(files)} files, {format_bytes(sum(path.stat().st_size for path in files))}"


def _extras() -> Iterator[str]:
    yield "Extras"
    if not requirements():
        yield "  not known: jkeras is not installed (pip install -e .)"
    wanted: dict[str, list[str]] = {}
    for name, _, extra in requirements():
        if extra and extra not in _FOR_DEVELOPERS:
            wanted.setdefault(extra, []).append(name)
    width = max(map(len, wanted), default=0)
    for extra, names in sorted(wanted.items()):
        versions = [_installed(name) for name in names]
        told = ", ".join(f"{name} {version or 'missing'}" for name, version in zip(names, versions, strict=True))
        hint = "" if all(versions) else f"; pip install 'jkeras[{extra}]'"
        yield f"  {extra:<{width}}  {told}{hint}"


def requirements() -> list[tuple[str, str, str]]:
    """Return `(package, bounds, extra)` of all that jkeras was installed to need; the core has no extra.

    >>> [row for row in requirements() if row[0] == "h5py"]
    [('h5py', '>=3.11', '')]
    """
    try:
        lines = metadata.requires("jkeras") or []
    except metadata.PackageNotFoundError:  # run from a checkout
        lines = []
    rows: list[Any] = [_REQUIREMENT.match(line) for line in lines]
    return [(row["name"], row["bounds"].strip(), row["extra"] or "") for row in rows if row is not None]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
