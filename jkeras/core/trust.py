"""Whether what is being made comes from data, such as a file, rather than from the code of the user.

A file must not lead to other files. A path that a user writes is opened; the same path in a configuration is not.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_from_data: ContextVar[bool] = ContextVar("jkeras_from_data", default=False)


@contextmanager
def reading_data() -> Generator[None]:
    """Context in which objects are made from data.

    >>> with reading_data():
    ...     is_reading_data()
    True
    """
    token = _from_data.set(True)
    try:
        yield
    finally:
        _from_data.reset(token)


def is_reading_data() -> bool:
    """Whether an object is being made from data."""
    return _from_data.get()
