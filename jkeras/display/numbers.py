"""How numbers are shown to a person."""

from __future__ import annotations

import math
from collections.abc import Callable
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


def format_metric(value: Any, number: Callable[[Any], str] = format_number) -> str:
    """Return what is shown of a metric's value: of an array its mean, of what is no number its text.

    >>> format_metric([0.1, 0.2]), format_metric("x"), format_metric([])
    ('0.1500', 'x', '-')
    """
    if isinstance(value, float):
        return number(value)
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return str(value)
    return number(array.mean()) if array.size else "-"


def classic_number(value: Any) -> str:
    """Return `value` as Keras writes it: 4 digits after the point, with an exponent from 1e-3 down.

    >>> [classic_number(x) for x in (0.47251, 123.456, -0.5, 0.0005, 0)]
    ['0.4725', '123.4560', '-0.5000', '5.0000e-04', '0.0000e+00']
    """
    number = float(value)
    return f"{number:.4f}" if not abs(number) <= 1e-3 else f"{number:.4e}"


def classic_seconds(seconds: float) -> str:
    """Return a duration as Keras writes the time an epoch took: whole seconds.

    >>> classic_seconds(54.7), classic_seconds(0.2)
    ('55s', '0s')
    """
    return f"{max(seconds, 0.0):.0f}s"


def classic_left(seconds: float) -> str:
    """Return the time left as Keras writes it.

    >>> classic_left(55.2), classic_left(75), classic_left(3700)
    ('55s', '1:15', '1:01:40')
    """
    return format_seconds(round(seconds)) if round(seconds) > 60 else f"{max(seconds, 0.0):.0f}s"


def classic_each(seconds: float) -> str:
    """Return the time of a step as Keras writes it.

    >>> classic_each(2.1), classic_each(0.0293), classic_each(12.3e-6)
    ('2s', '29ms', '12us')
    """
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.0f}{unit}"
    return f"{seconds * 1e6:.0f}us"


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
