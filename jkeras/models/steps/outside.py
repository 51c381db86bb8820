"""The steps of `fit` and `evaluate` as pure functions, for whoever writes the loop."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import seeds
from jkeras.core.template import two_level
from jkeras.models.steps.running import current
from jkeras.models.weight_rows import CARRIED, WeightRows, weight_rows
from jkeras.training.data import Batch
from jkeras.training.program import Fixed, Program, TrainState

OUTSIDE = ("train_step", "test_step")


def pure_outside(step: Any) -> Any:
    """Return a step, which `fit` or `evaluate` runs, so that anybody else who calls it gets what they would compute."""
    if not isinstance(step, FunctionType):
        return step

    @functools.wraps(step)
    def either(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 2 and isinstance(args[0], TrainState) and current() is None:
            return _RUNS[step.__name__](self, *args, **kwargs)
        return step(self, *args, **kwargs)

    return either


def run_train_step(model: Any, ts: TrainState, batch: Any, learning_rate: Any = None) -> tuple[TrainState, Any]:
    """Return `(ts, logs)` after the step that `fit` makes of a batch."""
    compiled = model._require_compiled("train_step")
    _check(model, ts)
    if ts.opt_state is None:
        raise ValueError("ts.opt_state is None. Begin with model.train_state, which has a state of the optimizer.")
    if ts.rng is None:
        raise ValueError("ts.rng is None. Give the run a key: ts = ts._replace(rng=jax.random.key(0)).")
    program, batch = _program(model, batch, training=True)
    rows = _rows(model, program)
    trained, frozen, state = (_taken(part, ts) for part in (rows.trained, rows.frozen, rows.state))
    rate = compiled.keeper.rate_for_step if learning_rate is None else learning_rate
    fixed = Fixed(frozen, ts.rng, jax.tree.map(lambda r: r if isinstance(r, jax.Array) else jnp.float32(r), rate))
    given = TrainState(trained, state, ts.opt_state, jnp.asarray(ts.step, jnp.int32))
    after, totals = program.step(given, program.objective.init(), batch, fixed)
    params = _with(ts.params, rows.trained + [row for row in rows.state if row[1].trainable], after)
    new = _with(ts.state, [row for row in rows.state if not row[1].trainable], after)
    new = {key: {**weights, **totals["held"].get(key, {})} for key, weights in new.items()}
    return TrainState(params, new, after.opt_state, after.step, ts.rng), program.objective.report(totals)


def run_test_step(model: Any, ts: TrainState, batch: Any) -> dict[str, Any]:
    """Return the logs of a batch, as `evaluate` computes them."""
    model._require_compiled("test_step")
    _check(model, ts)
    program, batch = _program(model, batch, training=False)
    key = jax.random.key(0) if ts.rng is None else ts.rng
    rows = weight_rows(model)
    state = _taken(rows.state, ts)
    params = _taken([*rows.trained, *rows.frozen], ts)
    _, totals = program.test_step(params, state, program.objective.init(), batch, key)
    return program.objective.report(totals)


_RUNS: dict[str, Callable[..., Any]] = {"train_step": run_train_step, "test_step": run_test_step}


class PureSteps:
    """What a model has for loops that others write."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in OUTSIDE:
            if name in cls.__dict__:
                setattr(cls, name, pure_outside(cls.__dict__[name]))

    @property
    def train_state(self) -> TrainState:
        """All that a training step changes, as `train_step` takes and returns it; can be set.

        `params` and `state` are those that `apply` takes, `opt_state` is the optimizer's for the layers that are
        trained, `step` counts from 0, and `rng` is a fresh key of a run: the one that `fit` would draw now.

        >>> import jax, numpy as np
        >>> import jkeras
        >>> model = jkeras.Sequential([jkeras.layers.Input((3,)), jkeras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> batches = (np.ones((5, 8, 3), "float32"), np.zeros((5, 8, 1), "float32"))  # five of eight samples
        >>> ts, logs = jax.lax.scan(model.train_step, model.train_state, batches)
        >>> int(ts.step), logs["loss"].shape
        (5, (5,))
        >>> model.train_state = ts
        """
        model: Any = self
        compiled = model._require_compiled("train_state")
        if not model._is_declared():
            raise ValueError(f"Model {model.name!r} has no weights yet. Make them: model.build((None, 28, 28)).")
        params, state = model.params, model.state
        rows = weight_rows(model).trained
        opt_state = compiled.state_for(rows, two_level((key, w.name, params[key][w.name]) for key, w in rows))
        # A copy: `fit` uses the memory of its own.
        opt_state = jax.tree.map(jnp.array, opt_state)
        return TrainState(params, state, opt_state, jnp.int32(0), seeds.next_key())

    @train_state.setter
    def train_state(self, ts: TrainState) -> None:
        model: Any = self
        compiled = model._require_compiled("train_state")
        _check(model, ts)
        rows = weight_rows(model).trained
        params = two_level((key, w.name, ts.params[key][w.name]) for key, w in rows)
        own, given = (jax.tree.structure(s) for s in (compiled.state_for(rows, params), ts.opt_state))
        if own != given:
            raise ValueError(
                f"ts.opt_state is not a state of the optimizer of compile, for the layers that are trained: expected "
                f"{own}; got {given}."
            )
        model.params, model.state = ts.params, ts.state
        opt_state = jax.tree.map(jnp.array, ts.opt_state)
        compiled.opt_state = (opt_state, jax.tree.structure(params))
        compiled.keeper.hold(rows, opt_state)


