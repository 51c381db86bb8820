"""Neighbourhoods of pixels: blurring, edges, structural similarity."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def gaussian(size: int, sigma: Any) -> Array:
    """Return `size` weights `exp(-t^2 / (2 sigma^2))` about the middle that sum to one; `sigma` may be traced.

    Args:
        size: How many.
        sigma: Deviation in pixels.

    Returns:
        `(size,)`, float32.

    >>> gaussian(3, 1e-3).tolist()
    [0.0, 1.0, 0.0]
    """
    t = jnp.arange(size, dtype=jnp.float32) - (size - 1) / 2
    weights = jnp.exp(-jnp.square(t) / (2 * jnp.square(jnp.asarray(sigma, jnp.float32))))
    return weights / jnp.sum(weights)


def separable_filter(images: Array, rows: Array, columns: Array, padding: str = "same") -> Array:
    """Weigh the neighbours of each pixel of `(..., height, width, channels)` by the outer product of two kernels.

    Sums of shifted images rather than a convolution: it maps over kernels that differ from image to image.

    Args:
        images: Floating point.
        rows: Weights along the height.
        columns: Weights along the width.
        padding: "same" for zeros round the image, "valid" for none.

    Returns:
        `(..., height, width, channels)`; smaller by the kernel less one for "valid".

    >>> separable_filter(jnp.ones((1, 3, 1)), jnp.ones(1), jnp.ones(3)).ravel().tolist()
    [2.0, 3.0, 2.0]
    """
    for axis, weights in ((images.ndim - 3, rows), (images.ndim - 2, columns)):
        size = weights.shape[0]
        if padding == "same":
            widths = [(0, 0)] * images.ndim
            widths[axis] = ((size - 1) // 2, size // 2)
            images = jnp.pad(images, widths)
        length = images.shape[axis] - size + 1
        shifted = [jax.lax.slice_in_dim(images, i, i + length, axis=axis) for i in range(size)]
        images = sum(weights[i] * part for i, part in enumerate(shifted))  # type: ignore[assignment]
    return images


def blur(images: Array, kernel_size: Sequence[int] = (3, 3), sigma: Sequence[Any] = (1.0, 1.0)) -> Array:
    """Blur `(..., height, width, channels)` with a Gaussian; beyond the edges it is black.

    Args:
        images: `(..., height, width, channels)`, floating point.
        kernel_size: Height and width of the window.
        sigma: Deviations along height and width, in pixels.

    Returns:
        The shape of the images.

    >>> blur(jnp.asarray([[[0.0], [1.0], [0.0]]]), (1, 3), (1.0, 0.5)).round(2).ravel().tolist()
    [0.1..., 0.7..., 0.1...]
    """
    dtype = images.dtype if jnp.issubdtype(images.dtype, jnp.floating) else jnp.float32
    rows, columns = (gaussian(size, s).astype(dtype) for size, s in zip(kernel_size, sigma, strict=True))
    return separable_filter(images.astype(dtype), rows, columns)


def sobel_edges(images: Array) -> Array:
    """Return the gradient `[dy, dx]` of each pixel, `(..., height, width, channels, 2)`; beyond the edges it is black.

    Args:
        images: `(..., height, width, channels)`, floating point.

    Returns:
        `(..., height, width, channels, 2)`.

    >>> sobel_edges(jnp.asarray([[[0.0]], [[1.0]], [[2.0]]]))[:, 0, 0].tolist()
    [[2.0, 0.0], [4.0, 0.0], [-2.0, 0.0]]
    """
    if jnp.issubdtype(images.dtype, jnp.unsignedinteger):
        images = images.astype(jnp.int32)
    smooth, slope = jnp.asarray([1, 2, 1], images.dtype), jnp.asarray([-1, 0, 1], images.dtype)
    return jnp.stack([separable_filter(images, slope, smooth), separable_filter(images, smooth, slope)], axis=-1)


def ssim(
    first: Array,
    second: Array,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Array:
    """Return the structural similarity of two images, or of pairs, `(..., height, width, channels)` to `(...)`.

    The mean over pixels and channels of `(2 m1 m2 + c1) (2 s12 + c2) / ((m1^2 + m2^2 + c1) (s1^2 + s2^2 + c2))`, with
    means `m` and (co)variances `s` in a Gaussian window, `c1 = (k1 max_val)^2` and `c2 = (k2 max_val)^2`.

    Args:
        first: `(..., height, width, channels)`.
        second: Likewise.
        max_val: The value of white.
        filter_size: Side of the window, in pixels.
        filter_sigma: Its deviation, in pixels.
        k1: Keeps the means' quotient finite.
        k2: Keeps the variances' quotient finite.

    Returns:
        `(...)`, at most 1.

    >>> float(ssim(jnp.ones((11, 11, 1)), jnp.ones((11, 11, 1))))
    1.0

    Reference: Wang et al., 2004.
    """
    weights = gaussian(filter_size, filter_sigma).astype(first.dtype)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2

    def window_mean(values: Array) -> Array:
        return separable_filter(values, weights, weights, "valid")

    m1, m2 = window_mean(first), window_mean(second)
    squares = window_mean(first * first + second * second) - (m1 * m1 + m2 * m2)
    covariance = window_mean(first * second) - m1 * m2
    luminance = (2 * m1 * m2 + c1) / (m1 * m1 + m2 * m2 + c1)
    structure = (2 * covariance + c2) / (squares + c2)
    return jnp.mean(luminance * structure, axis=(-3, -2, -1))
