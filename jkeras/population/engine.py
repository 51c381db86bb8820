"""What a population is on the devices: the members' arrays, their seeds and settings, and the compiled steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import seeds as seed_source
from jkeras.core.compiling import SharedJit
from jkeras.core.template import two_level
from jkeras.models.steps.custom import evaluation_program
from jkeras.models.weight_rows import CARRIED, weight_rows
from jkeras.population.hyperparameters import Hyperparameters
from jkeras.population.members import Builder
from jkeras.population.placement import MemberPlacement
from jkeras.population.program import Common, Data, PopulationProgram
from jkeras.population.varied import Slots
from jkeras.training.arrays import on_host
from jkeras.training.data import Batch
from jkeras.training.program import TrainState

Tree = dict[str, dict[str, Any]]


class Engine:
    """The members of a population between calls of `fit`.

    Args:
        builder: Makes models.
        settings: The hyperparameters.
        seeds: The seed of each member.
        placement: Where members live.

    Attributes:
        worker: The model whose layers compute for all members.
        ts: The members' train states, each array with a member axis in front; None before they have seen data.
        rates: The members' learning rates, None if a schedule computes them.
    """

    def __init__(self, builder: Builder, settings: Hyperparameters, seeds: list[int], placement: MemberPlacement):
        self.builder, self.settings, self.seeds, self.placement = builder, settings, seeds, placement
        with seed_source.seeded(seeds[0]):
            self.worker = builder.make()
        settings.check(self.worker)
        self.compiled: Any = self.worker._compiled
        self._check_supported()
        self.slots = Slots(settings.members)
        self.ts: TrainState | None = None
        self.rates: Any = None
        self.sample: Batch | None = None
        self._frozen: Tree = {}
        self._shared: Tree = {}
        self._drawn: list[int] = []
        self._varied: list[Any] = []
        self._programs: dict[Any, PopulationProgram] = {}

    def _check_supported(self) -> None:
        name = type(self.worker).__name__
        if self.compiled.eager:
            raise ValueError(
                "A population is one compiled program, so it cannot run eagerly. Compile without run_eagerly=True, or "
                "look into one model: population[i]."
            )
        if self.worker._placement.mesh is not None:
            raise ValueError(
                "A population spreads its members over devices itself, so its model must not be distributed. Leave the "
                "scope of the distribution, or call jkeras.distribution.set_distribution(None); and give "
                "Population(devices=...)."
            )
        if self.compiled.keeper is not self.compiled.optimizer:
            raise ValueError(
                f"{name} has an init_optimizer of its own, whose state a population does not know. Train with the "
                "optimizer of compile."
            )

    def program(self, sample: Batch, training: bool = True) -> PopulationProgram:
        """Return the compiled steps for batches like `sample`; members begin with the first batch they see."""
        if self.ts is None:
            self.begin(sample)
        program = self.compiled.program(self.worker, sample, training)
        found = self._programs.get(program)
        if found is None:
            found = self._programs[program] = PopulationProgram(program, self.slots, self.placement)
        return found

    def evaluation(self, program: PopulationProgram, data: Any) -> PopulationProgram:
        """Return the steps of a validation: the same, unless the model has steps of its own."""
        own = evaluation_program(self.worker, program.program, data)
        return program if own is program.program else self.program(data.sample(), training=False)

    def begin(self, sample: Batch) -> None:
        """Draw what the members begin with; batches are like `sample`."""
        program = self.compiled.program(self.worker, sample)
        self.sample = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), sample)
        found = self.builder.begin(self.worker, sample.x, self.seeds, self.settings)
        self._drawn = found.drawn
        own = getattr(program, "rows", None)  # a step in Keras's style carries frozen weights with the state
        rows = weight_rows(self.worker) if own is None else own

        def arrays(chosen: Sequence[Any], place: Any) -> Tree:
            return two_level((key, w.name, place((key.removeprefix(CARRIED), w.name), found)) for key, w in chosen)

        def split(name: tuple[str, str], found: Any) -> Any:
            array = found.arrays[name[0]][name[1]]
            return self.placement.spread(array) if name in found.shared else self.placement.members_of(array)

        def whole(name: tuple[str, str], found: Any) -> Any:
            return self.placement.put_whole(jnp.asarray(found.arrays[name[0]][name[1]]))

        names = [(key, w) for key, w in rows.frozen]
        self._shared = arrays([row for row in names if (row[0], row[1].name) in found.shared], whole)
        self._frozen = arrays([row for row in names if (row[0], row[1].name) not in found.shared], split)
        self.rates = self._first_rates()
        self._varied = self.settings.vary_on(self.worker)
        self.ts = TrainState(arrays(rows.trained, split), arrays(rows.state, split), None, None)

    def _first_rates(self) -> Any:
        """Return the learning rates with a member axis in front, as the optimizer hands them to a step."""
        rates = []
        for member in range(self.settings.members):
            self.settings.set_on(self.worker, member, rate_only=True)
            rates.append(jax.tree.map(np.float32, self.compiled.optimizer.rate_for_step))
        return jax.tree.map(lambda *values: np.stack(values), *rates)

    def next_numbers(self) -> np.ndarray:
        """Return what `seeds.next_number()` would be in the process of each member alone."""
        self._drawn = [count + 1 for count in self._drawn]
        numbers = [seed_source.number_at(seed, n) for seed, n in zip(self.seeds, self._drawn, strict=True)]
        return np.array(numbers, np.uint32)

    def keys(self, numbers: np.ndarray) -> Any:
        """Return a key for each member, of the numbers from `next_numbers`."""
        return _keys_of(self.placement.members_of(numbers))

    def common(self, keys: Any, active: np.ndarray | None = None) -> Common:
        """Return what the steps read but do not change."""
        place = self.placement.members_of
        return Common(
            self._frozen, self._shared, keys, place(self.rates), place(self.slots.table()),
            place(np.arange(self.settings.members, dtype=np.int32)), None if active is None else place(active),
        )  # fmt: skip

    def start(self, program: PopulationProgram, common: Common, trace: Any) -> tuple[TrainState, Common]:
        """Return what the first step of a run starts from.

        Args:
            program: The steps.
            common: What they read.
            trace: Traces a step, in which the numbers are met that differ from member to member.

        Raises:
            ValueError: If a hyperparameter is used nowhere.
        """
        assert self.ts is not None
        first = self.ts.opt_state is None
        if first:
            jax.eval_shape(program._begin, self.ts.params, common)
        trace()
        for varied in self._varied:
            if not varied.is_used:
                raise ValueError(
                    f"The hyperparameter {varied.name!r} is used nowhere in a step of training: with it, the members "
                    "would not differ. What shapes the program is a population of its own for each value."
                )
        self.slots.seal()
        common = common._replace(numbers=self.placement.members_of(self.slots.table()))
        if first:
            self.ts = self.ts._replace(opt_state=self.placement.settled(program.begin(self.ts.params, common)))
        return self.ts._replace(step=self.placement.members_of(np.zeros(self.settings.members, np.int32))), common

    def data(self, batch: Batch, own: np.ndarray | None = None) -> Data:
        """Put the data on the devices, once for all members; `own` are the members' weights of samples."""
        x, y, weight = jax.tree.map(lambda a: self.placement.put_whole(on_host(a)), batch)
        return Data(x, y, weight, None if own is None else self.placement.members_of(own.astype(np.float32)))

    def trees(self) -> tuple[Tree, Tree]:
        """Return the trained (or carried) parameters and the states, as an evaluation takes them."""
        assert self.ts is not None
        return plain(self.ts)

    def arrays_of(self, member: int) -> Tree:
        """Return all arrays of one member, by key and name."""
        params, state = self.trees()
        one: Any = _one((params, state, self._frozen), member)
        found: Tree = {}
        for tree in (*one, jax.tree.map(_apart, self._shared)):
            for key, part in tree.items():
                found.setdefault(key, {}).update(part)
        return found

    def rate_of(self, member: int) -> Any:
        """Return the learning rate of one member as it is now, None if it is not a single number."""
        return self.rates[member].item() if isinstance(self.rates, np.ndarray) else None

    def opt_state_of(self, member: int) -> Any:
        """Return the state of one member's optimizer, None before it was trained."""
        assert self.ts is not None
        return None if self.ts.opt_state is None else _one(self.ts.opt_state, member)


