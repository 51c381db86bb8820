"""Layers that stretch the values of images by their own histograms, in training and inference."""

from __future__ import annotations

from typing import Any

from jax import Array

from jkeras.functional.image import histogram
from jkeras.layers.arguments import positive
from jkeras.layers.image.base import ImageLayer, value_range_of

__all__ = ["AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization"]


class AutoContrast(ImageLayer):
    """Stretch each channel to the whole range, in training and inference.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        value_range: The values of black and white.

    >>> import jax.numpy as jnp
    >>> AutoContrast()(jnp.asarray([[[10.0], [20.0]]])).ravel().tolist()
    [0.0, 255.0]
    """

    moves_pixels = False

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any):
        super().__init__(**kwargs)
        self.value_range = value_range_of(self, value_range)

    def transform(self, image: Array, drawn: Any) -> Array:
        """Return the stretched image."""
        return histogram.autocontrast(image, self.value_range)


class Equalization(ImageLayer):
    """Give each channel a flat histogram, in training and inference.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        value_range: The values of black and white.
        bins: Number of bins of the histogram.
        data_format: "channels_last" or "channels_first".

    >>> import jax.numpy as jnp
    >>> Equalization()(jnp.asarray([[[0.0], [1.0], [2.0]]])).ravel().tolist()
    [0.0, 128.0, 255.0]
    """

    moves_pixels = False

    def __init__(self, value_range: Any = (0, 255), bins: int = 256, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range_of(self, value_range)
        self.bins = positive(self, "bins", bins)

    def transform(self, image: Array, drawn: Any) -> Array:
        """Return the equalized image."""
        return histogram.equalize(image, self.value_range, self.bins)


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Equalize the histograms of tiles, with limited contrast, in training and inference. Integers stay integers.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        value_range: The values of black and white.
        clip_limit: The most pixels that a bin of a histogram holds, in units of their mean; 0 for no limit.
        tile_grid_size: Number of tiles along height and width.
        data_format: "channels_last" or "channels_first".

    >>> import jax.numpy as jnp
    >>> layer = ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(1, 1), clip_limit=0.0)
    >>> layer(jnp.asarray([[[10.0], [20.0]]])).ravel().tolist()
    [127.5, 255.0]

    Reference: Zuiderveld, 1994.
    """

    keeps_integers = True
    moves_pixels = False

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range_of(self, value_range)
        if not isinstance(clip_limit, (int, float)) or clip_limit < 0:
            raise ValueError(f"{type(self).__name__}: clip_limit must not be negative; got {clip_limit!r}.")
        self.clip_limit = clip_limit
        sizes = tuple(tile_grid_size) if isinstance(tile_grid_size, (tuple, list)) else (tile_grid_size,) * 2
        if len(sizes) != 2:
            raise ValueError(f"{type(self).__name__}: tile_grid_size must be two integers; got {tile_grid_size!r}.")
        self.tile_grid_size = tuple(positive(self, "tile_grid_size", n) for n in sizes)

    def transform(self, image: Array, drawn: Any) -> Array:
        """Return the equalized image."""
        values = image.astype(self.compute_dtype)
        equalized = histogram.adaptive_equalize(values, self.value_range, self.clip_limit, self.tile_grid_size)
        return equalized.astype(image.dtype)
