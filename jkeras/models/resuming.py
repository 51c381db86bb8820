"""Where a call of `fit` stands, and how the next one goes on from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jkeras.core import blame
from jkeras.core.trees import named_leaves
from jkeras.models.compiled import Arrays
from jkeras.models.weight_rows import freeze_layers, frozen_layers, weight_rows
from jkeras.training.data import ArrayData, StreamData


class Position(NamedTuple):
    """A place in a run of `fit`, which is a function of the seed, the data, the epoch and the step.

    Attributes:
        seed: What its keys and its shuffles come from.
        epoch: The epoch that runs, or the next one.
        batch: The batches of that epoch that are done.
        step: The updates done in all epochs.
        place: The batches taken from a generator (or anything that only yields) since it was begun.
        validation_place: The same for the validation data.
        stopped: Whether a callback asked for the end.
        logs: What the last epoch gave.
    """

    seed: int
    epoch: int
    batch: int
    step: int
    place: int
    validation_place: int
    stopped: bool
    logs: dict[str, Any]


class Continuation(NamedTuple):
    """What the next call of `fit` goes on from, beside the arrays, which the model has already.

    Attributes:
        position: The place in the run.
        data: Facts of the data, as `facts_of` returns them.
        totals: The leaves of the metrics' totals, if the place is inside of an epoch.
        callbacks: `(class name, state)` of the callbacks that have a state.
        writers: The same of those that run last: they only write down what the others did, and need not be there.
        source: The file, for messages.
    """

    position: Position
    data: dict[str, Any]
    totals: dict[str, Any]
    callbacks: list[tuple[str, dict[str, Any]]]
    writers: list[tuple[str, dict[str, Any]]]
    source: str


class Training:
    """A call of `fit`, as the checkpoints see it that are written in it or after it.

    Args:
        model: The model.
        run: The `Run`.
        arrays: Its `Arrays`.
        callbacks: The `CallbackList`.
        data, validation: What it trains and validates on.
        seed: The seed of the run.
        epoch: The epoch to begin with.
        options: The arguments of `fit` that decide on the order of samples.
    """

    def __init__(
        self, model: Any, run: Any, arrays: Arrays, callbacks: Any, data: Any, validation: Any, seed: int, epoch: int,
        **options: Any,
    ):  # fmt: skip
        self.model, self.callbacks = model, callbacks
        self.run: Any = run
        self.arrays: Any = arrays
        self.data, self.validation = data, validation
        self.facts = facts_of(data, **options)
        self.seed, self.epoch = seed, epoch
        self.logs: dict[str, Any] = {}
        self.is_begun = False  # True once the first epoch begins: from then on its place cannot be changed
        self._first_step = self._first_place = 0  # of this epoch
        self._kept: Kept | None = None  # what an epoch goes on from that was begun before
        self._last: tuple[Position, Any] | None = None

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
        place = self._first_place + batch if batch else _place(self.data)
        validated = _place(self.validation)
        stopped = bool(self.model.stop_training)
        return Position(self.seed, self.epoch, batch, step, place, validated, stopped, self.logs), self.run.totals

    # What fit calls

    def begin(self, epochs: int) -> range:
        """Tell the callbacks that training begins, go on from a checkpoint if there is one, and return the epochs."""
        compiled = self.model._compiled
        loaded = compiled.continuation
        if loaded is not None:
            self.check(loaded)
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

    def begin_epoch(self, epoch: int) -> None:
        """Tell the callbacks that an epoch begins.

        Those of an epoch that goes on are told as well, so that they find what they prepare there; what they changed
        is put back: the checkpoint was written after it.
        """
        self.epoch, start = epoch, self.run.start
        self._first_step, self._first_place = self.run.steps - start, _place(self.data) - start
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

    def end_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        """Tell the callbacks that an epoch is over."""
        self.logs, self.epoch, self._first_step = logs, epoch + 1, self.run.steps
        self.callbacks.on_epoch_end(epoch, logs)
        self.run.refresh()

    def end(self) -> None:
        """Keep the place only: the data must not outlive `fit`."""
        self.callbacks.set_validation_data(None)
        self._last = None if self.run.ts.step.is_deleted() else self._stand()
        self.run = self.data = self.validation = self.arrays = None

    # Going on

    def check(self, found: Continuation) -> None:
        """Raise if this run cannot go on from there.

        Raises:
            ValueError: If the data, the callbacks or the metrics are others; names what differs.
        """
        differing = [
            f"{name} was {found.data.get(name)!r}, and is {value!r}"
            for name, value in self.facts.items()
            if found.data.get(name) != value
        ]
        if differing:
            raise ValueError(
                f"{found.source!r} is of a run on other data: {'; '.join(differing)}. Give fit what that run was "
                "given, or begin a new run with its weights: model.load_checkpoint(..., resume=False)."
            )
        from jkeras.callbacks.base import overrides

        own, given = with_state(self.callbacks), [name for name, _ in found.callbacks]
        if [type(c).__name__ for c in own] != given:
            raise ValueError(
                f"{found.source!r} has the state of these callbacks: {', '.join(given) or 'none'}; fit was given "
                f"{', '.join(type(c).__name__ for c in own) or 'none'}. Give the same ones in the same order."
            )
        for callback, (name, state) in zip(own, found.callbacks, strict=True):
            unknown = sorted(set(state) ^ set(callback.state_dict()))
            if unknown and not overrides(callback, "load_state_dict"):
                raise ValueError(f"{found.source!r}: the state of {name} does not fit it at {', '.join(unknown)}.")
        if found.position.batch:
            rebuilt(self.run.program.fresh_totals(), found.totals, f"{found.source!r}, totals of the metrics")

    def _go_on(self, found: Continuation) -> None:
        self.check(found)
        self.run.refresh()  # other layers may be trained there
        place = found.position
        self.seed, self.epoch, self.logs = place.seed, place.epoch, dict(place.logs)
        totals = None
        if place.batch:
            totals = rebuilt(self.run.program.fresh_totals(), found.totals, found.source)
        self.run.go_on(*self.arrays.begin(place.seed), place.step, place.batch, totals)
        for part, count in ((self.data, place.place), (self.validation, place.validation_place)):
            if isinstance(part, StreamData) and not part.is_dataset:
                part.skip(count)
        self.model.stop_training = place.stopped
        for callback, (_, state) in zip(with_state(self.callbacks), found.callbacks, strict=True):
            if self.callbacks.is_heard(callback):
                callback.load_state_dict(state)
        for writer in with_state(self.callbacks, writers=True):
            given = [state for name, state in found.writers if name == type(writer).__name__]
            if len(given) == 1 and self.callbacks.is_heard(writer):
                writer.load_state_dict(given[0])
        if place.batch:
            self._kept = Kept(self.model)


class Kept:
    """What a model and its optimizer hold now, to be put back after callbacks were told of what happened before."""

    def __init__(self, model: Any):
        self.model, self.frozen = model, frozen_layers(model)
        rows = weight_rows(model)
        self.variables = [w for group in rows for _, w in group] + rate_variables(model._compiled)
        for variable in self.variables:
            variable.lent = True  # so that what is held here is not donated
        self.arrays = [variable.current() for variable in self.variables]
        self.opt_state = jax.tree.map(jax.numpy.array, optimizer_state(model))

    def put_back(self) -> None:
        """Let the model hold it again."""
        freeze_layers(self.model, self.frozen)
        for variable, array in zip(self.variables, self.arrays, strict=True):
            variable.store(array)
            variable.lent = True
        store_optimizer_state(self.model, self.opt_state)


def facts_of(data: ArrayData | StreamData, shuffle: Any, steps_per_epoch: int | None) -> dict[str, Any]:
    """Return what of the data and the arguments of `fit` decides which batch comes when, as plain data."""
    facts: dict[str, Any] = {
        "steps_per_epoch": None if steps_per_epoch is None else int(steps_per_epoch),
        "shuffle": shuffle if isinstance(shuffle, str) else bool(shuffle),
    }
    if isinstance(data, ArrayData):
        facts |= {"samples": data.samples, "batch_size": data.batch_size}
    else:
        facts |= {"batches": data.steps}
    is_array = isinstance(data, ArrayData)
    sample = data.sample() if is_array else data.peek()  # of a stream, whose batches may differ, only the ranks count
    for name, part in zip(("x", "y", "sample_weight"), sample, strict=True):
        leaves = jax.tree_util.tree_flatten_with_path(part)[0]
        facts[name] = [
            f"{jax.tree_util.keystr(path)} {leaf.shape[1:] if is_array else leaf.ndim} {leaf.dtype}".strip()
            for path, leaf in leaves
        ]
    return facts


def with_state(callbacks: Any, writers: bool = False) -> list[Any]:
    """Return the callbacks that have something to remember: those that run last, or all others."""
    from jkeras.callbacks.base import overrides

    return [c for c in callbacks if getattr(c, "runs_last", False) is writers and overrides(c, "state_dict")]


def states_of(callbacks: Any, writers: bool = False) -> list[tuple[str, dict[str, Any]]]:
    """Return `(class name, state)` of the callbacks of `with_state`."""
    return [(type(c).__name__, c.state_dict()) for c in with_state(callbacks, writers)]


def rate_variables(compiled: Any) -> list[Any]:
    """Return the learning rates that are plain numbers, as variables."""
    keeper = compiled.keeper
    find = getattr(keeper, "rate_variables", None) or getattr(keeper, "_rate_variables", list)
    return list(find())


def optimizer_state(model: Any) -> Any:
    """Return the state of the optimizer for the weights that are trained now, begun if there is none."""
    compiled, rows = model._compiled, weight_rows(model).trained
    params = model._tree(trainable=True)
    trained = {key for key, _ in rows}
    return compiled.state_for(rows, {key: value for key, value in params.items() if key in trained})


def store_optimizer_state(model: Any, state: Any) -> None:
    """Let the optimizer, and the run of `fit` if there is one, go on from `state`."""
    compiled, rows = model._compiled, weight_rows(model).trained
    trained = {key for key, _ in rows}
    tree = {key: value for key, value in model._tree(trainable=True).items() if key in trained}
    compiled.opt_state = (state, jax.tree.structure(tree))
    compiled.keeper.hold(rows, state)
    training = compiled.training
    if training is not None and training.is_running:
        training.run.ts = training.run.ts._replace(opt_state=state)


def rebuilt(tree: Any, leaves: dict[str, Any], where: str) -> Any:
    """Return `tree` with the leaves given by their paths.

    Raises:
        ValueError: If a leaf is missing, is not known, or has another shape or dtype.
    """
    expected = named_leaves(tree)
    check_leaves(describe(expected), describe(leaves), where)
    return jax.tree.unflatten(jax.tree.structure(tree), [leaves[name] for name in expected])


def describe(leaves: dict[str, Any]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return shape and dtype of each leaf."""
    return {
        name: (tuple(jax.numpy.shape(leaf)), str(getattr(leaf, "dtype", None) or jax.numpy.result_type(leaf)))
        for name, leaf in leaves.items()
    }


