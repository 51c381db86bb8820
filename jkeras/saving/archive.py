"""The `.keras` archives: zip files of which no member is unpacked to a place that the archive names."""

from __future__ import annotations

import io
import os
import secrets
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from jkeras.saving.atomic import atomic_path
from jkeras.saving.hdf5 import open_for_reading
from jkeras.saving.limits import JSON_BYTES, RATIO, RATIO_FREE, parse_json

# The member of a whole model that holds its weights.
WEIGHTS = "model.weights.h5"
# Members of one archive, and bytes of the list of them.
_MEMBERS = 10_000
_DIRECTORY_BYTES = 4 << 20
_BLOCK = 1 << 20
# When a member was written is not kept, so that equal models give equal files; Keras writes the same date.
_DATE = (1980, 1, 1, 0, 0, 0)
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """An archive open for reading whose list of members was checked."""

    def __init__(self, path: str, zipped: zipfile.ZipFile, file: Any):
        self.path = path
        self.names = [member.filename for member in zipped.infolist()]
        self._zip = zipped
        self._file = file

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def read(self, name: str, limit: int = JSON_BYTES) -> bytes:
        """Return the content of a small member.

        Raises:
            ValueError: If there is no such member, or it is damaged or larger than `limit` bytes.
        """
        member = self._member(name)
        if member.file_size > limit:
            raise ValueError(f"{self._where(name)} has {member.file_size} bytes; at most {limit} are read.")
        return b"".join(self._blocks(member))

    def json(self, name: str) -> Any:
        """Return the data of a member that holds JSON.

        Raises:
            ValueError: If there is no such member, or it is damaged, too large, or no JSON.
        """
        return parse_json(self.read(name), self._where(name))

    @contextmanager
    def hdf5(self, name: str) -> Iterator[Any]:
        """Lend the `h5py.File` of a member, which is checked from end to end first.

        It is read where it lies in the archive; only if it is compressed, it is unpacked to an anonymous file.

        Raises:
            ValueError: If there is no such member, or it is damaged or no HDF5 file.
        """
        member = self._member(name)
        if member.compress_type == zipfile.ZIP_STORED:
            for _ in self._blocks(member):
                pass
            window = _Window(self._file, self._start(member), member.file_size, self._where(name))
            with open_for_reading(window) as file:
                yield file
            return
        with tempfile.TemporaryFile() as unpacked:
            for block in self._blocks(member):
                unpacked.write(block)
            unpacked.flush()
            with open_for_reading(_Window(unpacked, 0, member.file_size, self._where(name))) as file:
                yield file

    def _where(self, name: str) -> str:
        return f"{name!r} in {self.path!r}"

    def _member(self, name: str) -> zipfile.ZipInfo:
        try:
            return self._zip.getinfo(name)
        except KeyError:
            listed = ", ".join(self.names[:10]) or "nothing"
            raise ValueError(f"{self.path!r} has no member {name!r}. It has: {listed}.") from None

    def _blocks(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield the content, and raise at its end unless length and checksum are those declared."""
        count = 0
        try:
            with self._zip.open(member) as stream:
                while block := stream.read(_BLOCK):
                    count += len(block)
                    yield block
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
            raise ValueError(f"{self._where(member.filename)} is damaged: {error}.") from None
        if count != member.file_size:
            raise ValueError(
                f"{self._where(member.filename)} is damaged: it declares {member.file_size} bytes, and holds {count}."
            )

    def _start(self, member: zipfile.ZipInfo) -> int:
        """Return where the bytes of a member begin: behind a header, a name and further fields."""
        self._file.seek(member.header_offset)
        header = self._file.read(30)
        return (
            member.header_offset
            + 30
            + int.from_bytes(header[26:28], "little")
            + int.from_bytes(header[28:30], "little")
        )


@contextmanager
def open_archive(path: Any) -> Iterator[Archive]:
    """Open a zip archive as data: no member is written anywhere, and each is checked against its declared size.

    Members that are not asked for (`assets/...`) may be there, and are listed in `names`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no zip archive or is damaged, or members are encrypted, links, compressed in an unknown
            way, or larger than what their compressed bytes can be; or if names are double or lead out of the archive.

    >>> path = os.path.join(tempfile.mkdtemp(), "a.keras")
    >>> with new_archive(path) as archive:
    ...     archive.put_text("config.json", "[1, 2]")
    >>> with open_archive(path) as archive:
    ...     archive.names, archive.json("config.json")
    (['config.json'], [1, 2])
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        raise IsADirectoryError(f"{name!r} is a folder; give the name of a file.")
    try:
        file = _BoundedReader(io.FileIO(name))
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {name!r}.") from None
    with file:
        if file.peek(4)[:4] != b"PK\x03\x04":
            raise ValueError(f"{name!r} is not a zip archive, or is damaged: it does not begin as one.")
        try:
            zipped = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, OverflowError) as error:
            raise ValueError(
                f"{name!r} is damaged or incomplete: its list of members cannot be read ({error})."
            ) from None
        with zipped:
            _check_members(name, zipped)
            yield Archive(name, zipped, file)


