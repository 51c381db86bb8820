"""Where the data sets come from: one row a file, with the checksum it must have."""

from __future__ import annotations

import os
from typing import NamedTuple

from jkeras.utils.files import get_file

_TF_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"


class Source(NamedTuple):
    """The public address of a file, its SHA-256 (or `md5:` and an MD5), and where Keras keeps it."""

    origin: str
    checksum: str
    kept_as: str
    folder: str = "datasets"


def _row(origin: str, sha256: str, kept_as: str | None = None, folder: str = "datasets") -> tuple[str, Source]:
    name = origin.rsplit("/", 1)[1]
    return name, Source(origin, sha256, kept_as or name, folder)


SOURCES: dict[str, Source] = dict(
    [
        _row(_TF_KERAS + "mnist.npz", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),
        _row(_TF_KERAS + "imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"),
        _row(_TF_KERAS + "imdb_word_index.json", "md5:bfafd718b763782e994055a2d397834f"),
        _row(_TF_KERAS + "reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"),
        _row(_TF_KERAS + "reuters_word_index.json", "md5:4d44cc38712099c9e383dc6e5f11a921"),
        _row(_TF_KERAS + "boston_housing.npz", "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"),
        _row(_TF_KERAS + "california_housing.npz", "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"),
        *(
            _row(_TF_KERAS + name, sha256, folder="datasets/fashion-mnist")
            for name, sha256 in [
                ("train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
                ("train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
                ("t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
                ("t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            ]
        ),
        _row(
            _CIFAR + "cifar-10-python.tar.gz",
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            "cifar-10-batches-py-target_archive",
        ),
        _row(
            _CIFAR + "cifar-100-python.tar.gz",
            "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            "cifar-100-python-target_archive",
        ),
    ]
)


def fetch(name: str, path: str | os.PathLike[str] | None = None, cache_dir: str | None = None) -> str:
    """Return the path of a data set's file, downloading it if it is not in the Keras folder yet.

    Args:
        name: A key of `SOURCES`.
        path: The name to keep it under instead of the usual one; an absolute path is read where it is.
        cache_dir: By default `$KERAS_HOME` or `~/.keras`.

    Raises:
        OSError: If it is not there and could not be downloaded; the message says where to put it.
        ValueError: What is at `path`, or what was downloaded, has another checksum.
    """
    source = SOURCES[name]
    algorithm, _, digest = source.checksum.rpartition(":")
    folder, kept_as = source.folder, source.kept_as
    if path is not None:
        absolute = os.path.isabs(path)
        kept_as = os.path.basename(path) or kept_as
        folder = os.path.dirname(path) if absolute else folder
    return get_file(
        kept_as,
        source.origin,
        file_hash=digest,
        hash_algorithm=algorithm or "sha256",
        cache_subdir=folder,
        cache_dir=cache_dir,
    )
