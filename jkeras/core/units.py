"""Numbers with the prefixes of their units, as reports show them."""

from __future__ import annotations


def scaled(value: float) -> str:
    """Return a number with three digits and the prefix of its unit, in powers of 1000; the unit is to follow.

    >>> f"{scaled(1234567)}FLOP", f"{scaled(80)}B"
    ('1.23 MFLOP', '80 B')
    """
    for factor, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}"
    return f"{value:.3g} "


def format_bytes(count: float) -> str:
    """Return a number of bytes as the summaries of Keras show it: in powers of 1024.

    >>> format_bytes(84), format_bytes(2403240)
    ('84.00 B', '2.29 MB')
    """
    units = iter(("B", "KB", "MB", "GB", "TB"))
    unit = next(units)
    while count >= 1024 and unit != "TB":
        count, unit = count / 1024, next(units)
    return f"{count:.2f} {unit}"
