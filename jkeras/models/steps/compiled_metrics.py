"""The metrics of `compile` as the one metric that Keras 3 shows them as in a custom step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jkeras.core.template import weights_of
from jkeras.core.weight import Weight
from jkeras.models.steps.running import current


class CompiledMetrics:
    """The metrics of `compile`, matched with outputs, behind the interface of one metric.

    Args:
        objective: The `Objective` whose metrics they are.
    """

    name = "compile_metrics"

    def __init__(self, objective: Any):
        self.objective = objective
        self.rows = [(key, metric) for o in objective.outputs for key, metric in (*o.metrics, *o.weighted_metrics)]

    @property
    def metrics(self) -> list[Any]:
        """The metrics themselves."""
        return [metric for _, metric in self.rows]

    @property
    def variables(self) -> list[Weight]:
        """The variables of all of them."""
        return [w for _, metric in self.rows for _, w in weights_of(metric)]

    def stateless_update_state(
        self, metric_variables: Sequence[Any], y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> list[Any]:
        """Return the arrays of `variables` after one batch."""
        step = current()
        masks = [None] * len(self.objective.outputs) if step is None else step.masks_of(y_pred)
        totals = self.objective.update_metrics(self._totals(metric_variables), y_pred, masks, y_true, sample_weight)
        return [totals[key][inner][w.name] for key, metric in self.rows for inner, w in weights_of(metric)]

    def stateless_result(self, metric_variables: Sequence[Any]) -> dict[str, Any]:
        """Return the values by log key."""
        return self.objective.report_metrics(self._totals(metric_variables))

    def stateless_reset_state(self) -> list[Any]:
        """Return the arrays of `variables` to begin with."""
        return [array for _, metric in self.rows for array in metric.stateless_reset_state()]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Accumulate one batch."""
        before = [w.current() for w in self.variables]
        after = self.stateless_update_state(before, y_true, y_pred, sample_weight)
        for w, array in zip(self.variables, after, strict=True):
            w.assign(array)

    def result(self) -> dict[str, Any]:
        """Return the values by log key."""
        return self.stateless_result([w.current() for w in self.variables])

    def reset_state(self) -> None:
        """Begin anew."""
        for metric in self.metrics:
            metric.reset_state()

    def _totals(self, arrays: Sequence[Any]) -> dict[str, Any]:
        remaining, totals = iter(arrays), {}
        for key, metric in self.rows:
            totals[key] = {}
            for inner, w in weights_of(metric):
                totals[key].setdefault(inner, {})[w.name] = next(remaining)
        return totals
