"""The frame of one `apply`: training flag, random key, masks and added losses. It dies with the call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol
from weakref import WeakSet

import jax
import numpy as np

from jkeras.core import blame
from jkeras.core.seeds import fold_path
from jkeras.core.types import OwnTree

# No weight is ever looked up through this: it serves to notice a template that is called or read inside `call`, and to
# run layers without weights that are made there.
_running: ContextVar[Frame | None] = ContextVar("jkeras_running_frame", default=None)


# Templates of layers about whose lost mask the user was told: one warning says it for all programs of a model.
_told_of_masks: WeakSet[Any] = WeakSet()


def active() -> Frame | None:
    """Return the frame of the `call` that is running in this context, or None."""
    return _running.get()


class Observer(Protocol):
    """Sees what every layer takes and gives; what it returns takes the place of it."""

    def enters(self, layer: Any, inputs: Any) -> Any: ...
    def leaves(self, layer: Any, outputs: Any) -> Any: ...


_observer: ContextVar[Observer | None] = ContextVar("jkeras_observer", default=None)


@contextmanager
def observed(observer: Observer) -> Generator[None]:
    """Show the calls of all bound layers inside to `observer`, who looks for what goes wrong in one of them."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


class _Default:
    training: bool | None = None


def learning_phase() -> int:
    """Return 1 where layers behave as in training: in a `call` as its frame says, elsewhere what was set."""
    frame = active()
    return int((_Default.training if frame is None else frame.training) or False)


def set_learning_phase(training: bool | None) -> None:
    """Set how a layer called on arrays behaves that is not told: `fit`, `evaluate` and `predict` tell."""
    _Default.training = None if training is None else bool(training)


def training_or_default(training: Any) -> bool | None:
    """Return `training` as a bool; for None what `set_learning_phase` set, or None if nobody said anything."""
    return _Default.training if training is None else bool(training)


@contextmanager
def suspended() -> Generator[None]:
    """No call counts as running inside: `build` may use layers and weights as facade objects."""
    token = _running.set(None)
    try:
        yield
    finally:
        _running.reset(token)


