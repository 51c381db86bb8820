"""The functions of `numpy`, for arrays, lists, weights and symbolic tensors alike."""

from __future__ import annotations

from jkeras.ops.numpy.creation import *
from jkeras.ops.numpy.elementwise import *
from jkeras.ops.numpy.manipulation import *
from jkeras.ops.numpy.products import *
from jkeras.ops.numpy.reductions import *
