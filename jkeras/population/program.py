"""The steps of all members in one compiled program: the training step of one model, mapped over a member axis."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.core.compiling import SharedJit
from jkeras.functional.conv_max import shared_axis
from jkeras.population.placement import AXIS, MemberPlacement
from jkeras.population.varied import Slots
from jkeras.training.data import Batch
from jkeras.training.objective import Totals
from jkeras.training.program import Fixed, Program, TrainState, take


class Common(NamedTuple):
    """What the members' steps read but do not change; every part but shared frozen weights has a member axis."""

    frozen: Any
    shared: Any  # frozen weights that are the same arrays for all members
    key: Any
    learning_rate: Any
    numbers: Any  # hyperparameters, (members, SLOTS)
    member: Any  # 0, 1, 2, ...
    active: Any  # whether a member still trains; None if all do


AXES = Common(0, None, 0, 0, 0, 0, 0)  # where its parts have the members


class Data(NamedTuple):
    """The data of all members: inputs, targets and sample weights once, and the members' own weights of samples."""

    x: Any
    y: Any = None
    weight: Any = None
    of_members: Any = None  # (members, samples)


class PopulationProgram:
    """The steps of a population, under the names that a run of training calls.

    Args:
        program: The steps of one model, in whose optimizer and layers each number that differs is a `Varied`.
        slots: Where those numbers are noted.
        placement: Where members live.
    """

    def __init__(self, program: Program, slots: Slots, placement: MemberPlacement):
        self.program, self.slots, self.members = program, slots, placement.padded
        self.placed, self.settled, self.placement = placement.kept, placement.settled, placement
        self.objective, self.eager = program.objective, False
        self.step = jax.jit(self._step)
        options = program.pure.compiler_options
        step_at = partial(SharedJit, self._step_at, donate_argnums=(0, 1, 2), static_argnames="size")
        self.step_at = step_at(compiler_options=options)
        self.rare_step_at = step_at(optimised=False)  # runs so rarely that compiling it well takes longer
        self.block = SharedJit(self._block, donate_argnums=(0, 1), static_argnames="size", compiler_options=options)
        self.test_step = jax.jit(self._test_step)
        self.test_block = SharedJit(self._test_block, static_argnames="size")
        self.fresh = SharedJit(self._fresh, optimised=False)
        self.report = SharedJit(self._report, optimised=False)
        self.begin = SharedJit(self._begin, optimised=False)
        self.finish = SharedJit(self._finish, optimised=False)

    def structure(self) -> None:
        """Nothing can tell that two of them compute the same."""

    def read(self, logs: Any) -> dict[str, np.ndarray]:
        """Fetch logs: key to the members' values, of shape (members,)."""
        return self.program.read(logs)  # type: ignore[return-value]

    def fresh_totals(self) -> Totals:
        """Return fresh totals of all members."""
        return self.settled(self.fresh())

    def _fresh(self) -> Totals:
        one = self.objective.init()
        return self.placed(jax.tree.map(lambda a: jnp.broadcast_to(a, (self.members, *jnp.shape(a))), one))

    def _report(self, totals: Totals) -> dict[str, Any]:
        return jax.vmap(self.objective.report)(totals)

    def _begin(self, params: Any, common: Common) -> Any:
        """Return the optimizer's states of all members."""

        def one(params: Any, common: Common) -> Any:
            with self.slots.bound(common.numbers, common.member):
                return self.program.optimizer.init(params)

        return jax.vmap(one, in_axes=(0, AXES))(params, common)

    def _finish(self, params: Any, opt_state: Any) -> Any:
        """Return the parameters to keep: their average, if the optimizer keeps one."""
        final = jax.vmap(self.program.optimizer.finalize)(params, opt_state)
        return self.placed(jax.tree.map(jnp.copy, final))

    def _step(self, ts: TrainState, totals: Totals, batch: Batch, common: Common) -> tuple[TrainState, Totals]:
        """Return the train states and the totals after one batch; `batch` says which parts members have of their own.

        A leaf of the batch has a member axis if it is in a `Mine`.
        """
        batch, axes = _with_axes(batch)

        def one(ts: TrainState, totals: Totals, batch: Batch, common: Common) -> tuple[TrainState, Totals]:
            fixed = Fixed(_joined(common), common.key, common.learning_rate)
            with self.slots.bound(common.numbers, common.member), shared_axis(AXIS):
                after, counted = self.program._train_step(ts, totals, batch, fixed)
            if common.active is not None:
                after = jax.tree.map(lambda new, old: jnp.where(common.active, new, old), after, ts)
            return after, counted

        mapped = jax.vmap(one, in_axes=(0, 0, axes, AXES), axis_name=AXIS)
        return self.placed(mapped(ts, totals, batch, common))

    def _step_at(
        self, ts: TrainState, totals: Totals, position: Any, data: Data, order: Any, common: Common, size: int
    ) -> tuple[TrainState, Totals, Any]:
        """One step on the batch at `position`."""
        ts, totals = self.step(ts, totals, batch_of(data, order, position, size), common)
        return ts, totals, position + 1

    def _block(
        self, ts: TrainState, totals: Totals, bounds: Any, data: Data, order: Any, common: Common, size: int
    ) -> tuple[TrainState, Totals, dict[str, Any]]:
        """The steps from `bounds[0]` up to `bounds[1]` in one compiled loop."""

        def body(position: Any, carry: Any) -> Any:
            return self.step(*carry, batch_of(data, order, position, size), common)

        ts, totals = lax.fori_loop(bounds[0], bounds[1], body, (ts, totals))
        return ts, totals, self._report(totals)

    def _test_step(self, params: Any, state: Any, totals: Totals, batch: Batch, keys: Any, common: Common) -> Any:
        """Return the states and the totals after evaluating one batch."""
        batch, axes = _with_axes(batch)

        def one(params: Any, state: Any, totals: Totals, batch: Batch, key: Any, common: Common) -> Any:
            params = joined_params(params, common)
            with self.slots.bound(common.numbers, common.member), shared_axis(AXIS):
                return self.program._test_step(params, state, totals, batch, key)

        mapped = jax.vmap(one, in_axes=(0, 0, 0, axes, 0, AXES), axis_name=AXIS)
        return self.placed(mapped(params, state, totals, batch, keys, common))

    def _test_block(
        self, params: Any, carry: Any, bounds: Any, data: Data, order: Any, keys: Any, common: Common, size: int
    ) -> tuple[Any, Totals]:
        """Evaluate the batches from `bounds[0]` up to `bounds[1]` in one compiled loop."""

        def body(position: Any, carry: Any) -> Any:
            rng = jax.vmap(lambda key: jax.random.fold_in(key, position))(keys)
            return self.test_step(params, *carry, batch_of(data, order, position, size), rng, common)

        return lax.fori_loop(bounds[0], bounds[1], body, carry)


