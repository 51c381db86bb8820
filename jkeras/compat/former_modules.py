"""Where the modules of Keras, in each of its eras, live in jkeras: the tables that stand-ins are made from."""

from __future__ import annotations

import importlib.util

# What a script may call Keras: the prefix, and the part of jkeras that it stands for. The longest that fits counts.
PREFIXES = {
    "tensorflow.contrib.keras": "",
    "tensorflow.compat.v1.keras": "",
    "tensorflow.compat.v2.keras": "",
    "tensorflow.python.keras": "",
    "tensorflow.keras": "",
    "tf_keras": "",
    "keras": "",
    "keras_preprocessing": "preprocessing",
    "keras_applications": "applications",
}

# Parts of a path that only say how Keras stored its files: `keras.src.layers`, `keras.api._v2.keras.layers`.
_STORAGE = {"src", "api", "python", "keras", "_tf_keras", "_v1", "_v2"}

# Where names are looked for (parts of jkeras, in this order), and the former modules that held them: `base:` and what
# stood below it.
_FORMER: tuple[tuple[str, str, str], ...] = (
    (
        "layers",
        "layers",
        "activation advanced_activations attention convolutional convolutional_recurrent core cudnn_recurrent "
        "dense_attention einsum_dense embeddings experimental experimental.preprocessing kernelized local "
        "locally_connected merge merging multi_head_attention noise normalization normalization.batch_normalization "
        "normalization.layer_normalization normalization_v2 pooling preprocessing preprocessing.image_preprocessing "
        "preprocessing.text_vectorization recurrent recurrent_v2 regularization reshaping rnn rnn_cell_wrapper_v2 "
        "serialization wrappers",
    ),
    (
        "engine",
        "layers models . core.spec core.graph utils",
        ". base_layer base_layer_v1 container data_adapter functional input_layer input_spec keras_tensor network node "
        "saving sequential topology training training_arrays training_generator training_utils training_v1",
    ),
    ("legacy", "layers models", "layers models"),
    ("models", "models saving .", "cloning functional model save sequential training"),
    (
        "utils",
        "utils core.custom_objects layers models",
        "all_utils audio_dataset conv_utils data_utils dataset_utils generic_utils image_dataset image_utils io_utils "
        "layer_utils losses_utils metrics_utils model_visualization multi_gpu_utils np_utils numerical_utils "
        "object_identity progbar python_utils sequence_utils summary_utils test_utils text_dataset tf_utils "
        "timeseries_dataset training_utils version_utils vis_utils visualize_util",
    ),
    ("callbacks", "callbacks", "callbacks callbacks_v1 experimental tensorboard tensorboard_v1"),
    (
        "optimizers",
        "optimizers optimizers.schedules",
        "adadelta adagrad adam adamax adamw experimental ftrl legacy nadam optimizer optimizer_v1 optimizer_v2 rmsprop "
        "schedules.learning_rate_schedule sgd optimizer_v2.adam optimizer_v2.gradient_descent "
        "optimizer_v2.learning_rate_schedule optimizer_v2.optimizer_v2 optimizer_v2.rmsprop legacy.adam legacy.sgd "
        "legacy.rmsprop",
    ),
    ("optimizer_v1", "optimizers", "."),
    (
        "optimizer_v2",
        "optimizers optimizers.schedules",
        ". adam gradient_descent learning_rate_schedule optimizer_v2 rmsprop",
    ),
    ("backend", "backend", "tensorflow_backend theano_backend cntk_backend common load_backend"),
    ("backend_config", "backend", "."),
    ("losses", "losses", "loss losses"),
    ("objectives", "losses", "."),
    ("metrics", "metrics losses", "metrics base_metric"),
    ("initializations", "initializers", "."),
    (
        "initializers",
        "initializers",
        "initializers initializers_v1 initializers_v2 random_initializers constant_initializers",
    ),
    ("regularizers", "regularizers", "regularizers"),
    ("constraints", "constraints", "constraints"),
    ("activations", "activations", "activations"),
    ("preprocessing", "preprocessing utils", "dataset_utils image_dataset text_dataset timeseries"),
    ("saving", "saving legacy.saving models", "hdf5_format legacy model_config save saved_model saving_api saving_lib"),
    ("wrappers", "wrappers.scikit_learn wrappers", "scikit_learn"),
    ("mixed_precision", "mixed_precision", "autocast_variable loss_scale_optimizer policy"),
    ("mixed_precision.experimental", "mixed_precision", ". policy"),
    ("experimental", "optimizers.schedules layers models", "."),
    (
        "applications",
        "applications",
        "resnet50 mobilenetv2 mobilenet_v2 mobilenet_v3 resnet_v2 efficientnet_v2 inception_v3 inception_resnet_v2 "
        "vgg16 vgg19 xception densenet nasnet resnet mobilenet efficientnet convnext imagenet_utils",
    ),
    ("applications.resnet50", "applications.resnet applications", "."),
    ("applications.mobilenetv2", "applications.mobilenet_v2 applications", "."),
)

