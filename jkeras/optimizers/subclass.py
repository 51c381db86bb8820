"""Optimizers written in Keras style, `build` and `update_step`, as pure transformations.

The variables that `build` declares are read and assigned through a stateless scope, whose values are the state.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jkeras.core import seeds
from jkeras.core.stateless import StatelessScope
from jkeras.core.template import two_level, unique_name
from jkeras.core.weight import Weight, plain
from jkeras.initializers import get as get_initializer
from jkeras.optimizers.transforms import path_name


class Declared(NamedTuple):
    """A variable of an optimizer; its place in the state is `state[kind][owner]`."""

    kind: str
    owner: str  # the path of the parameter it belongs to, or ""
    variable: Weight


def add_variable(
    self: Any,
    shape: Any = (),
    initializer: Any = "zeros",
    dtype: Any = None,
    aggregation: str | None = "none",
    layout: Any = None,
    name: str | None = None,
) -> Weight:
    """Declare a variable of the optimizer, in `build`; it is part of the state.

    Args:
        shape: A tuple of integers.
        initializer: A name, an object or a function.
        dtype: Default is float32.
        aggregation: "none", "mean", "sum" or "only_first_replica", which come to the same for one array.
        layout: None; arrays are laid out as the parameters are.
        name: Its key in the state.

    Returns:
        The variable.

    Raises:
        ValueError: If a layout is given.
    """
    if layout is not None:
        raise ValueError("add_variable(layout=...) is not supported: state is laid out over devices as params are.")
    return _declare(self, name or "variable", "", shape, initializer, dtype or "float32", aggregation)


def add_variable_from_reference(
    self: Any,
    reference_variable: Any = None,
    name: str | None = None,
    initializer: Any = "zeros",
    *,
    model_variable: Any = None,
    variable_name: str | None = None,
    shape: Any = None,
    initial_value: Any = None,
) -> Weight:
    """Declare a variable of the shape and dtype of a parameter, in `build`.

    Args:
        reference_variable: The parameter.
        name: Its key in the state, such as "momentum".
        initializer: A name, an object or a function.
        model_variable, variable_name, initial_value: Keras 2's spelling.
        shape: Where it is not the shape of the parameter.

    Returns:
        The variable.
    """
    reference = reference_variable if model_variable is None else model_variable
    if initial_value is not None:
        value = jnp.asarray(plain(initial_value))
        shape, initializer = value.shape, functools.partial(_constant, value)
    shape = reference.shape if shape is None else shape
    return _declare(self, name or variable_name or "variable", reference.path, shape, initializer, reference.dtype)


def add_optimizer_variables(
    self: Any, trainable_variables: Sequence[Any], name: str | Sequence[str], initializer: Any = "zeros"
) -> Any:
    """Declare a variable for each parameter, or several, in `build`.

    Args:
        trainable_variables: The parameters.
        name: The key of the variables in the state, or several.
        initializer: One, or one for each name.

    Returns:
        A list of variables in the order of the parameters; for several names a tuple of lists.
    """
    names = [name] if isinstance(name, str) else list(name)
    initializers = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
    lists = tuple(
        [add_variable_from_reference(self, v, one, begin) for v in trainable_variables]
        for one, begin in zip(names, initializers, strict=True)
    )
    return lists[0] if isinstance(name, str) else lists


def _constant(value: Any, shape: Any, dtype: Any) -> Any:
    return value.astype(dtype)


def _declare(
    optimizer: Any, kind: str, owner: str, shape: Any, initializer: Any, dtype: Any, aggregation: str | None = "none"
) -> Weight:
    kind = unique_name(kind, [row.kind for row in optimizer._declared if row.owner == owner])
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    variable = Weight(
        kind, shape, get_initializer(initializer), jnp.dtype(dtype).name, trainable=False, aggregation=aggregation
    )
    variable.path = f"{optimizer.name}/{owner}_{kind}" if owner else f"{optimizer.name}/{kind}"
    optimizer._declared.append(Declared(kind, owner, variable))
    return variable


def assign(self: Any, variable: Any, value: Any) -> None:
    """Set a variable, in `update_step`.

    Args:
        variable: The parameter, or a variable that `build` declared.
        value: An array of its shape.
    """
    variable.assign(value)


def assign_add(self: Any, variable: Any, value: Any) -> None:
    """Add to a variable, in `update_step`.

    Args:
        variable: The parameter, or a variable that `build` declared.
        value: An array of its shape.
    """
    variable.assign_add(value)


def assign_sub(self: Any, variable: Any, value: Any) -> None:
    """Subtract from a variable, in `update_step`.

    Args:
        variable: The parameter, or a variable that `build` declared.
        value: An array of its shape.
    """
    variable.assign_sub(value)


def variable_index(self: Any, variable: Any) -> int:
    """Return the position of a parameter among those that `build` was given."""
    for i, known in enumerate(self._trainable_variables):
        if known is variable:
            return i
    raise ValueError(f"Unknown variable {variable!r}: {type(self).__name__} was built on others.")


def variable_key(self: Any, variable: Any) -> str:
    """Return what Keras 2 keeps a variable's index under."""
    return variable.path