class Mine:
    """An array of a batch of which each member has its own part, along the first axis."""

    def __init__(self, array: Any):
        self.array = array


jax.tree_util.register_pytree_node(Mine, lambda mine: ((mine.array,), None), lambda _, leaves: Mine(leaves[0]))


def _is_mine(leaf: Any) -> bool:
    return isinstance(leaf, Mine)


def _with_axes(batch: Batch) -> tuple[Batch, Batch]:
    """Return the arrays of a batch, and the axis of the members in each: 0, or None where all share it."""
    arrays = jax.tree.map(lambda leaf: leaf.array if _is_mine(leaf) else leaf, batch, is_leaf=_is_mine)
    return arrays, jax.tree.map(lambda leaf: 0 if _is_mine(leaf) else None, batch, is_leaf=_is_mine)


def batch_of(data: Data, order: Any, position: Any, size: int) -> Batch:
    """Return the batch at `position`: one for all, or for each member if `order` is of shape (members, samples)."""
    own = data.of_members
    shared = Batch(data.x, data.y, data.weight)
    if order is None or order.ndim == 1:
        batch = take(shared, order, position, size)
        if own is None:
            return batch
        start = position * size
        index = start + jnp.arange(size) if order is None else lax.dynamic_slice_in_dim(order, start, size)
        return batch._replace(weight=Mine(_weighed(own[:, index], batch.weight, False)))
    index = lax.dynamic_slice_in_dim(order, position * size, size, axis=1)
    batch = jax.tree.map(lambda a: a.at[index].get(mode="promise_in_bounds"), shared)
    if own is not None:
        batch = batch._replace(weight=_weighed(jnp.take_along_axis(own, index, axis=1), batch.weight, True))
    return jax.tree.map(Mine, batch)


def _weighed(own: Any, weight: Any, has_members: bool) -> Any:
    """Return the members' weights, (members, size), times those of all, if there are any."""
    leaves = jax.tree.leaves(weight)
    if not leaves:
        return own
    given = leaves[0] if has_members else leaves[0][None]
    return own.reshape(own.shape + (1,) * (given.ndim - 2)) * given


def _joined(common: Common) -> Any:
    return _merged(common.shared, common.frozen)


def joined_params(params: Any, common: Common) -> Any:
    """Return all parameters of one member: the trained and the frozen ones."""
    return _merged(params, _joined(common))


def _merged(tree: Any, other: Any) -> Any:
    """Return the arrays of two trees by key and name."""
    return {key: {**tree.get(key, {}), **other.get(key, {})} for key in (*tree, *(k for k in other if k not in tree))}
