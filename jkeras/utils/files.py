"""A file from the network, fetched once, checked, and kept in the Keras folder."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import lzma
import os
import secrets
import shutil
import stat
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any


def keras_home() -> Path:
    """Return the folder for downloads: `$KERAS_HOME`, else `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | list[str] | tuple[str, ...] | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file, downloading it the first time.

    A download is written beside its place and moved there when it is complete and its checksum is right.

    Args:
        fname: The name it is kept under, no path; by default the last part of `origin`.
        origin: Its address (`https://`, `file://`, ...).
        untar: The same as `extract=True, archive_format="tar"`.
        md5_hash: The same as `file_hash` with `hash_algorithm="md5"`.
        file_hash: Checksum in hexadecimal; a file already there that does not match is downloaded again.
        cache_subdir: Folder inside `cache_dir`.
        hash_algorithm: `"sha256"`, `"md5"` or `"auto"`, which goes by the length of `file_hash`.
        extract: Unpack it, and return the folder it was unpacked to. An `fname` without a dot is that folder's name.
        archive_format: `"auto"`, `"tar"`, `"zip"`, or a list of them to try.
        cache_dir: By default `$KERAS_HOME` or `~/.keras`.
        force_download: Download it even if it is there.

    Returns:
        The path of the file, or of the folder with what was in the archive.

    Raises:
        ValueError: No address, a name that is a path, a wrong checksum, or an archive that would write elsewhere.
        OSError: The download failed.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "numbers.txt").write_text("1 2 3")
    >>> path = get_file(origin=(folder / "numbers.txt").as_uri(), cache_dir=folder / "cache")  # doctest: +ELLIPSIS
    Downloading numbers.txt from file:...
    >>> pathlib.Path(path).read_text()
    '1 2 3'

    Reference: `keras.utils.get_file`.
    """
    if origin is None:
        raise ValueError("get_file() needs `origin`, the address of the file: get_file('data.csv', 'https://...').")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    name = _file_name(fname, origin)
    folder = _writable(cache_dir) / cache_subdir
    folder.mkdir(parents=True, exist_ok=True)

    unpack = extract or untar
    target, unpacked = folder / name, folder / name
    if unpack and fname and "." in name:
        unpacked = folder / f"{name.split('.')[0]}_extracted"
    elif unpack:
        target = folder / f"{name}_archive"

    fresh = force_download or not target.exists()
    if not fresh and file_hash is not None and not _matches(target, file_hash, hash_algorithm):
        print(f"{target} is incomplete or out of date (its checksum is not {file_hash}): downloading it again.")
        fresh = True
    if fresh:
        _download(origin, target, file_hash, hash_algorithm)
    if not unpack:
        return str(target)
    if fresh or not unpacked.is_dir():
        _extract(target, unpacked, "tar" if untar else archive_format)
    return str(unpacked)


def _file_name(fname: str | os.PathLike[str] | None, origin: str) -> str:
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.urlsplit(origin).path)
    if not name:
        raise ValueError(f"get_file() finds no file name in origin={origin!r}; give one as `fname`.")
    if name != os.path.basename(name) or name in (".", ".."):
        raise ValueError(
            f"get_file() expected `fname` to be a file name without folders; got {name!r}. "
            "Folders go into `cache_dir` and `cache_subdir`."
        )
    return name


def _writable(cache_dir: str | os.PathLike[str] | None) -> Path:
    """The folder to keep files in; where it cannot be written to, one in the system's temporary folder."""
    folder = Path(cache_dir).expanduser() if cache_dir is not None else keras_home()
    nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    return folder if os.access(nearest, os.W_OK) else Path(tempfile.gettempdir()) / ".keras"


def _hasher(file_hash: str, algorithm: str) -> Any:
    if algorithm == "auto":
        algorithm = {64: "sha256", 32: "md5"}.get(len(file_hash), "auto")
    if algorithm not in ("sha256", "md5"):
        raise ValueError(
            "get_file() expected a SHA-256 checksum (64 hexadecimal digits) or an MD5 one (32); "
            f"got file_hash={file_hash!r} with hash_algorithm={algorithm!r}."
        )
    return hashlib.new(algorithm, usedforsecurity=False)


