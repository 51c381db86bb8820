"""LSTMs whose products are convolutions."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.core.data_format import standardize_data_format
from jkeras.core.spec import InputSpec
from jkeras.functional.conv import Sizes, spatial_sizes
from jkeras.functional.conv_lstm import conv_lstm, product
from jkeras.layers.arguments import arguments_of, share_arguments
from jkeras.layers.gated import Gated
from jkeras.layers.recurrence import SequenceLayer

__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]

_SIZES = ("kernel_size", "strides", "dilation_rate")


class ConvLSTM(Gated, SequenceLayer):
    """Base of LSTMs over sequences of `rank`-dimensional grids; see `ConvLSTM2D`."""

    rank: ClassVar[int]
    state_count = 2
    gate_count = 4
    filters: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str
    data_format: str
    dilation_rate: tuple[int, ...]

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        remat_steps: int | None = None,
        **kwargs: Any,
    ):
        arguments = self._checked("filters", arguments_of(locals()))
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        sizes = {name: spatial_sizes(name, arguments[name], self.rank) for name in _SIZES}
        padding = str(padding).lower()
        if padding not in ("valid", "same"):
            raise ValueError(f"{type(self).__name__}: padding must be 'valid' or 'same'; got {padding!r}.")
        data_format = standardize_data_format(data_format)
        self._keep(**{**arguments, **sizes, "padding": padding, "data_format": data_format})
        self.input_spec = InputSpec(ndim=self.rank + 3)

    def build(self, input_shape: Any) -> None:
        """Declare `kernel`, `recurrent_kernel`, `bias`, and the state if it is kept between batches."""
        axis = -1 if self.data_format == "channels_last" else 2
        features = input_shape[axis]
        if features is None:
            raise ValueError(f"Layer {self.path!r}: the number of channels must be known; got {input_shape}.")
        self._declare_gates(self.kernel_size, features, self.filters)
        self._declare_states(input_shape)
        self.input_spec = InputSpec(ndim=self.rank + 3, axes={axis: features})

    def _window(self) -> dict[str, Any]:
        names = ("strides", "padding", "dilation_rate", "data_format")
        return {name: getattr(self, name) for name in names}

    def _zero_state(self, batch: int, input_shape: Any, dtype: Any) -> Any:
        step = jax.ShapeDtypeStruct((batch, *input_shape[2:]), dtype)
        kernel = jax.ShapeDtypeStruct(self.kernel.shape, dtype)
        shape = list(jax.eval_shape(lambda x, k: product(x, k, **self._window()), step, kernel).shape)
        shape[-1 if self.data_format == "channels_last" else 1] = self.filters
        return [jnp.zeros(shape, dtype) for _ in range(self.state_count)]

    def _run(self, sequences: Array, state: Any, mask: Array | None, training: bool, **extra: Any) -> Any:
        if state is None:
            state = self._zero_state(sequences.shape[0], sequences.shape, sequences.dtype)
        step = (sequences.shape[0], *sequences.shape[2:])
        return conv_lstm(
            sequences,
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            tuple(state),
            activation=self.activation,
            recurrent_activation=self.recurrent_activation,
            mask=mask,
            go_backwards=self.go_backwards,
            input_dropout_mask=self._drop(self.dropout, step, sequences.dtype, training),
            recurrent_dropout_mask=self._drop(self.recurrent_dropout, state[0].shape, sequences.dtype, training),
            return_all=self.return_sequences,
            remat_steps=self.remat_steps,
            **self._window(),
        )

    @property
    def state_size(self) -> list[int]:
        """The number of features of `h` and of `c`."""
        return [self.filters, self.filters]


class ConvLSTM1D(ConvLSTM):
    """LSTM over sequences of one-dimensional grids, with the formula and the arguments of `ConvLSTM2D`.

    `(batch, time, steps, channels)` becomes `(batch, steps', filters)`, or with `return_sequences`
    `(batch, time, steps', filters)`.

    >>> ConvLSTM1D(4, 3)(jnp.ones((2, 3, 8, 1))).shape
    (2, 6, 4)
    """

    rank = 1


class ConvLSTM2D(ConvLSTM):
    """LSTM over sequences of images, whose products are convolutions.

    `(batch, time, rows, columns, channels)` becomes `(batch, rows', columns', filters)`, or with `return_sequences`
    `(batch, time, rows', columns', filters)`, with the lengths of `Conv2D`.

    `[i, f, g, o] = x_t * kernel + h_{t-1} * recurrent_kernel + bias`, with `*` a convolution; then as in `LSTM`. The
    convolution of `h` keeps its size. That of the inputs is taken for all steps at once.

    Args:
        filters: Number of features of `h` and `c`.
        kernel_size: Size of both windows, one integer or one for each dimension.
        strides: Steps of the window over the inputs.
        padding: "valid" or "same", of the inputs.
        data_format: "channels_last" or "channels_first"; the default of the configuration if left out.
        dilation_rate: Distance of the window's points on the inputs.
        activation: Of the candidate and the output.
        recurrent_activation: Of the gates.
        use_bias: Whether `bias` is added.
        kernel_initializer: First values of `kernel`, `(*kernel_size, channels, 4 * filters)`.
        recurrent_initializer: First values of `recurrent_kernel`, `(*kernel_size, filters, 4 * filters)`.
        bias_initializer: First values of `bias`, `(4 * filters,)`.
        unit_forget_bias: Whether the bias of the forget gate begins with ones.
        kernel_regularizer: Penalty on `kernel`.
        recurrent_regularizer: Penalty on `recurrent_kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the outputs, per sample.
        kernel_constraint: Projection of `kernel` after each update.
        recurrent_constraint: Projection of `recurrent_kernel` after each update.
        bias_constraint: Projection of `bias` after each update.
        dropout: Probability that an element of the inputs is dropped, the same at all steps.
        recurrent_dropout: Probability that an element of `h` is dropped before the product, the same at all steps.
        seed: Integer folded into the key of both.
        return_sequences: Whether the outputs of all steps are returned.
        return_state: Whether the last `h` and `c` are returned too.
        go_backwards: Whether the last step comes first.
        stateful: Whether a batch begins with the state after the last one; needs a fixed batch size.
        remat_steps: For long sequences: the gradient keeps the state of every so many steps only and computes the
            steps between again, which takes up to twice the time forward. The least memory is needed near the square
            root of the number of steps.

    Call arguments:
        sequences: `(batch, time, ..., channels)`.
        initial_state: A list of `h` and `c`, each of the shape `(batch, ..., filters)` of an output; zeros if left out.
        mask: `(batch, time)`, true where a step counts.

    Raises:
        ValueError: If an argument is out of range, the number of channels is not known, or the layer is stateful and
            the batch size is not known.

    >>> ConvLSTM2D(4, 3, padding="same", return_sequences=True)(jnp.ones((2, 3, 6, 5, 1))).shape
    (2, 3, 6, 5, 4)

    Reference: Shi et al., 2015.
    """

    rank = 2


class ConvLSTM3D(ConvLSTM):
    """LSTM over sequences of volumes, with the formula and the arguments of `ConvLSTM2D`.

    `(batch, time, depth, rows, columns, channels)` becomes `(batch, depth', rows', columns', filters)`, or with
    `return_sequences` `(batch, time, depth', rows', columns', filters)`.

    >>> ConvLSTM3D(2, 2)(jnp.ones((1, 2, 3, 3, 3, 1))).shape
    (1, 2, 2, 2, 2)
    """

    rank = 3


share_arguments(ConvLSTM2D, ConvLSTM1D, ConvLSTM3D)
