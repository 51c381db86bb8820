"""Rematerialisation: what a layer computed is forgotten, and computed again for the gradient."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, TypeVar, cast

import jax

from jkeras.core.frame import Frame, Isolated

Made = TypeVar("Made")

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)

_current: ContextVar[RematScope | None] = ContextVar("jkeras_remat_scope", default=None)
_rematerialising: ContextVar[bool] = ContextVar("jkeras_rematerialising", default=False)


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return `f` so that its gradient computes it again instead of keeping intermediate values.

    `jax.checkpoint`, for a function some of whose arguments may be no arrays.

    Args:
        f: A function of arrays and anything else.

    Returns:
        A function that gives the same.

    Reference: Chen et al. 2016, "Training deep nets with sublinear memory cost", https://arxiv.org/abs/1604.06174

    >>> import jax.numpy as jnp
    >>> f = remat(lambda x, power: jnp.sin(x) ** power)
    >>> float(jax.grad(f)(0.0, 1))
    1.0
    """

    @functools.wraps(f)
    def rematerialised(*args: Any, **kwargs: Any) -> Any:
        return checkpointed(lambda: f(*args, **kwargs))

    return rematerialised


def checkpointed(call: Callable[[], Made], policy: Any = None) -> Made:
    """Return `call()`, of which the gradient keeps what a policy of `jax.checkpoint_policies` says; None: nothing."""
    return cast(Callable[[], Made], jax.checkpoint(call, policy=policy))()


class RematScope:
    """Layers made or called inside compute their outputs again for the gradient: less memory, more time.

    The layers of a model are rematerialised one by one, and what is inside such a layer is not once more.

    Args:
        mode: "full": every layer; "activations": only the activation function of layers that have one; "larger_than":
            layers whose outputs have more than `output_size_threshold` elements; "list_of_layers": those named in
            `layer_names`; None: none.
        output_size_threshold: For "larger_than".
        layer_names: For "list_of_layers".

    Raises:
        ValueError: If the mode is unknown.

    >>> with RematScope(mode="list_of_layers", layer_names=["encoder"]) as scope:
    ...     active() is scope
    True
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Iterable[str] | None = None
    ):
        if mode not in _MODES:
            raise ValueError(f"RematScope: mode must be one of {', '.join(map(repr, _MODES))}; got {mode!r}.")
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or ())

    def __enter__(self) -> RematScope:
        self._tokens = [*getattr(self, "_tokens", ()), _current.set(self)]
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._tokens.pop())

    def lists(self, layer: Any) -> bool:
        """Return whether a layer is one of the "list_of_layers".

        Args:
            layer: The layer.
        """
        return layer.name in self.layer_names

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_tokens"}  # a layer that remembers it can be copied


class PathScope(RematScope):
    """A scope in which layers are rematerialised in whose path a pattern is found.

    >>> PathScope(["block_[0-9]+"]).mode
    'list_of_layers'
    """

    def __init__(self, patterns: Iterable[str]):
        super().__init__("list_of_layers")
        self.patterns = [re.compile(pattern) for pattern in patterns]

    def lists(self, layer: Any) -> bool:
        """Whether a pattern is found in the path of `layer`."""
        return any(pattern.search(layer.path) for pattern in self.patterns)


class Segments(RematScope):
    """A scope in which the outputs of every so many layers of a model are marked as worth keeping.

    Args:
        every: How many layers make a segment.
        mark: What is done to the arrays between two segments.
    """

    def __init__(self, every: int, mark: Callable[[Any], Any]):
        super().__init__("full")
        self.every, self.mark = every, mark
        self._count = 0
        self._inside = False

    def run(self, layer: Any, frame: Frame, call: Callable[[], Any]) -> Any:
        """Run the call of a layer; what is inside of a layer that is no model belongs to its segment."""
        if self._inside or not layer._root_path():
            return call()
        self._inside = True
        try:
            outputs = call()
        finally:
            self._inside = False
        self._count += 1
        if self._count % self.every:
            return outputs
        masks = [frame.mask_of(leaf) for leaf in jax.tree.leaves(outputs)]
        outputs = jax.tree.map(self.mark, outputs)
        for array, mask in zip(jax.tree.leaves(outputs), masks, strict=True):
            frame.set_mask(array, mask)
        return outputs


def active() -> RematScope | None:
    """Return the innermost scope of this context, or None."""
    return _current.get()


def run(layer: Any, frame: Frame, call: Callable[[], Any]) -> Any:
    """Run the call of a bound layer, rematerialised if the scope it was made or is called in says so."""
    scope = layer._remat or active()
    if scope is None or scope.mode is None or frame.declaring or _rematerialising.get():
        return call()
    if isinstance(scope, Segments):
        return scope.run(layer, frame, call)
    if scope.mode == "activations":
        activation = layer.__dict__.get("activation")
        if callable(activation):
            layer.__dict__["activation"] = remat(activation)
        return call()
    is_model = not layer._root_path()  # its layers are rematerialised one by one
    chosen = scope.lists(layer) if scope.mode == "list_of_layers" else not is_model
    if not chosen or (scope.mode == "larger_than" and _size(frame, call) <= scope.output_size_threshold):
        return call()
    done = checkpointed(lambda: isolated(frame, call))
    for key, value in done.state.items():
        frame.references[key].assign(value)
    frame.losses.extend(done.losses)
    for array, mask in zip(jax.tree.leaves(done.outputs), done.masks, strict=True):
        frame.set_mask(array, mask)
    return done.outputs


def isolated(frame: Frame, call: Callable[[], Any]) -> Isolated:
    """Return `frame.isolated(call)`; what is inside is not rematerialised once more."""
    token = _rematerialising.set(True)
    try:
        return frame.isolated(call)
    finally:
        _rematerialising.reset(token)


def _size(frame: Frame, call: Callable[[], Any]) -> int:
    """Return the number of elements of the outputs, without computing them."""
    with frame.drawing_again():  # or the call would draw other numbers than without a scope
        outputs = jax.eval_shape(lambda: isolated(frame, call).outputs)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(outputs))
