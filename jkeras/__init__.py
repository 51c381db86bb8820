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
import os
from typing import TYPE_CHECKING, Any

import h5py as _h5py  # noqa: F401

codecs.lookup("ascii")

if os.environ.get("JKERAS_COMPILATION_CACHE"):  # before anything is compiled
    from jkeras.core.compilation_cache import enable_from_environment

    enable_from_environment()

__version__ = "0.1.0"

# Public name: the module it lives in. Names are resolved on first use, so that importing the package costs little.
_NAMES = {
    "Input": "jkeras.core.input",
    "InputSpec": "jkeras.core.spec",
    "KerasTensor": "jkeras.core.graph",
    "SymbolicTensor": "jkeras.core.graph",
    "Layer": "jkeras.core.layer",
    "DTypePolicy": "jkeras.core.dtypes",
    "FloatDTypePolicy": "jkeras.dtype_policies",
    "Function": "jkeras.core.function",
    "Operation": "jkeras.core.function",
    "RematScope": "jkeras.core.remat",
    "StatelessScope": "jkeras.core.stateless",
    "SymbolicScope": "jkeras.core.stateless",
    "device": "jkeras.backend.devices",
    "name_scope": "jkeras.backend.settings",
    "remat": "jkeras.core.remat",
    "Initializer": "jkeras.initializers",
    "Loss": "jkeras.losses",
    "Metric": "jkeras.metrics",
    "Model": "jkeras.models",
    "Sequential": "jkeras.models",
    "Optimizer": "jkeras.optimizers",
    "Population": "jkeras.population",
    "PopulationSearchCV": "jkeras.population",
    "Regularizer": "jkeras.regularizers",
    "Variable": "jkeras.backend.variables",
    "load_ipython_extension": "jkeras.compat.notebook",
    "unload_ipython_extension": "jkeras.compat.notebook",
}
_RENAMED = {"KerasTensor": "SymbolicTensor"}
_MODULES = {
    "activations", "applications", "backend", "callbacks", "config", "constraints", "core", "datasets", "display",
    "distribution", "dtype_policies", "functional", "initializers", "layers", "legacy", "losses", "metrics",
    "mixed_precision", "models", "ops", "optimizers", "population", "preprocessing", "random", "regularizers",
    "saving", "testing", "trees", "utils", "wrappers",
}  # fmt: skip

if TYPE_CHECKING:
    from jkeras import activations as activations
    from jkeras import applications as applications
    from jkeras import backend as backend
    from jkeras import callbacks as callbacks
    from jkeras import config as config
    from jkeras import constraints as constraints
    from jkeras import core as core
    from jkeras import datasets as datasets
    from jkeras import display as display
    from jkeras import distribution as distribution
    from jkeras import dtype_policies as dtype_policies
    from jkeras import functional as functional
    from jkeras import initializers as initializers
    from jkeras import layers as layers
    from jkeras import legacy as legacy
    from jkeras import losses as losses
    from jkeras import metrics as metrics
    from jkeras import mixed_precision as mixed_precision
    from jkeras import models as models
    from jkeras import ops as ops
    from jkeras import optimizers as optimizers
    from jkeras import population as population
    from jkeras import preprocessing as preprocessing
    from jkeras import random as random
    from jkeras import regularizers as regularizers
    from jkeras import saving as saving
    from jkeras import testing as testing
    from jkeras import trees as trees
    from jkeras import utils as utils
    from jkeras import wrappers as wrappers
    from jkeras.backend.devices import device as device
    from jkeras.backend.settings import name_scope as name_scope
    from jkeras.backend.variables import Variable as Variable
    from jkeras.compat.notebook import load_ipython_extension as load_ipython_extension
    from jkeras.compat.notebook import unload_ipython_extension as unload_ipython_extension
    from jkeras.core.dtypes import DTypePolicy as DTypePolicy
    from jkeras.core.function import Function as Function
    from jkeras.core.function import Operation as Operation
    from jkeras.core.graph import SymbolicTensor as SymbolicTensor
    from jkeras.core.input import Input as Input
    from jkeras.core.layer import Layer as Layer
    from jkeras.core.remat import RematScope as RematScope
    from jkeras.core.remat import remat as remat
    from jkeras.core.spec import InputSpec as InputSpec
    from jkeras.core.stateless import StatelessScope as StatelessScope
    from jkeras.core.stateless import SymbolicScope as SymbolicScope
    from jkeras.dtype_policies import FloatDTypePolicy as FloatDTypePolicy
    from jkeras.initializers import Initializer as Initializer
    from jkeras.losses import Loss as Loss
    from jkeras.metrics import Metric as Metric
    from jkeras.models import Model as Model
    from jkeras.models import Sequential as Sequential
    from jkeras.optimizers import Optimizer as Optimizer
    from jkeras.population import Population as Population
    from jkeras.population import PopulationSearchCV as PopulationSearchCV
    from jkeras.regularizers import Regularizer as Regularizer

    KerasTensor = SymbolicTensor


__all__ = ["__version__", "version", *_NAMES, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]


def version() -> str:
    """Return the version of jkeras."""
    return __version__


if not TYPE_CHECKING:  # for a type checker, which has its own table, there would be no misspelt name

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            value = importlib.import_module(f"jkeras.{name}")
        elif name in _NAMES:
            value = getattr(importlib.import_module(_NAMES[name]), _RENAMED.get(name, name))
        else:
            from jkeras.core.errors import missing_name

            raise missing_name("jkeras", name, [*_NAMES, *_MODULES])
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES, *_MODULES})
