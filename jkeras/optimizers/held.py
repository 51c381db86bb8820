"""The variables that an optimizer was built on, with the state it has for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jkeras.core import stateless
from jkeras.core.template import two_level, unique_name
from jkeras.core.weight import Weight, plain
from jkeras.optimizers.transforms import path_name

_copied = jax.jit(jnp.copy)  # in less time than jnp.copy alone


class Held:
    """Variables, and a state over the tree `{key: {name: array}}` of their arrays.

    `slots` are variables with copies of the state's leaves, made when somebody looks; what is assigned to one takes the
    place of the leaf it shows. The first leaf is shown by `iterations`, which outlives this object.
    """

    def __init__(self, iterations: Weight) -> None:
        self.iterations = iterations
        self.variables: list[Any] = []
        self.keys: list[tuple[str, str]] = []
        self.state: Any = None
        self.slots: list[Weight] = []
        self.copies: list[Any] = [iterations.current()]  # what `iterations` and the slots held when they were written

    def build_on(self, variables: Sequence[Any], owner: str) -> None:
        """Name the variables by their paths."""
        for variable in variables:
            if not hasattr(variable, "assign"):
                raise TypeError(
                    f"{owner}.build expected variables; got a {type(variable).__name__}. For plain arrays use the pure "
                    "pair: state = optimizer.init(params); updates, state = optimizer.update(grads, state, params)."
                )
            path = unique_name(getattr(variable, "path", variable.name), ["/".join(key) for key in self.keys])
            folder, _, name = path.rpartition("/")
            self.keys.append((folder, name))
            self.variables.append(variable)

    def is_for(self, variables: Sequence[Any]) -> bool:
        """Whether these are its variables, in any order."""
        return {id(v) for v in variables} == {id(v) for v in self.variables}

    def is_counted_anew(self) -> bool:
        """Whether somebody assigned to `iterations`."""
        return self.iterations.current() is not self.copies[0]

    def tree(self, values: Iterable[Any]) -> dict[str, dict[str, Any]]:
        """Return values in the order of the variables as a tree like `params`."""
        return two_level((key, name, value) for (key, name), value in zip(self.keys, values, strict=True))

    def values(self, tree: Any) -> list[Any]:
        """Return what `tree` holds, in the order of the variables."""
        return [tree[key][name] for key, name in self.keys]

    def in_order(self, grads: Sequence[Any], variables: Sequence[Any] | None) -> list[Any]:
        """Return the gradients in the order of the variables, None where there is none.

        Raises:
            ValueError: If there is no gradient at all, or one for an unknown variable.
        """
        own = self.variables
        variables = own if variables is None else variables
        if len(grads) != len(variables):
            raise ValueError(f"Expected a gradient for each of {len(variables)} variables; got {len(grads)}.")
        known = {id(v) for v in own}
        for variable in variables:
            if id(variable) not in known:
                raise ValueError(
                    f"Unknown variable {variable!r}: this optimizer was built on others. Make a new optimizer for a "
                    "new set of variables, or call build with all of them first."
                )
        if all(g is None for g in grads):
            raise ValueError("No gradients provided for any variable: every one of them is None.")
        given = {id(v): g for v, g in zip(variables, grads, strict=True)}
        return [given.get(id(v)) for v in own]

    def keep(self, state: Any) -> None:
        """Hold `state`; the variables that show its leaves follow."""
        leaves = jax.tree.leaves(state)
        shown = zip([self.iterations, *self.slots], leaves, strict=False)
        if stateless.active() is not None:
            for variable, leaf in shown:
                variable.store(leaf)
            return
        self.state, self.copies = state, []
        for variable, leaf in shown:
            variable.store(_copied(leaf))  # as a training step may donate the leaf
            self.copies.append(variable.current())

    def with_changes(self) -> Any:
        """Return the state, with what was assigned to the variables that show it."""
        leaves, structure = jax.tree.flatten(self.state)
        is_changed = False
        for i, (variable, copy) in enumerate(zip([self.iterations, *self.slots], self.copies, strict=True)):
            if variable.current() is not copy:
                leaves[i], is_changed = jnp.array(variable.current()), True
        return jax.tree.unflatten(structure, leaves) if is_changed else self.state

    def show(self, rows: Sequence[tuple[str, Any]]) -> None:
        """Make the slots: one for each `(path, leaf)`."""
        for path, leaf in rows:
            slot = Weight(path.split("/", 1)[-1], leaf.shape, jnp.zeros, leaf.dtype.name, trainable=False)
            slot.path = path
            with jax.ensure_compile_time_eval():  # also while a step is traced that asks for the variables
                slot.store(jnp.array(leaf))
            self.slots.append(slot)
            self.copies.append(slot.current())


def moved(held: Held, state: Any, rows: Sequence[tuple[str, Weight]]) -> Any:
    """Return a state over the tree of `held` as one over the tree of `rows`, which name the same weights otherwise."""
    keys = {id(v): key for v, key in zip(held.variables, held.keys, strict=True)}
    if all(keys[id(weight)] == (key, weight.name) for key, weight in rows):
        return state
    own = jax.tree.structure(held.tree(range(len(held.keys))))

    def move(part: Any) -> Any:
        if jax.tree.structure(part) != own:
            return part
        return two_level((key, w.name, part[keys[id(w)][0]][keys[id(w)][1]]) for key, w in rows)

    return jax.tree.map(move, state, is_leaf=lambda part: jax.tree.structure(part) == own)


def step(optimizer: Any, grads: Any, state: Any, params: Any, rate: Any, absent: tuple[str, ...]) -> tuple[Any, Any]:
    """Return the parameters and the state after an update; what belongs to `absent` parameters stays as it is."""
    updates, after = optimizer.update(grads, state, params, learning_rate=rate)
    new = optax.apply_updates(params, updates)
    if not absent:
        return new, after
    paths = [path_name(path) for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]

    def kept(path: Any, before: Any, value: Any) -> Any:
        name = path_name(path)
        owners = [p for p in paths if name == p or name.endswith(f"/{p}")]
        return before if owners and max(owners, key=len) in absent else value

    keep = jax.tree_util.tree_map_with_path
    return keep(kept, params, new), keep(kept, state, after)


def current(variable: Any) -> Any:
    """Return a variable's array."""
    return variable.current() if isinstance(variable, Weight) else jnp.asarray(plain(variable))
