"""What `compile` said, as plain data and back; the forms of Keras 2 (`training_config`) and Keras 3 are both read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jkeras.losses import deserialize as read_loss
from jkeras.metrics import deserialize as read_metric
from jkeras.optimizers import deserialize as read_optimizer
from jkeras.saving.forms import keras2_form
from jkeras.saving.optimizer_weights import SLOTS
from jkeras.saving.serialization import deserialize_keras_object, serialize_keras_object

# What Keras calls by a short name, which not each of its readers knows.
_SHORT = {
    "mse": "mean_squared_error", "mae": "mean_absolute_error", "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error", "kld": "kl_divergence",
}  # fmt: skip
# Metrics of tf_keras that wrap a function.
_WRAPPERS = ("MeanMetricWrapper", "SumOverBatchSizeMetricWrapper")


def compile_config(model: Any) -> dict[str, Any]:
    """Return what `compile` said, as Keras 3 writes it; `{}` if the model is not compiled."""
    compiled = getattr(model, "_compiled", None)
    if compiled is None:
        return {}
    write = serialize_keras_object
    return {
        "optimizer": write(compiled.optimizer),
        "loss": write(compiled.loss),
        "loss_weights": write(compiled.loss_weights),
        "metrics": write(compiled.metrics),
        "weighted_metrics": write(compiled.weighted_metrics),
        "run_eagerly": compiled.eager,
        "steps_per_execution": compiled.steps_per_execution or 1,
        "jit_compile": not compiled.eager,
    }


def training_config(model: Any) -> dict[str, Any]:
    """Return what `compile` said, as Keras 2 writes it into `.h5` files."""
    compiled = model._compiled
    write = serialize_keras_object
    optimizer = keras2_form(write(compiled.optimizer))
    kind = optimizer["class_name"]
    if kind in SLOTS:  # tf_keras knows its own optimizers as if they were a user's, and Keras 3 goes by the name
        optimizer = {"class_name": f"Custom>{kind}", "config": {**optimizer["config"], "name": kind}}
    return {
        "loss": keras2_form(_long(write(compiled.loss))),
        "metrics": keras2_form(_long(write(compiled.metrics))),
        "weighted_metrics": keras2_form(_long(write(compiled.weighted_metrics))),
        "loss_weights": write(compiled.loss_weights),
        "optimizer_config": optimizer,
    }


def _long(tree: Any) -> Any:
    if isinstance(tree, str):
        return _SHORT.get(tree, tree)
    if isinstance(tree, list):
        return [_long(part) for part in tree]
    if isinstance(tree, dict) and "class_name" not in tree:
        return {key: _long(part) for key, part in tree.items()}
    return tree


def compile_from(model: Any, config: Any) -> None:
    """Compile a model as plain data say, in the form of any Keras.

    Raises:
        ValueError: If a class or function is unknown, or a part is missing.
    """
    if not isinstance(config, Mapping):
        raise ValueError(f"Expected what `compile` said as a dictionary; got {str(config)[:80]!r}.")
    optimizer = config.get("optimizer", config.get("optimizer_config"))
    steps = config.get("steps_per_execution")
    model.compile(
        optimizer="rmsprop" if optimizer is None else _object(_optimizer(optimizer), read_optimizer),
        loss=_tree(config.get("loss"), read_loss),
        loss_weights=_values(config.get("loss_weights")),
        metrics=_metrics(config.get("metrics")),
        weighted_metrics=_metrics(config.get("weighted_metrics", config.get("sample_weight_metrics"))),
        run_eagerly=bool(config.get("run_eagerly")),
        steps_per_execution=1 if steps is None else steps,
    )


def _optimizer(config: Any) -> Any:
    """Return the configuration of an optimizer without what only tf_keras has."""
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        return config
    arguments = {k: v for k, v in config["config"].items() if k not in ("jit_compile", "is_legacy_optimizer")}
    name = str(config.get("class_name")).rpartition(">")
    inner = arguments.get("inner_optimizer")
    if isinstance(inner, dict):
        arguments["inner_optimizer"] = _optimizer(inner)
    # tf_keras 2.11 and later register their own optimizers as if they were a user's.
    own = name[2] if name[0] in ("Custom", "") else config["class_name"]
    return {**config, "class_name": own, "config": arguments}


def _object(config: Any, read: Callable[[Any], Any]) -> Any:
    """Return the object that data describe; users' objects are found by their registered names."""
    if isinstance(config, dict) and config.get("class_name") in _WRAPPERS:
        return _wrapped(config["config"])
    if isinstance(config, dict) and "registered_name" in config:
        return deserialize_keras_object(config)
    if isinstance(config, dict):
        return read(config)
    return config


def _wrapped(config: dict[str, Any]) -> Any:
    """Return the metric that tf_keras describes as the mean of a function; it keeps its name in the logs."""
    metric = read_metric(deserialize_keras_object(config["fn"]))
    if hasattr(metric, "get_config") and not isinstance(metric, type):
        arguments = {**metric.get_config(), "name": config.get("name", getattr(metric, "name", None))}
        return type(metric).from_config(arguments)
    from jkeras.metrics import MeanMetricWrapper

    return MeanMetricWrapper(metric, name=config.get("name"))


def _tree(tree: Any, read: Callable[[Any], Any]) -> Any:
    if isinstance(tree, list):
        return [_tree(part, read) for part in tree]
    if isinstance(tree, dict) and "class_name" not in tree:
        return {key: _tree(part, read) for key, part in tree.items()}
    return _object(tree, read)


def _values(tree: Any) -> Any:
    return deserialize_keras_object(tree) if isinstance(tree, (dict, list)) else tree


def _metrics(tree: Any) -> Any:
    """Return metrics; what tf_keras writes for one output is a list in a list."""
    made = _tree(tree, read_metric)
    is_nested = isinstance(made, list) and len(made) == 1 and isinstance(made[0], list)
    return made[0] if is_nested else made
