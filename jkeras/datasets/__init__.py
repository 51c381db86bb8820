"""Data sets, each with a `load_data()`. `digits` is in the package; the others are downloaded once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.core.lazy import lazy as _lazy

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
    "boston_housing", "california_housing", "cifar10", "cifar100", "digits", "fashion_mnist", "imdb", "mnist",
    "reuters",
)  # fmt: skip

__getattr__, __dir__ = _lazy(__name__, {name: f"{__name__}.{name}" for name in _NAMES})
