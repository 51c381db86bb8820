"""The loop of training and evaluation: it sends steps to the device and never reads a value of the block in flight."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from jkeras.core.placement import DEFAULT, Placement
from jkeras.training.chunks import batch_bytes, chunks
from jkeras.training.data import ArrayData, Batch, Data, epoch_order, on_host, with_room
from jkeras.training.interrupts import Interrupts
from jkeras.training.pacer import SHOWN_EVERY, Pacer
from jkeras.training.profile import StepTrace
from jkeras.training.program import Decision, Fixed, Program, TrainState
from jkeras.training.record import Compilation, Record
from jkeras.training.stream import Ahead

SILENT_BLOCK = 0.5  # seconds of work sent at once when nothing is shown: still short enough to interrupt
TOGETHER = 64  # steps in a block of several processes: their clocks differ, and all must send the same
IN_FLIGHT_BYTES = 2**27  # of batches in a block of a stream; two blocks at most are on their way


class ModelArrays(Protocol):
    """Where the model keeps its arrays between blocks; callbacks read and change them there."""

    def store(self, ts: TrainState) -> None: ...
    def refresh(self, ts: TrainState, fixed: Fixed) -> tuple[TrainState, Fixed]: ...
    def are_others(self) -> bool: ...
    def begin_again(self, sample: Batch, ts: TrainState, fixed: Fixed) -> tuple[Program, TrainState, Fixed]: ...


class Segment(NamedTuple):
    """Batches of one size among resident data: full ones, or the rest at the end."""

    size: int
    steps: int
    order: Any


class Run:
    """One call of `fit`: the train state, and the way its steps are run.

    Args:
        program: The compiled steps.
        decide: Says how to run them: `decide(program, ts, fixed)`.
        ts, fixed: What the steps change, and what they only read.
        arrays: Keeps the model current for callbacks.
        callbacks: A `CallbackList`.
        progress: Shows how far it is.
        steps_per_execution: Steps in a block, if the user prescribed it.
        should_stop: Whether somebody asked for the end.
        record: Where the facts of the run are written down.
        profile: A folder for a trace of some steps.
    """

    def __init__(
        self,
        program: Program,
        decide: Callable[[Program, TrainState, Fixed], Decision],
        ts: TrainState,
        fixed: Fixed,
        arrays: ModelArrays,
        callbacks: Any,
        progress: Any,
        steps_per_execution: int | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        *,
        record: Record,
        profile: Any = None,
    ):
        self.record, self.trace = record, StepTrace(profile) if profile is not None else None
        self.program, self.decide, self.ts, self.fixed = program, decide, ts, fixed
        self.decision = record.decision
        self.arrays, self.callbacks, self.progress = arrays, callbacks, progress
        self.interrupts = Interrupts()
        self.should_stop = should_stop
        prescribed = steps_per_execution if steps_per_execution and steps_per_execution > 1 else None
        self.hooked = callbacks.has_batch_hooks
        # Steps between two calls of batch hooks; a prescribed block is always followed by one.
        self.interval = 1 if prescribed else callbacks.batch_interval
        every_block = self.hooked and self.interval == 1
        self.pacer = Pacer(
            SHOWN_EVERY if progress.is_live else SILENT_BLOCK,
            prescribed or (1 if every_block else TOGETHER if program.placement.is_shared else None),
        )
        self.compile_seconds = 0.0
        self.totals: Any = None
        self.recent: deque[Batch] | None = None  # the last batches of a stream, if a callback wants them kept
        self.steps = 0  # of all epochs
        self.done = 0  # steps of this epoch, and the samples in them
        self.samples = 0
        self.start = 0  # the step with which the next epoch goes on, if it was begun before

    def epoch(self, data: Data, shuffle: Any, seed: tuple[int, int], steps: int | None) -> dict[str, Any]:
        """Train one epoch and return its logs as Python numbers."""
        start, self.start = self.start, 0
        self.done, self.samples = start, start * (data.batch_size or 0)
        self.compile_seconds = 0.0
        self.progress.skip(start)
        began = time.perf_counter()
        if not start:
            self.totals = self.program.fresh_totals()
        if self.decision.mode == "stream":
            logs = self._stream(_batches(data, shuffle, seed, steps, self.placement, self.record, start))
        elif self.decision.mode == "chunks":
            logs = self._chunks(data, shuffle, seed, steps)
        else:
            assert isinstance(data, ArrayData)
            logs = None
            order = epoch_order(data, shuffle, seed, steps)
            for segment in segments(data, order, steps, self.placement):
                if start < segment.steps and not self._is_stopped():
                    logs = self._segment(data.resident(self.placement), segment, start)
                start = max(start - segment.steps, 0)
        self._drain()
        values = self.program.read(self.program.report(self.totals) if logs is None else logs)
        self.record.epochs += 1
        self.record.seconds += time.perf_counter() - began - self.compile_seconds
        self.progress.update(self.done, values, self.samples)
        return values

    def go_on(self, ts: TrainState, fixed: Fixed, steps: int, start: int, totals: Any) -> None:
        """Let the next epoch begin with the step `start` of it, with the totals of the steps before.

        Args:
            ts, fixed: What that step starts from.
            steps: The steps done before, of all epochs.
            start, totals: Of the epoch; 0 and None at its beginning.
        """
        self.ts, self.fixed, self.totals = ts._replace(step=self._put(np.int32(steps))), fixed, self._put(totals)
        self.steps, self.start, self.done = steps, start, start

    def refresh(self) -> None:
        """Take over what somebody changed on the model, which holds the arrays of the last step."""
        if self.arrays.are_others():
            self.program, self.ts, self.fixed = self.arrays.begin_again(self.record.sample, self.ts, self.fixed)
            self.decision = self.decide(self.program, self.ts, self.fixed)
        else:
            self.ts, self.fixed = self.arrays.refresh(self.ts, self.fixed)

    def close(self) -> None:
        """End what outlasts a block: a trace, and the handling of Ctrl-C."""
        self.interrupts.remove()
        if self.trace is not None:
            self.trace.close()

    def _segment(self, data: Batch, segment: Segment, position: int = 0) -> Any:
        logs = None
        # A loop of one step would take longer to compile than the step.
        device_position = None
        while position < segment.steps:
            count = self._before_block(segment.steps - position)
            began = time.perf_counter()
            if self.decision.mode == "steps" or segment.steps == 1:
                if device_position is None:
                    device_position = self._put(np.int32(position))
                step, size = self.program.step_at, segment.size
                for _ in range(count):
                    rest, began = self._send(began, step, device_position, data, segment.order, self.fixed, size=size)
                    device_position = rest[0]
                logs = self.program.report(self.totals)
            else:
                bounds = self._put(np.array([position, position + count], np.int32))
                block, size = self.program.block, segment.size
                (logs,), began = self._send(began, block, bounds, data, segment.order, self.fixed, size=size)
            position += count
            self._after_block(count, count * segment.size, logs, began)
            if self._is_stopped():
                break
        return logs

    def _is_stopped(self) -> bool:
        """Whether somebody asked for the end in the middle of an epoch; the first step of an epoch is always done."""
        return self.done > 0 and self.should_stop()

    def _chunks(self, data: Any, shuffle: Any, seed: tuple[int, int], steps: int | None) -> Any:
        order = epoch_order(data, shuffle, seed, steps)
        put = lambda chunk: (_put(chunk[0], self.placement), *chunk[1:])  # noqa: E731
        logs, ahead = None, Ahead(chunks(data, order, steps, self.done), put, at_once=True)
        for batch, size, count, start in self.record.timed("data", ahead):
            if self._is_stopped():
                break
            logs = self._segment(batch, Segment(size, count, None), start)
            self.record.threads += ahead.is_threaded
        return logs

    def _stream(self, batches: Iterator[Batch]) -> Any:
        logs, since, rows, began = None, 0, 0, time.perf_counter()
        batches = self.record.timed("data", batches)
        ahead = None if self._is_stopped() else next(batches, None)
        while ahead is not None:
            if since == 0:
                count = self._before_block(max(1, IN_FLIGHT_BYTES // batch_bytes(ahead)))
                began = time.perf_counter()
            if self.recent is not None:
                self.recent.append(ahead)
            _, began = self._send(began, self.program.step_on, ahead, self.fixed)
            rows += jax.tree.leaves(ahead.x)[0].shape[0]
            ahead = next(batches, None)  # while the device works on the step
            since += 1
            if since >= count or ahead is None:
                logs = self.program.report(self.totals)
                self._after_block(since, rows, logs, began)
                since = rows = 0
                if self._is_stopped():
                    break
        if logs is None and not self.done:
            raise ValueError("x is empty: it gave no batch in this epoch. A generator must go on, or be made anew.")
        return logs

    @property
    def placement(self) -> Placement:
        """Where the arrays live."""
        return self.program.placement

    def _put(self, tree: Any) -> Any:
        return self.placement.put_whole(tree)

    def _send(self, began: float, function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, float]:
        """Send steps to the device and keep what they make of the train state and the totals.

        Returns their other results, and `began`, moved to now if they had to be compiled first.
        """
        compiled = getattr(function, "_cache_size", lambda: 0)
        before, sent = compiled(), time.perf_counter()
        with self.interrupts:
            self.ts, self.totals, *rest = function(self.ts, self.totals, *args, **kwargs)
        now = time.perf_counter()
        if compiled() == before:
            self.record.spent["device"] += now - sent
            return rest, began
        self.compile_seconds += now - sent
        self.record.spent["compile"] += now - sent
        self.record.compiled.append(Compilation(_described(function, kwargs, args[0]), now - sent))
        return rest, now

    def _before_block(self, remaining: int) -> int:
        """Return how many of the `remaining` steps to send at once; the model is as callbacks left it."""
        count = 1 if self.should_stop() else self.pacer.size(remaining)
        if self.hooked and self.interval > 1:
            count = min(count, self.interval - self.steps % self.interval)
        if self._calls_hooks():
            began = time.perf_counter()
            self.callbacks.on_train_batch_begin(self.done, {})
            self.record.spent["callbacks"] += time.perf_counter() - began
            self.refresh()
        if self.trace is not None:
            self.trace.before()
            count = self.trace.limit(count)
        return count

    def _drain(self) -> None:
        """Wait for the last block."""
        began = time.perf_counter()
        self.pacer.drain()
        self.record.spent["device"] += time.perf_counter() - began

    def _calls_hooks(self) -> bool:
        """Whether batch hooks are due between the steps done and those to come."""
        return self.hooked and self.steps % self.interval == 0

    def _after_block(self, count: int, rows: int, logs: Any, began: float) -> None:
        self.record.block(count, rows)
        if self.trace is not None:
            self.trace.after(count, logs)
        self.steps += count
        self.done += count
        self.samples += rows
        if self._calls_hooks():
            self._drain()
            values = self.program.read(logs)
            self.arrays.store(self.ts)
            told = time.perf_counter()
            self.callbacks.on_train_batch_end(self.done - 1, values)
            self.record.spent["callbacks"] += time.perf_counter() - told
            self.refresh()
            self.progress.update(self.done, values, self.samples)
            return
        waiting = time.perf_counter()
        previous = self.pacer.sent(count, logs, began)
        self.record.spent["device"] += time.perf_counter() - waiting
        if previous is not None and self.progress.is_due():
            self.progress.update(self.done - count, self.program.read(previous), self.samples - rows)


def evaluate(
    program: Program,
    mode: str,
    params: Any,
    state: Any,
    data: Data,
    key: Any,
    steps: int | None = None,
    callbacks: Any = None,
    progress: Any = None,
) -> tuple[dict[str, Any], Any, Any]:
    """Return the logs of an evaluation, and the state and the totals after it."""
    hooks = callbacks if callbacks is not None and callbacks.has_test_batch_hooks else None
    carry, placement = (state, program.fresh_totals()), program.placement
    if isinstance(data, ArrayData) and data.fits() and mode == "blocks" and hooks is None:
        for segment in segments(data, None, steps, placement):
            resident, order, size = data.resident(placement), segment.order, segment.size
            if segment.steps == 1:
                carry = program.test_at(params, carry, resident, order, key, size=size)
                continue
            bounds = placement.put_whole(np.array([0, segment.steps], np.int32))
            carry = program.test_block(params, carry, bounds, resident, order, key, size=size)
        state, totals = carry
        return program.read(program.report(totals)), state, totals
    state, totals = carry
    logs, pacer = None, Pacer(SHOWN_EVERY)  # which only waits here: each step is sent by itself
    for number, batch in enumerate(_batches(data, False, (0, 0), steps, placement)):
        if hooks is not None:
            hooks.on_test_batch_begin(number, {})
        began = time.perf_counter()
        state, totals = program.test_on(params, state, totals, batch, key)
        logs = program.report(totals)
        if hooks is not None:
            hooks.on_test_batch_end(number, program.read(logs))
        else:
            pacer.sent(1, logs, began)
        if progress is not None and progress.is_due():
            progress.update(number + 1, program.read(logs))
    if logs is None:
        raise ValueError("There is nothing to evaluate: the data gave no batch.")
    return program.read(logs), state, totals


def segments(
    data: ArrayData, order: np.ndarray | None, steps: int | None, placement: Placement = DEFAULT
) -> Iterator[Segment]:
    """Cut resident data into full batches and the rest, which keeps its own size: batch statistics stay exact."""
    size = data.batch_size
    samples = data.samples if order is None else len(order)
    if order is None and steps is not None:
        samples = min(samples, steps * size)
    full, rest = divmod(samples, size)
    if full:
        yield Segment(size, full, None if order is None else placement.put_whole(with_room(order[: full * size])))
    if rest:
        last = np.arange(samples - rest, samples, dtype=np.int32) if order is None else order[full * size :]
        yield Segment(rest, 1, placement.put_whole(last))


def _batches(
    data: Data,
    shuffle: Any,
    seed: tuple[int, int],
    steps: int | None,
    placement: Placement,
    record: Record | None = None,
    start: int = 0,
) -> Iterator[Batch]:
    data.epoch_begin()
    made = data.epoch(shuffle, seed, steps, start)
    put = lambda batch: _put(batch, placement)  # noqa: E731
    # Parts of several processes may be joined by a program of all of them: not by a thread, between any two steps.
    ahead = Ahead(made) if placement.takes_parts else Ahead(made, put)
    try:
        yield from map(put, ahead) if placement.takes_parts else ahead
    finally:
        if record is not None:
            record.threads += ahead.is_threaded
    data.epoch_end()


def _described(function: Any, options: dict[str, Any], batch: Any) -> str:
    """Return what a compiled function is for, in words."""
    size = options.get("size") or jax.tree.leaves(batch)[0].shape[0]
    return f"{'a loop of steps' if function.__name__ == '_block' else 'a step'} on {size} sample{'s' * (size != 1)}"


def _put(batch: Batch, placement: Placement) -> Batch:
    return placement.put(jax.tree.map(on_host, batch))