# Areas whose names all lead to the package: what Keras 3 stores below `keras.src.layers`, say, is looked for there.
_AREAS = {base: places.split() for base, places, _ in _FORMER}

FORMER: dict[str, tuple[str, ...]] = {}
for _base, _places, _below in _FORMER:
    for _name in _below.split():
        _path = _base if _name == "." else f"{_base}.{_name}"
        FORMER[_path] = tuple("" if place == "." else place for place in _places.split())

# Names that are called otherwise now, by the module that held them.
RENAMED_NAMES = {
    "engine.topology.Container": "models.Model",
    "engine.Container": "models.Model",
    "engine.container.Container": "models.Model",
    "engine.network.Network": "models.Model",
    "engine.base_layer.InputSpec": "InputSpec",
    "layers.merge._Merge": "layers.merging.Merge",
    "engine.topology.merge": "layers.merge",
    "engine.merge": "layers.merge",
    "utils.visualize_util.plot": "utils.plot_model",
    "utils.visualize_util.to_graph": "utils.model_to_dot",
    "utils.visualize_util.model_to_dot": "utils.model_to_dot",
    "backend.set_session": "compat.tf.sessions.set_session",
    "backend.get_session": "compat.tf.sessions.get_session",
    "backend.tensorflow_backend.set_session": "compat.tf.sessions.set_session",
    "backend.tensorflow_backend.get_session": "compat.tf.sessions.get_session",
}


def part_of(fullname: str) -> str | None:
    """Return the path inside Keras that a module's full name stands for ("" for Keras itself), or None.

    >>> part_of("tensorflow.keras.layers"), part_of("keras"), part_of("keras_tuner")
    ('layers', '', None)
    >>> part_of("keras.src.layers.core.dense"), part_of("keras_preprocessing.image")
    ('layers.core.dense', 'preprocessing.image')
    """
    for prefix in sorted(PREFIXES, key=len, reverse=True):
        if fullname == prefix or fullname.startswith(f"{prefix}."):
            parts = fullname.removeprefix(prefix).split(".")[1:]
            while parts and parts[0] in _STORAGE:
                parts = parts[1:]
            return ".".join(([PREFIXES[prefix]] if PREFIXES[prefix] else []) + parts)
    return None


def places_of(path: str, stored: bool = False) -> tuple[str, ...] | None:
    """Return the parts of jkeras in which the names of a module of Keras are looked for, or None if there is none.

    Args:
        path: The path inside Keras, as `part_of` gives it.
        stored: Whether it was spelt as Keras stores it (`keras.src...`), where whatever stands in an area counts.

    >>> places_of("layers.recurrent"), places_of("losses"), places_of("layers.recurent")
    (('layers',), ('losses',), None)
    """
    if path in FORMER:
        return FORMER[path]
    if exists(path):
        return (path,)
    area = path.partition(".")[0]
    if stored and area in _AREAS:
        return tuple("" if place == "." else place for place in _AREAS[area])
    return None


def exists(path: str) -> bool:
    """Whether jkeras has a public module of this path."""
    if any(part.startswith("_") for part in path.split(".")) or path.partition(".")[0] == "compat":
        return False
    try:
        return importlib.util.find_spec(f"jkeras.{path}" if path else "jkeras") is not None
    except ModuleNotFoundError:
        return False


def known_below(path: str) -> list[str]:
    """Return the names of the former modules directly below a path."""
    start = f"{path}." if path else ""
    return sorted({name.removeprefix(start).partition(".")[0] for name in FORMER if name.startswith(start)})
