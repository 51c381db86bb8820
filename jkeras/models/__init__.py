"""Models: sequential, made from a graph of symbolic tensors, or written as a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.core.lazy import lazy as _lazy
from jkeras.models.cloning import clone_model as clone_model
from jkeras.models.model import Model as Model
from jkeras.models.sequential import Sequential as Sequential
from jkeras.training.data import Batch as Batch
from jkeras.training.program import TrainState as TrainState

Functional = Model

if TYPE_CHECKING:
    from jkeras.saving.text import model_from_config as model_from_config
    from jkeras.saving.text import model_from_json as model_from_json
    from jkeras.saving.text import model_from_yaml as model_from_yaml
    from jkeras.saving.whole import load_model as load_model
    from jkeras.saving.whole import save_model as save_model

__all__ = [
    "Batch", "Functional", "Model", "Sequential", "TrainState", "clone_model", "load_model", "model_from_config",
    "model_from_json", "model_from_yaml", "save_model",
]  # fmt: skip

# What reads and writes files stands above the models, and is imported when it is asked for.
__getattr__, __dir__ = _lazy(
    __name__,
    {
        **dict.fromkeys(("model_from_config", "model_from_json", "model_from_yaml"), "jkeras.saving.text"),
        **dict.fromkeys(("load_model", "save_model"), "jkeras.saving.whole"),
    },
)
