"""Convolution of sequences, images and volumes."""

from __future__ import annotations

from typing import Any, ClassVar

from jax import Array

from jkeras.activations import linear, relu
from jkeras.core.data_format import standardize_data_format
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.functional.conv import Sizes, conv, spatial_sizes
from jkeras.functional.conv_max import Convolution
from jkeras.layers.arguments import arguments_of, declare, keep, one_of, positive, share_arguments

__all__ = ["Conv1D", "Conv2D", "Conv3D"]

_COUNTS = ("filters", "groups", "depth_multiplier")


class Convolving(Layer):
    """What the layers that slide a window over `rank` spatial dimensions have in common."""

    rank: ClassVar[int]
    may_be_causal: ClassVar[bool] = False
    """Whether `padding="causal"` is one, for sequences."""
    may_skip_and_dilate: ClassVar[bool] = False
    """Whether both strides and dilation may be larger than one."""
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str
    dilation_rate: tuple[int, ...]
    data_format: str
    use_bias: bool
    activation: Any
    bias: Any

    def _keep(
        self,
        *,
        kernel_size: Sizes,
        strides: Sizes,
        padding: str,
        data_format: str | None,
        dilation_rate: Sizes = 1,
        **arguments: Any,
    ) -> None:
        """Check and keep the arguments of the constructor."""
        paddings = ("valid", "same", "causal") if self.may_be_causal and self.rank == 1 else ("valid", "same")
        counts = {k: positive(self, k, v) for k, v in arguments.items() if k in _COUNTS}
        keep(
            self,
            kernel_size=spatial_sizes("kernel_size", kernel_size, self.rank),
            strides=spatial_sizes("strides", strides, self.rank),
            padding=one_of(self, "padding", str(padding).lower(), paddings),
            data_format=standardize_data_format(data_format),
            dilation_rate=spatial_sizes("dilation_rate", dilation_rate, self.rank),
            **{**arguments, **counts},
        )
        if not self.may_skip_and_dilate and max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{type(self).__name__}: strides and dilation_rate cannot both be larger than 1; "
                f"got strides={self.strides} and dilation_rate={self.dilation_rate}."
            )
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _check_fit(self, input_shape: Any) -> None:
        """Raise `ValueError` if the window is larger than the input."""
        lengths = input_shape[1:-1] if self.data_format == "channels_last" else input_shape[2:]
        reach = tuple(rate * (n - 1) + 1 for n, rate in zip(self.kernel_size, self.dilation_rate, strict=True))
        if self.padding == "valid" and any(n is not None and n < size for n, size in zip(lengths, reach, strict=True)):
            raise ValueError(
                f"Layer {self.path!r}: a window of {reach} does not fit into an input of shape {tuple(input_shape)}. "
                "Use padding='same', a smaller kernel_size or a larger input."
            )

    def _read_channels(self, input_shape: Any) -> Any:
        """Return the number of channels, and expect it from now on."""
        axis = -1 if self.data_format == "channels_last" else 1
        channels = input_shape[axis]
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels} if channels else None)
        return channels

    def _finish(self, outputs: Array) -> Array:
        """Add the bias and apply the activation."""
        if self.bias is not None:
            last = self.data_format == "channels_last"
            outputs = outputs + (self.bias if last else self.bias.reshape(-1, *(1,) * self.rank))
        return self.activation(outputs)


class BaseConv(Convolving):
    """Base of convolutions over `rank` spatial dimensions; see `Conv2D`."""

    may_be_causal = True
    filters: int
    groups: int

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep(**arguments)
        if self.filters % self.groups:
            raise ValueError(f"{type(self).__name__}: groups={groups} must divide filters={filters}.")

    def build(self, input_shape: Any) -> None:
        """Declare `kernel`, `(spatial..., channels / groups, filters)`, and `bias`."""
        self._check_fit(input_shape)
        channels = self._read_channels(input_shape)
        if channels is not None and channels % self.groups:
            raise ValueError(
                f"Layer {self.path!r}: groups={self.groups} must divide the {channels} channels of its input."
            )
        shape: Any = (*self.kernel_size, None if channels is None else channels // self.groups, self.filters)
        self.kernel = declare(self, "kernel", shape)
        self.bias = declare(self, "bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Array) -> Array:
        """Return `activation(conv(inputs, kernel) + bias)`."""
        outputs = self._finish(
            conv(inputs, self.kernel, self.strides, self.padding, self.data_format, self.dilation_rate, self.groups)
        )
        frame: Any = self._frame
        is_plain = self.rank == 1 and (self.padding, self.data_format, self.groups) == ("valid", "channels_last", 1)
        if frame is not None and frame.training and is_plain and self.activation in (relu, linear):
            rectified = self.activation is relu
            source = Convolution(inputs, self.kernel, self.bias, self.strides[0], self.dilation_rate[0], rectified)
            frame.set_source(outputs, source)
        return outputs


class Conv1D(BaseConv):
    """Convolution of sequences, with the formula and the arguments of `Conv2D`.

    `(batch, steps, channels)` becomes `(batch, steps', filters)`. With `padding="causal"` no output sees a later step.

    >>> import jax.numpy as jnp
    >>> Conv1D(4, 3, padding="causal")(jnp.ones((2, 7, 3))).shape
    (2, 7, 4)
    """

    rank = 1


class Conv2D(BaseConv):
    """Convolution of images: `y[p, o] = activation(sum_{k, c} x[strides * p + k, c] kernel[k, c, o] + bias[o])`.

    `(batch, height, width, channels)` becomes `(batch, height', width', filters)`, where `n' = ceil(n / strides)` with
    padding "same", and `ceil((n - dilation_rate * (kernel_size - 1)) / strides)` with "valid".

    Args:
        filters: Number of channels of the outputs.
        kernel_size: Size of the window, one integer or one for each spatial dimension.
        strides: Step of the window.
        padding: "valid" (none), "same" (as many outputs as inputs at stride 1), or for sequences "causal" (as "same",
            but all of it before the first step).
        data_format: "channels_last" or "channels_first", in which channels come right after the batch; the default of
            the configuration if left out.
        dilation_rate: Distance of neighbouring kernel elements in the input.
        groups: Number of groups that channels and filters are split into.
        activation: Name or function; None is the identity.
        use_bias: Whether `bias` is added.
        kernel_initializer: First values of `kernel`, `(*kernel_size, channels / groups, filters)`.
        bias_initializer: First values of `bias`, `(filters,)`.
        kernel_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the outputs, per sample.
        kernel_constraint: Projection of `kernel` after each update.
        bias_constraint: Projection of `bias` after each update.

    Raises:
        ValueError: If sizes are not positive, `groups` divides not both channels and filters, or both strides and
            dilation are larger than one.

    >>> import jax.numpy as jnp
    >>> Conv2D(4, (3, 3), padding="same")(jnp.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 4)
    """

    rank = 2


class Conv3D(BaseConv):
    """Convolution of volumes, with the formula and the arguments of `Conv2D`.

    `(batch, depth, height, width, channels)` becomes `(batch, depth', height', width', filters)`.

    >>> import jax.numpy as jnp
    >>> Conv3D(4, 2)(jnp.ones((2, 3, 3, 3, 1))).shape
    (2, 2, 2, 2, 4)
    """

    rank = 3


share_arguments(Conv2D, Conv1D, Conv3D)
