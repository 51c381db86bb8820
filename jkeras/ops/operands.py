"""Rows of array functions: what becomes of their arguments before they reach the operation."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jkeras.core.dtypes import to_array
from jkeras.core.graph import has_symbolic
from jkeras.core.operation import operation
from jkeras.core.weight import ArrayHolder, plain

# Parameters that are arrays; all others but dtypes are plain numbers, names and functions.
ARRAYS = frozenset(
    "a array b bins condition default fill_value indices q sorted_sequence start stop values weights "
    "x x1 x2 x_max x_min y".split()
)


def as_operand(value: Any) -> Any:
    """Return lists and what holds an array as arrays; what is a number, an array or symbolic already, as it is.

    Python's numbers stay what they are, so that they take the dtype of what they meet.

    >>> as_operand([1, 2.5]).dtype, as_operand(2.5)
    (dtype('float32'), 2.5)
    """
    value = plain(value)
    if isinstance(value, (list, tuple)) and not has_symbolic(value):
        return jnp.asarray(jax.tree.map(plain, value, is_leaf=lambda leaf: isinstance(leaf, ArrayHolder)))
    return to_array(value) if isinstance(value, np.ndarray) else value


def as_operands(values: Any) -> Any:
    """Return a sequence of arrays with each of them as an operand; an array is the sequence of its rows."""
    return [as_operand(value) for value in values] if isinstance(values, (list, tuple)) else as_operand(values)


def as_numbers(value: Any) -> Any:
    """Return a size, an axis or a tree of them without arrays, which would be traced when shapes are found.

    >>> as_numbers((np.int64(2), np.array([1, 3]), None))
    (2, [1, 3], None)
    """

    def number(leaf: Any) -> Any:
        return leaf.tolist() if isinstance(leaf, known) and not isinstance(leaf, Tracer) else leaf

    known = (np.ndarray, np.generic, jax.Array)
    return jax.tree.map(number, value)


def as_dtype(dtype: Any) -> Any:
    """Return the dtype that JAX has for `dtype`: 32 bits for 64 unless 64-bit JAX is enabled; None stays None.

    >>> as_dtype("int64"), as_dtype("bfloat16")
    (dtype('int32'), dtype(bfloat16))
    """
    return None if dtype is None else jax.dtypes.canonicalize_dtype(dtype)


def row(
    function: Callable[..., Any],
    parameters: str,
    summary: str,
    example: str = "",
    several: bool = False,
    **options: Any,
) -> Callable[..., Any]:
    """Return an operation that takes lists and weights for arrays, and any kind of integer for sizes and axes.

    Args:
        function: As for `jkeras.core.operation.operation`, like the next three.
        parameters: The signature that users see; the names in `ARRAYS` are arrays.
        summary: What it does, in one line.
        example: Arguments and result.
        several: Whether the parameters without a default are sequences of arrays.
        options: `elementwise`, `returns` and what parameters mean, as for `operation`.

    >>> add = row(jnp.add, "x1, x2", "Sum.", elementwise=True)
    >>> add([1, 2], 0.5).tolist()
    [1.5, 2.5]
    >>> row(jnp.stack, "x, axis=0", "Join along a new axis.", several=True)(([1, 2], [3, 4]), axis=np.int64(1)).tolist()
    [[1, 3], [2, 4]]
    """
    perform = operation(function, parameters, summary, example, **options)
    given = inspect.signature(perform).parameters.values()

    def converter(parameter: inspect.Parameter) -> Callable[[Any], Any]:
        if several and parameter.default is parameter.empty:
            return as_operands
        return as_dtype if parameter.name == "dtype" else as_operand if parameter.name in ARRAYS else as_numbers

    by_name = {p.name: converter(p) for p in given}
    by_position = [by_name[p.name] for p in given if p.kind is p.POSITIONAL_OR_KEYWORD]

    # What does not fit the signature is passed on, for `perform` to refuse.
    @functools.wraps(perform)
    def call(*args: Any, **kwargs: Any) -> Any:
        converters = itertools.chain(by_position, itertools.repeat(as_operand))
        operands = [convert(value) for convert, value in zip(converters, args)]
        return perform(*operands, **{name: by_name.get(name, as_operand)(value) for name, value in kwargs.items()})

    return call


def need_values(name: str, x: Any, instead: str) -> None:
    """Refuse arrays whose values are not known yet where the shape of the result depends on them."""
    if isinstance(x, Tracer):
        raise ValueError(
            f"{name}: the shape of the result depends on the values of the argument, which are not known while a model "
            f"is built or a function is compiled. Give the size of the result: {instead}."
        )


def sizes(name: str, shape: int | Sequence[int]) -> tuple[int, ...]:
    """Return a shape as a tuple; refuse unknown sizes."""
    given = as_numbers(shape)
    given = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    if None in given:
        raise ValueError(
            f"{name}: the shape {given} has an unknown size. Make it from an array that has that size, "
            f"e.g. with ops.zeros_like or ops.broadcast_to, or inside the `call` of a layer, where sizes are known."
        )
    return given
