"""Functions of arrays on symbolic tensors: each use becomes a layer without weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import graph
from jkeras.core.layer import Layer
from jkeras.core.operators import BINARY, COMPARISON, UNARY, install_operators

_ELEMENTWISE = {*BINARY.values(), *COMPARISON.values(), *UNARY.values()} - {jnp.matmul}


class Operation(Layer):
    """A pure function of arrays as a layer.

    An elementwise operation keeps the mask of its operands; if several have one, a step counts where all do.

    Args:
        function: Takes and returns arrays.
        name: The layer's name; made from the function's name if left out.
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None):
        super().__init__(name=name, autocast=False)
        self.function = function
        self.__dict__["_auto_name"] = None if name else getattr(function, "__name__", "operation").strip("_<>")
        self.supports_masking = function in _ELEMENTWISE

    def call(self, *operands: Any, **kwargs: Any) -> Any:
        """Apply the function."""
        return self.function(*operands, **kwargs)

    def _call_bound(self, frame: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        outputs = self.function(*args, **kwargs)
        masks = [m for m in map(frame.mask_of, jax.tree.leaves(args)) if m is not None]
        if self.supports_masking and masks:
            combined = masks[0]
            for mask in masks[1:]:
                combined = jnp.logical_and(combined, mask)
            frame.set_mask(outputs, combined)
        return outputs


def operate(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Apply `function` to arrays at once, or record it if a symbolic tensor is among the arguments."""
    if graph.has_symbolic((args, kwargs)):
        return Operation(function)(*args, **kwargs)
    return function(*args, **kwargs)


install_operators(graph.SymbolicTensor, operate)
