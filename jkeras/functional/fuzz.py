"""The small number that keeps divisions and logarithms finite."""

from __future__ import annotations


class _Current:
    value = 1e-7


def epsilon() -> float:
    """Return the number that losses, constraints and masked means add or clip at, 1e-7 unless set otherwise.

    Returns:
        A float.

    >>> epsilon()
    1e-07
    """
    return _Current.value


def set_epsilon(value: float) -> None:
    """Set what `epsilon` returns; what was compiled before keeps the number it was compiled with.

    Args:
        value: A small positive number.
    """
    _Current.value = float(value)
