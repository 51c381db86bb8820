"""Values of pixels by the histogram of one image `(height, width, channels)`; a range is that of black and white."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.functional.image.adjust import Range, limit, rescale


def autocontrast(image: Array, value_range: Range) -> Array:
    """Stretch each channel to the whole range; a channel of one value stays as it is.

    Args:
        image: `(height, width, channels)`, floating point.
        value_range: The values of black and white.

    Returns:
        The shape of the image, floating point.

    >>> autocontrast(jnp.asarray([[[10.0], [20.0]]]), (0, 255)).ravel().tolist()
    [0.0, 255.0]
    """
    low, high = value_range
    least, most = jnp.min(image, axis=(0, 1)), jnp.max(image, axis=(0, 1))
    flat = most == least
    stretched = (image - least) / jnp.where(flat, 1, most - least) * (high - low) + low
    return limit(jnp.where(flat, image, stretched), value_range)


def equalize(image: Array, value_range: Range, bins: int = 256) -> Array:
    """Give each channel a flat histogram: a value becomes its rank among the pixels.

    `(c(x) - c0) / (n - c0)` of the range, in steps of 1 / 255 of it, where `c(x)` counts the pixels whose bin is not
    above that of `x`, and `c0` those of the lowest bin that is not empty. A channel of one bin stays as it is.

    Args:
        image: `(height, width, channels)`, floating point.
        value_range: The values of black and white.
        bins: Number of bins of the histogram.

    Returns:
        The shape of the image, floating point.

    >>> equalize(jnp.asarray([[[0.0], [1.0], [2.0]]]), (0, 255)).ravel().tolist()
    [0.0, 128.0, 255.0]
    """
    places = rescale(image.astype(jnp.float32), value_range, (0, bins - 1))
    levels = jnp.clip(jnp.floor(places + 1e-4), 0, bins - 1).astype(jnp.int32)

    def channel(level: Array, values: Array) -> Array:
        total = jnp.cumsum(jnp.bincount(level.ravel(), length=bins))
        first = total[jnp.min(level)]
        spread = level.size - first
        table = jnp.round((total - first) * (255 / jnp.maximum(spread, 1)))
        equalized = rescale(jnp.clip(table, 0, 255)[level], (0, 255), value_range)
        return jnp.where(spread > 0, equalized.astype(values.dtype), values)

    return jax.vmap(channel, -1, -1)(levels, image)


def adaptive_equalize(
    image: Array, value_range: Range, clip_limit: float = 4.0, tiles: Sequence[int] = (8, 8), bins: int = 256
) -> Array:
    """Equalize each channel by the histograms of the tiles round a pixel, with limited contrast.

    Each tile has a table, the cumulated histogram whose bins were cut off at `clip_limit` times their mean, with what
    was cut off spread over all. A pixel is looked up in the four nearest tiles and interpolated between them.

    Args:
        image: `(height, width, channels)`; it is reflected at the bottom and on the right to a multiple of the tiles.
        value_range: The values of black and white.
        clip_limit: The most that a bin holds, in units of the mean; 0 for no limit.
        tiles: Number of tiles along height and width.
        bins: Number of bins.

    Returns:
        The shape of the image, floating point.

    >>> adaptive_equalize(jnp.asarray([[[0.0], [255.0]]]), (0, 255), 0.0, (1, 1)).ravel().tolist()
    [0.0, 255.0]

    Reference: Zuiderveld, 1994.
    """
    height, width, channels = image.shape
    rows, columns = (-(-n // count) for n, count in zip((height, width), tiles))
    levels = jnp.floor(limit(rescale(image.astype(jnp.float32), value_range, (0, 255)), (0, 255)))
    levels = (levels * (bins - 1) / 255).astype(jnp.int32)
    spare = (rows * tiles[0] - height, columns * tiles[1] - width)
    padded = jnp.pad(levels, [(0, spare[0]), (0, spare[1]), (0, 0)], mode="edge")
    blocks = padded.reshape(tiles[0], rows, tiles[1], columns, channels).transpose(0, 2, 4, 1, 3)
    blocks = blocks.reshape(tiles[0], tiles[1], channels, rows * columns)
    table = partial(_table, clip_limit=clip_limit, bins=bins)
    tables = cast(Array, jnp.vectorize(table, signature="(n)->(m)")(blocks))

    y, top, bottom = _between(height, rows, tiles[0])
    x, left, right = _between(width, columns, tiles[1])
    channel = jnp.arange(channels)

    def looked_up(row: Array, column: Array) -> Array:
        return tables[row[:, None, None], column[None, :, None], channel, levels]

    x = x[None, :, None]
    upper = (1 - x) * looked_up(top, left) + x * looked_up(top, right)
    lower = (1 - x) * looked_up(bottom, left) + x * looked_up(bottom, right)
    y = y[:, None, None]
    return rescale((1 - y) * upper + y * lower, (0, 1), value_range).astype(image.dtype)


def _table(values: Array, clip_limit: float, bins: int) -> Array:
    """Return the new value, from 0 to 1, of each bin."""
    counts = jnp.bincount(values, length=bins).astype(jnp.float32)
    if clip_limit > 0:
        kept = jnp.minimum(counts, clip_limit * values.size / bins)
        counts = kept + jnp.sum(counts - kept) / bins
    total = jnp.cumsum(counts)
    return (total - total[0]) / jnp.maximum(total[-1] - total[0], 1e-6)


def _between(length: int, size: int, count: int) -> tuple[Array, Array, Array]:
    """Return for each pixel of an axis the share of the second tile, and the tiles on both sides of it."""
    place = jnp.clip(jnp.arange(length) / size - 0.5, 0, count - 1)
    first = jnp.floor(place).astype(jnp.int32)
    return place - first, first, jnp.minimum(first + 1, count - 1)
