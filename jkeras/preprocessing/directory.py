"""Files below a folder, their labels, and the data set that reads them: what all `*_dataset_from_directory` share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from jkeras.preprocessing.image.files import list_files
from jkeras.utils.data import PyDataset, ordered_batches

LABEL_MODES = ("int", "binary", "categorical", None)
FORMATS = ("tf", "grain", None)


class SampleDataset(PyDataset):
    """Batches of samples in an order that is drawn anew for every epoch.

    Iterating over it makes one epoch, its workers being ahead. A subclass defines `read`.

    Args:
        count: Number of samples.
        batch_size: Samples in a batch; None for samples without a batch axis.
        shuffle: Whether the order is random.
        seed: The order is a function of it and of the number of epochs that ended before.
    """

    def __init__(self, count: int, batch_size: int | None, shuffle: bool, seed: int | None):
        super().__init__()
        if batch_size is not None and (not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
            raise ValueError(f"batch_size must be a positive integer or None; got {batch_size!r}.")
        self.count, self.batch_size, self.shuffle = count, batch_size, shuffle
        self.seed = int(np.random.randint(10**6)) if seed is None and shuffle else seed
        self._epoch = 0
        self._order: np.ndarray | None = None

    def read(self, indices: np.ndarray) -> Any:
        """Return the batch of these samples: `x`, or `(x, y)`."""
        raise TypeError(f"{type(self).__name__} must define `read(self, indices)`.")

    def __len__(self) -> int:
        return -(-self.count // (self.batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"{type(self).__name__} has batches 0 to {len(self) - 1}; got index {index}.")
        order = self._order
        if order is None:
            # Workers may come here at the same time: each finds the same order, and none sees half of it.
            rng = np.random.default_rng([self.seed or 0, self._epoch])
            order = self._order = rng.permutation(self.count) if self.shuffle else np.arange(self.count)
        size = self.batch_size or 1
        batch = self.read(order[index * size : (index + 1) * size])
        if self.batch_size is not None:
            return batch
        return tuple(part[0] for part in batch) if isinstance(batch, tuple) else batch[0]

    def __iter__(self) -> Iterator[Any]:
        yield from ordered_batches(self)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Let the next epoch have another order."""
        self._epoch += 1
        self._order = None


class FileDataset(SampleDataset):
    """Batches of what is read from files, with labels.

    Attributes:
        file_paths: The files.
        class_names: Names of the classes, in the order of their numbers.
    """

    def __init__(
        self,
        file_paths: Sequence[str],
        labels: Sequence[Any] | None,
        class_names: list[str] | None,
        label_mode: str | None,
        load: Callable[[str], Any],
        stack: Callable[[list[Any]], np.ndarray],
        batch_size: int | None,
        shuffle: bool,
        seed: int | None,
    ):
        super().__init__(len(file_paths), batch_size, shuffle, seed)
        self.workers = min(4, os.cpu_count() or 1)
        self.file_paths, self.class_names = list(file_paths), class_names
        self.labels = None if labels is None else _encode(labels, label_mode, len(class_names or ()))
        self._load, self._stack = load, stack

    def read(self, indices: np.ndarray) -> Any:
        """Read the files of these numbers."""
        x = self._stack([self._load(self.file_paths[i]) for i in indices])
        return x if self.labels is None else (x, self.labels[indices])


def _encode(labels: Sequence[Any], label_mode: str | None, classes: int) -> np.ndarray:
    numbers = np.asarray(labels)
    if label_mode == "binary":
        return numbers.astype("float32")[:, None]
    if label_mode == "categorical":
        return (numbers[:, None] == np.arange(classes)).astype("float32")
    return numbers.astype("int32")


def dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any,
    label_mode: str | None,
    class_names: Sequence[str] | None,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    follow_links: bool,
    verbose: bool,
    *,
    formats: Sequence[str],
    load: Callable[[str], Any],
    stack: Callable[[list[Any]], np.ndarray] = np.stack,
) -> Any:
    """Return a `FileDataset`, or two of them for `subset="both"`.

    Args:
        directory: The folder; the other arguments before the star are those of `image_dataset_from_directory`.
        formats: Endings of names of files.
        load: From a path to a sample.
        stack: From samples to a batch.

    Raises:
        ValueError: If arguments are unknown or contradict each other, or there are no files.
        FileNotFoundError: If the folder is missing.
    """
    directory = os.fspath(directory)
    _check(labels, label_mode, class_names, shuffle, seed, validation_split, subset)
    if labels is None or label_mode is None:
        labels = label_mode = None
    paths, numbers, names = _index(directory, labels, class_names, formats, follow_links)
    if label_mode == "binary" and len(names or ()) != 2:
        raise ValueError(f"label_mode='binary' needs exactly two classes; got {len(names or ())}: {names}.")
    if verbose:
        print(f"Found {len(paths)} files" + (f" belonging to {len(names)} classes." if names else "."))
    if shuffle:
        seed = int(np.random.randint(10**6)) if seed is None else seed
        order = np.random.RandomState(seed).permutation(len(paths))
        paths = [paths[i] for i in order]
        numbers = None if numbers is None else [numbers[i] for i in order]
    at = len(paths) - int((validation_split or 0) * len(paths))
    parts = {"training": slice(None, at), "validation": slice(at, None)}
    chosen = ["training", "validation"] if subset == "both" else [subset]
    datasets = []
    for name in chosen:
        part = slice(None) if name is None else parts[name]
        if name is not None and verbose:
            print(f"Using {len(paths[part])} files for {name}.")
        if not paths[part]:
            wanted = ", ".join(formats)
            raise ValueError(f"No files for {name or 'the data set'} in {directory!r}; files of {wanted} are read.")
        part_labels = None if numbers is None else numbers[part]
        mixed = shuffle and name != "validation" if subset == "both" else shuffle
        datasets.append(FileDataset(paths[part], part_labels, names, label_mode, load, stack, batch_size, mixed, seed))
    return datasets if subset == "both" else datasets[0]


def _index(
    directory: str, labels: Any, class_names: Sequence[str] | None, formats: Sequence[str], follow_links: bool
) -> tuple[list[str], list[Any] | None, list[str] | None]:
    """Return paths, labels and names of classes."""
    if not os.path.isdir(directory):
        raise FileNotFoundError(f"No folder {directory!r}.")
    if labels is None or not isinstance(labels, str):
        paths = list_files(directory, formats, follow_links)
        if labels is None:
            return paths, None, None
        if len(labels) != len(paths):
            raise ValueError(f"labels must be as many as the files in {directory!r}: {len(paths)}; got {len(labels)}.")
        return paths, list(labels), [str(label) for label in sorted(set(labels))]
    folders = sorted(
        name
        for name in os.listdir(directory)
        if os.path.isdir(os.path.join(directory, name)) and not name.startswith(".")
    )
    names = list(class_names) if class_names is not None else folders
    if missing := [name for name in names if name not in folders]:
        raise ValueError(f"class_names must name folders in {directory!r}; {missing[0]!r} is none of {folders}.")
    paths, numbers = [], []
    for number, name in enumerate(names):
        found = list_files(os.path.join(directory, name), formats, follow_links)
        paths += found
        numbers += [number] * len(found)
    return paths, numbers, names


def _check(
    labels: Any,
    label_mode: str | None,
    class_names: Sequence[str] | None,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
) -> None:
    if labels is not None and labels != "inferred" and not isinstance(labels, (list, tuple)):
        raise ValueError(
            f"labels must be 'inferred' (from the folders), None, or a list of class numbers; got {labels!r}."
        )
    if class_names is not None and labels != "inferred":
        raise ValueError("class_names can be given only with labels='inferred'.")
    if label_mode not in LABEL_MODES:
        raise ValueError(f"label_mode must be 'int', 'binary', 'categorical' or None; got {label_mode!r}.")
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"validation_split must lie between 0 and 1; got {validation_split}.")
    if bool(validation_split) != bool(subset):
        raise ValueError(
            "validation_split and subset go together: validation_split=0.2, subset='training', 'validation' or 'both'."
        )
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f"subset must be 'training', 'validation' or 'both'; got {subset!r}.")
    if validation_split and shuffle and seed is None:
        raise ValueError(
            "With validation_split and shuffle=True a seed is needed, the same for both parts, or they would overlap: "
            "seed=1."
        )


def check_format(format: str | None) -> None:
    """Raise ValueError unless it is a format that Keras names."""
    if format not in FORMATS:
        raise ValueError(f"format must be 'tf', 'grain' or None; got {format!r}.")
