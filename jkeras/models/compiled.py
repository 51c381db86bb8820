"""What `compile` sets, and the arrays of a model as training sees them."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Hashable
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import frame
from jkeras.core.by_name import read, written
from jkeras.core.facade import metrics_of, regularization_losses
from jkeras.core.layer import Layer
from jkeras.core.recompute import Recompute
from jkeras.core.structure import structure_of
from jkeras.core.template import kept, two_level, weights_of
from jkeras.core.trees import named_leaves
from jkeras.losses import get as get_loss
from jkeras.metrics import Mean
from jkeras.metrics import get as get_metric
from jkeras.models.steps.custom import custom_program, custom_step
from jkeras.models.weight_rows import composition, weight_rows
from jkeras.optimizers import LossScaleOptimizer
from jkeras.optimizers import get as get_optimizer
from jkeras.training.data import Batch
from jkeras.training.objective import Objective
from jkeras.training.program import Fixed, Program, Pure, TrainState

# What a copy begins without.
_NOT_COPIED: dict[str, Any] = dict.fromkeys(("programs", "last", "running", "decision", "record", "training",
                                             "continuation"))  # fmt: skip


class Compiled:
    """Optimizer, losses and metrics of a model, its optimizer state, and the programs compiled for it."""

    def __init__(self, optimizer: Any, loss: Any, loss_weights: Any, metrics: Any, weighted_metrics: Any, eager: bool,
                 steps_per_execution: int | None, scales_loss: bool = False, remat: Any = None):  # fmt: skip
        self.optimizer: Any = get_optimizer(optimizer)
        for method in ("apply", "apply_gradients"):
            own = getattr(type(self.optimizer), method, None)
            if own is not None and own.__qualname__ != f"Facade.{method}":
                raise TypeError(
                    f"{type(self.optimizer).__name__}.{method}: fit calls update(grads, state, params, learning_rate) "
                    "of an optimizer. Write what it does there, and call super().update(...)."
                )
        if scales_loss and self.optimizer is not None and not isinstance(self.optimizer, LossScaleOptimizer):
            self.optimizer = LossScaleOptimizer(self.optimizer)
        self.loss = check_names(loss, get_loss)
        self.loss_weights = loss_weights
        self.metrics = check_names(metrics, get_metric)
        self.weighted_metrics = check_names(weighted_metrics, get_metric)
        self.remat = None if remat is None or remat is False else Recompute(remat)
        self.eager = eager
        self.steps_per_execution = steps_per_execution
        self.keeper: Any = self.optimizer  # who makes and keeps the optimizer's state
        self.loss_tracker = Mean(name="loss")  # what Keras lists among the metrics of a model
        self.trackers: dict[str, Mean] = {}
        self.opt_state: Any = None
        self.programs: dict[Any, Program] = {}
        self.last: Program | None = None
        self.running: tuple[Program, Any] | None = None  # the totals that the metrics show now
        self.decision: Any = None
        self.record: Any = None  # the facts of the last call of fit
        self.training: Any = None  # where it stands, or stood at its end
        self.continuation: Any = None  # what the next one goes on from

    def __getstate__(self) -> dict[str, Any]:
        # Programs belong to this model, and what is known of its last run to this process.
        held = self.optimizer.held() if self.optimizer is not None else None
        return {**written(self.__dict__, without=_NOT_COPIED), "held": held}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(read(state) | _NOT_COPIED | {"programs": {}})
        held = self.__dict__.pop("held")
        if held is not None:
            self.optimizer.take_over(held)

    def tracker(self, key: str) -> Mean:
        """Return the metric that shows the loss of one output in a step in Keras's style."""
        return self.trackers.setdefault(key, Mean(name=key))

    def program(self, model: Any, sample: Batch, training: bool = True) -> Program:
        """Return the program for a batch like `sample`; made once for each choice of trained layers.

        Args:
            model: The model.
            sample: A batch, or abstract arrays.
            training: Whether it is for training; a model with steps of its own has another program for evaluation.
        """
        own = custom_step(model, training)
        outputs, names = ((), []) if own == "apart" else output_specs(model, sample)
        shapes = tuple((name, leaf.shape[1:]) for name, leaf in zip(names, jax.tree.leaves(outputs), strict=True))
        key = (composition(model), shapes, model._placement.identity)
        if own:
            key = (*key, training, jax.tree.structure(sample))
        found = self.programs.get(key)
        if found is None:
            given = (self.loss, self.loss_weights, self.metrics, self.weighted_metrics)
            specs = (None,) * 4 if own == "apart" else given
            objective = Objective(outputs, names, *specs, held=metrics_of(model))
            if self.remat is not None:
                self.remat.check(model)
            if own:
                found = custom_program(self, model, objective, sample, training)
            else:
                found = Program(
                    pure_functions(model, self.remat), objective, self.optimizer, self.eager, model._placement
                )
            self.programs[key] = found
        self.last = found
        return found

    def state_for(self, rows: list[Any], params: Any) -> Any:
        """Return the optimizer state for `params`; of weights that were not trained before, a fresh one."""
        if self.opt_state is None:
            return self.keeper.state_for(rows, params)
        known, structure = self.opt_state
        if structure == jax.tree.structure(params):
            return self.keeper.state_for(rows, params, known)
        return carried_over(known, self.keeper.state_for(rows, params))

    def totals(self, program: Program, reset: bool) -> Any:
        """Return the totals that a batch is added to: those so far if they are of this program; None: fresh ones."""
        if reset or self.running is None or self.running[0] is not program:
            return None
        return self.running[1]


