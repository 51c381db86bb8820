"""Where the pixels of an image come from: affine, perspective and elastic maps."""

from __future__ import annotations

import math
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy import ndimage

from jkeras.functional.image.filters import blur

FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
ORDERS = {"nearest": 0, "bilinear": 1}


def map_coordinates(
    inputs: Array, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Array:
    """Return the values of `inputs` at `coordinates`, between its elements by interpolation.

    Args:
        inputs: An array of n dimensions.
        coordinates: `(n, ...)`: for each axis the positions along it.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: One of `FILL_MODES`: what is beyond the edges.
        fill_value: The value there for "constant".

    Returns:
        The shape of `coordinates` without its first axis.

    Raises:
        ValueError: If `order` or `fill_mode` is unknown, or `coordinates` is not `(n, ...)`.

    >>> map_coordinates(jnp.asarray([1.0, 3.0]), [[0.5, 5.0]], 1, "nearest").tolist()
    [2.0, 3.0]
    """
    if order not in (0, 1):
        raise ValueError(f"map_coordinates: order must be 0 or 1; got {order!r}.")
    check_fill_mode(fill_mode)
    coordinates = jnp.asarray(coordinates)
    if coordinates.shape[:1] != (inputs.ndim,):
        raise ValueError(
            f"map_coordinates: coordinates must have one row for each of the {inputs.ndim} axes of inputs; "
            f"got shape {coordinates.shape}."
        )
    return cast(Array, ndimage.map_coordinates(inputs, list(coordinates), order, fill_mode, fill_value))


def check_fill_mode(fill_mode: str) -> None:
    """Raise `ValueError` if `fill_mode` is none of `FILL_MODES`.

    Args:
        fill_mode: One of `FILL_MODES`: what is beyond the edges.

    >>> check_fill_mode("nearest")
    """
    if fill_mode not in FILL_MODES:
        raise ValueError(f"fill_mode must be one of {', '.join(FILL_MODES)}; got {fill_mode!r}.")


def interpolation_order(interpolation: str) -> int:
    """Return the order of an interpolation by its name.

    Args:
        interpolation: "nearest" or "bilinear".

    Returns:
        0 or 1.

    >>> interpolation_order("bilinear")
    1
    """
    if interpolation not in ORDERS:
        raise ValueError(f"interpolation must be 'nearest' or 'bilinear'; got {interpolation!r}.")
    return ORDERS[interpolation]


def sample(
    image: Array, x: Array, y: Array, interpolation: str = "bilinear", fill_mode: str = "constant", fill_value: Any = 0
) -> Array:
    """Return the pixels of one image `(height, width, channels)` at columns `x` and rows `y`.

    Args:
        image: `(height, width, channels)`.
        x: Columns, of any shape.
        y: Rows, of the same shape.
        interpolation: "nearest" or "bilinear".
        fill_mode: One of `FILL_MODES`: what is beyond the edges.
        fill_value: The value there for "constant".

    Returns:
        The shape of `x` with the channels as its last axis.

    >>> sample(jnp.asarray([[[1.0], [3.0]]]), jnp.asarray([0.5]), jnp.asarray([0.0])).tolist()
    [[2.0]]
    """
    order = interpolation_order(interpolation)
    check_fill_mode(fill_mode)

    def channel(values: Array) -> Array:
        return cast(Array, ndimage.map_coordinates(values, [y, x], order, fill_mode, fill_value))

    return jax.vmap(channel, -1, -1)(image)


def grid(image: Array) -> tuple[Array, Array]:
    """Return the column and the row of each pixel of `(height, width, channels)`, as float32.

    Args:
        image: `(height, width, channels)`.

    Returns:
        Two arrays `(height, width)`.

    >>> [part.tolist() for part in grid(jnp.zeros((1, 2, 3)))]
    [[[0.0, 1.0]], [[0.0, 0.0]]]
    """
    height, width = image.shape[:2]
    x, y = jnp.meshgrid(jnp.arange(width, dtype=jnp.float32), jnp.arange(height, dtype=jnp.float32))
    return x, y


def project(transform: Any, x: Array, y: Array) -> tuple[Array, Array]:
    """Return where the map takes the points `(x, y)`.

    Args:
        transform: Eight numbers, see `affine_transform`.
        x: Columns.
        y: Rows.

    Returns:
        Two arrays of the shape of `x`.

    >>> [part.tolist() for part in project([2, 0, 1, 0, 3, 0, 0, 0], jnp.ones(1), jnp.ones(1))]
    [[3.0], [3.0]]
    """
    a0, a1, a2, b0, b1, b2, c0, c1 = jnp.asarray(transform, jnp.float32)
    k = c0 * x + c1 * y + 1.0
    return (a0 * x + a1 * y + a2) / k, (b0 * x + b1 * y + b2) / k


def affine_transform(
    image: Array,
    transform: Array,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Any = 0,
) -> Array:
    """Move the pixels of one image: `(x, y)` comes from `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)`.

    Here `transform` is `[a0, a1, a2, b0, b1, b2, c0, c1]` and `k = c0 x + c1 y + 1`.

    Args:
        image: `(height, width, channels)`.
        transform: `(8,)`; may be traced, and has a gradient.
        interpolation: "nearest" or "bilinear".
        fill_mode: One of `FILL_MODES`.
        fill_value: What is beyond the edges for "constant".

    Returns:
        `(height, width, channels)`.

    >>> shift = jnp.asarray([1.0, 0, 1, 0, 1, 0, 0, 0])
    >>> affine_transform(jnp.arange(3.0).reshape(1, 3, 1), shift).ravel().tolist()
    [1.0, 2.0, 0.0]
    """
    return sample(image, *project(transform, *grid(image)), interpolation, fill_mode, fill_value)


def perspective_matrix(start_points: Array, end_points: Array) -> Array:
    """Return the eight numbers of the projective map that takes `end_points` to `start_points`, each `(4, 2)`.

    Args:
        start_points: `(4, 2)`: x and y.
        end_points: `(4, 2)`.

    Returns:
        `(8,)`, see `affine_transform`.

    >>> corners = jnp.asarray([[0.0, 0], [4, 0], [0, 4], [4, 4]])
    >>> perspective_matrix(corners, corners + 1)[:3].round(4).tolist()
    [1.0, 0.0, -1.0]
    """
    start_points, end_points = jnp.asarray(start_points, jnp.float32), jnp.asarray(end_points, jnp.float32)
    (x, y), (u, v) = end_points.T, start_points.T
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    rows_u = jnp.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=1)
    rows_v = jnp.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=1)
    return cast(Array, jnp.linalg.solve(jnp.concatenate([rows_u, rows_v]), jnp.concatenate([u, v])))


