"""Labels, unit vectors, data sets in Python, and files from the network (here: from a folder)."""

from __future__ import annotations

import hashlib
import io
import os
import random
import tarfile
import threading
import zipfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import utils
from jkeras.utils.data import ordered_batches

LABELS = [
    ([1, 2], None),
    ([[1], [2]], None),
    (np.array([[0, 1], [2, 1]]), 4),
    (3, 5),
    ([[1]], None),
    (np.zeros((2, 3, 1)), 2),
    ([1.7, 2.2], None),
]


@pytest.mark.parametrize("x, num_classes", LABELS, ids=str)
def test_to_categorical_agrees_with_keras(x, num_classes):
    keras = pytest.importorskip("keras")
    got = utils.to_categorical(x, num_classes)
    want = keras.utils.to_categorical(x, num_classes)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, want)


def test_to_categorical_forms():
    assert isinstance(utils.to_categorical(jnp.array([0, 1])), jax.Array)
    np.testing.assert_array_equal(utils.to_categorical(y=[0, 1]), np.eye(2))
    assert utils.to_categorical([0], 2, dtype="int8").dtype == np.int8
    jitted = jax.jit(lambda x: utils.to_categorical(x, 3))(jnp.array([[2], [0]]))
    np.testing.assert_array_equal(jitted, [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(utils.np_utils.to_categorical([0, 1]), np.eye(2))


@pytest.mark.parametrize("x, num_classes, message", [([-1, 2], 3, "from -1 to 2"), ([0, 5], 3, r"from 0 to 2 .*to 5")])
def test_to_categorical_refuses_numbers_that_are_no_class(x, num_classes, message):
    with pytest.raises(ValueError, match=message):
        utils.to_categorical(x, num_classes)


def test_to_categorical_in_jit_needs_the_width():
    with pytest.raises(ValueError, match="needs `num_classes`"):
        jax.jit(utils.to_categorical)(jnp.array([0, 1]))
    with pytest.raises(TypeError, match="once"):
        utils.to_categorical()


@pytest.mark.parametrize("order", [1, 2, np.inf])
@pytest.mark.parametrize("x", [[[3.0, 4.0], [0.0, 0.0]], [3.0, 4.0], np.arange(12.0).reshape(2, 2, 3)], ids=str)
def test_normalize_agrees_with_keras(x, order):
    keras = pytest.importorskip("keras")
    np.testing.assert_allclose(utils.normalize(x, order=order), keras.utils.normalize(np.array(x), order=order))


def test_normalize_along_the_first_axis():
    got = utils.normalize(jnp.array([[3.0, 0.0], [4.0, 0.0]]), axis=0)
    assert isinstance(got, jax.Array)
    np.testing.assert_allclose(got, [[0.6, 0], [0.8, 0]], rtol=1e-6)


class Numbers(utils.PyDataset):
    def __init__(self, n, fail_at=None, **kwargs):
        super().__init__(**kwargs)
        self.n, self.fail_at = n, fail_at

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        if index == self.fail_at:
            raise RuntimeError(f"batch {index}")
        return np.full(2, index)


class NumbersOfKeras2(utils.Sequence):
    def __init__(self):
        self.n = 3

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        return index


class Endless(utils.PyDataset):
    num_batches = None

    def __getitem__(self, index):
        return index


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"workers": 0},
        {"workers": 3, "max_queue_size": 2},
        {"workers": 2, "max_queue_size": 0},
        {"workers": 2, "use_multiprocessing": True},
    ],
    ids=str,
)
def test_batches_come_in_order_from_every_kind_of_worker(arguments):
    got = [int(batch[0]) for batch in ordered_batches(Numbers(6, **arguments))]
    assert got == list(range(6))


def test_batches_in_a_given_order_and_without_end():
    assert [int(b[0]) for b in ordered_batches(Numbers(4, workers=2), [2, 0, 3])] == [2, 0, 3]
    endless = ordered_batches(Endless(workers=2))
    assert [next(endless) for _ in range(25)] == list(range(25))
    endless.close()


def test_workers_end_with_the_batches():
    before = threading.active_count()
    batches = ordered_batches(Numbers(50, workers=3))
    next(batches)
    assert threading.active_count() > before
    batches.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_comes_when_its_batch_is_due(workers):
    batches = ordered_batches(Numbers(4, fail_at=2, workers=workers))
    assert [int(next(batches)[0]) for _ in range(2)] == [0, 1]
    with pytest.raises(RuntimeError, match="batch 2"):
        next(batches)


