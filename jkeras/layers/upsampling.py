"""Up-sampling of sequences, images and volumes by whole factors."""

from __future__ import annotations

from typing import Any

from jax import Array

from jkeras.core.data_format import standardize_data_format
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.functional.conv import Sizes, spatial_sizes
from jkeras.functional.resize import INTERPOLATIONS, upsample
from jkeras.layers.arguments import one_of, positive

__all__ = ["UpSampling1D", "UpSampling2D", "UpSampling3D"]


class UpSampling1D(Layer):
    """Repeat each step of a sequence.

    `(batch, steps, features)` becomes `(batch, size * steps, features)`.

    Args:
        size: How often.

    >>> import jax.numpy as jnp
    >>> UpSampling1D(2)(jnp.asarray([[[1.0], [2.0]]])).ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = positive(self, "size", size)
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Array) -> Array:
        """Return `(batch, size * steps, features)`."""
        return upsample(inputs, self.size)


class UpSampling2D(Layer):
    """Enlarge images by whole factors.

    `(batch, height, width, channels)` becomes `(batch, size[0] * height, size[1] * width, channels)`.

    Args:
        size: The factor, one integer or one each for height and width.
        data_format: "channels_last" or "channels_first", in which channels come right after the batch.
        interpolation: "nearest" (repeat each pixel), "bilinear", "bicubic", "lanczos3" or "lanczos5".

    Raises:
        ValueError: If a factor is not positive, or interpolation or data format is unknown.

    >>> import jax.numpy as jnp
    >>> UpSampling2D((2, 3), interpolation="bilinear")(jnp.ones((1, 4, 4, 3))).shape
    (1, 8, 12, 3)
    """

    def __init__(
        self,
        size: Sizes = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.size = spatial_sizes("size", size, 2)
        self.data_format = standardize_data_format(data_format)
        self.interpolation = one_of(self, "interpolation", str(interpolation).lower(), INTERPOLATIONS)
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Array) -> Array:
        """Return the enlarged images."""
        return upsample(inputs, self.size, self.interpolation, self.data_format)


class UpSampling3D(Layer):
    """Repeat each element of a volume along depth, height and width.

    `(batch, depth, height, width, channels)` becomes `(batch, size[0] * depth, size[1] * height, size[2] * width,
    channels)`.

    Args:
        size: How often, one integer or one for each spatial dimension.
        data_format: "channels_last" or "channels_first", in which channels come right after the batch.

    Raises:
        ValueError: If a factor is not positive, or the data format is unknown.

    >>> import jax.numpy as jnp
    >>> UpSampling3D()(jnp.ones((1, 2, 2, 2, 3))).shape
    (1, 4, 4, 4, 3)
    """

    def __init__(self, size: Sizes = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = spatial_sizes("size", size, 3)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Array) -> Array:
        """Return the enlarged volumes."""
        return upsample(inputs, self.size, data_format=self.data_format)
