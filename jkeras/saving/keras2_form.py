"""Configurations in the form that Keras 2 writes into `.h5` files, which Keras 3 reads as well: data to data."""

from __future__ import annotations

from typing import Any

# Arguments that tf_keras does not know. They are left out where they have this value, which is what it does anyway.
_SINCE_KERAS_3: dict[str, Any] = {
    "lora_rank": None, "lora_alpha": None, "quantization_config": None, "input_axes": None, "output_axes": None,
    "use_cudnn": "auto", "zero_output_for_mask": False, "seed": None, "loss_scale_factor": None,
    "gradient_accumulation_steps": None, "build_input_shape": None, "sliding_window": None, "use_gate": False,
    "time_major": False, "renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99, "synchronized": False,
    "bounding_box_format": None, "data_format": None, "output_padding": None, "flash_attention": None,
    "rms_scaling": False, "antialias": False, "backward_layer": None,
}  # fmt: skip
# Left out whatever the value: what is written beside it says the same.
_NEEDLESS = ("build_input_shape", "build_config", "compile_config")
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
    if "module" in data and kind not in _MODELS and not is_own:
        written = {"module": data["module"], **written, "registered_name": None}
    return written


def _arguments(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    kept = {
        key: keras2_form(value)
        for key, value in config.items()
        if key not in _NEEDLESS and not (key in _SINCE_KERAS_3 and _SINCE_KERAS_3[key] == value)
    }
    if kind == "InputLayer" and "batch_shape" in kept:
        kept["batch_input_shape"] = kept.pop("batch_shape")
    return kept


def _sequential(config: dict[str, Any]) -> dict[str, Any]:
    return {"name": config["name"], "layers": [_layer(row) for row in config["layers"]]}


def _layer(row: dict[str, Any]) -> dict[str, Any]:
    """Return a layer of a model; there, Keras 2 says no module."""
    plain = {key: value for key, value in row.items() if key not in ("module", "name", "inbound_nodes")}
    return {key: value for key, value in _object({**plain, "module": row.get("module")}).items()
            if key not in ("module", "registered_name")}  # fmt: skip


def _graph(config: dict[str, Any]) -> dict[str, Any]:
    # A model inside another has a first call of its own in Keras 2. In Keras 3 only one made from tensors has, so a
    # sequential one is written as such: then both understand which call is meant.
    models = {row["name"] for row in config["layers"] if row["class_name"] in _MODELS}
    rows = []
    for row in config["layers"]:
        inner = _as_graph(row) if row["class_name"] == "Sequential" else row
        calls = [_call(call, row["name"], models) for call in row["inbound_nodes"]]
        rows.append({**_layer(inner), "name": row["name"], "inbound_nodes": calls})

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


def _as_graph(row: dict[str, Any]) -> dict[str, Any]:
    """Return a sequential model as one made from tensors, in the form of Keras 3."""
    config = row["config"]
    layers = config["layers"]
    if not layers or layers[0]["class_name"] != "InputLayer":
        return row
    rows: list[dict[str, Any]] = []
    for layer in layers:
        name = layer["config"]["name"]
        before = rows[-1]["name"] if rows else None
        tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": [before, 0, 0]}}
        calls = [{"args": [tensor], "kwargs": {}}] if rows else []
        rows.append({**layer, "name": name, "inbound_nodes": calls})
    graph = {
        "name": config["name"],
        "trainable": config.get("trainable", True),
        "layers": rows,
        "input_layers": [rows[0]["name"], 0, 0],
        "output_layers": [rows[-1]["name"], 0, 0],
    }
    return {**row, "class_name": "Functional", "config": graph}