class _BoundedReader(io.BufferedReader):
    """A file of which little is read at once: the list of members is read whole, whatever length it claims."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _DIRECTORY_BYTES:
            raise ValueError(f"{size} bytes were to be read at once; at most {_DIRECTORY_BYTES} are")
        return super().read(size)


class _Window(io.RawIOBase):
    """A part of an open file as a file of its own, for h5py."""

    def __init__(self, file: Any, start: int, size: int, name: str):
        super().__init__()
        self._file, self._start, self._size, self._position, self._name = file, start, size, 0, name

    def __repr__(self) -> str:
        return self._name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        view = view[: max(0, min(len(view), self._size - self._position))]
        self._file.seek(self._start + self._position)
        count = self._file.readinto(view) if len(view) else 0
        self._position += count
        return count


def _check_members(path: str, zipped: zipfile.ZipFile) -> None:
    members = zipped.infolist()
    if len(members) > _MEMBERS:
        raise ValueError(f"{path!r} has {len(members)} members; at most {_MEMBERS} are read.")
    if len(zipped.namelist()) != len(set(zipped.namelist())):
        twice = next(name for name in zipped.namelist() if zipped.namelist().count(name) > 1)
        raise ValueError(f"{path!r} has two members of the name {twice!r}; it is unclear which one counts.")
    for member in members:
        _check_member(path, member)
    # Members that share their bytes make a small file unpack to a large one.
    ordered = sorted(members, key=lambda member: member.header_offset)
    starts = [member.header_offset for member in ordered[1:]] + [zipped.start_dir]
    for member, following in zip(ordered, starts, strict=True):
        if member.header_offset + 30 + len(member.filename) + member.compress_size > following:
            raise ValueError(f"{path!r} is damaged: member {member.filename!r} overlaps what follows it.")


def _check_member(path: str, member: zipfile.ZipInfo) -> None:
    name, size, packed = member.filename, member.file_size, member.compress_size
    where = f"{path!r}: member {name[:200]!r}"
    parts = PurePosixPath(name).parts
    leads_out = not parts or parts[0] == "/" or ".." in parts or "\\" in name or name[1:2] == ":"
    if leads_out or name != member.orig_filename:
        raise ValueError(f"{where} has a name that leads out of the archive, or is none. Such archives are not read.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ValueError(f"{where} is a link or a device. Archives may hold files and folders only.")
    if member.flag_bits & 0x2041:
        raise ValueError(f"{where} is encrypted, and cannot be read.")
    if member.compress_type not in _COMPRESSIONS:
        raise ValueError(f"{where} is compressed by method {member.compress_type}; only stored and deflated are read.")
    is_stored = member.compress_type == zipfile.ZIP_STORED
    if (is_stored and size != packed) or (size > RATIO_FREE and size > RATIO * packed) or size > 1100 * packed + 1100:
        raise ValueError(f"{where} declares {size} bytes, which its {packed} bytes in the archive cannot be.")


class NewArchive:
    """An archive being written; members are not compressed, as in those of Keras."""

    def __init__(self, zipped: zipfile.ZipFile, folder: Path):
        self._zip = zipped
        self._folder = folder

    def put_text(self, name: str, text: str) -> None:
        """Add a member with a text, in UTF-8."""
        self._zip.writestr(_new_member(name), text.encode("utf-8"))

    @contextmanager
    def put_file(self, name: str) -> Iterator[Path]:
        """Lend a path in the folder of the archive to write a file to, which then becomes a member."""
        lent = self._folder / f".{name.replace('/', '_')}.{secrets.token_hex(6)}.tmp"
        try:
            yield lent
            member = _new_member(name)
            member.file_size = lent.stat().st_size
            with lent.open("rb") as source, self._zip.open(member, "w") as target:
                while block := source.read(_BLOCK):
                    target.write(block)
        finally:
            lent.unlink(missing_ok=True)


@contextmanager
def new_archive(path: Any, overwrite: bool = True) -> Iterator[NewArchive]:
    """Write a zip archive that takes the place of `path` when all of it was written.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is false.
    """
    with atomic_path(path, overwrite) as temporary, zipfile.ZipFile(temporary, "x", zipfile.ZIP_STORED) as zipped:
        yield NewArchive(zipped, temporary.parent)


def _new_member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _DATE)
    member.external_attr = 0o600 << 16
    member.compress_type = zipfile.ZIP_STORED
    return member
