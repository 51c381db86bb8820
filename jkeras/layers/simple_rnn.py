"""The fully connected recurrence."""

from __future__ import annotations

from typing import Any

from jax import Array

from jkeras.functional.rnn import simple_rnn
from jkeras.layers.arguments import arguments_of
from jkeras.layers.gated import Cell, GatedSequence

__all__ = ["SimpleRNN", "SimpleRNNCell"]


class SimpleRNN(GatedSequence):
    """`h_t = activation(x_t kernel + h_{t-1} recurrent_kernel + bias)`.

    `(batch, time, features)` becomes `(batch, units)`, or with `return_sequences` `(batch, time, units)`.

    Args:
        units: Size of `h`.
        activation: Of the sum; "tanh" by default, None is the identity.
        use_bias: Whether `bias` is added.
        kernel_initializer: First values of `kernel`, `(features, units)`.
        recurrent_initializer: First values of `recurrent_kernel`, `(units, units)`.
        bias_initializer: First values of `bias`, `(units,)`.
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
    >>> SimpleRNN(4)(jnp.ones((2, 5, 3))).shape
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
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
        time_major: bool = False,
        zero_output_for_mask: bool = False,
        remat_steps: int | None = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep(**arguments)

    def _recur(self, *arrays: Any, **arguments: Any) -> Any:
        return simple_rnn(*arrays, activation=self.activation, **arguments)


class SimpleRNNCell(Cell):
    """One step of `SimpleRNN`, for `RNN`, `StackedRNNCells` and loops of one's own.

    `(batch, features)` and the states become the output `(batch, units)` and the list of new states.

    Args:
        units: Size of `h`.
        activation: Of the sum; "tanh" by default, None is the identity.
        use_bias: Whether `bias` is added.
        kernel_initializer: First values of `kernel`, `(features, units)`.
        recurrent_initializer: First values of `recurrent_kernel`, `(units, units)`.
        bias_initializer: First values of `bias`.
        kernel_regularizer: Penalty on `kernel`.
        recurrent_regularizer: Penalty on `recurrent_kernel`.
        bias_regularizer: Penalty on `bias`.
        kernel_constraint: Projection of `kernel` after each update.
        recurrent_constraint: Projection of `recurrent_kernel` after each update.
        bias_constraint: Projection of `bias` after each update.
        dropout: Probability that a feature of the inputs is dropped.
        recurrent_dropout: Probability that an element of `h` is dropped before the product.
        seed: Integer folded into the key of both.

    Call arguments:
        inputs: `(batch, features)`.
        states: The list of states, each `(batch, units)`.

    >>> import jax.numpy as jnp
    >>> h, [state] = SimpleRNNCell(4)(jnp.ones((2, 3)), [jnp.zeros((2, 4))])
    >>> h.shape
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
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
        seed: int | None = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(**kwargs)
        self._keep(**arguments)

    def _step(self, inputs: Array, states: list[Array], factors: Array | None) -> tuple[Array, ...]:
        h = states[0] if factors is None else states[0] * factors
        return (self.activation(self._product(inputs, self.kernel, self.bias) + h @ self.recurrent_kernel),)