def check_leaves(expected: dict[str, Any], found: dict[str, Any], where: str) -> None:
    """Raise `ValueError` if two descriptions of arrays differ; say at which arrays."""
    wrong = _listing("is missing", [n for n in expected if n not in found])
    wrong += _listing("is not known", [n for n in found if n not in expected])
    for name in expected:
        if name in found and expected[name] != found[name]:
            (shape, dtype), (other, given) = expected[name], found[name]
            wrong.append(f"{name}: expected {dtype} of shape {shape}; found {given} of shape {other}")
    if wrong:
        more = f"; and {len(wrong) - 6} more" if len(wrong) > 6 else ""
        raise ValueError(f"{where}: {'; '.join(wrong[:6])}{more}.")


def _listing(what: str, names: Sequence[str]) -> list[str]:
    return [f"{name} {what}" for name in names]


def _lent(data: ArrayData | StreamData | None) -> Any:
    """Return validation data as callbacks see them: inputs, targets and weights in a list, or what yields batches."""
    if not isinstance(data, ArrayData):
        return None if data is None else data.source
    weights = data.batch.weight if data.batch.weight is not None else np.ones(data.samples, np.float32)
    return jax.tree.leaves([data.batch.x, data.batch.y, weights])


def _place(data: Any) -> int:
    return data.place if isinstance(data, StreamData) else 0
