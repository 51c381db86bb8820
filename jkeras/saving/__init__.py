"""Reading and writing models. A file is data: nothing in it is executed, and no link in it is followed."""

from jkeras.core.custom_objects import CustomObjectScope as CustomObjectScope
from jkeras.core.custom_objects import custom_object_scope as custom_object_scope
from jkeras.core.custom_objects import get_custom_objects as get_custom_objects
from jkeras.core.custom_objects import get_registered_name as get_registered_name
from jkeras.core.custom_objects import get_registered_object as get_registered_object
from jkeras.core.custom_objects import register_keras_serializable as register_keras_serializable
from jkeras.saving.checkpoint import load_checkpoint as load_checkpoint
from jkeras.saving.checkpoint import save_checkpoint as save_checkpoint
from jkeras.saving.serialization import deserialize_keras_object as deserialize_keras_object
from jkeras.saving.serialization import serialize_keras_object as serialize_keras_object
from jkeras.saving.weights import load_weights as load_weights
from jkeras.saving.weights import save_weights as save_weights
from jkeras.saving.whole import load_model as load_model
from jkeras.saving.whole import save_model as save_model
