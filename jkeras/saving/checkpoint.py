"""Training checkpoints: all that a run of `fit` needs to go on as if it had never been interrupted."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.template import two_level
from jkeras.core.trees import named_leaves
from jkeras.models.resuming import (
    Continuation,
    Position,
    check,
    check_leaves,
    describe,
    optimizer_state,
    rate_variables,
    states_of,
    store_optimizer_state,
)
from jkeras.models.weight_rows import freeze_layers, frozen_layers, weight_rows
from jkeras.saving.checkpoint_file import DamagedError, open_file, write_file
from jkeras.saving.plain_data import decode, encode

FORMATS = ("hdf5", "orbax")
WEIGHTS = ("params", "state")  # the groups of a checkpoint of the weights only


class Snapshot(NamedTuple):
    """The state of a training: arrays by group and name, and a document of plain data."""

    arrays: dict[str, dict[str, Any]]
    document: dict[str, Any]

    def on_host(self) -> Snapshot:
        """Return it with copies of the arrays, which no step of training can change or delete."""
        return self._replace(
            arrays={
                group: {name: _host_copy(array, f"{group}/{name}") for name, array in members.items()}
                for group, members in self.arrays.items()
            }
        )


def save_checkpoint(model: Any, filepath: Any, overwrite: bool = True, format: str | None = None) -> None:
    """Write a training checkpoint, from which `fit` goes on exactly as it would have gone on.

    It holds the weights and the state of the layers, the state of the optimizer and its learning rates, the seed,
    epoch, batch and step of the run, the totals of the metrics, and the state and history of the callbacks. It may be
    written in a callback, in the middle of an epoch too; or after `fit`.

    Args:
        model: A compiled model whose weights exist.
        filepath: Name of the file (of the folder for "orbax"); folders are made when they are missing.
        overwrite: Whether to replace an existing checkpoint.
        format: "hdf5", one file, written atomically; or "orbax", a folder of shards that several hosts write together
            (`pip install orbax-checkpoint`). "hdf5" if left out.

    Raises:
        RuntimeError: If the model is not compiled.
        ValueError: If the model is not built, or the format is unknown.
        FileExistsError: If there is a checkpoint and `overwrite` is false.

    >>> import tempfile, os, numpy as np
    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> def make():
    ...     model = Sequential([Dense(1, input_shape=(3,))])
    ...     model.compile("adam", "mse")
    ...     return model
    >>> x, path = np.ones((8, 3)), os.path.join(tempfile.mkdtemp(), "run.h5")
    >>> first = make()
    >>> _ = first.fit(x, x[:, :1], epochs=2, verbose=0)
    >>> save_checkpoint(first, path)
    >>> second = make()
    >>> load_checkpoint(second, path).epoch
    2
    >>> second.fit(x, x[:, :1], epochs=5, verbose=0).epoch
    [0, 1, 2, 3, 4]
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"format must be 'hdf5' or 'orbax'; got {format!r}.")
    if format == "orbax":
        from jkeras.saving.sharded_checkpoint import write_folder

        write_folder(filepath, snapshot(model), overwrite)
    else:
        write_file(filepath, *snapshot(model).on_host(), overwrite=overwrite)


def load_checkpoint(model: Any, filepath: Any, resume: bool = True) -> Position | None:
    """Let a model, and the next call of its `fit`, go on from a checkpoint.

    The model, its optimizer, the data and the callbacks must be those of the run that wrote it, made by the same code.
    `fit` then begins with the epoch, and the batch in it, at which the checkpoint was written; `epochs` counts from the
    beginning of the run. A generator is read again from its beginning, and the batches that were used are dropped; a
    `PyDataset` jumps to the place. What a callback of one's own remembers goes on if it has `state_dict` and
    `load_state_dict`. Everything is checked first: if something does not fit, nothing changes.

    Args:
        model: A compiled model.
        filepath: The file, or the folder that `format="orbax"` wrote.
        resume: Whether the next `fit` goes on with the run; False: only the arrays are taken over, and `fit` begins
            anew.

    Returns:
        The place of the run; None if there was none, or `resume` is false.

    Raises:
        ValueError: If the file is damaged or does not fit; names what differs.
        FileNotFoundError: If there is no such file.
        RuntimeError: If the model is not compiled, or is being trained and `resume` is true.
    """
    name = os.fspath(filepath)
    compiled = _require_ready(model, "load_checkpoint")
    training = compiled.training
    running = training if training is not None and training.is_running else None
    if resume and running is not None and running.is_begun:
        raise RuntimeError(
            "load_checkpoint was called while fit runs, which cannot jump to another place. "
            "load_checkpoint(..., resume=False) takes over the weights and the state of the optimizer."
        )
    frozen = frozen_layers(model)
    try:
        arrays, continuation = _read(model, name, resume)
        if running is not None and continuation is not None:
            check(continuation, running)
    except BaseException:
        freeze_layers(model, frozen)
        raise
    compiled.continuation = None
    _store(model, arrays)
    if continuation is None:
        return None
    compiled.continuation = continuation
    return continuation.position


