"""`K` functions that move, repeat, join and cut elements, or make arrays of a given shape."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.data_format import standardize_data_format
from jkeras.core.dtypes import floatx
from jkeras.core.operation import operate, operation, publish
from jkeras.functional.resize import upsample
from jkeras.ops.core import shape


def _under(name: str | None) -> AbstractContextManager[Any]:
    """Name what is computed inside, as profiles and compiled programs show it."""
    return jax.named_scope(name) if name else nullcontext()


def _reshape(x: Any, shape: Any) -> Any:
    """None stands for the one size that is left, or, beside a -1, for the size that the axis has in `x`."""
    wanted: list[Any] = [shape] if isinstance(shape, (int, np.integer)) else list(shape)
    if None in wanted and -1 not in wanted:
        wanted[wanted.index(None)] = -1
    return jnp.reshape(x, [np.shape(x)[axis] if size is None else size for axis, size in enumerate(wanted)])


def _tile(x: Any, n: Any) -> Any:
    return jnp.tile(x, n if isinstance(n, (int, np.integer)) else tuple(n))


def _reverse(x: Any, axes: Any) -> Any:
    return jnp.flip(x, axes if isinstance(axes, int) else tuple(axes))


def _cast(x: Any, dtype: Any) -> Any:
    return jnp.asarray(x).astype(dtype)


def _one_hot(indices: Any, num_classes: int) -> Any:
    return jax.nn.one_hot(jnp.asarray(indices).astype(jnp.int32), num_classes, dtype=floatx())


def _gather(reference: Any, indices: Any) -> Any:
    return jnp.take(reference, jnp.asarray(indices).astype(jnp.int32), axis=0)


def _pad(x: Any, padding: Any, data_format: str) -> Any:
    before = 1 if data_format == "channels_last" else 2
    rest = jnp.ndim(x) - before - len(padding)
    return jnp.pad(x, [(0, 0)] * before + [tuple(pair) for pair in padding] + [(0, 0)] * rest)


def _temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    return _pad(x, [padding], "channels_last")


def _spatial_padding(x: Any, padding: Any, data_format: str | None = None) -> Any:
    return _pad(x, padding, standardize_data_format(data_format))


def _like(value: float) -> Any:
    def filled(x: Any, dtype: Any = None, name: str | None = None) -> Any:
        with _under(name):
            return jnp.full_like(x, value, dtype=dtype)

    return filled


_row = functools.partial(operation, returns="Array of the dtype of `x`.")
_padded = functools.partial(_row, padding="A pair `(before, after)` for each axis.")
_like_row = functools.partial(
    operation, dtype="Dtype of the result; None is that of `x`.", returns="Array of the shape of `x`.",
)  # fmt: skip

reshape = _row(
    _reshape, "x, shape", "Other sizes for the same elements.", "jnp.arange(4), (2, -1) -> [[0, 1], [2, 3]]",
    shape="Sizes; -1 or None stands for what is left, None beside a -1 for the size that `x` has there.",
)  # fmt: skip
flatten = _row(
    lambda x: jnp.reshape(x, -1), "x", "All elements in one dimension.", "jnp.array([[1, 2], [3, 4]]) -> [1, 2, 3, 4]"
)
batch_flatten = _row(
    lambda x: jnp.reshape(x, (jnp.shape(x)[0], -1)), "x", "The elements of each sample in one dimension.",
    "jnp.ones((2, 3, 4)) -> shape (2, 12)", x="Array `(batch, ...)`.",
)  # fmt: skip
expand_dims = _row(jnp.expand_dims, "x, axis=-1", "Insert an axis of size 1.", "jnp.array([1, 2]) -> [[1], [2]]")
squeeze = _row(jnp.squeeze, "x, axis", "Remove an axis of size 1.", "jnp.array([[1], [2]]), -1 -> [1, 2]")
transpose = _row(
    jnp.transpose, "x", "Reverse the order of the axes.", "jnp.array([[1, 2], [3, 4]]) -> [[1, 3], [2, 4]]"
)
permute_dimensions = _row(
    jnp.transpose, "x, pattern", "Put the axes in another order.", "jnp.ones((2, 3, 4)), (0, 2, 1) -> shape (2, 4, 3)",
    pattern="All axes in their new order, batch included.",
)  # fmt: skip
repeat = _row(
    lambda x, n: jnp.repeat(jnp.expand_dims(x, 1), n, axis=1), "x, n", "Repeat each vector along a new axis.",
    "jnp.array([[1, 2]]), 2 -> [[[1, 2], [1, 2]]]", x="Array `(batch, features)`.", n="How often.",
    returns="Array `(batch, n, features)` of the dtype of `x`.",
)  # fmt: skip
repeat_elements = _row(
    lambda x, rep, axis: jnp.repeat(x, rep, axis=axis), "x, rep, axis", "Repeat each element along an axis.",
    "jnp.array([1, 2]), 2, 0 -> [1, 1, 2, 2]", rep="How often.",
)  # fmt: skip
tile = _row(
    _tile,
    "x, n",
    "Repeat the whole along each axis.",
    "jnp.array([1, 2]), 2 -> [1, 2, 1, 2]",
    n="How often, for each axis.",
)
reverse = _row(
    _reverse,
    "x, axes",
    "Reverse the order along axes.",
    "jnp.array([1, 2, 3]), 0 -> [3, 2, 1]",
    axes="One axis or several.",
)
concatenate = _row(
    jnp.concatenate, "tensors, axis=-1", "Join arrays along an axis.",
    "[jnp.array([1, 2]), jnp.array([3])] -> [1, 2, 3]",
    tensors="A list of arrays.", returns="Array of their dtype, promoted.",
)  # fmt: skip
stack = _row(
    jnp.stack, "x, axis=0", "Stack arrays along a new axis.",
    "[jnp.array([1, 2]), jnp.array([3, 4])] -> [[1, 2], [3, 4]]",
    x="A list of arrays of one shape.", axis="Where the new axis goes.", returns="Array of their dtype, promoted.",
)  # fmt: skip
gather = _row(
    _gather, "reference, indices", "Rows by their numbers.", "jnp.array([10, 20, 30]), [2, 0] -> [30, 10]",
    reference="Array of rows.", returns="Array of the dtype of `reference`, with the axes of `indices` first.",
)  # fmt: skip
one_hot = _row(
    _one_hot, "indices, num_classes", "1 at each index, 0 elsewhere, along a new last axis.",
    "[0, 2], 3 -> [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]",
    num_classes="How many classes there are.", returns="Array `(..., num_classes)` of the default float.",
)  # fmt: skip
cast = _row(
    _cast, "x, dtype", "Convert to another dtype.", "jnp.array([1.7, -1.7]), 'int32' -> [1, -1]", elementwise=True,
    returns="Array of the shape of `x`.",
)  # fmt: skip
cast_to_floatx = _row(
    lambda x: jnp.asarray(x, floatx()), "x", "Convert to the default float dtype.", "[1, 2] -> [1.0, 2.0]",
    elementwise=True,
    returns="Array of the shape of `x`.",
)  # fmt: skip
temporal_padding = _padded(
    _temporal_padding, "x, padding=(1, 1)", "Zeros before and after the steps of a sequence.",
    "jnp.ones((1, 2, 1)) -> [[[0.0], [1.0], [1.0], [0.0]]]",
    x="Array `(batch, steps, features)`.", padding="How many before, how many after.",
)  # fmt: skip
spatial_2d_padding = _padded(
    _spatial_padding, "x, padding=((1, 1), (1, 1)), data_format=None", "Zeros around the pixels of images.",
    "jnp.ones((1, 2, 3, 1)) -> shape (1, 4, 5, 1)", x="Images `(batch, rows, columns, channels)`.",
)  # fmt: skip
spatial_3d_padding = _padded(
    _spatial_padding, "x, padding=((1, 1), (1, 1), (1, 1)), data_format=None", "Zeros around the voxels of volumes.",
    "jnp.ones((1, 1, 2, 3, 1)) -> shape (1, 3, 4, 5, 1)", x="Volumes `(batch, depth, rows, columns, channels)`.",
)  # fmt: skip
zeros_like = _like_row(
    _like(0), "x, dtype=None, name=None", "Zeros in the shape of `x`.", "jnp.array([1, 2]) -> [0, 0]"
)
ones_like = _like_row(_like(1), "x, dtype=None, name=None", "Ones in the shape of `x`.", "jnp.array([1, 2]) -> [1, 1]")


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> jax.Array:
    """Return an array of zeros; `K.variable(K.zeros(...))` makes something that can be assigned.

    Args:
        shape: Sizes.
        dtype: Dtype of the result; None is `floatx()`.
        name: Shown by profiles.

    Returns:
        Array of `shape` and `dtype`.

    >>> zeros((2,)).tolist()
    [0.0, 0.0]
    """
    with _under(name):
        return jnp.zeros(shape, dtype or floatx())


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> jax.Array:
    """Return an array of ones; `K.variable(K.ones(...))` makes something that can be assigned.

    Args:
        shape: Sizes.
        dtype: Dtype of the result; None is `floatx()`.
        name: Shown by profiles.

    Returns:
        Array of `shape` and `dtype`.

    >>> ones((2,)).tolist()
    [1.0, 1.0]
    """
    with _under(name):
        return jnp.ones(shape, dtype or floatx())


def eye(size: int | Sequence[int], dtype: Any = None, name: str | None = None) -> jax.Array:
    """Return the identity matrix.

    Args:
        size: Number of rows and columns, or a pair of both.
        dtype: Dtype of the result; None is `floatx()`.
        name: Shown by profiles.

    Returns:
        Matrix `(rows, columns)`.

    >>> eye(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    with _under(name):
        return jnp.eye(rows, columns, dtype=dtype or floatx())


def arange(start: int, stop: int | None = None, step: int = 1, dtype: Any = "int32") -> jax.Array:
    """Return the numbers from `start` up to `stop`, or from 0 up to `start`; none if it is negative.

    Args:
        start: First number.
        stop: The end, which is left out.
        step: Distance of neighbours.
        dtype: Dtype of the result.

    Returns:
        Vector of `dtype`.

    >>> arange(3).tolist(), arange(1, 6, 2).tolist()
    ([0, 1, 2], [1, 3, 5])
    """
    if stop is None:
        start, stop = 0, max(start, 0)
    return jnp.arange(start, stop, step).astype(dtype)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> jax.Array:
    """Return `value` as an array.

    Args:
        value: A number, a list or an array.
        dtype: Dtype of the result; None is `floatx()`.
        shape: Sizes for its elements, or for one that is repeated; None is its own.
        name: Shown by profiles.

    Returns:
        Array of `shape` and `dtype`.

    >>> constant(2, shape=(2,)).tolist()
    [2.0, 2.0]
    """
    with _under(name):
        array = jnp.asarray(value, dtype or floatx())
        if shape is None:
            return array
        same_size = array.size == np.prod(shape, dtype=int)
        return jnp.reshape(array, shape) if same_size else jnp.broadcast_to(array, shape)


def resize_images(
    x: Any, height_factor: int, width_factor: int, data_format: str | None, interpolation: str = "nearest"
) -> Any:
    """Enlarge images by whole factors.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)` for "channels_first".
        height_factor, width_factor: Positive integers.
        data_format: "channels_last" or "channels_first"; None is the default one.
        interpolation: "nearest", "area" (the same for whole factors), "bilinear", "bicubic", "lanczos3", "lanczos5".

    Returns:
        Images of so many times the height and width.

    Raises:
        ValueError: If the interpolation is unknown.

    >>> resize_images(jnp.arange(2.0).reshape(1, 1, 2, 1), 1, 2, "channels_last").ravel().tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    method = "nearest" if interpolation == "area" else interpolation
    where = standardize_data_format(data_format)
    return operate(lambda a: upsample(jnp.asarray(a), (height_factor, width_factor), method, where), x)


def resize_volumes(x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str | None) -> Any:
    """Enlarge volumes by whole factors: each voxel is repeated.

    Args:
        x: `(batch, depth, height, width, channels)`, or with channels second for "channels_first".
        depth_factor, height_factor, width_factor: Positive integers.
        data_format: "channels_last" or "channels_first"; None is the default one.

    Returns:
        Volumes of so many times the depth, height and width.

    >>> resize_volumes(jnp.zeros((1, 2, 2, 2, 1)), 1, 2, 3, "channels_last").shape
    (1, 2, 4, 6, 1)
    """
    factors, where = (depth_factor, height_factor, width_factor), standardize_data_format(data_format)
    return operate(lambda a: upsample(jnp.asarray(a), factors, data_format=where), x)


__all__ = ["shape", *publish(globals())]
