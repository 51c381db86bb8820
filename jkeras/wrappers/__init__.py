"""Models as estimators of scikit-learn, which is imported when one of these names is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.core.lazy import lazy

if TYPE_CHECKING:
    from jkeras.wrappers import scikit_learn as scikit_learn
    from jkeras.wrappers.estimators import SKLearnClassifier as SKLearnClassifier
    from jkeras.wrappers.estimators import SKLearnRegressor as SKLearnRegressor
    from jkeras.wrappers.estimators import SKLearnTransformer as SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer", "scikit_learn"]

_ESTIMATORS = dict.fromkeys(
    ("SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"), "jkeras.wrappers.estimators"
)

__getattr__, __dir__ = lazy(__name__, {**_ESTIMATORS, "scikit_learn": "jkeras.wrappers.scikit_learn"})
