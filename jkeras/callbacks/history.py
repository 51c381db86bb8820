"""What `fit` returns: the metrics of every epoch."""

from __future__ import annotations

from typing import Any

from jkeras.callbacks.base import Callback, Logs


class History(Callback):
    """Keeps the logs of every epoch.

    Attributes:
        history: Name of the metric to the list of its values.
        epoch: The numbers of the epochs, from 0.
        params: `verbose`, `epochs` and `steps` of the run.

    >>> history = History()
    >>> history.on_epoch_end(0, {"loss": 0.5})
    >>> history.on_epoch_end(1, {"loss": 0.25})
    >>> history.history, history.epoch
    ({'loss': [0.5, 0.25]}, [0, 1])
    """

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def set_model(self, model: Any) -> None:
        """Receive the model, and be its `history` from now on."""
        super().set_model(model)
        if model is not None:
            model.history = self

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin a new list of epochs."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Append the metrics of an epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def state_dict(self) -> dict[str, Any]:
        """Return the epochs so far."""
        return {"history": {k: list(v) for k, v in self.history.items()}, "epoch": list(self.epoch)}

    def __repr__(self) -> str:
        return f"<History of {len(self.epoch)} epochs: {', '.join(self.history)}>"
