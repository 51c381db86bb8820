"""What layers are made of: activations, convolutions, pooling, normalization, attention, losses, encodings."""

from __future__ import annotations

from jkeras.ops.nn.activations import *
from jkeras.ops.nn.attention import *
from jkeras.ops.nn.encodings import *
from jkeras.ops.nn.losses import *
from jkeras.ops.nn.normalization import *
from jkeras.ops.nn.windows import *
