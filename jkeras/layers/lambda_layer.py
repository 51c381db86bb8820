"""A function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from jkeras.activations import deserialize as activation_named
from jkeras.core.custom_objects import find
from jkeras.core.graph import is_shape
from jkeras.core.layer import Layer

__all__ = ["Lambda"]


class Lambda(Layer):
    """Apply a function of arrays, which says what becomes of the shape of its inputs.

    Weights that the function uses are not seen: write a `Layer` for what has weights.

    Args:
        function: `f(inputs, **arguments)`; it also gets `mask` and `training` if its signature names them.
        output_shape: Shape of the outputs without the batch, or a function of the input shape: what
            `compute_output_shape` answers. Left out, it is found by tracing.
        mask: The mask of the outputs, or a function `f(inputs, mask)` that returns it.
        arguments: Further keyword arguments of the function.

    Raises:
        ValueError: When made from a configuration, if the function's name is not known.

    >>> import jax.numpy as jnp
    >>> Lambda(lambda x, factor: factor * x, arguments={"factor": 3.0})(jnp.ones(2)).tolist()
    [3.0, 3.0]
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.function = _named(function) if isinstance(function, str) else function
        if not callable(self.function):
            raise TypeError(f"Lambda: function must be callable; got {function!r}.")
        self._shape_of_outputs = output_shape
        self.mask = mask
        self.arguments = dict(arguments or {})
        self.supports_masking = mask is not None

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Return `function(inputs, **arguments)`."""
        offered = {"mask": mask, "training": training}
        wanted = {name: value for name, value in offered.items() if name in _parameters(self.function)}
        return self.function(inputs, **{**wanted, **self.arguments})

    # The function's business, which is not known here.
    _passes_masks_on = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return what `mask` says; None if it was left out."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return `output_shape` with the batch, or the shape found by tracing."""
        declared: Any = self._shape_of_outputs
        if declared is None:
            return super().compute_output_shape(input_shape)
        if callable(declared):
            computed: Any = declared(input_shape)
            return tuple(computed)
        first = input_shape if is_shape(input_shape) else input_shape[0]
        return (first[0], *declared)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; functions by name, without their code."""
        config = super().get_config()
        shape = self._shape_of_outputs
        config["output_shape"] = getattr(shape, "__name__", None) if callable(shape) else shape and list(shape)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Make a layer; functions are looked up by name in `custom_objects`, then among the activations.

        A function without a name, of which a file has the code or nothing, is looked up by the name of the layer: code
        in a file is never run.

        Raises:
            ValueError: If a function is not known.
        """
        config = {key: value for key, value in config.items() if not key.endswith(("_type", "module"))}
        layer_name = str(config.get("name"))
        for key in ("function", "output_shape", "mask"):
            value = config.get(key)
            if is_code(value):
                config[key] = _of_layer(layer_name, key, custom_objects)
            elif isinstance(value, dict):
                config[key] = _named(str(value.get("registered_name") or value.get("config")), custom_objects)
            elif isinstance(value, str):
                config[key] = _named(value, custom_objects)
        return super().from_config(config)


def is_code(value: Any) -> bool:
    """Whether a configuration has a function without a name, or its code, in the form of Keras 1, 2 or 3."""
    if isinstance(value, dict):
        return value.get("class_name") == "__lambda__" or value.get("config") == "<lambda>"
    # Keras 2 writes [code, defaults, closure], and an output shape as a list of numbers.
    return value == "<lambda>" or (isinstance(value, list) and bool(value) and isinstance(value[0], str))


def _of_layer(layer: str, key: str, custom_objects: Mapping[str, Any] | None) -> Callable[..., Any]:
    name = layer if key == "function" else f"{layer}/{key}"
    found = (custom_objects or {}).get(name) or find(name)
    if found is None:
        raise ValueError(
            f"The {key} of Lambda layer {layer!r} is a function without a name. Code in a file is not run: pass the "
            f"function by the name of the layer, custom_objects={{{name!r}: function}}."
        )
    return found


def _named(name: str, custom_objects: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    found = (custom_objects or {}).get(name) or find(name)
    if found is not None:
        return found
    try:
        return activation_named(name, dict(custom_objects or {}))
    except ValueError:
        raise ValueError(
            f"The function {name!r} of a Lambda layer is not known. A configuration holds its name and no code: "
            f"pass the function, custom_objects={{{name!r}: function}}."
        ) from None


def _parameters(function: Callable[..., Any]) -> Any:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