def snapshot(model: Any, weights_only: bool = False) -> Snapshot:
    """Return the state of a model and its training as it is now; its arrays are those on the device."""
    compiled = _require_ready(model, "save_checkpoint")
    arrays = _trees(model)
    if weights_only:
        return Snapshot({group: arrays[group] for group in WEIGHTS}, {"weights_only": True, "run": None})
    training = compiled.training
    run = None
    if training is not None:
        arrays["totals"] = named_leaves(training.totals())
        kept: dict[str, np.ndarray] = {}
        states, writers = (
            [
                [name, encode(state, kept, f"The state of the callback {name}")]
                for name, state in states_of(training.callbacks, chosen)
            ]
            for chosen in (False, True)
        )
        logs = encode(dict(training.position().logs), kept, "The logs of the epoch")
        arrays["callbacks"] = dict(kept)
        place = {**training.position()._asdict(), "logs": logs}
        run = {"position": place, "data": training.facts, "callbacks": states, "writers": writers}
    document = {"optimizer": type(compiled.optimizer).__name__, "frozen": frozen_layers(model), "run": run}
    return Snapshot(arrays, document)


def _trees(model: Any) -> dict[str, dict[str, Any]]:
    """Return the arrays that every checkpoint of the model has."""
    model._drawn_weights()
    rows = weight_rows(model)
    return {
        "params": named_leaves(two_level((key, w.name, w.current()) for key, w in (*rows.trained, *rows.frozen))),
        "state": named_leaves(two_level((key, w.name, w.current()) for key, w in rows.state)),
        "optimizer": named_leaves(optimizer_state(model)),
        "rates": {str(i): w.current() for i, w in enumerate(rate_variables(model._compiled))},
    }


def _read(model: Any, name: str, resume: bool) -> tuple[dict[str, dict[str, Any]], Continuation | None]:
    """Return the arrays for the model, and what the next `fit` goes on from; its layers are frozen as they were."""
    with _opened(name) as stored:
        document, run = stored.document, stored.document.get("run") if resume else None
        if run is not None:
            freeze_layers(model, _frozen(document, name))
        expected = _trees(model)
        if document.get("weights_only") is True:
            expected = {group: expected[group] for group in WEIGHTS}
            document = {**document, "optimizer": type(model._compiled.optimizer).__name__}
        own, given = type(model._compiled.optimizer).__name__, document.get("optimizer")
        if own != given:
            raise ValueError(
                f"{name!r} was written with the optimizer {given}; the model is compiled with {own}. Compile it as the "
                "run that wrote the checkpoint was compiled; or take the weights only, from a file of save_weights."
            )
        titles = {"params": "weights", "state": "state of the layers", "optimizer": f"state of {own}"}
        for group, leaves in expected.items():
            found = _descriptions(document, group, name)
            check_leaves(describe(_plain(leaves)), found, f"{name!r}, {titles.get(group, 'learning rates')}")
        arrays = stored.read(expected if run is None else {**expected, "totals": {}, "callbacks": {}})
        if run is None:
            return arrays, None
        return arrays, _continuation(run, arrays.pop("totals"), arrays.pop("callbacks"), name)


def _opened(name: str) -> AbstractContextManager[Any]:
    if Path(name).is_dir():
        from jkeras.saving.sharded_checkpoint import open_folder

        return open_folder(name)
    return open_file(name)


def _frozen(document: dict[str, Any], name: str) -> list[str]:
    frozen = document.get("frozen", [])
    if not isinstance(frozen, list) or not all(isinstance(path, str) for path in frozen):
        raise DamagedError(f"{name!r} is damaged where it lists the frozen layers.")
    return frozen


