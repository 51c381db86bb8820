"""The progress line as a callback, for loops written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jkeras.callbacks.base import HOOKS, Callback, Logs
from jkeras.display.means import Means
from jkeras.display.progress import Progress

_COUNTED = ("steps", "samples")


class ProgbarLogger(Callback):
    """Shows a progress line, as `fit` does by itself; `params` says `verbose`, `epochs` and `steps`.

    Passed to `fit`, `evaluate` or `predict`, it only says how their line is shown: there are never two.

    Args:
        count_mode: "steps", or "samples" to show how many samples were seen; in a loop written by hand `params` or the
            logs say their number (`samples`, `batch_size`; `size`).
        stateful_metrics: In a loop written by hand: names of the metrics that are shown as they are; all others are
            averaged over the steps. None: all are shown as they are, since the logs of jkeras are means already.

    Raises:
        ValueError: If `count_mode` is none of these.

    >>> hooks = ProgbarLogger()
    >>> hooks.set_params({"verbose": 2, "epochs": 1, "steps": 2})
    >>> hooks.on_train_begin()
    >>> hooks.on_epoch_begin(0)
    >>> hooks.on_epoch_end(0, {"loss": 0.5})    # doctest: +ELLIPSIS
    Epoch 1/1 - 2/2 - 0s - ...s/step - loss: 0.5000

    Reference: https://keras.io/api/callbacks/progbar_logger
    """

    writes_alone = True

    def __init__(self, count_mode: str = "steps", stateful_metrics: Iterable[str] | None = None) -> None:
        if count_mode not in _COUNTED:
            raise ValueError(f"count_mode must be 'steps' or 'samples'; got {count_mode!r}.")
        self.count_mode = count_mode
        self.stateful_metrics = None if stateful_metrics is None else set(stateful_metrics)
        self._progress: Progress | None = None
        self._means: Means | None = None
        self._seen = 0
        self._is_training = False

    def leave_to(self, progress: Progress | None, samples: int | None = None) -> None:
        """Let another line be the one that is shown.

        Args:
            progress: That line; None: this callback shows its own.
            samples: Samples in an epoch, if that is known.
        """
        self._progress = None
        self.idle_hooks = () if progress is None else tuple(getattr(ProgbarLogger, hook) for hook in HOOKS)
        if progress is not None and self.count_mode == "samples":
            progress.count_samples(samples)

    def _begin(self, mode: str) -> None:
        if self.idle_hooks:
            return
        params = self.params or {}
        self._progress = Progress(mode, params.get("epochs") or 1, params.get("steps"), params.get("verbose", 1))
        if self.count_mode == "samples":
            self._progress.count_samples(params.get("samples"))

    def _begin_epoch(self, epoch: int) -> None:
        if self._progress is not None:
            self._seen = 0
            self._means = None if self.stateful_metrics is None else Means(self.stateful_metrics)
            self._progress.epoch_begin(epoch)

    def _update(self, batch: int, logs: Logs) -> None:
        if self._progress is None:
            return
        size = (logs or {}).get("size") or (self.params or {}).get("batch_size")
        self._seen += int(size or 0)
        values = _numbers(logs)
        if self._means is not None:
            self._means.note(values.items(), 1)
        if self._progress.is_due() or self._progress.steps is None:
            shown = values if self._means is None else self._means.result()
            self._progress.update(batch + 1, shown, self._seen or None)

    def _end(self, logs: Logs) -> None:
        if self._progress is not None:
            means = {} if self._means is None else self._means.result()
            self._progress.epoch_end({**means, **_numbers(logs)})
            if not self._is_training:
                self._progress.close()

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin to show training."""
        self._is_training = True
        self._begin("fit")

    def on_train_end(self, logs: Logs = None) -> None:
        """Training is over."""
        self._is_training = False
        if self._progress is not None:
            self._progress.close()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begin a line."""
        self._begin_epoch(epoch)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Finish the line."""
        self._end(logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Redraw the line."""
        self._update(batch, logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        """Begin a line, unless training is being shown."""
        if not self._is_training:
            self._begin("evaluate")
            self._begin_epoch(0)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Redraw the line."""
        if not self._is_training:
            self._update(batch, logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """Finish the line."""
        if not self._is_training:
            self._end(logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Begin a line."""
        self._begin("predict")
        self._begin_epoch(0)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Redraw the line."""
        self._update(batch, None)

    def on_predict_end(self, logs: Logs = None) -> None:
        """Finish the line."""
        self._end(None)


def _numbers(logs: Logs) -> dict[str, Any]:
    return {name: value for name, value in (logs or {}).items() if name not in ("outputs", "size", "batch")}
