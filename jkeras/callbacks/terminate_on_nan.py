"""Stop when the loss is no number any more."""

from __future__ import annotations

import math

from jkeras.callbacks.base import Callback, Logs


class TerminateOnNaN(Callback):
    """Ends training at the first batch whose loss is NaN or infinite.

    It looks at every batch, so the loop has to stop at each.

    Args:
        raise_error: Raise `RuntimeError` at once instead of ending training in order.

    >>> from types import SimpleNamespace
    >>> guard = TerminateOnNaN()
    >>> guard.set_model(SimpleNamespace(stop_training=False))
    >>> guard.on_train_batch_end(7, {"loss": float("nan")})
    Batch 7: Invalid loss, terminating training
    >>> guard.model.stop_training
    True
    """

    def __init__(self, raise_error: bool = False):
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(float(loss)):
            return
        if self.raise_error:
            raise RuntimeError(f"The loss is {float(loss)} at batch {batch}.")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
