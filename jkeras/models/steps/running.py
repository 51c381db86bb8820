"""What is known while a custom step runs: its program, its key, the masks and losses of the calls inside."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import jax

from jkeras.core.stateless import StatelessScope
from jkeras.core.stateless_call import watcher

_current: ContextVar[Step | None] = ContextVar("jkeras_step", default=None)


def current() -> Step | None:
    """Return the step that runs in this context, or None."""
    return _current.get()


class Step:
    """One run, which may be a trace, of a custom step.

    Args:
        style: "pure" (trees), "keras" (lists of variables) or "builtin".
        program: The program it belongs to; None in `predict`.
        key: The key of the step.
        totals: What is accumulated; a step of the built-in kind adds to it.
        learning_rate: As the optimizer's `update` takes it.
        values: Pairs `(weight, array)`: what the model's weights read as inside.
        unreadable: Weights that may not be read through the facade, as gradients would not reach them.
    """

    def __init__(
        self,
        style: str,
        program: Any = None,
        key: Any = None,
        totals: Any = None,
        learning_rate: Any = None,
        values: Iterable[tuple[Any, Any]] = (),
        unreadable: Iterable[Any] = (),
    ):
        self.style, self.program, self.key, self.totals = style, program, key, totals
        self.learning_rate = learning_rate
        self.scope = StepScope(values, unreadable)
        self.state_after: Any = None  # as the built-in forward pass left it
        self.by_output: list[Any] = []  # the losses that the built-in compute_loss saw last
        self._produced: dict[int, tuple[Any, str]] = {}  # values that stand for a metric of compile
        self._masks: dict[int, tuple[Any, Any]] = {}
        self._calls: dict[int, tuple[Any, Any]] = {}
        self._draws = 0

    def __enter__(self) -> Step:
        self._tokens = _current.set(self), watcher.set(self)
        self.scope.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.scope.__exit__()
        _current.reset(self._tokens[0])
        watcher.reset(self._tokens[1])

    def is_assigned(self, weight: Any) -> bool:
        """Whether `weight` was given another array in this step."""
        return self.scope.get_current_value(weight) is not self.scope.initial.get(id(weight))

    def next_key(self) -> Any:
        """Return a key for a call inside: that of the step for the first."""
        count, self._draws = self._draws, self._draws + 1
        return jax.random.fold_in(self.key, count) if count else self.key

    def called(self, layer: Any, params: Any, forward: Any) -> None:
        """Keep what a stateless call left behind, for the loss that is computed from its outputs."""
        self.remember(forward.outputs, forward.masks)
        self._calls[id(layer)] = params, forward

    def remember(self, outputs: Any, masks: list[Any]) -> None:
        """Let masks travel beside outputs."""
        for leaf, mask in zip(jax.tree.leaves(outputs), masks, strict=True):
            self._masks[id(leaf)] = leaf, mask

    def masks_of(self, outputs: Any) -> list[Any]:
        """Return the mask of each output, or None."""
        return [self._masks.get(id(leaf), (None, None))[1] for leaf in jax.tree.leaves(outputs)]

    def added_losses(self, model: Any) -> list[Any]:
        """Return the losses that the model's last stateless call added, and the penalties of the weights it saw."""
        if id(model) not in self._calls:
            return []
        params, forward = self._calls[id(model)]
        return [*forward.losses, *model._penalties(params)]

    def produce(self, key: str, value: Any) -> Any:
        """Return `value`, which stands in logs for the metric of `compile` with this key."""
        self._produced[id(value)] = value, key
        return value

    def produced_as(self, value: Any) -> str | None:
        """Return the key of the metric that `value` stands for, or None."""
        return self._produced.get(id(value), (None, None))[1]


class StepScope(StatelessScope):
    """The facade's variables inside a step."""

    def __init__(self, values: Iterable[tuple[Any, Any]], unreadable: Iterable[Any]):
        super().__init__(values)
        self.initial = {key: value for key, (_, value) in self._values.items()}
        self._unreadable = {id(weight): weight for weight in unreadable}

    def get_current_value(self, variable: Any) -> Any:
        """Return the value mapped to `variable`, or None."""
        if id(variable) in self._unreadable:
            raise RuntimeError(
                f"Weight {variable.path!r} was read through the facade in a custom step, by calling a layer or by the "
                "weight itself: gradients would not reach it. Use what the step is given: self.apply(params, ts.state, "
                "x, training=True, rng=ts.rng, method=...) runs `call`, or any method of the model, on params."
            )
        return super().get_current_value(variable)
