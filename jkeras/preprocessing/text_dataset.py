"""`text_dataset_from_directory`: batches of texts from folders."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.preprocessing.directory import check_format, dataset_from_directory


def text_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str | None = "tf",
    verbose: bool = True,
) -> Any:
    """Return a data set of the .txt files in a folder that has one folder for each class.

    Args:
        directory: The folder.
        labels: "inferred" from the folders; a list of numbers, one a file, the files being sorted by path; or None.
        label_mode: "int" (int32), "binary" (float32, `(batch, 1)`), "categorical" (one-hot) or None.
        class_names: The classes in their order; the folders, sorted, if left out.
        batch_size: Texts in a batch; None for texts without a batch axis.
        max_length: Bytes of UTF-8 that a text is cut to.
        shuffle: Whether the order is random, another in every epoch; if not, files are sorted.
        seed: Of the order and of the split.
        validation_split: Share of the files that is for validation.
        subset: "training", "validation" or "both".
        follow_links: Whether links to folders are followed.
        format: "tf", "grain" or None, which Keras knows. Here the data set is always a `PyDataset` of NumPy arrays.
        verbose: Whether the numbers of files and classes are printed.

    Returns:
        A `PyDataset` with `class_names` and `file_paths`, which gives `x` or `(x, y)`, the texts being an array
        `(batch,)` of strings (dtype object); a list of two for `subset="both"`.

    Raises:
        ValueError: If arguments are unknown or contradict each other, or there are no files.
        FileNotFoundError: If the folder is missing.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> for name in ("bad", "good"):
    ...     os.mkdir(os.path.join(folder, name))
    ...     with open(os.path.join(folder, name, "1.txt"), "w") as file:
    ...         _ = file.write(f"a {name} film")
    >>> dataset = text_dataset_from_directory(folder, shuffle=False)
    Found 2 files belonging to 2 classes.
    >>> [(x.tolist(), y.tolist()) for x, y in dataset]
    [(['a bad film', 'a good film'], [0, 1])]

    Reference: `keras.utils.text_dataset_from_directory`.
    """
    check_format(format)
    return dataset_from_directory(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
        verbose, formats=(".txt",), load=functools.partial(_load, max_length=max_length), stack=_stack,
    )  # fmt: skip


def _load(path: str, max_length: int | None) -> str:
    with open(path, "rb") as file:
        text = file.read() if max_length is None else file.read(max_length)
    # What is no UTF-8, such as a character that max_length cuts in two, becomes the sign for that.
    return text.decode("utf-8", "replace")


def _stack(texts: list[str]) -> np.ndarray:
    return np.array(texts, dtype=object)
