"""The two kinds of rows: what the contract tests run a layer on, and what is compared with Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Row(NamedTuple):
    """A layer and the inputs it is tested on."""

    name: str
    make: Callable[[], Any]
    shapes: Any
    """Shape of the input, or a list of shapes."""
    high: int | None = None
    """Inputs are integers below this number."""
    uses_rng: bool = False
    has_state: bool = False
    mask: tuple[int, ...] | None = None
    """Shape of the mask that the layer is also called with."""
    custom: bool = False
    """Written by a user: no configuration by name, no counterpart in Keras."""
    flat: bool = False
    """Its outputs are constant but for jumps, so that its gradient is zero."""
    slow: bool = False
    """One of many of a family, whose contract is run by `-m slow`."""
    closes_over_params: bool = False
    """JAX cannot differentiate by what a `custom_vjp` closes over, nor checkpoint it, and takes it for a leak."""

    @property
    def is_list(self) -> bool:
        return isinstance(self.shapes, list)

    def inputs(self, seed: int = 0, batch: int | None = None) -> Any:
        """Return numpy inputs."""
        rng = np.random.default_rng(seed)

        def one(shape: tuple[int, ...]) -> np.ndarray:
            shape = shape if batch is None else (batch, *shape[1:])
            if self.high is not None:
                return rng.integers(0, self.high, shape).astype("int32")
            return rng.normal(size=shape).astype("float32")

        return [one(s) for s in self.shapes] if self.is_list else one(self.shapes)

    def masks(self) -> np.ndarray | None:
        """Return a mask whose rows are all different, one of them with a gap."""
        if self.mask is None:
            return None
        mask = np.arange(self.mask[1])[None] < np.asarray([self.mask[1] - 1, 2, 3][: self.mask[0]])[:, None]
        mask[0, 1] = False
        return mask


class Comparison(NamedTuple):
    """A layer with its arguments, what it is called on, and how."""

    name: str
    kwargs: dict[str, Any]
    shapes: Any
    args: tuple[Any, ...] = ()
    mask: bool = False
    training: bool = False
    states: int = 0
    """Number of initial states, of 3 units, that are passed."""
    high: int | None = None
    wrap: str | None = None
    """The class of the layer inside a wrapper, made with `kwargs`; the wrapper is made with `args`."""
    outer: dict[str, Any] = {}
    ties: bool = False

    def make(self, package: Any) -> Any:
        if self.wrap is not None:
            inner = getattr(package, self.wrap)(*self.args, **self.kwargs)
            return getattr(package, self.name)(inner, **self.outer)
        return getattr(package, self.name)(*self.args, **self.kwargs)

    def __str__(self) -> str:
        parts = [self.name, self.wrap or "", *map(str, self.args), *(f"{k}={v}" for k, v in self.kwargs.items())]
        parts += [f"{k}={v}" for k, v in self.outer.items()]
        parts += [flag for flag in ("mask", "training", "states", "ties") if getattr(self, flag)]
        return "-".join(p for p in parts if p).replace(" ", "")


SEQUENCE, IMAGE, VOLUME = (3, 5, 4), (2, 6, 5, 4), (2, 4, 4, 3, 2)
STEPS = (3, 5)
SEQ, IMG, VOL, VEC = (3, 6, 4), (2, 7, 6, 4), (2, 4, 5, 4, 2), (3, 4)


def rows(name: str, shapes: Any, *variants: dict[str, Any], **options: Any) -> list[Comparison]:
    return [Comparison(name, kwargs, shapes, **options) for kwargs in variants]
