"""The training loop of a population: that of a model, with an order of samples for each member."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np

from jkeras.population.engine import plain
from jkeras.population.orders import Orders, to_device
from jkeras.population.placement import MemberPlacement
from jkeras.population.program import Common, Data, PopulationProgram
from jkeras.training.data import ArrayData
from jkeras.training.loop import Run
from jkeras.training.program import TrainState
from jkeras.training.record import Record


class _NoBatchHooks:
    has_batch_hooks = False
    batch_interval = 1


class _Rare:
    """The steps of a population of which those by themselves are compiled in a hurry."""

    def __init__(self, program: PopulationProgram):
        self._program = program

    @property
    def step_at(self) -> Any:
        """A step on one batch."""
        return self._program.rare_step_at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._program, name)


class PopulationRun(Run):
    """One call of a population's `fit`.

    Args:
        program: The compiled steps.
        ts, common: What the steps change, and what they only read.
        progress: Shows how far it is.
        should_stop: Whether somebody asked for the end.
        record: Where the facts of the run are written down.
        is_rare: Whether steps by themselves are few among those in blocks.
    """

    def __init__(
        self, program: PopulationProgram, ts: TrainState, common: Common, progress: Any, should_stop: Any,
        record: Record, is_rare: bool,
    ):  # fmt: skip
        # What a run of one model has and this has not: decisions on the way, and callbacks that look into an epoch.
        nothing: Any = None
        steps: Any = program if not is_rare else _Rare(program)
        fixed: Any = common
        super().__init__(
            steps, nothing, ts, fixed, nothing, _NoBatchHooks(), progress, None, should_stop, record=record
        )

    def epoch_of(self, data: Data, orders: Orders, epoch: int) -> dict[str, np.ndarray]:
        """Train one epoch, and return the logs: name to the members' values."""
        self.done = self.samples = 0
        self.compile_seconds = 0.0
        began = time.perf_counter()
        self.totals = self.program.fresh_totals()
        logs = None
        for segment in orders.segments(orders.epoch(epoch), partial(to_device, placement=self.placement)):
            if not self._is_stopped():
                logs = self._segment(data, segment)  # type: ignore[arg-type]
        self._drain()
        values = self.program.read(logs)
        self.record.epochs += 1
        self.record.seconds += time.perf_counter() - began - self.compile_seconds
        return values


def evaluate(
    program: PopulationProgram, ts: Any, data: Data, source: ArrayData, rows: np.ndarray | None, keys: Any,
    common: Common, placement: MemberPlacement, steps: int | None = None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Return the members' logs of an evaluation.

    Args:
        program: The compiled steps.
        ts: Parameters and states of the members.
        data: The data on the device.
        source: The same on the host: how many samples, and in batches of which size.
        rows: The places of each member's samples, None for all of them.
        keys: A key for each member.
        common: What the steps read.
        placement: Where members live.
        steps: Batches to evaluate; all if left out.
    """
    samples = source.samples if rows is None else rows.shape[1]
    if steps is not None:
        samples = min(samples, steps * source.batch_size)
    orders = Orders(samples, source.batch_size, np.zeros(program.slots.members, int), rows, False, None)
    order = None if rows is None else rows[:, :samples]
    params, state = plain(ts)
    carry = state, program.fresh_totals()
    for segment in orders.segments(order, partial(to_device, placement=placement)):
        bounds = placement.put_whole(np.array([0, segment.steps], np.int32))
        carry = program.test_block(params, carry, bounds, data, segment.order, keys, common, size=segment.size)
    orders.close()
    return program.read(program.report(carry[1]))