class Frame:
    """What the bound layers of one `apply` share.

    Args:
        training: Whether layers behave as in training; None leaves it to the default of each layer's `call`.
        rng: A key, a function that makes one when it is first needed, or None.
        declaring: True while shapes are traced to build layers: weights that do not exist yet stand as zeros.
        unknown: The size that stands for an unknown (None) dimension while declaring.
    """

    def __init__(
        self, training: bool | None = False, rng: Any = None, declaring: bool = False, unknown: int | None = None
    ) -> None:
        self.training = training
        self.rng: Any = rng
        self.declaring = declaring
        self.unknown = unknown
        self.observer = _observer.get()
        self.losses: list[Any] = []
        self.parts: dict[int, Any] = {}  # how templates are bound, by id
        self.memo: dict[int, Any] = {}  # bound copies by id of their template
        self.values: dict[int, Any] = {}  # arrays and state references by id of their weight
        self.references: dict[tuple[str, str], Any] = {}
        self.list_slots: list[tuple[list[Any], int, Any]] = []
        self._draws: Counter[str] = Counter()
        self._masks: dict[int, tuple[Any, Any]] = {}
        self._sources: dict[int, tuple[Any, Any]] = {}

    def __enter__(self) -> Frame:
        self._token = _running.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _running.reset(self._token)
        self._masks.clear()
        self._sources.clear()
        self.memo.clear()  # breaks the cycle frame -> bound copy -> frame, so that nothing waits for the collector

    def show_inputs(self, layer: Any, name: str, given: dict[str, Any]) -> None:
        """Let the observer, if there is one, see the argument `name` of a layer's call."""
        if self.observer is not None:
            seen = self.observer.enters(layer, given.get(name))
            if name in given:
                given[name] = seen

    def key(self, path: str) -> Any:
        """Return the next key of the layer at `path`: the frame's key folded by path and draw count."""
        if callable(self.rng):
            self.rng = self.rng()
        if self.rng is None:
            raise ValueError(
                f"Layer {path!r} draws random numbers, but no key was given. "
                "Pass one: layer.apply(params, state, x, training=True, rng=jax.random.key(0))."
            )
        count = self._draws[path]
        self._draws[path] += 1
        return fold_path(self.rng, f"{path}:{count}")

    def loop_body(self, where: str) -> Callable[[], Any]:
        """Return a maker of contexts for code that JAX traces as the body of a loop, possibly several times.

        Each trace draws the same keys, so all steps share their draws. State and losses cannot leave the loop.
        """
        draws = Counter(self._draws)

        @contextmanager
        def body() -> Generator[None]:
            self._draws = Counter(draws)
            before, count = {key: reference.value for key, reference in self.references.items()}, len(self.losses)
            yield
            for key, value in before.items():
                if self.references[key].value is not value:
                    raise RuntimeError(
                        f"{where} assigned to its state {'/'.join(key)!r} at each step of a loop, whose steps have no "
                        "state but what they pass on. Make it part of the recurrent state: return it with new_states."
                    )
            if len(self.losses) > count:
                raise RuntimeError(
                    f"{where} added a loss at each step of a loop. Return the value with the outputs, and add the "
                    "loss in a layer after it."
                )

        return body

    @contextmanager
    def drawing_again(self) -> Generator[None]:
        """Let what is drawn inside be drawn again by what comes after it."""
        draws = Counter(self._draws)
        yield
        self._draws = draws

    def isolated(self, call: Callable[[], Any]) -> Isolated:
        """Run `call`, and return what it did to the frame instead of leaving it there.

        Values that are traced inside must not be found in the frame outside.
        """
        before = {key: reference.value for key, reference in self.references.items()}
        known_masks, known_losses = dict(self._masks), len(self.losses)
        try:
            outputs = call()
            for held, index, reference in self.list_slots:
                if held[index] is not reference:
                    reference.assign(held[index])
                    held[index] = reference
            losses = self.losses[known_losses:]
            masks = [self.mask_of(leaf) for leaf in jax.tree.leaves(outputs)]
            changed = {k: r.value for k, r in self.references.items() if k in before and r.value is not before[k]}
        finally:
            self._masks = known_masks
            del self.losses[known_losses:]
            for key, value in before.items():
                self.references[key]._array = value
        return Isolated(outputs, losses, changed, masks)

    def mask_of(self, array: Any) -> Any:
        """Return the mask that travels beside `array`, or None."""
        entry = self._masks.get(id(array))
        return entry[1] if entry is not None else None

    def set_mask(self, array: Any, mask: Any) -> None:
        """Let `mask` travel beside `array` for the rest of this frame."""
        if mask is not None and hasattr(array, "shape"):
            self._masks[id(array)] = (array, mask)  # the array is kept, so its id cannot be used again

    def source_of(self, array: Any) -> Any:
        """Return what a layer said that it computed `array` from, or None."""
        entry = self._sources.get(id(array))
        return entry[1] if entry is not None else None

    def set_source(self, array: Any, source: Any) -> None:
        """Note what `array` was computed from: a layer after it may compute what it needs in a shorter way."""
        self._sources[id(array)] = (array, source)  # the array is kept, so its id cannot be used again

    def masks_of(self, tree: Any) -> Any:
        """Return the masks of every array of `tree` in the same structure, or None if there is none at all."""
        if not self._masks:
            return None
        masks = jax.tree.map(self.mask_of, tree)
        return masks if jax.tree.leaves(masks) else None

    def set_masks(self, tree: Any, masks: Any) -> None:
        """Set the mask of every array of `tree`; `masks` has its structure, with None for a part without masks."""
        if masks is None:
            return
        arrays = jax.tree.leaves(tree)
        found = [masks]
        if len(arrays) > 1 or isinstance(masks, (list, tuple, dict)):
            spread = jax.tree.broadcast(masks, tree, is_leaf=_is_none)
            found = jax.tree.leaves(spread, is_leaf=_is_none)
        for array, mask in zip(arrays, found, strict=True):
            self.set_mask(array, mask)

    def warn_of_lost_mask(self, layer: Any, inputs: Any) -> None:
        """Warn, once for a layer, if its `inputs` came without a mask although one of matching shape is travelling."""
        if not self._masks or self.declaring or layer._template in _told_of_masks:
            return
        shapes = {tuple(np.shape(mask)) for _, mask in self._masks.values()}
        for array in jax.tree.leaves(inputs):
            shape = np.shape(array)
            if any(shape[: len(mask)] == mask and len(shape) > len(mask) for mask in shapes):
                _told_of_masks.add(layer._template)
                blame.warn(
                    f"Layer {layer.path!r} uses a mask but got none, although a mask of shape {shape[:2]} exists in "
                    "this model: an operation in between dropped it. Pass it on: layer(x, mask=mask), or set "
                    "`supports_masking = True` on the layer that dropped it."
                )
                return


class Forward(NamedTuple):
    """What a call gives: outputs, the mask of each output leaf, the state after it, and the losses it added."""

    outputs: Any
    masks: list[Any]
    state: OwnTree
    losses: list[Any]


class Isolated(NamedTuple):
    """What a part of a call gives: as `Forward`, but of the state only what it changed, by layer and name."""

    outputs: Any
    losses: list[Any]
    state: dict[tuple[str, str], Any]
    masks: list[Any]


def _is_none(value: Any) -> bool:
    return value is None
