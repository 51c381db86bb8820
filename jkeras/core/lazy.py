"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from jkeras.core.errors import missing_name


def lazy(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a package.

    Args:
        package: Its `__name__`.
        homes: For each name the module that it is imported from. A name that is a module itself stands with its own
            full name.

    >>> find, listing = lazy("jkeras.core", {"nearest": "jkeras.core.errors", "seeds": "jkeras.core.seeds"})
    >>> find("nearest").__name__, find("seeds").__name__
    ('nearest', 'jkeras.core.seeds')
    >>> find("neerest")
    Traceback (most recent call last):
    AttributeError: module 'jkeras.core' has no attribute 'neerest'. Did you mean 'nearest'?
    """
    own = vars(sys.modules[package])

    def find(name: str) -> Any:
        if name not in homes:
            raise missing_name(package, name, [known for known in listing() if not known.startswith("_")])
        module = importlib.import_module(homes[name])
        value = own[name] = module if homes[name] == f"{package}.{name}" else getattr(module, name)
        return value

    def listing() -> list[str]:
        return sorted({*own, *homes})

    return find, listing
