"""What has no effect on JAX says so, once."""

from __future__ import annotations

from jkeras.core import blame

_said: set[str] = set()


def say_once(name: str, message: str) -> None:
    """Warn that `name` has no effect, the first time that it is used."""
    if name not in _said:
        _said.add(name)
        blame.warn(f"{name}: {message}")
