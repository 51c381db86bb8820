"""Functions of `tf` itself that make, reshape, join, cut and pick from arrays."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import ops
from jkeras.compat.tf.rows import publish, row
from jkeras.core.graph import SymbolicTensor
from jkeras.core.weight import ArrayHolder, plain

_Function = Callable[..., Any]


def _numbers_only(values: Any) -> bool:
    """Whether these are plain integers, as sizes are: computed at once, they stay sizes inside compiled code."""
    leaves = jax.tree.leaves(values)
    return builtins.all(isinstance(leaf, (int, np.integer)) or _is_sizes(leaf) for leaf in leaves)


def _is_sizes(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iu"


def _on_sizes(of_sizes: _Function, of_arrays: _Function) -> _Function:
    """Return a function of lists that computes with numpy where all that is in the list are sizes."""

    def either(values: Any, *args: Any, **options: Any) -> Any:
        function = of_sizes if isinstance(values, (list, tuple)) and _numbers_only(values) else of_arrays
        return function(values, *args, **options)

    either.__doc__, either.__signature__ = of_arrays.__doc__, of_arrays.__signature__  # type: ignore[attr-defined]
    either.__module__ = of_arrays.__module__
    return either


def _sizes(shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple of integers.

    Raises:
        ValueError: If a size is unknown.
    """
    shape = [shape] if np.ndim(shape) == 0 else list(shape)
    if None in shape:
        raise ValueError(
            f"The shape {tuple(shape)} has an unknown size. Inside the `call` of a layer, or in a Lambda, sizes "
            "are known; zeros_like and ones_like need none."
        )
    return tuple(int(n) for n in shape)


def _cast(x: Any, dtype: Any) -> Any:
    return jnp.asarray(x).astype(dtype)


def _constant(value: Any, dtype: Any = None, shape: Any = None) -> Any:
    array = jnp.array(value, dtype)
    return array if shape is None else jnp.broadcast_to(array, shape) if array.size == 1 else array.reshape(shape)


def _reshape(x: Any, shape: Any) -> Any:
    wanted = [shape] if np.ndim(shape) == 0 else list(shape)
    if None in wanted and -1 not in wanted:  # a size that was unknown when the model was described
        wanted[wanted.index(None)] = -1
    return jnp.reshape(x, [int(n) for n in wanted])


def _squeeze(x: Any, axis: Any = None) -> Any:
    return jnp.squeeze(x, tuple(axis) if isinstance(axis, list) else axis)


def _split(value: Any, num_or_size_splits: Any, axis: int = 0, num: int | None = None) -> list[Any]:
    if np.ndim(num_or_size_splits) == 0:
        return jnp.split(jnp.asarray(value), int(num_or_size_splits), axis)
    sizes = list(num_or_size_splits)
    if -1 in sizes:
        sizes[sizes.index(-1)] = np.shape(value)[axis] - builtins.sum(n for n in sizes if n != -1)
    return jnp.split(jnp.asarray(value), np.cumsum(sizes)[:-1].tolist(), axis)


def _unstack(value: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    return list(jnp.moveaxis(jnp.asarray(value), axis, 0))


def _gather(params: Any, indices: Any, axis: Any = None, batch_dims: int = 0) -> Any:
    params, indices = jnp.asarray(params), jnp.asarray(indices).astype(jnp.int32)
    take = lambda x, i: jnp.take(x, i, axis=(axis if axis is not None else batch_dims) - batch_dims)  # noqa: E731
    if axis is not None and axis < 0:
        axis += params.ndim
    for _ in builtins.range(batch_dims):
        take = jax.vmap(take)
    return take(params, indices)


def _gather_nd(params: Any, indices: Any, batch_dims: int = 0) -> Any:
    def pick(x: Any, i: Any) -> Any:
        return x[tuple(i[..., n] for n in builtins.range(i.shape[-1]))]

    for _ in builtins.range(batch_dims):
        pick = jax.vmap(pick)
    return pick(jnp.asarray(params), jnp.asarray(indices))


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        ops.operands.need_values("tf.where", condition, "tf.where(condition, x, y)")
        return jnp.stack(jnp.nonzero(condition), -1)
    return jnp.where(condition, plain(x), plain(y))


def _one_hot(
    indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: Any = None, dtype: Any = None
) -> Any:
    hot = jax.nn.one_hot(jnp.asarray(indices).astype(jnp.int32), int(depth), axis=-1 if axis is None else axis)
    if on_value is not None or off_value is not None:
        hot = jnp.where(hot > 0, 1 if on_value is None else on_value, 0 if off_value is None else off_value)
        return hot if dtype is None else hot.astype(dtype)
    return hot.astype(dtype or "float32")


def _range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Any:
    first, last = (0, start) if limit is None else (start, limit)
    if dtype is None and _numbers_only([first, last, delta]):
        dtype = "int32"
    return jnp.arange(first, last, delta, dtype)


def _pad(x: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0) -> Any:
    widths = [tuple(pair) for pair in np.asarray(paddings).tolist()]
    kind = mode.lower()
    return jnp.pad(x, widths, kind, **({"constant_values": constant_values} if kind == "constant" else {}))


def _slice(x: Any, begin: Any, size: Any) -> Any:
    x = jnp.asarray(x)
    begin, size = list(begin), list(size)
    whole = [x.shape[axis] - int(begin[axis]) if n in (-1, None) else int(n) for axis, n in enumerate(size)]
    return jax.lax.dynamic_slice(x, begin, whole)


def _mask(tensor: Any, mask: Any, axis: Any = None) -> Any:
    ops.operands.need_values("tf.boolean_mask", mask, "tf.where(mask, x, 0.0) keeps the shape")
    tensor, first = jnp.asarray(tensor), axis or 0
    return tensor[(builtins.slice(None),) * first + (jnp.asarray(mask),)]


def _sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = None) -> Any:
    lengths = jnp.asarray(lengths)
    size = int(lengths.max()) if maxlen is None else int(maxlen)
    return (jnp.arange(size) < lengths[..., None]).astype(dtype or bool)


