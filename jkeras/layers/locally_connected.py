"""Convolution of sequences and images whose kernel is another one at each place."""

from __future__ import annotations

import math
from typing import Any

from jax import Array

from jkeras.functional.conv import Sizes, local_conv
from jkeras.layers.arguments import arguments_of, declare, share_arguments
from jkeras.layers.convolution import Convolving

__all__ = ["LocallyConnected1D", "LocallyConnected2D"]


class BaseLocallyConnected(Convolving):
    """Base of unshared convolutions over `rank` spatial dimensions; see `LocallyConnected2D`."""

    filters: int
    implementation: int

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        implementation: int = 1,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep(**arguments)
        if implementation not in (1, 2, 3):
            raise ValueError(f"{type(self).__name__}: implementation must be 1, 2 or 3; got {implementation!r}.")

    def build(self, input_shape: Any) -> None:
        """Declare `kernel`, `(places, window elements * channels, filters)`, and `bias`, `(spatial..., filters)`."""
        channels: Any = self._read_channels(input_shape)
        lengths = input_shape[1:-1] if self.data_format == "channels_last" else input_shape[2:]
        if None in lengths:
            raise ValueError(
                f"Layer {self.path!r} has a kernel for each place, so it needs the sizes of its input; got "
                f"{tuple(input_shape)}. Give a shape without None, for example Input({(28,) * self.rank + (3,)})."
            )
        self._check_fit(input_shape)
        sizes = zip(lengths, self.kernel_size, self.strides, strict=True)
        same = self.padding == "same"
        places = [-(-n // step) if same else (n - size) // step + 1 for n, size, step in sizes]
        elements: Any = None if channels is None else math.prod(self.kernel_size) * channels
        self.kernel = declare(self, "kernel", (math.prod(places), elements, self.filters))
        self.bias = declare(self, "bias", (*places, self.filters)) if self.use_bias else None

    def call(self, inputs: Array) -> Array:
        """Return `activation(local_conv(inputs, kernel) + bias)`."""
        outputs = local_conv(inputs, self.kernel, self.kernel_size, self.strides, self.padding, self.data_format)
        if self.bias is not None:
            # For channels first, Keras 2 reads the array of the bias in the order of the outputs, whatever its shape.
            outputs = outputs + self.bias.reshape(outputs.shape[1:])
        return self.activation(outputs)


class LocallyConnected1D(BaseLocallyConnected):
    """Convolution of sequences with a kernel of its own at each step, with the arguments of `LocallyConnected2D`.

    `(batch, steps, channels)` becomes `(batch, steps', filters)`.

    >>> import jax.numpy as jnp
    >>> LocallyConnected1D(4, 3)(jnp.ones((2, 7, 3))).shape
    (2, 5, 4)
    """

    rank = 1


class LocallyConnected2D(BaseLocallyConnected):
    """Convolution of images with a kernel of its own at each place: `y[p, o] = sum_i window(x, p)[i] kernel[p, i, o]`.

    `(batch, height, width, channels)` becomes `(batch, height', width', filters)`, with the lengths of `Conv2D`. Height
    and width must be known. The bias is one number for each element of the output, and the activation comes last.

    Args:
        filters: Number of channels of the outputs.
        kernel_size: Size of the window, one integer or one for each spatial dimension.
        strides: Step of the window.
        padding: "valid" (none) or "same" (as many outputs as inputs at stride 1).
        data_format: "channels_last" or "channels_first", in which channels come right after the batch; the default of
            the configuration if left out.
        activation: Name or function; None is the identity.
        use_bias: Whether `bias` is added.
        kernel_initializer: First values of `kernel`, `(places, window elements * channels, filters)`. Places are in
            row-major order, a window in the order of `data_format`.
        bias_initializer: First values of `bias`, of the shape of an output, channels last.
        kernel_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the outputs, per sample.
        kernel_constraint: Projection of `kernel` after each update.
        bias_constraint: Projection of `bias` after each update.
        implementation: 1, 2 or 3: in Keras 2, how the same numbers are computed and stored. Here they are computed as
            one matrix product for each place, and stored as Keras's implementation 1 stores them.

    Raises:
        ValueError: If sizes are not positive, or the sizes of the input are not known.

    >>> import jax.numpy as jnp
    >>> LocallyConnected2D(4, 3)(jnp.ones((2, 8, 8, 3))).shape
    (2, 6, 6, 4)
    """

    rank = 2


share_arguments(LocallyConnected2D, LocallyConnected1D)
