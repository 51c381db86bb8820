"""What `fit` returns: the metrics of every epoch."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.extras import optional
from jkeras.core.former_names import MetricLogs


class History(Callback):
    """Keeps the logs of every epoch.

    Attributes:
        history: Name of the metric to the list of its values.
        epoch: The numbers of the epochs, from 0.
        epochs_of: Name of the metric to the epochs that its values belong to: validation may be rarer than training.
            Where training goes on with this object and counts from 0 again, they count on.
        seconds: What the epochs took, in seconds; of this process only, if training was resumed.
        compile_seconds: What of it was compilation of training steps.
        params: `verbose`, `epochs` and `steps` of the run.

    >>> history = History()
    >>> history.on_epoch_end(0, {"loss": 0.5})
    >>> history.on_epoch_end(1, {"loss": 0.25, "val_loss": 0.5})
    >>> history.history, history.epoch
    ({'loss': [0.5, 0.25], 'val_loss': [0.5]}, [0, 1])
    >>> history.series("val_loss")
    ([1], [0.5])
    """

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = MetricLogs()
        self.epoch: list[int] = []
        self.epochs_of: dict[str, list[int]] = {}
        self.seconds = self.compile_seconds = 0.0
        self._before = (0.0, 0.0)  # both of them, of former calls of `fit`
        self._began: float | None = None

    def set_model(self, model: Any) -> None:
        """Receive the model, and be its `history` from now on."""
        super().set_model(model)
        if model is not None:
            model.history = self

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin a new list of epochs."""
        self.epoch = []
        self._before, self._began = (self.seconds, self.compile_seconds), time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Append the metrics of an epoch."""
        last = max((epochs[-1] for epochs in self.epochs_of.values() if epochs), default=-1)
        shift = last - self.epoch[-1] if self.epoch else last + 1 - epoch
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self.epochs_of.setdefault(name, []).append(epoch + max(shift, 0))
        if self._began is not None:
            record = getattr(getattr(self.model, "_compiled", None), "record", None)
            self.seconds = self._before[0] + time.perf_counter() - self._began
            self.compile_seconds = self._before[1] + sum(c.seconds for c in getattr(record, "compiled", ()))

    def state_dict(self) -> dict[str, Any]:
        """Return the epochs so far."""
        by_name = ("history", "epochs_of")
        return {**{k: {n: list(v) for n, v in getattr(self, k).items()} for k in by_name}, "epoch": list(self.epoch)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        super().load_state_dict({"epochs_of": {}, **state})

    def series(self, name: str) -> tuple[list[int], list[Any]]:
        """Return the epochs (from 0) in which a metric was recorded, and its values.

        Args:
            name: The metric, such as "val_loss".

        Raises:
            KeyError: If there is no such metric.
        """
        values, epochs = self.history[name], self.epochs_of.get(name, [])
        # Somebody may have written to `history`: what is said of fewer or more values is not of these.
        return (list(epochs) if len(epochs) == len(values) else list(range(len(values)))), list(values)

    def to_frame(self) -> Any:
        """Return a data frame of pandas: rows are epochs (from 0), columns metrics, with NaN where one has no value.

        Raises:
            ImportError: If pandas is not installed.

        >>> history = History()
        >>> history.on_epoch_end(0, {"loss": 0.5})
        >>> history.on_epoch_end(1, {"loss": 0.25, "val_loss": 0.5})
        >>> history.to_frame()  # doctest: +NORMALIZE_WHITESPACE
               loss  val_loss
        epoch
        0      0.50       NaN
        1      0.25       0.5
        """
        pandas = optional("pandas", "history.to_frame()")
        columns = {}
        for name in self.history:
            epochs, values = self.series(name)
            columns[name] = pandas.Series(values, index=epochs, dtype=None if values else float)
        frame = pandas.DataFrame(columns).sort_index()
        frame.index.name = "epoch"
        return frame

    def plot(
        self,
        metrics: str | Sequence[str] | None = None,
        ax: Any = None,
        fig: Any = None,
        to_file: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Draw the metrics over the epochs, each with its validation in one panel, the learning rate beneath.

        The epoch with the best `val_loss` (or `loss`) is marked in all panels, and in each the best value of its own.

        Args:
            metrics: Names of what to draw, without `val_`; all if left out.
            ax: Axes of matplotlib to draw on, one for each of `metrics`, or one for the loss.
            fig: A figure (or part of one) of matplotlib to draw into; a new one if left out.
            to_file: A file for the picture; its ending says the format: .png, .svg, .pdf, ...

        Returns:
            The figure, which a notebook shows. Nothing is shown otherwise, and pyplot knows nothing of it.

        Raises:
            ImportError: If matplotlib is not installed.
            ValueError: If a metric is not in the history, or there is nothing to draw.
        """
        from jkeras.display.curves import plot_history

        return plot_history(self, metrics, ax, fig, to_file)

    def _repr_html_(self) -> str:
        from jkeras.display.html import history_html

        return history_html(self)

    def __repr__(self) -> str:
        count = len(self.epoch)
        return f"<History of {count} epoch{'s' * (count != 1)}: {', '.join(self.history) or 'nothing yet'}>"
