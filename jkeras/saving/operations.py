"""Functions of arrays in a symbolic graph as plain data: `x * 2` is a row `Multiply` of the model's layers.

Keras 3 names the class of an operation (`ExpandDims`), which is the function `jkeras.ops.expand_dims`; tf_keras names a
function of TensorFlow (`math.reduce_sum`), for which there is a table. Only those functions can be named by a file.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jkeras.core import operators
from jkeras.core.errors import nearest
from jkeras.core.registry import snake_case

# The parameters of operations that are arrays: what Keras 3 passes in the call; the rest are options.
_ARRAYS = {
    "x", "x1", "x2", "x3", "xs", "y", "a", "b", "v", "condition", "indices", "values", "inputs", "arrays", "kernel",
    "operands", "logits", "target", "output", "data", "segment_ids", "images", "key",
}  # fmt: skip

# Functions of TensorFlow as tf_keras writes them: the operation, and its names for their arguments.
_TENSORFLOW: dict[str, tuple[str, dict[str, str]]] = {
    **{f"math.{name}": (name, {"x": "x1", "y": "x2"}) for name in (
        "add", "subtract", "multiply", "maximum", "minimum", "equal", "not_equal", "greater", "greater_equal", "less",
        "less_equal", "logical_and", "logical_or",
    )},
    **{f"math.{name}": (name, {}) for name in (
        "abs", "exp", "log", "log1p", "expm1", "sqrt", "rsqrt", "square", "sin", "cos", "tan", "tanh", "sigmoid",
        "floor", "ceil", "round", "sign", "erf", "cumsum", "logical_not", "reciprocal", "argmax", "argmin", "cumprod",
        "is_nan",
    )},
    **{f"math.reduce_{name}": (name, {"input_tensor": "x"}) for name in (
        "sum", "mean", "max", "min", "prod", "any", "all", "std", "var",
    )},
    **{f"nn.{name}": (name, {"features": "x", "logits": "x"}) for name in (
        "relu", "relu6", "elu", "selu", "gelu", "leaky_relu", "softmax", "log_softmax", "softplus", "softsign", "silu",
    )},
    "math.negative": ("negative", {}),
    "math.reduce_variance": ("var", {"input_tensor": "x"}),
    "math.reduce_logsumexp": ("logsumexp", {"input_tensor": "x"}),
    "math.divide": ("divide", {"x": "x1", "y": "x2"}),
    "math.truediv": ("true_divide", {"x": "x1", "y": "x2"}),
    "math.floordiv": ("floor_divide", {"x": "x1", "y": "x2"}),
    "math.mod": ("mod", {"x": "x1", "y": "x2"}),
    "math.pow": ("power", {"x": "x1", "y": "x2"}),
    "pow": ("power", {"x": "x1", "y": "x2"}),
    "__operators__.add": ("add", {"x": "x1", "y": "x2"}),
    "__operators__.getitem": ("get_item", {"slice_spec": "key"}),
    "linalg.matmul": ("matmul", {"a": "x1", "b": "x2"}),
    "concat": ("concatenate", {"values": "xs"}),
    "stack": ("stack", {"values": "x"}),
    "reshape": ("reshape", {"tensor": "x", "shape": "newshape"}),
    "transpose": ("transpose", {"a": "x", "perm": "axes"}),
    "expand_dims": ("expand_dims", {"input": "x"}),
    "squeeze": ("squeeze", {"input": "x"}),
    "tile": ("tile", {"input": "x", "multiples": "repeats"}),
    "repeat": ("repeat", {"input": "x"}),
    "reverse": ("flip", {"tensor": "x"}),
    "cast": ("cast", {}),
    "clip_by_value": ("clip", {"t": "x", "clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "where": ("where", {"x": "x1", "y": "x2"}),
    "ones_like": ("ones_like", {"input": "x"}),
    "zeros_like": ("zeros_like", {"input": "x"}),
    "one_hot": ("one_hot", {"indices": "x", "depth": "num_classes"}),
    "identity": ("identity_of", {"input": "x"}),
    "stop_gradient": ("stop_gradient", {"input": "variable"}),
}  # fmt: skip


def operation_config(layer: Any, name: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an operation and its calls as Keras 3 writes them.

    Raises:
        ValueError: If its function is not one of `jkeras.ops`, so that no name would find it again.
    """
    public = _names().get(layer.function)
    if public is None:
        shown = getattr(layer.function, "__name__", layer.function)
        raise ValueError(
            f"Layer {name!r} applies the function {shown!r}, which is none of jkeras.ops, so it has no name to be "
            "written by. Use an operation of jkeras.ops, or write it as a layer with get_config."
        )
    function = _operations()[public]
    signature = inspect.signature(function)
    config: dict[str, Any] = {"name": name}
    written = []
    for call in calls:
        args, options = _split(signature, call)
        config.update(options)
        written.append({"args": args, "kwargs": {}})
    return {
        "module": f"keras.src.ops.{function.__module__.split('.')[2]}",
        "class_name": "".join(part.capitalize() for part in public.split("_")),
        "config": config,
        "registered_name": None,
        "inbound_nodes": written,
    }


