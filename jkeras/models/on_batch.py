"""Training, evaluation and prediction of one batch at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jkeras.core import seeds
from jkeras.core.facade import metrics_of
from jkeras.models.compiled import Arrays, Compiled
from jkeras.models.given import one_batch, row_count
from jkeras.models.prediction import Predictor
from jkeras.models.steps.builtin import Steps
from jkeras.models.steps.running import current
from jkeras.training.arrays import on_host
from jkeras.training.data import ArrayData, make_data
from jkeras.training.interrupts import uninterrupted
from jkeras.training.labels import check_labels
from jkeras.training.program import fetch, send


class OnBatch(Steps):
    """What a model does with one batch, for loops that a user writes."""

    _compiled: Compiled | None
    _require_compiled: Any
    _check_can_predict: Any
    host_inputs: Any

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
        reset_metrics: bool = True,
    ) -> Any:
        """Train on one batch and return its loss and metrics.

        Args:
            x, y, sample_weight, class_weight: As in `fit`; arrays.
            return_dict: Return `{key: value}` instead of numbers in the order of `metrics_names`.
            reset_metrics: Begin the metrics anew with this batch, as Keras 3 always does; False: go on from what they
                show (Keras 2), until `reset_metrics()`.

        Returns:
            The loss, a Python number; a list with the metrics behind it, if there are any; or a dict.
        """
        compiled = self._require_compiled("train_on_batch")
        batch = one_batch(x, y, sample_weight, class_weight, self.host_inputs)
        program = compiled.program(self, batch)
        check_labels(program.objective, batch.y)
        arrays, totals = Arrays(self, compiled, program), compiled.totals(program, reset_metrics)
        ts, fixed = arrays.begin_batch(seeds.next_number())
        with uninterrupted():
            ts, totals, logs = send(program.batch_step, ts, fixed, totals, jax.tree.map(on_host, batch))
            arrays.store(ts)
        arrays.store_totals(program, totals)
        return _results(program.read(logs), return_dict)

    def test_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        return_dict: bool = False,
        reset_metrics: bool = True,
    ) -> Any:
        """Return the loss and metrics of one batch.

        Args:
            x, y, sample_weight, return_dict, reset_metrics: As in `train_on_batch`.
        """
        compiled = self._require_compiled("test_on_batch")
        batch = one_batch(x, y, sample_weight, None, self.host_inputs)
        program = compiled.program(self, batch, training=False)
        check_labels(program.objective, batch.y)
        arrays = Arrays(self, compiled)
        params, state = arrays.trees()
        totals, seed = compiled.totals(program, reset_metrics), np.uint32(seeds.next_number())
        new_state, totals, logs = send(program.batch_test, params, state, seed, totals, jax.tree.map(on_host, batch))
        self._keep_state(state, new_state)
        arrays.store_totals(program, totals)
        return _results(program.read(logs), return_dict)

    def reset_metrics(self) -> None:
        """Begin the metrics anew, those of `compile` and those that layers hold."""
        if self._compiled is not None:
            self._compiled.running = None
        for _, metric in metrics_of(self):
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return what the metrics show now, after the last batch, epoch or evaluation: `{key: value}`."""
        if current() is not None:
            return super().get_metrics_result()
        running = self._compiled.running if self._compiled is not None else None
        return {} if running is None else running[0].read(running[0].report(running[1]))

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch as numpy arrays.

        Args:
            x: A tree of arrays.
        """
        data = make_data(x, batch_size=row_count(x), prepare=self.host_inputs)
        self._check_can_predict(data)
        assert isinstance(data, ArrayData)
        predictor = Predictor(self)
        outputs = predictor(data.batch.x)
        predictor.finish()
        return jax.tree.map(np.array, fetch(outputs))


def _results(logs: dict[str, Any], return_dict: bool) -> Any:
    values = list(logs.values())
    return logs if return_dict else values[0] if len(values) == 1 else values
