"""What is found by looking through a tree of templates, kept for as long as nothing in it changes.

Every call of a model needs the same facts about its layers: paths, weights, what is frozen. A tree is changed in many
ways, lists that a user appends to among them, so nothing is told of a change: what the templates hold is compared with
what they held, object by object, which takes a few microseconds a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from operator import attrgetter, is_, methodcaller
from typing import Any

from jkeras.core.types import is_dict, is_listing
from jkeras.core.weight import Weight

_facts_of = attrgetter("name", "trainable")
_values_of = methodcaller("values")


class Outline:
    """What a tree of templates held at one time, and what was made of it.

    Args:
        root: The template at the top; it is not kept, so that nothing refers to it from below.
        below: The templates inside of it.
        ignored: Attributes in which no templates are looked for.
    """

    def __init__(self, root: Any, below: Iterable[Any], ignored: frozenset[str]):
        self.below = list(below)
        self.made: dict[Callable[..., Any], Any] = {}
        attributes = [*map(vars, (root, *self.below))]
        self._names = [*chain.from_iterable(attributes)]
        self._values = [*chain.from_iterable(map(_values_of, attributes))]
        self._lists: list[list[Any]] = []
        self._dicts: list[dict[Any, Any]] = []
        weights: dict[int, Weight] = {}
        for held in attributes:
            own = held["_weights"]
            self._lists.append(own)
            weights.update((id(w), w) for w in own)
            for name, value in held.items():
                if name not in ignored:
                    self._find_containers(value)
        self._weights = [*weights.values()]
        self._weight_facts = [*map(_facts_of, self._weights)]
        self._lengths = [*map(len, self._lists), *map(len, self._dicts)]
        self._items = [*self._contents()]

    def _find_containers(self, value: Any) -> None:
        items: Iterable[Any]
        if is_dict(value):
            self._dicts.append(value)
            items = value.values()
        elif is_listing(value):
            if isinstance(value, list):
                self._lists.append(value)
            items = value
        else:
            return
        for item in items:
            self._find_containers(item)

    def _contents(self) -> Iterable[Any]:
        values = chain.from_iterable(map(_values_of, self._dicts))
        return chain(chain.from_iterable(self._lists), chain.from_iterable(self._dicts), values)

    def holds(self, root: Any) -> bool:
        """Whether the tree under `root` is as it was."""
        attributes = [*map(vars, (root, *self.below))]
        return (
            [*chain.from_iterable(attributes)] == self._names
            and all(map(is_, chain.from_iterable(map(_values_of, attributes)), self._values))
            and [*map(len, self._lists), *map(len, self._dicts)] == self._lengths
            and all(map(is_, self._contents(), self._items))
            and [*map(_facts_of, self._weights)] == self._weight_facts
        )
