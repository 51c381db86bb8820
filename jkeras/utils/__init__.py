"""Small helpers around training: labels, data sets in Python, files, seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.core.lazy import lazy as _lazy
from jkeras.utils.data import PyDataset as PyDataset
from jkeras.utils.data import Sequence as Sequence
from jkeras.utils.data import pack_x_y_sample_weight as pack_x_y_sample_weight
from jkeras.utils.data import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from jkeras.utils.numerical import normalize as normalize
from jkeras.utils.numerical import to_categorical as to_categorical

if TYPE_CHECKING:
    from jkeras.backend.settings import clear_session as clear_session
    from jkeras.backend.settings import is_keras_tensor as is_keras_tensor
    from jkeras.backend.settings import standardize_dtype as standardize_dtype
    from jkeras.config import disable_interactive_logging as disable_interactive_logging
    from jkeras.config import enable_interactive_logging as enable_interactive_logging
    from jkeras.config import is_interactive_logging_enabled as is_interactive_logging_enabled
    from jkeras.core.custom_objects import CustomObjectScope as CustomObjectScope
    from jkeras.core.custom_objects import custom_object_scope as custom_object_scope
    from jkeras.core.custom_objects import get_custom_objects as get_custom_objects
    from jkeras.core.custom_objects import get_registered_name as get_registered_name
    from jkeras.core.custom_objects import get_registered_object as get_registered_object
    from jkeras.core.custom_objects import register_keras_serializable as register_keras_serializable
    from jkeras.core.seeds import set_random_seed as set_random_seed
    from jkeras.display.plot import model_to_dot as model_to_dot
    from jkeras.display.plot import plot_model as plot_model
    from jkeras.display.progbar import Progbar as Progbar
    from jkeras.layers.preprocessing.feature_space import FeatureSpace as FeatureSpace
    from jkeras.preprocessing.audio_dataset import audio_dataset_from_directory as audio_dataset_from_directory
    from jkeras.preprocessing.image.loading import array_to_img as array_to_img
    from jkeras.preprocessing.image.loading import img_to_array as img_to_array
    from jkeras.preprocessing.image.loading import load_img as load_img
    from jkeras.preprocessing.image.loading import save_img as save_img
    from jkeras.preprocessing.image_dataset import image_dataset_from_directory as image_dataset_from_directory
    from jkeras.preprocessing.sequence import pad_sequences as pad_sequences
    from jkeras.preprocessing.text_dataset import text_dataset_from_directory as text_dataset_from_directory
    from jkeras.preprocessing.timeseries_dataset import timeseries_dataset_from_array as timeseries_dataset_from_array
    from jkeras.saving.serialization import deserialize_keras_object as deserialize_keras_object
    from jkeras.saving.serialization import serialize_keras_object as serialize_keras_object
    from jkeras.utils import bounding_boxes as bounding_boxes
    from jkeras.utils import experimental as experimental
    from jkeras.utils import np_utils as np_utils
    from jkeras.utils.config import Config as Config
    from jkeras.utils.embeddings import to_ordinal as to_ordinal
    from jkeras.utils.embeddings import warmstart_embedding_matrix as warmstart_embedding_matrix
    from jkeras.utils.enqueuers import GeneratorEnqueuer as GeneratorEnqueuer
    from jkeras.utils.enqueuers import OrderedEnqueuer as OrderedEnqueuer
    from jkeras.utils.enqueuers import SequenceEnqueuer as SequenceEnqueuer
    from jkeras.utils.enqueuers import TimedThread as TimedThread
    from jkeras.utils.files import get_file as get_file
    from jkeras.utils.hdf5_matrix import HDF5Matrix as HDF5Matrix
    from jkeras.utils.source_inputs import get_source_inputs as get_source_inputs
    from jkeras.utils.splitting import split_dataset as split_dataset
    from jkeras.utils.unsupported import SidecarEvaluator as SidecarEvaluator
    from jkeras.utils.unsupported import StepsPerExecutionTuner as StepsPerExecutionTuner

# Module: the names in it. They are imported when they are first used: `import jkeras.utils` stays light.
_MODULES: dict[str, tuple[str, ...]] = {
    "jkeras.backend.settings": ("clear_session", "is_keras_tensor", "standardize_dtype"),
    "jkeras.config": ("disable_interactive_logging", "enable_interactive_logging", "is_interactive_logging_enabled"),
    "jkeras.core.custom_objects": (
        "custom_object_scope",
        "CustomObjectScope",
        "get_custom_objects",
        "get_registered_name",
        "get_registered_object",
        "register_keras_serializable",
    ),
    "jkeras.core.seeds": ("set_random_seed",),
    "jkeras.display.plot": ("model_to_dot", "plot_model"),
    "jkeras.display.progbar": ("Progbar",),
    "jkeras.layers.preprocessing.feature_space": ("FeatureSpace",),
    "jkeras.preprocessing.audio_dataset": ("audio_dataset_from_directory",),
    "jkeras.preprocessing.image.loading": ("array_to_img", "img_to_array", "load_img", "save_img"),
    "jkeras.preprocessing.image_dataset": ("image_dataset_from_directory",),
    "jkeras.preprocessing.sequence": ("pad_sequences",),
    "jkeras.preprocessing.text_dataset": ("text_dataset_from_directory",),
    "jkeras.preprocessing.timeseries_dataset": ("timeseries_dataset_from_array",),
    "jkeras.saving.serialization": ("deserialize_keras_object", "serialize_keras_object"),
    "jkeras.utils.bounding_boxes": ("bounding_boxes",),
    "jkeras.utils.config": ("Config",),
    "jkeras.utils.embeddings": ("to_ordinal", "warmstart_embedding_matrix"),
    "jkeras.utils.enqueuers": ("GeneratorEnqueuer", "OrderedEnqueuer", "SequenceEnqueuer", "TimedThread"),
    "jkeras.utils.experimental": ("experimental",),
    "jkeras.utils.files": ("get_file",),
    "jkeras.utils.hdf5_matrix": ("HDF5Matrix",),
    "jkeras.utils.np_utils": ("np_utils",),
    "jkeras.utils.source_inputs": ("get_source_inputs",),
    "jkeras.utils.splitting": ("split_dataset",),
    "jkeras.utils.unsupported": ("SidecarEvaluator", "StepsPerExecutionTuner"),
}
_LAZY = {name: module for module, names in _MODULES.items() for name in names}

__getattr__, __dir__ = _lazy(__name__, _LAZY)
