"""What the base class of layers does around the `__init__` and `build` that others write."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

from jkeras.core.legacy import modernise


def wrap_init(owner: str, init: Callable[..., Any]) -> Callable[..., Any]:
    """Return the constructor of a class so that it takes the spellings of Keras 1 and 2 too."""

    @functools.wraps(init)
    def modern_init(self: Any, *args: Any, **kwargs: Any) -> None:
        args, kwargs = modernise(owner, args, kwargs)
        init(self, *args, **kwargs)

    return modern_init


def wrap_build(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return the `build` of a class so that the layer remembers it, and takes the weights it was given."""

    @functools.wraps(build)
    def recorded_build(self: Any, *shapes: Any, **named: Any) -> None:
        # Concrete even while shapes are traced, so that what build computes can be kept on the template.
        with jax.ensure_compile_time_eval():
            build(self, *shapes, **named)
        self.built = True
        if self._initial_weights is not None and self.weights:
            self._start_from(self._initial_weights)

    return recorded_build
