"""Slices and scatters, casts and conversions: what `keras.ops` has besides mathematics."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jkeras.core.dtypes import to_array
from jkeras.core.graph import SymbolicTensor
from jkeras.core.operation import operate, operation, publish
from jkeras.core.weight import plain
from jkeras.functional import rearrange as rearranging


def _cast(x: Any, dtype: Any) -> Array:
    x, dtype = jnp.asarray(x), jax.dtypes.canonicalize_dtype(dtype)
    if jnp.iscomplexobj(x) and not jnp.issubdtype(dtype, jnp.complexfloating):
        x = x.real
    return x.astype(dtype)


def _saturate_cast(x: Any, dtype: Any) -> Array:
    x, dtype = jnp.asarray(x), jax.dtypes.canonicalize_dtype(dtype)
    if jnp.issubdtype(x.dtype, jnp.bool_):
        return x.astype(dtype)
    if jnp.issubdtype(dtype, jnp.bool_):
        return x > 0
    limits = [jnp.iinfo(d) if jnp.issubdtype(d, jnp.integer) else jnp.finfo(d) for d in (x.dtype, dtype)]
    # What both can hold; for integers as an integer, which is exact.
    kind = int if jnp.issubdtype(x.dtype, jnp.integer) else float
    low, high = max(kind(limit.min) for limit in limits), min(kind(limit.max) for limit in limits)
    return jnp.clip(x, low, high).astype(dtype)


cast = operation(
    _cast, "x, dtype", "Convert to another dtype; of complex numbers the real part.", "[1.7, -1.7], 'int32' -> [1, -1]",
    elementwise=True, returns="Array of the shape of `x`.",
)  # fmt: skip
saturate_cast = operation(
    _saturate_cast, "x, dtype", "Convert to another dtype, what it cannot hold to the nearest it can.",
    "[-5, 300], 'uint8' -> [0, 255]", elementwise=True, returns="Array of the shape of `x`.",
)  # fmt: skip


def _scatter(indices: Any, values: Any, shape: Sequence[int]) -> Array:
    values = jnp.asarray(values)
    return jnp.zeros(tuple(int(n) for n in shape), values.dtype).at[_places(indices)].add(values)


def _scatter_update(inputs: Any, indices: Any, updates: Any, *, reduction: str | None) -> Array:
    methods = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "multiply"}
    if reduction not in methods:
        raise ValueError(f"scatter_update: reduction must be None, 'add', 'max', 'min' or 'mul'; got {reduction!r}.")
    inputs = jnp.asarray(inputs)
    change = getattr(inputs.at[_places(indices)], methods[reduction])
    return change(jnp.asarray(updates).astype(inputs.dtype))


def _places(indices: Any) -> tuple[Array, ...]:
    """Return one index array for each number in the last axis."""
    indices = jnp.asarray(indices)
    return tuple(indices[..., i] for i in range(indices.shape[-1]))


def _slice_update(inputs: Any, start_indices: Any, updates: Any) -> Array:
    return lax.dynamic_update_slice(jnp.asarray(inputs), jnp.asarray(updates), list(start_indices))


_scattered = functools.partial(
    operation, indices="Integers `(..., axes)`: the last axis has one index for each of the first axes of the result.",
    inputs="Array of any shape.", returns="Array of the shape and dtype of `inputs`.",
)  # fmt: skip

scatter = _scattered(
    _scatter, "indices, values, shape", "Zeros of `shape` with `values` added at `indices`.",
    "[[0], [2], [2]], [1, 2, 3], (4,) -> [1, 0, 5, 0]",
    values="Array `(..., *rest)`, with what `indices` leave of the axes.",
    returns="Array of `shape` and the dtype of `values`.",
)  # fmt: skip
scatter_update = _scattered(
    _scatter_update, "inputs, indices, updates, reduction=None", "Return `inputs` with `updates` put at `indices`.",
    "[1, 2, 3], [[0], [2]], [7, 8] -> [7, 2, 8]",
    updates="Array `(..., *rest)`, with what `indices` leave of the axes.",
    reduction='What joins old values and new: "add", "max", "min", "mul", or None for the new ones.',
)  # fmt: skip
slice_update = _scattered(
    _slice_update, "inputs, start_indices, updates", "Return `inputs` with `updates` put at `start_indices`.",
    "[1, 2, 3], [1], [7] -> [1, 7, 3]", start_indices="One index for each axis, which may be computed.",
    updates="Array of as many axes and the dtype of `inputs`.",
)  # fmt: skip


def slice(inputs: Any, start_indices: Any, shape: Sequence[int | None]) -> Any:
    """Return the part of `inputs` that begins at `start_indices` and has `shape`.

    Args:
        inputs: Array of any shape.
        start_indices: One index for each axis; they may be computed. A part that would stick out is moved inwards.
        shape: One size for each axis; -1 or None is what is left, and needs a start that is a plain number.

    Returns:
        Array of the dtype of `inputs`.

    >>> slice(jnp.arange(12).reshape(3, 4), (1, 2), (-1, 1)).tolist()
    [[6], [10]]
    """
    # As plain numbers, arrays of numpy can be subtracted from sizes.
    starts = start_indices.tolist() if isinstance(start_indices, np.ndarray) else plain(start_indices)

    def run(x: Any, starts: Any) -> Array:
        x = jnp.asarray(x)
        sizes = [
            x.shape[axis] - int(starts[axis]) if n is None or int(n) == -1 else int(n) for axis, n in enumerate(shape)
        ]
        return lax.dynamic_slice(x, list(starts), sizes)

    return operate(run, plain(inputs), starts)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """Return the slices along `axis` as a list.

    Args:
        x: Array of any shape.
        num: How many there are; needed if the size of the axis is unknown.
        axis: The axis that goes.

    Returns:
        A list of arrays of the dtype of `x`.

    Raises:
        ValueError: If `num` is not the size of the axis, or neither is known.

    >>> [row.tolist() for row in unstack(jnp.asarray([[1, 2], [3, 4]]))]
    [[1, 2], [3, 4]]
    """
    size: Any = shape(x)[axis]
    if num is None and size is None:
        raise ValueError(f"unstack: the size of axis {axis} of {x!r} is unknown. Give it: unstack(x, num=...).")
    if None not in (num, size) and num != size:
        raise ValueError(f"unstack: axis {axis} has {size} slices; got num={num}.")
    count = size if num is None else num

    def run(array: Any) -> list[Array]:
        array = jnp.moveaxis(jnp.asarray(array), axis, 0)
        return [array[i] for i in range(count)]

    return operate(run, plain(x))


def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Rearrange axes by their names, as in einops.

    Args:
        tensor: Array of any shape.
        pattern: Axes before and after, such as `"b (h x) c -> (b x) h c"`.
        axes_lengths: Sizes of names that an axis is split into; one of each axis may be left out.

    Returns:
        Array of the dtype of `tensor`.

    >>> rearrange(jnp.arange(6), "(a b) -> b a", a=2).tolist()
    [[0, 3], [1, 4], [2, 5]]
    """
    return operate(lambda x: rearranging.rearrange(jnp.asarray(x), pattern, axes_lengths), plain(tensor))