def test_data_sets_of_keras_2_and_incomplete_ones():
    old = NumbersOfKeras2()
    assert (old.workers, old.use_multiprocessing, old.max_queue_size) == (1, False, 10)
    assert old.num_batches == 3 and list(old) == [0, 1, 2] and list(ordered_batches(old)) == [0, 1, 2]
    with pytest.raises(TypeError, match="PyDataset must say how many batches"):
        _ = utils.PyDataset().num_batches
    with pytest.raises(TypeError, match="must define `__getitem__"):
        utils.PyDataset()[0]


@pytest.mark.parametrize("arguments", [(1,), ([1, 2],), ((1, 2),), (1, 2), (1, 2, 3)], ids=str)
def test_packing_agrees_with_keras(arguments):
    keras = pytest.importorskip("keras")
    packed = utils.pack_x_y_sample_weight(*arguments)
    assert packed == keras.utils.pack_x_y_sample_weight(*arguments)
    assert utils.unpack_x_y_sample_weight(packed) == keras.utils.unpack_x_y_sample_weight(packed)


@pytest.mark.parametrize("data", [(), (1, 2, 3, 4)])
def test_unpacking_refuses_other_lengths(data):
    with pytest.raises(ValueError, match=f"tuple of {len(data)} entries"):
        utils.unpack_x_y_sample_weight(data)


@pytest.fixture
def web(tmp_path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a.txt").write_text("hello")
    return tmp_path / "web"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_get_file_downloads_once(web, tmp_path, capsys):
    arguments = {"origin": (web / "a.txt").as_uri(), "cache_dir": tmp_path / "cache"}
    path = utils.get_file("b.txt", file_hash=sha256(b"hello"), cache_subdir="x/y", **arguments)
    assert Path(path) == tmp_path / "cache" / "x" / "y" / "b.txt" and Path(path).read_text() == "hello"
    assert os.listdir(Path(path).parent) == ["b.txt"]
    (web / "a.txt").write_text("newer")
    capsys.readouterr()
    assert Path(utils.get_file("b.txt", cache_subdir="x/y", **arguments)).read_text() == "hello"
    assert capsys.readouterr().out == ""
    utils.get_file("b.txt", cache_subdir="x/y", force_download=True, **arguments)
    assert Path(path).read_text() == "newer"


def test_get_file_goes_to_keras_home(web, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    assert Path(utils.get_file(origin=(web / "a.txt").as_uri())) == tmp_path / "home" / "datasets" / "a.txt"


def test_get_file_replaces_a_damaged_file(web, tmp_path, capsys):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "a.txt").write_text("half")
    md5 = hashlib.md5(b"hello", usedforsecurity=False).hexdigest()
    path = utils.get_file(origin=(web / "a.txt").as_uri(), md5_hash=md5, cache_dir=tmp_path)
    assert Path(path).read_text() == "hello" and "incomplete or out of date" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "needs `origin`"),
        ({"origin": "https://example.com/"}, "no file name"),
        ({"fname": "../up.txt", "origin": "https://example.com/a"}, "without folders; got '../up.txt'"),
        ({"fname": "..", "origin": "https://example.com/a"}, "without folders"),
        ({"origin": "https://example.com/a", "file_hash": "12"}, "SHA-256 checksum"),
        ({"origin": "https://example.com/a", "file_hash": "12", "hash_algorithm": "crc"}, "hash_algorithm='crc'"),
    ],
)
def test_get_file_says_what_is_wrong(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        utils.get_file(cache_dir=tmp_path, **arguments)


def test_get_file_keeps_the_old_file_when_the_download_fails(web, tmp_path):
    arguments = {"origin": (web / "a.txt").as_uri(), "cache_dir": tmp_path}
    path = Path(utils.get_file(**arguments))
    with pytest.raises(ValueError, match="not the file that was expected"):
        utils.get_file(force_download=True, file_hash="0" * 64, **arguments)
    (web / "a.txt").unlink()
    with pytest.raises(OSError, match="Could not download"):
        utils.get_file(force_download=True, **arguments)
    assert path.read_text() == "hello" and os.listdir(path.parent) == ["a.txt"]


def write_archive(path, entries):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in entries.items():
                archive.writestr(name, content)
        return
    with tarfile.open(path, "w:gz") as archive:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))