def _matches(path: Path, file_hash: str, algorithm: str) -> bool:
    digest = _hasher(file_hash, algorithm)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest() == file_hash.lower()


def _download(origin: str, target: Path, file_hash: str | None, algorithm: str) -> None:
    if file_hash is not None:
        _hasher(file_hash, algorithm)
    print(f"Downloading {target.name} from {origin}")
    partial = target.with_name(f".{target.name[:200]}.{secrets.token_hex(6)}.tmp")
    try:
        with open(partial, "xb") as file:
            try:
                with urllib.request.urlopen(origin, timeout=60) as answer:
                    shutil.copyfileobj(answer, file)
                    _check_length(answer.headers.get("Content-Length"), file.tell())
            except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
                raise OSError(
                    f"Could not download {origin} ({getattr(error, 'reason', error)}). "
                    f"On a machine without network, fetch that file elsewhere and put it at {target}."
                ) from error
            file.flush()
            os.fsync(file.fileno())
        if file_hash is not None and not _matches(partial, file_hash, algorithm):
            raise ValueError(
                f"{origin} is not the file that was expected: its checksum is not {file_hash}. Nothing was kept."
            )
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _check_length(announced: str | None, received: int) -> None:
    """Raise if a connection ended early, which the library below does not say where it reads part by part."""
    if announced is not None and announced.isdecimal() and int(announced) != received:
        raise ConnectionError(f"the connection ended after {received} of {announced} bytes")


_DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError
)  # fmt: skip


def _extract(archive: Path, folder: Path, archive_format: Any) -> None:
    """Unpack into a folder beside `folder` and move it there when it is complete."""
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    replaced = partial.with_name(f"{partial.name}.old")
    try:
        for name, open_member in _members(archive, archive_format):
            place = partial / name
            if not place.resolve().is_relative_to(partial.resolve()):
                raise ValueError(f"{archive} was not unpacked: its entry {name!r} would be written outside {folder}.")
            if open_member is None:
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with open_member() as source, open(place, "wb") as file:
                shutil.copyfileobj(source, file)
        partial.chmod(0o755)
        if folder.is_dir():
            os.replace(folder, replaced)
        os.replace(partial, folder)
    except _DAMAGED as error:
        raise ValueError(f"{archive} was not unpacked: it is damaged or encrypted ({error}).") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def _members(path: Path, archive_format: Any) -> Iterator[tuple[str, Callable[[], IO[bytes]] | None]]:
    """Yield the entries of an archive: the name, and what opens it (`None` for a folder)."""
    formats = [archive_format] if isinstance(archive_format, str) else list(archive_format or [])
    formats = ["tar", "zip"] if formats == ["auto"] else formats
    if unknown := set(formats) - {"tar", "zip"}:
        raise ValueError(f"get_file() expected archive_format 'auto', 'tar' or 'zip'; got {sorted(unknown)}.")
    if "tar" in formats and tarfile.is_tarfile(path):
        return _tar_members(path)
    if "zip" in formats and zipfile.is_zipfile(path):
        return _zip_members(path)
    raise ValueError(f"{path} cannot be unpacked: it is not an archive of the format {' or '.join(formats) or 'None'}.")


def _tar_members(path: Path) -> Iterator[tuple[str, Callable[[], IO[bytes]] | None]]:
    with tarfile.open(path) as archive:
        for member in archive:
            if not (member.isfile() or member.isdir()):
                raise ValueError(f"{path} was not unpacked: its entry {member.name!r} is a link or a device.")
            yield member.name, (lambda m=member: archive.extractfile(m)) if member.isfile() else None  # type: ignore
        # The checksum of compressed data is at their end, which is behind that of the archive.
        while archive.fileobj is not None and archive.fileobj.read(1 << 20):
            pass


def _zip_members(path: Path) -> Iterator[tuple[str, Callable[[], IO[bytes]] | None]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if stat.S_ISLNK(member.external_attr >> 16):
                raise ValueError(f"{path} was not unpacked: its entry {member.filename!r} is a link.")
            yield member.filename, None if member.is_dir() else (lambda m=member: archive.open(m))
