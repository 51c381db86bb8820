"""Members over devices: the member axis split over a mesh of one dimension, padded to divide evenly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

from jkeras.core.placement import Placement

AXIS = "members"  # the name of the member axis, of the mesh and of the mapped step


class MemberPlacement(Placement):
    """Where members live.

    Args:
        members: How many there are.
        devices: The devices that share them; all of this process if left out. Of more devices than members only as
            many as there are members are used.

    >>> placement = MemberPlacement(3, jax.local_devices()[:1])
    >>> placement.padded, placement.extend(np.array([5, 6, 7])).tolist()
    (3, [5, 6, 7])
    """

    def __init__(self, members: int, devices: Sequence[Any] | None = None):
        found = list(jax.local_devices() if devices is None else devices)
        if not found:
            raise ValueError("devices must hold at least one device; got none.")
        found = found[:members]
        self.members = members
        self.padded = -(-members // len(found)) * len(found)
        self.devices = found
        mesh = Mesh(np.array(found), (AXIS,))
        self.over_members: Any = NamedSharding(mesh, PartitionSpec(AXIS))
        self.everywhere: Any = NamedSharding(mesh, PartitionSpec())
        if len(found) == 1:  # as results of a program lie: otherwise it would be compiled for both
            self.over_members = self.everywhere = SingleDeviceSharding(found[0])

    def extend(self, array: Any) -> Any:
        """Return a host array with rows for the members that only fill up: repetitions of the first ones."""
        extra = self.padded - len(array)
        return np.concatenate([array, np.resize(array[:1], (extra, *array.shape[1:]))]) if extra else array

    def members_of(self, tree: Any) -> Any:
        """Put arrays of the host, with a row for each member, on the members' devices."""
        return jax.tree.map(lambda a: jax.device_put(self.extend(a), self.over_members), tree)

    def settled(self, tree: Any) -> Any:
        """Return arrays of all members where they belong: what depends on no argument of a program may lie anywhere."""
        return jax.device_put(tree, self.over_members)

    def put_whole(self, tree: Any) -> Any:
        """Put arrays on every device as a whole."""
        return jax.tree.map(lambda a: jax.device_put(a, self.everywhere), tree)

    def kept(self, tree: Any) -> Any:
        """Let traced arrays stay on their members' devices."""
        if len(self.devices) == 1:
            return tree
        return jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a, self.over_members), tree)

    def spread(self, tree: Any) -> Any:
        """Return a copy of arrays of one member for all of them."""
        return jax.tree.map(
            lambda a: jax.device_put(np.broadcast_to(np.asarray(a), (self.padded, *np.shape(a))), self.over_members),
            tree,
        )
