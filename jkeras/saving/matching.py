"""Which dataset of a file belongs to which weight of a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jkeras.core import blame
from jkeras.core.placement import on_host
from jkeras.core.weight import Weight
from jkeras.saving.former_weights import read_value


class HostValues(Mapping[int, np.ndarray]):
    """The weights of a model by their ids, each brought to the host when it is asked for: one copy at a time.

    Args:
        model: A built model (or layer).
    """

    def __init__(self, model: Any):
        model._drawn_weights()
        self.weights = {id(w): w for w in model.weights}
        self.nbytes = sum(map(byte_size, self.weights.values()))

    def __getitem__(self, key: int) -> np.ndarray:
        return on_host(self.weights[key].current())

    def __iter__(self) -> Iterator[int]:
        return iter(self.weights)

    def __len__(self) -> int:
        return len(self.weights)


def byte_size(weight: Weight) -> int:
    """Return how many bytes the array of a weight takes."""
    return weight.size * jnp.dtype(weight.dtype).itemsize


class Match(NamedTuple):
    """A weight and the dataset its value is in."""

    weight: Weight
    layer: str
    dataset: Any

    @property
    def size(self) -> int:
        """The number of elements of the dataset."""
        return int(getattr(self.dataset, "size", 0) or 0)

    @property
    def where(self) -> str:
        """The layer and the weight, for messages."""
        return f"Layer {self.layer!r}, weight {self.weight.name!r}"


class Mismatches:
    """What does not fit: an error, or a warning if mismatches are to be skipped."""

    def __init__(self, path: str, skip: bool):
        self.path = path
        self.skip = skip
        self.table = ""  # the layers of the model and of the file side by side, for errors

    def report(self, text: str) -> None:
        """Raise `ValueError`, or warn and go on."""
        if not self.skip:
            raise ValueError(f"{self.path!r} does not fit the model. {text}{self.table}")
        blame.warn(f"{self.path!r}: skipped what does not fit the model. {text}")

    def fitting(self, matches: list[Match]) -> list[Match]:
        """Return the matches whose shapes agree."""
        kept = []
        for match in matches:
            found = getattr(match.dataset, "shape", None)
            if found is None or tuple(found) != match.weight.shape:
                expected = match.weight.shape
                self.report(f"{match.where}: expected shape {expected}; found {found} ({match.dataset.name}).")
            else:
                kept.append(match)
        return kept


def shapes_of(values: Iterable[Any]) -> str:
    """Return the shapes of weights or datasets, for comparison and for people."""
    return ", ".join(sorted(str(tuple(getattr(value, "shape", None) or ())) for value in values))


_ROWS = 40  # of a table in an error
_AT_ONCE = 2**20  # elements that are looked through at a time


def table(rows: list[tuple[str, str, str, str]]) -> str:
    """Return layers of the model and of the file side by side; what does not agree is marked.

    Args:
        rows: Name and shapes in the model, name and shapes in the file.

    >>> print(table([("a", "(2,)", "b", "(2,)"), ("c", "(3,)", "", "")]))
    <BLANKLINE>
      model       file
      a (2,)      b (2,)
    ! c (3,)
    """
    left = [f"{name} {shapes}" for name, shapes, _, _ in rows[:_ROWS]]
    width = max([*map(len, left), 8]) + 4
    lines = [f"  {'model'.ljust(width)}file"]
    for text, (_, ours, name, theirs) in zip(left, rows, strict=False):
        lines.append(f"{' ' if ours == theirs else '!'} {text.ljust(width)}{name} {theirs}".rstrip())
    if len(rows) > _ROWS:
        lines.append(f"  ... and {len(rows) - _ROWS} more")
    return "\n" + "\n".join(lines)


def assign_all(values: list[tuple[Weight, Any]]) -> None:
    """Give each weight the value that was read for it."""
    for weight, array in values:
        weight.assign(array)


def read_all(matches: list[Match], path: str, allow_nan: bool) -> list[tuple[Weight, Any]]:
    """Read every value; nothing is assigned yet, so that a file that fails half-way changes nothing.

    Raises:
        ValueError: If a value cannot be read, or is NaN.
    """
    read = []
    for match in matches:
        where = f"{path!r}: {match.where}"
        array = read_value(match.dataset, where)
        if not allow_nan:
            check_no_nan(array, where)
        read.append((match.weight, array))
    return read


def check_no_nan(array: np.ndarray, where: str) -> None:
    """Look through an array part by part, so that one that is mapped from a file is never in memory as a whole.

    Raises:
        ValueError: If it holds NaN.
    """
    flat = array.reshape(-1)
    parts = (flat[i : i + _AT_ONCE] for i in range(0, flat.size, _AT_ONCE))
    # A NaN is the only number that differs from itself; true for every dtype, bfloat16 included.
    if any(bool((part != part).any()) for part in parts):
        raise ValueError(
            f"{where} holds NaN, so the model would compute nothing but NaN. "
            "The run that wrote the file had diverged; use an earlier file."
        )
