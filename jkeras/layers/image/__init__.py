"""Layers that prepare and augment images: one base class, and what differs.

All take one image or a batch, or a dict of images with labels, segmentation masks and bounding boxes. The random ones
act in training only, with a draw for each image.
"""

from __future__ import annotations

from jkeras.layers.image import (
    base,
    box_count,
    colour,
    filters,
    flip,
    histogram,
    mixing,
    policy,
    random_size,
    sizes,
    warp,
)
from jkeras.layers.image.base import *
from jkeras.layers.image.box_count import *
from jkeras.layers.image.colour import *
from jkeras.layers.image.filters import *
from jkeras.layers.image.flip import *
from jkeras.layers.image.histogram import *
from jkeras.layers.image.mixing import *
from jkeras.layers.image.policy import *
from jkeras.layers.image.random_size import *
from jkeras.layers.image.sizes import *
from jkeras.layers.image.warp import *

__all__: list[str] = []
__all__ += base.__all__
__all__ += box_count.__all__
__all__ += colour.__all__
__all__ += filters.__all__
__all__ += flip.__all__
__all__ += histogram.__all__
__all__ += mixing.__all__
__all__ += policy.__all__
__all__ += random_size.__all__
__all__ += sizes.__all__
__all__ += warp.__all__
