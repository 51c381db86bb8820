"""Populations: many models of one architecture trained as one compiled program, and searches made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.core.lazy import lazy
from jkeras.population.hyperparameters import grid as grid
from jkeras.population.hyperparameters import numbers_of as numbers_of
from jkeras.population.population import Population as Population

if TYPE_CHECKING:
    from jkeras.population.search import PopulationSearchCV as PopulationSearchCV

__all__ = ["Population", "PopulationSearchCV", "grid", "numbers_of"]

__getattr__, __dir__ = lazy(__name__, {"PopulationSearchCV": "jkeras.population.search"})  # which needs scikit-learn
