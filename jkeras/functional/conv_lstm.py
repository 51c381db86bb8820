"""LSTM over sequences of grids, whose products are convolutions."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.functional.cells import Activation, lstm_step
from jkeras.functional.conv import conv
from jkeras.functional.recurrence import Gates, cell_of, gated_rnn
from jkeras.functional.transforms import jit


def product(
    x: Array,
    kernel: Array,
    factors: Array | None = None,
    bias: Array | None = None,
    *,
    strides: tuple[int, ...] | int = 1,
    padding: str = "same",
    dilation_rate: tuple[int, ...] | int = 1,
    data_format: str = "channels_last",
) -> Array:
    """Convolve one step, `(batch, ...)`, or all of them, `(time, batch, ...)`; `factors` drop inputs.

    Args:
        x: `(..., batch, *spatial, channels)`.
        kernel: `(*window, channels, filters)`.
        factors: Factors of `x`, which broadcast to it, or None.
        bias: `(filters,)` or None.
        strides: Step of the window.
        padding: "valid" or "same".
        dilation_rate: Distance of neighbouring elements in the window.
        data_format: "channels_last" or "channels_first".

    Returns:
        `(..., *spatial, filters)`.

    >>> product(jnp.ones((5, 2, 4, 1)), jnp.ones((3, 1, 8))).shape
    (5, 2, 4, 8)
    """
    rank = kernel.ndim - 2
    x = x if factors is None else x * factors
    leading = x.shape[: x.ndim - rank - 2]
    flat = x.reshape(-1, *x.shape[len(leading) + 1 :]) if leading else x
    y = conv(flat, kernel, strides=strides, padding=padding, dilation_rate=dilation_rate, data_format=data_format)
    if bias is not None:
        y = y + (bias if data_format == "channels_last" else bias.reshape(-1, *[1] * rank))
    return y.reshape(*leading, -1, *y.shape[1:]) if leading else y


_STATIC = (
    "activation", "recurrent_activation", "strides", "padding", "dilation_rate", "data_format", "go_backwards",
    "return_all", "remat_steps",
)  # fmt: skip


@jit(static_argnames=_STATIC)
def conv_lstm(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    initial_state: tuple[Array, Array],
    *,
    activation: Activation = jnp.tanh,
    recurrent_activation: Activation = jax.nn.sigmoid,
    strides: tuple[int, ...] | int = 1,
    padding: str = "valid",
    dilation_rate: tuple[int, ...] | int = 1,
    data_format: str = "channels_last",
    mask: Array | None = None,
    go_backwards: bool = False,
    input_dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    return_all: bool = True,
    remat_steps: int | None = None,
) -> tuple[Array, Array | None, tuple[Array, Array]]:
    """LSTM with convolutions for products (Shi et al., 2015), gates in the order i, f, c, o.

    Args:
        x: `(batch, time, *grid, channels)`, or `(batch, time, channels, *grid)` if channels come first.
        kernel: `(*window, channels, 4 * filters)`, convolved with the inputs of all steps at once.
        recurrent_kernel: `(*window, filters, 4 * filters)`, convolved with `h`, whose size it keeps.
        bias: `(4 * filters,)` or `None`.
        initial_state: `(h, c)`, each of the shape of one step's output.
        activation: function of one array.
        recurrent_activation: function of one array.
        strides: of the convolution of the inputs, like the next two.
        padding: "valid" or "same".
        dilation_rate: distance of the points of the window.
        data_format: "channels_last" or "channels_first".
        mask: `(batch, time)` booleans; a masked step keeps the state and repeats the output.
        go_backwards: go from the last step to the first; outputs stay in the order of computation.
        input_dropout_mask: factors of the inputs of each step; constants.
        recurrent_dropout_mask: factors of `h` in the product; constants.
        return_all: whether all outputs are returned.
        remat_steps: keep for the gradient the state of every so many steps only, and compute the rest again.

    Returns:
        The last output, all outputs `(batch, time, ...)` or `None`, and the last `(h, c)`.

    >>> state = (jnp.zeros((1, 2, 1)), jnp.zeros((1, 2, 1)))
    >>> last, outputs, _ = conv_lstm(jnp.ones((1, 5, 4, 3)), jnp.ones((3, 3, 4)), jnp.ones((3, 1, 4)), None, state)
    >>> last.shape, outputs.shape
    ((1, 2, 1), (1, 5, 2, 1))
    """
    axis = -1 if data_format == "channels_last" else 1

    def cell(gates: Array, state: tuple[Array, ...], weights: Any) -> tuple[Array, Array]:
        return lstm_step(gates, state[1], activation, recurrent_activation, axis)

    of_inputs = partial(product, strides=strides, padding=padding, dilation_rate=dilation_rate, data_format=data_format)
    last, outputs, (h, c) = gated_rnn(
        cell_of(cell),
        x,
        Gates(kernel, recurrent_kernel, bias),
        initial_state,
        mask=mask,
        go_backwards=go_backwards,
        input_dropout_mask=input_dropout_mask,
        recurrent_dropout_mask=recurrent_dropout_mask,
        return_all=return_all,
        remat_steps=remat_steps,
        products=(of_inputs, partial(product, data_format=data_format)),
    )
    return last, outputs, (h, c)
