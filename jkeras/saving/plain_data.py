"""Nested Python data as JSON, with the arrays in it set apart. Nothing that is read back can be more than data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

DEEPEST = 64  # levels of nesting: more is no state of a callback


def encode(value: Any, arrays: dict[str, np.ndarray], where: str, depth: int = 0) -> Any:
    """Return `value` as what strict JSON can hold; the arrays in it are added to `arrays`, by number.

    Args:
        value: None, booleans, numbers, strings, and lists, tuples and dicts of them and of arrays.
        arrays: Takes the arrays.
        where: What it is, for messages.
        depth: How deep in the data this value is.

    Raises:
        TypeError: If something is no data.

    >>> arrays = {}
    >>> encode({"best": float("inf"), "weights": [np.zeros(2)]}, arrays, "a state")
    {'dict': {'best': {'float': 'inf'}, 'weights': [{'array': '0'}]}}
    >>> decode({"dict": {"best": {"float": "inf"}}}, arrays)
    {'best': inf}
    """
    if depth > DEEPEST:
        raise TypeError(f"{where} is nested deeper than {DEEPEST} levels.")
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, (list, tuple)):
        items = [encode(item, arrays, where, depth + 1) for item in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, dict):
        wrong = next((key for key in value if not isinstance(key, str)), None)
        if wrong is not None:
            raise TypeError(f"{where} has the key {wrong!r}; keys must be strings to be written to a file.")
        return {"dict": {key: encode(item, arrays, where, depth + 1) for key, item in value.items()}}
    if hasattr(value, "__array__"):
        array = np.array(value)
        if array.dtype.kind in "fiub" or array.dtype.name == "bfloat16":
            name = str(len(arrays))
            arrays[name] = array
            return {"array": name}
    raise TypeError(
        f"{where} holds a {type(value).__name__}, which cannot be written to a file. It may hold None, booleans, "
        "numbers, strings, arrays, and lists, tuples and dicts of them."
    )


def decode(value: Any, arrays: dict[str, np.ndarray], depth: int = 0) -> Any:
    """Return what `encode` was given.

    Raises:
        ValueError: If `value` is nothing that `encode` returns.
    """
    if depth > 2 * DEEPEST:
        raise ValueError(f"data nested deeper than {DEEPEST} levels")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [decode(item, arrays, depth + 1) for item in value]
    if isinstance(value, dict) and len(value) == 1:
        (kind, content), *_ = value.items()
        if kind == "float" and content in ("nan", "inf", "-inf"):
            return float(content)
        if kind == "tuple" and isinstance(content, list):
            return tuple(decode(item, arrays, depth + 1) for item in content)
        if kind == "dict" and isinstance(content, dict):
            return {key: decode(item, arrays, depth + 1) for key, item in content.items()}
        if kind == "array" and isinstance(content, str) and content in arrays:
            return arrays[content]
    raise ValueError(f"found {str(value)[:80]!r} where plain data was expected")
