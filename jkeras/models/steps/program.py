"""The compiled steps of a model that defines steps of its own."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras.core import blame
from jkeras.core.template import two_level
from jkeras.metrics import Metric
from jkeras.models.steps.compiled_metrics import CompiledMetrics
from jkeras.models.steps.running import Step
from jkeras.models.steps.style import (
    KERAS,
    PURE,
    in_step,
    is_keras_result,
    is_pure_result,
    keras_data,
    style_of,
    wrong_result,
)
from jkeras.models.steps.variable_lists import VariableLists, flat_logs, settled
from jkeras.models.weight_rows import weight_rows
from jkeras.training.data import Batch
from jkeras.training.objective import Objective, Totals
from jkeras.training.program import Fixed, Program, Pure, TrainState


class Log(NamedTuple):
    """Where a log comes from: "mean" over samples, "last" value, "metric" of `compile`, or "held" by the model."""

    kind: str
    source: Any = None


class Logged:
    """The objective of a custom step: what the built-in one accumulates, and the logs of the step beside it.

    Args:
        objective: The built-in objective.
        is_custom: Whether a custom step decides what is logged.
    """

    def __init__(self, objective: Objective, is_custom: bool):
        self.objective, self.is_custom = objective, is_custom
        self.logs: dict[str, Log] = {}
        self.lists: VariableLists | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objective, name)

    @property
    def keys(self) -> list[str]:
        """The keys of the logs, in the order in which the step returns them."""
        return list(self.logs) if self.is_custom else [_shown(key, self.objective) for key in self.objective.keys]

    def match(self, what: str, values: Any) -> list[Any]:
        """Match targets with outputs; those of a custom step need not have anything to do with them."""
        if self.is_custom and not self.objective.has_loss:
            return [None] * len(self.objective.outputs)
        return self.objective.match(what, values)

    def init(self) -> Totals:
        """Return fresh totals."""
        totals = self.objective.init()
        if self.is_custom:
            totals["own"] = self.lists.init() if self.lists is not None else []
            totals["logs"] = {
                name: jnp.zeros(2) if log.kind == "mean" else jnp.zeros(log.source.shape, log.source.dtype)
                for name, log in self.logs.items()
                if log.kind in ("mean", "last")
            }
        return totals

    def report(self, totals: Totals) -> dict[str, Any]:
        """Return the logs of the totals."""
        if not self.is_custom:
            logs = self.objective.report(totals)
            return {_shown(key, self.objective): value for key, value in logs.items() if key in _kept(self.objective)}
        metrics = self.objective.report_metrics(totals["metrics"])
        logs = {}
        for name, log in self.logs.items():
            if log.kind == "mean":
                total, count = totals["logs"][name]
                logs[name] = total / jnp.maximum(count, 1)
            elif log.kind == "last":
                logs[name] = totals["logs"][name]
            elif log.kind == "metric":
                logs[name] = metrics[log.source]
            else:
                path, metric = log.source
                inside = (k for k in totals["held"] if k == path or k.startswith(f"{path}/"))
                logs[name] = metric.compute({metric.name + k.removeprefix(path): totals["held"][k] for k in inside})
        return flat_logs(logs)


def _zeros(spec: Any) -> Any:
    is_key = jnp.issubdtype(spec.dtype, jax.dtypes.prng_key)
    return jax.random.key(0) if is_key else jnp.zeros(spec.shape, spec.dtype)


def _shown(key: str, objective: Objective) -> str:
    """A metric of the model that is named "loss" is shown in the place of the loss, as in Keras."""
    return "loss" if any(key == row and metric.name == "loss" for row, _, metric in objective.held) else key


def _kept(objective: Objective) -> list[str]:
    taken = {_shown(key, objective) for key, _, _ in objective.held}
    return [key for key in objective.keys if key != "loss" or "loss" not in taken]


class CustomProgram(Program):
    """The steps of a model whose class defines `train_step`, `test_step` or a loss; either for training or for tests.

    Args:
        model: The model; held weakly, as its programs must not keep it alive.
        pure: The model as pure functions.
        objective: Losses and metrics of `compile`.
        compiled: What `compile` set.
        sample: An abstract batch, with which the steps are tried.
        name: "train_step" or "test_step".
        is_custom: Whether that step is the model's own; otherwise it is the built-in one with the model's loss.
        has_loss: Whether the model overrides `compute_loss`.
    """

    def __init__(
        self, model: Any, pure: Pure, objective: Objective, compiled: Any, sample: Batch, name: str, is_custom: bool,
        has_loss: bool,
    ):  # fmt: skip
        self.model = weakref.ref(model)
        self.name, self.is_custom, self.has_own_loss = name, is_custom, has_loss
        self.keeper, self.loss_tracker = compiled.keeper, compiled.loss_tracker
        self.metrics = CompiledMetrics(objective)
        self.loss_trackers = {key: compiled.tracker(key) for key in objective.loss_keys}
        self.logged = Logged(objective, is_custom)
        self.style = "builtin"
        self.rows = weight_rows(model)
        placement = model._placement
        super().__init__(pure, self.logged, compiled.optimizer, compiled.eager, placement)  # type: ignore[arg-type]
        if is_custom:
            self._learn(model, compiled, jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), sample))

    def own_metrics(self) -> list[Any]:
        """Return what Keras lists in `model.metrics` before the metrics that the model holds."""
        compiled = [self.metrics] if self.metrics.rows else []
        return [self.loss_tracker, *compiled, *self.loss_trackers.values()]

    def loss(self, params: Any, state: Any, batch: Batch, training: bool, rng: Any) -> tuple[Any, list[Any], Any]:
        """Return `(total, by output, forward pass)` for one batch, with the model's own `compute_loss` if any."""
        if not self.has_own_loss:
            return super().loss(params, state, batch, training, rng)

        def run(bound: Any, x: Any, y: Any, weight: Any) -> Any:
            outputs = bound(x)
            return outputs, bound._own_loss(x, y, outputs, weight, training)

        model: Any = self.model()
        with Step("builtin", self) as step:
            result = model._forward(params, state, (batch.x, batch.y, batch.weight), {}, training, rng, method=run)
        outputs, total = result.outputs
        masks = result.masks[: len(jax.tree.leaves(outputs))]
        total = jnp.mean(jnp.asarray(total, jnp.float32)) if total is not None else jnp.zeros(())
        each = step.by_output or [jnp.zeros(())] * len(self.logged.objective.loss_keys)
        return total, each, result._replace(outputs=outputs, masks=masks)

    # Learning how the step is written, and what it logs

    def _learn(self, model: Any, compiled: Any, sample: Batch) -> None:
        trained, frozen, state = self.rows.specs()
        make = model.init_optimizer if self.keeper is not self.optimizer else self.optimizer.init
        params = trained if self.keeper is self.optimizer else {**trained, **frozen}
        opt_state = jax.eval_shape(make, params) if self.name == "train_step" else None
        number, key = jax.ShapeDtypeStruct((), "int32"), jax.eval_shape(lambda: jax.random.key(0))
        rate = jax.eval_shape(lambda: jax.tree.map(jnp.asarray, self.keeper.rate_for_step))

        def run(style: str) -> Any:
            self.style = style
            if style == KERAS:
                self._list_variables(model, compiled)
            totals = jax.eval_shape(self.logged.init)
            given = self.rows.specs()
            arguments = TrainState(given[0], given[2], opt_state, number), totals, sample, Fixed(given[1], key, rate)
            found: dict[str, Any] = {}

            def call(*arguments: Any) -> None:
                found["returned"], found["logs"] = self._call(*arguments)

            if self.eager:  # whoever looks into a step with a debugger wants to see numbers
                call(*jax.tree.map(_zeros, arguments))
            else:
                jax.eval_shape(call, *arguments)
            return found

        own = getattr(type(model), self.name)
        is_base = own is getattr(model._step_base, self.name)  # with a compute_metrics, say, of the model's own
        style = KERAS if is_base else style_of(model, self.name, lambda: run(KERAS)["returned"], sample)
        self.rows, self.logged.lists = weight_rows(model), None
        self.logged.logs = run(style)["logs"]

    def _list_variables(self, model: Any, compiled: Any) -> None:
        if self.logged.lists is not None:
            return
        model._drawn_weights()
        if self.keeper is not self.optimizer:
            raise TypeError(
                f"{type(model).__name__} overrides init_optimizer, but its {self.name} is written in Keras's style, "
                "which passes lists of the variables of `optimizer`. Write the step as train_step(self, ts, batch)."
            )
        trained = self.rows.trained
        params = two_level((key, w.name, w.current()) for key, w in trained)
        self.optimizer.hold(trained, compiled.state_for(trained, params))
        _ = self.optimizer.variables  # made now, as they cannot be made while a step is traced
        if self.name == "train_step":
            self.rows = self.rows.carried()
        rows = self.rows if self.name == "train_step" else self.rows.carried()
        with Step(KERAS, self):
            self.logged.lists = VariableLists(model, rows, model.metrics, self.optimizer)

    # Steps

    def _train_step(self, ts: TrainState, totals: Totals, batch: Batch, fixed: Fixed) -> tuple[TrainState, Totals]:
        if not self.is_custom:
            return super()._train_step(ts, totals, batch, fixed)
        (after, _), new = self._run(ts, totals, batch, fixed)
        return after._replace(step=ts.step + 1, rng=None), new

    def _test_step(self, params: Any, state: Any, totals: Totals, batch: Batch, key: Any) -> tuple[Any, Totals]:
        if not self.is_custom:
            return super()._test_step(params, state, totals, batch, key)
        keys = {key for key, _ in self.rows.frozen}
        trained = {k: v for k, v in params.items() if k not in keys}
        frozen = {k: v for k, v in params.items() if k in keys}
        rate = jax.tree.map(jnp.asarray, self.keeper.rate_for_step)
        (after, _), new = self._run(TrainState(trained, state, None, None), totals, batch, Fixed(frozen, key, rate))
        return after.state, new

    def _run(self, ts: TrainState, totals: Totals, batch: Batch, fixed: Fixed) -> Any:
        """Return `((train state, logs), totals)` after the step."""
        found: dict[str, Any] = {}
        after, values, new = self._stepped(ts, totals, batch, fixed, found)
        rows = jax.tree.leaves(batch.x)[0].shape[0]
        logs = dict(new.pop("logs"))
        for name, value in values.items():
            kind = self.logged.logs[name].kind if name in self.logged.logs else None
            if kind is None:
                raise ValueError(
                    f"{type(self.model()).__name__}.{self.name} returned a log {name!r} that it did not return before: "
                    f"{', '.join(self.logged.logs)}."
                )
            if kind == "mean":
                logs[name] = logs[name] + jnp.array([1.0, 0.0], jnp.float32) * rows * value + jnp.array([0.0, rows])
            elif kind == "last":
                logs[name] = jnp.asarray(value, logs[name].dtype)
        return (after, values), {**new, "logs": logs}

    def _call(self, ts: TrainState, totals: Totals, batch: Batch, fixed: Fixed) -> tuple[Any, dict[str, Log]]:
        """Return what the step returns, and where its logs come from."""
        found: dict[str, Any] = {}
        self._stepped(ts, totals, batch, fixed, found)
        return found["returned"], found["logs"]

    def _stepped(
        self, ts: TrainState, totals: Totals, batch: Batch, fixed: Fixed, found: dict[str, Any]
    ) -> tuple[TrainState, dict[str, Any], Totals]:
        key = fixed.key if ts.step is None else jax.random.fold_in(fixed.key, ts.step)
        run = self._keras if self.style == KERAS else self._pure
        with blame.noted("step", lambda: in_step(self.model(), self.name, batch)):
            return run(self.model(), ts, dict(totals), batch, fixed, key, found)

    def _rates(self, fixed: Fixed) -> list[tuple[Any, Any]]:
        own = self.keeper is not self.optimizer
        variables = self.keeper.rate_variables() if own else self.optimizer._rate_variables()
        return list(zip(variables, jax.tree.leaves(fixed.learning_rate), strict=False))

    def _pure(
        self, model: Any, ts: TrainState, totals: Totals, batch: Batch, fixed: Fixed, key: Any, found: dict[str, Any]
    ) -> tuple[TrainState, dict[str, Any], Totals]:
        rows, held = self.rows, totals["held"]
        given = TrainState({**ts.params, **fixed.frozen}, {**ts.state, **held}, ts.opt_state, ts.step, key)
        values = [(w, fixed.frozen[k][w.name]) for k, w in rows.frozen]
        values += [(w, given.state[k][w.name]) for k, w in (*rows.state, *rows.held)]
        rate = fixed.learning_rate if self.keeper is self.optimizer else None
        training = self.name == "train_step"
        with Step(PURE, self, key, totals, rate, values + self._rates(fixed), [w for _, w in rows.trained]) as step:
            returned = found["returned"] = getattr(model, self.name)(given, batch)
            if not is_pure_result(self.name, returned):
                raise wrong_result(model, self.name, PURE, returned)
            after, logs = returned if training else (given._replace(state=step.state_after or given.state), returned)
            state = dict(after.state)
            for k, w in rows.held:  # updated as objects, or by layers in `call`
                if step.is_assigned(w):
                    state[k] = {**state[k], w.name: step.scope.get_current_value(w)}
            for _, w in rows.state:
                if step.is_assigned(w):
                    raise RuntimeError(
                        f"{type(model).__name__}.{self.name} assigned to {w.path!r}. A pure step returns the state: "
                        "y, state = self.apply(params, ts.state, x, training=True); return self.apply_updates(ts, "
                        "grads, state), logs."
                    )
            kinds, values = self._sort_logs(model, logs, step)
        found["logs"] = kinds
        for k, w in rows.frozen:
            if after.params[k][w.name] is not given.params[k][w.name]:
                raise ValueError(
                    f"{type(model).__name__}.{self.name} changed {k}/{w.name}, a weight of a frozen layer. Let "
                    "self.apply_updates(ts, grads) leave frozen layers as they are; what moves in another way than by "
                    "gradients, such as an average of weights, is kept in ts.opt_state by an init_optimizer."
                )
        where = f"{type(model).__name__}.{self.name} returned"
        params = settled(f"{where} ts.params", given.params, after.params)
        params = {k: v for k, v in params.items() if k in ts.params}
        state = settled(f"{where} ts.state", given.state, state)
        opt_state = settled(f"{where} ts.opt_state", ts.opt_state, after.opt_state)
        totals = {**step.totals, "held": {k: state.pop(k) for k in held}}
        return TrainState(params, state, opt_state, ts.step), values, totals

    def _sort_logs(self, model: Any, logs: Any, step: Step) -> tuple[dict[str, Log], dict[str, Any]]:
        kinds, values = {}, {}
        held = {id(metric): (path, metric) for _, path, metric in self.logged.objective.held}
        for name, value in logs.items():
            produced = step.produced_as(value)
            if isinstance(value, Metric):
                if id(value) not in held:
                    raise ValueError(
                        f"{type(model).__name__}.{self.name}: the log {name!r} is the metric {value.name!r}, which the "
                        "model does not hold. Keep it in an attribute."
                    )
                kinds[name] = Log("held", held[id(value)])
                continue
            if jnp.shape(value) != ():
                raise ValueError(
                    f"{type(model).__name__}.{self.name}: the log {name!r} has shape {jnp.shape(value)}. Logs are "
                    "scalars, averaged over the samples of an epoch, or metrics that the model holds."
                )
            kinds[name] = Log("mean") if produced is None else Log("metric", produced)
            values[name] = jnp.asarray(value, jnp.float32)
        return kinds, values

    def _keras(
        self, model: Any, ts: TrainState, totals: Totals, batch: Batch, fixed: Fixed, key: Any, found: dict[str, Any]
    ) -> tuple[TrainState, dict[str, Any], Totals]:
        lists = self.logged.lists
        assert lists is not None
        training = self.name == "train_step"
        state = ts.state if training else lists.carry(ts.state, fixed.frozen)
        values = lists.values(ts.params, state, totals)
        trained, others, metrics = lists.lists(ts.params, state, totals)
        own = lists.optimizer_list(ts.opt_state, fixed.learning_rate) if training else []
        given = (trained, others, own, metrics) if training else (trained, others, metrics)
        with Step(KERAS, self, key, totals, fixed.learning_rate, values + self._rates(fixed)) as step:
            returned = found["returned"] = getattr(model, self.name)(given, keras_data(batch))
            if not is_keras_result(self.name, returned):
                raise wrong_result(model, self.name, KERAS, returned)
            logs = flat_logs(returned[0])
            names = ("trainable", "non_trainable", "optimizer", "metrics") if training else (
                "trainable", "non_trainable", "metrics"
            )  # fmt: skip
            after = {
                name: settled(f"{type(model).__name__}.{self.name} returned {name}_variables", old, list(new))
                for name, old, new in zip(names, given, returned[1], strict=True)
            }
            state = lists.state(after["non_trainable"], step.scope)
            totals = {**totals, **lists.totals(after["metrics"], step.scope)}
        found["logs"] = {k: Log("last", jax.ShapeDtypeStruct(v.shape, v.dtype)) for k, v in logs.items()}
        if not training:
            state = {k: state[k] for k in ts.state}
            return TrainState(ts.params, state, None, None), logs, totals
        opt_state = lists.optimizer_state(after["optimizer"], ts.opt_state, fixed.learning_rate)
        return TrainState(lists.params(after["trainable"]), state, opt_state, ts.step), logs, totals
