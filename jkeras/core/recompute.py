"""Which intermediate values of a training step are computed again for its gradient: the `remat` of `compile`."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import jax
from jax import ad_checkpoint

from jkeras.core.compiling import known
from jkeras.core.errors import nearest
from jkeras.core.remat import PathScope, RematScope, Segments, checkpointed
from jkeras.core.template import walk
from jkeras.core.types import is_listing

_KEPT = "jkeras_kept"

# The scheduler that XLA uses for CPU orders work so that much of it can run at once: it would compute everything again
# before the gradient begins, and keep it. The other one saves memory.
# Releases spell it differently; one that knows neither spelling has but the one scheduler.
_SAVING_MEMORY: tuple[dict[str, Any], ...] = (
    {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"},
    {"xla_cpu_enable_concurrency_optimized_scheduler": False},
)


class Recompute:
    """A choice of values that are computed again for the gradient, and the way to run a model so.

    Args:
        choice: True: the model's layers are cut into about `sqrt(n)` segments of `sqrt(n)` layers each, and only what
            goes from one segment to the next is kept. An integer: segments of so many layers. A pattern or a list of
            them: layers (with all that is in them) in whose path it is found keep their inputs only. A `RematScope`:
            as it says. A policy of `jax.checkpoint_policies`: what it says.

    Raises:
        TypeError: If the choice is none of these.
        ValueError: If it is a number below 1 or no regular expression.

    >>> Recompute("block_[0-9]+").patterns
    ['block_[0-9]+']
    """

    def __init__(self, choice: Any):
        self.choice = choice
        self.every: int | None = None
        self.patterns: list[str] = []
        if choice is True or isinstance(choice, RematScope):
            return
        if isinstance(choice, int):
            if choice < 1:
                raise ValueError(f"remat={choice}: a segment has at least one layer. remat=True chooses how many.")
            self.every = choice
        elif isinstance(choice, str) or is_listing(choice) and all(isinstance(c, str) for c in choice):
            self.patterns = [choice] if isinstance(choice, str) else list(choice)
            for pattern in self.patterns:
                try:
                    re.compile(pattern)
                except re.error as problem:
                    raise ValueError(f"remat={pattern!r} is no regular expression: {problem}.") from problem
        elif not callable(choice):
            raise TypeError(
                "remat must be True, a number of layers, a pattern of layer paths or a list of them, a RematScope, or "
                f"a policy of jax.checkpoint_policies; got {choice!r}."
            )

    def check(self, model: Any) -> None:
        """Raise `ValueError` if a pattern is found in no layer's path."""
        paths = [layer.path for _, layer in walk(model) if layer is not model] if self.patterns else []
        for pattern in self.patterns:
            if not any(re.search(pattern, path) for path in paths):
                hint = nearest(pattern, paths) or f" They are: {', '.join(paths[:8])}."
                raise ValueError(f"compile(remat={pattern!r}): no layer's path matches.{hint}")

    def run(self, model: Any, forward: Callable[[], Any]) -> Any:
        """Return `forward()`, the forward pass of `model`, so that its gradient computes values again."""
        if self.choice is True or self.every:
            every = self.every or max(1, round(math.sqrt(units(model))))

            def tagged() -> Any:
                with Segments(every, lambda array: ad_checkpoint.checkpoint_name(array, _KEPT)):
                    return forward()

            return checkpointed(tagged, jax.checkpoint_policies.save_only_these_names(_KEPT))
        if self.patterns or isinstance(self.choice, RematScope):
            with PathScope(self.patterns) if self.patterns else self.choice:
                return forward()
        return checkpointed(forward, self.choice)

    def compiler_options(self) -> dict[str, Any]:
        """Return what the compiler has to be told, or memory would not be saved."""
        if jax.default_backend() != "cpu":
            return {}
        nothing: dict[str, Any] = {}
        return next((options for options in map(known, _SAVING_MEMORY) if options), nothing)


def units(layer: Any) -> int:
    """Return the number of layers in a model, those of nested models counted one by one."""
    if layer._root_path():
        return 1
    return sum(units(child) for child in layer.children().values())
