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
from jkeras.layers.arguments import share_arguments

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

    Args:
        output_size: Size of the outputs, one integer or one for each spatial dimension.
        data_format: "channels_last" or "channels_first", in which channels come right after the batch; the default of
            the configuration if left out.

    Raises:
        ValueError: If a size is not positive, or the data format is unknown.
    """

    rank: ClassVar[int]
    _pool: ClassVar[Callable[..., Array]]

    def __init__(self, output_size: Sizes, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.output_size = spatial_sizes("output_size", output_size, self.rank)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Array) -> Array:
        """Return the pooled array."""
        return type(self)._pool(inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling1D(AdaptivePooling):
    """The means of windows that cover a sequence evenly.

    `(batch, steps, channels)` becomes `(batch, output_size, channels)`.
    Window `i` of `o` over `n` elements is `[floor(i n / o), ceil((i + 1) n / o))`.

    >>> import jax.numpy as jnp
    >>> AdaptiveAveragePooling1D(2)(jnp.arange(5.0)[None, :, None]).ravel().tolist()
    [1.0, 3.0]
    """

    rank, _pool = 1, staticmethod(adaptive_average_pool)


class AdaptiveAveragePooling2D(AdaptivePooling):
    """The means of windows that cover an image evenly.

    `(batch, height, width, channels)` becomes `(batch, *output_size, channels)`.
    Window `i` of `o` over `n` elements is `[floor(i n / o), ceil((i + 1) n / o))`.

    >>> import jax.numpy as jnp
    >>> AdaptiveAveragePooling2D(3)(jnp.ones((1, 7, 8, 2))).shape
    (1, 3, 3, 2)
    """

    rank, _pool = 2, staticmethod(adaptive_average_pool)


class AdaptiveAveragePooling3D(AdaptivePooling):
    """The means of windows that cover a volume evenly.

    `(batch, depth, height, width, channels)` becomes `(batch, *output_size, channels)`.
    Window `i` of `o` over `n` elements is `[floor(i n / o), ceil((i + 1) n / o))`.

    >>> import jax.numpy as jnp
    >>> AdaptiveAveragePooling3D(3)(jnp.ones((1, 7, 8, 4, 2))).shape
    (1, 3, 3, 3, 2)
    """

    rank, _pool = 3, staticmethod(adaptive_average_pool)


class AdaptiveMaxPooling1D(AdaptivePooling):
    """The maxima of windows that cover a sequence evenly.

    `(batch, steps, channels)` becomes `(batch, output_size, channels)`.
    Window `i` of `o` over `n` elements is `[floor(i n / o), ceil((i + 1) n / o))`.

    >>> import jax.numpy as jnp
    >>> AdaptiveMaxPooling1D(2)(jnp.arange(5.0)[None, :, None]).ravel().tolist()
    [2.0, 4.0]
    """

    rank, _pool = 1, staticmethod(adaptive_max_pool)


class AdaptiveMaxPooling2D(AdaptivePooling):
    """The maxima of windows that cover an image evenly.

    `(batch, height, width, channels)` becomes `(batch, *output_size, channels)`.
    Window `i` of `o` over `n` elements is `[floor(i n / o), ceil((i + 1) n / o))`.

    >>> import jax.numpy as jnp
    >>> AdaptiveMaxPooling2D(3)(jnp.ones((1, 7, 8, 2))).shape
    (1, 3, 3, 2)
    """

    rank, _pool = 2, staticmethod(adaptive_max_pool)


class AdaptiveMaxPooling3D(AdaptivePooling):
    """The maxima of windows that cover a volume evenly.

    `(batch, depth, height, width, channels)` becomes `(batch, *output_size, channels)`.
    Window `i` of `o` over `n` elements is `[floor(i n / o), ceil((i + 1) n / o))`.

    >>> import jax.numpy as jnp
    >>> AdaptiveMaxPooling3D(3)(jnp.ones((1, 7, 8, 4, 2))).shape
    (1, 3, 3, 3, 2)
    """

    rank, _pool = 3, staticmethod(adaptive_max_pool)


share_arguments(
    AdaptivePooling, AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D,
)  # fmt: skip
