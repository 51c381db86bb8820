"""Rotation, shift, shear and zoom of one image, which are one affine map of its coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.core.extras import optional

FILL_MODES = ("nearest", "constant", "reflect", "wrap")


def ndimage() -> Any:
    """Return the module `scipy.ndimage`.

    Raises:
        ImportError: If SciPy is not installed.
    """
    return optional("scipy.ndimage", "Transforming images")


def two_factors(name: str, value: Any) -> tuple[float, float]:
    """Return two factors to draw between.

    Raises:
        ValueError: If it is something else that the argument `name` was given.

    >>> two_factors("zoom_range", [0.5, 2.0])
    (0.5, 2.0)
    """
    if np.ndim(value) != 1 or len(value) != 2:
        raise ValueError(f"{name} must be two factors, such as (0.8, 1.2); got {value!r}.")
    return value[0], value[1]


def _matrix(theta: float, tx: float, ty: float, shear: float, zx: float, zy: float) -> np.ndarray:
    cosine, sine = math.cos(math.radians(theta)), math.sin(math.radians(theta))
    rotation = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    sheared = np.array([[1, -math.sin(math.radians(shear)), 0], [0, math.cos(math.radians(shear)), 0], [0, 0, 1]])
    return rotation @ shift @ sheared @ np.diag([zx, zy, 1])


def apply_affine_transform(
    x: Any,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Rotate, shift, shear and zoom an image around its middle.

    `out[p] = x[R T S Z (p - c) + c]` with `p = (column, row)`: the map tells where each pixel of the result comes from.
    `c` is the middle of a square image. (In others Keras takes its coordinates the wrong way round, and so does this.
    Where the columns' axis comes before that of the rows, `tx` and `zx` mean rows.)

    Args:
        x: One image, of three dimensions.
        theta: Angle of rotation in degrees.
        tx: Shift of columns, in pixels; above 0 the image moves to the left.
        ty: Shift of rows, in pixels; above 0 the image moves up.
        shear: Angle of shear in degrees.
        zx: Zoom of columns; above 1 the image gets narrower.
        zy: Zoom of rows.
        row_axis: Axis of rows.
        col_axis: Axis of columns.
        channel_axis: Axis of channels.
        fill_mode: What is outside: "nearest", "constant" (`cval`), "reflect" or "wrap".
        cval: Value for "constant".
        order: Order of the spline: 0 takes the nearest pixel, 1 is linear.

    Returns:
        Array of the shape and dtype of `x`.

    Raises:
        ValueError: If the axes or `fill_mode` are wrong.
        ImportError: If SciPy is not installed.

    >>> x = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    >>> apply_affine_transform(x, tx=1).tolist()
    [[[2.0, 2.0], [4.0, 4.0]]]

    Reference: `keras.preprocessing.image.apply_affine_transform`.
    """
    x = np.asarray(x)
    axes = (row_axis, col_axis, channel_axis)
    if x.ndim != 3 or sorted(axis % 3 for axis in axes) != [0, 1, 2]:
        raise ValueError(
            "apply_affine_transform expects one image of three dimensions and three different axes for rows, columns "
            f"and channels; got shape {x.shape}, row_axis={row_axis}, col_axis={col_axis}, channel_axis={channel_axis}."
        )
    if fill_mode not in FILL_MODES:
        raise ValueError(f"fill_mode must be one of {', '.join(FILL_MODES)}; got {fill_mode!r}.")
    if (theta, tx, ty, shear, zx, zy) == (0, 0, 0, 0, 1, 1):
        return x
    matrix = _matrix(theta, tx, ty, shear, zx, zy)
    # Keras's numbers: coordinates are (column, row), but the middle is taken as (row, column), so that in images which
    # are not square the fixed point of a rotation is not their middle.
    centre = np.array([x.shape[row_axis] / 2 - 0.5, x.shape[col_axis] / 2 - 0.5])
    linear, offset = matrix[:2, :2], matrix[:2, 2] + centre - matrix[:2, :2] @ centre
    if col_axis > row_axis:
        linear, offset = linear[::-1, ::-1], offset[::-1]
    channels = np.moveaxis(x, axes, (1, 2, 0))
    warp = ndimage().affine_transform
    moved = np.stack([warp(c, linear, offset, order=order, mode=fill_mode, cval=cval) for c in channels])
    return np.moveaxis(moved, (1, 2, 0), axes)


def random_rotation(
    x: Any,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Rotate an image by an angle drawn from `-rg ... rg` degrees; the draw is from `numpy.random`.

    Args:
        x: One image, of three dimensions.
        rg: Degrees: the angle is drawn from `-rg ... rg`.
        row_axis, col_axis, channel_axis, fill_mode, cval: As in `apply_affine_transform`.
        interpolation_order: Its `order`.

    Returns:
        Array of the shape and dtype of `x`.

    >>> random_rotation(np.ones((1, 2, 2)), 10).round(6).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    theta = np.random.uniform(-rg, rg)
    place = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, theta, 0, 0, 0, 1, 1, *place)


def random_shift(
    x: Any,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Shift an image by up to `hrg` of its height and `wrg` of its width; the draws are from `numpy.random`.

    Args:
        x: One image, of three dimensions.
        wrg: How far along the axis `col_axis`, as a part of its length.
        hrg: How far along `row_axis`, likewise.
        row_axis, col_axis, channel_axis, fill_mode, cval: As in `apply_affine_transform`.
        interpolation_order: Its `order`.

    Returns:
        Array of the shape and dtype of `x`.

    >>> random_shift(np.ones((1, 2, 2)), 0.5, 0.5).round(6).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    tx = np.random.uniform(-hrg, hrg) * np.shape(x)[row_axis]
    ty = np.random.uniform(-wrg, wrg) * np.shape(x)[col_axis]
    place = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, *place)


def random_shear(
    x: Any,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Shear an image by an angle drawn from `-intensity ... intensity` degrees; the draw is from `numpy.random`.

    Args:
        x: One image, of three dimensions.
        intensity: Degrees: the angle is drawn from `-intensity ... intensity`.
        row_axis, col_axis, channel_axis, fill_mode, cval: As in `apply_affine_transform`.
        interpolation_order: Its `order`.

    Returns:
        Array of the shape and dtype of `x`.

    >>> random_shear(np.ones((1, 2, 2)), 10).round(6).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    shear = np.random.uniform(-intensity, intensity)
    place = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, shear, 1, 1, *place)


def random_zoom(
    x: Any,
    zoom_range: Sequence[float],
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Zoom rows and columns of an image, each by its own factor from `zoom_range`; the draws are from `numpy.random`.

    Args:
        x: One image, of three dimensions.
        zoom_range: Two factors to draw between.
        row_axis, col_axis, channel_axis, fill_mode, cval: As in `apply_affine_transform`.
        interpolation_order: Its `order`.

    Returns:
        Array of the shape and dtype of `x`.

    Raises:
        ValueError: If `zoom_range` is not two numbers.

    >>> random_zoom(np.ones((1, 2, 2)), (0.5, 1.5)).round(6).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    low, high = two_factors("zoom_range", zoom_range)
    zx, zy = (1.0, 1.0) if low == high == 1 else np.random.uniform(low, high, 2)
    place = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, 0, float(zx), float(zy), *place)
