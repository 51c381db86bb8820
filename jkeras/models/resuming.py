"""Where a call of `fit` stood, and what the next one needs to go on from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from jkeras.core.trees import named_leaves
from jkeras.models.weight_rows import freeze_layers, frozen_layers, weight_rows
from jkeras.training.data import ArrayData, Data

if TYPE_CHECKING:
    from jkeras.models.training import Training


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


def check(found: Continuation, training: Training) -> None:
    """Raise if a call of `fit` cannot go on from there.

    Raises:
        ValueError: If the data, the callbacks or the metrics are others; names what differs.
    """
    differing = [
        f"{name} was {found.data.get(name)!r}, and is {value!r}"
        for name, value in training.facts.items()
        if found.data.get(name) != value
    ]
    if differing:
        raise ValueError(
            f"{found.source!r} is of a run on other data: {'; '.join(differing)}. Give fit what that run was "
            "given, or begin a new run with its weights: model.load_checkpoint(..., resume=False)."
        )
    from jkeras.callbacks.base import overrides

    own, given = with_state(training.callbacks), [name for name, _ in found.callbacks]
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
        rebuilt(training.run.program.fresh_totals(), found.totals, f"{found.source!r}, totals of the metrics")


def restore_callbacks(found: Continuation, callbacks: Any) -> None:
    """Give the callbacks that are heard the states that they had."""
    for callback, (_, state) in zip(with_state(callbacks), found.callbacks, strict=True):
        if callbacks.is_heard(callback):
            callback.load_state_dict(state)
    for writer in with_state(callbacks, writers=True):
        given = [state for name, state in found.writers if name == type(writer).__name__]
        if len(given) == 1 and callbacks.is_heard(writer):
            writer.load_state_dict(given[0])


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


def facts_of(data: Data, shuffle: Any, steps_per_epoch: int | None) -> dict[str, Any]:
    """Return what of the data and the arguments of `fit` decides which batch comes when, as plain data."""
    facts: dict[str, Any] = {
        "steps_per_epoch": None if steps_per_epoch is None else int(steps_per_epoch),
        "shuffle": shuffle if isinstance(shuffle, str) else bool(shuffle),
    }
    is_array = isinstance(data, ArrayData)  # of a stream, whose batches may differ, only the ranks count
    facts |= {"samples": data.samples, "batch_size": data.batch_size} if is_array else {"batches": data.steps}
    for name, part in zip(("x", "y", "sample_weight"), data.sample(), strict=True):
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
