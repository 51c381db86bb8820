"""Depthwise convolution of sequences and images: each channel by itself."""

from __future__ import annotations

from typing import Any

from jax import Array

from jkeras.functional.conv import Sizes, depthwise_conv
from jkeras.layers.arguments import arguments_of, declare, share_arguments
from jkeras.layers.convolution import Convolving

__all__ = ["DepthwiseConv1D", "DepthwiseConv2D"]


class BaseDepthwiseConv(Convolving):
    """Base of depthwise convolutions over `rank` spatial dimensions; see `DepthwiseConv2D`."""

    may_be_causal = may_skip_and_dilate = True
    depth_multiplier: int

    def __init__(
        self,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep(**arguments)

    def build(self, input_shape: Any) -> None:
        """Declare `kernel`, `(spatial..., channels, depth_multiplier)`, and `bias`."""
        self._check_fit(input_shape)
        channels = self._read_channels(input_shape)
        outputs: Any = None if channels is None else channels * self.depth_multiplier
        shape: Any = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = declare(self, "kernel", shape, "depthwise")
        self.bias = declare(self, "bias", (outputs,)) if self.use_bias else None

    def call(self, inputs: Array) -> Array:
        """Return `activation(depthwise_conv(inputs, kernel) + bias)`."""
        return self._finish(
            depthwise_conv(inputs, self.kernel, self.strides, self.padding, self.data_format, self.dilation_rate)
        )


class DepthwiseConv1D(BaseDepthwiseConv):
    """Depthwise convolution of sequences, with the formula and the arguments of `DepthwiseConv2D`.

    `(batch, steps, channels)` becomes `(batch, steps', depth_multiplier * channels)`.

    >>> import jax.numpy as jnp
    >>> DepthwiseConv1D(3, depth_multiplier=2)(jnp.ones((2, 7, 3))).shape
    (2, 5, 6)
    """

    rank = 1


class DepthwiseConv2D(BaseDepthwiseConv):
    """Convolution of each channel by itself: `y[p, c m + j] = activation(sum_k x[strides * p + k, c] kernel[k, c, j])`.

    `(batch, height, width, channels)` becomes `(batch, height', width', depth_multiplier * channels)`, with the lengths
    of `Conv2D`; outputs of one channel stand side by side.

    Args:
        kernel_size: Size of the window, one integer or one for each spatial dimension.
        strides: Step of the window.
        padding: "valid" (none), "same" (as many outputs as inputs at stride 1), or for sequences "causal" (as "same",
            but all of it before the first step).
        depth_multiplier: Number `m` of outputs of each channel.
        data_format: "channels_last" or "channels_first", in which channels come right after the batch; the default of
            the configuration if left out.
        dilation_rate: Distance of neighbouring kernel elements in the input.
        activation: Name or function; None is the identity.
        use_bias: Whether `bias` is added.
        depthwise_initializer: First values of `kernel`, `(*kernel_size, channels, depth_multiplier)`.
        bias_initializer: First values of `bias`, `(channels * depth_multiplier,)`.
        depthwise_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the outputs, per sample.
        depthwise_constraint: Projection of `kernel` after each update.
        bias_constraint: Projection of `bias` after each update.

    Raises:
        ValueError: If sizes are not positive.

    >>> import jax.numpy as jnp
    >>> DepthwiseConv2D(3, padding="same")(jnp.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)

    Reference: Howard et al., "MobileNets", 2017.
    """

    rank = 2


share_arguments(DepthwiseConv2D, DepthwiseConv1D)
