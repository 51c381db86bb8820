"""Which sample each member sees when: the orders of an epoch, and the batches that they are cut into."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from jkeras.training.data import epoch_order
from jkeras.training.loop import Segment


class Orders:
    """The orders of the members' samples, made for the next epoch while one runs.

    Each is what `fit` of that member alone makes of its seed and the epoch. Members with equal seeds and samples share
    one, so that a batch is taken once for all of them.

    Args:
        samples: The number of samples that each member sees in an epoch.
        batch_size: Samples in a batch.
        seeds: The seed of the run of each member.
        rows: Places of each member's samples among the data, of shape (members, samples); None: all of them.
        shuffle: As in `fit`.
        steps: Batches in an epoch, if they are not all.
    """

    def __init__(
        self, samples: int, batch_size: int, seeds: np.ndarray, rows: np.ndarray | None, shuffle: Any, steps: int | None
    ):
        self.shuffle, self.seeds, self.rows, self.step_limit = shuffle, seeds, rows, steps
        # What `epoch_order` reads of data.
        self.like: Any = SimpleNamespace(samples=samples, batch_size=batch_size, steps=-(-samples // batch_size))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="jkeras-orders")
        self._ahead: tuple[int, Future[Any]] | None = None

    def epoch(self, epoch: int) -> np.ndarray | None:
        """Return the orders of an epoch: of shape (members, samples), or (samples,) for all, or None: as they lie."""
        ahead, self._ahead = self._ahead, None
        order = ahead[1].result() if ahead is not None and ahead[0] == epoch else self._made(epoch)
        if order is not None:
            self._ahead = epoch + 1, self._thread.submit(self._made, epoch + 1)
        return order

    @property
    def steps(self) -> int:
        """The number of batches in an epoch."""
        return self.like.steps if self.step_limit is None else self.step_limit

    def shape(self, members: int) -> tuple[int, ...] | None:
        """Return the shape of the orders of so many members; None where samples come as they lie."""
        samples = self.like.samples if self.step_limit is None else self.step_limit * self.like.batch_size
        if self.rows is not None:
            return (members, samples)
        if not self.shuffle and self.step_limit is None:
            return None
        return (members, samples) if self._differ() else (samples,)

    def _differ(self) -> bool:
        return bool(self.shuffle) and len(set(self.seeds.tolist())) > 1

    def close(self) -> None:
        """Make no more of them."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _made(self, epoch: int) -> np.ndarray | None:
        made: dict[int, Any] = {}
        for seed in self.seeds.tolist():
            if seed not in made:
                made[seed] = epoch_order(self.like, self.shuffle, (seed, epoch), self.step_limit)
        if self.rows is None:
            own = [made[seed] for seed in self.seeds.tolist()]
            return np.stack(own) if self._differ() and own[0] is not None else own[0]
        return np.stack(
            [
                rows if made[seed] is None else rows[made[seed]]
                for seed, rows in zip(self.seeds.tolist(), self.rows, strict=True)
            ]
        )

    def segments(self, order: np.ndarray | None, placed: Any) -> Iterator[Segment]:
        """Cut an epoch into full batches and the rest; `placed` puts an order on the devices."""
        size = self.like.batch_size
        samples = self.like.samples if order is None else order.shape[-1]
        full, rest = divmod(samples, size)
        if full:
            yield Segment(size, full, None if order is None else placed(order[..., : full * size]))
        if rest:
            last = np.arange(samples - rest, samples, dtype=np.int32) if order is None else order[..., full * size :]
            yield Segment(rest, 1, placed(last))


def checked_rows(name: str, rows: Any, members: int, samples: int) -> np.ndarray:
    """Return places of samples as an array of shape (members, count).

    Raises:
        ValueError: If their shape or a place is wrong.
    """
    try:
        array = np.asarray(rows)
    except ValueError:
        array = np.zeros(0)
    if array.ndim != 2 or len(array) != members or array.dtype.kind not in "iu" or not array.size:
        raise ValueError(
            f"{name} expected integers of shape ({members}, count): the places of the samples of each member, as many "
            f"for each. Got {'rows of different lengths' if array.ndim == 1 and not array.size else array.shape}."
        )
    if array.min() < 0 or array.max() >= samples:
        raise ValueError(
            f"{name} has the place {array.min() if array.min() < 0 else array.max()} of {samples} samples."
        )
    return array.astype(np.int32)


def to_device(order: np.ndarray, placement: Any) -> jax.Array:
    """Put orders on the devices: split by members if each has its own."""
    return placement.members_of(order) if order.ndim == 2 else placement.put_whole(order)
