"""What a model does with data: compile, fit, evaluate, predict, and their spellings of every era."""

from __future__ import annotations

import inspect
import itertools
import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jkeras.core.facade import metrics_of
from jkeras.core.settings import limit_epochs, limit_steps
from jkeras.models.compiled import Arrays, Compiled, output_specs
from jkeras.models.custom import custom_step
from jkeras.models.distributed import Distributed
from jkeras.models.given import training_data
from jkeras.models.legacy import FormerMethods, modernise
from jkeras.models.on_batch import OnBatch
from jkeras.models.own_optimizer import OwnOptimizer
from jkeras.models.prediction import Outputs, Predictor, gathered
from jkeras.models.step import current
from jkeras.models.step_style import check_steps
from jkeras.models.steps import Steps
from jkeras.models.training import Schedule, Training
from jkeras.training import loop
from jkeras.training.data import ArrayData, Data, StreamData, make_data
from jkeras.training.labels import check_labels
from jkeras.training.program import decide
from jkeras.training.stream import Ahead, ends_streams


class Trainer(FormerMethods, Distributed, OnBatch):
    """The training half of `Model`: it joins the facade's arrays, the engine, callbacks and the display."""

    _compiled: Compiled | None
    _plan: Any
    stop_training: bool
    history: Any

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | None = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        sample_weight_mode: Any = None,
        target_tensors: Any = None,
        remat: Any = None,
    ) -> None:
        """Say how the model is trained.

        Args:
            optimizer: A name, an optimizer, or any optax transformation.
            loss: A name, a loss, a function `f(y_true, y_pred)`; or a list or a dict of them by output.
            metrics: Names, metrics or functions; a list, or lists by output.
            loss_weights: Factors of the losses of several outputs: a list or a dict.
            weighted_metrics: Like `metrics`; these see the sample weights.
            run_eagerly: Run every step uncompiled, to look into it with a debugger.
            steps_per_execution: If above 1, batch callbacks are called once for so many steps.
            jit_compile: False is the same as `run_eagerly=True`.
            auto_scale_loss: Wrap the optimizer of a model whose dtype policy is "mixed_float16" in a
                `LossScaleOptimizer`.
            sample_weight_mode: Weights by time step need no mode: their shape tells.
            target_tensors: Not supported: targets are given to `fit`.
            remat: What the gradient computes again instead of keeping it, to need less memory: True for all but the
                outputs of about `sqrt(n)` of `n` layers; so many layers at a time; the layers in whose path a pattern
                (or one of a list) is found; a `RematScope`; a policy of `jax.checkpoint_policies`.

        Raises:
            ValueError: If a name is unknown; names the nearest one.
        """
        if target_tensors is not None:
            raise ValueError("compile(target_tensors=...) is not supported. Give the targets to fit: model.fit(x, y).")
        if steps_per_execution is not None and steps_per_execution < 1:
            raise ValueError(f"steps_per_execution must be at least 1; got {steps_per_execution}.")
        check_steps(self, Steps)
        eager = bool(run_eagerly) or jit_compile is False
        scales_loss = auto_scale_loss and self.dtype_policy.name == "mixed_float16"
        self._compiled = Compiled(
            optimizer, loss, loss_weights, metrics, weighted_metrics, eager, steps_per_execution, scales_loss,
            remat,
        )  # fmt: skip
        if type(self).init_optimizer is not Steps.init_optimizer:
            self._compiled.keeper = OwnOptimizer(self)

    @ends_streams
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        profile: Any = None,
        resume: Any = None,
        mesh: Any = None,
        rules: Any = (),
        **old: Any,
    ) -> Any:
        """Train the model and return the `History`.

        Args:
            x: Inputs: an array, a list, tuple or dict of arrays, a data frame; or something that yields batches
                `(x, y)` or `(x, y, sample_weight)`: a generator, a `PyDataset`, a data loader.
            y: Targets, like `x`.
            batch_size: Samples in a step, 32 if left out; the last batch of an epoch may be smaller.
            epochs: The epoch to end with (the number of epochs unless `initial_epoch` is given).
            verbose: 0 silent, 1 or "auto" a progress line, 2 one line for each epoch.
            callbacks: A list of callbacks.
            validation_split: Share of the samples, taken from the end before shuffling, to validate on.
            validation_data: `(x, y)`, `(x, y, sample_weight)`, or something that yields batches.
            shuffle: True, False, or "batch" to shuffle whole batches.
            class_weight: Factor of the loss for each class.
            sample_weight: Factor of the loss for each sample (or time step); multiplied with `class_weight`.
            initial_epoch: The epoch to begin with.
            steps_per_epoch: Batches in an epoch; needed for endless generators.
            validation_steps: Batches of a validation.
            validation_batch_size: Like `batch_size`, for validation.
            validation_freq: Validate every so many epochs, or after the epochs listed (counted from 1).
            profile: A folder for a trace of some 20 steps after the first, for viewers of JAX's profiler (TensorBoard,
                Perfetto).
            resume: A folder of this run alone. A checkpoint is written there after each epoch, and if there is one, the
                run goes on from it: killed at any moment and started again it ends with the same bits. A run that is
                complete returns at once, and with more `epochs` goes on. `BackupAndRestore` has more choices.
            mesh, rules: Train on a mesh of devices; see `distribute`, of which this is a short form.
            old: Spellings of Keras 1 and 2, such as `nb_epoch`.

        Raises:
            RuntimeError: If the model is not compiled.
            ValueError: If data are empty, of different lengths, or do not fit the model.
        """
        if old:
            accepted = tuple(inspect.signature(self.fit).parameters)
            return self.fit(**{**_given(locals()), **modernise("fit", accepted, old, batch_size or 32)})
        compiled = self._require_compiled("fit")
        self._set_mesh(mesh, rules)
        self._placement.agree()
        data, validation = training_data(
            x, y, sample_weight, batch_size, class_weight, validation_split, validation_data,
            validation_batch_size or batch_size, self.host_inputs,
        )  # fmt: skip
        epochs, steps_per_epoch = limit_epochs(epochs), limit_steps(steps_per_epoch, data.steps)
        if validation is not None:
            validation_steps = limit_steps(validation_steps, validation.steps)
        schedule = Schedule(epochs, initial_epoch, steps_per_epoch, shuffle, validation_steps, validation_freq)
        training = compiled.training = Training(
            self, data, validation, schedule, callbacks=callbacks, verbose=verbose, batch_size=batch_size,
            profile=profile, resume=resume,
        )  # fmt: skip
        self.history = training.fit()
        return self.history

    @ends_streams
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **old: Any,
    ) -> Any:
        """Return the loss and the metrics on given data.

        Args:
            x, y, batch_size, sample_weight: As in `fit`.
            verbose: 0 silent, 1 or "auto" a line with the result.
            steps: Batches to evaluate; all if left out.
            callbacks: A list of callbacks.
            return_dict: Return `{key: value}` instead of numbers in the order of `metrics_names`.

        Returns:
            The loss alone, or a list of the loss and the metrics.
        """
        if old:
            accepted = tuple(inspect.signature(self.evaluate).parameters)
            return self.evaluate(**{**_given(locals()), **modernise("evaluate", accepted, old, batch_size or 32)})
        from jkeras.callbacks import CallbackList
        from jkeras.display.progress import Progress

        compiled = self._require_compiled("evaluate")
        data = make_data(x, y, sample_weight, batch_size, prepare=self.host_inputs)
        steps = limit_steps(steps, data.steps)
        sample = data.sample()
        program = compiled.program(self, sample, training=False)
        if isinstance(data, ArrayData):
            check_labels(program.objective, data.batch.y)
        self._placement.check_same(steps=steps or data.steps, samples=data.samples)
        progress = Progress("evaluate", 1, steps or data.steps, verbose if self._placement.is_first else 0)
        callback_list: Any = CallbackList(
            callbacks, model=self, verbose=progress.verbose, epochs=1, steps=steps or data.steps, progress=progress
        )
        arrays = Arrays(self, compiled)
        params, state = arrays.trees()
        key = self._next_key()

        def traced() -> Any:
            return program.test_step.trace(params, state, jax.eval_shape(program.objective.init), sample, key)

        mode = decide(program, data.fits(), traced).mode
        progress.epoch_begin(0)
        callback_list.on_test_begin({})
        params, state = arrays.trees()  # as the callbacks left them
        began = time.perf_counter()
        logs, new_state, totals = loop.evaluate(program, mode, params, state, data, key, steps, callback_list, progress)
        self._keep_state(state, new_state)
        arrays.store_totals(program, totals)
        progress.epoch_end(logs, time.perf_counter() - began)
        callback_list.on_test_end(logs)
        if return_dict:
            return logs
        values = [logs[k] for k in logs]
        return values[0] if len(values) == 1 else values

    @ends_streams
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        **old: Any,
    ) -> Any:
        """Return the model's outputs for `x` as numpy arrays, in the structure of its outputs.

        Args:
            x: Inputs, as in `fit`.
            batch_size: Samples computed at once, 32 if left out.
            verbose: 0 silent, 1 or "auto" a progress line.
            steps: Batches to predict; all if left out.
            callbacks: A list of callbacks.

        Raises:
            ValueError: If `x` is empty or does not fit the model.
        """
        if old:
            accepted = tuple(inspect.signature(self.predict).parameters)
            return self.predict(**{**_given(locals()), **modernise("predict", accepted, old, batch_size or 32)})
        from jkeras.callbacks import CallbackList
        from jkeras.display.progress import Progress

        data = make_data(x, batch_size=batch_size, prepare=self.host_inputs)
        steps = limit_steps(steps, data.steps)
        self._check_can_predict(data)
        self._placement.check_same(steps=steps or data.steps, samples=data.samples)
        progress = Progress("predict", 1, steps or data.steps, verbose if self._placement.is_first else 0)
        callback_list: Any = CallbackList(
            callbacks, model=self, verbose=progress.verbose, epochs=1, steps=steps or data.steps, progress=progress
        )
        began = time.perf_counter()
        callback_list.on_predict_begin({})
        predictor, done = Predictor(self), 0

        def shown(outputs: Outputs) -> None:
            nonlocal done
            done += outputs.batches
            progress.update(done)

        if callback_list.has_predict_batch_hooks or isinstance(data, StreamData):
            batches = Ahead(data.batches() if isinstance(data, ArrayData) else data.batches(steps))
            results = predictor.told(itertools.islice(batches, steps), data, callback_list)
        else:
            results = predictor.batches(data, steps)
        host = gathered(results, shown)
        predictor.finish()
        progress.epoch_end({}, time.perf_counter() - began)
        callback_list.on_predict_end({})
        if not host:
            raise ValueError("predict got no batch: x is empty.")
        return jax.tree.map(lambda *arrays: np.concatenate(arrays), *host)

    @property
    def optimizer(self) -> Any:
        """The optimizer that `compile` set."""
        return self._compiled.optimizer if self._compiled is not None else None

    @property
    def loss(self) -> Any:
        """The loss that `compile` was given."""
        return self._compiled.loss if self._compiled is not None else None

    @property
    def metrics(self) -> list[Any]:
        """The metrics of `compile`, once the model has seen data, and those that layers hold."""
        step = current()
        if step is not None and step.program is not None:
            return [*step.program.own_metrics(), *(metric for _, metric in metrics_of(self))]
        program = self._compiled.last if self._compiled is not None else None
        outputs = program.objective.outputs if program is not None else []
        compiled = [metric for o in outputs for _, metric in (*o.metrics, *o.weighted_metrics)]
        return [*compiled, *(metric for _, metric in metrics_of(self))]

    @property
    def metrics_names(self) -> list[str]:
        """The keys of `evaluate`'s numbers; known once the model has seen data."""
        program = self._compiled.last if self._compiled is not None else None
        return program.objective.keys if program is not None else ["loss"]

    def host_inputs(self, x: Any) -> Any:
        """Return what the compiled part of the model takes for inputs `x`: `x` itself unless layers run on the host."""
        return x

    def _require_compiled(self, method: str) -> Compiled:
        if self._compiled is None:
            raise RuntimeError(f"Call compile before {method}: model.compile(optimizer='adam', loss='mse').")
        return self._compiled

    def _check_can_predict(self, data: Data) -> None:
        if self._is_declared() or custom_step(self, name="predict_step") == "apart":
            return
        output_specs(self, data.sample())


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in arguments.items() if k not in ("self", "old", "accepted") and not k.startswith("__")}
