"""Separable convolution of sequences and images: depthwise, then pointwise."""

from __future__ import annotations

from typing import Any

from jax import Array

from jkeras.functional.conv import Sizes, separable_conv
from jkeras.layers.arguments import arguments_of, declare, share_arguments
from jkeras.layers.convolution import Convolving

__all__ = ["SeparableConv1D", "SeparableConv2D"]


class BaseSeparableConv(Convolving):
    """Base of separable convolutions over `rank` spatial dimensions; see `SeparableConv2D`."""

    may_be_causal = may_skip_and_dilate = True
    filters: int
    depth_multiplier: int

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep(**arguments)

    def build(self, input_shape: Any) -> None:
        """Declare `depthwise_kernel`, `pointwise_kernel` and `bias`."""
        self._check_fit(input_shape)
        channels = self._read_channels(input_shape)
        middle: Any = None if channels is None else channels * self.depth_multiplier
        depthwise: Any = (*self.kernel_size, channels, self.depth_multiplier)
        pointwise: Any = (*(1,) * self.rank, middle, self.filters)
        self.depthwise_kernel = declare(self, "depthwise_kernel", depthwise, "depthwise")
        self.pointwise_kernel = declare(self, "pointwise_kernel", pointwise, "pointwise")
        self.bias = declare(self, "bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Array) -> Array:
        """Return `activation(separable_conv(inputs, depthwise_kernel, pointwise_kernel) + bias)`."""
        return self._finish(
            separable_conv(
                inputs,
                self.depthwise_kernel,
                self.pointwise_kernel,
                self.strides,
                self.padding,
                self.data_format,
                self.dilation_rate,
            )
        )


class SeparableConv1D(BaseSeparableConv):
    """Separable convolution of sequences, with the formula and the arguments of `SeparableConv2D`.

    `(batch, steps, channels)` becomes `(batch, steps', filters)`.

    >>> import jax.numpy as jnp
    >>> SeparableConv1D(4, 3, padding="causal")(jnp.ones((2, 7, 3))).shape
    (2, 7, 4)
    """

    rank = 1


class SeparableConv2D(BaseSeparableConv):
    """Convolution of each channel by itself, then of the channels at each place: `pointwise(depthwise(x)) + bias`.

    `(batch, height, width, channels)` becomes `(batch, height', width', filters)`, with the lengths of `Conv2D`.

    Args:
        filters: Number of channels of the outputs.
        kernel_size: Size of the window, one integer or one for each spatial dimension.
        strides: Step of the window.
        padding: "valid" (none), "same" (as many outputs as inputs at stride 1), or for sequences "causal" (as "same",
            but all of it before the first step).
        data_format: "channels_last" or "channels_first", in which channels come right after the batch; the default of
            the configuration if left out.
        dilation_rate: Distance of neighbouring elements of the depthwise kernel in the input.
        depth_multiplier: Number of outputs of each channel between the two steps.
        activation: Name or function; None is the identity.
        use_bias: Whether `bias` is added.
        depthwise_initializer: First values of `depthwise_kernel`, `(*kernel_size, channels, depth_multiplier)`.
        pointwise_initializer: First values of `pointwise_kernel`, `(1, 1, channels * depth_multiplier, filters)`, or
            for sequences with a single 1.
        bias_initializer: First values of `bias`, `(filters,)`.
        depthwise_regularizer: Penalty on `depthwise_kernel`.
        pointwise_regularizer: Penalty on `pointwise_kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the outputs, per sample.
        depthwise_constraint: Projection of `depthwise_kernel` after each update.
        pointwise_constraint: Projection of `pointwise_kernel` after each update.
        bias_constraint: Projection of `bias` after each update.

    Raises:
        ValueError: If sizes are not positive.

    >>> import jax.numpy as jnp
    >>> SeparableConv2D(4, 3, padding="same")(jnp.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 4)

    Reference: Chollet, "Xception: deep learning with depthwise separable convolutions", 2017.
    """

    rank = 2


share_arguments(SeparableConv2D, SeparableConv1D)
