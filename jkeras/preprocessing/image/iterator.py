"""Batches of transformed samples, without end, or by number."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np

from jkeras.core.data_format import standardize_data_format
from jkeras.core.dtypes import floatx
from jkeras.preprocessing.image.loading import array_to_img
from jkeras.utils.data import PyDataset


class Iterator(PyDataset):
    """Base of the data sets that `ImageDataGenerator` makes: it decides which samples a batch has, and its seed.

    `next(it)` goes on without end; `it[i]` makes batch `i` of the epoch, anew each time. With a `seed`, batch `k`
    counted from the beginning draws from `numpy.random.RandomState(seed + k)`; without one, from `numpy.random`. For
    `it[i]`, `k` is `i` at the first time, `len(it) + i` at the second, and so on, in whatever order batches are made.
    A subclass defines `make_batch`.

    Args:
        n: Number of samples.
        batch_size: Samples in a batch; the last of an epoch may have fewer.
        shuffle: Whether the order is drawn anew for every epoch.
        seed: See above.

    >>> class Numbers(Iterator):
    ...     def make_batch(self, indices, rng):
    ...         return indices
    >>> numbers = Numbers(3, batch_size=2, shuffle=False, seed=None)
    >>> [next(numbers).tolist() for _ in range(3)], numbers[1].tolist()
    ([[0, 1], [2], [0, 1]], [2])

    Reference: `keras.preprocessing.image.Iterator`.
    """

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None):
        super().__init__()
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"batch_size must be a positive integer; got {batch_size!r}.")
        self.n, self.batch_size, self.shuffle, self.seed = n, int(batch_size), shuffle, seed
        self.batch_index = 0
        self.total_batches_seen = 0
        self.index_array: np.ndarray | None = None
        self.lock = threading.Lock()
        self._epoch = 0
        self._visits: dict[int, int] = {}

    def make_batch(self, indices: np.ndarray, rng: Any) -> Any:
        """Return the batch of these samples.

        Args:
            indices: Numbers of the samples.
            rng: Where its random numbers come from: a `numpy.random.RandomState`, or the module `numpy.random`.
        """
        raise TypeError(f"{type(self).__name__} must define `make_batch(self, indices, rng)`.")

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def reset(self) -> None:
        """Let `next` begin a new epoch."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        with self.lock:
            self._epoch += 1
            self.index_array = self._order(self._stream(self._epoch * len(self)))

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            # IndexError, which also ends the old protocol of iteration.
            raise IndexError(f"{type(self).__name__} has batches 0 to {len(self) - 1}; got index {index}.")
        with self.lock:
            if self.index_array is None:
                self.index_array = self._order(self._stream(0))
            indices = self.index_array[index * self.batch_size : (index + 1) * self.batch_size]
            visit = self._visits.get(index, 0)
            self._visits[index] = visit + 1
            rng = self._stream(visit * len(self) + index)
            if index == 0 and self.seed is not None:
                self._order(rng)  # `next` draws the order of an epoch from the stream of its first batch
        return self.make_batch(indices, rng)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        with self.lock:
            if self.n == 0:
                raise ValueError(f"{type(self).__name__} has no samples: nothing was found to make batches of.")
            rng = self._stream(self.total_batches_seen)
            if self.batch_index == 0 or self.index_array is None:
                self.index_array = self._order(rng)
            begin = self.batch_index * self.batch_size
            indices = self.index_array[begin : begin + self.batch_size]
            self.batch_index = (self.batch_index + 1) % len(self)
            self.total_batches_seen += 1
        return self.make_batch(indices, rng)

    def next(self) -> Any:
        """Return the next batch, as `next(it)` does."""
        return self.__next__()

    def _stream(self, number: int) -> Any:
        return np.random if self.seed is None else np.random.RandomState((self.seed + number) % 2**32)

    def _order(self, rng: Any) -> np.ndarray:
        return rng.permutation(self.n) if self.shuffle else np.arange(self.n)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.Lock())


def check_subset(subset: str | None, validation_split: float, both: Any) -> Any:
    """Return `both[subset]`, or None if there is no subset; raise ValueError if it is unknown or nothing is split."""
    if subset is None:
        return None
    if subset not in ("training", "validation"):
        raise ValueError(f"subset must be 'training', 'validation' or None; got {subset!r}.")
    if not validation_split:
        raise ValueError(f"subset={subset!r} needs ImageDataGenerator(validation_split=...), such as 0.2.")
    return both[subset]


