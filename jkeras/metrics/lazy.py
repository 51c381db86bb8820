"""Metrics whose variables depend on the number of classes: built by the first batch, or before it by `build`."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.metrics.base import Metric, State


class LazyMetric(Metric):
    """A metric that declares its variables in `_declare(shape)`, `shape` being that of the predictions.

    `update_state` builds it on first use. The pure triple needs the shape earlier.

    >>> from jkeras.metrics import F1Score
    >>> metric = F1Score()
    >>> metric.build((None, 3))
    >>> [weight.shape for weight in metric.variables]
    [(3,), (3,), (3,)]
    """

    built = False

    def build(self, shape: Any) -> None:
        """Declare the variables; the first time only.

        Args:
            shape: That of the predictions, batch size first; None for what is not known, such as the batch size.
        """
        if not self.built:
            self._declare(tuple(shape))
            self.built = True

    def _declare(self, shape: tuple[int | None, ...]) -> None:
        """Declare the variables. Subclasses define it."""
        raise TypeError(f"{type(self).__name__} must define _declare(self, shape).")

    def _prepare(self, y_pred: Any) -> None:
        """Build from the first batch; called by `update_state`."""
        if not self.built:
            if self._frame is not None:
                self._require_built()
            self.build(np.shape(y_pred))

    def init(self) -> State:
        """Return fresh totals.

        Raises:
            ValueError: If the shape of the predictions is not known yet.
        """
        self._require_built()
        return super().init()

    def _require_built(self) -> None:
        """Raise if the variables do not exist yet."""
        if not self.built:
            raise ValueError(
                f"Metric {self.path!r} does not know the shape of the predictions yet, on which its variables depend. "
                "Call its build(y_pred.shape), or update_state(y_true, y_pred), first."
            )
