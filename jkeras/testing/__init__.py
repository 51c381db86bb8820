"""For authors of layers: the contract of a layer as one check, and a count of what is compiled."""

from __future__ import annotations

from jkeras.testing.check import check_layer as check_layer
from jkeras.testing.compilations import assert_compiles as assert_compiles
from jkeras.testing.compilations import count_compilations as count_compilations
from jkeras.testing.contract import CONTRACT as CONTRACT

__all__ = ["CONTRACT", "assert_compiles", "check_layer", "count_compilations"]
