"""Transposed convolution of sequences, images and volumes."""

from __future__ import annotations

from typing import Any

from jax import Array

from jkeras.functional.conv import Sizes, conv_transpose
from jkeras.layers.arguments import arguments_of, declare, share_arguments
from jkeras.layers.convolution import Convolving

__all__ = [
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "Convolution3DTranspose",
]


class BaseConvTranspose(Convolving):
    """Base of transposed convolutions over `rank` spatial dimensions; see `Conv2DTranspose`."""

    filters: int
    output_padding: tuple[int, ...] | None
    promised_shape: tuple[int | None, ...] | None = None
    """The `output_shape` of Keras 1, which says again what the other arguments say. It is checked where it is known."""

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        output_padding: Sizes | None = None,
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
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
        self.output_padding = self._read_output_padding(output_padding)

    def _read_output_padding(self, given: Any) -> tuple[int, ...] | None:
        if given is None:
            return None
        sizes = (given,) * self.rank if isinstance(given, int) else tuple(int(n) for n in given)
        if len(sizes) != self.rank or any(not 0 <= n < step for n, step in zip(sizes, self.strides, strict=False)):
            raise ValueError(
                f"{type(self).__name__}: output_padding must be a number or {self.rank} of them, from 0 and smaller "
                f"than strides={self.strides}; got {given!r}."
            )
        return sizes

    def build(self, input_shape: Any) -> None:
        """Declare `kernel`, `(spatial..., filters, channels)`, and `bias`."""
        shape: Any = (*self.kernel_size, self.filters, self._read_channels(input_shape))
        self.kernel = declare(self, "kernel", shape)
        self.bias = declare(self, "bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Array) -> Array:
        """Return `activation(conv_transpose(inputs, kernel) + bias)`."""
        outputs = conv_transpose(
            inputs,
            self.kernel,
            self.strides,
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )
        self._check_promise(inputs, outputs)
        return self._finish(outputs)

    def _check_promise(self, inputs: Array, outputs: Array) -> None:
        frame: Any = self._frame
        if self.promised_shape is None or (frame.declaring and frame.unknown in inputs.shape[1:]):
            return
        wanted = self.promised_shape[1:]
        if len(wanted) != self.rank + 1 or any(n not in (None, got) for n, got in zip(wanted, outputs.shape[1:])):
            raise ValueError(
                f"Layer {self.path!r}: output_shape={self.promised_shape} was given, but an input of shape "
                f"{inputs.shape} becomes {outputs.shape}. Leave output_shape out, and choose the size by padding, "
                "strides and output_padding."
            )


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution of sequences, with the lengths and the arguments of `Conv2DTranspose`.

    `(batch, steps, channels)` becomes `(batch, steps', filters)`.

    >>> import jax.numpy as jnp
    >>> Conv1DTranspose(4, 3, strides=2, padding="same")(jnp.ones((2, 7, 3))).shape
    (2, 14, 4)
    """

    rank = 1


class Conv2DTranspose(BaseConvTranspose):
    """The gradient of a convolution by its input, as a layer that enlarges images.

    `(batch, height, width, channels)` becomes `(batch, height', width', filters)`. With
    `window = dilation_rate * (kernel_size - 1) + 1`, an axis of length `n` becomes

    - "valid": `strides * n + max(window - strides, 0)`;
    - "same": `strides * n`;
    - "valid" with `output_padding`: `strides * (n - 1) + window + output_padding`;
    - "same" with `output_padding`: `strides * (n - 1) + window % 2 + output_padding`.

    Args:
        filters: Number of channels of the outputs.
        kernel_size: Size of the window, one integer or one for each spatial dimension.
        strides: Step of the window in the outputs: how much they are larger than the inputs.
        padding: "valid" or "same".
        output_padding: Chooses among the lengths that the convolution maps to that of the input; smaller than
            `strides`.
        data_format: "channels_last" or "channels_first", in which channels come right after the batch; the default of
            the configuration if left out.
        dilation_rate: Distance of neighbouring kernel elements in the output.
        activation: Name or function; None is the identity.
        use_bias: Whether `bias` is added.
        kernel_initializer: First values of `kernel`, `(*kernel_size, filters, channels)`.
        bias_initializer: First values of `bias`, `(filters,)`.
        kernel_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the outputs, per sample.
        kernel_constraint: Projection of `kernel` after each update.
        bias_constraint: Projection of `bias` after each update.

    Raises:
        ValueError: If sizes are not positive, `output_padding` is not smaller than `strides`, or both strides and
            dilation are larger than one.

    >>> import jax.numpy as jnp
    >>> Conv2DTranspose(4, 3, strides=2)(jnp.ones((2, 8, 8, 3))).shape
    (2, 17, 17, 4)

    Reference: Zeiler et al., "Deconvolutional networks", 2010.
    """

    rank = 2


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution of volumes, with the lengths and the arguments of `Conv2DTranspose`.

    `(batch, depth, height, width, channels)` becomes `(batch, depth', height', width', filters)`.

    >>> import jax.numpy as jnp
    >>> Conv3DTranspose(4, 2, strides=2)(jnp.ones((1, 3, 3, 3, 1))).shape
    (1, 6, 6, 6, 4)
    """

    rank = 3


share_arguments(Conv2DTranspose, Conv1DTranspose, Conv3DTranspose)

Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
