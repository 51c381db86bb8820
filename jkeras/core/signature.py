"""What the signature of a layer's `call` says: its arguments, and whether training and masks are among them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jkeras.core.types import Shape


class CallSignature(NamedTuple):
    """What the signature of a `call` says."""

    signature: inspect.Signature
    first: str
    by_name: bool
    takes_training: bool
    training_default: bool | None
    takes_mask: bool
    argument_masks: tuple[str, ...]

    def bind(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Name the arguments; those of a variadic `call` are kept in order under `*`."""
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            bare = [p.replace(annotation=p.empty) for p in self.signature.parameters.values()]
            call = f"call{inspect.Signature(bare)}"
            raise TypeError(f"Layer {layer.path!r} ({type(layer).__name__}), {call}: {error}.") from None
        if not self.by_name:
            return {"*": args, **kwargs}
        given: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            if self.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                given.update(value)
            else:
                given[name] = value
        return given

    def build_shapes(self, build: Callable[..., Any], given: dict[str, Any], unknown: int | None) -> list[Any]:
        """Return the arguments of `build`: one shape tree, or one for each `<argument>_shape` it names."""

        def shape(array: Any) -> Shape:
            return tuple(None if n == unknown else n for n in np.shape(array))

        shapes = functools.partial(jax.tree.map, shape)
        parameters = list(inspect.signature(build).parameters.values())[1:]
        wanted = [(p.name.removesuffix("_shape"), p.default is p.empty) for p in parameters]
        if len(wanted) > 1 and all(name in given for name, required in wanted if required):
            return [shapes(given.get(name)) for name, _ in wanted]
        return [shapes(given[self.first] if self.by_name else given["*"][0] if given["*"] else None)]


@functools.cache
def call_signature(call: Callable[..., Any]) -> CallSignature:
    """Read the signature of a class's `call`, once."""
    signature = inspect.signature(call)
    parameters = list(signature.parameters.values())[1:]
    names = [p.name for p in parameters]
    return CallSignature(
        signature.replace(parameters=parameters),
        first=names[0] if names else "",
        by_name=not any(p.kind is p.VAR_POSITIONAL for p in parameters),
        takes_training="training" in names,
        training_default=next(
            (p.default for p in parameters if p.name == "training" and p.default is not p.empty), None
        ),
        takes_mask="mask" in names,
        argument_masks=tuple(n for n in names if f"{n}_mask" in names),
    )
