"""Data sets, each with a `load_data()`. `digits` is in the package; the others are downloaded once and kept."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jkeras.datasets import boston_housing as boston_housing
    from jkeras.datasets import california_housing as california_housing
    from jkeras.datasets import cifar10 as cifar10
    from jkeras.datasets import cifar100 as cifar100
    from jkeras.datasets import digits as digits
    from jkeras.datasets import fashion_mnist as fashion_mnist
    from jkeras.datasets import imdb as imdb
    from jkeras.datasets import mnist as mnist
    from jkeras.datasets import reuters as reuters

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
