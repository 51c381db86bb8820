"""The members of a population as ordinary models: what each begins with, and what each has become."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import seeds
from jkeras.core.template import two_level, walk, weights_of
from jkeras.core.trees import named_leaves
from jkeras.models import Model
from jkeras.models.weight_rows import weight_rows
from jkeras.population.hyperparameters import Hyperparameters
from jkeras.random import SeedGenerator

INITIAL = ("draw", "keep")


class Beginning(NamedTuple):
    """What members start from: arrays by key and name with a member axis in front, and how many numbers were drawn."""

    arrays: dict[str, dict[str, Any]]
    shared: frozenset[tuple[str, str]]  # what is the same array for all of them
    drawn: list[int]  # by each member


class Builder:
    """Makes models of one architecture.

    Args:
        model: A compiled model, or a function without arguments that returns one.
        initial_weights: Whether a model's weights are drawn anew ("draw"), or members begin with those it has ("keep").

    Raises:
        TypeError: If it is neither.
        RuntimeError: If the model is not compiled.
    """

    def __init__(self, model: Any, initial_weights: str = "draw"):
        if initial_weights not in INITIAL:
            raise ValueError(f"initial_weights must be 'draw' or 'keep'; got {initial_weights!r}.")
        if not isinstance(model, Model) and not callable(model):
            raise TypeError(
                "Population expected a compiled model, or a function without arguments that returns one; "
                f"got {type(model).__name__}."
            )
        self.function: Callable[[], Any] | None = None if isinstance(model, Model) else model
        self.keeps = initial_weights == "keep"
        self.pattern: Any = None
        if self.function is None:
            _check_compiled(model)
            self.pattern = _copied(model)
            self.pattern.optimizer.iterations.assign(0)
            if not self.keeps:
                _undraw(self.pattern)

    def make(self) -> Any:
        """Return a new model, compiled, that nothing was done with yet."""
        if self.function is None:
            made = _copied(self.pattern)
            if not self.keeps:
                _undraw(made)
            return made
        made = self.function()
        if not isinstance(made, Model):
            raise TypeError(f"The function given to Population must return a compiled model; it returned {made!r}.")
        _check_compiled(made)
        return made

    def begin(self, worker: Any, sample: Any, member_seeds: Sequence[int], settings: Hyperparameters) -> Beginning:
        """Return what the members' models hold when their `fit` begins, each made and drawn after its own seed.

        Args:
            worker: A model made by this, whose layers know their shapes.
            sample: Abstract inputs, from which another model's layers know theirs.
            member_seeds: The seed of each member.
            settings: The hyperparameters, of which some decide first values.
        """
        made: dict[Any, tuple[list[Any], int]] = {}  # members that begin alike are drawn once
        members = []
        for i, seed in enumerate(member_seeds):
            key = seed, *settings.initial_of(worker, i).items()
            if key not in made:
                made[key] = self._member(worker, sample, seed, i, settings)
            members.append(made[key])
        rows = list(weights_of(worker))
        shared, arrays = set[tuple[str, str]](), []
        for place, (key, w) in enumerate(rows):
            values = [values[place] for values, _ in members]
            if all(value is values[0] for value in values):
                shared.add((key, w.name))
                arrays.append((key, w.name, values[0]))
            elif jnp.issubdtype(values[0].dtype, jax.dtypes.prng_key):
                arrays.append((key, w.name, jnp.stack(values)))
            else:
                arrays.append((key, w.name, np.stack([np.asarray(value) for value in values])))
        return Beginning(two_level(iter(arrays)), frozenset(shared), [drawn for _, drawn in members])

    def _member(
        self, worker: Any, sample: Any, seed: int, member: int, settings: Hyperparameters
    ) -> tuple[list[Any], int]:
        """Return the arrays of one member, in the order of the worker's weights, and how many numbers were drawn."""
        with seeds.seeded(seed) as drawn:
            if self.function is None:
                model = worker
                if not self.keeps:
                    _undraw(model)
                for _ in range(_numbers_of_construction(model)):
                    seeds.next_number()
            else:
                model = self.make()
                declare(model, sample)
            settings.set_on(model, member, initial_only=True)
            return [w.current() for _, w in model._drawn_weights()], drawn()


def _check_compiled(model: Any) -> None:
    if model.optimizer is None:
        raise RuntimeError("Call compile before Population: model.compile(optimizer='adam', loss='mse').")


def _copied(model: Any) -> Any:
    """Return a copy of a model, whose own weights are left undrawn where they are."""
    undrawn = [w for _, w in weights_of(model) if not w.is_drawn]
    with seeds.seeded(0):
        drawn = model._drawn_weights() if undrawn or model._is_declared() else []
        # Arrays do not change, so both may hold them; copying each would compile a program for each shape.
        shared = {id(w._array): w._array for _, w in drawn}
        for _, w in drawn:
            w.lent = True
        made = copy.deepcopy(model, shared)
    for w in undrawn:
        w._array = None
    return made


def _undraw(model: Any) -> None:
    """Let the weights of a model be drawn anew, but for what its layers learned from data by `adapt`."""
    adapted = {id(w) for _, layer in walk(model) if hasattr(layer, "adapt") for w in layer._weights}
    for _, w in weights_of(model):
        if id(w) not in adapted:
            w._array = None


def _numbers_of_construction(model: Any) -> int:
    """How many numbers were drawn while the model was built: each seed generator without a seed draws one."""
    found = {id(v): v for _, layer in walk(model) for v in vars(layer).values() if isinstance(v, SeedGenerator)}
    return sum(generator.seed is None for generator in found.values())


def declare(model: Any, sample: Any) -> None:
    """Let the layers of a model know their shapes, from abstract inputs."""
    if model._plan is None and not model._is_declared() and type(model).call is not Model.call:
        model._declare((sample,), {})


def member_model(
    builder: Builder, sample: Any, settings: Hyperparameters, member: int, arrays: Any, opt_state: Any, seed: int,
    rate: float | None,
) -> Any:  # fmt: skip
    """Return one member as an ordinary model, compiled with its settings.

    Args:
        builder: Makes the model.
        sample: Abstract inputs.
        settings: The hyperparameters.
        member: Its number.
        arrays: Its parameters and state, by key and name.
        opt_state: The state of its optimizer, None before it was trained.
        seed: Its seed.
        rate: Its learning rate, which callbacks may have changed; None if a schedule computes it.
    """
    with seeds.seeded(seed):
        model = builder.make()
        settings.set_on(model, member)
        if rate is not None:
            model.optimizer.learning_rate = rate
        declare(model, sample)
        rows = weight_rows(model)
        for key, w in weights_of(model):
            if key in arrays and w.name in arrays[key]:
                w.store(jnp.array(arrays[key][w.name]))
    if opt_state is not None:
        params = two_level((key, w.name, w.current()) for key, w in rows.trained)
        state = _fitted(opt_state, model.optimizer.init(params))
        model._compiled.opt_state = (state, jax.tree.structure(params))
        model._compiled.keeper.hold(rows.trained, state)
    return model


def _fitted(state: Any, fresh: Any) -> Any:
    """Return an optimizer's state in the structure that it has alone, where a part that does nothing is left out."""
    if jax.tree.structure(state) == jax.tree.structure(fresh):
        return jax.tree.map(jnp.array, state)

    def short(path: str) -> str:
        return "/".join(part for part in path.split("/") if not part.isdigit())

    known = {short(path): leaf for path, leaf in named_leaves(state).items()}
    leaves = [jnp.array(known[short(path)]) for path in named_leaves(fresh)]
    return jax.tree.unflatten(jax.tree.structure(fresh), leaves)
