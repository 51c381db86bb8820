"""The pure steps of training, and their compiled forms."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from jkeras.core.compiling import SharedJit, convolves_on_cpu, remembered
from jkeras.core.former_names import MetricLogs
from jkeras.core.placement import DEFAULT, Placement
from jkeras.core.structure import structure_of
from jkeras.training.data import Batch
from jkeras.training.objective import Objective, Totals


class TrainState(NamedTuple):
    """Everything a training step changes. `fit` donates its buffers from step to step.

    Args:
        params: `{path of the layer: {name: array}}`, what is trained.
        state: The same of what layers change themselves, such as moving averages.
        opt_state: What the optimizer keeps: the state of an optax transformation.
        step: The updates done, an int32.
        rng: The key of the step, in a step of the model's own; outside of `fit` that of the run. Else None.

    >>> import jkeras
    >>> model = jkeras.Sequential([jkeras.layers.Input((3,)), jkeras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> ts = model.train_state
    >>> sorted(ts.params["dense"]), int(ts.step)
    (['bias', 'kernel'], 0)
    """

    params: Any
    state: Any
    opt_state: Any
    step: Any
    rng: Any = None


class Fixed(NamedTuple):
    """What a training step reads but does not change."""

    frozen: Any
    key: Any
    learning_rate: Any


class Pure(NamedTuple):
    """A model as pure functions: what training needs to know of it.

    `forward(params, state, x, training, rng)` returns outputs, masks, state and added losses; `penalties(params)` the
    weight regularizers; `constrain(params)` the parameters after their constraints. `structure()` is equal only for
    models that compute the same; None if that cannot be told. `compiler_options` are those that a training step needs.
    """

    forward: Callable[..., Any]
    penalties: Callable[[Any], list[Any]]
    constrain: Callable[[Any], Any]
    structure: Callable[[], Hashable | None] = lambda: None
    compiler_options: Mapping[str, Any] = {}


class Program:
    """The steps of one model, objective and optimizer.

    Args:
        pure: The model.
        objective: Losses and metrics.
        optimizer: A `jkeras.optimizers.Optimizer`: `init` and `update` of an optax transformation, and `scale_loss`.
        eager: Run without compiling, so that a debugger can look into a step.
        placement: Where the arrays live.
    """

    def __init__(
        self, pure: Pure, objective: Objective, optimizer: Any, eager: bool = False, placement: Placement = DEFAULT
    ):
        self.pure, self.objective, self.optimizer, self.eager = pure, objective, optimizer, eager
        self.placement = placement
        # Single steps are traced once, for whatever runs them.
        self.step = run_eagerly(self._placed_step) if eager else jax.jit(self._placed_step)
        self.test_step = run_eagerly(self._placed_test) if eager else jax.jit(self._placed_test)
        program = eager_program if eager else functools.partial(SharedJit, structure=self.structure)
        training = functools.partial(program, compiler_options=pure.compiler_options)
        self.step_on = training(self._step_on, donate_argnums=(0, 1))
        self.batch_step = training(self._batch_step, donate_argnums=(0, 2))
        self.step_at = training(self._step_at, donate_argnums=(0, 1, 2), static_argnames="size")
        self.block = training(self._block, donate_argnums=(0, 1), static_argnames="size")
        self.test_on = program(self._test_on)
        self.batch_test = program(self._batch_test)
        self.test_at = program(self._test_at, static_argnames="size")
        self.test_block = program(self._test_block, static_argnames="size")  # the model goes on with its state
        self._init_totals = program(objective.init, optimised=False)
        self.report = program(objective.report, optimised=False)

    def structure(self) -> Hashable | None:
        """A value that is equal only for programs that compute the same; None if that cannot be told."""
        model, own = self.pure.structure(), structure_of(self.objective, self.optimizer)
        return None if model is None or own is None else (model, own, self.placement.identity)

    def fresh_totals(self) -> Totals:
        """Return the totals to begin with."""
        return self.placement.put_whole(self._init_totals())

    def _placed_step(self, ts: TrainState, totals: Totals, batch: Batch, fixed: Fixed) -> tuple[TrainState, Totals]:
        """A step on a batch that is spread over the devices; what it returns lies where its arguments did."""
        ts, totals = self._train_step(ts, totals, self.placement.split(batch), fixed)
        return self.placement.keep(ts), self.placement.gather(totals)

    def _placed_test(self, params: Any, state: Any, totals: Totals, batch: Batch, key: Any) -> tuple[Any, Totals]:
        state, totals = self._test_step(params, state, totals, self.placement.split(batch), key)
        return self.placement.keep_weights(state), self.placement.gather(totals)

    def _train_step(self, ts: TrainState, totals: Totals, batch: Batch, fixed: Fixed) -> tuple[TrainState, Totals]:
        """Return the train state and the totals after one batch."""
        rng = jax.random.fold_in(fixed.key, ts.step)
        state = {**ts.state, **totals["held"]}
        grads, (total, each, result) = self.gradients(ts._replace(state=state, rng=rng), batch, fixed.frozen)
        params, opt_state = self.moved(ts, grads, fixed.learning_rate)
        state, held = self.objective.split(result.state, totals)
        totals = self.objective.update(totals, total, each, result.outputs, result.masks, batch.y, batch.weight, held)
        return TrainState(params, state, opt_state, ts.step + 1), totals

    def loss(self, params: Any, state: Any, batch: Batch, training: bool, rng: Any) -> tuple[Any, list[Any], Any]:
        """Return `(total, by output, forward pass)` for one batch."""
        result = self.pure.forward(params, state, batch.x, training, rng)
        added = result.losses + self.pure.penalties(params)
        if training and not self.objective.has_loss and not added:
            raise ValueError("There is no loss to minimise. Give compile one, loss='mse', or add_loss in a layer.")
        total, each = self.objective.losses(result.outputs, result.masks, batch.y, batch.weight, added)
        return total, each, result

    def gradients(self, ts: TrainState, batch: Batch, frozen: Any) -> tuple[Any, tuple[Any, list[Any], Any]]:
        """Return the gradients of the loss, scaled as the optimizer wants it, and what `loss` returns."""

        def minimised(trained: Any) -> Any:
            total, each, result = self.loss({**trained, **frozen}, ts.state, batch, True, ts.rng)
            return self.optimizer.scale_loss(total, ts.opt_state), (total, each, result)

        return jax.grad(minimised, has_aux=True)(ts.params)

    def moved(self, ts: TrainState, grads: Any, learning_rate: Any) -> tuple[Any, Any]:
        """Return the parameters, within their constraints, and the optimizer's state after one update."""
        updates, opt_state = self.optimizer.update(grads, ts.opt_state, ts.params, learning_rate=learning_rate)
        return self.pure.constrain(optax.apply_updates(ts.params, updates)), opt_state

    def _step_on(self, ts: TrainState, totals: Totals, batch: Batch, fixed: Fixed) -> tuple[TrainState, Totals]:
        """One step on a batch that was put on the device."""
        return self.step(ts, totals, batch, fixed)

    def _step_at(
        self, ts: TrainState, totals: Totals, position: Any, data: Batch, order: Any, fixed: Fixed, size: int
    ) -> tuple[TrainState, Totals, Any]:
        """One step on the batch at `position` of the resident data."""
        ts, totals = self.step(ts, totals, take(data, order, position, size), fixed)
        return ts, totals, position + 1

    def _block(
        self, ts: TrainState, totals: Totals, bounds: Any, data: Batch, order: Any, fixed: Fixed, size: int
    ) -> tuple[TrainState, Totals, dict[str, Any]]:
        """The steps from `bounds[0]` up to `bounds[1]` in one compiled loop. One program serves any length."""

        def body(position: Any, carry: Any) -> Any:
            return self.step(*carry, take(data, order, position, size), fixed)

        ts, totals = lax.fori_loop(bounds[0], bounds[1], body, (ts, totals))
        # Again outside of the loop, whose results the partitioner may otherwise lay as it likes.
        ts, totals = self.placement.keep(ts), self.placement.gather(totals)
        return ts, totals, self.objective.report(totals)

    def _test_step(self, params: Any, state: Any, totals: Totals, batch: Batch, key: Any) -> tuple[Any, Totals]:
        """Return the state and the totals after evaluating one batch."""
        total, each, result = self.loss(params, {**state, **totals["held"]}, batch, False, key)
        state, held = self.objective.split(result.state, totals)
        totals = self.objective.update(totals, total, each, result.outputs, result.masks, batch.y, batch.weight, held)
        return state, totals

    def _batch_step(self, ts: TrainState, fixed: Fixed, totals: Totals | None, batch: Batch) -> Any:
        """A step on a batch by itself, with a seed in the place of the key; also returns the logs.

        `totals` are those that go on, None to begin anew.
        """
        ts, fixed = ts._replace(step=jnp.int32(0)), fixed._replace(key=jax.random.key(fixed.key))
        ts, after = self.step(ts, self.objective.init() if totals is None else totals, batch, fixed)
        return self.placement.keep(ts), after, self.objective.report(after)

    def _batch_test(self, params: Any, state: Any, seed: Any, totals: Totals | None, batch: Batch) -> Any:
        """Evaluate a batch by itself; arguments and results are as for `_batch_step`."""
        before = self.objective.init() if totals is None else totals
        state, after = self.test_step(params, state, before, batch, jax.random.key(seed))
        return state, after, self.objective.report(after)

    def _test_on(self, params: Any, state: Any, totals: Totals, batch: Batch, key: Any) -> tuple[Any, Totals]:
        """Evaluate a batch that was put on the device."""
        return self.test_step(params, state, totals, batch, key)

    def _test_at(self, params: Any, carry: tuple[Any, Totals], data: Batch, order: Any, key: Any, size: int) -> Any:
        """Evaluate the first batch of the resident data."""
        return self.test_step(params, *carry, take(data, order, 0, size), jax.random.fold_in(key, 0))

    def _test_block(
        self, params: Any, carry: tuple[Any, Totals], bounds: Any, data: Batch, order: Any, key: Any, size: int
    ) -> tuple[Any, Totals]:
        """Evaluate the batches from `bounds[0]` up to `bounds[1]` in one compiled loop."""

        def body(position: Any, carry: Any) -> Any:
            rng = jax.random.fold_in(key, position)
            return self.test_step(params, *carry, take(data, order, position, size), rng)

        state, totals = lax.fori_loop(bounds[0], bounds[1], body, carry)
        return self.placement.keep_weights(state), self.placement.gather(totals)

    def read(self, logs: Any) -> dict[str, Any]:
        """Fetch logs from the device, scalars as Python floats, in the order in which Keras lists them."""
        fetched = fetch(logs)
        order = [k for k in self.objective.keys if k in fetched]
        order += [k for k in fetched if k not in order]
        return MetricLogs({k: float(fetched[k]) if np.ndim(fetched[k]) == 0 else fetched[k] for k in order})


def run_eagerly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function`, run without compiling anything in it."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with jax.disable_jit():
            return function(*args, **kwargs)

    return run


def eager_program(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Return what takes the place of `SharedJit(function)` where nothing is to be compiled."""
    return run_eagerly(function)


def send(program: Callable[..., Any], *args: Any, **static: Any) -> Any:
    """Run a compiled program on arrays, some of which may be the host's.

    It puts them on the device in less time than `jax.device_put` takes, and no less explicitly.
    """
    with jax.transfer_guard_host_to_device("allow"):
        return program(*args, **static)


def fetch(tree: Any) -> Any:
    """Return arrays as those of numpy, read-only, in less time than `jax.device_get` takes."""
    leaves, structure = jax.tree.flatten(tree)
    if len(leaves) > 1:
        for leaf in leaves:
            if isinstance(leaf, jax.Array):
                leaf.copy_to_host_async()
    with jax.transfer_guard_device_to_host("allow"):
        return jax.tree.unflatten(structure, map(np.asarray, leaves))


def take(data: Batch, order: Any, position: Any, size: int) -> Batch:
    """Return the batch at `position`: `size` samples in the given order, or as they lie if it is None."""
    start = position * size
    if order is None:
        return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, start, size), data)
    index = lax.dynamic_slice_in_dim(order, start, size)
    return jax.tree.map(lambda a: a.at[index].get(mode="promise_in_bounds"), data)


class Decision(NamedTuple):
    """How the steps of `fit` are run, and why."""

    # "blocks": many steps in one compiled loop; "chunks": the same over parts of the data that come one after the
    # other; "steps": one dispatch a step; "stream": one dispatch a step, on batches that come in.
    mode: str
    reason: str

    @property
    def test_mode(self) -> str:
        """How the validation data are run over, if they live on the device."""
        return "blocks" if self.mode == "chunks" else self.mode


def decide(program: Program, resident: bool, traced_step: Callable[[], Any], chunk_steps: int = 0) -> Decision:
    """Choose how to run the steps, from facts: where the data live, the backend, what the step computes.

    `chunk_steps` is how many batches of data that are not resident can be brought to the device at once.
    """
    if program.placement.takes_parts:
        return Decision("stream", "each process brings its part of every batch")
    if not resident and (program.eager or not chunk_steps or program.placement.mesh is not None):
        return Decision("stream", "the data come in batch by batch")
    if program.eager:
        return Decision("steps", "the model runs eagerly")
    if remembered("convolves", program.structure(), lambda: convolves_on_cpu(traced_step().jaxpr)):
        reason = "on CPU, XLA computes the weight gradient of a convolution many times slower inside a compiled loop"
        return Decision("steps" if resident else "stream", reason)
    if not resident:
        return Decision("chunks", "the data do not live on the device, but many batches of them can at a time")
    return Decision("blocks", "the data live on the device and every operation of the step is as fast in a loop")
