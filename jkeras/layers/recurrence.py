"""What all recurrent layers share: the state they begin with and keep, and the form of their outputs."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.layers.arguments import keep, positive


class SequenceLayer(Layer):
    """Base of layers that go through a sequence step by step.

    A subclass keeps its arguments by `_keep`, makes the state to begin with in `_zero_state`, and goes through the
    sequence in `_run`.
    """

    supports_masking = True

    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    unroll: bool = False
    time_major: bool = False
    zero_output_for_mask: bool = False
    remat_steps: int | None = None
    states: Any = None

    def _keep(self, **arguments: Any) -> None:
        """Check and keep what recurrent constructors take."""
        if arguments.get("remat_steps") is not None:
            positive(self, "remat_steps", arguments["remat_steps"])
        keep(self, **arguments)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; one that Keras has not is left out unless it is used."""
        config = super().get_config()
        return {name: value for name, value in config.items() if name != "remat_steps" or value is not None}

    def _zero_state(self, batch: int, input_shape: Any, dtype: Any) -> Any:
        """Return the state that a sequence begins with: a list of arrays (or of trees of arrays)."""
        raise TypeError(f"{type(self).__name__} must define _zero_state.")

    def _run(
        self, sequences: Array, state: Any, mask: Array | None, training: bool, **extra: Any
    ) -> tuple[Array, Any, Any]:
        """Return the last output, all outputs or None, and the last state; `state` is None for zeros."""
        raise TypeError(f"{type(self).__name__} must define _run.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = with_state_apart(args, kwargs)
        return super().__call__(*args, **kwargs)

    def _declare_states(self, input_shape: Any) -> None:
        """Declare the state that a stateful layer keeps between batches."""
        if not self.stateful:
            return
        batch = input_shape[1 if self.time_major else 0]
        if batch is None:
            raise ValueError(
                f"Layer {self.path!r} is stateful: it needs to know the size of the batch. "
                "Give Input(batch_shape=(batch, time, features)) or batch_input_shape= to the layer."
            )

        def declare_state(zeros: Any) -> Any:
            weight = self.add_weight(name="rnn_state", shape=zeros.shape, initializer="zeros", trainable=False)
            weight.transient = True
            return weight

        zeros = jax.eval_shape(lambda: self._zero_state(batch, input_shape, self.compute_dtype))
        self.states = jax.tree.map(declare_state, zeros)

    def call(
        self, sequences: Array, initial_state: Any = None, mask: Array | None = None, training: bool = False
    ) -> Any:
        """Go through the sequences.

        Args:
            sequences: `(batch, time, ...)`, or `(time, batch, ...)` with `time_major`.
            initial_state: The state to begin with, one array or a list of arrays `(batch, ...)`; zeros if left out,
                or for a stateful layer the state after the last batch.
            mask: `(batch, time)`, true where a step counts; others keep the state and repeat the output.
            training: Whether dropout drops.

        Returns:
            The last output `(batch, ...)`, or all of them `(batch, time, ...)`; with `return_state` followed by the
            parts of the last state.
        """
        return self._go(sequences, initial_state, mask, training)

    def _go(self, sequences: Array, initial_state: Any, mask: Array | None, training: bool, **extra: Any) -> Any:
        state = self._first_state(sequences, initial_state)
        last, outputs, states = self._run(sequences, state, mask, training, **extra)
        if self.stateful:
            for kept, state in zip(jax.tree.leaves(self.states, is_leaf=_is_reference), jax.tree.leaves(states)):
                kept.assign(state)
        output: Any = outputs if self.return_sequences else last
        if self.zero_output_for_mask and mask is not None:
            counts: Any = mask
            if not self.return_sequences:
                counts = jnp.take(mask, 0 if self.go_backwards else -1, axis=0 if self.time_major else 1)
            elif self.go_backwards:
                counts = jnp.flip(mask, 0 if self.time_major else 1)
            output = jnp.where(counts.reshape(counts.shape + (1,) * (output.ndim - counts.ndim)), output, 0)
        if not self.return_state:
            return output
        return (output, *states) if isinstance(states, (list, tuple)) else (output, states)

    def _first_state(self, sequences: Array, given: Any) -> Any:
        """Return the state to begin with, or None for zeros."""
        if given is None or (isinstance(given, (list, tuple)) and not given):
            if not self.stateful:
                return None
            given = jax.tree.map(lambda state: state.value, self.states or [], is_leaf=_is_reference)
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        batch = sequences.shape[1 if self.time_major else 0]
        expected = jax.eval_shape(lambda: self._zero_state(batch, sequences.shape, sequences.dtype))
        shapes, ours = ([tuple(leaf.shape) for leaf in jax.tree.leaves(tree)] for tree in (given, expected))
        if shapes != ours:
            raise ValueError(
                f"Layer {self.path!r} expects {len(ours)} initial state(s) of shape {', '.join(map(str, ours))}; "
                f"got {', '.join(map(str, shapes))}."
            )
        leaves = [leaf.astype(sequences.dtype) for leaf in jax.tree.leaves(given)]
        return jax.tree.unflatten(jax.tree.structure(expected), leaves)

    def _unrolls(self) -> bool:
        # A loop over a length that is not known yet would be unrolled for a made-up one.
        frame: Any = self._frame
        return self.unroll and not frame.declaring

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask if sequences are returned; a state has none."""
        own = mask if self.return_sequences else None
        return (own, *[None] * number_of_states(self)) if self.return_state else own

    @property
    def state_size(self) -> Any:
        """Size of the state, or the list of sizes if it has several parts."""
        raise AttributeError(f"{type(self).__name__} has no state_size")

    def get_initial_state(self, batch_size: int, dtype: Any = None) -> Any:
        """Return the state that a batch of sequences begins with: zeros.

        Args:
            batch_size: Number of sequences.
            dtype: Dtype of the state; the layer's compute dtype if left out.

        Returns:
            A list of arrays `(batch, ...)`.

        Raises:
            ValueError: If the shape of the state is not known, before the layer is built.
        """
        if self.input_spec is None or not self.built:
            raise ValueError(f"Layer {self.name!r} is not built yet: its state has no shape. Call it once first.")
        return self._zero_state(batch_size, None, dtype or self.compute_dtype)

    def reset_state(self) -> None:
        """Set the state of a stateful layer to zeros."""
        self.reset_states()

    def reset_states(self, states: Sequence[Any] | None = None) -> None:
        """Set the state of a stateful layer to the arrays given, or to zeros.

        Args:
            states: An array `(batch, ...)` for each part of the state; zeros if left out.

        Raises:
            ValueError: If the layer is not stateful, not built, or an array has a wrong shape.
        """
        if not self.stateful:
            raise ValueError(f"Layer {self.name!r} keeps no state to reset. Make it with stateful=True.")
        if self.states is None:
            raise ValueError(f"Layer {self.name!r} is not built yet: its state has no shape. Call it once first.")
        kept = jax.tree.leaves(self.states, is_leaf=_is_reference)
        values = [jnp.zeros(state.shape) for state in kept] if states is None else jax.tree.leaves(states)
        for state, value in zip(kept, values, strict=True):
            state.assign(value)


def _is_reference(value: Any) -> bool:
    return hasattr(value, "assign")


def with_state_apart(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call with `initial_state` by name; Keras 1 and 2 pass it in a list with the inputs.

    >>> with_state_apart((["x", "h", "c"],), {})
    (('x',), {'initial_state': ['h', 'c']})
    """
    if not args or not isinstance(args[0], (list, tuple)):
        return args, kwargs
    (sequences, *states), *rest = args
    return (sequences, *rest), {**kwargs, "initial_state": states} if states else kwargs


def number_of_states(layer: Any) -> int:
    """Return how many parts the state of a cell or layer has."""
    size = layer.state_size
    return len(size) if isinstance(size, (list, tuple)) else 1


def batch_size_of(layer: Layer, batch_size: int | None, inputs: Any) -> int:
    """Return the size of a batch that is given, or that of the inputs."""
    if batch_size is None and inputs is not None:
        batch_size = inputs.shape[0]
    if batch_size is None:
        raise ValueError(f"{type(layer).__name__}: get_initial_state needs batch_size or inputs.")
    return batch_size


def accepted(function: Any, **arguments: Any) -> dict[str, Any]:
    """Return those of the arguments that `function` has parameters for."""
    parameters = inspect.signature(function).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {name: value for name, value in arguments.items() if takes_all or name in parameters}
