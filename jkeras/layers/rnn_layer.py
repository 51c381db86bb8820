"""Any cell over a sequence, and several cells on top of each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.core.template import unique_name
from jkeras.functional.recurrence import rnn
from jkeras.layers.arguments import arguments_of
from jkeras.layers.recurrence import SequenceLayer, accepted, batch_size_of
from jkeras.layers.wrapper import with_layers

__all__ = ["RNN", "AbstractRNNCell", "StackedRNNCells"]


class RNN(SequenceLayer):
    """Run a cell over a sequence, in one compiled loop (`jax.lax.scan`).

    Args:
        cell: A layer with `state_size` (an integer, or a list of them, also nested) and
            `call(inputs, states) -> (output, new_states)`, where `states` is a list; or a list of such cells. It may
            define `get_initial_state(batch_size=)`.
        return_sequences: Whether the outputs of all steps are returned.
        return_state: Whether the last states are returned too.
        go_backwards: Whether the last step comes first.
        stateful: Whether a batch begins with the state after the last one; needs a fixed batch size.
        unroll: Whether the loop is unrolled: faster for few steps, slower to compile.
        zero_output_for_mask: Whether a masked step gives zeros instead of the output before it.
        time_major: Whether inputs and outputs are `(time, batch, ...)`.
        remat_steps: For long sequences: the gradient keeps the state of every so many steps only and computes the
            steps between again, which takes up to twice the time forward. The least memory is needed near the square
            root of the number of steps.

    Call arguments:
        sequences: `(batch, time, ...)`, or `(time, batch, ...)` with `time_major`; of each step `(batch, ...)` goes to
            the cell.
        initial_state: The state to begin with, as the cell has it; zeros, or what the cell says, if left out.
        mask: `(batch, time)`, true where a step counts; others keep the state and repeat the output.
        constants: What the cell gets at every step.

    Raises:
        TypeError: If the cell is not a layer with `state_size`.

    >>> class Sum(Layer):
    ...     state_size = 3
    ...     def call(self, inputs, states):
    ...         total = inputs + states[0]
    ...         return total, [total]
    >>> RNN(Sum(), return_sequences=True)(jnp.ones((1, 4, 3)))[0, :, 0].tolist()
    [1.0, 2.0, 3.0, 4.0]
    """

    cell: Any

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        time_major: bool = False,
        remat_steps: int | None = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(**kwargs)
        self._keep(**{**arguments, "cell": check_cell(self, cell)})

    def build(self, input_shape: Any) -> None:
        """Declare the state if it is kept between batches; the cell is built when it is first called."""
        self._declare_states(input_shape)

    def call(
        self,
        sequences: Array,
        initial_state: Any = None,
        mask: Array | None = None,
        training: bool = False,
        constants: Any = None,
    ) -> Any:
        """Go through the sequences.

        Args:
            sequences: `(batch, time, ...)`, or `(time, batch, ...)` with `time_major`.
            initial_state: The state to begin with, as the cell has it.
            mask: `(batch, time)`, true where a step counts.
            training: Whether the cell is in training mode.
            constants: What the cell gets at every step.

        Returns:
            The last output of the cell, or all of them; with `return_state` followed by the last states.
        """
        return self._go(sequences, initial_state, mask, training, constants=constants)

    def _zero_state(self, batch: int, input_shape: Any, dtype: Any) -> Any:
        return as_list(begin(self.cell, batch, dtype))

    def _run(self, sequences: Array, state: Any, mask: Array | None, training: bool, constants: Any = None) -> Any:
        frame: Any = self._frame
        time_axis = 0 if self.time_major else 1
        if state is None:
            state = self._zero_state(sequences.shape[1 - time_axis], sequences.shape, sequences.dtype)
        own = {} if constants is None else {"constants": constants}
        body = frame.loop_body(f"The cell of layer {self.path!r}")

        def step(inputs: Any, state: Any) -> tuple[Any, Any]:
            with body():
                output, new_state = self.cell(inputs, state, **own)
            return output, as_list(new_state)

        if frame.declaring:  # whatever the cell makes when it is first called is made outside of the loop
            step(jnp.take(sequences, 0, axis=time_axis), state)
        return rnn(
            step,
            sequences,
            state,
            mask=mask,
            go_backwards=self.go_backwards,
            unroll=self._unrolls(),
            time_major=self.time_major,
            remat_steps=self.remat_steps,
        )

    @property
    def state_size(self) -> Any:
        """The cell's."""
        return self.cell.state_size

    def get_initial_state(self, batch_size: int, dtype: Any = None) -> Any:
        """Return the state that a batch of sequences begins with: what the cell says, or zeros.

        Args:
            batch_size: Number of sequences.
            dtype: Dtype of the state; the layer's compute dtype if left out.

        Returns:
            A list of arrays `(batch, ...)`, or of trees of them.
        """
        return self._zero_state(batch_size, None, dtype or self.compute_dtype)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """Make a layer, and the cell inside, from what `get_config` returned."""
        return super().from_config(with_layers(config, custom_objects))

    def children(self) -> dict[str, Any]:
        """Return the sublayers; the cell goes by its own name, which its configuration keeps."""
        return {child.name if child is self.cell else name: child for name, child in super().children().items()}


