"""Values of logs as plain data that strict JSON can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Return `value` as Python's own data: numbers of any library as numbers, arrays as lists, the rest as text.

    >>> plain({"loss": np.float32(0.5), "counts": np.arange(2)})
    {'loss': 0.5, 'counts': [0, 1]}
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        if array.dtype.kind in "biufUV":  # V: the small floats of JAX
            return (array.astype(np.float32) if array.dtype.kind == "V" else array).tolist()
    return str(value)


def strict(value: Any) -> Any:
    """Return plain data with "NaN", "Infinity" and "-Infinity" for the numbers that JSON does not have.

    `float` of Python and `Number` of JavaScript read these strings.

    >>> strict([1.5, float("nan"), -float("inf")])
    [1.5, 'NaN', '-Infinity']
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: strict(entry) for name, entry in value.items()}
    return [strict(entry) for entry in value] if isinstance(value, list) else value


def unstrict(number: float | str | None) -> float | None:
    """Return the number that `strict` was given.

    >>> unstrict(strict(float("inf")))
    inf
    """
    return None if number is None else float(number)


def json_text(value: Any) -> str:
    """Return `value` as strict JSON in one line.

    >>> json_text({"epoch": 0, "loss": np.float32("nan")})
    '{"epoch": 0, "loss": "NaN"}'
    """
    return json.dumps(strict(plain(value)), allow_nan=False)


def is_json(line: str) -> bool:
    """Whether a line is JSON, or empty.

    >>> is_json('{"epoch": 0}'), is_json('{"epoch": '), is_json("")
    (True, False, True)
    """
    try:
        json.loads(line or "0")
    except ValueError:
        return False
    return True


def numbers(logs: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the logs that are single numbers, as floats.

    >>> numbers({"loss": np.float32(0.5), "by_class": [0.1, 0.2], "name": "x"})
    {'loss': 0.5}
    """
    values = {name: plain(value) for name, value in (logs or {}).items()}
    return {name: float(value) for name, value in values.items() if isinstance(value, (bool, int, float))}
