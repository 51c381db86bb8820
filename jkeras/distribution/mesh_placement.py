"""Arrays on a mesh of devices: how programs keep them there, and how they get there from the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jkeras.core.placement import Placement
from jkeras.distribution.rules import FULLY_SHARDED, Rules, axis_names, canonical


class MeshPlacement(Placement):
    """Arrays on a mesh: batches are spread over one or more of its axes, weights as rules say.

    Whatever divides or not, the program computes what it would on one device: JAX's partitioner pads inside.

    Args:
        mesh: A `jax.sharding.Mesh`. Axes in JAX's explicit mode are taken as automatic ones.
        rules: Rows `(pattern, spec)`: the first whose pattern is found in a weight's path (`"encoder/dense/kernel"`)
            says how it is split. What no rule names is whole on every device. The spec is a `PartitionSpec`, a tuple
            of axis names and None, or "fully_sharded": along the longest axis that divides, over the devices of the
            batch. "fully_sharded" in the place of rows is a rule for all. A row whose path ends in "output" is about
            what a layer returns.
        batch_axis: The axis, or axes, of the mesh that batches are spread over; the first one if left out.
        is_strict: Whether a pattern has to match a whole path, and two that do are an error, as in a `LayoutMap`.

    Raises:
        ValueError: If a rule or the batch names an axis that the mesh does not have.
        TypeError: If something is not of these kinds.
    """

    def __init__(self, mesh: Any, rules: Any = (), batch_axis: Any = None, is_strict: bool = False):
        if not isinstance(mesh, Mesh):
            raise TypeError(
                f"mesh must be a jax.sharding.Mesh: jax.make_mesh((8,), ('data',)); got a {type(mesh).__name__}."
            )
        # A mesh that jax.make_mesh returns would ask for every operation how its result is split.
        self.mesh = Mesh(mesh.devices, mesh.axis_names, axis_types=(AxisType.Auto,) * len(mesh.axis_names))
        self.rules = Rules(self.mesh, rules, batch_axis, is_strict)
        self.identity = self.rules.identity
        self.whole = NamedSharding(self.mesh, PartitionSpec())
        self.spread = NamedSharding(self.mesh, canonical([self.rules.batch_axes]))
        if self.rules.are_about_outputs:
            self.observer = _Outputs(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MeshPlacement) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{axis}={size}" for axis, size in self.mesh.shape.items())
        axes = "/".join(self.rules.batch_axes)
        return f"<{type(self).__name__} {sizes}; batches over {axes}; {len(self.rules.rows)} rules>"

    def split(self, tree: Any) -> Any:
        return jax.tree.map(lambda a: self._lay(a, self.spread) if jax.numpy.ndim(a) else a, tree)

    def keep(self, ts: Any) -> Any:
        params, state = self.keep_weights(ts.params), self.keep_weights(ts.state)
        slots = self.keep_slots(ts.opt_state, ts.params)
        return ts._replace(params=params, state=state, opt_state=slots, step=self.gather(ts.step))

    def keep_weights(self, tree: Any) -> Any:
        return {
            key: {name: self._lay(a, self.sharding(f"{key}/{name}", a.shape)) for name, a in part.items()}
            for key, part in tree.items()
        }

    def keep_slots(self, tree: Any, params: Any) -> Any:
        return jax.tree.map(self._lay, tree, self._shardings_of_slots(tree, params))

    def gather(self, tree: Any) -> Any:
        return jax.tree.map(lambda a: self._lay(a, self.whole), tree)

    def results(self, tree: Any) -> Any:
        return tree

    def place(self, path: str, array: Any) -> Any:
        return self.move(array, self.sharding(path, array.shape))

    def sharding(self, path: str, shape: Sequence[int]) -> NamedSharding:
        return NamedSharding(self.mesh, self.rules.spec(path, tuple(shape)))

    def place_slots(self, tree: Any, params: Any) -> Any:
        return jax.tree.map(self.move, tree, self._shardings_of_slots(tree, params))

    def put(self, tree: Any) -> Any:
        def put(array: Any) -> Any:
            divides = array.ndim > 0 and array.shape[0] % self.rules.splits == 0
            return self.move(array, self.spread if divides else self.whole)

        return jax.tree.map(put, tree)

    def put_whole(self, tree: Any) -> Any:
        return jax.tree.map(lambda a: self.move(a, self.whole), tree)

    def _shardings_of_slots(self, tree: Any, params: Any) -> Any:
        """Return a sharding for each leaf: that of the weight at the end of its path, if it has the same shape."""

        def chosen(path: Any, leaf: Any) -> NamedSharding:
            key, name = ([getattr(entry, "key", None) for entry in path[-2:]] + [None, None])[:2]
            weight = params.get(key, {}).get(name) if isinstance(key, str) else None
            shape = jax.numpy.shape(leaf)
            return self.whole if weight is None or weight.shape != shape else self.sharding(f"{key}/{name}", shape)

        return jax.tree_util.tree_map_with_path(chosen, tree)

    def _lay(self, array: Any, sharding: NamedSharding) -> Any:
        if isinstance(array, Tracer):
            return jax.lax.with_sharding_constraint(array, sharding)
        divides = all(n % ways == 0 for n, ways in zip(array.shape, _ways(sharding, array.ndim), strict=True))
        return self.move(array, sharding if divides else self.whole)  # a step that runs eagerly

    def move(self, array: Any, sharding: NamedSharding) -> Any:
        """Return an array where a sharding wants it; itself if it is there."""
        if isinstance(array, Tracer) or lies(array, sharding):
            return array
        return jax.device_put(array, sharding)


class _Outputs:
    """Places what layers return where a rule for "layer/output" wants it."""

    def __init__(self, placement: MeshPlacement):
        self.placement = placement

    def enters(self, layer: Any, inputs: Any) -> Any:
        return inputs

    def leaves(self, layer: Any, outputs: Any) -> Any:
        spec = self.placement.rules.matching(f"{layer.path}/output")
        if spec is None or spec == FULLY_SHARDED:
            return outputs
        sharding = NamedSharding(self.placement.mesh, spec)
        return jax.tree.map(
            lambda a: self.placement._lay(a, sharding) if hasattr(a, "ndim") and a.ndim >= len(spec) else a, outputs
        )


def lies(array: Any, sharding: NamedSharding) -> bool:
    """Whether an array is where a sharding wants it."""
    return isinstance(array, jax.Array) and array.committed and array.sharding.is_equivalent_to(sharding, array.ndim)


def _ways(sharding: NamedSharding, ndim: int) -> list[int]:
    sizes = [int(np.prod([sharding.mesh.shape[a] for a in axis_names((axes,))])) for axes in sharding.spec]
    return [*sizes, *[1] * (ndim - len(sizes))]
