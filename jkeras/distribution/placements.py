"""From what users write (meshes, rules, layouts, strategies) to the placement that training goes by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax.sharding import Mesh

from jkeras.core.placement import DEFAULT, Placement
from jkeras.distribution.layout_map import LayoutMap
from jkeras.distribution.layouts import DeviceMesh
from jkeras.distribution.mesh_placement import MeshPlacement


def placement_for(mesh: Any, rules: Any = (), batch_axis: Any = None) -> Placement:
    """Return the placement for a mesh and rules, as `Model.distribute` takes them.

    Args:
        mesh: A `jax.sharding.Mesh`, a `DeviceMesh`, a `Distribution`, or None: the default device.
        rules: Rows `(pattern, PartitionSpec)`, "fully_sharded", or a `LayoutMap`.
        batch_axis: The axis, or axes, that batches are spread over; the first one if left out.

    Raises:
        ValueError: If there are rules and no mesh, or an axis is not known.
    """
    from jkeras.distribution.strategies import Distribution

    if isinstance(mesh, Distribution):
        if rules or batch_axis is not None:
            raise ValueError(f"{type(mesh).__name__} brings its own rules; pass its mesh to give others.")
        return mesh.placement
    if isinstance(rules, LayoutMap):
        mesh = rules.device_mesh if mesh is None else mesh
        rules, is_strict = [(key, layout.axes) for key, layout in rules.items()], True
    else:
        is_strict = False
    if mesh is None:
        if rules or batch_axis is not None:
            raise ValueError("Rules need a mesh: model.distribute(jax.make_mesh((8,), ('data',)), rules=...).")
        return DEFAULT
    mesh = mesh.backend_mesh if isinstance(mesh, DeviceMesh) else mesh
    processes = {device.process_index for device in mesh.devices.flat} if isinstance(mesh, Mesh) else {0}
    kind = MeshPlacement
    if len(processes) > 1:
        from jkeras.distribution.shared_mesh import SharedMeshPlacement as kind
    return kind(mesh, rules, batch_axis, is_strict)


def shardings(tree: Any, mesh: Any, rules: Any = (), batch_axis: Any = None) -> Any:
    """Return the sharding of each array of a tree like `params`, by rules, for `jax.jit(..., out_shardings=)`.

    With it a model is made on many devices at once, and may be larger than one of them:

        abstract = jax.eval_shape(model.init, key, x)
        params, state = jax.jit(model.init, out_shardings=shardings(abstract, mesh, rules))(key, x)

    Args:
        tree: Arrays, or things with a shape. Of each, the last two keys of its path are what rules are about:
            `"encoder/dense/kernel"`. So it may be `params`, `(params, state)`, or the state of an optax optimizer.
        mesh: A `jax.sharding.Mesh` or a `DeviceMesh`.
        rules: Rows `(pattern, PartitionSpec)`, "fully_sharded", or a `LayoutMap`; see `Model.distribute`.
        batch_axis: The axis, or axes, of the mesh that "fully_sharded" splits over; the first one if left out.

    Returns:
        A tree of `NamedSharding`s; what no rule names is whole on every device.

    >>> from jax.sharding import PartitionSpec as P
    >>> from jkeras.layers import Dense
    >>> x = jax.numpy.ones((1, 4))
    >>> abstract = jax.eval_shape(Dense(6).init, jax.random.key(0), x)
    >>> mesh = jax.make_mesh((1, 2), ("data", "model"))
    >>> tuple(shardings(abstract, mesh, [("kernel", P(None, "model"))])[0]["dense"]["kernel"].spec)
    (None, 'model')
    """
    placement = placement_for(mesh, rules, batch_axis)

    def chosen(path: Sequence[Any], leaf: Any) -> Any:
        names = [entry.key for entry in path if isinstance(getattr(entry, "key", None), str)]
        return placement.sharding("/".join(names[-2:]), leaf.shape)

    return jax.tree_util.tree_map_with_path(chosen, tree)
