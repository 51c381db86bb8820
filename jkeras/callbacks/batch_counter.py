"""Counting the batches of a run, for callbacks that act every so many."""

from __future__ import annotations

from typing import Any


class BatchCounter:
    """Counts batches across epochs, also if it is not told of each.

    Args:
        every: "epoch", or after how many batches something is due.
        name: What the argument is called, for the message.

    Raises:
        ValueError: If `every` is neither "epoch" nor a positive number.

    >>> counter = BatchCounter(4)
    >>> [counter.is_due(batch) for batch in range(6)]
    [False, False, False, True, False, False]
    >>> counter.end_epoch(6)
    >>> [counter.is_due(batch) for batch in range(3)]
    [False, True, False]
    """

    def __init__(self, every: Any, name: str = "save_freq"):
        if every != "epoch" and (isinstance(every, (bool, str)) or int(every) < 1):
            raise ValueError(f"{name} must be 'epoch' or a positive number of batches; got {every!r}.")
        self.counts_batches = every != "epoch"  # rather than epochs
        self.every = int(every) if self.counts_batches else 0
        self.since = self.last = 0  # batches since it was due, and the batches of this epoch that were counted

    def listen(self, callback: Any, hook: Any) -> None:
        """Let `hook` be told of every n-th batch, if batches are what is counted.

        It is set on the object: a callback whose class has a batch hook makes the loop stop at each batch.
        """
        if self.counts_batches:
            callback.batch_interval = self.every
            callback.on_train_batch_end = hook

    def is_due(self, batch: int) -> bool:
        """Count up to `batch`, which counts from 0 in its epoch, and tell whether it is time."""
        self.since += batch + 1 - self.last
        self.last = batch + 1
        if self.since < self.every:
            return False
        self.since = 0
        return True

    def end_epoch(self, batches: int | None) -> None:
        """Count the batches of the epoch that came after the last one it was told of."""
        self.since += max((batches or 0) - self.last, 0)
        self.last = 0

    def state(self) -> dict[str, Any]:
        """Return the counts."""
        return {"batches_since_save": self.since, "last_batch": self.last}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.since, self.last = int(state["batches_since_save"]), int(state["last_batch"])


def steps_of_run(model: Any) -> int | None:
    """Return how many batches the call of `fit` that runs has done in all its epochs, or None outside of `fit`.

    >>> steps_of_run(None) is None
    True
    """
    run = run_of(model)
    return None if run is None else run.steps


def batches_of_epoch(model: Any) -> int | None:
    """Return how many batches of the epoch `fit` has done, those before it was resumed too, or None outside of `fit`.

    >>> batches_of_epoch(None) is None
    True
    """
    run = run_of(model)
    return None if run is None else run.done


def run_of(model: Any) -> Any:
    """Return the `Run` of the call of `fit` that is under way, or None outside of `fit`."""
    training = getattr(getattr(model, "_compiled", None), "training", None)
    return training.run if training is not None and training.is_running else None
