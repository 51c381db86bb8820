"""A call of `fit`: it joins the model's arrays, the engine, callbacks and the display, and knows where it stands."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import jax
import numpy as np

from jkeras.core import blame, seeds
from jkeras.core.former_names import MetricLogs
from jkeras.models.compiled import Arrays
from jkeras.models.custom import evaluation_program
from jkeras.models.resuming import (
    Continuation,
    Kept,
    Position,
    check,
    facts_of,
    rebuilt,
    restore_callbacks,
    with_state,
)
from jkeras.training import loop
from jkeras.training.chunks import chunk_steps
from jkeras.training.data import ArrayData, Data, StreamData
from jkeras.training.labels import check_labels
from jkeras.training.program import Decision, decide
from jkeras.training.record import Record


class Schedule(NamedTuple):
    """How far `fit` goes, in which order, and when it validates: its arguments of these names."""

    epochs: int
    initial_epoch: int
    steps_per_epoch: int | None
    shuffle: Any
    validation_steps: int | None
    validation_freq: Any

    def validates(self, epoch: int) -> bool:
        """Whether validation is due after an epoch."""
        due = self.validation_freq
        return (epoch + 1) % due == 0 if isinstance(due, int) else (epoch + 1) in due


class Training:
    """A call of `fit`, which checkpoints that are written in it or after it ask where it stands.

    Args:
        model: The compiled model.
        data, validation: What it trains and validates on; None: there is no validation.
        schedule: How far it goes.
        callbacks, verbose, profile, resume: As `fit` takes them.
        batch_size: What callbacks are told of batches of a size that is not known.
    """

    def __init__(
        self, model: Any, data: Data, validation: Data | None, schedule: Schedule, *, callbacks: Any, verbose: Any,
        batch_size: int | None, profile: Any, resume: Any,
    ):  # fmt: skip
        compiled, placement = model._compiled, model._placement
        self.model, self.schedule = model, schedule
        # What only a running one has; `_end` lets go of it.
        self.data: Any = data
        self.validation: Any = validation
        sample = data.sample()
        program = compiled.program(model, sample)
        self.arrays: Any = Arrays(model, compiled, program)
        for part in (data, validation):
            if isinstance(part, ArrayData):
                check_labels(program.objective, part.batch.y)
        self.facts = facts_of(data, schedule.shuffle, schedule.steps_per_epoch)
        self.seed, self.epoch = seeds.next_number(), schedule.initial_epoch
        self.logs: dict[str, Any] = {}
        self.is_begun = False  # True once the first epoch begins: from then on its place cannot be changed
        self._first_step = self._first_place = 0  # of this epoch
        self._kept: Kept | None = None  # what an epoch goes on from that was begun before
        self._last: tuple[Position, Any] | None = None
        ts, fixed = self.arrays.begin(self.seed)
        steps = schedule.steps_per_epoch or data.steps
        placement.check_same(epochs=schedule.epochs, steps=steps, samples=data.samples)
        self._watch(steps, callbacks, verbose, batch_size, program.objective.keys, resume)
        model.stop_training = False
        decision = self._decide(program, ts, fixed)
        compiled.record = Record(decision, data, sample, self.callbacks.with_batch_hooks, placement.mesh)
        self.run: Any = loop.Run(
            program, self._decide, ts, fixed, self.arrays, self.callbacks, self.progress, compiled.steps_per_execution,
            should_stop=lambda: not placement.is_shared and self._is_asked_to_stop(),
            record=compiled.record, profile=profile,
        )  # fmt: skip

    def _watch(
        self, steps: int | None, callbacks: Any, verbose: Any, batch_size: int | None, keys: list[str], resume: Any
    ) -> None:
        """Make the progress display and the list of callbacks."""
        from jkeras.callbacks import BackupAndRestore, CallbackList
        from jkeras.display.progress import Progress

        epochs, data, validates = self.schedule.epochs, self.data, self.validation is not None
        self.progress = Progress("fit", epochs, steps, verbose if self.model._placement.is_first else 0)
        self.callbacks: Any = CallbackList(
            callbacks, model=self.model, add_history=True, epochs=epochs, steps=steps, verbose=self.progress.verbose,
            batch_size=data.batch_size or batch_size, samples=data.samples, do_validation=validates,
            progress=self.progress, metrics=[*keys, *(f"val_{key}" for key in keys if validates)],
        )  # fmt: skip
        if resume is not None:
            self.callbacks.append(BackupAndRestore(resume, delete_checkpoint=False))

    def _decide(self, program: Any, ts: Any, fixed: Any) -> Decision:
        """Say how the steps of a program are run."""
        compiled, data = self.model._compiled, self.data

        def traced() -> Any:
            return program.step.trace(ts, jax.eval_shape(program.objective.init), data.sample(), fixed)

        compiled.decision = decide(program, data.fits(), traced, chunk_steps(data))
        return compiled.decision

    def _is_asked_to_stop(self) -> bool:
        return self.model.stop_training or self.callbacks.is_over()

    @property
    def is_running(self) -> bool:
        """Whether `fit` has not returned."""
        return self.run is not None

    def position(self) -> Position:
        """Return the place where it stands."""
        return self._stand()[0]

    def totals(self) -> Any:
        """Return the totals of the metrics inside of an epoch, else None."""
        place, totals = self._stand()
        return totals if place.batch else None

    def _stand(self) -> tuple[Position, Any]:
        if self.run is None:
            if self._last is None:
                raise RuntimeError("The last call of fit ended in the middle of a step: where it stood is not known.")
            return self._last
        # What was sent counts, also if an exception came before the loop took note of it.
        step = int(self.run.ts.step)
        batch = step - self._first_step
        # The thread that makes batches may be ahead of those that were used.
        place = self._first_place + batch if batch else self.data.place
        validated = 0 if self.validation is None else self.validation.place
        stopped = bool(self.model.stop_training)
        return Position(self.seed, self.epoch, batch, step, place, validated, stopped, self.logs), self.run.totals

    # The course of it

    def fit(self) -> Any:
        """Run the epochs and return the `History`."""
        placement = self.model._placement
        self.run.interrupts.install()
        try:
            for epoch in self._begin():
                self._run_epoch(epoch)
                if placement.is_shared:  # who asks for the end within an epoch is heard now
                    self.model.stop_training = placement.any(self._is_asked_to_stop())
                if self.model.stop_training:
                    break
            self.run.ts = self.arrays.finish(self.run.ts)
            self.arrays.store(self.run.ts)
            self.callbacks.on_train_end(self.logs)
            self.run.refresh()
        finally:
            self.arrays.store(self.run.ts)
            self._end()
        return self.callbacks.history

    def _begin(self) -> range:
        """Tell the callbacks that training begins, go on from a checkpoint if there is one, and return the epochs."""
        compiled, epochs = self.model._compiled, self.schedule.epochs
        loaded = compiled.continuation
        if loaded is not None:
            check(loaded, self)
        kept = Kept(self.model) if loaded is not None else None
        self.callbacks.set_validation_data(_lent(self.validation))
        self.callbacks.on_train_begin()
        found, compiled.continuation = compiled.continuation, None
        self.is_begun = True
        epoch, step = (self.epoch, 0) if found is None else (found.position.epoch, found.position.step)
        self.model._placement.check_same(initial_epoch=epoch, steps_done=step)
        if found is None:
            return range(self.epoch, epochs)
        if found is loaded and kept is not None:
            kept.put_back()
            if found.position.epoch >= epochs:
                blame.warn(
                    f"{found.source!r} was written when {found.position.epoch} epochs were done, so fit(epochs="
                    f"{epochs}) has nothing left to do. Give the number of all epochs, or begin a new run: "
                    "load_checkpoint(..., resume=False)."
                )
        self._go_on(found)
        stopped = self.model.stop_training and not found.position.batch
        return range(self.epoch, self.epoch if stopped else epochs)

    def _go_on(self, found: Continuation) -> None:
        check(found, self)
        self.run.refresh()  # other layers may be trained there
        place = found.position
        self.seed, self.epoch, self.logs = place.seed, place.epoch, dict(place.logs)
        totals = None
        if place.batch:
            totals = rebuilt(self.run.program.fresh_totals(), found.totals, found.source)
        self.run.go_on(*self.arrays.begin(place.seed), place.step, place.batch, totals)
        self.data.skip(place.place)
        if self.validation is not None:
            self.validation.skip(place.validation_place)
        self.model.stop_training = place.stopped
        restore_callbacks(found, self.callbacks)
        if place.batch:
            self._kept = Kept(self.model)

    def _run_epoch(self, epoch: int) -> None:
        self.progress.epoch_begin(epoch)
        self._begin_epoch(epoch)
        began, schedule = time.perf_counter(), self.schedule
        logs = self.run.epoch(self.data, schedule.shuffle, (self.seed, epoch), schedule.steps_per_epoch)
        if isinstance(self.data, StreamData) and self.progress.steps is None:
            self.progress.steps = self.run.done
        self.arrays.store(self.run.ts)
        self.arrays.store_totals(self.run.program, self.run.totals)
        if self.validation is not None and schedule.validates(epoch):
            logs = MetricLogs({**logs, **{f"val_{key}": value for key, value in self._validate().items()}})
        self.progress.epoch_end(logs, time.perf_counter() - began)
        self.logs, self.epoch, self._first_step = logs, epoch + 1, self.run.steps
        self.callbacks.on_epoch_end(epoch, logs)
        self.run.refresh()

    def _begin_epoch(self, epoch: int) -> None:
        """Tell the callbacks that an epoch begins.

        Those of an epoch that goes on are told as well, so that they find what they prepare there; what they changed
        is put back: the checkpoint was written after it.
        """
        self.epoch, start = epoch, self.run.start
        self._first_step, self._first_place = self.run.steps - start, self.data.place - start
        kept, self._kept = self._kept, None
        remembering = [*with_state(self.callbacks), *with_state(self.callbacks, writers=True)]
        states = [(c, c.state_dict()) for c in remembering] if kept is not None else []
        stopped = self.model.stop_training
        self.callbacks.on_epoch_begin(epoch, {})
        if kept is not None:
            kept.put_back()
            self.model.stop_training = stopped
            for callback, state in states:
                callback.load_state_dict(state)
        self.run.refresh()

    def _validate(self) -> dict[str, Any]:
        self.callbacks.on_test_begin({})
        program = evaluation_program(self.model, self.run.program, self.validation)
        params, state = self.arrays.trees()
        logs, _, totals = loop.evaluate(
            program, self.run.decision.test_mode, params, state, self.validation, self.run.fixed.key,
            self.schedule.validation_steps, self.callbacks,
        )  # fmt: skip
        self.arrays.store_totals(program, totals)
        self.callbacks.on_test_end(logs)
        return logs

    def _end(self) -> None:
        """Keep the place only: the data must not outlive `fit`."""
        self.callbacks.set_validation_data(None)
        self._last = None if self.run.ts.step.is_deleted() else self._stand()
        self.run.close()
        self.run = self.data = self.validation = self.arrays = None


def _lent(data: Data | None) -> Any:
    """Return validation data as callbacks see them: inputs, targets and weights in a list, or what yields batches."""
    if isinstance(data, ArrayData):
        weights = data.batch.weight if data.batch.weight is not None else np.ones(data.samples, np.float32)
        return jax.tree.leaves([data.batch.x, data.batch.y, weights])
    return data.source if isinstance(data, StreamData) else None
