"""What loggers of tracking services have in common: a run that is begun once, described, and gone on with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from jkeras.callbacks.base import Logs
from jkeras.callbacks.log_values import numbers, plain
from jkeras.callbacks.metrics_logger import MetricsLogger


class TrackedRun(MetricsLogger, ABC):
    """A logger whose run is begun with the first epoch, when it is known whether one of a checkpoint goes on.

    Args:
        params: What describes the run beside what `fit` and the optimizer tell.
        update_freq: "epoch", or a number n of batches, to log `batch_loss` and so on after each n-th batch too.

    Attributes:
        run_id: What the service calls the run; a resumed training goes on with it.

    >>> class Printed(TrackedRun):
    ...     def start(self, run_id, params):
    ...         return self, run_id or "first"
    ...     def send(self, metrics, epoch, step):
    ...         print(self.run_id, epoch, metrics)
    ...     def finish(self):
    ...         print("end")
    >>> run = Printed()
    >>> run.on_train_begin()
    >>> run.on_epoch_begin(0)
    >>> run.on_epoch_end(0, {"loss": 0.5})
    first 0 {'loss': 0.5}
    >>> run.on_train_end()
    end
    """

    def __init__(self, params: Mapping[str, Any] | None = None, update_freq: Any = "epoch"):
        super().__init__(update_freq)
        self.description = dict(params or {})
        self.run_id: str | None = None
        self._run: Any = None

    @abstractmethod
    def start(self, run_id: str | None, params: dict[str, Any]) -> tuple[Any, str]:
        """Begin a run, or go on with that of `run_id`; return it as the service has it, and its id.

        Args:
            run_id: The run of a checkpoint that this training goes on with; None: there is none.
            params: What describes the run, as plain data by name.

        Returns:
            The pair `(run, id)`.
        """

    @abstractmethod
    def send(self, metrics: dict[str, float], epoch: int, step: int | None) -> None:
        """Pass on the numbers of an epoch, or those after `step` batches of the run.

        Args:
            metrics: The numbers by name.
            epoch: The epoch, from 0.
            step: How many batches of the run are done; None: the numbers are those of the epoch.
        """

    @abstractmethod
    def finish(self) -> None:
        """End the run, unless somebody else began it."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget the run of an earlier training; one that an exception left open is ended."""
        super().on_train_begin(logs)
        self.on_train_end()
        self.run_id = None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begin the run with the first epoch."""
        super().on_epoch_begin(epoch, logs)
        if self._run is None:
            self._run, self.run_id = self.start(self.run_id, self._described())

    def _described(self) -> dict[str, Any]:
        """Return the parameters of the run as plain data: those of `fit`, of the optimizer, and those given."""
        given = self.params or {}
        found = {name: given.get(name) for name in ("epochs", "steps", "batch_size", "samples")}
        optimizer: Any = getattr(self.model, "optimizer", None)
        if optimizer is not None:
            found["optimizer"] = type(optimizer).__name__
            with suppress(AttributeError, TypeError):  # an optax transformation has no configuration
                config = optimizer.get_config()
                found |= {f"optimizer_{name}": value for name, value in config.items() if name != "name"}
        return plain({name: value for name, value in {**found, **self.description}.items() if value is not None})

    def log_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        """Pass on the metrics of an epoch."""
        self.send(numbers(logs), epoch, None)

    def log_batch(self, epoch: int, batch: int, step: int, logs: dict[str, Any]) -> None:
        """Pass on the metrics of the epoch so far."""
        self.send({f"batch_{name}": value for name, value in numbers(logs).items()}, epoch, step)

    def on_train_end(self, logs: Logs = None) -> None:
        """End the run."""
        if self._run is not None:
            self.finish()
            self._run = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_run": None}

    def state_dict(self) -> dict[str, Any]:
        """Return the id of the run, and the counts of batches."""
        return {"run_id": self.run_id, **super().state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the run that `state_dict` named."""
        super().load_state_dict(state)
        self.run_id = state["run_id"]
