"""jkeras: Keras-style deep learning compiled by JAX.

Every layer and every model is a pure pair:

    params, state = layer.init(rng, x)
    y, state = layer.apply(params, state, x, training=False, rng=None, mask=None)

`Model.compile`, `fit`, `evaluate` and `predict` are a stateful facade over that pair.
"""

from __future__ import annotations

# Weight files are written hours into a script. What writes them is loaded now, with the codec it would look up on
# first use: a broken library shows at once, and a host that replaces `__import__`, as script runners do, cannot break
# it later.
import codecs
import importlib
from typing import TYPE_CHECKING, Any

import h5py as _h5py  # noqa: F401

codecs.lookup("ascii")

__version__ = "0.1.0"

# Public name: the module it lives in. Names are resolved on first use, so that importing the package costs little.
_NAMES = {
    "Input": "jkeras.core.input",
    "InputSpec": "jkeras.core.spec",
    "KerasTensor": "jkeras.core.graph",
    "SymbolicTensor": "jkeras.core.graph",
    "Layer": "jkeras.core.layer",
    "DTypePolicy": "jkeras.core.dtypes",
    "Initializer": "jkeras.initializers",
    "Loss": "jkeras.losses",
    "Metric": "jkeras.metrics",
    "Model": "jkeras.models",
    "Sequential": "jkeras.models",
    "Optimizer": "jkeras.optimizers",
    "Regularizer": "jkeras.regularizers",
    "Variable": "jkeras.core.weight",
}
_RENAMED = {"KerasTensor": "SymbolicTensor", "Variable": "Weight"}
_MODULES = {
    "activations", "backend", "callbacks", "constraints", "core", "datasets", "functional", "initializers", "layers",
    "losses", "metrics", "models", "optimizers", "regularizers", "saving", "utils",
}  # fmt: skip

if TYPE_CHECKING:
    from jkeras import activations as activations
    from jkeras import backend as backend
    from jkeras import callbacks as callbacks
    from jkeras import constraints as constraints
    from jkeras import datasets as datasets
    from jkeras import functional as functional
    from jkeras import initializers as initializers
    from jkeras import layers as layers
    from jkeras import losses as losses
    from jkeras import metrics as metrics
    from jkeras import models as models
    from jkeras import optimizers as optimizers
    from jkeras import regularizers as regularizers
    from jkeras import saving as saving
    from jkeras import utils as utils
    from jkeras.core.dtypes import DTypePolicy as DTypePolicy
    from jkeras.core.graph import SymbolicTensor as SymbolicTensor
    from jkeras.core.input import Input as Input
    from jkeras.core.layer import Layer as Layer
    from jkeras.core.spec import InputSpec as InputSpec
    from jkeras.losses import Loss as Loss
    from jkeras.metrics import Metric as Metric
    from jkeras.models import Model as Model
    from jkeras.models import Sequential as Sequential
    from jkeras.optimizers import Optimizer as Optimizer


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = importlib.import_module(f"jkeras.{name}")
    elif name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), _RENAMED.get(name, name))
    else:
        from jkeras.core.errors import nearest

        raise AttributeError(f"module 'jkeras' has no attribute {name!r}.{nearest(name, [*_NAMES, *_MODULES])}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES, *_MODULES})