def shape(x: Any) -> tuple[int | None, ...]:
    """Return the shape.

    Args:
        x: Array, list or symbolic tensor.

    Returns:
        A tuple of integers; None stands for what is unknown in a symbolic tensor.

    >>> shape([[1, 2, 3]])
    (1, 3)
    """
    return tuple(x.shape if hasattr(x, "shape") else np.shape(x))


def dtype(x: Any) -> str:
    """Return the name of the dtype.

    Args:
        x: Array, list or symbolic tensor.

    Returns:
        A name such as "float32".

    >>> dtype(jnp.ones(2)), dtype([1, 2])
    ('float32', 'int32')
    """
    found = x.dtype if hasattr(x, "dtype") else jnp.result_type(*jax.tree.leaves(x))
    return found if isinstance(found, str) else jnp.dtype(found).name


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array of JAX, or stands for one while a function is traced.

    Args:
        x: Anything.

    Returns:
        A boolean.

    >>> is_tensor(jnp.ones(2)), is_tensor([1.0]), is_tensor(np.ones(2))
    (True, False, False)
    """
    return isinstance(x, Array)


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """Return `x` as an array of JAX, of `dtype` if it is given.

    Args:
        x: Numbers, lists of numbers, arrays of numpy or JAX, weights; sparse arrays of JAX become dense.
        dtype: The dtype; 64 bits become 32 unless 64-bit JAX is enabled.
        sparse: Whether to keep sparse arrays: False or None.
        ragged: Whether to keep ragged arrays: False or None, there are none in JAX.

    Returns:
        An array of JAX, or a symbolic tensor for one.

    Raises:
        ValueError: For None, and for a sparse or ragged result.

    >>> convert_to_tensor([1, 2.5]).tolist()
    [1.0, 2.5]
    """
    if x is None:
        raise ValueError("convert_to_tensor expects numbers; got None.")
    if ragged or (sparse and hasattr(x, "todense")):
        raise ValueError(
            f"convert_to_tensor(sparse={sparse}, ragged={ragged}): every tensor here is dense. "
            "Pad rows of different lengths, e.g. with keras.utils.pad_sequences."
        )
    if isinstance(x, SymbolicTensor):
        return x if dtype is None else cast(x, dtype)
    array = jnp.asarray(to_array(x.todense() if hasattr(x, "todense") else x))
    return array if dtype is None else _cast(array, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return `x` as an array of numpy.

    Args:
        x: Numbers, lists of numbers, arrays, weights.

    Returns:
        An array of numpy of the same shape and dtype.

    >>> convert_to_numpy(jnp.ones(2))
    array([1., 1.], dtype=float32)
    """
    return np.asarray(plain(x))


__all__ = publish(globals())
