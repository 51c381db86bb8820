"""Simple recurrent, LSTM and GRU layers over `(batch, time, features)`, with Keras's weights and gate order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.functional.cells import gru_step, gru_step_before, lstm_step
from jkeras.functional.cudnn_lstm import cudnn_lstm, refusal
from jkeras.functional.gated_cells import GRU_GATES, LSTM_GATES, gru_cell, halved, lstm_cell, tanh_cell
from jkeras.functional.recurrence import Gates, cell_of, gated_rnn, rnn
from jkeras.functional.transforms import jit

__all__ = ["gru", "lstm", "rnn", "simple_rnn"]

Activation = Callable[[Any], Array]
Result = tuple[Array, Array | None, tuple[Array, ...]]

_sequence_arguments = ("go_backwards", "unroll", "time_major", "return_all", "remat_steps")


@jit(static_argnames=("activation", *_sequence_arguments))
def simple_rnn(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None = None,
    initial_state: tuple[Array] | None = None,
    *,
    activation: Activation = jnp.tanh,
    mask: Array | None = None,
    go_backwards: bool = False,
    unroll: bool | int = False,
    time_major: bool = False,
    input_dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    return_all: bool = True,
    remat_steps: int | None = None,
) -> Result:
    """Fully connected recurrence: `h_t = activation(x_t W + h_{t-1} U + b)`.

    Args:
        x: `(batch, time, features)`.
        kernel: `W`, `(features, units)`.
        recurrent_kernel: `U`, `(units, units)`.
        bias: `b`, `(units,)` or `None`.
        initial_state: `(h,)`, of shape `(batch, units)`; `None` is zeros.
        activation: function of one array.
        mask: `(batch, time)` booleans; a masked step keeps the state and repeats the output.
        go_backwards: go from the last step to the first; outputs stay in the order of computation.
        unroll: unroll the loop, wholly or by a number of steps.
        time_major: `x`, `mask` and outputs are `(time, batch, ...)`.
        input_dropout_mask: factors of `x`, `(batch, features)`; constants.
        recurrent_dropout_mask: factors of `h`, `(batch, units)`; constants.
        return_all: whether all outputs are returned.
        remat_steps: keep for the gradient the state of every so many steps only, and compute the rest again.

    Returns:
        The last output `(batch, units)`, all outputs `(batch, time, units)` or `None`, and the last state.

    >>> eye = jnp.eye(1)
    >>> last, outputs, (h,) = simple_rnn(jnp.ones((1, 3, 1)), eye, eye, activation=jax.nn.relu)
    >>> outputs.ravel().tolist(), last.item()
    ([1.0, 2.0, 3.0], 3.0)
    """

    def general(gates: Array, state: tuple[Array, ...], weights: Any) -> tuple[Array, ...]:
        return (activation(gates),)

    return gated_rnn(
        tanh_cell if _is(activation, jnp.tanh) else cell_of(general),
        x,
        Gates(kernel, recurrent_kernel, bias),
        initial_state,
        mask=mask,
        go_backwards=go_backwards,
        unroll=unroll,
        time_major=time_major,
        input_dropout_mask=input_dropout_mask,
        recurrent_dropout_mask=recurrent_dropout_mask,
        return_all=return_all,
        remat_steps=remat_steps,
    )


@jit(static_argnames=("activation", "recurrent_activation", "use_cudnn", *_sequence_arguments))
def lstm(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None = None,
    initial_state: tuple[Array, Array] | None = None,
    *,
    activation: Activation = jnp.tanh,
    recurrent_activation: Activation = jax.nn.sigmoid,
    mask: Array | None = None,
    go_backwards: bool = False,
    unroll: bool | int = False,
    time_major: bool = False,
    input_dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    return_all: bool = True,
    remat_steps: int | None = None,
    use_cudnn: bool | str = "auto",
) -> Result:
    """Long short-term memory (Hochreiter & Schmidhuber, 1997), gates in the order i, f, c, o.

    `[i, f, g, o] = x_t W + h_{t-1} U + b`, the first two and the last through `recurrent_activation`, `g` through
    `activation`; `c_t = f * c_{t-1} + i * g` and `h_t = o * activation(c_t)`.

    Args:
        x: `(batch, time, features)`.
        kernel: `W`, `(features, 4 * units)`.
        recurrent_kernel: `U`, `(units, 4 * units)`.
        bias: `b`, `(4 * units,)` or `None`.
        initial_state: `(h, c)`, each `(batch, units)`; `None` is zeros.
        activation: function of one array.
        recurrent_activation: function of one array. With `tanh` and `sigmoid`, all gates share one `tanh`.
        input_dropout_mask: factors of `x`, `(batch, features)`, or `(4, batch, features)` with one for each gate.
        recurrent_dropout_mask: factors of `h`, `(batch, units)`, or `(4, batch, units)`.
        use_cudnn: "auto" runs cuDNN's kernel on a GPU if it computes the same, `True` insists on it, `False` scans.
            The kernel has no derivative in forward mode.
        mask: `(batch, time)` booleans; a masked step keeps the state and repeats the output.
        go_backwards, unroll, time_major, return_all, remat_steps: as for `simple_rnn`.

    Returns:
        The last output, all outputs or `None`, and the last state `(h, c)`, as `simple_rnn` does.

    Raises:
        ValueError: if cuDNN is insisted on and cannot run this LSTM; the message says why.

    >>> last, outputs, (h, c) = lstm(jnp.ones((2, 5, 3)), jnp.ones((3, 16)), jnp.ones((4, 16)))
    >>> last.shape, outputs.shape, c.shape
    ((2, 4), (2, 5, 4), (2, 4))
    """
    standard = _is(activation, jnp.tanh) and _is(recurrent_activation, jax.nn.sigmoid)
    arguments = (x, Gates(kernel, recurrent_kernel, bias), initial_state, mask)
    dropout_masks = (input_dropout_mask, recurrent_dropout_mask)
    form: dict[str, Any] = {"go_backwards": go_backwards, "time_major": time_major, "return_all": return_all}
    scan = partial(
        _lstm_scan,
        activations=None if standard else (activation, recurrent_activation),
        unroll=unroll,
        remat_steps=remat_steps,
        **form,
    )
    if use_cudnn is False:
        return scan(*arguments, dropout_masks)
    dtype = jnp.result_type(x, kernel, recurrent_kernel)
    reason = refusal(dtype, standard, bool(unroll), remat_steps, *dropout_masks)
    if reason is None:
        # The default backend is a GPU; a program for another device of this machine scans.
        kernel_run = partial(cudnn_lstm, **form)
        return cast(Result, jax.lax.platform_dependent(*arguments, dropout_masks, cuda=kernel_run, default=scan))
    if use_cudnn is True:
        raise ValueError(f"use_cudnn=True, but cuDNN cannot run this LSTM: {reason}. Leave use_cudnn at 'auto'.")
    return scan(*arguments, dropout_masks)


def _lstm_scan(
    x: Array,
    gates: Gates,
    initial_state: tuple[Array, Array] | None,
    mask: Array | None,
    dropout_masks: tuple[Array | None, Array | None],
    *,
    activations: tuple[Activation, Activation] | None,
    **options: Any,
) -> Result:
    """LSTM in a loop; no activations are tanh and sigmoid."""
    if activations is None:
        gates, cell = halved(gates, LSTM_GATES), lstm_cell
    else:

        def step(gates: Array, state: tuple[Array, ...], weights: Any) -> tuple[Array, ...]:
            return lstm_step(gates, state[1], *activations)

        cell = cell_of(step)
    dropped, recurrent_dropped = dropout_masks
    return gated_rnn(
        cell,
        x,
        gates,
        initial_state,
        state_count=2,
        mask=mask,
        input_dropout_mask=dropped,
        recurrent_dropout_mask=recurrent_dropped,
        **options,
    )


@jit(static_argnames=("activation", "recurrent_activation", "reset_after", *_sequence_arguments))
def gru(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None = None,
    initial_state: tuple[Array] | None = None,
    *,
    activation: Activation = jnp.tanh,
    recurrent_activation: Activation = jax.nn.sigmoid,
    reset_after: bool = True,
    mask: Array | None = None,
    go_backwards: bool = False,
    unroll: bool | int = False,
    time_major: bool = False,
    input_dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    return_all: bool = True,
    remat_steps: int | None = None,
) -> Result:
    """Gated recurrent unit (Cho et al., 2014), gates in the order z, r, h.

    With `a = x_t W + b` and `d = h_{t-1} U + b'`, the update gate is `z = recurrent_activation(a_z + d_z)`, the reset
    gate `r = recurrent_activation(a_r + d_r)`, the candidate `g = activation(a_h + r * d_h)`, and
    `h_t = z * h_{t-1} + (1 - z) * g`. With `reset_after=False` the candidate is
    `activation(a_h + (r * h_{t-1}) U_h)`, and there is no `b'`.

    Args:
        x: `(batch, time, features)`.
        kernel: `W`, `(features, 3 * units)`.
        recurrent_kernel: `U`, `(units, 3 * units)`.
        bias: `(2, 3 * units)`, the rows `b` and `b'`, or `(3 * units,)` if not `reset_after`, or `None`.
        initial_state: `(h,)`, of shape `(batch, units)`; `None` is zeros.
        activation: function of one array.
        recurrent_activation: function of one array.
        reset_after: whether the reset gate is applied after the product with `U`.
        input_dropout_mask: factors of `x`, `(batch, features)`, or `(3, batch, features)` with one for each gate.
        recurrent_dropout_mask: factors of `h` in the products, `(batch, units)`, or `(3, batch, units)`.
        mask: `(batch, time)` booleans; a masked step keeps the state and repeats the output.
        go_backwards, unroll, time_major, return_all, remat_steps: as for `simple_rnn`.

    Returns:
        The last output, all outputs or `None`, and the last state, as `simple_rnn` does.

    Raises:
        ValueError: if the bias does not fit `reset_after`.

    >>> last, outputs, (h,) = gru(jnp.ones((2, 5, 3)), jnp.ones((3, 12)), jnp.ones((4, 12)), jnp.zeros((2, 12)))
    >>> last.shape, outputs.shape
    ((2, 4), (2, 5, 4))
    """
    units = recurrent_kernel.shape[0]
    expected = (2, 3 * units) if reset_after else (3 * units,)
    if bias is not None and bias.shape != expected:
        raise ValueError(f"gru: reset_after={reset_after} needs a bias of shape {expected}, got {bias.shape}.")
    arguments: dict[str, Any] = {
        "merge": False,
        "mask": mask,
        "go_backwards": go_backwards,
        "unroll": unroll,
        "time_major": time_major,
        "input_dropout_mask": input_dropout_mask,
        "recurrent_dropout_mask": recurrent_dropout_mask,
        "return_all": return_all,
        "remat_steps": remat_steps,
    }

    if reset_after:
        gates = Gates(kernel, recurrent_kernel, *((None, None) if bias is None else bias))
        if _is(activation, jnp.tanh) and _is(recurrent_activation, jax.nn.sigmoid):
            gates, cell = halved(gates, GRU_GATES), gru_cell
        else:

            def step(a: Array, d: Array, state: tuple[Array, ...], weights: Any) -> tuple[Array, ...]:
                return (gru_step(a, d, state[0], activation, recurrent_activation),)

            cell = cell_of(step)
        return gated_rnn(cell, x, gates, initial_state, **arguments)

    candidate_mask = jnp.ones((), x.dtype)
    if recurrent_dropout_mask is not None:
        shared = recurrent_dropout_mask.ndim == 2
        candidate_mask = jax.lax.stop_gradient(recurrent_dropout_mask if shared else recurrent_dropout_mask[2])
        arguments["recurrent_dropout_mask"] = recurrent_dropout_mask if shared else recurrent_dropout_mask[:2]

    def cell_before(a: Array, d: Array, state: tuple[Array, ...], weights: Any) -> tuple[Array, ...]:
        candidate_kernel, factors = weights
        return (gru_step_before(a, d, state[0], factors, candidate_kernel, activation, recurrent_activation),)

    kernels = recurrent_kernel[:, : 2 * units], recurrent_kernel[:, 2 * units :]
    gates = Gates(kernel, kernels[0], bias, weights=(kernels[1], candidate_mask))
    return gated_rnn(cell_of(cell_before), x, gates, initial_state, **arguments)


def _is(function: Activation, known: Activation) -> bool:
    """Whether a function is `known`, or says that it is the same (as those of `jkeras.activations` do)."""
    return getattr(function, "same_as", function) is known
