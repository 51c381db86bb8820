"""Compiling what runs seldom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

# On CPU, optimising a program can take far longer than ever running it: a random generator, for one, is compiled anew
# for each shape.
_UNOPTIMISED: dict[str, Any] = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def jit_once(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Return `jax.jit(function)` for a function that runs seldom or does little: compiled fast rather than well.

    >>> float(jit_once(lambda x: x + 1)(1.0))
    2.0
    """
    if jax.default_backend() == "cpu":
        options["compiler_options"] = _UNOPTIMISED
    return jax.jit(function, **options)
