"""Array functions that take arrays, lists, weights and symbolic tensors: `keras.ops` over `jax.numpy`.

A function is added as a row of its table, in the file of its family; a file, by one line here.
"""

from __future__ import annotations

from typing import Any

from jkeras.core.errors import missing_name
from jkeras.ops import image, linalg, nn, numpy
from jkeras.ops.control import *
from jkeras.ops.core import *
from jkeras.ops.linalg import *
from jkeras.ops.math import *
from jkeras.ops.nn import *
from jkeras.ops.numpy import *


def __getattr__(name: str) -> Any:
    raise missing_name(__name__, name, globals())
