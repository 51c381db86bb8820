"""Archives that must be refused, and whole-model HDF5 files: see `hostile_files`."""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hostile_files import KERNEL, MARKER, MODERN_LAMBDA, Row, chain, dense, write_legacy, write_modern

ARCHIVES: list[Row] = []


def weights_of(change: Callable[[Any], None] | None = None) -> bytes:
    """Return the content of a valid weight file, or of one that was changed."""
    content = io.BytesIO()
    write_modern(content)
    if change is not None:
        with h5py.File(content, "r+") as file:
            change(file)
    return content.getvalue()


MODEL = chain(dense(3), {"class_name": "Dense", "config": {"name": "second", "units": 2}})
MEMBERS = {
    "metadata.json": json.dumps({"keras_version": "3.15.1", "date_saved": ""}),
    "config.json": json.dumps(MODEL),
    "model.weights.h5": weights_of(),
}


def write(path: Path, members: dict[str, Any] | None = None, compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in {**MEMBERS, **(members or {})}.items():
            if content is not None:
                archive.writestr(name, content)


def archive(name: str, message: str, reader: str = "load_model") -> Callable[[Callable[[Path], Any]], Any]:
    def add(make: Callable[[Path], Any]) -> Any:
        ARCHIVES.append(Row(name, reader, make, message))
        return make

    return add


def with_members(name: str, message: str, members: dict[str, Any], compression: int = zipfile.ZIP_STORED) -> None:
    archive(name, message)(lambda path: write(path, members, compression))


with_members("a member that leads upwards", "leads out", {f"../{MARKER}": "x"})
with_members("a member with an absolute name", "leads out", {f"/{MARKER}": "x"})
with_members("a member named with backslashes", "leads out", {f"..\\{MARKER}": "x"})
with_members("a member named with a drive", "leads out", {f"C:{MARKER}": "x"})
with_members("no configuration", "config.json", {"config.json": None})
with_members("no weights", "weights", {"model.weights.h5": None})
with_members("a configuration that is no JSON", "not valid JSON", {"config.json": "import os"})
with_members("a configuration without end", "nested", {"config.json": "[" * 100_000})
with_members("weights that are no HDF5 file", "not an HDF5 file", {"model.weights.h5": b"hello"})
with_members("unknown compression", "compressed by method", {}, zipfile.ZIP_BZIP2)
with_members("a lambda in an archive", "Lambda", {
    "config.json": json.dumps(chain({"class_name": "Lambda", "config": {"name": "l", "function": MODERN_LAMBDA}}))
})  # fmt: skip
with_members("a layer much larger than the weights", "expected shape", {
    "config.json": json.dumps(chain(dense(3 * 10**7), {"class_name": "Dense", "config": {"units": 2}}))
})  # fmt: skip
with_members("a module in an archive", "Unknown class", {
    "config.json": json.dumps(chain({"module": "marker_module", "class_name": "Mine", "config": {}}))
})  # fmt: skip
with_members("a bomb", "cannot be", {"model.weights.h5": bytes(100 << 20)}, zipfile.ZIP_DEFLATED)
with_members("too many members", "members", {f"assets/{i}": "" for i in range(11_000)})


@archive("weights with a link to another file", "not followed")
def _(path: Path) -> None:
    def link(file: Any) -> None:
        del file[KERNEL]
        file[KERNEL] = h5py.ExternalLink("/etc/passwd", "/")

    write(path, {"model.weights.h5": weights_of(link)})


@archive("weights that unfold to gigabytes", "but the file holds")
def _(path: Path) -> None:
    def unfold(file: Any) -> None:
        del file[KERNEL]
        file.create_dataset(KERNEL, (4, 10**7), "f4", compression="gzip", chunks=(1, 10**6), data=np.zeros((4, 10**7)))
        del file["layers/dense/vars/1"], file["layers/dense_1"]
        file["layers/dense/vars/1"] = np.zeros(10**7, "f4")

    config = json.dumps(chain(dense(10**7)))
    write(path, {"model.weights.h5": weights_of(unfold), "config.json": config})


@archive("a member that is a link", "link")
def _(path: Path) -> None:
    write(path)
    with zipfile.ZipFile(path, "a") as opened:
        member = zipfile.ZipInfo("assets/hosts")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(member, "/etc/hosts")


@archive("two members of one name", "two members")
def _(path: Path) -> None:
    write(path)
    content = path.read_bytes()
    # zipfile warns of the same name, and takes one of the same length.
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr("confiG.json", "{}")
    path.write_bytes(path.read_bytes().replace(b"confiG.json", b"config.json"))
    assert len(content) < path.stat().st_size


def patched(path: Path, at: int, form: str, value: int, name: bytes = b"config.json") -> None:
    """Change a number in the entry of a member, in the list at the end of the archive."""
    content = bytearray(path.read_bytes())
    entry = content.rindex(name) - 46
    assert content[entry : entry + 4] == b"PK\x01\x02"
    struct.pack_into(form, content, entry + at, value)
    path.write_bytes(content)


@archive("an encrypted member", "encrypted")
def _(path: Path) -> None:
    write(path)
    patched(path, 8, "<H", 1)


@archive("a wrong checksum", "damaged")
def _(path: Path) -> None:
    write(path)
    patched(path, 16, "<I", 12345, b"model.weights.h5")


@archive("a member that declares gigabytes", "cannot be")
def _(path: Path) -> None:
    write(path)
    patched(path, 24, "<I", 4_000_000_000)


@archive("a member that declares gigabytes, twice", "overlaps")
def _(path: Path) -> None:
    write(path)
    patched(path, 20, "<I", 4_000_000_000)
    patched(path, 24, "<I", 4_000_000_000)


@archive("a compressed member that declares less than it holds", "damaged")
def _(path: Path) -> None:
    write(path, compression=zipfile.ZIP_DEFLATED)
    patched(path, 24, "<I", 10)


@archive("members that share their bytes", "overlaps")
def _(path: Path) -> None:
    write(path, {"other0.json": json.dumps(MODEL)})
    patched(path, 42, "<I", 0, b"other0.json")


@archive("an archive cut short", "damaged")
def _(path: Path) -> None:
    write(path)
    path.write_bytes(path.read_bytes()[:-40])


@archive("a program in front of the archive", "does not begin")
def _(path: Path) -> None:
    write(path)
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())


@archive("an HDF5 file under the name of an archive", "")
def _(path: Path) -> None:
    write_modern(path)


def whole(name: str, message: str, **attributes: Any) -> None:
    def make(path: Path) -> None:
        with h5py.File(path, "w") as file:
            write_legacy(f"{path}.weights")
            with h5py.File(f"{path}.weights") as weights:
                weights.copy(weights["/"], file, "model_weights")
            for key, value in {"model_config": json.dumps(MODEL), "keras_version": "2.21.0", **attributes}.items():
                if value is not None:
                    file.attrs[key] = value

    archive(name, message, "load_model_h5")(make)


whole("whole: a lambda", "Lambda", model_config=json.dumps(
    chain({"class_name": "Lambda", "config": {"name": "l", "function": MODERN_LAMBDA}})
))  # fmt: skip
whole("whole: no configuration", "holds weights, but no model", model_config=None)
whole("whole: a configuration that is a number", "", model_config=3)
whole("whole: a configuration that is no JSON", "not valid JSON", model_config="import os")
whole("whole: a layer of more units than are read", "at most", model_config=json.dumps(chain(dense(10**10))))
whole("whole: names as records", "records", training_config=np.zeros(2, [("a", "S5")]))
