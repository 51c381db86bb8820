"""The steps of training, evaluation and prediction as methods, for a model's class to replace."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from jkeras.core import blame
from jkeras.core.layer import Layer
from jkeras.core.stateless import StatelessScope
from jkeras.core.weight import plain
from jkeras.models.steps.outside import PureSteps, pure_outside
from jkeras.models.steps.partial_update import update_part
from jkeras.models.steps.running import Step, current
from jkeras.models.steps.style import KERAS, argument_style
from jkeras.training.data import Batch
from jkeras.training.objective import Objective
from jkeras.training.program import TrainState


class Steps(PureSteps, Layer):
    """What `fit`, `evaluate` and `predict` do with a batch. A subclass of `Model` replaces what it wants.

    In our way a step is a function of trees:

        def train_step(self, ts, batch): ...    # returns (ts, logs)
        def test_step(self, ts, batch): ...     # returns logs
        def predict_step(self, ts, x): ...      # returns the outputs

    `ts` is a `TrainState`: `params` and `state` as `apply` takes them, `opt_state`, `step`, and `rng`, the key of this
    step; `batch` is a `Batch`: `x`, `y`, `weight`. Logs are scalars, averaged over the samples of an epoch, or metrics
    that the model holds. The way of Keras 3 on JAX, on lists of variables, is accepted as well:

        def train_step(self, state, data): ...  # returns (logs, state)

    The two are told apart by what is done with the first argument: `ts.params`, or `trainable, *rest = state`. If a
    step hands it on untouched, by what it returns. The annotation `ts: TrainState` always decides.

    >>> import jax, jax.numpy as jnp, numpy as np
    >>> from jkeras.layers import Dense, Input
    >>> from jkeras.models import Model
    >>> class Robust(Model):
    ...     def train_step(self, ts, batch):
    ...         def loss(params):
    ...             y, state = self.apply(params, ts.state, batch.x, training=True, rng=ts.rng)
    ...             return jnp.mean(jnp.abs(y - batch.y)), state
    ...         (value, state), grads = jax.value_and_grad(loss, has_aux=True)(ts.params)
    ...         return self.apply_updates(ts, grads, state), {"deviation": value}
    >>> x = Input(shape=(3,))
    >>> model = Robust(x, Dense(1)(x))
    >>> model.compile("sgd")
    >>> history = model.fit(np.ones((8, 3)), np.ones((8, 1)), epochs=2, verbose=0)
    >>> list(history.history)
    ['deviation']
    """

    _compiled: Any
    optimizer: Any

    # The steps

    @pure_outside
    def train_step(self, state: Any, data: Any) -> Any:
        """Train on one batch as `compile` says.

        Called on a `TrainState` outside of `fit` it is the step of `fit`, also where a subclass replaces it: a pure
        function, to be jitted, scanned, mapped and differentiated. The key of a step is `ts.rng` folded with `ts.step`,
        which then is one more; logs are those of this batch alone. `learning_rate=` takes the place of the optimizer's
        current one, which otherwise is a constant of the traced function.

        Args:
            state: A `TrainState`; or in Keras's style `(trainable_variables, non_trainable_variables,
                optimizer_variables, metrics_variables)`, each a list of arrays.
            data: A `Batch`; or in Keras's style `x`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            `(ts, logs)`; in Keras's style `(logs, state)`.
        """
        if argument_style(state) == KERAS:
            return self._keras_train_step(state, data)
        loss, grads, result = self.loss_and_grads(state, data)
        return self.apply_updates(state, grads, result.state), self._logs(loss, result, data)

    @pure_outside
    def test_step(self, state: Any, data: Any) -> Any:
        """Evaluate one batch as `compile` says; on a `TrainState` it is pure outside of `evaluate` too.

        Args:
            state: A `TrainState`; or `(trainable_variables, non_trainable_variables, metrics_variables)`.
            data: As for `train_step`.

        Returns:
            `logs`; in Keras's style `(logs, state)`.
        """
        if argument_style(state) == KERAS:
            trained, others, metrics = state
            x, y, weight = _unpack(data)
            loss, (_, y_pred, others, metrics) = self.compute_loss_and_updates(trained, others, metrics, x, y, weight)
            logs, metrics = self._keras_logs(metrics, loss, x, y, y_pred, weight)
            return logs, (trained, others, metrics)
        step = self._require_step("test_step")
        total, each, result = step.program.loss(state.params, state.state, data, False, state.rng)
        step.remember(result.outputs, result.masks)
        step.by_output, step.state_after = each, result.state
        return self._logs(total, result, data)

    def predict_step(self, state: Any, data: Any) -> Any:
        """Compute the outputs for one batch.

        Args:
            state: A `TrainState`; or `(trainable_variables, non_trainable_variables)`.
            data: The inputs.

        Returns:
            The outputs; in Keras's style `(outputs, non_trainable_variables)`.
        """
        if argument_style(state) == KERAS:
            return self.stateless_call(*state, _unpack(data)[0], training=False)
        result = self._forward(state.params, state.state, (data,), {}, False, state.rng)
        step = current()
        if step is not None:
            step.state_after = result.state
        return result.outputs

    # Losses and metrics

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the loss to minimise: that of `compile`, and what layers added. A subclass may return another.

        A replacement runs like `call`, where layers may be called and metrics updated.

        Args:
            x: The inputs.
            y: The targets.
            y_pred: The outputs.
            sample_weight: Factors of the loss, by sample.
            training: Whether the model is trained or evaluated.

        Returns:
            A scalar.
        """
        step = current()
        if self._frame is not None:
            frame = self._frame
            masks, added = [frame.mask_of(leaf) for leaf in jax.tree.leaves(y_pred)], self.losses
        elif step is not None:
            masks, added = step.masks_of(y_pred), step.added_losses(self)
        else:
            masks, added = [None] * len(jax.tree.leaves(y_pred)), self.losses
        objective = self._objective(y_pred)
        total, each = objective.losses(y_pred, masks, y, sample_weight, added)
        if step is not None:
            step.by_output = each
            if step.style == KERAS and step.program is not None and len(each) == len(objective.loss_keys):
                rows = jax.tree.leaves(y_pred)[0].shape[0]
                for key, value in zip(objective.loss_keys, each, strict=True):
                    if key in step.program.loss_trackers:
                        step.program.loss_trackers[key].update_state(value, sample_weight=rows)
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Update the metrics of `compile` with a batch in a step, and return logs.

        Args:
            x, y, y_pred, sample_weight: As for `compute_loss`.

        Returns:
            In a step of our style what stands for these metrics in logs; in Keras's style the value of each metric.
        """
        step = self._require_step("compute_metrics")
        if step.style == KERAS:
            if step.program.metrics.rows:
                step.program.metrics.update_state(y, y_pred, sample_weight)
            return self.get_metrics_result()
        objective, masks = step.program.logged.objective, step.masks_of(y_pred)
        if not step.program.metrics.rows:
            return {}
        update = lambda totals: objective.update_metrics(totals, y_pred, masks, y, sample_weight)  # noqa: E731
        step.totals["metrics"] = update(step.totals["metrics"])
        of_batch = objective.report_metrics(update(objective.init()["metrics"]))
        return {key: step.produce(key, value) for key, value in of_batch.items()}

    def get_metrics_result(self) -> dict[str, Any]:
        """Return what the metrics show in the step that runs: `{name: value}`."""
        logs: dict[str, Any] = {}
        for metric in self.metrics:
            value = metric.result()
            logs.update(value if isinstance(value, Mapping) else {metric.name: plain(value)})
        return logs

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of `metrics`, one metric after the other."""
        return [variable for metric in self.metrics for variable in metric.variables]

    # What a step of our style is made of

    def loss_and_grads(self, ts: TrainState, batch: Batch) -> tuple[Any, Any, Any]:
        """Return `(loss, grads, result)` for a batch: the loss of `compute_loss` and its gradients.

        Args:
            ts: The parameters, the state and the key to use.
            batch: Inputs, targets and sample weights.

        Returns:
            The loss, its gradients with respect to the layers that are trained, and the forward pass: `outputs`,
            `masks`, `state`, `losses`.
        """
        params, state, rng = ts.params, ts.state, ts.rng  # read first: a trial run learns from it
        step = self._require_step("loss_and_grads")
        frozen = {key for key, _ in step.program.rows.frozen}
        trained = TrainState({k: v for k, v in params.items() if k not in frozen}, state, ts.opt_state, ts.step, rng)
        others = {k: v for k, v in params.items() if k in frozen}
        grads, (loss, each, result) = step.program.gradients(trained, batch, others)
        step.remember(result.outputs, result.masks)
        step.by_output = each
        return loss, grads, result

    def apply_updates(self, ts: TrainState, grads: Any, state: Any = None) -> TrainState:
        """Return `ts` after one update by the optimizer of `compile`, constraints of weights included.

        Args:
            ts: The state before.
            grads: Gradients, a tree like `ts.params`. Those of frozen layers are left out; layers that are not in it
                stay as they are, and so does what the optimizer keeps for them. With a `LossScaleOptimizer` they are
                gradients of `self.optimizer.scale_loss(loss, ts.opt_state)`, as `loss_and_grads` returns them.
            state: The state after the forward pass; that of `ts` if left out.
        """
        params = ts.params
        step = self._require_step("apply_updates")
        frozen = {key for key, _ in step.program.rows.frozen}
        trained = ts._replace(params={k: v for k, v in params.items() if k not in frozen})
        grads = {k: v for k, v in grads.items() if k in trained.params}
        if len(grads) == len(trained.params):
            moved, opt_state = step.program.moved(trained, grads, step.learning_rate)
        else:
            moved, opt_state = update_part(self.optimizer, trained, grads, step.learning_rate)
            moved = step.program.pure.constrain(moved)
        return ts._replace(params={**params, **moved}, opt_state=opt_state, state=ts.state if state is None else state)

    def init_optimizer(self, params: Any) -> Any:
        """Return the state of the optimizer to begin with. A subclass may return any tree, for several optimizers say.

        `train_step` then finds it in `ts.opt_state`, and moves `ts.params` itself instead of by `apply_updates`.

        Args:
            params: The parameters, a tree as in `ts.params`.
        """
        return self.optimizer.init(params)

    @staticmethod
    def part(tree: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Return what of a tree like `params` belongs to a layer, or is inside of it.

        Args:
            tree: By paths of layers.
            name: The path of the layer.

        >>> Steps.part({"coder/dense": 1, "coder": 2, "decoder": 3}, "coder")
        {'coder/dense': 1, 'coder': 2}
        """
        return {key: value for key, value in tree.items() if key == name or key.startswith(f"{name}/")}

    # What a step in Keras's style is made of

    def compute_loss_and_updates(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any,
        y: Any,
        sample_weight: Any,
        training: bool = False,
        optimizer_variables: Sequence[Any] | None = None,
    ) -> Any:
        """Return `(loss, (unscaled loss, y_pred, non_trainable_variables, metrics_variables))`, for `jax.grad`.

        Args:
            trainable_variables, non_trainable_variables, metrics_variables: Lists of arrays, in the order of the
                model's properties of these names.
            x, y, sample_weight: The batch.
            training: Whether the model is trained.
            optimizer_variables: Those of the optimizer, which may scale the loss.

        Reference: Keras 3, the JAX trainer.
        """
        y_pred, others = self.stateless_call(
            trainable_variables, non_trainable_variables, x, training=training
        )  # fmt: skip
        loss, (_, others, metrics) = self.stateless_compute_loss(
            trainable_variables, others, metrics_variables, x, y, y_pred, sample_weight, training
        )
        scaled = loss
        if training and self.optimizer is not None and optimizer_variables is not None:
            pairs = zip(self.optimizer.variables, optimizer_variables, strict=True)
            with StatelessScope(pairs):
                scaled = self.optimizer.scale_loss(loss)
        return scaled, (loss, y_pred, others, metrics)

    def stateless_compute_loss(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return `(loss, (trainable_variables, non_trainable_variables, metrics_variables))`: a pure `compute_loss`.

        Args:
            trainable_variables, non_trainable_variables, metrics_variables: Lists of arrays, in the order of the
                model's properties of these names.
            x, y, y_pred, sample_weight, training: As for `compute_loss`.

        Reference: Keras 3, `Trainer.stateless_compute_loss`.
        """
        others, metrics = self.non_trainable_variables, self.metrics_variables
        pairs = list(zip(self.trainable_variables, trainable_variables, strict=True))
        pairs += zip(others, non_trainable_variables, strict=True)
        pairs += zip(metrics, metrics_variables, strict=True)
        with StatelessScope(pairs) as scope:
            loss = self._own_loss(x, y, y_pred, sample_weight, training)
            after = [[scope.get_current_value(v) for v in group] for group in (others, metrics)]
        return loss, (list(trainable_variables), *after)

    def _keras_train_step(self, state: Any, data: Any) -> Any:
        trained, others, own, metrics = state
        x, y, weight = _unpack(data)
        gradients = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (_, (loss, y_pred, others, metrics)), grads = gradients(
            trained, others, metrics, x, y, weight, training=True, optimizer_variables=own
        )
        trained, own = self.optimizer.stateless_apply(own, grads, trained)
        logs, metrics = self._keras_logs(metrics, loss, x, y, y_pred, weight)
        return logs, (trained, others, own, metrics)

    def _keras_logs(self, metrics: Any, loss: Any, x: Any, y: Any, y_pred: Any, weight: Any) -> Any:
        variables, program = self.metrics_variables, self._require_step("train_step").program
        known = {id(v) for v in variables}
        tracked = [v for v in program.loss_tracker.variables if id(v) in known]
        with StatelessScope(zip(variables, metrics, strict=True)) as scope:
            if tracked:
                program.loss_tracker.update_state(loss, sample_weight=jax.tree.leaves(x)[0].shape[0])
            logs = self.compute_metrics(x, y, y_pred, weight)
            return logs, [scope.get_current_value(v) for v in variables]

    # Inside

    def _logs(self, loss: Any, result: Any, batch: Batch) -> dict[str, Any]:
        step = self._require_step("train_step")
        objective = step.program.logged.objective
        by_output = dict(zip(objective.loss_keys, step.by_output, strict=True)) if objective.loss_keys else {}
        metrics = self.compute_metrics(batch.x, batch.y, result.outputs, batch.weight)
        held = {key: metric for key, _, metric in objective.held}
        return {"loss": loss, **by_output, **metrics, **held}

    def _own_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        """Call `compute_loss`, of which older replacements do not take `training`."""
        accepted = inspect.signature(self.compute_loss).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
        extra = {"training": training} if takes_all or "training" in accepted else {}
        with blame.noted("loss", lambda: f"In {type(self).__name__}.compute_loss:"):
            return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **extra)

    def _objective(self, y_pred: Any) -> Objective:
        step, compiled = current(), self._compiled
        program = step.program if step is not None and step.program is not None else None
        program = program or (compiled.last if compiled is not None else None)
        objective = getattr(program.objective, "objective", program.objective) if program is not None else None
        count = len(jax.tree.leaves(y_pred))
        if objective is not None and len(objective.outputs) == count:
            return objective
        if compiled is None:
            raise RuntimeError("compute_loss needs the losses of compile: model.compile(optimizer='adam', loss='mse').")
        names = [f"output_{i + 1}" for i in range(count)] if count > 1 else ["output"]
        return Objective(y_pred, names, compiled.loss, compiled.loss_weights)

    def _require_step(self, method: str) -> Step:
        step = current()
        if step is None or step.program is None:
            raise RuntimeError(
                f"{type(self).__name__}.{method} of the model's base class works inside a step of fit or evaluate."
            )
        return step


Steps._step_base = Steps  # type: ignore[attr-defined]


def _unpack(data: Any) -> tuple[Any, Any, Any]:
    """Return `(x, y, sample_weight)` of what Keras hands to a step."""
    if not isinstance(data, (tuple, list)):
        return data, None, None
    x, y, weight = (*data, None, None)[:3]
    return x, y, weight