def _scatter(tensor: Any, indices: Any, updates: Any) -> Any:
    indices = jnp.asarray(indices)
    return jnp.asarray(tensor).at[tuple(indices[..., n] for n in builtins.range(indices.shape[-1]))].set(updates)


def _scatter_nd(indices: Any, updates: Any, shape: Any) -> Any:
    indices, updates = jnp.asarray(indices), jnp.asarray(updates)
    places = tuple(indices[..., n] for n in builtins.range(indices.shape[-1]))
    return jnp.zeros(_sizes(shape), updates.dtype).at[places].add(updates)


def _sort(values: Any, axis: int = -1, direction: str = "ASCENDING") -> Any:
    return jnp.sort(jnp.asarray(values), axis, descending=direction == "DESCENDING")


def _argsort(values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False) -> Any:
    return jnp.argsort(jnp.asarray(values), axis, descending=direction == "DESCENDING")


def _unique(x: Any) -> Any:
    """In the order in which they first occur, with the index of each element's value."""
    ops.operands.need_values("tf.unique", x, "jax.numpy.unique(x, size=n)")
    x = np.asarray(x)
    _, first, inverse = np.unique(x, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return jnp.asarray(x[first[order]]), jnp.asarray(np.argsort(order)[inverse].astype("int32"))


def _clip_by_norm(t: Any, clip_norm: Any, axes: Any = None) -> Any:
    norm = jnp.sqrt(jnp.sum(jnp.square(t), axis=axes if axes is None else tuple(axes), keepdims=True))
    return jnp.asarray(t) * clip_norm / jnp.maximum(norm, clip_norm)


cast = row(_cast, "x, dtype", "Convert to another dtype.")
constant = row(_constant, "value, dtype=None, shape=None", "An array of these numbers.")
convert_to_tensor = row(
    lambda value, dtype, **_: _constant(value, dtype), "value, dtype=None, dtype_hint=None", "An array."
)
identity = row(jnp.asarray, "input", "The same values.")
stop_gradient = row(jax.lax.stop_gradient, "input", "The same values, which gradients do not pass.")
reshape = row(_reshape, "tensor, shape", "Other sizes for the same elements; a -1 is what is left.")
transpose = row(lambda a, perm: jnp.transpose(a, perm), "a, perm=None", "The axes in another order.")
expand_dims = row(jnp.expand_dims, "input, axis", "Insert an axis of size 1.")
squeeze = row(_squeeze, "input, axis=None", "Remove axes of size 1.")
concat = row(jnp.concatenate, "values, axis", "Join along an axis.")
concat = _on_sizes(lambda values, axis=0, name=None: np.concatenate([np.atleast_1d(v) for v in values], axis), concat)
stack = row(jnp.stack, "values, axis=0", "Join along a new axis.")
stack = _on_sizes(lambda values, axis=0, name=None: np.stack(values, axis), stack)
unstack = row(_unstack, "value, num=None, axis=0", "The parts along an axis, as a list.")
split = row(_split, "value, num_or_size_splits, axis=0, num=None", "Equal parts, or parts of given sizes, as a list.")
tile = row(lambda x, multiples: jnp.tile(x, tuple(int(n) for n in multiples)), "input, multiples", "Repeat the whole.")
repeat = row(jnp.repeat, "input, repeats, axis=None", "Repeat each element.")
gather = row(_gather, "params, indices, axis=None, batch_dims=0", "Elements along an axis by index.")
gather_nd = row(_gather_nd, "params, indices, batch_dims=0", "Elements by index of several axes.")
boolean_mask = row(_mask, "tensor, mask, axis=None", "Elements where the mask is true.")
where = row(_where, "condition, x=None, y=None", "`x` where the condition holds, else `y`; or the indices.")
one_hot = row(
    _one_hot, "indices, depth, on_value=None, off_value=None, axis=None, dtype=None", "Rows of an identity matrix."
)
pad = row(_pad, "tensor, paddings, mode='CONSTANT', constant_values=0", "Wider by a border.")
reverse = row(
    lambda x, axis: jnp.flip(x, axis if np.ndim(axis) == 0 else tuple(axis)), "tensor, axis", "Back to front."
)
roll = row(jnp.roll, "input, shift, axis", "Shift, what falls out coming in again.")
slice = row(_slice, "input_, begin, size", "A part, from indices and of sizes.")
broadcast_to = row(lambda x, shape: jnp.broadcast_to(x, _sizes(shape)), "input, shape", "Repeat to a shape.")
ensure_shape = row(lambda x, shape: x, "x, shape", "The same values.")
sort = row(_sort, "values, axis=-1, direction='ASCENDING'", "In order along an axis.")
argsort = row(_argsort, "values, axis=-1, direction='ASCENDING', stable=False", "The indices that put it in order.")
searchsorted = row(jnp.searchsorted, "sorted_sequence, values, side='left'", "Where values belong.")
unique = row(_unique, "x", "What occurs, and for each element which it is.")
meshgrid = lambda *axes, indexing="xy", name=None: jnp.meshgrid(*axes, indexing=indexing)  # noqa: E731
sequence_mask = row(_sequence_mask, "lengths, maxlen=None, dtype=None", "True in the first positions.")
tensor_scatter_nd_update = row(_scatter, "tensor, indices, updates", "The tensor with values put at indices.")
scatter_nd = row(_scatter_nd, "indices, updates, shape", "Zeros with values added at indices.")
clip_by_value = row(jnp.clip, "t, clip_value_min, clip_value_max", "Limit the values to an interval.")
clip_by_norm = row(_clip_by_norm, "t, clip_norm, axes=None", "Scale down to a norm.")
zeros_like = row(jnp.zeros_like, "input, dtype=None", "Zeros of the same shape.")
ones_like = row(jnp.ones_like, "input, dtype=None", "Ones of the same shape.")
zeros = row(lambda shape, dtype: jnp.zeros(_sizes(shape), dtype or "float32"), "shape, dtype=None", "Zeros.")
ones = row(lambda shape, dtype: jnp.ones(_sizes(shape), dtype or "float32"), "shape, dtype=None", "Ones.")
fill = row(lambda dims, value: jnp.full(_sizes(dims), value), "dims, value", "One number everywhere.")
eye = row(
    lambda num_rows, num_columns, dtype: jnp.eye(int(num_rows), num_columns, dtype=dtype or "float32"),
    "num_rows, num_columns=None, dtype=None",
    "Ones on the diagonal.",
)
linspace = row(jnp.linspace, "start, stop, num", "Numbers at equal distances.")
matmul = row(
    lambda a, b, transpose_a, transpose_b: jnp.matmul(
        jnp.swapaxes(a, -1, -2) if transpose_a else a, jnp.swapaxes(b, -1, -2) if transpose_b else b
    ),
    "a, b, transpose_a=False, transpose_b=False",
    "Matrix product.",
)
tensordot = row(jnp.tensordot, "a, b, axes", "Sum of products over axes of both.")


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = None) -> Any:
    """Return numbers from `start` up to, and without, `limit`; from 0 up to `start` if there is no limit."""
    return _range(plain(start), plain(limit), delta, dtype)