def perspective_transform(
    image: Array, start_points: Array, end_points: Array, interpolation: str = "bilinear", fill_value: Any = 0
) -> Array:
    """Move the four `start_points` `(x, y)` of one image to `end_points`, and the rest by the projective map of both.

    Args:
        image: `(height, width, channels)`.
        start_points: `(4, 2)`: x and y.
        end_points: `(4, 2)`.
        interpolation: "nearest" or "bilinear".
        fill_value: What is beyond the edges.

    Returns:
        `(height, width, channels)`.

    >>> corners = jnp.asarray([[0.0, 0], [3, 0], [0, 3], [3, 3]])
    >>> perspective_transform(jnp.eye(3)[..., None], corners, corners[:, ::-1])[..., 0].tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return affine_transform(image, perspective_matrix(start_points, end_points), interpolation, "constant", fill_value)


def elastic_transform(
    image: Array,
    key: Array,
    alpha: Any = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: Any = 0.0,
) -> Array:
    """Displace each pixel of one image by a smooth random field: `alpha` times normal noise blurred with `sigma`.

    Args:
        image: `(height, width, channels)`.
        key: A key of `jax.random`.
        alpha: The strength.
        sigma: The smoothness, in pixels.
        interpolation: "nearest" or "bilinear".
        fill_mode: One of `FILL_MODES`: what is beyond the edges.
        fill_value: The value there for "constant".

    Returns:
        `(height, width, channels)`.

    >>> jax.eval_shape(elastic_transform, jnp.ones((4, 4, 1)), jax.random.key(0)).shape
    (4, 4, 1)

    Reference: Simard et al., 2003.
    """
    dx, dy = smooth_field(key, image.shape, sigma, int(6 * sigma) | 1)
    return displace(image, alpha * dx, alpha * dy, interpolation, fill_mode, fill_value)


def smooth_field(key: Array, shape: Any, sigma: Any, kernel_size: int) -> Array:
    """Return normal noise of deviation `sigma`, blurred with that deviation: one field for x, one for y.

    Args:
        key: A key of `jax.random`.
        shape: Of the image: `(height, width, ...)`.
        sigma: In pixels.
        kernel_size: Side of the window that blurs, in pixels.

    Returns:
        `(2, height, width)`, in pixels.

    >>> smooth_field(jax.random.key(0), (4, 5, 3), 1.0, 3).shape
    (2, 4, 5)
    """
    noise = sigma * jax.random.normal(key, (2, *shape[:2]))
    return blur(noise[..., None], (kernel_size, kernel_size), (sigma, sigma))[..., 0]


def displace(
    image: Array, dx: Any, dy: Any, interpolation: str = "bilinear", fill_mode: str = "reflect", fill_value: Any = 0.0
) -> Array:
    """Return the image whose pixel `(x, y)` comes from `(x + dx, y + dy)`.

    Args:
        image: `(height, width, channels)`.
        dx: `(height, width)`, in pixels.
        dy: `(height, width)`, in pixels.
        interpolation: "nearest" or "bilinear".
        fill_mode: One of `FILL_MODES`: what is beyond the edges.
        fill_value: The value there for "constant".

    Returns:
        `(height, width, channels)`.

    >>> displace(jnp.arange(3.0).reshape(1, 3, 1), jnp.ones((1, 3)), jnp.zeros((1, 3))).ravel().tolist()
    [1.0, 2.0, 2.0]
    """
    x, y = grid(image)
    return sample(image, x + dx, y + dy, interpolation, fill_mode, fill_value)


def centred(matrix: Array, height: int, width: int) -> Array:
    """Return the eight numbers of the linear map `matrix`, `(2, 2)`, about the middle of an image.

    Args:
        matrix: `(2, 2)`.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Returns:
        `(8,)`, see `affine_transform`.

    >>> centred(jnp.asarray([[-1.0, 0.0], [0.0, 1.0]]), 2, 3).tolist()
    [-1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    """
    (a, b), (c, d) = matrix
    x, y = (width - 1) / 2, (height - 1) / 2
    zero = jnp.zeros_like(a)
    return jnp.stack([a, b, x - a * x - b * y, c, d, y - c * x - d * y, zero, zero])


def rotation_matrix(turns: Any, height: int, width: int) -> Array:
    """Return the transform that turns an image by `turns` times 360 degrees counter-clockwise about its middle.

    Args:
        turns: A number.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Returns:
        `(8,)`, see `affine_transform`.

    >>> rotation_matrix(0.25, 3, 3)[1:4].tolist()
    [-1.0, 2.0, 1.0]
    """
    angle = jnp.asarray(turns, jnp.float32) * (2 * math.pi)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return centred(jnp.stack([jnp.stack([cos, -sin]), jnp.stack([sin, cos])]), height, width)


def zoom_matrix(height_zoom: Any, width_zoom: Any, height: int, width: int) -> Array:
    """Return the transform that makes everything `1 / zoom` as large, about the middle.

    Args:
        height_zoom: A number.
        width_zoom: A number.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Returns:
        `(8,)`, see `affine_transform`.

    >>> zoom_matrix(2.0, 1.0, 3, 3).tolist()
    [1.0, 0.0, 0.0, 0.0, 2.0, -1.0, 0.0, 0.0]
    """
    x, y = jnp.asarray(width_zoom, jnp.float32), jnp.asarray(height_zoom, jnp.float32)
    zero = jnp.zeros_like(x)
    return centred(jnp.stack([jnp.stack([x, zero]), jnp.stack([zero, y])]), height, width)


def translation_matrix(down: Any, right: Any) -> Array:
    """Return the transform that moves an image by `down` and `right` pixels.

    Args:
        down: In pixels.
        right: In pixels.

    Returns:
        `(8,)`, see `affine_transform`.

    >>> translation_matrix(2.0, 1.0).tolist()
    [1.0, 0.0, -1.0, 0.0, 1.0, -2.0, 0.0, 0.0]
    """
    x, y = jnp.asarray(right, jnp.float32), jnp.asarray(down, jnp.float32)
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    return jnp.stack([one, zero, -x, zero, one, -y, zero, zero])


def shear_matrix(x_shear: Any, y_shear: Any) -> Array:
    """Return the transform under which `(x, y)` comes from `(x + x_shear y, y + y_shear x)`.

    Args:
        x_shear: A number.
        y_shear: A number.

    Returns:
        `(8,)`, see `affine_transform`.

    >>> shear_matrix(0.5, 0.25).tolist()
    [1.0, 0.5, 0.0, 0.25, 1.0, 0.0, 0.0, 0.0]
    """
    x, y = jnp.asarray(x_shear, jnp.float32), jnp.asarray(y_shear, jnp.float32)
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    return jnp.stack([one, x, zero, y, one, zero, zero, zero])


def inverse(transform: Array) -> Array:
    """Return the eight numbers of the map back.

    Args:
        transform: `(8,)`.

    Returns:
        `(8,)`.

    >>> inverse(translation_matrix(2.0, 1.0)).tolist()
    [1.0, 0.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0]
    """
    matrix = cast(Array, jnp.linalg.inv(jnp.append(transform, 1.0).reshape(3, 3)))
    return (matrix / matrix[2, 2]).ravel()[:8]