def _program(model: Any, batch: Any, training: bool) -> tuple[Program, Batch]:
    """Return the program for a batch, which is a `Batch` or `(x, y)` or `(x, y, sample_weight)`, and the batch."""
    if not isinstance(batch, Batch):
        if not isinstance(batch, (tuple, list)) or not 1 <= len(batch) <= 3:
            parts = f" of {len(batch)}" if isinstance(batch, (tuple, list)) else ""
            raise TypeError(
                f"A step takes a Batch, (x, y) or (x, y, sample_weight); got a {type(batch).__name__}{parts}."
            )
        batch = Batch(*batch)
    batch = jax.tree.map(jnp.asarray, batch)
    sample = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), batch)
    with jax.ensure_compile_time_eval():  # a step is traced by now, and what the optimizer begins with is concrete
        return model._compiled.program(model, sample, training), batch


def _rows(model: Any, program: Any) -> WeightRows:
    return getattr(program, "rows", None) or weight_rows(model)


def _taken(rows: list[Any], ts: TrainState) -> dict[str, dict[str, Any]]:
    """Return the tree of the arrays that `ts` has for `rows`."""

    def of(key: str, w: Any) -> Any:
        return (ts.params if w.trainable else ts.state)[key.removeprefix(CARRIED)][w.name]

    return two_level((key, w.name, of(key, w)) for key, w in rows)


def _with(tree: Mapping[str, Any], rows: list[Any], after: TrainState) -> dict[str, dict[str, Any]]:
    """Return `tree` with the arrays that a step made for `rows`."""
    new = {key: dict(weights) for key, weights in tree.items()}
    for key, w in rows:
        found = after.state if key.startswith(CARRIED) or not w.trainable else after.params
        new[key.removeprefix(CARRIED)][w.name] = found[key][w.name]
    return new


def _check(model: Any, ts: TrainState) -> None:
    """Raise `ValueError` if the trees of `ts` are not those of the model."""
    rows = weight_rows(model)
    if not isinstance(ts, TrainState):
        raise TypeError(f"Expected a TrainState, as model.train_state returns; got a {type(ts).__name__}.")
    for what, tree, wanted in (
        ("params", ts.params, [*rows.trained, *rows.frozen]),
        ("state", ts.state, [*rows.state, *rows.held]),
    ):
        known = {f"{key}/{w.name}" for key, w in wanted}
        given = {f"{key}/{name}" for key, weights in tree.items() for name in weights}
        if known != given:
            missing, extra = (", ".join(sorted(names)) or "nothing" for names in (known - given, given - known))
            raise ValueError(f"ts.{what} does not fit {model.name!r}: missing {missing}; not known {extra}.")
