"""Layers and cells whose gates are products of the inputs and of the state with two kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.core import threefry
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.core.weight import Weight
from jkeras.functional.dropout import dropout
from jkeras.initializers import Initializer, Ones
from jkeras.layers.arguments import declare, keep, positive
from jkeras.layers.dropout import check_rate, check_seed, seeded_key
from jkeras.layers.recurrence import SequenceLayer, batch_size_of


class Gated(Layer):
    """Base of whatever has `kernel`, `recurrent_kernel` and `bias` for some gates side by side, and drops inputs."""

    state_count: ClassVar[int] = 1
    gate_count: ClassVar[int] = 1

    units: int
    use_bias: bool
    activation: Any
    recurrent_activation: Any
    bias_initializer: Any
    unit_forget_bias: bool = False
    reset_after: bool = False
    dropout: float
    recurrent_dropout: float
    seed: int | None

    def _checked(self, size: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments, checked; `size` names the one that is the number of units."""
        for name in ("dropout", "recurrent_dropout"):
            check_rate(self, name, arguments[name])
        checked = {size: positive(self, size, arguments[size]), "seed": check_seed(self, arguments["seed"])}
        return {**arguments, **checked}

    def _declare_gates(self, window: Sequence[int], features: int, units: int) -> None:
        """Declare the kernels, which begin with the sizes of a window if they are convolved with, and the bias."""
        width = self.gate_count * units
        self.kernel = declare(self, "kernel", (*window, features, width))
        self.recurrent_kernel = declare(self, "recurrent_kernel", (*window, units, width), prefix="recurrent")
        own: dict[str, Any] = {"initializer": UnitForget(self.bias_initializer)} if self.unit_forget_bias else {}
        shape = (2, width) if self.reset_after else (width,)
        self.bias = declare(self, "bias", shape, **own) if self.use_bias else None

    @property
    def state_size(self) -> Any:
        """Size of the state, or the list of sizes if it has several parts."""
        return self.units if self.state_count == 1 else [self.units] * self.state_count

    def _drop(self, rate: float, shape: Sequence[int], dtype: Any, training: bool) -> Array | None:
        """Return factors that drop with probability `rate`; None if nothing is dropped."""
        if not training or rate == 0:
            return None
        return dropout(jnp.ones(shape, dtype), rate, seeded_key(self, self.seed))


class UnitForget(Initializer):
    """The bias of an LSTM's four gates that begins with ones for the forget gate.

    Args:
        others: What the bias of the other gates begins with.

    >>> from jkeras.initializers import Zeros
    >>> UnitForget(Zeros())((4,), key=jax.random.key(0)).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """

    def __init__(self, others: Any):
        self.others = others

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        """Return the bias, the parts of other gates drawn from parts of the key."""
        units = shape[0] // 4
        keys = jax.random.split(key, 3)  # pyright: ignore[reportArgumentType]

        def draw(initializer: Any, size: int, key: Array) -> Array:
            return Weight("bias", (size,), initializer, str(dtype)).draw(key)

        drawn = [draw(self.others, units, keys[0]), draw(Ones(), units, keys[1]), draw(self.others, 2 * units, keys[2])]
        return jnp.concatenate(drawn)

    def on_host(self, shape: Sequence[int], key: np.ndarray) -> np.ndarray | None:
        """Return the bias, if the parts of the other gates can be drawn there."""
        units = shape[0] // 4
        first, _, last = threefry.split(key, 3)
        draw = getattr(self.others, "on_host", lambda *arguments: None)
        parts = [draw((units,), first), np.ones(units, np.float32), draw((2 * units,), last)]
        return None if any(part is None for part in parts) else np.concatenate(parts)  # pyright: ignore