def _descriptions(document: dict[str, Any], group: str, name: str) -> dict[str, Any]:
    try:
        rows = document["arrays"][group]
        return {leaf: (tuple(row["shape"]), row["dtype"]) for leaf, row in rows.items()}
    except (KeyError, TypeError, AttributeError):
        raise DamagedError(f"{name!r} is damaged: its document does not describe its {group}.") from None


def _continuation(run: Any, totals: dict[str, Any], kept: dict[str, Any], name: str) -> Continuation:
    try:
        place = run["position"]
        position = Position(**{**place, "logs": decode(place["logs"], kept)})
        states, writers = (
            [(str(owner), decode(state, kept)) for owner, state in run[group]] for group in ("callbacks", "writers")
        )
        facts = dict(run["data"])
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{name!r} is damaged where it describes the run: {error}.") from None
    counts = (position.seed, position.epoch, position.batch, position.step, position.place, position.validation_place)
    if any(type(count) is not int or count < 0 for count in counts) or not all(
        isinstance(state, dict) for _, state in states + writers
    ):
        raise DamagedError(f"{name!r} is damaged where it describes the run.")
    restored = {key: jnp.array(value) for key, value in totals.items()}
    return Continuation(position, facts, restored, states, writers, name)


def _store(model: Any, arrays: dict[str, dict[str, Any]]) -> None:
    rows = weight_rows(model)
    groups = (("params", (*rows.trained, *rows.frozen)), ("state", rows.state))
    for group, members in groups:
        tree = two_level((key, w.name, w) for key, w in members)
        for name, weight in named_leaves_of_weights(tree).items():
            weight.store(_like(weight.current(), arrays[group][name]))
    if "optimizer" not in arrays:
        return
    state = optimizer_state(model)
    leaves = [_like(leaf, arrays["optimizer"][name]) for name, leaf in named_leaves(state).items()]
    store_optimizer_state(model, jax.tree.unflatten(jax.tree.structure(state), leaves))
    for i, variable in enumerate(rate_variables(model._compiled)):
        variable.store(_like(variable.current(), arrays["rates"][str(i)]))


def named_leaves_of_weights(tree: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the weights of a tree by the names that `named_leaves` gives their arrays."""
    numbered = iter(range(sum(map(len, tree.values()))))
    numbers = {key: {name: next(numbered) for name in members} for key, members in tree.items()}
    flat = [weight for members in tree.values() for weight in members.values()]
    return {name: flat[number] for name, number in named_leaves(numbers).items()}


def _like(current: Any, value: Any) -> Any:
    """Return `value` as a new array that lies where `current` does."""
    if isinstance(value, jax.Array):
        return value
    if jnp.issubdtype(current.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.array(value), impl=jax.random.key_impl(current))
    sharding = getattr(current, "sharding", None)
    if sharding is not None and len(sharding.device_set) > 1:
        return jax.device_put(value, sharding)
    return jnp.array(value)


def _plain(leaves: dict[str, Any]) -> dict[str, Any]:
    """Return the leaves as files hold them: random keys as their numbers."""
    return {name: key_data(leaf) for name, leaf in leaves.items()}


def key_data(array: Any) -> Any:
    """Return random keys as their numbers, and any other array as it is."""
    is_key = hasattr(array, "dtype") and jnp.issubdtype(array.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(array) if is_key else array


def _host_copy(array: Any, name: str) -> np.ndarray:
    if isinstance(array, jax.Array) and not (array.is_fully_addressable or array.is_fully_replicated):
        raise ValueError(
            f"{name} is spread over the devices of several processes, none of which can write it to one file. "
            "Write a sharded checkpoint: save_checkpoint(path, format='orbax')."
        )
    return np.array(jax.device_get(key_data(array)))


def _require_ready(model: Any, method: str) -> Any:
    if model._compiled is None:
        raise RuntimeError(
            f"Call compile before {method}: a checkpoint holds the state of the optimizer. For the weights alone there "
            "are save_weights and load_weights."
        )
    if not model._is_declared():
        raise ValueError(
            f"{method}: the model {model.name!r} is not built, so it has no weights yet. "
            "Give it an Input, call it on data, or call model.build(input_shape)."
        )
    return model._compiled
