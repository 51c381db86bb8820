"""Gated recurrent unit."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.functional.cells import gru_step, gru_step_before
from jkeras.functional.rnn import gru
from jkeras.layers.arguments import arguments_of
from jkeras.layers.gated import Cell, GatedSequence

__all__ = ["GRU", "GRUCell"]


class GRU(GatedSequence):
    """Gated recurrent unit.

    `(batch, time, features)` becomes `(batch, units)`, or with `return_sequences` `(batch, time, units)`.

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
        remat_steps: For long sequences: the gradient keeps the state of every so many steps only and computes the
            steps between again, which takes up to twice the time forward. The least memory is needed near the square
            root of the number of steps.

    Call arguments:
        sequences: `(batch, time, features)`, or `(time, batch, features)` with `time_major`.
        initial_state: `h`, `(batch, units)`; zeros if left out, or for a stateful layer the state after the last batch.
        mask: `(batch, time)`, true where a step counts; others keep the state and repeat the output.

    Raises:
        ValueError: If an argument is out of range, or the layer is stateful and the batch size is not known.

    >>> import jax.numpy as jnp
    >>> GRU(4)(jnp.ones((2, 5, 3))).shape
    (2, 4)

    Reference: Cho et al., 2014.
    """

    gate_count = 3

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
        remat_steps: int | None = None,
        **kwargs: Any,
    ):
        if use_cudnn is True:
            raise ValueError("GRU: cuDNN has no kernel for it on JAX. Leave use_cudnn at 'auto'.")
        arguments = arguments_of(locals())
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep(**arguments)

    def _recur(self, *arrays: Any, **arguments: Any) -> Any:
        activations = {"activation": self.activation, "recurrent_activation": self.recurrent_activation}
        return gru(*arrays, reset_after=self.reset_after, **activations, **arguments)


class GRUCell(Cell):
    """One step of `GRU`, for `RNN`, `StackedRNNCells` and loops of one's own.

    `(batch, features)` and the states become the output `(batch, units)` and the list of new states.

    Args:
        units: Size of `h`.
        activation: Of the candidate; "tanh" by default, None is the identity.
        recurrent_activation: Of the gates.
        use_bias: Whether `bias` is added.
        kernel_initializer: First values of `kernel`, `(features, 3 * units)`.
        recurrent_initializer: First values of `recurrent_kernel`, `(units, 3 * units)`.
        bias_initializer: First values of `bias`.
        kernel_regularizer: Penalty on `kernel`.
        recurrent_regularizer: Penalty on `recurrent_kernel`.
        bias_regularizer: Penalty on `bias`.
        kernel_constraint: Projection of `kernel` after each update.
        recurrent_constraint: Projection of `recurrent_kernel` after each update.
        bias_constraint: Projection of `bias` after each update.
        dropout: Probability that a feature of the inputs is dropped.
        recurrent_dropout: Probability that an element of `h` is dropped before the product.
        reset_after: Whether the reset gate is applied after the product with `recurrent_kernel`.
        seed: Integer folded into the key of both.

    Call arguments:
        inputs: `(batch, features)`.
        states: The list of states, each `(batch, units)`.

    >>> import jax.numpy as jnp
    >>> h, [state] = GRUCell(4)(jnp.ones((2, 3)), [jnp.zeros((2, 4))])
    >>> h.shape
    (2, 4)
    """

    gate_count = 3

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(**kwargs)
        self._keep(**arguments)

    def _step(self, inputs: Array, states: list[Array], factors: Array | None) -> tuple[Array, ...]:
        state, kernel = states[0], self.recurrent_kernel
        h = state if factors is None else state * factors
        activations = (self.activation, self.recurrent_activation)
        if self.reset_after:
            biases = (None, None) if self.bias is None else self.bias
            a, d = self._product(inputs, self.kernel, biases[0]), self._product(h, kernel, biases[1])
            return (gru_step(a, d, state, *activations),)
        a = self._product(inputs, self.kernel, self.bias)
        z_and_r, candidate = kernel[:, : 2 * self.units], kernel[:, 2 * self.units :]
        factors = jnp.ones((), h.dtype) if factors is None else factors
        return (gru_step_before(a, h @ z_and_r, state, factors, candidate, *activations),)
