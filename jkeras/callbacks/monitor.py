"""What callbacks that watch one metric have in common: its value, and which direction is better."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.callbacks.base import Callback
from jkeras.callbacks.log_values import strict, unstrict
from jkeras.core import blame
from jkeras.metrics.direction import direction_of


class MonitorCallback(Callback):
    """Base of the callbacks that compare one metric with the best value so far.

    Args:
        monitor: The key in the logs.
        mode: "min", "max", or "auto" (by the metric's own direction or its name).
        min_delta: How much better a value must be to count.
    """

    missing = "{owner} watches the metric `{monitor}` which is not available. Available metrics are: {available}"

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0):
        if mode not in ("auto", "min", "max"):
            blame.warn(
                f"{type(self).__name__} mode {mode!r} is unknown, fallback to auto mode. "
                "Expected 'min', 'max' or 'auto'."
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(float(min_delta))
        self.best: float | None = None
        self._warned = False

    def monitored(self, logs: dict[str, Any]) -> float | None:
        """Return the metric's value, or None after a warning (given once) that names what there is.

        Args:
            logs: The logs of an epoch or a batch.
        """
        value = logs.get(self.monitor)
        if value is not None:
            return float(value)
        if not self._warned:
            self._warned = True
            available = ", ".join(logs) or "none"
            message = self.missing.format(owner=type(self).__name__, monitor=self.monitor, available=available)
            blame.warn(message)
        return None

    def is_improvement(self, value: float, reference: float | None) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`; anything is better than None.

        The two are compared in single precision, in which metrics are computed: that decides about ties.

        Args:
            value: The metric now.
            reference: What it is compared with.

        Returns:
            Whether it is better; False for NaN, unless `reference` is None.
        """
        if reference is None:
            return True
        sign = self.sign()
        with np.errstate(over="ignore"):
            return bool(np.float32(sign * value - self.min_delta) > np.float32(sign * reference))

    def sign(self) -> int:
        """Return 1 if more is better, -1 if less is.

        Raises:
            ValueError: If the mode is "auto" and the metric's direction is not known.
        """
        mode = direction_of(self.monitor, self.model) if self.mode == "auto" else self.mode
        if mode is None:
            raise ValueError(
                f"{type(self).__name__}: cannot tell whether more or less of the metric {self.monitor!r} is better. "
                "Say so: mode='max' or mode='min'."
            )
        return 1 if mode == "max" else -1

    def state_dict(self) -> dict[str, Any]:
        """Return the best value, which may be infinite, as strict JSON can hold it."""
        return {"best": strict(self.best)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        super().load_state_dict({**state, "best": unstrict(state.get("best"))})
