"""Data on its way into training: arrays that stay on the device, or batches that stream in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jkeras.core import blame
from jkeras.core.dtypes import canonical, floatx
from jkeras.core.placement import DEFAULT, Placement
from jkeras.training.sources import (
    Rows,
    batches_of,
    frame_array,
    from_other_library,
    is_frame,
    is_sparse,
    parts_of,
    sparse_rows,
)
from jkeras.utils.data import PyDataset, ordered_batches
from jkeras.utils.hdf5_matrix import HDF5Matrix

# Arrays beyond this share of the device's memory stream in batch by batch instead of living there.
RESIDENT_SHARE = 0.4
ROOMY_BYTES = 2**26  # arrays up to this size are padded: copying more costs as much as compiling
RESIDENT_FILE = 2**30  # an HDF5 dataset up to this size is read once, as a whole: reading it by places is slow


class Batch(NamedTuple):
    """Inputs, targets and sample weights (None where there is none), each a tree of arrays."""

    x: Any
    y: Any = None
    weight: Any = None


class Data:
    """What the training loop asks of data, of either kind.

    Attributes:
        samples, batch_size, steps: The number of samples, those in a batch, and the batches; None if not known.
        place: The batches given since the source was begun, if it can only be read from its beginning; else 0.
    """

    samples: int | None = None
    batch_size: int | None = None
    steps: int | None = None
    place = 0

    def fits(self) -> bool:
        """Whether it may live on the device as a whole."""
        return False

    def sample(self) -> Batch:
        """Return a batch like those to come, or abstract arrays of one."""
        raise NotImplementedError

    def epoch(self, shuffle: Any, seed: tuple[int, int], steps: int | None, start: int = 0) -> Iterator[Batch]:
        """Yield the host batches of one epoch, from the batch `start` on; the arguments are those of `epoch_order`."""
        raise NotImplementedError

    def skip(self, count: int) -> None:
        """Go to the `place` where a run before stood."""

    def epoch_begin(self) -> None:
        """Tell the source that an epoch begins."""

    def epoch_end(self) -> None:
        """Tell the source that an epoch is over."""


class ArrayData(Data):
    """Arrays of equal length, cut into batches by index."""

    samples: int
    batch_size: int
    steps: int

    def __init__(self, batch: Batch, batch_size: int):
        self.batch = batch
        self.batch_size = batch_size
        self.samples = check_lengths(batch)
        self.steps = -(-self.samples // batch_size)
        self._resident: Batch | None = None

    def resident(self, placement: Placement = DEFAULT) -> Batch:
        """Return the arrays on every device; they are put there once, with room behind the last sample."""
        resident = self._resident
        if resident is None:
            host = jax.tree.map(lambda a: on_host(with_room(a)), self.batch)
            resident = self._resident = placement.put_whole(host)
        return resident

    def fits(self) -> bool:
        """Whether the arrays may live on the device as a whole."""
        if any(isinstance(leaf, (np.memmap, Rows)) for leaf in jax.tree.leaves(self.batch)):
            return False
        size, limit = sum(leaf.nbytes for leaf in jax.tree.leaves(self.batch)), device_memory()
        if self.is_lazy() and size > RESIDENT_FILE:
            return False
        return limit is None or size < RESIDENT_SHARE * limit

    def sample(self) -> Batch:
        """Return abstract arrays of one batch."""
        size = min(self.batch_size, self.samples)
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct((size, *a.shape[1:]), canonical_dtype(a)), self.batch)

    def batches(self, order: np.ndarray | None = None, start: int = 0) -> Iterator[Batch]:
        """Yield host batches in the given order of samples, from the batch `start` on."""
        samples = self.samples if order is None else len(order)
        for first in range(start * self.batch_size, samples, self.batch_size):
            yield rows(self, order, first, min(first + self.batch_size, samples))

    def epoch(self, shuffle: Any, seed: tuple[int, int], steps: int | None, start: int = 0) -> Iterator[Batch]:
        """Yield the host batches of one epoch."""
        return self.batches(epoch_order(self, shuffle, seed, steps), start)

    def is_lazy(self) -> bool:
        """Whether some array is read piece by piece, in increasing order only: an HDF5 dataset, a sparse matrix."""
        return any(not isinstance(leaf, (np.ndarray, jax.Array)) for leaf in jax.tree.leaves(self.batch))


def with_room(array: Any) -> Any:
    """Return an array of the host with zeros behind its last row, up to one of few lengths, at most an eighth more.

    A program is compiled for one length of the data: so it serves many. Large arrays and those of JAX stay as they are.

    >>> [len(with_room(np.ones(rows))) for rows in (1000, 1001, 1024, 1025)]
    [1024, 1024, 1024, 1152]
    """
    if not isinstance(array, np.ndarray) or array.nbytes > ROOMY_BYTES:
        return array
    rows = len(array)
    unit = max(1, (1 << (rows - 1).bit_length()) // 16)
    room = -rows % unit
    return np.concatenate([array, np.zeros((room, *array.shape[1:]), array.dtype)]) if room else array


class StreamData(Data):
    """Batches from an iterable, a generator or a `PyDataset`."""

    def __init__(
        self,
        source: Any,
        class_weight: Mapping[int, float] | None = None,
        name: str = "x",
        prepare: Callable[[Any], Any] | None = None,
    ):
        self.source = source
        self.prepare = prepare
        self.class_weight = class_weight
        self.name = name
        self.steps = _length(source)
        self.is_dataset = hasattr(source, "__getitem__") and self.steps is not None
        self.ends = not self.is_dataset and iter(source) is source  # an iterator can be read only once
        self._iterator: Iterator[Any] | None = None
        self._peeked: Batch | None = None

    def sample(self) -> Batch:
        """Return the first batch without losing it."""
        if self._peeked is None:
            with self._noted(0):
                self._peeked = self._batch(self.source[0]) if self.is_dataset and self.steps else self._read()
        if self._peeked is None:
            raise ValueError(f"{self.name} is empty: the {type(self.source).__name__} gave no batch.")
        return self._peeked

    def batches(self, limit: int | None = None, seed: Any = None, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of one epoch, at most `limit`; an iterable goes on where the last epoch stopped.

        Args:
            limit: The number of steps; all batches there are if left out.
            seed: Shuffles the batches of a dataset; other sources come as they come.
            start: The batch of the epoch to begin with. Only a dataset can jump there; what else the source is, it
                goes on where it stands.
        """
        if self.is_dataset:
            count = self.steps or 0
            order = range(count) if seed is None else np.random.default_rng(seed).permutation(count).tolist()
            wanted = order[:limit][start:]
            items = ordered_batches(self.source, wanted) if isinstance(self.source, PyDataset) else None
            made = map(self._batch, items if items is not None else (self.source[i] for i in wanted))
            for number in wanted:
                with self._noted(number):
                    batch = next(made, None)
                if batch is None:
                    return
                yield batch
            return
        for number in itertools.count(start):
            if number == limit:
                return
            batch = self._next()
            if batch is None and limit is not None and not self.ends:
                batch = self._next()  # begin anew in the middle of an epoch
            if batch is None:
                return
            yield batch

    def skip(self, count: int) -> None:
        """Read `count` batches and drop them, to stand where a run before stood; a dataset can jump there.

        Raises:
            ValueError: If the source ends before.
        """
        for number in range(0 if self.is_dataset else count):
            batch = self._next()
            if batch is None and not self.ends:
                batch = self._next()  # begun anew, as in the run before
            if batch is None:
                raise ValueError(
                    f"{self.name} ended after {number} batches, but {count} were taken before the checkpoint was "
                    "written. Give the same data, from their beginning."
                )

    def epoch(self, shuffle: Any, seed: tuple[int, int], steps: int | None, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of one epoch; only those of a dataset can be shuffled."""
        return self.batches(steps, seed if shuffle else None, start)

    def epoch_begin(self) -> None:
        """Tell a dataset that an epoch begins."""
        if hasattr(self.source, "on_epoch_begin"):
            self.source.on_epoch_begin()

    def epoch_end(self) -> None:
        """Tell a dataset that an epoch is over."""
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def _next(self) -> Batch | None:
        """Return the next batch, or None at the end of the source, after which it begins anew."""
        if self._peeked is not None:
            batch, self._peeked = self._peeked, None
            self.place += 1
            return batch
        with self._noted(self.place):
            batch = self._read()
        self.place = 0 if batch is None else self.place + 1
        return batch

    def _read(self) -> Batch | None:
        if self._iterator is None:
            self._iterator = iter(self.source)
        for item in self._iterator:
            return self._batch(item)
        self._iterator = None
        return None

    def _noted(self, number: int) -> Any:
        return blame.noted("data", lambda: f"In batch {number} of {self.name}, from {type(self.source).__name__}:")

    def _batch(self, item: Any) -> Batch:
        parts = parts_of(item)
        if not 1 <= len(parts) <= 3:
            raise ValueError(
                f"{self.name} must give batches (x,), (x, y) or (x, y, sample_weight); got a tuple of {len(parts)}."
            )
        x, y, weight = (*parts, None, None)[:3]
        x = x if self.prepare is None else self.prepare(x)
        batch = Batch(as_arrays(x, "x"), as_arrays(y, "y"), as_arrays(weight, "sample_weight"))
        check_lengths(batch)
        return weigh_classes(batch, self.class_weight)


def rows(data: ArrayData, order: np.ndarray | None, first: int, last: int) -> Batch:
    """Return the samples at the places from `first` up to `last` of an order as host arrays.

    Those of each batch of an HDF5 dataset come as they lie in the file.
    """
    if order is None:
        return jax.tree.map(lambda a: np.asarray(a[first:last]), data.batch)
    places = order[first:last]
    if not data.is_lazy():
        return jax.tree.map(lambda a: np.asarray(a[places]), data.batch)
    # A list of places takes HDF5 time that grows faster than its length: one for each batch.
    batches = [np.sort(places[i : i + data.batch_size]) for i in range(0, len(places), data.batch_size)]
    lists = [np.unique(batch, return_inverse=True) for batch in batches]
    return jax.tree.map(lambda a: np.concatenate([np.asarray(a[read])[back] for read, back in lists]), data.batch)


def make_data(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    class_weight: Mapping[int, float] | None = None,
    name: str = "x",
    prepare: Callable[[Any], Any] | None = None,
) -> ArrayData | StreamData:
    """Return the data that `fit`, `evaluate` or `predict` were given, checked and ready to be cut into batches.

    `prepare` is applied to the inputs first, on the host: what a model does there.

    Raises:
        ValueError: If it is empty, lengths differ, or a dataset is given together with `y`.
        TypeError: If it holds something other than numbers.
    """
    if is_stream(x):
        x = batches_of(x)
        if y is not None or sample_weight is not None:
            what = "y" if y is not None else "sample_weight"
            raise ValueError(
                f"{what} must not be given when x is a {type(x).__name__}: "
                "it must yield (x, y) or (x, y, sample_weight)."
            )
        return StreamData(x, class_weight, name, prepare)
    if batch_size is not None and (not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
        raise ValueError(f"batch_size must be a positive integer; got {batch_size!r}.")
    x = x if prepare is None or x is None else prepare(x)
    batch = Batch(as_arrays(x, "x"), as_arrays(y, "y"), as_arrays(sample_weight, "sample_weight"))
    if not jax.tree.leaves(batch.x):
        raise ValueError(f"{name} is empty: got {x!r}. Give arrays whose first axis counts the samples.")
    return ArrayData(weigh_classes(batch, class_weight), int(batch_size or 32))


def is_stream(x: Any) -> bool:
    """Whether `x` yields batches, rather than being arrays."""
    if hasattr(x, "as_numpy_iterator"):
        return True
    if x is None or isinstance(x, (np.ndarray, jax.Array, Mapping, list, tuple, str)) or is_sparse(x):
        return False
    if any(hasattr(x, protocol) for protocol in ("__array__", "__dlpack__", "to_numpy")):
        return False
    return isinstance(x, Iterable) or hasattr(x, "__getitem__") or hasattr(x, "collect_schema")


def as_arrays(tree: Any, name: str) -> Any:
    """Return `tree` with every leaf an array of numbers; lists of numbers become one array."""
    if tree is None:
        return None
    if is_frame(tree):
        return as_array(frame_array(tree, name), name)
    if isinstance(tree, Mapping) and not is_sparse(tree):  # one form of sparse matrices is a dictionary
        return {k: as_arrays(v, f"{name}[{k!r}]") for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        if _is_numbers(tree):
            return as_array(np.asarray(tree), name)
        parts = [as_arrays(v, f"{name}[{i}]") for i, v in enumerate(tree)]
        return tuple(parts) if isinstance(tree, tuple) else parts
    return as_array(tree, name)


def as_array(value: Any, name: str) -> Any:
    """Return `value` as an array of a dtype that JAX supports."""
    if isinstance(value, jax.Array):
        return value
    if is_sparse(value):
        dtype = np.dtype(value.dtype)
        return sparse_rows(value, floatx() if dtype == np.float64 else jax.dtypes.canonicalize_dtype(dtype))
    if isinstance(value, (np.memmap, Rows, HDF5Matrix)) or _is_stored(value):
        return value  # read piece by piece: memory maps and HDF5 datasets
    array = np.asarray(from_other_library(value))
    if array.dtype == object or array.dtype.kind in "USMmV":
        raise TypeError(
            f"{name} must hold numbers; got an array of dtype {array.dtype}, shape {array.shape}. "
            "Rows of different lengths make such an array: pad them; or convert it with .astype('float32')."
        )
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array whose first axis counts the samples; got the scalar {array}.")
    if array.dtype == np.float64 and floatx() != "float64":
        return array.astype(floatx())
    return canonical(array)


def _is_stored(value: Any) -> bool:
    """Whether `value` stands for numbers in a file: an HDF5 dataset, or what has its attributes."""
    if isinstance(value, np.ndarray) or not hasattr(value, "shape"):
        return False
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return not hasattr(value, "__array__") or hasattr(value, "chunks") and kind in "biuf" and bool(value.shape)


def canonical_dtype(array: Any) -> Any:
    """The dtype that the array will have on the device."""
    return jax.dtypes.canonicalize_dtype(array.dtype)


def on_host(array: Any) -> Any:
    """Return a host array in the dtype that it will have on the device; one of JAX as it is."""
    return array if isinstance(array, jax.Array) else canonical(np.asarray(array))


def check_lengths(batch: Batch) -> int:
    """Return the number of samples; raise if the arrays disagree or are empty."""
    counts: dict[str, int] = {}
    for name, tree in zip(("x", "y", "sample_weight"), batch, strict=True):
        leaves = jax.tree.leaves(tree)
        for i, leaf in enumerate(leaves):
            label = name if len(leaves) == 1 else f"{name}[{i}]"
            if not leaf.shape:
                raise ValueError(f"{label} must be an array whose first axis counts the samples; got a scalar.")
            counts[label] = leaf.shape[0]
    if len(set(counts.values())) > 1:
        listing = ", ".join(f"{name} has {n}" for name, n in counts.items())
        raise ValueError(f"All arrays must have the same number of samples: {listing}.")
    samples = next(iter(counts.values()), 0)
    if samples == 0:
        shape = jax.tree.leaves(batch.x)[0].shape if jax.tree.leaves(batch.x) else ()
        raise ValueError(f"x is empty: it has no samples (shape {tuple(shape)}). Check how the data were selected.")
    return samples


def weigh_classes(batch: Batch, class_weight: Mapping[int, float] | None) -> Batch:
    """Multiply the sample weights by the weight of each sample's class."""
    if not class_weight:
        return batch
    leaves = jax.tree.leaves(batch.y)
    if len(leaves) != 1:
        raise ValueError(f"class_weight works for one output; y has {len(leaves)} parts. Use sample_weight.")
    y = np.asarray(leaves[0])
    classes = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else np.rint(y).astype(int).reshape(y.shape[:1])
    table = np.ones(max(int(classes.max()), *map(int, class_weight)) + 1, "float32")
    for label, weight in class_weight.items():
        table[int(label)] = weight
    weights = table[classes]
    given = jax.tree.leaves(batch.weight)
    if given:
        weights = np.asarray(given[0]) * weights.reshape(weights.shape + (1,) * (given[0].ndim - weights.ndim))
    return batch._replace(weight=weights.astype("float32"))


def split(batch: Batch, fraction: float) -> tuple[Batch, Batch]:
    """Return the arrays without their last `fraction`, and that part, before any shuffling."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation_split must lie between 0 and 1; got {fraction}.")
    samples = check_lengths(batch)
    at = int(samples * (1 - fraction))
    if at in (0, samples):
        raise ValueError(f"validation_split={fraction} of {samples} samples leaves one part empty.")
    return jax.tree.map(lambda a: part(a, slice(at)), batch), jax.tree.map(lambda a: part(a, slice(at, None)), batch)


def part(array: Any, rows: slice) -> Any:
    """Return some rows of an array; of what is read piece by piece, unread."""
    if isinstance(array, (np.ndarray, jax.Array)):
        return array[rows]
    whole = array if isinstance(array, Rows) else Rows(array.__getitem__, array.shape, array.dtype)
    return whole.part(rows)


def epoch_order(data: ArrayData, shuffle: Any, seed: tuple[int, int], steps: int | None) -> np.ndarray | None:
    """Return the order of samples of one epoch (None for as they are), a function of the seed and the epoch.

    With fewer `steps` than the data have, the epochs go on through the data where the last one stopped.
    """
    if not shuffle and steps is None:
        return None
    run, epoch = seed

    def whole(number: int) -> np.ndarray:
        if not shuffle:
            return np.arange(data.samples, dtype=np.int32)
        rng = np.random.default_rng([run, number])
        if shuffle == "batch":
            starts = rng.permutation(data.steps) * data.batch_size
            parts = [np.arange(s, min(s + data.batch_size, data.samples)) for s in starts]
            return np.concatenate(sorted(parts, key=len, reverse=True)).astype(np.int32)
        return rng.permutation(data.samples).astype(np.int32)

    if steps is None:
        return whole(epoch)
    begin, count = epoch * steps * data.batch_size, steps * data.batch_size
    first, last = begin // data.samples, (begin + count - 1) // data.samples
    stream = np.concatenate([whole(number) for number in range(first, last + 1)])
    return stream[begin - first * data.samples :][:count]


def device_memory() -> int | None:
    """Return the bytes the default device can hold, or None if it does not say (CPU)."""
    stats = jax.local_devices()[0].memory_stats()
    return stats.get("bytes_limit") if stats else None


def _length(source: Any) -> int | None:
    count = getattr(source, "num_batches", None)
    if count is None:
        try:
            return len(source)
        except (TypeError, NotImplementedError):
            return None
    return int(count)


def _is_numbers(values: Any) -> bool:
    first = values[0] if values else None
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    return isinstance(first, (int, float, bool, np.number, np.bool_)) or first is None or isinstance(first, str)
