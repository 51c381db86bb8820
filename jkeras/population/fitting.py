"""One call of a population's `fit`: epochs, validation, the members' callbacks, and which members still train."""

from __future__ import annotations

import time
from typing import Any, cast

import jax
import numpy as np

from jkeras.population.engine import Engine, chosen, copied
from jkeras.population.history import PopulationHistory
from jkeras.population.orders import Orders
from jkeras.population.program import Data, batch_of
from jkeras.population.progress import PopulationProgress
from jkeras.population.run import PopulationRun, evaluate
from jkeras.population.stand_in import MemberCallbacks
from jkeras.training.data import ArrayData
from jkeras.training.program import decide
from jkeras.training.record import Record

RARE = 100  # steps in an epoch beside which the one on the last batch, which is smaller, counts for little


class Validation:
    """What members are validated on.

    Args:
        data: The data on the device.
        source: The same on the host.
        rows: The places of each member's samples, None for all of them.
        steps: Batches of a validation.
        frequency: Validate every so many epochs.
    """

    def __init__(self, data: Data, source: ArrayData, rows: np.ndarray | None, steps: int | None, frequency: int):
        self.data, self.source, self.rows, self.steps, self.frequency = data, source, rows, steps, frequency


class Fitting:
    """One call of `fit`.

    Args:
        engine: The members.
        source: The training data on the host.
        data: The same on the device.
        orders: Which sample each member sees when.
        numbers: The seed of each member's run.
        validation: What members are validated on, if they are.
        callbacks: What `fit` was given.
        progress: Shows how far it is.

    Attributes:
        history: What was logged.
        kept_epoch: The epoch of `history` whose weights each member has.
    """

    def __init__(
        self, engine: Engine, source: ArrayData, data: Data, orders: Orders, numbers: np.ndarray,
        validation: Validation | None, callbacks: Any, progress: PopulationProgress,
    ):  # fmt: skip
        members = engine.settings.members
        self.engine, self.data, self.orders = engine, data, orders
        self.validation, self.progress = validation, progress
        program = self.program = engine.program(source.sample())
        self.history = PopulationHistory(members)
        self.active = np.ones(members, bool)
        self.kept_epoch = np.zeros(members, np.int64)
        self.best: Any = None
        self._final: dict[str, np.ndarray] = {}
        self.best_epoch = np.zeros(members, np.int64)
        rates = engine.rates if isinstance(engine.rates, np.ndarray) else None
        params = {
            "epochs": progress.epochs, "steps": progress.steps, "verbose": 0, "batch_size": source.batch_size,
            "samples": source.samples, "do_validation": validation is not None, "metrics": program.objective.keys,
        }  # fmt: skip
        self.callbacks = MemberCallbacks(callbacks, rates, members, engine.worker.metrics, params)
        self.keys = engine.keys(numbers)
        common = engine.common(self.keys, self.active if self.callbacks.given else None)
        traced: list[Any] = []

        def trace() -> Any:
            if not traced:
                traced.append(self._trace(common))
            return traced[0]

        ts, common = engine.start(program, common, trace)
        decision: Any = decide(program, True, trace)  # type: ignore[arg-type]
        is_rare = decision.mode == "blocks" and self.orders.steps > RARE
        record = Record(decision, source, source.sample(), [])
        self.run = PopulationRun(program, ts, common, progress, self.callbacks.is_over, record, is_rare)

    def _trace(self, common: Any) -> Any:
        """Trace a step on a full batch, from shapes alone."""
        engine, size = self.engine, min(self.orders.like.batch_size, self.orders.like.samples)
        assert engine.ts is not None
        count = engine.placement.padded
        shape = self.orders.shape(count)
        order = None if shape is None else jax.ShapeDtypeStruct(shape, np.int32)
        step = jax.ShapeDtypeStruct((count,), np.int32)
        opt_state = engine.ts.opt_state
        if opt_state is None:
            opt_state = jax.eval_shape(self.program._begin, engine.ts.params, common)
        ts = engine.ts._replace(step=step, opt_state=opt_state)
        batch = jax.eval_shape(lambda data, order: batch_of(data, order, 0, size), self.data, order)
        return self.program.step.trace(ts, jax.eval_shape(self.program._fresh), batch, common)

    def train(self, first: int, epochs: int) -> PopulationHistory:
        """Train from the epoch `first` up to `epochs`, and return the history."""
        run, began = self.run, time.perf_counter()
        logs: list[dict[str, float]] = [{}] * len(self.active)
        run.interrupts.install()
        try:
            self.callbacks.tell("on_train_begin", self.active)
            for epoch in range(first, epochs):
                logs = self._epoch(epoch, logs)
                if not self.active.any() or self.callbacks.is_over():
                    break
            run.ts = run.ts._replace(params=self.program.finish(run.ts.params, run.ts.opt_state))
            self.callbacks.tell("on_train_end", np.ones_like(self.active), logs=logs)
            self._restore()
        finally:
            self.engine.ts = run.ts
            self.history.seconds = time.perf_counter() - began
            self.orders.close()
            run.close()
        return self.history

    def _epoch(self, epoch: int, before: list[dict[str, float]]) -> list[dict[str, float]]:
        """Train an epoch, tell of it, and return the logs of each member; of one that was stopped, its last ones."""
        active, run, began = self.active, self.run, time.perf_counter()
        self.progress.epoch_begin(epoch)
        self.progress.training = active
        self.callbacks.tell("on_epoch_begin", active, epoch)
        self._take_rates()
        values = run.epoch_of(self.data, self.orders, epoch)
        if self.validation is not None and (epoch + 1) % self.validation.frequency == 0:
            values.update({f"val_{name}": value for name, value in self._validated().items()})
        self.progress.epoch_end(self._shown(values), time.perf_counter() - began)
        now = [{name: float(value[i]) for name, value in values.items()} for i in range(len(active))]
        self.callbacks.tell("on_epoch_end", active, epoch, logs=now)
        self._take_rates()
        place = len(self.history.epoch)
        self.history.add(epoch, now, active)
        self.kept_epoch = np.where(active, place, self.kept_epoch)
        self._keep(place, values)
        stopped = self.callbacks.stopped() & active
        if stopped.any():
            self.active = active & ~stopped
            run.fixed = run.fixed._replace(active=self.engine.placement.members_of(self.active))
        return [one if trains else last for one, last, trains in zip(now, before, active, strict=True)]

    def _validated(self) -> dict[str, np.ndarray]:
        assert self.validation is not None
        given, engine, common = self.validation, self.engine, cast(Any, self.run.fixed)
        program = engine.evaluation(self.program, given.source)
        return evaluate(
            program, self.run.ts, given.data, given.source, given.rows, self.keys, common, engine.placement,
            given.steps,
        )  # fmt: skip

    def _take_rates(self) -> None:
        """Hand the learning rates to the steps that callbacks set."""
        if self.callbacks.taken("changed_rate").any():
            self.engine.rates = self.callbacks.rates()
            rates = self.engine.placement.members_of(self.engine.rates)
            self.run.fixed = self.run.fixed._replace(learning_rate=rates)

    def _shown(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the values of an epoch; of members that were stopped, those that their weights have."""
        members, before = len(self.active), self._final
        values = {name: array[:members] for name, array in values.items()}
        return {name: np.where(self.active, array, before.get(name, np.nan)) for name, array in values.items()}

    def _keep(self, place: int, values: dict[str, np.ndarray]) -> None:
        """Keep the weights of the members whose callbacks asked for them."""
        kept = self.callbacks.taken("wants_kept")
        # Whose callbacks keep weights has the values of those in the end, others have their last ones.
        has = kept if self.best is not None or kept.any() else self.active
        self._final = {
            name: np.where(has, array[: len(has)], self._final.get(name, np.nan)) for name, array in values.items()
        }
        if not kept.any():
            return
        part = self.run.ts.params, self.run.ts.state
        mask = self.engine.placement.members_of(kept)
        self.best = copied(part) if self.best is None else chosen(mask, part, self.best)
        self.best_epoch = np.where(kept, place, self.best_epoch)

    def _restore(self) -> None:
        """Give members the weights back that their callbacks kept."""
        restored = self.callbacks.taken("wants_restored")
        if not restored.any():
            return
        mask = self.engine.placement.members_of(restored)
        params, state = chosen(mask, self.best, (self.run.ts.params, self.run.ts.state))
        self.run.ts = self.run.ts._replace(params=params, state=state)
        self.kept_epoch = np.where(restored, self.best_epoch, self.kept_epoch)
