"""Models: sequential, made from a graph of symbolic tensors, or written as a class."""

from jkeras.models.cloning import clone_model as clone_model
from jkeras.models.model import Model as Model
from jkeras.models.sequential import Sequential as Sequential
from jkeras.saving.text import model_from_config as model_from_config
from jkeras.saving.text import model_from_json as model_from_json
from jkeras.saving.text import model_from_yaml as model_from_yaml
from jkeras.saving.whole import load_model as load_model
from jkeras.saving.whole import save_model as save_model
from jkeras.training.data import Batch as Batch
from jkeras.training.program import TrainState as TrainState

Functional = Model
