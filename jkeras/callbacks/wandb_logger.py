"""Log to Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.callbacks.tracked_run import TrackedRun
from jkeras.core.extras import optional


class WandbLogger(TrackedRun):
    """Logs parameters and metrics to Weights & Biases: to the run that is open, else to a run of its own.

    Metrics of epochs are drawn over `epoch`, from 0; those of batches, `batch_loss` and so on, over `step`, the batch
    of the run, from 1. A training that is resumed goes on with its run. `mode="offline"` needs no network.

    Args:
        params: What describes the run beside what `fit` and the optimizer tell; its `config` there.
        project: The project.
        name: A name for the run.
        update_freq: "epoch", or a number n, to log each n-th batch too. The loop stops at each of these.
        options: Anything else that `wandb.init` takes, such as `mode="offline"`, `dir` or `tags`.

    Raises:
        ImportError: If the package `wandb` is missing.

    >>> logger = WandbLogger({"units": 64}, project="digits", mode="offline")  # doctest: +SKIP
    >>> model.fit(x, y, epochs=10, callbacks=[logger])  # doctest: +SKIP

    Reference: https://docs.wandb.ai/ref/python/init
    """

    def __init__(
        self,
        params: Mapping[str, Any] | None = None,
        project: str | None = None,
        name: str | None = None,
        update_freq: Any = "epoch",
        **options: Any,
    ):
        _wandb()
        super().__init__(params, update_freq)
        self.project = project
        self.name = name
        self.options = options
        self._is_own = True

    def start(self, run_id: str | None, params: dict[str, Any]) -> tuple[Any, str]:
        """Return the open run, the run of a checkpoint, or a new one, and its id."""
        run = _wandb().run
        self._is_own = run is None
        if run is None:
            again = {} if run_id is None else {"id": run_id, "resume": "allow"}
            run = _wandb().init(project=self.project, name=self.name, config=params, **{**self.options, **again})
        else:
            run.config.update(params, allow_val_change=True)
        run.define_metric("epoch", hidden=True)
        run.define_metric("*", step_metric="epoch")
        run.define_metric("batch_*", step_metric="step")
        return run, str(run.id)

    def send(self, metrics: dict[str, float], epoch: int, step: int | None) -> None:
        """Log numbers."""
        self._run.log({**metrics, "epoch": epoch, **({} if step is None else {"step": step})})

    def finish(self) -> None:
        """End the run, unless it was open before."""
        if self._is_own:
            self._run.finish()


def _wandb() -> Any:
    return optional("wandb", "WandbLogger")
