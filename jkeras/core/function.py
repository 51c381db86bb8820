"""Operations that users write, and functions made from a symbolic graph."""

from __future__ import annotations

from typing import Any

from jkeras.core.graph import Plan
from jkeras.core.layer import Layer


class Operation(Layer):
    """A computation without weights that also runs on symbolic tensors: write its `call`.

    Args:
        name: Its name; made from the class name if left out.

    >>> import jax.numpy as jnp
    >>> class Double(Operation):
    ...     def call(self, x):
    ...         return 2 * x
    >>> Double()(jnp.ones(2)).tolist()
    [2.0, 2.0]
    """

    def __init__(self, name: str | None = None):
        super().__init__(name=name, autocast=False)


class Function(Operation):
    """What symbolic `outputs` are as a function of symbolic `inputs`, without a model around it.

    Args:
        inputs: Symbolic tensors, of an `Input` or inside a graph: one, or a list, tuple or dict of them.
        outputs: Likewise.
        name: Its name.

    Raises:
        ValueError: If the outputs depend on something that is not among the inputs.

    >>> import jax.numpy as jnp
    >>> from jkeras.core.input import Input
    >>> x = Input(shape=(2,))
    >>> Function(x, [x + 1, 2 * x])(jnp.ones((1, 2)))[1].tolist()
    [[2.0, 2.0]]
    """

    _passes_masks_on = True

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        super().__init__(name=name)
        plan = Plan(inputs, outputs)
        self.__dict__["_plan"] = plan
        self._layers: dict[str, Layer] = dict(plan.layers)
        self.built = True
        self.__dict__["_declared"] = all(layer._declared for layer in plan.layers.values())

    def call(self, inputs: Any) -> Any:
        """Compute the outputs."""
        return self._plan.run(self._layers, inputs, self.path)

    def children(self) -> dict[str, Any]:
        """Return the layers of the graph by their local names."""
        return dict(self._layers)

    def _root_path(self) -> str:
        return ""

    @property
    def _plan(self) -> Plan:
        return self.__dict__["_plan"]

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs."""
        return self._plan.input_list

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs."""
        return self._plan.output_list

    def get_config(self) -> dict[str, Any]:
        """A function made from tensors has no constructor arguments that could be written down."""
        raise TypeError(
            f"Function {self.name!r} cannot be written to a configuration: its arguments are symbolic tensors. "
            "Make a Model of them."
        )
