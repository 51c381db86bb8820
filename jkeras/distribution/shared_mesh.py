"""Arrays on a mesh of devices of several processes, each of which reaches its own only."""

from __future__ import annotations

import copy
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding

from jkeras.core import seeds
from jkeras.core.placement import resharded
from jkeras.distribution.mesh_placement import MeshPlacement, lies


class SharedMeshPlacement(MeshPlacement):
    """A mesh that this process shares with others: all of them run the same programs in the same order."""

    is_shared = True

    @property
    def is_first(self) -> bool:  # type: ignore[override]
        return jax.process_index() == 0

    def of_parts(self) -> SharedMeshPlacement:
        """Return the same for data of which each process is given its own part."""
        made = copy.copy(self)
        made.takes_parts = True
        return made

    def agree(self) -> None:
        seeds.go_on_from(*map(int, multihost_utils.broadcast_one_to_all(np.array(seeds.place(), np.int64))))

    def check_same(self, **facts: int | None) -> None:
        numbers = np.array([-1 if n is None else n for n in facts.values()], np.int64)
        found = np.asarray(multihost_utils.process_allgather(numbers))
        for column, name in zip(found.T, facts, strict=True):
            if len(set(column.tolist())) > 1:
                listing = ", ".join(f"{n} in process {i}" for i, n in enumerate(column.tolist()))
                raise ValueError(
                    f"All processes must take the same steps, but {name} differs: {listing}. Give each the same data, "
                    "or parts of equal size."
                )

    def any(self, flag: bool) -> bool:
        return bool(np.any(multihost_utils.process_allgather(np.array(flag))))

    def _joined(self, part: np.ndarray) -> Any:
        """Return the array whose rows are those of all processes, one after the other."""
        if not part.ndim:
            return self.move(part, self.whole)
        processes = jax.process_count()
        if len(part) * processes % self.rules.splits == 0 and self.rules.splits % processes == 0:
            return jax.make_array_from_process_local_data(self.spread, part)
        return self.move(multihost_utils.process_allgather(part, tiled=True), self.whole)

    def put(self, tree: Any) -> Any:
        if not self.takes_parts:
            return super().put(tree)
        # What is an array of JAX already was joined before.
        return jax.tree.map(lambda a: a if isinstance(a, jax.Array) else self._joined(np.asarray(a)), tree)

    def own_rows(self, tree: Any, rows: int) -> Any:
        first = jax.process_index() * rows
        return jax.tree.map(lambda a: np.asarray(a)[first : first + rows], tree) if self.takes_parts else tree

    def results(self, tree: Any) -> Any:
        return self.gather(tree)

    def move(self, array: Any, sharding: NamedSharding) -> Any:
        if isinstance(array, Tracer) or lies(array, sharding):
            return array
        if isinstance(array, jax.Array) and not array.is_fully_addressable:
            return resharded(sharding)(array)
        if jax.numpy.issubdtype(array.dtype, jax.dtypes.prng_key):
            data = self.move(np.asarray(jax.random.key_data(array)), self.whole)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(array))
        host = np.asarray(array)  # every process has the same, and takes from it what its devices need
        return jax.make_array_from_callback(host.shape, sharding, host.__getitem__)
