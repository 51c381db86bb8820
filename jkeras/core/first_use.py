"""Where a layer stands in a symbolic graph: what goes in and what comes out of its first use."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import jax

from jkeras.core.facade import Facade
from jkeras.core.graph import first_node


class FirstUse(Facade):
    """The symbolic ends of a layer that was called on an `Input`, or on what came of one."""

    _nodes: list[Any]

    @property
    def input(self) -> Any:
        """The symbolic input of the first use of this layer."""
        return first_node(self).inputs

    @property
    def output(self) -> Any:
        """The symbolic output of the first use of this layer."""
        return first_node(self).outputs

    @property
    def input_shape(self) -> Any:
        """The shape of `input`."""
        return shapes_of(self.input)

    @property
    def output_shape(self) -> Any:
        """The shape of `output`."""
        return shapes_of(self.output)


def shapes_of(tensors: Any) -> Any:
    """Return the shapes of the tensors in a tree, in its form."""
    return jax.tree.map(attrgetter("shape"), tensors)
