"""The state of an optimizer as Keras keeps it: a number of updates, a learning rate, slots for each variable.

Keras 3 writes them in this order and gives them only numbers, `[iteration, learning_rate, m of the first variable, v of
the first, m of the second, ...]`; older files have names as well. The state here is a tree of optax; a table says which
part of it is which slot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import blame
from jkeras.core.placement import on_host
from jkeras.optimizers.transforms import path_name


class Slot(NamedTuple):
    """One array that an optimizer keeps for each variable: where it is in our state, and its names in files."""

    part: str
    keras3: str
    keras2: str
    legacy: str  # in `keras.optimizers.legacy` and before
    sign: int = 1  # -1: Keras subtracts what optax adds

    @property
    def names(self) -> tuple[str, str, str]:
        """Every name that files have for it."""
        return self.keras3, self.keras2, self.legacy


_MOMENTUM = Slot("mu", "momentum", "m", "m")
_VELOCITY = Slot("nu", "velocity", "v", "v")
_AVERAGE = Slot("average", "average", "average", "average")
_ACCUMULATED = Slot("acc_grads", "gradient_accumulator", "gradient_accumulator", "gradient_accumulator")
_ADAM = ((_MOMENTUM, _VELOCITY), (Slot("nu_max", "velocity_hat", "vhat", "vhat"),))
# Groups of slots: within a group, Keras goes variable by variable.
SLOTS: dict[str, tuple[tuple[Slot, ...], ...]] = {
    "SGD": ((Slot("trace", "momentum", "m", "momentum"),),),
    "RMSprop": (
        (Slot("nu", "velocity", "velocity", "rms"),),
        (Slot("trace", "momentum", "momentum", "momentum", sign=-1),),
        (Slot("mu", "average_gradient", "average_gradient", "mg"),),
    ),
    **dict.fromkeys(("Adam", "AdamW", "Nadam", "Lamb"), _ADAM),
    "Adamax": ((_MOMENTUM, Slot("nu", "norm", "u", "v")),),
    "Adadelta": (
        (
            Slot("e_g", "accumulated_grad", "accumulated_grad", "accum_grad"),
            Slot("e_x", "accumulated_delta_var", "accumulated_delta_var", "accum_var"),
        ),
    ),
    "Adagrad": ((Slot("sum_of_squares", "accumulator", "accumulator", "accumulator"),),),
    "Adafactor": ((Slot("row", "r", "r", "r"), Slot("column", "c", "c", "c"), Slot("velocity", "v", "v", "v")),),
    "Ftrl": (
        (
            Slot("accumulator", "accumulator", "accumulator", "accumulator"),
            Slot("linear", "linear", "linear", "linear"),
        ),
    ),
    "Lion": ((_MOMENTUM,),),
    "Muon": ((Slot("trace|mu", "momentum", "m", "m"), _VELOCITY),),
}
_ITERATIONS = ("iteration", "iterations", "iter")
# Scalars of our state that follow from the number of updates.
_COUNTS = ("count", "gradient_step")


class Row(NamedTuple):
    """A value in a file: its name there if it has one, its shape, and how it is read."""

    name: str
    shape: tuple[int, ...]
    read: Any


class _State:
    """The state of an optimizer as a list of leaves, found by part and variable."""

    def __init__(self, optimizer: Any, variables: Sequence[Any]):
        self.optimizer = optimizer
        if not optimizer.built or not optimizer._held.is_for(variables):
            optimizer.build(variables)
        self.variables = list(variables)
        held = optimizer._held
        keys = {id(v): "/".join(filter(None, key)) for v, key in zip(held.variables, held.keys, strict=True)}
        self.names = [keys[id(v)] for v in self.variables]
        self.state = optimizer._state()
        rows, self.structure = jax.tree_util.tree_flatten_with_path(self.state)
        self.leaves = [leaf for _, leaf in rows]
        self.scalars: dict[str, list[int]] = {}
        self.slots: dict[tuple[str, int], int] = {}
        owners = sorted(((key, i) for i, v in enumerate(variables) for key in [keys[id(v)]]), key=lambda r: -len(r[0]))
        for index, (path, _) in enumerate(rows):
            name = path_name(path)
            owner = next(((key, i) for key, i in owners if name.endswith(f"/{key}")), None)
            if owner is None:
                self.scalars.setdefault(name.rsplit("/", 1)[-1], []).append(index)
            else:
                part = name[: -len(owner[0]) - 1].rsplit("/", 1)[-1]
                self.slots[part, owner[1]] = index

    def groups(self) -> Iterator[list[tuple[Slot, int]]]:
        """Yield the slots there are as `(slot, variable)`, in the order of Keras 3, group by group."""
        known = SLOTS.get(type(self.optimizer).__name__, ())
        for group in ((_AVERAGE,), (_ACCUMULATED,), *known):
            found = [(slot, i) for i in range(len(self.variables)) for slot in group if self._has(slot, i)]
            if found:
                yield found

    def _has(self, slot: Slot, variable: int) -> bool:
        return slot.part == "velocity" or self.index(slot, variable) is not None

    def index(self, slot: Slot, variable: int) -> int | None:
        """Return the position of a leaf, or None if the state has none such."""
        found = (self.slots.get((part, variable)) for part in slot.part.split("|"))
        return next((index for index in found if index is not None), None)

    def value(self, slot: Slot, variable: int) -> Any:
        """Return the array that Keras keeps in a slot."""
        index = self.index(slot, variable)
        if type(self.optimizer).__name__ != "Adafactor":
            return slot.sign * self.leaves[index]  # type: ignore[index]
        return _adafactor(slot, self.variables[variable].shape, lambda name: self.leaves[self.slots[name, variable]])

    def set(self, slot: Slot, variable: int, array: np.ndarray) -> None:
        """Take the array that Keras keeps in a slot."""
        shape = self.variables[variable].shape
        if type(self.optimizer).__name__ == "Adafactor":
            # What is not factored is in Keras's third slot, and in our first.
            wanted = {"row": len(shape) >= 2, "column": len(shape) >= 2, "velocity": len(shape) < 2}
            if not wanted[slot.part]:
                return
            slot = slot._replace(part="row") if slot.part == "velocity" else slot
        index = self.index(slot, variable)
        assert index is not None
        self.leaves[index] = jnp.asarray(slot.sign * array, self.leaves[index].dtype)

    def set_scalar(self, name: str, value: Any) -> None:
        for index in self.scalars.get(name, ()):
            self.leaves[index] = jnp.asarray(value, self.leaves[index].dtype)

    def store(self) -> None:
        self.optimizer._keep(jax.tree.unflatten(self.structure, self.leaves))


def _adafactor(slot: Slot, shape: tuple[int, ...], leaf: Any) -> Any:
    """Keras keeps rows, columns and the whole for each variable, though it uses either the two or the third."""
    is_factored = len(shape) >= 2
    if slot.part == "velocity":
        return jnp.zeros(shape) if is_factored else leaf("row")
    return leaf(slot.part) if is_factored else jnp.zeros(())


def optimizer_rows(optimizer: Any, variables: Sequence[Any], era: int = 3) -> list[tuple[str, np.ndarray]]:
    """Return the name and the value of everything that Keras keeps for an optimizer, in its order.

    An optimizer that Keras does not know gives its own variables by their paths.

    Args:
        optimizer: Of a model that is or can be trained.
        variables: The trainable variables of the model, in the order of Keras.
        era: 3, or 2 for the names of tf_keras, which keeps neither the learning rate here nor the product of Nadam.
    """
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:
        return _loss_scale_rows(optimizer, variables)
    state = _State(optimizer, variables)
    if type(optimizer).__name__ not in SLOTS:
        return [(v.path, np.asarray(v.current())) for v in optimizer.variables]
    name = optimizer.name if era == 3 else type(optimizer).__name__
    rows: list[tuple[str, Any]] = [(f"{name}/iteration" if era == 3 else "iteration:0", optimizer.iterations.current())]
    if era == 3:
        rows += [(f"{name}/learning_rate", v.current()) for v in optimizer._rate_variables()]
    for group in state.groups():
        for slot, variable in group:
            path, value = state.names[variable], state.value(slot, variable)
            shown = f"{path.replace('/', '_')}_{slot.keras3}" if era == 3 else f"{slot.keras2}/{path}:0"
            rows.append((f"{name}/{shown}", value))
    for index in state.scalars.get("momentum_product", ()) if era == 3 else ():
        rows.append((f"{name}/momentum_product", state.leaves[index]))
    return [(row, on_host(value)) for row, value in rows]


def _loss_scale_rows(optimizer: Any, variables: Sequence[Any]) -> list[tuple[str, np.ndarray]]:
    inner = optimizer.inner_optimizer
    state = _State(optimizer, variables)
    shown = optimizer.name
    scale, steps = (state.leaves[state.scalars[name][0]] for name in ("scale", "finite_steps"))
    # Keras counts in the inner optimizer; what it has here stays at the beginning.
    rows = [(f"{shown}/iteration", np.int32(0)), (f"{shown}/learning_rate", np.float32(0))]
    rows += [(f"{shown}/step_counter", steps), (f"{shown}/dynamic_scale", scale)]
    own = [(row, on_host(value)) for row, value in rows]
    inner.build(variables)
    inner._keep(optimizer._inner_state(optimizer._state()))
    return own + optimizer_rows(inner, variables)


def restore_optimizer(optimizer: Any, variables: Sequence[Any], rows: list[Row], where: str) -> bool:
    """Give an optimizer the state that a file has for it; return whether it could be done.

    Args:
        optimizer: A fresh one.
        variables: The trainable variables of the model, in the order of Keras.
        rows: What the file has, in its order.
        where: The file, for messages.

    If the file has another number of arrays or other shapes than this optimizer would have, that is said in a
    warning and the optimizer begins anew: the weights of a model are worth loading without it.
    """
    if not rows:
        return False
    try:
        _restore(optimizer, variables, rows)
    except _DoesNotFit as error:
        blame.warn(
            f"{where}: the state of the optimizer ({type(optimizer).__name__}) does not fit and was left out, so that "
            f"training begins with a fresh one. {error}"
        )
        optimizer.build(variables)
        return False
    return True


def fits(optimizer: Any, variables: Sequence[Any], rows: list[Row]) -> bool:
    """Whether a file has as many arrays for an optimizer, of the same shapes, as it has itself."""
    if not optimizer._held.is_for(variables):
        return False
    return [row.shape for row in rows] == [array.shape for _, array in optimizer_rows(optimizer, variables)]


class _DoesNotFit(Exception):
    """The arrays of a file are not those of the optimizer."""


def _restore(optimizer: Any, variables: Sequence[Any], rows: list[Row]) -> None:
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:
        return _restore_loss_scale(optimizer, variables, rows)
    state = _State(optimizer, variables)
    if type(optimizer).__name__ not in SLOTS:
        return _restore_own(optimizer, rows)
    pairs, scalars = _pair(state, rows)
    values = [(slot, variable, row.read()) for slot, variable, row in pairs]
    read = {name: row.read() for name, row in scalars.items()}
    for slot, variable, array in values:
        state.set(slot, variable, array)
    done = int(read["iteration"]) if "iteration" in read else 0
    every = optimizer.gradient_accumulation_steps or 1
    state.set_scalar("mini_step", done % every)
    for name in _COUNTS:
        state.set_scalar(name, done // every)
    if "momentum_product" in state.scalars:
        state.set_scalar("momentum_product", read.get("momentum_product", _momentum_product(optimizer, done)))
    state.leaves[0] = jnp.asarray(done, state.leaves[0].dtype)
    state.store()
    for variable in optimizer._rate_variables():
        if "learning_rate" in read:
            variable.assign(read["learning_rate"])


def _restore_loss_scale(optimizer: Any, variables: Sequence[Any], rows: list[Row]) -> None:
    inner = optimizer.inner_optimizer
    scalars = [row for row in rows[:4] if row.shape == ()]
    if len(scalars) != 4:
        raise _DoesNotFit("Expected iteration, learning rate, step counter and scale first.")
    # What the inner one has is numbered on.
    renamed = [row._replace(name=str(i)) if row.name.isdigit() else row for i, row in enumerate(rows[4:])]
    _restore(inner, variables, renamed)
    optimizer.build(variables)
    state = _State(optimizer, variables)
    inside = jax.tree.leaves(inner._state())
    # The iterations come first; the scale and its counter are this optimizer's own; the rest is what the inner one has.
    own = {state.scalars["scale"][0]: scalars[3].read(), state.scalars["finite_steps"][0]: scalars[2].read()}
    rest = iter(inside)
    for index, leaf in enumerate(state.leaves):
        state.leaves[index] = jnp.asarray(own[index], leaf.dtype) if index in own else next(rest)
    state.store()


def _restore_own(optimizer: Any, rows: list[Row]) -> None:
    own = optimizer.variables
    if [row.shape for row in rows] != [tuple(v.shape) for v in own]:
        raise _DoesNotFit(f"It has {len(own)} arrays; the file has {len(rows)}, or others.")
    for variable, array in [(variable, row.read()) for variable, row in zip(own, rows, strict=True)]:
        variable.assign(array)


def _pair(state: _State, rows: list[Row]) -> tuple[list[tuple[Slot, int, Row]], dict[str, Row]]:
    """Return which row belongs to which slot of which variable, and the rows of single numbers."""
    scalars = _scalars(rows)
    taken = {id(row) for row in scalars.values()}
    rest = [row for row in rows if id(row) not in taken]
    groups = list(state.groups())
    by_name = _pair_by_name(groups, rest)
    orders = [by_name] if by_name is not None else [_in_order(groups, rest), _in_order(_by_slot(groups), rest)]
    for order in orders:
        if order is not None and all(row.shape == np.shape(state.value(slot, i)) for slot, i, row in order):
            return order, scalars
    expected = [np.shape(state.value(slot, i)) for group in groups for slot, i in group]
    raise _DoesNotFit(
        f"It keeps {len(expected)} arrays of shapes {expected[:12]}; the file has {len(rest)} of shapes "
        f"{[row.shape for row in rest][:12]}."
    )


def _scalars(rows: list[Row]) -> dict[str, Row]:
    """Return the number of updates, the learning rate and the product of Nadam, by name or by place."""
    found: dict[str, Row] = {}
    for row in rows:
        last = row.name.split(":")[0].rsplit("/", 1)[-1]
        if row.shape == () and last in _ITERATIONS:
            found["iteration"] = row
        elif row.shape == () and last == "learning_rate":
            found["learning_rate"] = row
        elif row.shape == () and last in ("momentum_product", "momentum_cache", "variable"):
            found["momentum_product"] = row
    if "iteration" in found or not rows or rows[0].shape != ():
        return found
    found["iteration"] = rows[0]
    if "learning_rate" not in found and len(rows) > 1 and rows[1].shape == () and rows[1].name == "1":
        found["learning_rate"] = rows[1]
    if rows[-1].shape == () and len(rows) > 2:
        found["momentum_product"] = rows[-1]
    return found


def _pair_by_name(groups: list[list[tuple[Slot, int]]], rows: list[Row]) -> list[tuple[Slot, int, Row]] | None:
    """Pair rows whose names tell the slot; None if they do not.

    Such are `Adam/m/dense/kernel:0`, `Adam/dense/kernel/m:0` and `adam/dense_kernel_velocity`. Within a slot they are
    in the order of the variables.
    """
    wanted: dict[Slot, list[int]] = {}
    for group in groups:
        for slot, variable in group:
            wanted.setdefault(slot, []).append(variable)
    found: dict[Slot, list[Row]] = {slot: [] for slot in wanted}
    for row in rows:
        parts = row.name.split(":")[0].split("/")
        places = [parts[1]] if len(parts) > 2 else []
        slots = [s for s in wanted if any(p in s.names for p in [*places, parts[-1]])]
        slots = slots or [s for s in wanted if len(parts) == 2 and parts[1].endswith(f"_{s.keras3}")]
        if not slots:
            continue  # a slot that this optimizer does not use, as the zeros of SGD without momentum
        found[max(slots, key=lambda s: len(s.keras3))].append(row)
    if any(len(found[slot]) != len(variables) for slot, variables in wanted.items()):
        return None
    return [(slot, i, row) for slot, variables in wanted.items() for i, row in zip(variables, found[slot], strict=True)]


def _in_order(groups: list[list[tuple[Slot, int]]], rows: list[Row]) -> list[tuple[Slot, int, Row]] | None:
    flat = [place for group in groups for place in group]
    if not flat:  # nothing is kept, and what an older optimizer kept without need is passed over
        return []
    if len(flat) != len(rows):
        return None
    return [(slot, variable, row) for (slot, variable), row in zip(flat, rows, strict=True)]


def _by_slot(groups: list[list[tuple[Slot, int]]]) -> list[list[tuple[Slot, int]]]:
    """Return the order of Keras 1 and of `keras.optimizers.legacy`: all of one slot, then all of the next."""
    ordered: dict[Slot, list[tuple[Slot, int]]] = {}
    for group in groups:
        for slot, variable in group:
            ordered.setdefault(slot, []).append((slot, variable))
    return list(ordered.values())


def _momentum_product(optimizer: Any, done: int) -> float:
    """Return the product of Nadam's momenta over the updates done, which tf_keras does not write."""
    steps = np.arange(1, done + 1)
    return float(np.prod(optimizer.beta_1 * (1 - 0.5 * 0.96**steps)))
