"""Configurations in the forms of Keras 2, which `.h5` files hold, and of Keras 3: data to data."""

from __future__ import annotations

from typing import Any

# Arguments that tf_keras does not know. They are left out where they have this value, which is what it does anyway.
_SINCE_KERAS_3: dict[str, Any] = {
    "lora_rank": None, "lora_alpha": None, "quantization_config": None, "input_axes": None, "output_axes": None,
    "use_cudnn": "auto", "zero_output_for_mask": False, "seed": None, "loss_scale_factor": None,
    "gradient_accumulation_steps": None, "sliding_window": None, "use_gate": False, "synchronized": False,
    "bounding_box_format": None, "data_format": None, "output_padding": None, "flash_attention": None,
    "rms_scaling": False, "antialias": False, "backward_layer": None,
}  # fmt: skip
# Arguments that Keras 3 does not know, likewise.
_UNTIL_KERAS_3: dict[str, Any] = {
    "time_major": False, "renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99,
}  # fmt: skip
# An .h5 file is opened by both.
_OF_ONE_ERA = {**_SINCE_KERAS_3, **_UNTIL_KERAS_3}
# Left out whatever the value: what is written beside it says the same.
_NEEDLESS = ("build_input_shape", "build_config", "compile_config")
# Layers of tf_keras that know no data format; what is asked of them is the usual one.
_NO_DATA_FORMAT = ("CenterCrop", "Random", "Resizing", "ZeroPadding1D")
_UNKNOWN_TO_KERAS_2: dict[str, dict[str, Any]] = {
    "AdditiveAttention": {"score_mode": "dot"},
    "RandomContrast": {"value_range": [0, 255]},
    "Resizing": {"pad_to_aspect_ratio": False, "fill_mode": "constant", "fill_value": 0.0},
}
_FORMER_NAMES = {"LeakyReLU": {"negative_slope": "alpha"}}
_MODELS = ("Functional", "Model", "Sequential")


def keras2_form(data: Any) -> Any:
    """Return plain data in the form of Keras 3 in that of Keras 2.

    Args:
        data: What `get_config`, `model_to_data` or `compile_config` wrote.

    Raises:
        ValueError: If a call of a layer has a form that Keras 2 has not.

    >>> keras2_form({"class_name": "Dense", "config": {"units": 2, "lora_rank": None}})
    {'class_name': 'Dense', 'config': {'units': 2}}
    """
    if isinstance(data, list):
        return [keras2_form(part) for part in data]
    if not isinstance(data, dict):
        return data
    if "class_name" in data and isinstance(data.get("config"), dict):
        return _object(data)
    return {key: keras2_form(value) for key, value in data.items()}


def with_activations_of_keras_2(data: Any, writes: bool = False) -> Any:
    """Return plain data of Keras 1 or 2 in which its `hard_sigmoid` has the name that the formula has here.

    Args:
        data: Plain data.
        writes: The other way round.

    >>> with_activations_of_keras_2({"recurrent_activation": "hard_sigmoid"})
    {'recurrent_activation': 'legacy_hard_sigmoid'}
    """
    theirs, ours = "hard_sigmoid", "legacy_hard_sigmoid"
    before, after = (ours, theirs) if writes else (theirs, ours)
    if isinstance(data, list):
        return [with_activations_of_keras_2(part, writes) for part in data]
    if isinstance(data, dict):
        return {
            key: after if value == before and key.endswith("activation") else with_activations_of_keras_2(value, writes)
            for key, value in data.items()
        }
    return data


def keras3_form(data: Any) -> Any:
    """Return plain data without the arguments that Keras 3 does not know, where they say what it does anyway."""
    if isinstance(data, list):
        return [keras3_form(part) for part in data]
    if not isinstance(data, dict):
        return data
    written = {
        key: keras3_form(value)
        for key, value in data.items()
        if not (key in _UNTIL_KERAS_3 and _UNTIL_KERAS_3[key] == value)
    }
    kind, config = written.get("class_name"), written.get("config")
    if str(kind).startswith("SpatialDropout") and isinstance(config, dict) and config.get("trainable"):
        del config["trainable"]  # the constructor there takes no such argument
    if kind == "Lambda" and isinstance(config, dict) and isinstance(config.get("function"), str):
        name = config["function"]
        config["function"] = {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}
    return written