def einsum(equation: str, *inputs: Any, name: str | None = None) -> Any:
    """Return sums of products as an equation says."""
    return ops.einsum(equation, *inputs)


def shape(input: Any, out_type: Any = None, name: str | None = None) -> Any:
    """Return the sizes: plain numbers, None where they are unknown in a symbolic tensor."""
    found = tuple(input.shape if hasattr(input, "shape") else np.shape(input))
    return list(found) if None in found else np.asarray(found, np.int32)


def size(input: Any, out_type: Any = None, name: str | None = None) -> Any:
    """Return the number of elements, None if it is unknown."""
    found = shape(input)
    return None if None in list(found) else np.int32(np.prod(found))


def rank(input: Any, name: str | None = None) -> int:
    """Return the number of dimensions."""
    return len(input.shape) if hasattr(input, "shape") else np.ndim(input)


def is_tensor(x: Any) -> bool:
    """Whether it is an array of JAX, a weight or a symbolic tensor."""
    return isinstance(x, (jax.Array, SymbolicTensor, ArrayHolder))


def clip_by_global_norm(
    t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Any], Any]:
    """Return arrays scaled down together to a norm, and the norm they had."""
    norm = jnp.sqrt(builtins.sum(jnp.sum(jnp.square(plain(t))) for t in t_list)) if use_norm is None else use_norm
    factor = clip_norm / jnp.maximum(norm, clip_norm)
    return [plain(t) * factor for t in t_list], norm


__all__ = publish(globals())
