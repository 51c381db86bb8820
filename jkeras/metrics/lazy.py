"""Metrics whose variables depend on the number of classes: built by the first batch, or before it by `build`."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.metrics.base import Metric, State


class LazyMetric(Metric):
    """A metric that declares its variables in `declare(shape)`, `shape` being that of the predictions.

    `update_state` builds it on first use. The pure triple needs the shape earlier: `metric.build((None, 3))`.
    """

    built = False

    def build(self, shape: Any) -> None:
        """Declare the variables for predictions of `shape`, batch size first; it may be None. Once is enough."""
        if not self.built:
            self.declare(tuple(shape))
            self.built = True

    def declare(self, shape: tuple[int | None, ...]) -> None:
        """Declare the variables. Subclasses define it."""
        raise TypeError(f"{type(self).__name__} must define declare(self, shape).")

    def prepare(self, y_pred: Any) -> None:
        """Build from the first batch; called by `update_state`."""
        if not self.built:
            if self._frame is not None:
                self.require_built()
            self.build(np.shape(y_pred))

    def init(self) -> State:
        """Return fresh totals.

        Raises:
            ValueError: If the shape of the predictions is not known yet.
        """
        self.require_built()
        return super().init()

    def require_built(self) -> None:
        """Raise if the variables do not exist yet."""
        if not self.built:
            raise ValueError(
                f"Metric {self.path!r} does not know the shape of the predictions yet, on which its variables depend. "
                "Call its build(y_pred.shape), or update_state(y_true, y_pred), first."
            )
