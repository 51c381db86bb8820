"""Data sets, read from small files of the same form in a temporary Keras folder: no test uses the network."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import io
import json
import os
import pickle
import tarfile

import numpy as np
import pytest

from jkeras import datasets
from jkeras.datasets import digits, sources
from jkeras.datasets.safe_load import load_npz

RANDOM = np.random.RandomState(0)


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Return a function that puts bytes where a data set is downloaded from; `KERAS_HOME` is empty and temporary."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    (tmp_path / "web").mkdir()

    def put(name, content, checksum=None):
        (tmp_path / "web" / name).write_bytes(content)
        row = sources.SOURCES[name]._replace(
            origin=(tmp_path / "web" / name).as_uri(), checksum=checksum or hashlib.sha256(content).hexdigest()
        )
        monkeypatch.setitem(sources.SOURCES, name, row)

    return put


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def ragged(n):
    rows = np.empty(n, object)
    for i in range(n):
        rows[i] = RANDOM.randint(1, 50, RANDOM.randint(2, 9)).tolist()
    return rows


def tar_of_batches(folder, batches):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, batch in batches.items():
            content = pickle.dumps(batch, protocol=2)
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def test_digits_are_in_the_package():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1437, 8, 8) and x_test.shape == (360, 8, 8)
    assert x_train.dtype == y_train.dtype == np.uint8 and x_train.max() == 16
    sklearn = pytest.importorskip("sklearn.datasets").load_digits()
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), sklearn.images)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), sklearn.target)


def test_digits_split():
    assert len(digits.load_data(0)[1][0]) == 0
    with pytest.raises(ValueError, match="from 0 to 1797; got 1798"):
        digits.load_data(1798)


def test_every_listed_data_set_has_load_data():
    for name in datasets._NAMES:
        assert callable(getattr(datasets, name).load_data)
    with pytest.raises(AttributeError, match="cifar11"):
        _ = datasets.cifar11


def test_mnist(publish, tmp_path, capsys):
    arrays = {k: RANDOM.randint(0, 255, (3, 28, 28)).astype("uint8") for k in ("x_train", "x_test")}
    arrays |= {k: np.arange(3, dtype="uint8") for k in ("y_train", "y_test")}
    publish("mnist.npz", npz(**arrays))
    (x_train, y_train), (x_test, y_test) = datasets.mnist.load_data()
    for name, got in {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}.items():
        np.testing.assert_array_equal(got, arrays[name])
    assert (tmp_path / "home" / "datasets" / "mnist.npz").is_file()
    assert capsys.readouterr().out.startswith("Downloading mnist.npz from file:")
    datasets.mnist.load_data()
    assert capsys.readouterr().out == "", "the second time it is read from the folder"


def test_mnist_at_an_absolute_path(publish, tmp_path):
    content = npz(x_train=np.zeros(1), y_train=np.zeros(1), x_test=np.zeros(1), y_test=np.zeros(1))
    publish("mnist.npz", content)
    (tmp_path / "mine.npz").write_bytes(content)
    datasets.mnist.load_data(str(tmp_path / "mine.npz"))
    assert not (tmp_path / "home" / "datasets").exists()


def test_fashion_mnist(publish, tmp_path):
    images = RANDOM.randint(0, 255, (4, 28, 28)).astype("uint8")
    for part in ("train", "t10k"):
        publish(f"{part}-images-idx3-ubyte.gz", gzip.compress(bytes(16) + images.tobytes()))
        publish(f"{part}-labels-idx1-ubyte.gz", gzip.compress(bytes(8) + bytes([3, 1, 2, 0])))
    (x_train, y_train), (x_test, _) = datasets.fashion_mnist.load_data()
    np.testing.assert_array_equal(x_train, images)
    np.testing.assert_array_equal(x_test, images)
    assert y_train.tolist() == [3, 1, 2, 0]
    assert (tmp_path / "home" / "datasets" / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz").is_file()


@pytest.mark.parametrize(
    "module, file, folder, train, label_key, arguments",
    [
        ("cifar10", "cifar-10-python.tar.gz", "cifar-10-batches-py", 5, b"labels", {}),
        ("cifar100", "cifar-100-python.tar.gz", "cifar-100-python", 0, b"fine_labels", {}),
        ("cifar100", "cifar-100-python.tar.gz", "cifar-100-python", 0, b"coarse_labels", {"label_mode": "coarse"}),
    ],
)
def test_cifar(publish, module, file, folder, train, label_key, arguments):
    def batch(i):
        return {b"data": np.full((2, 3072), i, "uint8"), label_key: [i, i + 1]}

    names = [f"data_batch_{i}" for i in range(1, train + 1)] or ["train"]
    batches = {name: batch(i) for i, name in enumerate(names)} | {("test_batch" if train else "test"): batch(9)}
    marked = batches[names[0]][b"data"].reshape(2, 3, 32, 32)
    marked[0, 2, 5, 7] = 200
    publish(file, tar_of_batches(folder, batches))
    (x_train, y_train), (x_test, y_test) = importlib.import_module(f"jkeras.datasets.{module}").load_data(**arguments)
    assert x_train.shape == (2 * len(names), 32, 32, 3) and x_train.dtype == np.uint8
    assert x_train[0, 5, 7, 2] == 200, "channels are last"
    assert y_train.shape == (2 * len(names), 1) and y_test.tolist() == [[9], [10]] and x_test.max() == 9


def test_cifar_with_channels_first(publish, monkeypatch):
    monkeypatch.setattr("jkeras.datasets.cifar.image_data_format", lambda: "channels_first")
    batch = {b"data": np.arange(3072).astype("uint8")[None], b"fine_labels": [1]}
    publish("cifar-100-python.tar.gz", tar_of_batches("cifar-100-python", {"train": batch, "test": batch}))
    (x_train, _), _ = datasets.cifar100.load_data()
    np.testing.assert_array_equal(x_train, np.arange(3072).astype("uint8").reshape(1, 3, 32, 32))


def test_cifar100_label_mode():
    with pytest.raises(ValueError, match="'fine' or 'coarse'; got 'medium'"):
        datasets.cifar100.load_data("medium")


@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
@pytest.mark.parametrize("arguments", [{}, {"test_split": 0.5, "seed": 7}, {"test_split": 0}])
def test_housing_agrees_with_keras(publish, tmp_path, monkeypatch, name, arguments):
    x, y = RANDOM.rand(650, 3), np.arange(650.0)
    publish(f"{name}.npz", npz(x=x, y=y))
    ours = getattr(datasets, name).load_data(**arguments)
    keras = keras_reading(monkeypatch, name, tmp_path / "home" / "datasets" / f"{name}.npz")
    for got, want in zip(np_leaves(ours), np_leaves(keras.load_data(**arguments)), strict=True):
        np.testing.assert_array_equal(got, want)


def test_housing_arguments(publish):
    publish("california_housing.npz", npz(x=np.zeros((650, 8)), y=np.arange(650.0)))
    (_, y_train), (_, y_test) = datasets.california_housing.load_data("small")
    assert sorted([*y_train, *y_test]) == list(range(600))
    with pytest.raises(ValueError, match=r"in \[0, 1\); got 1"):
        datasets.california_housing.load_data(test_split=1)
    with pytest.raises(ValueError, match="'large' or 'small'; got 'medium'"):
        datasets.california_housing.load_data("medium")


WORDS = [
    {},
    {"num_words": 20},
    {"num_words": 20, "skip_top": 6, "seed": 3},
    {"oov_char": None, "num_words": 30},
    {"start_char": None, "index_from": 0},
    {"start_char": None},
    {"maxlen": 6},
]


@pytest.mark.parametrize("arguments", WORDS, ids=str)
@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_texts_agree_with_keras(publish, tmp_path, monkeypatch, name, arguments):
    if name == "imdb":
        arrays = {"x_train": ragged(12), "y_train": np.arange(12), "x_test": ragged(9), "y_test": np.arange(9)}
    else:
        arrays = {"x": ragged(21), "y": np.arange(21)}
    publish(f"{name}.npz", npz(**arrays))
    ours = getattr(datasets, name).load_data(**arguments)
    keras = keras_reading(monkeypatch, name, tmp_path / "home" / "datasets" / f"{name}.npz")
    for got, want in zip(np_leaves(ours), np_leaves(keras.load_data(**arguments)), strict=True):
        # Where all texts are of one length Keras gives a matrix of objects.
        assert len(got) == len(want) and got.tolist() == want.tolist()


def test_text_arguments(publish):
    publish("reuters.npz", npz(x=ragged(8), y=np.arange(8)))
    new, old = datasets.reuters.load_data(num_words=9), datasets.reuters.load_data(nb_words=9)
    assert [a.tolist() for a in np_leaves(new)] == [a.tolist() for a in np_leaves(old)]
    with pytest.raises(TypeError, match="num_wrods.*Did you mean 'num_words'"):
        datasets.reuters.load_data(num_wrods=9)
    with pytest.raises(ValueError, match="shorter than maxlen=1"):
        datasets.reuters.load_data(maxlen=1)


def test_word_index(publish):
    publish("imdb_word_index.json", json.dumps({"the": 1, "é": 2}).encode())
    assert datasets.imdb.get_word_index() == {"the": 1, "é": 2}
    content = b'{"a": 1}'
    publish("reuters_word_index.json", content, "md5:" + hashlib.md5(content, usedforsecurity=False).hexdigest())
    assert datasets.reuters.get_word_index() == {"a": 1}


def test_reuters_label_names():
    keras = pytest.importorskip("keras")
    assert datasets.reuters.get_label_names() == keras.datasets.reuters.get_label_names()


def test_a_file_that_is_not_the_expected_one_is_refused(publish, tmp_path):
    publish("mnist.npz", b"something else", "0" * 64)
    with pytest.raises(ValueError, match="not the file that was expected"):
        datasets.mnist.load_data()
    assert os.listdir(tmp_path / "home" / "datasets") == []


def test_offline_says_which_file_goes_where(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    row = sources.SOURCES["mnist.npz"]._replace(origin=(tmp_path / "nowhere" / "mnist.npz").as_uri())
    monkeypatch.setitem(sources.SOURCES, "mnist.npz", row)
    with pytest.raises(OSError, match="without network, fetch that file elsewhere and put it at .*mnist.npz"):
        datasets.mnist.load_data()


class Runs:
    def __reduce__(self):
        return os.system, ("exit 3",)


@pytest.mark.parametrize("payload", [Runs(), [1, Runs()], {"a": np.float64}], ids=["object", "nested", "class"])
def test_a_pickle_in_an_archive_runs_nothing(tmp_path, payload):
    rows = np.empty(1, object)
    rows[0] = payload
    np.savez(tmp_path / "bad.npz", x=rows)
    with pytest.raises(pickle.UnpicklingError, match="Refused to load"):
        load_npz(tmp_path / "bad.npz")


def test_a_pickle_cannot_ask_for_memory(tmp_path):
    class Huge:
        def __reduce__(self):
            return np.ndarray, ((10**15,),)

    rows = np.empty(1, object)
    rows[0] = Huge()
    np.savez(tmp_path / "bad.npz", x=rows)
    with pytest.raises((pickle.UnpicklingError, TypeError)):
        load_npz(tmp_path / "bad.npz")


def keras_reading(monkeypatch, name, path):
    """Return Keras's own module, made to read the file that we have downloaded."""
    pytest.importorskip("keras")
    module = importlib.import_module(f"keras.src.datasets.{name}")
    monkeypatch.setattr(module, "get_file", lambda *args, **kwargs: str(path))
    return module


def np_leaves(split):
    return [array for part in split for array in part]
