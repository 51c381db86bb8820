"""Data sets, each with a `load_data()`. `digits` is in the package; the others are downloaded once and kept."""

from __future__ import annotations

import importlib
from types import ModuleType

_NAMES = (
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "digits",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
)


def __getattr__(name: str) -> ModuleType:
    if name in _NAMES:
        return importlib.import_module(f"jkeras.datasets.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
