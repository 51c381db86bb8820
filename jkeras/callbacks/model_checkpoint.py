"""Write the model to files while it is trained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jkeras.callbacks.base import Logs
from jkeras.callbacks.batch_counter import BatchCounter, batches_of_epoch
from jkeras.callbacks.monitor import MonitorCallback
from jkeras.core.errors import nearest, unexpected_argument
from jkeras.core.former_names import MetricLogs

_ARGUMENTS = ("filepath", "monitor", "verbose", "save_best_only", "save_weights_only", "mode", "save_freq",
              "initial_value_threshold", "period")  # fmt: skip


class ModelCheckpoint(MonitorCallback):
    """Writes the model, or its weights, every so often, or whenever it is better than before.

    Args:
        filepath: Where to; `{epoch}`, `{batch}` and every key of the logs may stand in it with a format:
            `"epoch{epoch:03d}-loss{val_loss:.3f}.weights.h5"`. Epochs and batches count from 1 here.
            Folders are made when they are missing.
        monitor: The key in the logs that decides what is best.
        verbose: 1 to print what is written.
        save_best_only: Whether to write only if `monitor` is better than at all times before.
        save_weights_only: Whether to write weights (`model.save_weights`) or the whole model (`model.save`).
        mode: "min", "max" or "auto".
        save_freq: "epoch", or a number of batches, counted across epochs. The loop stops when they are done.
        initial_value_threshold: What the first value must be better than.
        options: Settings of TensorFlow's checkpoints, which are not written here: None.
        legacy: `period=n` of Keras 1 and 2: write every n-th epoch.

    Raises:
        ValueError: If `save_freq` is neither "epoch" nor a positive number, or `options` are given.
        KeyError: In training, if `filepath` names something that is not in the logs.

    >>> from types import SimpleNamespace
    >>> checkpoint = ModelCheckpoint("{epoch:02d}-{loss:.2f}.weights.h5", save_weights_only=True)
    >>> checkpoint.set_model(SimpleNamespace(save_weights=lambda path, overwrite: print(path)))
    >>> checkpoint.on_epoch_end(0, {"loss": 0.5})
    01-0.50.weights.h5
    """

    missing = "Can save best model only with {monitor} available. Available metrics are: {available}"

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
        options: Any = None,
        **legacy: Any,
    ):
        self.period = legacy.pop("period", 1)
        if legacy:
            raise unexpected_argument("ModelCheckpoint", next(iter(legacy)), _ARGUMENTS)
        if options is not None:
            raise ValueError(
                "ModelCheckpoint(options=...) are settings of TensorFlow's checkpoints, which are not written here. "
                "Leave them out."
            )
        self.counter = BatchCounter(save_freq)
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq: Any = save_freq
        self.best = initial_value_threshold
        self.epochs_since_save = 0
        self._epoch = 0
        self.counter.listen(self, self._count_batch)

    def set_model(self, model: Any) -> None:
        """Receive the model."""
        super().set_model(model)
        if self.counter.counts_batches:
            # What an earlier training left over is counted on: then files are due at other batches of the run.
            self.batch_interval = 1 if self.counter.since else self.counter.every

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def _count_batch(self, batch: int, logs: Logs = None) -> None:
        if self.counter.is_due(batch):
            self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write, if epochs are what is counted."""
        if self.counter.counts_batches:
            return self.counter.end_epoch(batches_of_epoch(self.model))
        self.epochs_since_save += 1
        if self.epochs_since_save >= self.period:
            self.epochs_since_save = 0
            self._save(epoch, None, logs or {})
        return None

    def _save(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        when = f"Epoch {epoch + 1}" if batch is None else f"Epoch {epoch + 1}, batch {batch + 1}"
        if not self.save_best_only:
            path = self._path(epoch, batch, logs)
            self._say(f"\n{when}: saving model to {path}")
            return self._write(path)
        value = self.monitored(logs)
        if value is None:
            return None
        if not self.is_improvement(value, self.best):
            return self._say(f"\n{when}: {self.monitor} did not improve from {self.best:.5f}")
        path = self._path(epoch, batch, logs)
        before = "None" if self.best is None else f"{self.best:.5f}"
        self._say(f"\n{when}: {self.monitor} improved from {before} to {value:.5f}, saving model to {path}")
        self._write(path)
        self.best = value
        return None

    def _say(self, text: str) -> None:
        if self.verbose > 0:
            print(text)

    def _path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        """Fill the template."""
        values = MetricLogs({**logs, "epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1})})
        try:
            return self.filepath.format_map(values)
        except KeyError as error:
            name = str(error.args[0])
            hint = nearest(name, values) or f" There is: {', '.join(values)}."
            text = f"ModelCheckpoint: {self.filepath!r} needs {name!r}, which is not in the logs.{hint}"
            raise KeyError(text) from None

    def _write(self, path: str) -> None:
        folder = Path(path).parent
        folder.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def state_dict(self) -> dict[str, Any]:
        """Return the best value and the counters."""
        return {**super().state_dict(), "epochs_since_save": self.epochs_since_save, **self.counter.state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        super().load_state_dict({name: state[name] for name in ("best", "epochs_since_save")})
        self.counter.set_state(state)
