"""Reading and writing models. A file is data: nothing in it is executed, and no link in it is followed."""

from jkeras.saving.weights import load_weights as load_weights
from jkeras.saving.weights import save_weights as save_weights