def _split(signature: inspect.Signature, call: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Divide the arguments of a call into arrays, which are passed, and options, of which defaults are left out."""
    parameters = signature.parameters
    given, names = list(call["args"]), _required(signature)
    named = list(zip(names, given, strict=False))
    args = [value for name, value in named if name in _ARRAYS or _has_tensor(value)] + given[len(names) :]
    options = {name: value for name, value in named if not (name in _ARRAYS or _has_tensor(value))}
    for name, value in call["kwargs"].items():
        if name not in parameters or value != parameters[name].default:
            options[name] = value
    return args, options


def _required(signature: inspect.Signature) -> list[str]:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in signature.parameters.values() if p.default is p.empty and p.kind not in kinds]


def _has_tensor(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_tensor, value))
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def read_operation(row: dict[str, Any], name: str) -> Callable[..., Any] | None:
    """Return what calls the operation that a row of a model's layers names, or None if it is a layer.

    Raises:
        ValueError: If there is no such operation.
    """
    module, kind = str(row.get("module") or ""), row.get("class_name")
    config = row.get("config") or {}
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        return functools.partial(_call_tensorflow, str(config.get("function")), name)
    if ".ops." not in f"{module}.":
        return None
    public = snake_case(str(kind))
    operation = _find(public, f"Layer {name!r}: {kind!r} of {module}")
    options = {key: _option(value) for key, value in config.items() if key not in ("name", "dtype")}
    if "dtype" in config and "dtype" in inspect.signature(operation).parameters:
        options["dtype"] = config["dtype"]
    return functools.partial(_call, operation, options, name)


def _call(operation: Callable[..., Any], options: dict[str, Any], name: str, *args: Any, **kwargs: Any) -> Any:
    given = {**options, **kwargs}
    values, rest = [], list(args)
    # Arrays come by position and options by name, though an option may stand before an array.
    for parameter in _required(inspect.signature(operation)):
        value = given.pop(parameter) if parameter in given else rest.pop(0) if rest else None
        values.append(tuple(value) if parameter == "key" and isinstance(value, list) else value)
    outputs = operation(*values, *rest, **given)
    return _named(outputs, name)


def _call_tensorflow(function: str, name: str, *args: Any, **kwargs: Any) -> Any:
    if function not in _TENSORFLOW:
        raise ValueError(
            f"Layer {name!r} applies the function {function!r} of TensorFlow, for which jkeras.ops has no row."
            f"{nearest(function, _TENSORFLOW)} Make the layer anew with an operation of jkeras.ops."
        )
    public, renamed = _TENSORFLOW[function]
    given = {renamed.get(key, key): _slices(value) for key, value in kwargs.items() if key != "name"}
    if public == "identity_of":
        return args[0]
    return _named(_find(public, f"Layer {name!r}")(*args, **given), name)


def _named(outputs: Any, name: str) -> Any:
    """Let the layer that made a symbolic tensor have the name that the file gives it."""
    node = getattr(outputs, "node", None)
    if node is not None and node.layer._explicit_name is None:
        node.layer.__dict__["_explicit_name"] = name
    return outputs


def _slices(value: Any) -> Any:
    """Read the index of a slice as tf_keras writes it."""
    if isinstance(value, dict) and set(value) == {"start", "stop", "step"}:
        return slice(value["start"], value["stop"], value["step"])
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return tuple(_slices(part) for part in value)
    return ... if value == "Ellipsis" else value


def _option(value: Any) -> Any:
    from jkeras.saving.serialization import deserialize_keras_object

    return deserialize_keras_object(value) if isinstance(value, dict) else value


def _find(public: str, where: str) -> Callable[..., Any]:
    operations = _operations()
    if public not in operations:
        raise ValueError(f"{where} is no operation of jkeras.ops.{nearest(public, operations)}")
    return operations[public]


@functools.cache
def _operations() -> dict[str, Callable[..., Any]]:
    import jkeras.ops as operations

    return {name: value for name, value in vars(operations).items() if inspect.isfunction(value) and name[0] != "_"}


@functools.cache
def _names() -> dict[Any, str]:
    """Return the public name of every function that an operation computes."""
    from jkeras.ops.numpy.products import _einsum

    found: dict[Any, str] = {}
    for name, operation in sorted(_operations().items()):
        function = getattr(operation, "function", None)
        # One function may have several names: that of its own is the plainest.
        if function is not None and (function not in found or getattr(function, "__name__", "") == name):
            found[function] = name
    return {**found, operators.get_item: "get_item", jnp.where: "where", _einsum: "einsum"}