@property
def index_of_keys(self: Any) -> dict[str, int]:
    """The positions of the parameters by `_var_key`, as in Keras 2."""
    return {v.path: i for i, v in enumerate(self._trainable_variables)}


def transformation(optimizer: Any, rate: Any, step: Any) -> optax.GradientTransformation:
    """Return what `optimizer.update_step` does to each parameter as one transformation; the rate is contained.

    Args:
        optimizer: An optimizer with `build` and `update_step`.
        rate: The learning rate, a scalar.
        step: The number of updates done before: what `optimizer.iterations` reads as.
    """

    def init(params: Any) -> dict[str, dict[str, Any]]:
        _declare_for(optimizer, params)
        rows = enumerate(optimizer._declared)
        return two_level((row.kind, row.owner, row.variable.draw(seeds.as_key(i))) for i, row in rows)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        if params is None:
            raise ValueError(f"{type(optimizer).__name__} needs the parameters: opt.update(grads, opt_state, params).")
        variables = _declare_for(optimizer, params)
        arrays, structure = jax.tree.flatten(params)
        mapping = [(row.variable, state[row.kind][row.owner]) for row in optimizer._declared]
        mapping += [*zip(variables, arrays, strict=True), (optimizer._iterations, step)]
        mapping += [(variable, rate) for variable in optimizer._rate_variables()]
        takes_rate = "learning_rate" in inspect.signature(optimizer.update_step).parameters
        optimizer._trainable_variables = variables
        with StatelessScope(mapping) as scope:
            for gradient, variable in zip(jax.tree.leaves(updates), variables, strict=True):
                optimizer.update_step(gradient, variable, *((rate,) if takes_rate else ()))
        changes = [scope.get_current_value(v) - a for v, a in zip(variables, arrays, strict=True)]
        rows = ((r.kind, r.owner, scope.get_current_value(r.variable)) for r in optimizer._declared)
        return jax.tree.unflatten(structure, changes), two_level(rows)

    return optax.GradientTransformation(init, update)


def _declare_for(optimizer: Any, params: Any) -> list[Weight]:
    """Let `optimizer.build` declare its variables for `params`, once, and return what stands for the parameters."""
    rows = [(path_name(path), leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]]
    wanted = [(path, tuple(leaf.shape), jnp.dtype(leaf.dtype).name) for path, leaf in rows]
    known = optimizer.__dict__.get("_declared_for")
    if known is not None and known[0] == wanted:
        return known[1]
    variables = []
    for path, shape, dtype in wanted:
        variable = Weight(path.rpartition("/")[2], shape, jnp.zeros, dtype)
        variable.path = path
        variables.append(variable)
    # A class may ask either whether it was built already; Keras 2's own set `_built` themselves.
    optimizer.built, optimizer._built, optimizer._declaring = False, False, True
    try:
        with jax.ensure_compile_time_eval():
            optimizer.build(variables)
    finally:
        optimizer._declaring = False
        optimizer.built = bool(optimizer._held.variables)
    optimizer._declared_for = (wanted, variables)
    return variables
