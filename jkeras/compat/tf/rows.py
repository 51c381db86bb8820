"""Array functions with TensorFlow's signatures, one a row: what becomes of their arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from jkeras.core.graph import has_symbolic
from jkeras.core.operation import operation
from jkeras.ops.operands import as_dtype, as_numbers, as_operand, as_operands

# Parameters that are sizes, axes and the like, also where they have no default; all others without one are arrays.
NUMBERS = frozenset(
    "axes axis begin depth dims filters_shape multiples ksize k num num_or_size_splits num_segments output_shape "
    "paddings pattern perm rate repeats shape shift size strides target_height target_width padding".split()
)
SEVERAL = frozenset({"values", "inputs", "arrays"})

# How arguments were spelt before, and what they are called where a function has no such parameter itself.
FORMER_ARGUMENTS = {
    "keep_dims": "keepdims",
    "reduction_indices": "axis",
    "dim": "axis",
    "dimension": "axis",
    "concat_dim": "axis",
    "squeeze_dims": "axis",
    "expand_dims": "axis",
    "split_dim": "axis",
    "seq_dim": "seq_axis",
    "batch_dim": "batch_axis",
    "input": "input_tensor",
    "x": "input",
    "t": "tensor",
    "filter": "filters",
    "to_float": "dtype",
}


def row(function: Callable[..., Any], parameters: str, summary: str) -> Callable[..., Any]:
    """Return a function with one of TensorFlow's signatures, on arrays, traced values, weights and symbolic tensors.

    Every function takes `name=` beside its parameters; names of operations are used nowhere.

    Args:
        function: Takes the parameters without a default by position, the others by name.
        parameters: The signature, e.g. `"input_tensor, axis=None, keepdims=False"`.
        summary: What it does, in one line.

    >>> import jax.numpy as jnp
    >>> reduce_sum = row(jnp.sum, "input_tensor, axis=None, keepdims=False", "Sum.")
    >>> reduce_sum([[1, 2], [3, 4]], reduction_indices=1, name="total").tolist()
    [3, 7]
    """
    compute = _unnamed(function)
    perform = operation(compute, f"{parameters}, name=None" if parameters else "name=None", summary)
    given = inspect.signature(perform).parameters
    names = list(given)

    def converter(name: str) -> Callable[[Any], Any]:
        if name == "dtype":
            return as_dtype
        if name in SEVERAL:
            return as_operands
        if name in NUMBERS or given[name].default is not inspect.Parameter.empty:
            return _as_option
        return as_operand

    converters = {name: converter(name) for name in names}

    def call(*args: Any, **kwargs: Any) -> Any:
        renamed = {(name if name in converters else FORMER_ARGUMENTS.get(name, name)): v for name, v in kwargs.items()}
        operands = [converters[name](value) for name, value in zip(names, args)] + list(args[len(names) :])
        perform.__name__ = getattr(call, "__name__", "function")
        return perform(*operands, **{n: converters[n](v) if n in converters else v for n, v in renamed.items()})

    call.__signature__ = inspect.signature(perform)  # type: ignore[attr-defined]
    call.function = compute  # type: ignore[attr-defined]
    call.__doc__ = summary
    call.__module__ = _UNPUBLISHED
    return call


_UNPUBLISHED = "jkeras.compat.tf.rows.unpublished"


def _as_option(value: Any) -> Any:
    return value if has_symbolic(value) or hasattr(value, "shape") and getattr(value, "ndim", 0) else as_numbers(value)


def _unnamed(function: Callable[..., Any]) -> Callable[..., Any]:
    def unnamed(*operands: Any, name: Any = None, **options: Any) -> Any:
        return function(*operands, **options)

    unnamed.__name__ = getattr(function, "__name__", "function")
    return unnamed


def publish(namespace: dict[str, Any]) -> list[str]:
    """Name the functions of a module after their variables; return its public names, for `__all__`."""
    module, names = namespace["__name__"], []
    for name, value in namespace.items():
        home = getattr(value, "__module__", None)
        if name.startswith("_") or home not in (module, _UNPUBLISHED):
            continue
        if home == _UNPUBLISHED:
            value.__name__, value.__qualname__, value.__module__ = name, name, module
            if hasattr(value, "function"):
                value.function.__name__ = name  # what a layer made from a symbolic use is called
        names.append(name)
    return names
