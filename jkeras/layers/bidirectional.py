"""A recurrent layer in both directions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.config import serialize
from jkeras.core.custom_objects import CustomObjectScope
from jkeras.core.layer import Layer
from jkeras.core.template import walk
from jkeras.layers.arguments import one_of
from jkeras.layers.recurrence import number_of_states, with_state_apart
from jkeras.layers.wrapper import check_layer, with_layers

__all__ = ["Bidirectional"]

_MERGES: dict[Any, Callable[[Array, Array], Any]] = {
    "sum": operator.add,
    "mul": operator.mul,
    "ave": lambda forward, backward: (forward + backward) / 2,
    "concat": lambda forward, backward: jnp.concatenate([forward, backward], axis=-1),
    None: lambda forward, backward: (forward, backward),
}


class Bidirectional(Layer):
    """Run a recurrent layer from both ends, and merge the outputs step by step.

    `(batch, time, features)` becomes what `merge_mode` makes of two outputs `(batch, units)`, or with the layer's
    `return_sequences` `(batch, time, units)`: with "concat" `(batch, 2 * units)`.

    Args:
        layer: A recurrent layer, from which both directions are made.
        merge_mode: "concat", "sum", "mul", "ave", or None for a pair of outputs.
        weights: First values of all weights, those of the forward layer first.
        backward_layer: The layer of the other direction, if it is not like the first.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: List of states, those of the forward layer first.
        mask: `(batch, time)`.

    Returns:
        The merged output; with `return_state` followed by the states of the forward, then of the backward layer.

    Raises:
        ValueError: If `merge_mode` is unknown, or the two layers do not go in opposite directions or return different
            things.

    >>> from jkeras.layers.lstm import LSTM
    >>> Bidirectional(LSTM(4, return_sequences=True))(jnp.ones((2, 5, 3))).shape
    (2, 5, 8)

    Reference: Schuster & Paliwal, 1997.
    """

    supports_masking = True
    return_sequences: bool
    return_state: bool
    stateful: bool

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Sequence[Any] | None = None,
        backward_layer: Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        backwards = getattr(check_layer(self, "layer", layer), "go_backwards", None)
        if backwards is None:
            raise TypeError(f"Bidirectional: layer must be recurrent (have `go_backwards`); got {layer!r}.")
        self.merge_mode = one_of(self, "merge_mode", merge_mode, _MERGES)
        self.forward_layer: Any = _twin(layer, "forward", bool(backwards))
        if backward_layer is None:
            self.backward_layer: Any = _twin(layer, "backward", not backwards)
        else:
            self.backward_layer = check_layer(self, "backward_layer", backward_layer)
        for name in ("stateful", "return_sequences", "return_state"):
            ours, theirs = getattr(self.forward_layer, name), getattr(self.backward_layer, name)
            if ours != theirs:
                raise ValueError(f"Bidirectional: both layers need the same {name}; got {ours} and {theirs}.")
            setattr(self, name, ours)
        for part in (self.forward_layer, self.backward_layer):
            if hasattr(part, "zero_output_for_mask"):
                # The output of a masked step is that of another step in each direction: it must not enter the merge.
                part.zero_output_for_mask = part.return_sequences
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise ValueError("Bidirectional: one of layer and backward_layer must have go_backwards=True.")
        if weights is not None:
            half = len(weights) // 2
            self.forward_layer.start_from(weights[:half])
            self.backward_layer.start_from(weights[half:])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = with_state_apart(args, kwargs)
        return super().__call__(*args, **kwargs)

    def call(self, sequences: Array, initial_state: Any = None, mask: Any = None) -> Any:
        """Go through the sequences in both directions.

        Args:
            sequences: `(batch, time, features)`.
            initial_state: List of states, those of the forward layer first.
            mask: `(batch, time)`, true where a step counts.

        Returns:
            The merged outputs, with `return_state` followed by the states.
        """
        half = len(initial_state) // 2 if initial_state is not None else 0
        forward = self.forward_layer(sequences, initial_state=initial_state and initial_state[:half], mask=mask)
        backward = self.backward_layer(sequences, initial_state=initial_state and initial_state[half:], mask=mask)
        states: tuple[Array, ...] = ()
        if self.return_state:
            states = (*forward[1:], *backward[1:])
            forward, backward = forward[0], backward[0]
        if self.return_sequences:
            time = 0 if getattr(self.forward_layer, "time_major", False) else 1
            backward = jnp.flip(backward, time)
        merged = _MERGES[self.merge_mode](forward, backward)
        if not self.return_state:
            return merged
        return (*merged, *states) if self.merge_mode is None else (merged, *states)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask if sequences are returned, for each output; states have none."""
        own = mask if self.return_sequences else None
        outputs = (own, own) if self.merge_mode is None else (own,)
        if not self.return_state:
            return outputs if self.merge_mode is None else own
        states = [None] * (2 * number_of_states(self.forward_layer))
        return (*outputs, *states)

    @property
    def states(self) -> list[Any] | None:
        """The states of a stateful layer, forward then backward; None before it is built."""
        parts = [self.forward_layer.states, self.backward_layer.states]
        return None if None in parts else [*parts[0], *parts[1]]

    def reset_state(self) -> None:
        """Set the states of both directions to zeros."""
        self.reset_states()

    def reset_states(self) -> None:
        """Set the states of both directions to zeros."""
        self.forward_layer.reset_states()
        self.backward_layer.reset_states()

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, the layers as `{"class_name", "config"}`."""
        config = {k: v for k, v in super().get_config().items() if k != "weights"}
        config["layer"] = serialize(self.forward_layer)
        config["backward_layer"] = serialize(self.backward_layer)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """Make a layer, and the layers inside, from what `get_config` returned."""
        return super().from_config(with_layers(config, custom_objects))


def _twin(layer: Layer, prefix: str, go_backwards: bool) -> Layer:
    config = {**layer.get_config(), "go_backwards": go_backwards}
    plain = config["name"].removeprefix(f"{prefix}_")
    config["name"] = f"{prefix}_{plain}"
    with CustomObjectScope({type(part).__name__: type(part) for _, part in walk(layer)}):
        return type(layer).from_config(config)
