"""One row for each layer in the file of its family: how it is made, what it is called on, what is special.

`CONTRACT` rows buy the contract tests, `ORACLE` rows comparisons with Keras. A new file here is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil

_FAMILIES = [
    importlib.import_module(f"rows.{module.name}")
    for module in pkgutil.iter_modules(__path__)
    if module.name != "kinds"
]

CONTRACT = [row for family in _FAMILIES for row in family.CONTRACT]
ORACLE = [row for family in _FAMILIES for row in family.ORACLE]
