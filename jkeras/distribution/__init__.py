"""Many devices: meshes, rules that say how arrays are split over them, and processes that train together.

Everything rests on JAX's own engine: `jax.sharding`, its partitioner, and `jax.distributed`. The direct way is
`model.fit(x, y, mesh=jax.make_mesh((8,), ("data",)), rules=...)`; the names of Keras 3 are here too.
"""

from jkeras.distribution.collectives import Collective, collectives
from jkeras.distribution.devices import get_device_count, initialize, list_devices
from jkeras.distribution.estimates import Estimate, compare, estimate
from jkeras.distribution.layout_map import LayoutMap
from jkeras.distribution.layouts import DeviceMesh, TensorLayout, distribute_tensor
from jkeras.distribution.placements import shardings
from jkeras.distribution.strategies import (
    DataParallel,
    Distribution,
    ModelParallel,
    distribution,
    set_distribution,
)

__all__ = [
    "Collective",
    "DataParallel",
    "DeviceMesh",
    "Distribution",
    "Estimate",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "collectives",
    "compare",
    "distribute_tensor",
    "distribution",
    "estimate",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
    "shardings",
]