class NumpyArrayIterator(Iterator):
    """Batches of transformed images from arrays: what `ImageDataGenerator.flow` returns.

    Args:
        x: `(samples, height, width, channels)`; or a pair of that and one more array or a list of arrays, which are
            passed on as they are.
        y: Targets, or None.
        image_data_generator: What transforms the images.
        batch_size: Samples in a batch.
        shuffle: Whether the order is random.
        sample_weight: Weight of each sample.
        seed: See `Iterator`.
        data_format: "channels_last" or "channels_first".
        save_to_dir: Folder to write the transformed images to.
        save_prefix: Begin of their names.
        save_format: "png", "jpeg", ...
        subset: "training" or "validation", if the generator has a `validation_split`: validation comes first.
        ignore_class_split: Whether the two parts may have different classes.
        dtype: Of the images; `floatx()` if left out.

    Raises:
        ValueError: If lengths differ, images have no channels, or the parts have different classes.

    >>> from jkeras.preprocessing.image import ImageDataGenerator
    >>> images = NumpyArrayIterator(np.ones((3, 2, 2, 1)), np.arange(3), ImageDataGenerator(), batch_size=2)
    >>> x, y = next(images)
    >>> x.shape, y.tolist()
    ((2, 2, 2, 1), [0, 1])

    Reference: `keras.preprocessing.image.NumpyArrayIterator`.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: Any = None,
    ):
        others: list[np.ndarray] = []
        if isinstance(x, (tuple, list)) and len(x) == 2 and np.ndim(x[0]) == 4:
            others = [np.asarray(part) for part in x[1]] if isinstance(x[1], list) else [np.asarray(x[1])]
            x = x[0]
        x = np.asarray(x)
        arrays = {"y": None if y is None else np.asarray(y)}
        arrays["sample_weight"] = None if sample_weight is None else np.asarray(sample_weight)
        arrays.update({f"x[1][{i}]": part for i, part in enumerate(others)})
        for name, array in arrays.items():
            if array is not None and len(array) != len(x):
                raise ValueError(f"flow expects arrays of equal length; x has {len(x)} samples, {name} {len(array)}.")
        if x.ndim != 4:
            raise ValueError(f"flow expects images (samples, height, width, channels); got x of shape {x.shape}.")
        at = int(len(x) * image_data_generator._validation_split)
        both = {"validation": slice(None, at), "training": slice(at, None)}
        part = check_subset(subset, at, both)
        if part is not None:
            y_all = arrays["y"]
            if y_all is not None and not ignore_class_split:
                classes = [np.unique(y_all[piece]) for piece in both.values()]
                if not np.array_equal(classes[0], classes[1]):
                    raise ValueError(
                        "The training and the validation part have different classes. Shuffle the data before "
                        "flow(), or give ignore_class_split=True if y does not stand for classes."
                    )
            x = x[part]
            arrays = {name: None if array is None else array[part] for name, array in arrays.items()}
        self.x = x.astype(dtype or floatx(), copy=False)
        self.y, self.sample_weight = arrays.pop("y"), arrays.pop("sample_weight")
        self.x_misc = [array for array in arrays.values() if array is not None]
        self.image_data_generator = image_data_generator
        self.data_format = standardize_data_format(data_format or image_data_generator.data_format)
        self.dtype = self.x.dtype
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        super().__init__(len(x), batch_size, shuffle, seed)

    def make_batch(self, indices: np.ndarray, rng: Any) -> Any:
        """Return `x`, `(x, y)` or `(x, y, sample_weight)`; `x` is a list if there are other arrays."""
        generator = self.image_data_generator
        images = np.empty((len(indices), *self.x.shape[1:]), self.dtype)
        for i, j in enumerate(indices):
            params = generator.get_random_transform(self.x.shape[1:], rng)
            images[i] = generator.standardize(generator.apply_transform(self.x[j].copy(), params))
        save_images(self, images, indices, rng, 10_000)
        x = [images, *(part[indices] for part in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return x
        if self.sample_weight is None:
            return x, self.y[indices]
        return x, self.y[indices], self.sample_weight[indices]


def save_images(owner: Any, images: np.ndarray, indices: np.ndarray, rng: Any, largest: int) -> None:
    """Write the images of a batch to the owner's `save_to_dir`, if it has one."""
    if owner.save_to_dir is None:
        return
    for image, j in zip(images, indices, strict=True):
        name = f"{owner.save_prefix}_{j}_{rng.randint(largest)}.{owner.save_format}"
        array_to_img(image, owner.data_format, scale=True).save(os.path.join(owner.save_to_dir, name))
