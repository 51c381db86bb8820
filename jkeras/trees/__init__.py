"""Parameters as trees: parts of them by path, low-rank adaptation, and those of Flax and Equinox."""

from __future__ import annotations

from jkeras.trees.equinox import from_equinox as from_equinox
from jkeras.trees.equinox import to_equinox as to_equinox
from jkeras.trees.flax import from_flax as from_flax
from jkeras.trees.flax import to_linen as to_linen
from jkeras.trees.flax import to_nnx as to_nnx
from jkeras.trees.lora import lora as lora
from jkeras.trees.lora import lora_init as lora_init
from jkeras.trees.parts import labels as labels
from jkeras.trees.parts import map_with_path as map_with_path
from jkeras.trees.parts import merge as merge
from jkeras.trees.parts import paths as paths
from jkeras.trees.parts import select as select
from jkeras.trees.parts import split as split

__all__ = [
    "from_equinox", "from_flax", "labels", "lora", "lora_init", "map_with_path", "merge", "paths", "select", "split",
    "to_equinox", "to_linen", "to_nnx",
]  # fmt: skip
