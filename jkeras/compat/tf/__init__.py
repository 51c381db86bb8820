"""What `import tensorflow as tf` finds beside `tf.keras`: array functions, dtypes, seeds, and harmless settings.

`namespace.py` says which module holds which part, and what to write instead of what there is not.
"""

from __future__ import annotations

from jkeras.compat.tf.arrays import *
from jkeras.compat.tf.control import *
from jkeras.compat.tf.dtypes import *
from jkeras.compat.tf.linalg import cross as cross
from jkeras.compat.tf.linalg import norm as norm
from jkeras.compat.tf.logs import get_logger as get_logger
from jkeras.compat.tf.math import *
from jkeras.compat.tf.variables import *

newaxis = None
__version__ = "2.15.0"