class StackedRNNCells(Layer):
    """Several cells as one: the output of each is the input of the next; `(batch, features)` is that of the first.

    Args:
        cells: The cells, from the first to the last.

    >>> from jkeras.layers.lstm import LSTMCell
    >>> layer = RNN(StackedRNNCells([LSTMCell(4), LSTMCell(2)]))
    >>> layer(jnp.ones((3, 5, 1))).shape
    (3, 2)
    """

    def __init__(self, cells: Sequence[Layer], **kwargs: Any):
        super().__init__(**kwargs)
        self.cells = [check_cell(self, cell) for cell in cells]
        if not self.cells:
            raise ValueError("StackedRNNCells expects at least one cell; got an empty list.")

    def call(self, inputs: Array, states: Any, constants: Any = None) -> tuple[Array, list[Any]]:
        """Return the output of the last cell and the list of the cells' new states."""
        own = {} if constants is None else {"constants": constants}
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, new_state = cell(inputs, as_list(state), **accepted(cell.call, **own))
            single = not isinstance(state, (list, tuple, dict))
            new_states.append(as_list(new_state)[0] if single else new_state)
        return inputs, new_states

    @property
    def state_size(self) -> list[Any]:
        """The sizes of the cells' states."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None, inputs: Any = None, dtype: Any = None) -> list[Any]:
        """Return the states that the cells begin with.

        Args:
            batch_size: Number of samples.
            inputs: An array `(batch, ...)`, whose batch size is taken if none is given.
            dtype: Dtype of the states; the layer's compute dtype if left out.

        Returns:
            A list with the state of each cell: one array, or a list of them.

        Raises:
            ValueError: If the size of the batch cannot be told.
        """
        size = batch_size_of(self, batch_size, inputs)
        states = [begin(cell, size, dtype or self.compute_dtype) for cell in self.cells]
        # A cell with one state gives a list of one, and is given the state itself.
        one = [not isinstance(cell.state_size, (list, tuple, dict)) for cell in self.cells]
        return [as_list(state)[0] if single else state for state, single in zip(states, one, strict=True)]

    def children(self) -> dict[str, Any]:
        """Return the cells by their own names, which their configurations keep."""
        named: dict[str, Any] = {}
        for cell in super().children().values():
            named[unique_name(cell.name, named)] = cell
        return named

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """Make the layer, and the cells inside, from what `get_config` returned."""
        return super().from_config(with_layers(config, custom_objects))


class AbstractRNNCell(Layer):
    """Base of cells as tf_keras knows it: define `state_size`, `output_size` and `call(inputs, states)`.

    A step of the inputs is `(batch, features)`, a state `(batch, state_size)`. Any layer with `state_size` and
    `call(inputs, states)` will do; this one says what is missing.

    >>> class Sum(AbstractRNNCell):
    ...     state_size = output_size = 3
    ...     def call(self, inputs, states):
    ...         total = inputs + states[0]
    ...         return total, [total]
    >>> RNN(Sum())(jnp.ones((1, 4, 3))).tolist()
    [[4.0, 4.0, 4.0]]
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)

    def call(self, inputs: Any, states: Any) -> Any:
        """Return the output `(batch, features)` and the new states."""
        raise NotImplementedError(f"{type(self).__name__} has no call(self, inputs, states): return output, new_states")

    @property
    def state_size(self) -> Any:
        """An integer, or a list of them."""
        raise NotImplementedError(f"{type(self).__name__} has no state_size: the size of its state, or a list of sizes")

    @property
    def output_size(self) -> Any:
        """An integer."""
        raise NotImplementedError(f"{type(self).__name__} has no output_size: the size of its output")

    def get_initial_state(self, inputs: Any = None, batch_size: int | None = None, dtype: Any = None) -> Any:
        """Return the state that a batch begins with: zeros.

        Args:
            inputs: An array `(batch, ...)`, whose batch size is taken if none is given.
            batch_size: Number of samples.
            dtype: Dtype of the state; the layer's compute dtype if left out.

        Returns:
            An array `(batch, size)`, or a list of them as `state_size` has it.

        Raises:
            ValueError: If the size of the batch cannot be told.
        """
        return _zeros(self.state_size, batch_size_of(self, batch_size, inputs), dtype or self.compute_dtype)


def check_cell(owner: Layer, cell: Any) -> Any:
    """Return the cell (a list becomes `StackedRNNCells`), or raise `TypeError` if it is none."""
    if isinstance(cell, (list, tuple)):
        return StackedRNNCells(cell)
    if not isinstance(cell, Layer) or isinstance(cell, SequenceLayer) or not hasattr(cell, "state_size"):
        raise TypeError(
            f"{type(owner).__name__}: a cell must be a layer with `state_size` and `call(inputs, states)` that returns "
            f"(output, new_states), such as LSTMCell; got {cell!r}."
        )
    return cell


def begin(cell: Any, batch: int, dtype: Any) -> Any:
    """Return the state that a cell begins with: its own, or zeros of `state_size`."""
    own = getattr(cell, "get_initial_state", None)
    if own is None:
        return _zeros(cell.state_size, batch, dtype)
    return own(**accepted(own, batch_size=batch, dtype=dtype))


def output_size(cell: Any) -> Any:
    """Return the size of a cell's output: what it says, or the size of its first state."""
    size = getattr(cell, "output_size", None)
    return size if size is not None else jax.tree.leaves(cell.state_size)[0]


def as_list(states: Any) -> Any:
    """Return states as a list: one array becomes a list of one; tuples and lists become lists."""
    return list(states) if isinstance(states, (list, tuple)) else states if isinstance(states, dict) else [states]


def _zeros(sizes: Any, batch: int, dtype: Any) -> Any:
    return jax.tree.map(lambda size: jnp.zeros((batch, size), dtype), sizes)
