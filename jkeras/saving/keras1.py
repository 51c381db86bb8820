"""Configurations of Keras 1 (and 2.0, 2.1) in the form of today: what the constructors do not see.

Old names of arguments (`output_dim`, `border_mode`) are read by the layers themselves; here are old objects.
"""

from __future__ import annotations

from typing import Any

_MERGES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate", "dot": "Dot",
           "cos": "Dot"}  # fmt: skip
_CONSTRAINTS = {"maxnorm": "MaxNorm", "nonneg": "NonNeg", "unitnorm": "UnitNorm", "minmaxnorm": "MinMaxNorm"}


def is_before_2_2(data: Any) -> bool:
    """Whether plain data of a model come from a time when a GRU could not reset after its product.

    >>> is_before_2_2({"keras_version": "2.1.6"}), is_before_2_2({"class_name": "Sequential", "config": []})
    (True, True)
    """
    if not isinstance(data, dict):
        return False
    version = str(data.get("keras_version") or "")
    if not version:
        return data.get("class_name") == "Model" or isinstance(data.get("config"), list)
    major, _, rest = version.partition(".")
    return major in ("0", "1") or (major == "2" and rest.split(".")[0] in ("0", "1"))


def modern_form(data: Any) -> Any:
    """Return plain data of Keras 1 in the form of today.

    Raises:
        ValueError: If a `Merge` layer merges by a function.

    >>> modern_form({"class_name": "GRU", "config": {"output_dim": 2}})
    {'class_name': 'GRU', 'config': {'output_dim': 2, 'reset_after': False}}
    >>> modern_form({"W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1}})
    {'W_regularizer': {'class_name': 'L1L2', 'config': {'l1': 0.0, 'l2': 0.1}}}
    """
    if isinstance(data, list):
        return [modern_form(part) for part in data]
    if not isinstance(data, dict):
        return data
    written = {key: modern_form(value) for key, value in data.items()}
    name, config = written.get("name"), written.get("config")
    if name in ("WeightRegularizer", "ActivityRegularizer") and "class_name" not in written:
        return {"class_name": "L1L2", "config": {key: written.get(key, 0.0) for key in ("l1", "l2")}}
    if isinstance(name, str) and name.lower() in _CONSTRAINTS and "config" not in written:
        arguments = {{"m": "max_value"}.get(key, key): value for key, value in written.items() if key != "name"}
        return {"class_name": _CONSTRAINTS[name.lower()], "config": arguments}
    if not isinstance(config, dict):
        return written
    kind = written.get("class_name")
    if kind == "GRU" and "reset_after" not in config:
        config["reset_after"] = False
    if kind == "InputLayer" and "input_dtype" in config:
        config["dtype"] = config.pop("input_dtype") or config.get("dtype")
    if kind == "Merge":
        written["class_name"], written["config"] = _merge(config)
    return written


def _merge(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    mode, rest = config.get("mode", "sum"), {"name": config.get("name")}
    if mode not in _MERGES:
        raise ValueError(
            f"Merge layer {config.get('name')!r} merges by {mode!r}; a file holds no function. "
            f"It is read where the mode is one of {', '.join(_MERGES)}."
        )
    if mode == "concat":
        rest["axis"] = config.get("concat_axis", -1)
    elif mode in ("dot", "cos"):
        axes = config.get("dot_axes", -1)
        rest |= {"axes": axes, "normalize": mode == "cos"}
    return _MERGES[mode], rest
