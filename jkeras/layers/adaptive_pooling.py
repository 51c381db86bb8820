"""Pooling to a given size: rows of small classes over one base."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from jax import Array

from jkeras.core.data_format import standardize_data_format
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.functional.conv import Sizes, spatial_sizes
from jkeras.functional.pool import adaptive_average_pool, adaptive_max_pool

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
]


class AdaptivePooling(Layer):
    """Pooling to a given size; the base of `AdaptiveMaxPooling1D`, `AdaptiveAveragePooling2D` and so on.

    Window `i` of `o` over `n` elements is `[floor(i n / o), ceil((i + 1) n / o))`.

    Args:
        output_size: Size of the outputs, one integer or one for each spatial dimension.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: If a size is not positive, or the data format is unknown.
    """

    rank: ClassVar[int]
    pool: ClassVar[Callable[..., Array]]

    def __init__(self, output_size: Sizes, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.output_size = spatial_sizes("output_size", output_size, self.rank)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Array) -> Array:
        """Return the pooled array."""
        return type(self).pool(inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling1D(AdaptivePooling):
    """The means of windows that cover a sequence evenly; arguments are those of `AdaptivePooling`."""

    rank, pool = 1, staticmethod(adaptive_average_pool)


class AdaptiveAveragePooling2D(AdaptivePooling):
    """The means of windows that cover an image evenly; arguments are those of `AdaptivePooling`.

    >>> import jax.numpy as jnp
    >>> AdaptiveAveragePooling2D(3)(jnp.ones((1, 7, 8, 2))).shape
    (1, 3, 3, 2)
    """

    rank, pool = 2, staticmethod(adaptive_average_pool)


class AdaptiveAveragePooling3D(AdaptivePooling):
    """The means of windows that cover a volume evenly; arguments are those of `AdaptivePooling`."""

    rank, pool = 3, staticmethod(adaptive_average_pool)


class AdaptiveMaxPooling1D(AdaptivePooling):
    """The maxima of windows that cover a sequence evenly; arguments are those of `AdaptivePooling`."""

    rank, pool = 1, staticmethod(adaptive_max_pool)


class AdaptiveMaxPooling2D(AdaptivePooling):
    """The maxima of windows that cover an image evenly; arguments are those of `AdaptivePooling`."""

    rank, pool = 2, staticmethod(adaptive_max_pool)


class AdaptiveMaxPooling3D(AdaptivePooling):
    """The maxima of windows that cover a volume evenly; arguments are those of `AdaptivePooling`."""

    rank, pool = 3, staticmethod(adaptive_max_pool)
