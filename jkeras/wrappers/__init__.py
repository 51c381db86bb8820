"""Models as estimators of scikit-learn, which is imported when one of these names is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jkeras.wrappers import scikit_learn as scikit_learn
    from jkeras.wrappers.estimators import SKLearnClassifier as SKLearnClassifier
    from jkeras.wrappers.estimators import SKLearnRegressor as SKLearnRegressor
    from jkeras.wrappers.estimators import SKLearnTransformer as SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer", "scikit_learn"]  # pyright: ignore


def __getattr__(name: str) -> Any:
    if name == "scikit_learn":
        return importlib.import_module("jkeras.wrappers.scikit_learn")
    if name not in __all__:
        from jkeras.core.errors import missing_name

        raise missing_name("jkeras.wrappers", name, __all__)
    value = globals()[name] = getattr(importlib.import_module("jkeras.wrappers.estimators"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