class GatedSequence(Gated, SequenceLayer):
    """Base of LSTM, GRU and SimpleRNN: a subclass runs one function of `jkeras.functional.rnn`."""

    def _keep(self, **arguments: Any) -> None:
        super()._keep(**self._checked("units", arguments))
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        """Declare `kernel`, `recurrent_kernel`, `bias`, and the state if it is kept between batches."""
        self._declare_gates((), input_shape[-1], self.units)
        self._declare_states(input_shape)
        self.input_spec = InputSpec(ndim=3, axes={-1: input_shape[-1]})

    def _zero_state(self, batch: int, input_shape: Any, dtype: Any) -> Any:
        return [jnp.zeros((batch, self.units), dtype) for _ in range(self.state_count)]

    def _run(self, sequences: Array, state: Any, mask: Array | None, training: bool, **extra: Any) -> Any:
        batch, dtype = sequences.shape[1 if self.time_major else 0], sequences.dtype
        return self._recur(
            sequences,
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            None if state is None else tuple(state),
            mask=mask,
            go_backwards=self.go_backwards,
            unroll=self._unrolls(),
            time_major=self.time_major,
            input_dropout_mask=self._drop(self.dropout, (batch, sequences.shape[-1]), dtype, training),
            recurrent_dropout_mask=self._drop(self.recurrent_dropout, (batch, self.units), dtype, training),
            return_all=self.return_sequences,
            remat_steps=self.remat_steps,
        )

    def _recur(self, *arrays: Any, **arguments: Any) -> tuple[Array, Array | None, tuple[Array, ...]]:
        """Call the function that runs the layer."""
        raise TypeError(f"{type(self).__name__} must define _recur.")


class Cell(Gated):
    """Base of LSTMCell, GRUCell and SimpleRNNCell: one step, for `RNN` and for loops of one's own.

    In `RNN`, dropout drops the same features at every step. Called by itself, a cell draws anew each time.
    """

    def _keep(self, **arguments: Any) -> None:
        keep(self, **self._checked("units", arguments))

    def build(self, input_shape: Any) -> None:
        """Declare `kernel`, `recurrent_kernel` and `bias`."""
        self._declare_gates((), input_shape[-1], self.units)
        self.input_spec = InputSpec(ndim=2, axes={-1: input_shape[-1]})

    @property
    def output_size(self) -> int:
        """Size of the output."""
        return self.units

    def call(self, inputs: Array, states: Any, training: bool = False) -> tuple[Array, list[Array]]:
        """Take one step.

        Args:
            inputs: `(batch, features)`.
            states: The list of states, each `(batch, units)`.
            training: Whether dropout drops.

        Returns:
            The output `(batch, units)` and the list of new states.
        """
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        factors = self._drop(self.dropout, inputs.shape, inputs.dtype, training)
        recurrent_factors = self._drop(self.recurrent_dropout, states[0].shape, inputs.dtype, training)
        new = self._step(inputs if factors is None else inputs * factors, states, recurrent_factors)
        return new[0], list(new)

    def _step(self, inputs: Array, states: list[Array], factors: Array | None) -> tuple[Array, ...]:
        """Return the new states; `factors` are what `h` is multiplied by in products."""
        raise TypeError(f"{type(self).__name__} must define _step.")

    def _product(self, inputs: Array, kernel: Any, bias: Any = None) -> Array:
        y = inputs @ kernel
        return y if bias is None else y + bias

    def get_initial_state(self, batch_size: Any = None, inputs: Any = None, dtype: Any = None) -> list[Array]:
        """Return the state that a batch begins with: zeros.

        Args:
            batch_size: Number of samples; or the inputs, which Keras 2 gives first.
            inputs: An array `(batch, ...)`, whose batch size is taken if none is given.
            dtype: Dtype of the state; the layer's compute dtype if left out.

        Returns:
            A list of arrays `(batch, units)`.

        Raises:
            ValueError: If the size of the batch cannot be told.
        """
        if hasattr(batch_size, "shape"):
            batch_size, inputs = None, batch_size
        size = batch_size_of(self, batch_size, inputs)
        return [jnp.zeros((size, self.units), dtype or self.compute_dtype) for _ in range(self.state_count)]