class Arrays:
    """The arrays of a model between blocks of steps: handed to training, stored back, looked through for changes."""

    def __init__(self, model: Any, compiled: Compiled, program: Any = None):
        self.model, self.compiled, self.placement = model, compiled, model._placement
        self._choose_rows(program)

    def _choose_rows(self, program: Any) -> None:
        self.plain = weight_rows(self.model)
        if not all(w.is_drawn for rows in self.plain for _, w in rows):
            self.model._drawn_weights()
        own = getattr(program, "rows", None)  # a program in Keras's style carries frozen weights with the state
        self.trained, self.frozen, self.state, self.totals = self.plain if own is None else own

    def trees(self) -> tuple[Any, Any]:
        """Return `(params, state)` for evaluation: nothing of them is donated."""
        params = two_level(map(self._row, (*self.plain.trained, *self.plain.frozen)))
        return params, two_level(map(self._row, self.plain.state))

    def begin(self, run_seed: int) -> tuple[TrainState, Fixed]:
        """Return what the first step of a run starts from; callbacks see it in the optimizer too."""
        ts, fixed = self.begin_batch(run_seed)
        self.compiled.keeper.hold(self.trained, ts.opt_state)
        key, step = self.placement.put_whole((jax.random.key(jax.device_put(fixed.key)), np.int32(0)))
        return ts._replace(step=step), fixed._replace(key=key)

    def begin_batch(self, seed: int) -> tuple[TrainState, Fixed]:
        """Return what a step on one batch starts from, with a seed instead of a key."""
        params, state = two_level(map(self._own_row, self.trained)), two_level(map(self._own_row, self.state))
        frozen = two_level(map(self._row, self.frozen))
        opt_state = self.placement.place_slots(self.compiled.state_for(self.trained, params), params)
        return TrainState(params, state, opt_state, None), Fixed(frozen, np.uint32(seed), self._rate())

    def are_others(self) -> bool:
        """Whether somebody changed which weights of the model are trained, so that `begin_again` is due.

        Raises:
            RuntimeError: If the model was compiled anew.
        """
        if self.model._compiled is not self.compiled:
            raise RuntimeError(
                "compile was called while fit runs. Without it, layer.trainable = True and "
                "model.optimizer.learning_rate = 1e-4 take effect at once. For another loss or optimizer, end this fit "
                "first (model.stop_training = True), compile, and call fit again."
            )
        now = weight_rows(self.model)
        if now is self.plain:  # nothing changed at all
            return False
        return any(list(map(_identity, a)) != list(map(_identity, b)) for a, b in zip(now, self.plain, strict=True))

    def begin_again(self, sample: Batch, ts: TrainState, fixed: Fixed) -> tuple[Program, TrainState, Fixed]:
        """Return the program for the weights that are trained now, and what its next step starts from.

        The model holds the arrays of `ts`, the train state so far.
        """
        program = self.compiled.program(self.model, sample)
        self._choose_rows(program)
        new_ts, new_fixed = self.begin_batch(0)
        self.compiled.opt_state = (new_ts.opt_state, jax.tree.structure(new_ts.params))
        self.compiled.keeper.hold(self.trained, new_ts.opt_state)
        return program, new_ts._replace(step=ts.step), new_fixed._replace(key=fixed.key)

    def store(self, ts: TrainState) -> None:
        """Let the model hold the arrays of `ts`."""
        for rows, tree in ((self.trained, ts.params), (self.state, ts.state)):
            for key, w in rows:
                w.store(tree[key][w.name])
        self.compiled.opt_state = (ts.opt_state, jax.tree.structure(ts.params))
        self.compiled.keeper.hold(self.trained, ts.opt_state)

    def store_totals(self, program: Program, totals: Any) -> None:
        """Let the metrics that layers hold show `totals`, and `train_on_batch` go on from them."""
        self.compiled.running = (program, totals)
        for path, w in self.totals:
            w.store(jnp.array(totals["held"][path][w.name]))

    def refresh(self, ts: TrainState, fixed: Fixed) -> tuple[TrainState, Fixed]:
        """Return `ts` with whatever somebody changed on the model or holds on to."""
        params = self._refreshed(self.trained, ts.params)
        state = self._refreshed(self.state, ts.state)
        frozen = two_level(map(self._row, self.frozen))
        opt_state = self.compiled.keeper.state_for(self.trained, params, ts.opt_state)
        opt_state = opt_state if opt_state is ts.opt_state else self.placement.place_slots(opt_state, params)
        return TrainState(params, state, opt_state, ts.step), Fixed(frozen, fixed.key, self._rate())

    def finish(self, ts: TrainState) -> TrainState:
        """Return `ts` with the parameters to keep: their average, if the optimizer keeps one."""
        final = self.compiled.keeper.finalize(ts.params, ts.opt_state)
        return ts if final is ts.params else ts._replace(params=jax.tree.map(jnp.array, final))

    def _refreshed(self, rows: list[Any], tree: Any) -> Any:
        if all(w.current() is tree[key][w.name] and not w.lent for key, w in rows):
            return tree
        return two_level(map(self._own_row, rows))

    def _row(self, row: tuple[str, Any]) -> tuple[str, str, Any]:
        key, weight = row
        return key, weight.name, self.placement.place(f"{key}/{weight.name}", weight.current())

    def _own_row(self, row: tuple[str, Any]) -> tuple[str, str, Any]:
        key, weight = row
        return key, weight.name, self.placement.place(f"{key}/{weight.name}", _own(weight))

    def _rate(self) -> Any:
        rates = self.compiled.keeper.rate_for_step
        return self.placement.put_whole(
            jax.tree.map(lambda rate: rate if isinstance(rate, jax.Array) else np.float32(rate), rates)
        )


