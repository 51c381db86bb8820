"""Populations: many models of one architecture trained as one compiled program, and searches made of them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from jkeras.population.hyperparameters import grid as grid
from jkeras.population.hyperparameters import numbers_of as numbers_of
from jkeras.population.population import Population as Population

if TYPE_CHECKING:
    from jkeras.population.search import PopulationSearchCV as PopulationSearchCV

__all__ = ["Population", "PopulationSearchCV", "grid", "numbers_of"]


def __getattr__(name: str) -> Any:
    if name != "PopulationSearchCV":  # which needs scikit-learn
        from jkeras.core.errors import missing_name

        raise missing_name("jkeras.population", name, __all__)
    value = globals()[name] = importlib.import_module("jkeras.population.search").PopulationSearchCV
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