@pytest.mark.parametrize("archive", ["d.tar.gz", "d.zip"])
@pytest.mark.parametrize(
    "fname, folder, kept_as", [(None, None, None), ("d", "d", "d_archive"), ("d.x.y", "d_extracted", "d.x.y")]
)
def test_get_file_unpacks(web, tmp_path, archive, fname, folder, kept_as):
    write_archive(web / archive, {"in/a.txt": "one", "b.txt": "two"})
    path = Path(utils.get_file(fname, (web / archive).as_uri(), extract=True, cache_dir=tmp_path))
    assert path == tmp_path / "datasets" / (folder or archive)
    assert (path / "in" / "a.txt").read_text() == "one" and (path / "b.txt").read_text() == "two"
    assert sorted(os.listdir(path.parent)) == sorted([path.name, kept_as or f"{archive}_archive"])
    (path / "b.txt").write_text("mine")
    utils.get_file(fname, (web / archive).as_uri(), extract=True, cache_dir=tmp_path)
    assert (path / "b.txt").read_text() == "mine", "what is there is not unpacked again"


@pytest.mark.parametrize("archive", ["d.tar.gz", "d.zip"])
@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "{root}/out.txt"])
def test_get_file_never_writes_outside_its_folder(web, tmp_path, archive, name):
    write_archive(web / archive, {name.format(root=tmp_path): "bad"})
    with pytest.raises(ValueError, match="would be written outside"):
        utils.get_file("d", (web / archive).as_uri(), extract=True, cache_dir=tmp_path)
    assert os.listdir(tmp_path / "datasets") == ["d_archive"] and not (tmp_path / "out.txt").exists()


def test_get_file_refuses_links(web, tmp_path):
    with tarfile.open(web / "d.tar", "w") as archive:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(ValueError, match="is a link or a device"):
        utils.get_file("d", (web / "d.tar").as_uri(), untar=True, cache_dir=tmp_path)


@pytest.mark.parametrize("archive", ["d.tar.gz", "d.zip"])
def test_get_file_keeps_the_old_folder_when_an_archive_is_damaged(web, tmp_path, archive):
    arguments = {"origin": (web / archive).as_uri(), "extract": True, "cache_dir": tmp_path}
    write_archive(web / archive, {"a.txt": "one", "b.txt": random.Random(0).randbytes(50_000).hex()})
    path = Path(utils.get_file("d", **arguments))
    content = bytearray((web / archive).read_bytes())
    content[len(content) // 2] ^= 255
    (web / archive).write_bytes(content)
    with pytest.raises(ValueError, match="was not unpacked"):
        utils.get_file("d", force_download=True, **arguments)
    assert (path / "a.txt").read_text() == "one" and sorted(os.listdir(path.parent)) == ["d", "d_archive"]


def test_get_file_does_not_keep_half_a_download(tmp_path, monkeypatch):
    class Answer(io.BytesIO):
        headers = {"Content-Length": "100"}

    monkeypatch.setattr("urllib.request.urlopen", lambda *args, **kwargs: Answer(b"x" * 60))
    with pytest.raises(OSError, match="ended after 60 of 100 bytes"):
        utils.get_file(origin="https://example.com/a.txt", cache_dir=tmp_path)
    assert os.listdir(tmp_path / "datasets") == []
    Answer.headers = {"Content-Length": "60"}
    old = os.umask(0o022)
    try:
        path = Path(utils.get_file(origin="https://example.com/a.txt", cache_dir=tmp_path))
    finally:
        os.umask(old)
    assert path.read_bytes() == b"x" * 60 and path.stat().st_mode & 0o777 == 0o644


def test_get_file_refuses_what_is_no_archive(web, tmp_path):
    with pytest.raises(ValueError, match="not an archive of the format zip"):
        utils.get_file("d", (web / "a.txt").as_uri(), extract=True, archive_format="zip", cache_dir=tmp_path)
    with pytest.raises(ValueError, match="expected archive_format .* got \\['rar'\\]"):
        utils.get_file("d", (web / "a.txt").as_uri(), extract=True, archive_format="rar", cache_dir=tmp_path)
