"""Where arrays live, as training sees it: on the default device, unless a mesh of devices takes its place."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jkeras.core.types import is_traced


class Placement:
    """Arrays on the default device, about which nothing need be said to JAX."""

    mesh: Any = None
    identity: Hashable = None  # equal for placements that make equal programs
    observer: Any = None  # what sees the outputs of layers, to place them
    is_shared = False  # with other processes, which do the same at the same time
    is_first = True  # of the processes that share it: the one that shows and writes down what all have
    takes_parts = False  # whether each process is given its own part of the data

    # In a program that is being traced

    def split(self, tree: Any) -> Any:
        """Return arrays whose first axis counts samples, spread over the devices of the batch."""
        return tree

    def keep(self, ts: Any) -> Any:
        """Return a train state (`params`, `state`, `opt_state` and others) where the rules want it."""
        return ts

    def keep_weights(self, tree: Any) -> Any:
        """Return a tree like `params` where the rules want it."""
        return tree

    def keep_slots(self, tree: Any, params: Any) -> Any:
        """Return an optimizer's state: what belongs to a weight of `params` lies where that does."""
        return tree

    def gather(self, tree: Any) -> Any:
        """Return arrays that every device has whole."""
        return tree

    def results(self, tree: Any) -> Any:
        """Return outputs such that this process can read them."""
        return tree

    # On the host

    def place(self, path: str, array: Any) -> Any:
        """Return the array of the weight at a path where the rules want it."""
        return _on_device(array)

    def sharding(self, path: str, shape: Sequence[int]) -> Any:
        """Return the sharding of a weight; None for the default device."""
        return None

    def place_slots(self, tree: Any, params: Any) -> Any:
        """Return an optimizer's state on its devices; see `keep_slots`."""
        return tree

    def put(self, tree: Any) -> Any:
        """Put a batch of the host on the devices, spread if it divides, and otherwise whole on each."""
        return jax.tree.map(_on_device, tree)

    def own_rows(self, tree: Any, rows: int) -> Any:
        """Return of the outputs for a batch those for the rows that this process brought."""
        return tree

    def put_whole(self, tree: Any) -> Any:
        """Put arrays on every device."""
        return jax.tree.map(_on_device, tree)

    # Between processes

    def of_parts(self) -> Placement:
        """Return the same for data of which each process is given its own part."""
        return self

    def agree(self) -> None:
        """Let all processes draw the same numbers from now on."""

    def check_same(self, **facts: int | None) -> None:
        """Raise `ValueError` in all processes if they do not agree on these numbers."""

    def any(self, flag: bool) -> bool:
        """Whether something is so in any process."""
        return flag


DEFAULT = Placement()


def _on_device(array: Any) -> Any:
    return array if isinstance(array, jax.Array) else jax.device_put(array)


@functools.cache
def resharded(sharding: NamedSharding) -> Callable[[Any], Any]:
    """Return a function that moves an array of several processes, which all call it."""

    def same(array: Any) -> Any:
        return array

    return jax.jit(same, out_shardings=sharding)


def reachable(array: Any) -> Any:
    """Return an array of which this process has all; if it is spread over several, all of them have to ask."""
    if is_traced(array) or not isinstance(array, jax.Array):
        return array
    if array.is_fully_addressable or array.is_fully_replicated:
        return array
    return resharded(NamedSharding(array.sharding.mesh, PartitionSpec()))(array)  # type: ignore[attr-defined]


def on_host(array: Any) -> np.ndarray:
    """Return an array as one of numpy, a copy."""
    return np.array(jax.device_get(reachable(array)))


def placement_of(model: Any) -> Placement:
    """Return the placement of a model, or of whatever stands in its place."""
    return getattr(model, "_placement", DEFAULT)


class _Current:
    placement: Placement = DEFAULT


def current() -> Placement:
    """Return the placement of the process, which models use that have none of their own."""
    return _Current.placement


def set_current(placement: Placement) -> None:
    """Let models that have no placement of their own use this one."""
    _Current.placement = placement
