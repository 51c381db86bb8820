"""Pooling of windows, and of everything: rows of small classes over two bases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from jax import Array

from jkeras.core.data_format import standardize_data_format
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.functional.conv import Sizes, spatial_sizes
from jkeras.functional.conv_max import conv_global_max, is_worthwhile
from jkeras.functional.pool import average_pool, global_average_pool, global_max_pool, max_pool
from jkeras.layers.arguments import one_of, share_arguments

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]


class Pooling(Layer):
    """Pooling of windows; the base of `MaxPooling1D`, `AveragePooling2D` and so on.

    Args:
        pool_size: Size of the window, one integer or one for each spatial dimension.
        strides: Step of the window; None is `pool_size`.
        padding: "valid" (a length n becomes `ceil((n - pool_size + 1) / strides)`) or "same" (`ceil(n / strides)`; what
            is padded counts for nothing).
        data_format: "channels_last" or "channels_first", in which channels come right after the batch; the default of
            the configuration if left out.
        name: The layer's name.

    Raises:
        ValueError: If a size is not positive, or padding or data format is unknown.
    """

    rank: ClassVar[int]
    _pool: ClassVar[Callable[..., Array]]

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.pool_size = spatial_sizes("pool_size", pool_size, self.rank)
        self.strides = spatial_sizes("strides", pool_size if strides is None else strides, self.rank)
        self.padding = one_of(self, "padding", str(padding).lower(), ("valid", "same"))
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Array) -> Array:
        """Return the pooled array."""
        return type(self)._pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class GlobalPooling(Layer):
    """Pooling over all spatial dimensions; the base of `GlobalMaxPooling1D` and so on.

    Args:
        data_format: "channels_last" or "channels_first", in which channels come right after the batch; the default of
            the configuration if left out.
        keepdims: Whether to keep the spatial dimensions, with size 1.
    """

    rank: ClassVar[int]
    _pool: ClassVar[Callable[..., Array]]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Array) -> Array:
        """Return `(batch, channels)`, or with size 1 for each spatial dimension."""
        return type(self)._pool(inputs, self.data_format, self.keepdims)


class MaxPooling1D(Pooling):
    """The maximum of each window of a sequence: `(batch, steps, channels)` becomes `(batch, steps', channels)`.

    >>> import jax.numpy as jnp
    >>> MaxPooling1D()(jnp.asarray([[[1.0], [3.0], [2.0], [0.0]]])).ravel().tolist()
    [3.0, 2.0]
    """

    rank, _pool = 1, staticmethod(max_pool)


class MaxPooling2D(Pooling):
    """The maximum of each window of an image.

    `(batch, height, width, channels)` becomes `(batch, height', width', channels)`.

    >>> import jax.numpy as jnp
    >>> MaxPooling2D()(jnp.ones((1, 4, 4, 3))).shape
    (1, 2, 2, 3)
    """

    rank, _pool = 2, staticmethod(max_pool)


class MaxPooling3D(Pooling):
    """The maximum of each window of a volume.

    `(batch, depth, height, width, channels)` becomes `(batch, depth', height', width', channels)`.

    >>> import jax.numpy as jnp
    >>> MaxPooling3D()(jnp.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank, _pool = 3, staticmethod(max_pool)


class AveragePooling1D(Pooling):
    """The mean of each window of a sequence: `(batch, steps, channels)` becomes `(batch, steps', channels)`.

    >>> import jax.numpy as jnp
    >>> AveragePooling1D()(jnp.asarray([[[1.0], [3.0], [2.0], [0.0]]])).ravel().tolist()
    [2.0, 1.0]
    """

    rank, _pool = 1, staticmethod(average_pool)


class AveragePooling2D(Pooling):
    """The mean of each window of an image.

    `(batch, height, width, channels)` becomes `(batch, height', width', channels)`.

    >>> import jax.numpy as jnp
    >>> AveragePooling2D()(jnp.ones((1, 4, 4, 3))).shape
    (1, 2, 2, 3)
    """

    rank, _pool = 2, staticmethod(average_pool)


class AveragePooling3D(Pooling):
    """The mean of each window of a volume.

    `(batch, depth, height, width, channels)` becomes `(batch, depth', height', width', channels)`.

    >>> import jax.numpy as jnp
    >>> AveragePooling3D()(jnp.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank, _pool = 3, staticmethod(average_pool)


class GlobalMaxPooling1D(GlobalPooling):
    """The maximum over the steps of a sequence: `(batch, steps, channels)` becomes `(batch, channels)`.

    >>> import jax.numpy as jnp
    >>> GlobalMaxPooling1D()(jnp.asarray([[[1.0], [3.0], [2.0]]])).tolist()
    [[3.0]]
    """

    rank, _pool = 1, staticmethod(global_max_pool)

    def call(self, inputs: Array) -> Array:
        """Return `(batch, channels)`, or with size 1 for the steps."""
        frame: Any = self._frame
        source = None if frame is None else frame.source_of(inputs)
        if source is None or not is_worthwhile(source):
            return super().call(inputs)
        largest = conv_global_max(source)
        return largest[:, None] if self.keepdims else largest


class GlobalMaxPooling2D(GlobalPooling):
    """The maximum over the pixels of an image: `(batch, height, width, channels)` becomes `(batch, channels)`.

    >>> import jax.numpy as jnp
    >>> GlobalMaxPooling2D()(jnp.ones((1, 4, 4, 3))).shape
    (1, 3)
    """

    rank, _pool = 2, staticmethod(global_max_pool)


class GlobalMaxPooling3D(GlobalPooling):
    """The maximum over a volume: `(batch, depth, height, width, channels)` becomes `(batch, channels)`.

    >>> import jax.numpy as jnp
    >>> GlobalMaxPooling3D()(jnp.ones((1, 4, 4, 4, 3))).shape
    (1, 3)
    """

    rank, _pool = 3, staticmethod(global_max_pool)


class GlobalAveragePooling1D(GlobalPooling):
    """The mean over the steps of a sequence that the mask keeps.

    `(batch, steps, channels)` becomes `(batch, channels)`.

    >>> import jax.numpy as jnp
    >>> x, mask = jnp.asarray([[[1.0], [3.0], [9.0]]]), jnp.asarray([[True, True, False]])
    >>> GlobalAveragePooling1D()(x, mask=mask).tolist()
    [[2.0]]
    """

    rank, _pool = 1, staticmethod(global_average_pool)
    supports_masking = True

    def call(self, inputs: Array, mask: Array | None = None) -> Array:
        """Return the means.

        Args:
            inputs: `(batch, steps, channels)`.
            mask: `(batch, steps)`, true where a step counts; all do if left out.

        Returns:
            `(batch, channels)`, or `(batch, 1, channels)` with `keepdims`.
        """
        return global_average_pool(inputs, self.data_format, self.keepdims, mask)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return None: no steps are left."""
        return None


class GlobalAveragePooling2D(GlobalPooling):
    """The mean over the pixels of an image: `(batch, height, width, channels)` becomes `(batch, channels)`.

    >>> import jax.numpy as jnp
    >>> GlobalAveragePooling2D()(jnp.ones((1, 4, 4, 3))).shape
    (1, 3)
    """

    rank, _pool = 2, staticmethod(global_average_pool)


class GlobalAveragePooling3D(GlobalPooling):
    """The mean over a volume: `(batch, depth, height, width, channels)` becomes `(batch, channels)`.

    >>> import jax.numpy as jnp
    >>> GlobalAveragePooling3D()(jnp.ones((1, 4, 4, 4, 3))).shape
    (1, 3)
    """

    rank, _pool = 3, staticmethod(global_average_pool)


share_arguments(Pooling, MaxPooling1D, MaxPooling2D, MaxPooling3D, AveragePooling1D, AveragePooling2D, AveragePooling3D)
share_arguments(
    GlobalPooling, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D, GlobalAveragePooling1D,
    GlobalAveragePooling2D, GlobalAveragePooling3D,
)  # fmt: skip

MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
