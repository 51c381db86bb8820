"""Shapes, joining and splitting, indexing and choosing."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.core import operators
from jkeras.core.operation import operate, publish
from jkeras.ops.operands import as_operand, need_values, row

# Shapes


def _reshape(x: Any, newshape: int | Sequence[int | None]) -> Array:
    wanted = [newshape] if isinstance(newshape, int) else list(newshape)
    shape = jnp.shape(x)
    if sum(n in (None, -1) for n in wanted) > 1:
        wanted = [shape[axis] if n is None and axis < len(shape) else n for axis, n in enumerate(wanted)]
    return jnp.reshape(x, [-1 if n is None else n for n in wanted])


def _broadcast_to(x: Any, shape: int | Sequence[int | None]) -> Array:
    wanted = [shape] if isinstance(shape, int) else list(shape)
    known = [None] * (len(wanted) - jnp.ndim(x)) + list(jnp.shape(x))
    return jnp.broadcast_to(x, [own if n is None else n for n, own in zip(wanted, known)])


def _repeat(x: Any, repeats: Any, *, axis: int | None) -> Array:
    return jnp.repeat(x, np.asarray(repeats) if isinstance(repeats, (list, tuple)) else repeats, axis)


def _rot90(array: Any, *, k: int, axes: Sequence[int]) -> Array:
    first, second = axes
    return jnp.rot90(array, k, (first, second))


def _pad(x: Any, pad_width: Any, *, mode: str, constant_values: Any) -> Array:
    if constant_values is None:
        return jnp.pad(x, pad_width, mode)
    if mode != "constant":
        raise ValueError(f"pad: constant_values is for mode='constant'; got mode={mode!r}.")
    return jnp.pad(x, pad_width, mode, constant_values=constant_values)


_row = functools.partial(row, returns="Array of the dtype of `x`.")
_moved = functools.partial(row, returns="Array of the shape and dtype of `x`.")

reshape = _row(
    _reshape, "x, newshape", "The same elements in another shape.", "[1, 2, 3, 4], (2, -1) -> [[1, 2], [3, 4]]",
    newshape="Sizes; -1 or None is the one that is left. If several are None, each is the size that `x` has there.",
)  # fmt: skip
ravel = _row(jnp.ravel, "x", "One axis.", "[[1, 2], [3, 4]] -> [1, 2, 3, 4]")
expand_dims = _row(
    jnp.expand_dims, "x, axis", "New axes of size 1 at `axis`.", "[1, 2], 1 -> [[1], [2]]",
    axis="One axis of the result or several.",
)  # fmt: skip
squeeze = _row(
    jnp.squeeze,
    "x, axis=None",
    "Without axes of size 1.",
    "[[1], [2]] -> [1, 2]",
    axis="One axis or several; None is all.",
)
transpose = _row(
    jnp.transpose, "x, axes=None", "Axes in another order.", "[[1, 2], [3, 4]] -> [[1, 3], [2, 4]]",
    axes="All axes in their new order; None reverses them.",
)  # fmt: skip
moveaxis = _row(
    jnp.moveaxis, "x, source, destination", "Some axes at other places, the others in their order.",
    "jnp.ones((2, 3, 4)), 0, -1 -> shape (3, 4, 2)", source="One axis or several.", destination="As many places.",
)  # fmt: skip
swapaxes = _row(jnp.swapaxes, "x, axis1, axis2", "Two axes exchanged.", "[[1, 2], [3, 4]], 0, 1 -> [[1, 3], [2, 4]]")
broadcast_to = _row(
    _broadcast_to, "x, shape", "Repeated along new axes and those of size 1.", "[1, 2], (2, 2) -> [[1, 2], [1, 2]]",
    shape="Sizes; None is the one that `x` has.",
)  # fmt: skip
tile = _row(
    jnp.tile, "x, repeats", "The whole array so many times along each axis.", "[1, 2], 2 -> [1, 2, 1, 2]",
    repeats="A number for each of the last axes, or one for the last.",
)  # fmt: skip
repeat = _row(
    _repeat, "x, repeats, axis=None", "Each element so many times.", "[1, 2], 2 -> [1, 1, 2, 2]",
    repeats="How often; or a list, with a number for each element along the axis.", axis="The axis; None flattens.",
)  # fmt: skip
pad = _row(
    _pad, "x, pad_width, mode='constant', constant_values=None", "More elements before and after.",
    "[1, 2], ((1, 2),) -> [0, 1, 2, 0, 0]", pad_width="A pair `(before, after)` for each axis, or one for all.",
    mode='"constant", "reflect", "symmetric", "edge", "wrap" or another mode of `jax.numpy.pad`.',
    constant_values="What is added in the mode \"constant\"; None is 0.",
)  # fmt: skip
flip = _moved(
    jnp.flip, "x, axis=None", "Elements in reverse order.", "[[1, 2], [3, 4]], axis=1 -> [[2, 1], [4, 3]]",
    axis="One axis or several; None is all.",
)  # fmt: skip
fliplr = _moved(jnp.fliplr, "x", "Columns in reverse order.", "[[1, 2], [3, 4]] -> [[2, 1], [4, 3]]")
flipud = _moved(jnp.flipud, "x", "Rows in reverse order.", "[[1, 2], [3, 4]] -> [[3, 4], [1, 2]]")
roll = _moved(
    jnp.roll, "x, shift, axis=None", "Elements moved on, those at the end to the beginning.",
    "[1, 2, 3], 1 -> [3, 1, 2]", shift="How far, for each axis.",
    axis="One axis or several; None rolls the flattened array.",
)  # fmt: skip
rot90 = _row(
    _rot90, "array, k=1, axes=(0, 1)", "A plane turned by right angles from the first axis to the second.",
    "[[1, 2], [3, 4]] -> [[2, 4], [1, 3]]", array="Array of two or more axes.", k="How many right angles.",
    axes="The two axes of the plane.", returns="Array of the dtype of `array`.",
)  # fmt: skip
diag = _row(
    jnp.diag, "x, k=0", "The diagonal of a matrix, or a matrix with this diagonal.", "[1, 2] -> [[1, 0], [0, 2]]",
    x="Matrix or vector.",
)  # fmt: skip
diagflat = _row(jnp.diagflat, "x, k=0", "A matrix with the flattened array as diagonal.", "[1, 2] -> [[1, 0], [0, 2]]")
diagonal = _row(
    jnp.diagonal, "x, offset=0, axis1=0, axis2=1", "The diagonal of two axes.", "[[1, 2], [3, 4]] -> [1, 4]",
    offset="Number of the diagonal, positive above the main one.",
    returns="Array with a last axis in place of the two.",
)  # fmt: skip
tril = _moved(jnp.tril, "x, k=0", "Zeros above the diagonal `k`.", "[[1, 2], [3, 4]] -> [[1, 0], [3, 4]]")
triu = _moved(jnp.triu, "x, k=0", "Zeros below the diagonal `k`.", "[[1, 2], [3, 4]] -> [[1, 2], [0, 4]]")
diff = _row(
    jnp.diff, "a, n=1, axis=-1", "Differences of neighbours, taken `n` times.", "[1, 4, 9] -> [3, 5]",
    a="Array of any shape.", n="How often.", returns="Array whose axis is shorter by `n`.",
)  # fmt: skip


def ndim(x: Any) -> int:
    """Return the number of axes.

    Args:
        x: Array, list or symbolic tensor.

    Returns:
        An integer.

    >>> ndim([[1, 2]])
    2
    """
    return len(x.shape) if hasattr(x, "shape") else np.ndim(x)


def size(x: Any) -> Any:
    """Return the number of elements.

    Args:
        x: Array, list or symbolic tensor.

    Returns:
        An integer; a symbolic one if a size is unknown.

    >>> size([[1, 2]])
    2
    """
    shape = x.shape if hasattr(x, "shape") else np.shape(x)
    return operate(_size, x) if None in shape else math.prod(shape)


def _size(x: Any) -> Array:
    return jnp.asarray(jnp.size(x), jnp.int32)


# Joining and splitting

_joined = functools.partial(row, several=True, xs="A list of arrays.", returns="Array of their dtype, promoted.")
_parts = functools.partial(
    row, returns="List of arrays of the dtype of `x`.",
    indices_or_sections="How many parts, or a list of the indices at which they begin.",
)  # fmt: skip

concatenate = _joined(
    jnp.concatenate, "xs, axis=0", "Join along an axis.", "[[1, 2], [3]] -> [1, 2, 3]", axis="The axis; None flattens.",
)  # fmt: skip
stack = _joined(
    jnp.stack, "x, axis=0", "Join along a new axis.", "[[1, 2], [3, 4]], axis=1 -> [[1, 3], [2, 4]]",
    x="A list of arrays of one shape.", axis="Where the new axis goes.",
)  # fmt: skip
hstack = _joined(
    jnp.hstack, "xs", "Join along the second axis, vectors along their only one.", "[[1, 2], [3]] -> [1, 2, 3]"
)
vstack = _joined(
    jnp.vstack, "xs", "Join along the first axis, vectors as rows.", "[[1, 2], [3, 4]] -> [[1, 2], [3, 4]]"
)
dstack = _joined(jnp.dstack, "xs", "Join along the third axis.", "[[1, 2], [3, 4]] -> [[[1, 3], [2, 4]]]")
append = _row(
    jnp.append, "x1, x2, axis=None", "Join two arrays.", "[1, 2], [3] -> [1, 2, 3]",
    x2="Array of as many axes as `x1`.",
    axis="The axis; None flattens.", returns="Array of their dtype, promoted.",
)  # fmt: skip
meshgrid = row(
    jnp.meshgrid, "*x, indexing='xy'", "Vectors as coordinates of a grid.",
    "[1, 2], [3, 4] -> ([[1, 2], [1, 2]], [[3, 3], [4, 4]])", x="Vectors.",
    indexing='"xy" has the second vector along the first axis; "ij" has them in their order.',
    returns="List of as many arrays, with one axis for each vector.",
)  # fmt: skip
split = _parts(
    jnp.split, "x, indices_or_sections, axis=0", "Parts along an axis, equal ones or cut at indices.",
    "[1, 2, 3], [1] -> ([1], [2, 3])",
)  # fmt: skip
array_split = _parts(
    jnp.array_split, "x, indices_or_sections, axis=0", "Parts along an axis, the first larger by one if need be.",
    "[1, 2, 3], 2 -> ([1, 2], [3])",
)  # fmt: skip
hsplit = _parts(
    jnp.hsplit,
    "x, indices_or_sections",
    "Parts along the second axis.",
    "[[1, 2], [3, 4]], 2 -> ([[1], [3]], [[2], [4]])",
)
vsplit = _parts(
    jnp.vsplit, "x, indices_or_sections", "Parts along the first axis.", "[[1, 2], [3, 4]], 2 -> ([[1, 2]], [[3, 4]])"
)
dsplit = _parts(
    jnp.dsplit, "x, indices_or_sections", "Parts along the third axis.", "[[[1, 2]]], 2 -> ([[[1]]], [[[2]]])"
)


# Indexing and choosing


def _positions(x: Any, *, name: str) -> tuple[Array, ...]:
    need_values(name, x, "jax.numpy.nonzero(x, size=n) in a Lambda layer, or choose by ops.where(condition, x1, x2)")
    return jnp.nonzero(x)


def _nonzero(x: Any) -> tuple[Array, ...]:
    return _positions(x, name="nonzero")


def _where(condition: Any) -> tuple[Array, ...]:
    return _positions(condition, name="where")


def _unique(x: Any, *, sorted: bool, size: int | None, **options: Any) -> Any:
    if size is None:
        need_values("unique", x, "ops.unique(x, size=n, fill_value=0)")
    found = jnp.unique(x, size=size, **options)
    return tuple(found) if isinstance(found, tuple) else found


def _take_along_axis(x: Any, indices: Any, *, axis: int | None) -> Array:
    return jnp.take_along_axis(x, jnp.asarray(indices), axis)


take = _row(
    jnp.take, "x, indices, axis=None", "Elements at indices along an axis; NaN for floats out of range.",
    "[[1, 2], [3, 4]], [1, 0], axis=1 -> [[2, 1], [4, 3]]", axis="The axis; None takes from the flattened array.",
)  # fmt: skip
take_along_axis = _row(
    _take_along_axis, "x, indices, axis=None", "Elements at indices of their own for each position along the others.",
    "[[1, 2], [3, 4]], [[1], [0]], axis=1 -> [[2], [3]]", indices="Array of integers with as many axes as `x`.",
    axis="The axis; None takes from the flattened array.", returns="Array of the shape of `indices`, dtype of `x`.",
)  # fmt: skip
nonzero = row(
    _nonzero, "x", "Indices of the elements that are not zero.", "[[0, 7], [8, 9]] -> ([0, 1, 1], [1, 0, 1])",
    returns="Tuple of one vector of int32 for each axis.",
)  # fmt: skip
unique = row(
    _unique,
    "x, sorted=True, return_index=False, return_inverse=False, return_counts=False, axis=None, size=None, "
    "fill_value=None",
    "The different elements, in order.", "[3, 1, 3], return_counts=True -> ([1, 3], [1, 2])",
    sorted="Not used: the result is sorted in any case.", return_index="Whether to return where each one was first.",
    return_inverse="Whether to return which one each element is.",
    return_counts="Whether to return how often each one is there.", axis="The axis of what is compared; None flattens.",
    size="How many are returned; needed in compiled code.",
    fill_value="What fills up to `size`; None is the least one.",
    returns="Vector of the dtype of `x`; a tuple with vectors of int32 if more is asked for.",
)  # fmt: skip
searchsorted = row(
    jnp.searchsorted, "sorted_sequence, values, side='left'", "Where to insert values.", "[1, 3, 5], [3, 4] -> [1, 2]",
    sorted_sequence="Vector in ascending order.", values="Array of any shape.",
    side='"left" for before those that are equal, "right" for behind.',
    returns="Array of int32 of the shape of `values`.",
)  # fmt: skip
digitize = row(
    jnp.digitize, "x, bins", "The number of the bin of each element: how many edges are not above it.",
    "[0.5, 3.0], [1.0, 2.0] -> [0, 2]", bins="Vector of edges, in order.",
    returns="Array of int32 of the shape of `x`.",
)  # fmt: skip
isin = row(
    jnp.isin, "x1, x2, assume_unique=False, invert=False", "Whether each element of `x1` is in `x2`.",
    "[1, 2], [2, 3] -> [False, True]", x2="Array of any shape.", assume_unique="Whether no element is there twice.",
    invert="Whether to tell what is not in `x2`.", returns="Array of booleans of the shape of `x1`.",
)  # fmt: skip
unravel_index = row(
    jnp.unravel_index, "indices, shape", "Indices into the flattened array as indices for each axis.",
    "[1, 2], (2, 2) -> ([0, 1], [1, 0])", returns="Tuple of one array of integers for each axis.",
)  # fmt: skip
select = row(
    jnp.select, "condlist, choicelist, default=0", "The choice of the first condition that holds, else `default`.",
    "[[True, False], [True, True]], [[1, 2], [3, 4]] -> [1, 4]", elementwise=True, several=True,
    condlist="List of arrays of booleans.", choicelist="List of as many arrays.", default="A number or array.",
    returns="Array of the dtype of the choices.",
)  # fmt: skip
_choose = row(jnp.where, "condition, x1, x2", "`x1` where the condition holds, else `x2`.", elementwise=True)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Return `x1` where the condition holds, else `x2`; of the condition alone, the indices at which it holds.

    Args:
        condition: Array of booleans, or of numbers that count as true unless they are zero.
        x1, x2: Arrays that broadcast with the condition.

    Returns:
        An array; without `x1` and `x2`, a tuple of one array of indices for each axis.

    Raises:
        ValueError: If only one of `x1` and `x2` is given; if the indices of values not yet known are asked for.

    >>> where([True, False], 1, [3, 4]).tolist()
    [1, 4]
    """
    if (x1 is None) != (x2 is None):
        raise ValueError("where takes both x1 and x2, or neither: where(condition, x1, x2).")
    return operate(_where, as_operand(condition)) if x1 is None else _choose(condition, x1, x2)


