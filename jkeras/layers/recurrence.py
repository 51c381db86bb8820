"""What the recurrent layers share: states, dropout masks, and the form of the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.functional.dropout import dropout
from jkeras.layers.arguments import declare, keep, positive
from jkeras.layers.dropout import check_rate, check_seed, seeded_key


class Recurrent(Layer):
    """Base of LSTM, GRU and SimpleRNN: a subclass runs one function of `jkeras.functional.rnn`."""

    supports_masking = True
    state_count: ClassVar[int] = 1
    gate_count: ClassVar[int] = 1

    units: int
    use_bias: bool
    activation: Any
    recurrent_activation: Any
    dropout: float
    recurrent_dropout: float
    seed: int | None
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    unroll: bool
    time_major: bool
    zero_output_for_mask: bool
    states: Any = None

    def _keep(self, **arguments: Any) -> None:
        """Check and keep what all recurrent constructors take."""
        for name in ("dropout", "recurrent_dropout"):
            check_rate(self, name, arguments[name])
        if arguments.get("use_cudnn") is True:
            raise ValueError(f"{type(self).__name__}: there is no cuDNN path to insist on. Leave use_cudnn at 'auto'.")
        arguments["units"] = positive(self, "units", arguments["units"])
        arguments["seed"] = check_seed(self, arguments["seed"])
        keep(self, **arguments)
        self.input_spec = InputSpec(ndim=3)

    @property
    def state_size(self) -> Any:
        """Size of the state, or the list of sizes if it has several parts."""
        return self.units if self.state_count == 1 else [self.units] * self.state_count

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Keras 1 and 2 pass the initial state in one list with the inputs.
        if args and isinstance(args[0], (list, tuple)):
            (sequences, *states), *rest = args
            kwargs = {**kwargs, "initial_state": states} if states else kwargs
            args = (sequences, *rest)
        return super().__call__(*args, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Declare `kernel`, `recurrent_kernel`, `bias`, and the state if it is kept between batches."""
        width = self.gate_count * self.units
        self.kernel = declare(self, "kernel", (input_shape[-1], width))
        self.recurrent_kernel = declare(self, "recurrent_kernel", (self.units, width), prefix="recurrent")
        self.bias = declare(self, "bias", self._bias_shape(), **self._bias_options()) if self.use_bias else None
        if self.stateful:
            batch = input_shape[1 if self.time_major else 0]
            if batch is None:
                raise ValueError(
                    f"Layer {self.path!r} is stateful: it needs to know the size of the batch. "
                    "Give Input(batch_shape=(batch, time, features)) or batch_input_shape= to the layer."
                )
            self.states = [
                self.add_weight(name="rnn_state", shape=(batch, self.units), initializer="zeros", trainable=False)
                for _ in range(self.state_count)
            ]
            for weight in self.states:
                weight.transient = True
        self.input_spec = InputSpec(ndim=3, axes={-1: input_shape[-1]})

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gate_count * self.units,)

    def _bias_options(self) -> dict[str, Any]:
        return {}

    def _run(self, sequences: Array, **arguments: Any) -> tuple[Array, Array | None, tuple[Array, ...]]:
        """Return the last output, all outputs or None, and the last state."""
        raise TypeError(f"{type(self).__name__} must define _run.")

    def call(
        self, sequences: Array, initial_state: Any = None, mask: Array | None = None, training: bool = False
    ) -> Any:
        """Return the last output, or all of them, followed by the last state if `return_state`.

        Args:
            sequences: `(batch, time, features)`, or `(time, batch, features)` with `time_major`.
            initial_state: The state to begin with, one array or a list of arrays `(batch, units)`; zeros if left out,
                or for a stateful layer the state after the last batch.
            mask: `(batch, time)`, true where a step counts; others keep the state and repeat the output.
            training: Whether dropout drops.
        """
        frame: Any = self._frame
        last, outputs, states = self._run(
            sequences,
            initial_state=self._first_state(sequences, initial_state),
            mask=mask,
            go_backwards=self.go_backwards,
            # A loop over a length that is not known yet would be unrolled for a made-up one.
            unroll=self.unroll and not frame.declaring,
            time_major=self.time_major,
            input_dropout_mask=self._drop(self.dropout, sequences, sequences.shape[-1], training),
            recurrent_dropout_mask=self._drop(self.recurrent_dropout, sequences, self.units, training),
            return_all=self.return_sequences,
        )
        if self.stateful:
            for kept, state in zip(self.states, states, strict=True):
                kept.assign(state)
        output: Any = outputs if self.return_sequences else last
        if self.zero_output_for_mask and mask is not None:
            counts: Any = mask
            if not self.return_sequences:
                counts = jnp.take(mask, 0 if self.go_backwards else -1, axis=0 if self.time_major else 1)
            elif self.go_backwards:
                counts = jnp.flip(mask, 0 if self.time_major else 1)
            output = jnp.where(counts[..., None], output, 0)
        return (output, *states) if self.return_state else output

    def _first_state(self, sequences: Array, given: Any) -> tuple[Array, ...] | None:
        if given is None or (isinstance(given, (list, tuple)) and not given):
            if not self.stateful:
                return None
            states = tuple(state.value for state in (self.states or ()))
        else:
            states = tuple(given) if isinstance(given, (list, tuple)) else (given,)
        expected = (sequences.shape[1 if self.time_major else 0], self.units)
        shapes = [tuple(state.shape) for state in states]
        if shapes != [expected] * self.state_count:
            raise ValueError(
                f"Layer {self.path!r} expects {self.state_count} initial state(s) of shape {expected}; "
                f"got {', '.join(map(str, shapes))}."
            )
        return tuple(state.astype(sequences.dtype) for state in states)

    def _drop(self, rate: float, sequences: Array, size: int, training: bool) -> Array | None:
        """Return the factors that drop the same features at every step."""
        if not training or rate == 0:
            return None
        batch = sequences.shape[1 if self.time_major else 0]
        return dropout(jnp.ones((batch, size), sequences.dtype), rate, seeded_key(self, self.seed))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask if sequences are returned; a state has none."""
        own = mask if self.return_sequences else None
        return (own, *[None] * self.state_count) if self.return_state else own

    def reset_state(self) -> None:
        """Set the state of a stateful layer to zeros."""
        self.reset_states()

    def reset_states(self, states: Sequence[Any] | None = None) -> None:
        """Set the state of a stateful layer to the arrays given, or to zeros.

        Raises:
            ValueError: If the layer is not stateful, not built, or an array has a wrong shape.
        """
        if not self.stateful:
            raise ValueError(f"Layer {self.name!r} keeps no state to reset. Make it with stateful=True.")
        if self.states is None:
            raise ValueError(f"Layer {self.name!r} is not built yet: its state has no shape. Call it once first.")
        values = [jnp.zeros(state.shape) for state in self.states] if states is None else list(states)
        for state, value in zip(self.states, values, strict=True):
            state.assign(value)