def _object(data: dict[str, Any]) -> dict[str, Any]:
    kind, config = data["class_name"], data["config"]
    if kind == "DTypePolicy":
        return config["name"]
    registered = data.get("registered_name")
    is_own = registered is not None and not str(data.get("module")).startswith("keras")
    written: dict[str, Any] = {"class_name": registered if is_own else kind}
    if kind == "Sequential":
        written["config"] = _sequential(config)
    elif "input_layers" in config:
        written["config"] = _graph(config)
    else:
        written["config"] = _arguments(kind, config)
    if "build_config" in data and is_own:
        written["build_config"] = data["build_config"]
    if "module" in data and kind not in _MODELS and not is_own:
        written = {"module": data["module"], **written, "registered_name": None}
    return written


def _arguments(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    kept = {
        key: keras2_form(value)
        for key, value in config.items()
        if key not in _NEEDLESS and not (key in _OF_ONE_ERA and _OF_ONE_ERA[key] == value)
    }
    if kind == "InputLayer" and "batch_shape" in kept:
        kept["batch_input_shape"] = kept.pop("batch_shape")
    if kind.startswith(_NO_DATA_FORMAT) and kept.get("data_format") == "channels_last":
        del kept["data_format"]
    for key, value in _UNKNOWN_TO_KERAS_2.get(kind, {}).items():
        if kept.get(key) == value:
            del kept[key]
    if kind == "Lambda":
        kept |= {"function_type": "function", "module": None, "output_shape_type": "raw", "output_shape_module": None}
        kept |= {"mask_type": None, "mask_module": None}
    names = _FORMER_NAMES.get(kind, {})
    return {names.get(key, key): value for key, value in kept.items()}


def _sequential(config: dict[str, Any]) -> dict[str, Any]:
    return {"name": config["name"], "layers": [_layer(row) for row in config["layers"]]}


def _layer(row: dict[str, Any]) -> dict[str, Any]:
    """Return a layer of a model; there, Keras 2 says no module."""
    plain = {key: value for key, value in row.items() if key not in ("module", "name", "inbound_nodes")}
    return {key: value for key, value in _object({**plain, "module": row.get("module")}).items()
            if key not in ("module", "registered_name")}  # fmt: skip


def _graph(config: dict[str, Any]) -> dict[str, Any]:
    # A model inside another has a first call of its own in Keras 2, which is not listed: the count begins at 1.
    models = {row["name"] for row in config["layers"] if row["class_name"] in _MODELS}
    rows = []
    for row in config["layers"]:
        calls = [_call(call, row["name"], models) for call in row["inbound_nodes"]]
        rows.append({**_layer(row), "name": row["name"], "inbound_nodes": calls})

    def places(tree: Any) -> Any:
        if isinstance(tree, list) and len(tree) == 3 and isinstance(tree[0], str):
            return _place(tree, models)
        if isinstance(tree, list):
            return [places(part) for part in tree]
        return {key: places(part) for key, part in tree.items()}

    ends = {key: places(config[key]) for key in ("input_layers", "output_layers")}
    # Keras 2 lists even a single one.
    ends = {k: [v] if isinstance(v, list) and isinstance(v[0], str) else v for k, v in ends.items()}
    return {"name": config["name"], "trainable": config["trainable"], "layers": rows, **ends}


def _place(history: list[Any], models: set[str]) -> list[Any]:
    name, call, tensor = history
    return [name, call + 1 if name in models else call, tensor]


def _call(call: dict[str, Any], name: str, models: set[str]) -> list[Any]:
    """Return a call as rows `[layer, call, tensor, keywords]`, one for each tensor of the first argument."""
    if len(call["args"]) != 1:
        raise ValueError(
            f"Layer {name!r} is called with {len(call['args'])} arguments by position, for which .h5 files have no "
            "form. Save the model as .keras."
        )

    def write(value: Any) -> Any:
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            return _place(value["config"]["keras_history"], models)
        if isinstance(value, list):
            return [write(part) for part in value]
        return keras2_form(value)

    keywords = {key: write(value) for key, value in call["kwargs"].items()}
    first = call["args"][0]
    tensors = first if isinstance(first, list) else [first]
    return [[*write(tensor), keywords] for tensor in tensors]
