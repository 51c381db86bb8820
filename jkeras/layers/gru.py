"""Gated recurrent unit."""

from __future__ import annotations

from typing import Any

from jax import Array

from jkeras.functional.rnn import gru
from jkeras.layers.recurrence import Recurrent

__all__ = ["GRU"]


class GRU(Recurrent):
    """Gated recurrent unit (Cho et al., 2014).

    With `a = x_t kernel + bias[0]` and `d = h_{t-1} recurrent_kernel + bias[1]`, split into update, reset and
    candidate: `z = s(a_z + d_z)`, `r = s(a_r + d_r)`, `g = act(a_h + r d_h)` and `h_t = z h_{t-1} + (1 - z) g`.

    Args:
        units: Size of `h`.
        activation: Of the candidate; "tanh" by default, None is the identity.
        recurrent_activation: Of the gates.
        use_bias: Whether `bias` is added.
        kernel_initializer: First values of `kernel`, `(features, 3 * units)`.
        recurrent_initializer: First values of `recurrent_kernel`, `(units, 3 * units)`.
        bias_initializer: First values of `bias`, `(2, 3 * units)`, or `(3 * units,)` if not `reset_after`.
        kernel_regularizer: Penalty on `kernel`.
        recurrent_regularizer: Penalty on `recurrent_kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the outputs, per sample.
        kernel_constraint: Projection of `kernel` after each update.
        recurrent_constraint: Projection of `recurrent_kernel` after each update.
        bias_constraint: Projection of `bias` after each update.
        dropout: Probability that a feature of the inputs is dropped, the same at all steps.
        recurrent_dropout: Probability that an element of `h` is dropped before the product, the same at all steps.
        seed: Integer folded into the key of both.
        return_sequences: Whether the outputs of all steps are returned.
        return_state: Whether the last `h` is returned too.
        go_backwards: Whether the last step comes first.
        stateful: Whether a batch begins with the state after the last one; needs a fixed batch size.
        unroll: Whether the loop is unrolled: faster for few steps, slower to compile.
        reset_after: Whether the reset gate is applied after the product with `recurrent_kernel`.
        use_cudnn: "auto" or False; cuDNN has no kernel for it on JAX.
        time_major: Whether inputs and outputs are `(time, batch, features)`.
        zero_output_for_mask: Whether a masked step gives zeros instead of the output before it.

    Raises:
        ValueError: If an argument is out of range, or the layer is stateful and the batch size is not known.

    >>> import jax.numpy as jnp
    >>> GRU(4)(jnp.ones((2, 5, 3))).shape
    (2, 4)
    """

    gate_count = 3
    reset_after: bool

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
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
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        time_major: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep(
            units=units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            reset_after=reset_after,
            use_cudnn=use_cudnn,
            time_major=time_major,
            zero_output_for_mask=zero_output_for_mask,
        )

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _run(self, sequences: Array, **arguments: Any) -> Any:
        activations = {"activation": self.activation, "recurrent_activation": self.recurrent_activation}
        return gru(
            sequences,
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            reset_after=self.reset_after,
            **activations,
            **arguments,
        )
