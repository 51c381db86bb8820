"""What callbacks that watch one metric have in common: its value, and which direction is better."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jkeras.callbacks.base import Callback
from jkeras.core import blame

# Metric names, in snake_case without `val_` and the name of an output, for which more is better.
_MORE_IS_BETTER = frozenset(
    """accuracy acc binary_accuracy categorical_accuracy sparse_categorical_accuracy top_k_categorical_accuracy
    sparse_top_k_categorical_accuracy auc precision recall f1_score fbeta_score r2_score mean_io_u io_u binary_io_u
    one_hot_io_u one_hot_mean_io_u iou true_positives true_negatives sensitivity_at_specificity
    specificity_at_sensitivity precision_at_recall recall_at_precision cosine_similarity pearson_correlation
    concordance_correlation fmeasure""".split()
)
_LESS_IS_BETTER = frozenset(
    """loss mse mae mape msle mean_squared_error mean_absolute_error mean_absolute_percentage_error
    mean_squared_logarithmic_error root_mean_squared_error rmse log_cosh logcosh log_cosh_error kl_divergence kld
    kullback_leibler_divergence poisson binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy
    crossentropy bce hinge squared_hinge categorical_hinge huber false_positives false_negatives error perplexity
    """.split()
)


def direction_of(monitor: str, model: Any = None) -> str | None:
    """Return "max" or "min", whichever is better for the metric named `monitor`, or None if that is not known.

    A metric of the model that declares a direction decides; otherwise the name does, with `val_`, the name of an
    output in front and a number behind left out.

    >>> direction_of("val_accuracy"), direction_of("main_output_loss"), direction_of("auc_1")
    ('max', 'min', 'max')
    >>> direction_of("surprise") is None
    True
    """
    name = monitor.removeprefix("val_")
    for metric in getattr(model, "metrics", None) or ():
        declared = getattr(metric, "_direction", None)
        if getattr(metric, "name", None) == name and declared in ("up", "down"):
            return "max" if declared == "up" else "min"
    base = name.rstrip("0123456789").rstrip("_") if name[-1:].isdigit() else name
    for candidate in (name, base):
        words = candidate.lower().split("_")
        # The longest known ending wins: `out_false_positives` is not `positives` of something.
        for start in range(len(words)):
            ending = "_".join(words[start:])
            if ending in _MORE_IS_BETTER:
                return "max"
            if ending in _LESS_IS_BETTER:
                return "min"
    return None


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
        """Return the metric's value, or None after a warning (given once) that names what there is."""
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


def json_float(value: float | None) -> float | str | None:
    """Return `value` so that strict JSON can hold it: infinities and NaN become strings."""
    return value if value is None or math.isfinite(value) else str(value)


def from_json_float(value: float | str | None) -> float | None:
    """Undo `json_float`."""
    return None if value is None else float(value)