def _identity(row: tuple[str, Any]) -> tuple[str, int]:
    return row[0], id(row[1])


def carried_over(old: Any, fresh: Any) -> Any:
    """Return the state `fresh` of an optimizer with the leaves that `old` has under the same paths.

    >>> import jax.numpy as jnp
    >>> old = {"count": jnp.int32(3), "m": {"dense": jnp.ones(1)}}
    >>> carried_over(old, {"count": jnp.int32(0), "m": {"dense": jnp.zeros(1), "conv": jnp.zeros(1)}})
    {'count': Array(3, dtype=int32), 'm': {'conv': Array([0.], dtype=float32), 'dense': Array([1.], dtype=float32)}}
    """
    known = named_leaves(old)

    def chosen(name: str, leaf: Any) -> Any:
        found = known.get(name)
        return leaf if found is None or jnp.shape(found) != jnp.shape(leaf) else found

    return jax.tree.unflatten(jax.tree.structure(fresh), [chosen(*row) for row in named_leaves(fresh).items()])


def _own(weight: Any) -> Any:
    """The weight's array for donation: a copy if it was handed out, so that nobody's array is deleted."""
    array = weight.current()
    return jnp.array(array) if weight.lent else array


def pure_functions(model: Layer, remat: Recompute | None = None) -> Pure:
    """Return the model as pure functions. They hold it weakly: a compiled program must not keep its model alive.

    With `remat`, the gradient of the training pass computes values again.
    """
    reference: Any = weakref.ref(model)

    def forward(params: Any, state: Any, x: Any, training: bool, rng: Any) -> Any:
        model = reference()
        forward = functools.partial(model._forward, params, state, (x,), {}, training, rng)
        observer = model._placement.observer
        with frame.observed(observer) if observer is not None else nullcontext():
            return remat.run(model, forward) if remat is not None and training else forward()

    def penalties(params: Any) -> list[Any]:
        return regularization_losses(reference(), params)

    def constrain(params: Any) -> Any:
        constrained = dict(params)
        for key, w in weights_of(reference()):
            if w.constraint is not None and key in constrained and w.trainable:
                constrained[key] = {**constrained[key], w.name: w.constraint(constrained[key][w.name])}
        return constrained

    structure = functools.partial(_structure, reference, remat)
    return Pure(forward, penalties, constrain, structure, remat.compiler_options() if remat is not None else {})


def _structure(reference: Any, remat: Recompute | None) -> Hashable | None:
    return structure_of(reference(), remat)


def output_specs(model: Any, sample: Batch) -> tuple[Any, list[str]]:
    """Return the abstract outputs of a model and a name for each, declaring its layers for the sample's shapes."""
    if model._plan is None and not model._is_declared():
        model._declare((sample.x,), {})
    outputs = model._plan.outputs if model._plan is not None else _outputs_of_call(model, sample.x)
    leaves = jax.tree.leaves(outputs)
    if isinstance(outputs, dict):
        return outputs, [str(k) for k in sorted(outputs)]
    if model._plan is not None:
        return outputs, model._plan.output_names
    return outputs, ["output"] if len(leaves) == 1 else [f"output_{i + 1}" for i in range(len(leaves))]


def _outputs_of_call(model: Any, x: Any) -> Any:
    """Return what `call` gives for inputs like `x`; it is traced once for as long as the model is not changed."""
    leaves, structure = jax.tree.flatten(x)
    key = structure, *((leaf.shape, leaf.dtype) for leaf in leaves)
    known = kept(model, _no_outputs)
    if key not in known:
        outputs = model._declare((x,), {})
        kept(model, _no_outputs)[key] = outputs  # what was declared may have changed the model
        return outputs
    return known[key]


def _no_outputs(model: Any) -> dict[Any, Any]:
    return {}


def check_names(specs: Any, get: Any) -> Any:
    """Look up every name in `specs` now, so that a misspelt one is refused by `compile`."""
    for leaf in jax.tree.leaves(specs, is_leaf=lambda s: isinstance(s, dict) and "class_name" in s):
        if isinstance(leaf, str):
            get(leaf)
    return specs
