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


reshape = row(
    _reshape,
    "x, newshape",
    "Another shape; -1 or None stands for the size that is left, and each None for the size that `x` has there if more "
    "than one is left open.",
)
ravel = row(jnp.ravel, "x", "One axis.")
expand_dims = row(jnp.expand_dims, "x, axis", "New axes of size 1 at `axis`.")
squeeze = row(jnp.squeeze, "x, axis=None", "Without axes of size 1, all or those given.")
transpose = row(jnp.transpose, "x, axes=None", "Axes in another order, reversed if none is given.")
moveaxis = row(jnp.moveaxis, "x, source, destination", "Some axes at other places, the others in their order.")
swapaxes = row(jnp.swapaxes, "x, axis1, axis2", "Two axes exchanged.")
broadcast_to = row(_broadcast_to, "x, shape", "Repeated along new axes and those of size 1; None is the size `x` has.")
tile = row(jnp.tile, "x, repeats", "The whole array so many times along each axis.")
repeat = row(_repeat, "x, repeats, axis=None", "Each element so many times, or each its own number of times.")
pad = row(
    _pad,
    "x, pad_width, mode='constant', constant_values=None",
    "More elements before and after: zeros, `constant_values`, or as `mode` says ('reflect', 'edge', ...).",
)
flip = row(jnp.flip, "x, axis=None", "Elements in reverse order along all axes or those given.")
fliplr = row(jnp.fliplr, "x", "Columns in reverse order.")
flipud = row(jnp.flipud, "x", "Rows in reverse order.")
roll = row(jnp.roll, "x, shift, axis=None", "Elements moved on, those at the end to the beginning.")
rot90 = row(_rot90, "array, k=1, axes=(0, 1)", "A plane turned by `k` right angles from the first axis to the second.")
diag = row(jnp.diag, "x, k=0", "The diagonal of a matrix, or a matrix with this diagonal.")
diagflat = row(jnp.diagflat, "x, k=0", "A matrix with the flattened array as diagonal.")
diagonal = row(jnp.diagonal, "x, offset=0, axis1=0, axis2=1", "The diagonal of two axes.")
tril = row(jnp.tril, "x, k=0", "Zeros above the diagonal `k`.")
triu = row(jnp.triu, "x, k=0", "Zeros below the diagonal `k`.")
diff = row(jnp.diff, "a, n=1, axis=-1", "Differences of neighbours, taken `n` times.")


def ndim(x: Any) -> int:
    """Return the number of axes.

    >>> ndim([[1, 2]])
    2
    """
    return len(x.shape) if hasattr(x, "shape") else np.ndim(x)


def size(x: Any) -> Any:
    """Return the number of elements: symbolic if a size is unknown.

    >>> size([[1, 2]])
    2
    """
    shape = x.shape if hasattr(x, "shape") else np.shape(x)
    return operate(_size, x) if None in shape else math.prod(shape)


def _size(x: Any) -> Array:
    return jnp.asarray(jnp.size(x), jnp.int32)


# Joining and splitting

concatenate = row(jnp.concatenate, "xs, axis=0", "Join along an axis; None flattens.", several=True)
stack = row(jnp.stack, "x, axis=0", "Join along a new axis.", several=True)
hstack = row(jnp.hstack, "xs", "Join along the second axis, vectors along their only one.", several=True)
vstack = row(jnp.vstack, "xs", "Join along the first axis, vectors as rows.", several=True)
dstack = row(jnp.dstack, "xs", "Join along the third axis.", several=True)
append = row(jnp.append, "x1, x2, axis=None", "Join two arrays along an axis; None flattens.")
meshgrid = row(
    jnp.meshgrid,
    "*x, indexing='xy'",
    "Vectors as coordinates of a grid, the second along the first axis ('xy') or in their order ('ij').",
)
split = row(
    jnp.split, "x, indices_or_sections, axis=0", "Parts along an axis: so many equal ones, or cut at the indices."
)
array_split = row(
    jnp.array_split, "x, indices_or_sections, axis=0", "Parts along an axis, the first larger by one if need be."
)
hsplit = row(jnp.hsplit, "x, indices_or_sections", "Parts along the second axis.")
vsplit = row(jnp.vsplit, "x, indices_or_sections", "Parts along the first axis.")
dsplit = row(jnp.dsplit, "x, indices_or_sections", "Parts along the third axis.")


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


take = row(
    jnp.take,
    "x, indices, axis=None",
    "Elements at indices along an axis, of the flattened array without one; NaN for floats out of range.",
)
take_along_axis = row(
    _take_along_axis, "x, indices, axis=None", "Elements at indices of their own for each position along the others."
)
nonzero = row(_nonzero, "x", "Indices of the elements that are not zero, one array for each axis.")
unique = row(
    _unique,
    "x, sorted=True, return_index=False, return_inverse=False, return_counts=False, axis=None, size=None, "
    "fill_value=None",
    "The different elements, sorted in any case; if asked for, where each was first, which one each was, how often.",
)
searchsorted = row(
    jnp.searchsorted,
    "sorted_sequence, values, side='left'",
    "Where to insert values: before ('left') or behind ('right') those that are equal.",
)
digitize = row(jnp.digitize, "x, bins", "The number of the bin of each element: how many edges are not above it.")
isin = row(jnp.isin, "x1, x2, assume_unique=False, invert=False", "Whether each element of `x1` is in `x2`, or is not.")
unravel_index = row(jnp.unravel_index, "indices, shape", "Indices into the flattened array as indices for each axis.")
select = row(
    jnp.select,
    "condlist, choicelist, default=0",
    "The choice of the first condition that holds, else `default`.",
    elementwise=True,
    several=True,
)
_choose = row(jnp.where, "condition, x1, x2", "`x1` where the condition holds, else `x2`.", elementwise=True)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Return `x1` where the condition holds, else `x2`; of the condition alone, the indices at which it holds.

    Args:
        condition: Array of booleans, or of numbers that count as true unless they are zero.
        x1: Array that broadcasts with the condition.
        x2: Likewise.

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
