"""The LSTM that cuDNN has as one kernel, for GPUs; it computes what the scan of `jkeras.functional.rnn` does."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_batching import custom_vmap

from jkeras.functional.cells import lstm_step
from jkeras.functional.recurrence import Gates, cell_of, gated_rnn
from jkeras.functional.transforms import checkpoint

States = tuple[Array, Array]
Outputs = tuple[Array, Array, Array]

# Matrix products of lower precision than these cannot be asked of the kernel.
_PRECISIONS = (None, "high", "highest", "tensorfloat32", "float32")


def refusal(
    dtype: Any,
    standard_activations: bool,
    unroll: bool,
    remat_steps: int | None,
    input_dropout_mask: Array | None,
    recurrent_dropout_mask: Array | None,
) -> str | None:
    """Return why the kernel cannot run an LSTM of this kind here, or None if it can.

    Args:
        dtype: Of inputs and weights.
        standard_activations: Whether the activations are tanh and sigmoid.
        unroll: As for `lstm`.
        remat_steps: As for `lstm`.
        input_dropout_mask: As for `lstm`.
        recurrent_dropout_mask: As for `lstm`.

    Returns:
        The reason, or None.

    >>> refusal(jnp.float32, False, False, None, None, None)
    'its activations are tanh and sigmoid, these are others'
    """
    reasons = {
        "its activations are tanh and sigmoid, these are others": not standard_activations,
        # Its lowering knows nothing of 16 bits, and would fail when the program is compiled.
        f"it computes in float32, this is {jnp.dtype(dtype).name}": jnp.dtype(dtype) != jnp.float32,
        "it drops nothing of the state": recurrent_dropout_mask is not None,
        "it has one dropout mask for all gates": input_dropout_mask is not None and input_dropout_mask.ndim != 2,
        "unroll=True asks for a loop": unroll,
        "remat_steps asks for a loop": remat_steps is not None,
        "jax_default_matmul_precision is too low": _precision() not in _PRECISIONS,
        f"the default backend is {jax.default_backend()!r}, not a GPU": jax.default_backend() != "gpu",
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _precision() -> Any:
    return getattr(jax.config, "jax_default_matmul_precision")  # noqa: B009, for it is declared nowhere


def cudnn_lstm(
    x: Array,
    gates: Gates,
    initial_state: tuple[Array, Array] | None,
    mask: Array | None = None,
    dropout_masks: tuple[Array | None, Array | None] = (None, None),
    *,
    go_backwards: bool = False,
    time_major: bool = False,
    return_all: bool = True,
) -> tuple[Array, Array | None, States]:
    """LSTM as `jkeras.functional.rnn.lstm`, in one kernel; a mask that is not right-padded goes through the scan.

    Which of the two it is depends on the values of the mask, and is decided on the device.

    Args:
        x: `(batch, time, features)`, float32.
        gates: the weights.
        initial_state: `(h, c)`, each `(batch, units)`; `None` is zeros.
        mask: `(batch, time)` booleans.
        dropout_masks: factors `(batch, features)` of the inputs, and `None`.
        go_backwards: go from the last step to the first; outputs stay in the order of computation.
        time_major: `x`, `mask` and outputs are `(time, batch, ...)`.
        return_all: whether all outputs are returned.

    Returns:
        The last output, all outputs `(batch, time, units)` or `None`, and the last `(h, c)`.

    Reference: Chetlur et al., 2014, "cuDNN: efficient primitives for deep learning".
    """
    if time_major:
        x = jnp.swapaxes(x, 0, 1)
        mask = None if mask is None else jnp.swapaxes(mask, 0, 1)
    x = x if dropout_masks[0] is None else x * lax.stop_gradient(dropout_masks[0])[:, None]
    if initial_state is None:
        zeros = jnp.zeros((x.shape[0], gates.recurrent_kernel.shape[0]), x.dtype)
        initial_state = zeros, zeros
    bias = jnp.zeros_like(gates.kernel[0]) if gates.bias is None else gates.bias
    weights = gates.kernel, gates.recurrent_kernel, bias
    if mask is None:
        lengths = jnp.full(x.shape[0], x.shape[1], jnp.int32)
        x = jnp.flip(x, 1) if go_backwards else x
        outputs, h, c = cast(Outputs, _fused(x, *weights, *initial_state, lengths))
    else:
        outputs, h, c = _masked(x, weights, initial_state, mask.astype(bool), go_backwards)
    outputs = jnp.swapaxes(outputs, 0, 1) if time_major else outputs
    return h, outputs if return_all else None, (h, c)


def _masked(x: Array, weights: tuple[Array, Array, Array], state: States, mask: Array, go_backwards: bool) -> Outputs:
    time = x.shape[1]
    lengths = mask.sum(1, keepdims=True, dtype=jnp.int32)
    steps = jnp.arange(time)[None]
    # In the kernel's order the padding comes last; in that of a scan that goes backwards it comes first.
    taken = lengths - 1 - steps if go_backwards else None
    placed = steps - (time - lengths) if go_backwards else None

    def padded(x: Array, weights: tuple[Array, Array, Array], state: States) -> Outputs:
        # The kernel fails on rows of length 0; what it makes of them is replaced.
        rows = jnp.maximum(lengths[:, 0], 1)
        outputs, *new = cast(Outputs, _fused(_taken(x, taken), *weights, *state, rows))
        h, c = (jnp.where(lengths > 0, after, before) for after, before in zip(new, state, strict=True))
        valid, otherwise = (jnp.flip(mask, 1), state[0]) if go_backwards else (mask, h)
        return jnp.where(valid[..., None], _taken(outputs, placed), otherwise[:, None]), h, c

    # Its gradient computes the steps again, so that the other branch need not make room for what they keep.
    @checkpoint()
    def scanned(x: Array, weights: tuple[Array, Array, Array], state: States) -> Outputs:
        return _scan(x, *weights, *state, mask, go_backwards)

    is_padded = (mask == (steps < lengths)).all()
    return cast(Outputs, lax.cond(is_padded, padded, scanned, x, weights, state))


def _taken(x: Array, order: Array | None) -> Array:
    return x if order is None else jnp.take_along_axis(x, order[..., None], 1, mode="clip")


def _scan(
    x: Array, kernel: Array, recurrent_kernel: Array, bias: Array, h: Array, c: Array, mask: Array, backwards: bool
) -> Outputs:
    def cell(gates: Array, state: Any, weights: Any) -> States:
        return lstm_step(gates, state[1], jnp.tanh, jax.nn.sigmoid)

    gates = Gates(kernel, recurrent_kernel, bias)
    _, outputs, (h, c) = gated_rnn(cell_of(cell), x, gates, (h, c), mask=mask, go_backwards=backwards)
    assert outputs is not None
    return outputs, h, c


def _equal(
    lengths: Array, x: Array, kernel: Array, recurrent_kernel: Array, bias: Array, h: Array, c: Array
) -> Outputs:
    """What the kernel computes, as a scan: zeros after the length of a row, and the state at it."""
    mask = jnp.arange(x.shape[1])[None] < lengths[:, None]
    outputs, h, c = _scan(x, kernel, recurrent_kernel, bias, h, c, mask, False)
    return jnp.where(mask[..., None], outputs, 0), h, c


def _equal_forward(*arguments: Array) -> Outputs:
    return _equal(arguments[6], *arguments[:6])


def _equal_backward(*arguments: Array) -> tuple[Array, ...]:
    return cast(tuple[Array, ...], jax.vjp(partial(_equal, arguments[6]), *arguments[:6])[1](arguments[9:]))


def _differentiated(kernel: Callable[..., Any], equal: Callable[..., Any]) -> Callable[..., Any]:
    """Return the kernel, which JAX cannot differentiate, with the derivative of the scan that computes the same.

    So gradients of gradients exist. What the kernel returns beyond the scan is of no consequence to them.
    """
    run = jax.custom_jvp(kernel)

    @run.defjvp
    def run_jvp(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Any, Any]:
        outputs = run(*primals)
        is_float = [jnp.issubdtype(p.dtype, jnp.inexact) for p in primals]
        moving = [p for p, use in zip(primals, is_float, strict=True) if use]

        def of_floats(*floats: Array) -> Any:
            remaining = iter(floats)
            return equal(*(next(remaining) if use else p for p, use in zip(primals, is_float, strict=True)))

        _, dots = jax.jvp(of_floats, moving, [t for t, use in zip(tangents, is_float, strict=True) if use])
        return outputs, (*dots, *map(jnp.zeros_like, outputs[len(dots) :]))

    return run


@jax.custom_vjp
def _fused(
    x: Array, kernel: Array, recurrent_kernel: Array, bias: Array, h: Array, c: Array, lengths: Array
) -> Outputs:
    return _forward(x, kernel, recurrent_kernel, bias, h, c, lengths)[:3]


def _fused_forward(*arguments: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    outputs, h, c, reserved = _differentiated(_forward, _equal_forward)(*arguments)
    return (outputs, h, c), (*arguments, outputs, reserved)


def _fused_backward(residuals: tuple[Array, ...], cotangents: tuple[Array, ...]) -> tuple[Array | None, ...]:
    return (*_differentiated(_backward, _equal_backward)(*residuals, *cotangents), None)


_fused.defvjp(_fused_forward, _fused_backward)


@custom_vmap
def _forward(
    x: Array, kernel: Array, recurrent_kernel: Array, bias: Array, h: Array, c: Array, lengths: Array
) -> tuple[Array, Array, Array, Array]:
    from jax.experimental import rnn

    packed = _packed(kernel, recurrent_kernel, bias)
    # One layer, no dropout, one direction, the precision of the configuration.
    run = cast(Callable[..., tuple[Outputs, tuple[Array, ...]]], rnn.lstm_fwd)
    (outputs, h, c), residuals = run(
        x, h[None], c[None], packed, lengths, len(kernel), h.shape[-1], 1, 0.0, False, None
    )
    return outputs, h[0], c[0], residuals[-1]


@custom_vmap
def _backward(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array,
    h: Array,
    c: Array,
    lengths: Array,
    outputs: Array,
    reserved: Array,
    outputs_bar: Array,
    h_bar: Array,
    c_bar: Array,
) -> tuple[Array, ...]:
    from jax.experimental import rnn

    packed = _packed(kernel, recurrent_kernel, bias)
    residuals = (x, h[None], c[None], packed, lengths, outputs, reserved)
    cotangents = (outputs_bar, h_bar[None], c_bar[None])
    run = cast(Callable[..., tuple[Array, ...]], rnn.lstm_bwd)
    x_bar, h_bar, c_bar, packed_bar, _ = run(len(kernel), h.shape[-1], 1, 0.0, False, None, residuals, cotangents)
    ends = [kernel.size, kernel.size + recurrent_kernel.size, kernel.size + recurrent_kernel.size + bias.size]
    kernel_bar, recurrent_bar, bias_bar, _ = jnp.split(packed_bar, ends)
    kernel_bar = kernel_bar.reshape(kernel.shape[::-1]).T
    return x_bar, kernel_bar, recurrent_bar.reshape(recurrent_kernel.shape[::-1]).T, bias_bar, h_bar[0], c_bar[0]


def _packed(kernel: Array, recurrent_kernel: Array, bias: Array) -> Array:
    """All matrices, then all biases; the second bias is cuDNN's own."""
    return jnp.concatenate([kernel.T.ravel(), recurrent_kernel.T.ravel(), bias, jnp.zeros_like(bias)])


# The kernel cannot be mapped over a further axis: the scan is, and its gradient begins anew from the inputs.
@_forward.def_vmap
def _forward_mapped(size: int, batched: list[bool], *arguments: Any) -> tuple[tuple[Array, ...], tuple[bool, ...]]:
    outputs = jax.vmap(_equal_forward, [0 if b else None for b in batched], axis_size=size)(*arguments)
    one = [jax.ShapeDtypeStruct(a.shape[b:], a.dtype) for a, b in zip(arguments, batched, strict=True)]
    reserved = jax.eval_shape(_forward.fun, *one)[3]  # read by nobody, but its shape is known by now
    return (*outputs, jnp.zeros((size, *reserved.shape), reserved.dtype)), (True,) * 4


@_backward.def_vmap
def _backward_mapped(size: int, batched: list[bool], *arguments: Any) -> tuple[tuple[Array, ...], tuple[bool, ...]]:
    return jax.vmap(_equal_backward, [0 if b else None for b in batched], axis_size=size)(*arguments), (True,) * 6
