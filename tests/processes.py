"""How tests start a Python of their own: warnings are errors there too."""

from __future__ import annotations

import sys

# Processes share a compilation cache, whose files JAX does not write atomically: one that is read too early is
# reported, and compiled again.
CACHE_RACE = "Error reading persistent compilation cache entry"
PYTHON = (sys.executable, "-W", "error", "-W", f"ignore:{CACHE_RACE}")
