"""Models: sequential, made from a graph of symbolic tensors, or written as a class."""

from jkeras.models.cloning import clone_model as clone_model
from jkeras.models.model import Model as Model
from jkeras.models.sequential import Sequential as Sequential
from jkeras.training.data import Batch as Batch
from jkeras.training.program import TrainState as TrainState

Functional = Model
