"""Up-sampling of sequences, images and volumes by whole factors."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from typing import cast

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.functional.conv import Sizes, spatial_sizes

# By the name in Keras: the name in JAX.
_SMOOTH = {"bilinear": "linear", "bicubic": "cubic", "lanczos3": "lanczos3", "lanczos5": "lanczos5"}

INTERPOLATIONS = ("nearest", *_SMOOTH)


def upsample(x: Array, size: Sizes, interpolation: str = "nearest", data_format: str = "channels_last") -> Array:
    """Enlarge each spatial axis by a whole factor.

    "nearest" repeats each element, `y[i] = x[floor(i / size)]`. The others are sums
    `y[i] = sum_j w((i + 1/2) / size - 1/2 - j) x[j]` along each axis, whose weights are scaled to a sum of 1: those of
    "bilinear" reach 1 element far, of "bicubic" (Keys, a = -1/2) 2, of "lanczos3" 3 and of "lanczos5" 5.

    Args:
        x: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)` for `"channels_first"`.
        size: the factor, one number or one for each spatial dimension.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        `(batch, size * spatial..., channels)`, of the dtype of `x`; integers that are not repeated become float32.

    Raises:
        ValueError: for an unknown interpolation or data format, or a size that is not positive.

    Reference: Keys, "Cubic convolution interpolation for digital image processing", 1981.

    >>> upsample(jnp.asarray([0.0, 4.0]).reshape(1, 2, 1), 2).ravel().tolist()
    [0.0, 0.0, 4.0, 4.0]
    >>> upsample(jnp.asarray([0.0, 4.0]).reshape(1, 2, 1), 2, "bilinear").ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}, got {interpolation!r}.")
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}.")
    rank = x.ndim - 2
    size = spatial_sizes("size", size, rank)
    factors = (1, *size, 1) if data_format == "channels_last" else (1, 1, *size)
    shape = tuple(n * factor for n, factor in zip(x.shape, factors, strict=True))
    if interpolation != "nearest":
        x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)
        return cast(Array, jax.image.resize(x, shape, _SMOOTH[interpolation], antialias=False))
    # One broadcast, whose gradient is one sum.
    apart = tuple(range(1, 2 * x.ndim, 2))
    spread = tuple(n for pair in zip(x.shape, factors, strict=True) for n in pair)
    return jnp.broadcast_to(jnp.expand_dims(x, apart), spread).reshape(shape)
