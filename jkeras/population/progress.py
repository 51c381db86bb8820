"""The progress of a population: the best, the middle and the worst member of what is watched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jkeras.display.progress import Progress
from jkeras.metrics.direction import direction_of


class PopulationProgress(Progress):
    """Shows a run of a population as that of a model is shown, with three numbers of the watched metric.

    Args:
        members: How many members there are.
        monitor: The metric that is watched; the validation loss, or the loss, if left out.
        epochs, steps, verbose, stream: As those of `Progress`.

    >>> progress = PopulationProgress(3, None, epochs=2, steps=10, verbose=2)
    >>> progress.epoch_begin(0)
    >>> progress.epoch_end({"loss": np.array([0.3, 0.1, 0.2])}, seconds=1.0, compiled=0.5)
    Epoch 1/2 - 10/10 - 1s - 50ms/step - loss: 0.2000 - best loss: 0.1000 - worst loss: 0.3000 - compiled in 500ms
    """

    def __init__(
        self, members: int, monitor: str | None, epochs: int, steps: int | None, verbose: Any = "auto",
        stream: Any = None,
    ):  # fmt: skip
        super().__init__("fit", epochs, steps, verbose, stream)
        self.members, self.monitor = members, monitor
        self.training = np.ones(members, bool)  # which members still train

    def update(self, step: int, logs: Mapping[str, Any] | None = None, samples: int | None = None) -> None:
        """Take note that `step` steps of the epoch are done; `logs` have the members' values."""
        super().update(step, summarised(logs or {}, self.members, self.monitor), samples)

    def epoch_end(
        self, logs: Mapping[str, Any] | None = None, seconds: float | None = None, compiled: float | None = None
    ) -> None:
        """Show the finished line."""
        shown: dict[str, Any] = dict(summarised(logs or {}, self.members, self.monitor))
        if not self.training.all():
            shown["members"] = f"{self.training.sum()} of {self.members}"
        super().epoch_end(shown, seconds, compiled)


def summarised(logs: Mapping[str, Any], members: int, monitor: str | None = None) -> dict[str, float]:
    """Return the median of each metric, and the best and the worst value of the watched one.

    A member whose value is not finite is the worst.

    >>> summarised({"loss": [1.0, 3.0, 2.0], "accuracy": [0.5, 0.7, 0.9]}, 3, "accuracy")
    {'loss': 2.0, 'accuracy': 0.7, 'best accuracy': 0.9, 'worst accuracy': 0.5}
    """
    arrays = {name: np.asarray(values, np.float64)[:members] for name, values in logs.items()}
    watched = watched_metric(list(arrays), monitor)
    shown: dict[str, float] = {}
    for name, values in arrays.items():
        finite = values[np.isfinite(values)]
        if not finite.size:
            shown[name] = float("nan")
            continue
        shown[name] = float(np.median(finite))
        if name == watched:
            best, worst = finite.min(), finite.max()
            if direction_of(name) == "max":
                best, worst = worst, best
            shown[f"best {name}"] = float(best)
            shown[f"worst {name}"] = float(worst if finite.size == values.size else np.nan)
    return shown


def watched_metric(names: list[str], monitor: str | None) -> str | None:
    """Return the metric to compare members by: `monitor` if it is there, else the validation loss, else the loss."""
    return next((name for name in (monitor, "val_loss", "loss") if name in names), names[0] if names else None)
