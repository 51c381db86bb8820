"""Models as JSON and YAML, without their weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jkeras.core.config import serialize
from jkeras.core.custom_objects import CustomObjectScope
from jkeras.saving.forms import keras3_form, with_activations_of_keras_2
from jkeras.saving.keras1 import is_before_2_2, modern_form
from jkeras.saving.limits import check_size, parse_json, parse_yaml
from jkeras.saving.serialization import deserialize_keras_object

# What a file says about the Keras it is written for; readers of both eras look at it.
VERSION = "3.15.1"


def model_to_json(model: Any, **kwargs: Any) -> str:
    """Return the configuration of a model as JSON, in the form of Keras 3.

    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> text = model_to_json(Sequential([Dense(2, input_shape=(3,))]))
    >>> model_from_json(text).output_shape
    (None, 2)
    """
    return json.dumps(model_to_data(model), **kwargs)


def model_to_yaml(model: Any, **kwargs: Any) -> str:
    """Return the configuration of a model as YAML; the data are those of `model_to_json`."""
    import yaml

    data = json.loads(json.dumps(model_to_data(model)))  # tuples as lists: YAML has tags for them
    return yaml.safe_dump(data, **{"sort_keys": False, **kwargs})


def model_to_data(model: Any) -> dict[str, Any]:
    """Return a model as plain data, with the shapes it was built with and what `compile` said."""
    return keras3_form(
        {**serialize(model), "build_config": build_config(model), "compile_config": model.get_compile_config()}
    )


def build_config(model: Any) -> dict[str, Any]:
    """Return the shapes that a model was built with, as Keras 3 writes them."""
    chain = getattr(model, "_chain", None)
    if chain is not None and chain.tensors:
        return {"input_shape": list(chain.tensors[0].shape)}
    if model._plan is not None:
        return {"input_shape": None}
    shapes = getattr(model, "_built_shape", None)
    return {} if shapes is None else {"input_shape": shapes}


def model_from_json(json_string: str | bytes, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make a model, with fresh weights, from JSON that any Keras wrote.

    Args:
        json_string: What `model.to_json()` returned.
        custom_objects: Users' classes and functions by name.

    Returns:
        A `Model`; compiled if the text says how.

    Raises:
        ValueError: If it is not JSON, or describes no model that can be made.

    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> text = Sequential([Dense(2, input_shape=(3,))]).to_json()
    >>> model_from_json(text).output_shape
    (None, 2)
    """
    return model_from_data(parse_json(json_string, "The text given to model_from_json"), custom_objects)


def model_from_yaml(yaml_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make a model, with fresh weights, from YAML that any Keras wrote.

    Args:
        yaml_string: What `model.to_yaml()` returned.
        custom_objects: Users' classes and functions by name.

    Returns:
        A `Model`; compiled if the text says how.

    Raises:
        ValueError: If it is not YAML, or describes no model that can be made.

    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> text = Sequential([Dense(2, input_shape=(3,))]).to_yaml()
    >>> model_from_yaml(text).output_shape
    (None, 2)
    """
    return model_from_data(parse_yaml(yaml_string, "The text given to model_from_yaml"), custom_objects)


def model_from_config(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make a model, with fresh weights, from `{"class_name", "config"}`.

    Args:
        config: What `serialize_keras_object(model)` returned.
        custom_objects: Users' classes and functions by name.

    Returns:
        A `Model`; compiled if the data say how.

    Raises:
        TypeError: If a list is given, which is what `Sequential.from_config` takes.

    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> config = Sequential([Dense(2, input_shape=(3,))]).get_config()
    >>> model_from_config({"class_name": "Sequential", "config": config}).output_shape
    (None, 2)
    """
    if isinstance(config, list):
        raise TypeError("model_from_config expects {'class_name', 'config'}. For a list of layers use "
                        "Sequential.from_config(config).")  # fmt: skip
    return model_from_data(config, custom_objects)


def model_from_data(data: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True) -> Any:
    """Make a model from plain data; it is compiled if the data say how and `compile` is true."""
    from jkeras.core.layer import Layer

    if not isinstance(data, dict) or "class_name" not in data:
        raise ValueError(f"Expected a model as plain data, with 'class_name' and 'config'; got {str(data)[:80]!r}.")
    with CustomObjectScope(custom_objects):
        try:
            data = modern_form(data) if is_before_2_2(data) else data
            if str(data.get("keras_version") or "3").split(".")[0] in ("0", "1", "2"):
                data = with_activations_of_keras_2(data)
            model = deserialize_keras_object(data)
        except (ValueError, MemoryError):
            raise
        except Exception as error:  # data of any form reach constructors here
            raise ValueError(f"The data describe no model that can be made: {type(error).__name__}: {error}") from error
        if not isinstance(model, Layer):
            raise ValueError(f"Expected a model; the data describe {model!r}.")
        check_size(model.count_params(), None, "The configuration")
        said, compile_from_config = data.get("compile_config"), getattr(model, "compile_from_config", None)
        if compile and said and compile_from_config is not None:
            compile_from_config(said)
    return model