def plain(ts: TrainState) -> tuple[Tree, Tree]:
    """Return parameters and states of a train state, with frozen weights that its state carries among the former."""
    carried = {key.removeprefix(CARRIED): part for key, part in ts.state.items() if key.startswith(CARRIED)}
    if not carried:
        return ts.params, ts.state
    params = {key: {**ts.params.get(key, {}), **carried.get(key, {})} for key in {**ts.params, **carried}}
    return params, {key: part for key, part in ts.state.items() if not key.startswith(CARRIED)}


def _one(tree: Any, member: int) -> Any:
    return jax.tree.map(lambda a: _apart(a[member]), tree)


def _apart(array: Any) -> Any:
    """Return an array of one member as those of an ordinary model lie: on the default device, free to move."""
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(
            jnp.asarray(np.asarray(jax.random.key_data(array))), impl=jax.random.key_impl(array)
        )
    return jnp.asarray(np.asarray(array))


def _vmapped_keys(numbers: Any) -> Any:
    return jax.vmap(jax.random.key)(numbers)


def _chosen(mask: Any, new: Any, old: Any) -> Any:
    """Take the members in `mask` from one tree, the others from another."""

    def choose(one: Any, other: Any) -> Any:
        return jnp.where(mask.reshape(mask.shape + (1,) * (one.ndim - 1)), one, other)

    return jax.tree.map(choose, new, old)


_keys_of = SharedJit(_vmapped_keys, optimised=False)
chosen = SharedJit(_chosen, optimised=False)
copied = SharedJit(partial(jax.tree.map, jnp.copy), optimised=False)


def own_weights(sample_weight: Any, members: int) -> tuple[Any, np.ndarray | None]:
    """Return the sample weights for all members, and those of each: whichever `sample_weight` is."""
    if sample_weight is None or isinstance(sample_weight, (Mapping, list, tuple)) and not _is_matrix(sample_weight):
        return sample_weight, None
    array = np.asarray(sample_weight)
    if array.ndim == 2 and array.shape[0] == members and array.shape[1] > 1:
        return None, array
    return sample_weight, None


def _is_matrix(values: Any) -> bool:
    try:
        return np.asarray(values).ndim == 2
    except ValueError:
        return False
