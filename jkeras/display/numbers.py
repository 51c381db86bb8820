"""How numbers are shown to a person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def format_number(value: Any) -> str:
    """Return `value` with 4 significant digits; with an exponent only below 1e-3 in magnitude.

    >>> [format_number(x) for x in (0.98, 1.0, 123.456, 98765.4, -0.5, 0, 0.00001234, -0.0005)]
    ['0.9800', '1.000', '123.5', '98765', '-0.5000', '0.000', '1.234e-05', '-5.000e-04']
    """
    number = float(value)
    if not math.isfinite(number):
        return str(number)
    if number == 0:
        return "0.000"
    if abs(number) < 1e-3:
        return f"{number:.3e}"
    digits = 3 - math.floor(math.log10(abs(number)))
    # 0.99996 has four digits after the point, but rounds to 1.
    if float(f"{abs(number):.{max(digits, 0)}f}") >= 10.0 ** (4 - digits):
        digits -= 1
    return f"{number:.{max(digits, 0)}f}"


def format_logs(logs: Mapping[str, Any]) -> str:
    """Return ` - name: value` for every metric; those of arrays show their mean.

    >>> format_logs({"loss": 0.12345, "note": "x"})
    ' - loss: 0.1235 - note: x'
    """
    return "".join(f" - {name}: {_shown(value)}" for name, value in logs.items())


def _shown(value: Any) -> str:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return str(value)
    return format_number(array.mean()) if array.size else "-"


def format_seconds(seconds: float) -> str:
    """Return a duration in the unit that suits it.

    >>> [format_seconds(s) for s in (0.000012, 0.0031, 0.25, 2.34, 59.96, 75, 3700)]
    ['12us', '3.1ms', '250ms', '2.3s', '1:00', '1:15', '1:01:40']
    """
    seconds = max(seconds, 0.0)
    if seconds >= 59.95:
        whole = round(seconds)
        hours, minutes = whole // 3600, whole // 60 % 60
        return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        scaled = seconds * factor
        if scaled >= 0.9995 or unit == "us":
            return f"{scaled:.1f}{unit}" if unit == "s" or scaled < 9.95 else f"{scaled:.0f}{unit}"
    raise AssertionError("unreachable")


def format_count(count: float) -> str:
    """Return a count with 3 significant digits.

    >>> [format_count(n) for n in (7, 999, 1234, 41300, 2500000)]
    ['7', '999', '1.23k', '41.3k', '2.5M']
    """
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * limit:
            return f"{float(f'{count / limit:.3g}'):g}{unit}"
    return f"{count:.3g}"