def get_item(x: Any, key: Any) -> Any:
    """Return `x[key]`.

    Args:
        x: Array, list or symbolic tensor.
        key: Indices, slices, None, ... or arrays; a tuple of them for several axes.

    Returns:
        Array of the dtype of `x`.

    >>> get_item([[1, 2], [3, 4]], (slice(None), -1)).tolist()
    [2, 4]
    """
    return operate(operators.get_item, as_operand(x), key)


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Iterable[int | str] | None = None, signature: str | None = None
) -> Callable[..., Any]:
    """Return `pyfunc` of elements as a function of arrays, which are broadcast.

    Args:
        pyfunc: Takes and returns scalars, or arrays of the shapes in `signature`.
        excluded: Numbers or names of arguments that are passed on as they are.
        signature: Names of the axes that `pyfunc` takes and returns, such as `"(n),(n)->()"`.

    Returns:
        A function of arrays, lists or symbolic tensors.

    Raises:
        TypeError: If `pyfunc` is not a function.

    >>> vectorize(lambda x, y: x @ y, signature="(n),(n)->()")([[1, 2], [3, 4]], [1, 10]).tolist()
    [21, 43]
    """
    if not callable(pyfunc):
        raise TypeError(f"vectorize expects a function; got {pyfunc!r}.")
    compute = jnp.vectorize(pyfunc, excluded=frozenset(excluded or ()), signature=signature)

    @functools.wraps(pyfunc)
    def vectorized(*args: Any, **kwargs: Any) -> Any:
        return operate(compute, *map(as_operand, args), **kwargs)

    return vectorized


__all__ = publish(globals())
