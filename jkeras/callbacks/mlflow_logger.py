"""Log to MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.callbacks.tracked_run import TrackedRun
from jkeras.core.extras import optional


class MLflowLogger(TrackedRun):
    """Logs parameters and metrics to MLflow: to the active run if there is one, else to a run of its own.

    Metrics of epochs have the epoch as their step, from 0; those of batches, `batch_loss` and so on, the batch of the
    run, from 1. A training that is resumed goes on with its run. It needs no network if the store is a local one.

    Args:
        params: What describes the run beside what `fit` and the optimizer tell.
        experiment_name: The experiment, which is made if it is missing; None: the one that is set.
        run_name: A name for the run.
        tracking_uri: The store: a database or a server; None: the one that is set. It is set for the process, as the
            experiment is.
        update_freq: "epoch", or a number n, to log each n-th batch too. The loop stops at each of these.

    Raises:
        ImportError: If the package `mlflow` is missing.

    >>> logger = MLflowLogger({"units": 64}, "digits", tracking_uri="sqlite:///runs.db")  # doctest: +SKIP
    >>> model.fit(x, y, epochs=10, callbacks=[logger])  # doctest: +SKIP

    Reference: https://mlflow.org/docs/latest/tracking.html
    """

    def __init__(
        self,
        params: Mapping[str, Any] | None = None,
        experiment_name: str | None = None,
        run_name: str | None = None,
        tracking_uri: str | None = None,
        update_freq: Any = "epoch",
    ):
        _mlflow()
        super().__init__(params, update_freq)
        self.experiment_name = experiment_name
        self.run_name = run_name
        self.tracking_uri = tracking_uri
        self._is_own = True

    def start(self, run_id: str | None, params: dict[str, Any]) -> tuple[Any, str]:
        """Return the active run, the run of a checkpoint, or a new one, and its id."""
        mlflow = _mlflow()
        run = mlflow.active_run()
        self._is_own = run is None
        if run is None:
            if self.tracking_uri is not None:
                mlflow.set_tracking_uri(self.tracking_uri)
            if self.experiment_name is not None:
                mlflow.set_experiment(self.experiment_name)
            run = mlflow.start_run(run_id=run_id, run_name=None if run_id else self.run_name)
        if run.info.run_id != run_id:
            mlflow.log_params(params)
        return run, run.info.run_id

    def send(self, metrics: dict[str, float], epoch: int, step: int | None) -> None:
        """Log numbers."""
        _mlflow().log_metrics(metrics, step=epoch if step is None else step, run_id=self.run_id)

    def finish(self) -> None:
        """End the run, unless it was active before."""
        if self._is_own:
            _mlflow().end_run()


def _mlflow() -> Any:
    return optional("mlflow", "MLflowLogger", "mlflow-skinny is enough.")
