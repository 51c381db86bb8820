"""How CIFAR's archives are read: straight from the tar file, without unpacking it."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence

import numpy as np

from jkeras.backend import image_data_format
from jkeras.datasets.safe_load import ArrayUnpickler


def read_batches(path: str, names: Sequence[str], label_key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels `(n, 1)`, unsigned bytes, of some batches of an archive.

    Images are `(n, 32, 32, 3)`, or `(n, 3, 32, 32)` where `backend.image_data_format()` is `"channels_first"`.
    """
    images, labels = [], []
    with tarfile.open(path) as archive:
        for name in names:
            file = archive.extractfile(name)
            if file is None:
                raise ValueError(f"{path} is not a CIFAR archive: its entry {name} is no file.")
            batch = ArrayUnpickler(file, encoding="bytes").load()
            images.append(batch[b"data"])
            labels.append(batch[label_key.encode()])
    x = np.concatenate(images).reshape(-1, 3, 32, 32)
    if image_data_format() == "channels_last":
        x = x.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(x), np.concatenate(labels).astype("uint8")[:, None]
