"""What a compiled training step costs, and what the device can do at best."""

from __future__ import annotations

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras.core.compiling import primitives
from jkeras.core.units import scaled
from jkeras.training.data import Batch
from jkeras.training.program import Fixed, Program, TrainState

_SIZE = {"cpu": 1024, "gpu": 8192, "tpu": 8192}  # of the square matrices whose product is timed
_SECONDS = 0.1


class Cost(NamedTuple):
    """The cost of one step.

    Attributes:
        flops: Floating-point operations.
        bytes_accessed: Bytes read and written by the operations of the compiled program.
        intensity: FLOPs a byte.
        loops: Whether the step contains loops, whose bodies are counted once.
        achieved: FLOP/s of the last `fit`, compilation and validation left out; None before it.
        peak: FLOP/s of a large matrix product, measured.
        utilisation: `achieved / peak`.

    >>> print(Cost(2e9, 1e8, 20.0, False))
    2 GFLOP and 100 MB a step: 20 FLOP a byte.
    """

    flops: float
    bytes_accessed: float
    intensity: float
    loops: bool
    achieved: float | None = None
    peak: float | None = None
    utilisation: float | None = None

    def __str__(self) -> str:
        text = f"{scaled(self.flops)}FLOP and {scaled(self.bytes_accessed)}B a step: {self.intensity:.3g} FLOP a byte."
        if self.loops:
            text += " The step contains loops; their bodies are counted once."
        if self.achieved is not None and self.peak is not None and self.utilisation is not None:
            text += (
                f" The last fit achieved {scaled(self.achieved)}FLOP/s: {100 * self.utilisation:.3g}% of the "
                f"{scaled(self.peak)}FLOP/s of a large matrix product."
            )
        return text


def of_step(program: Program, ts: TrainState, sample: Batch, fixed: Fixed) -> Cost:
    """Return the cost of one step of a program on a batch like `sample`."""
    traced = program.step.trace(ts, jax.eval_shape(program.objective.init), sample, fixed)
    analysis: Any = traced.lower().compile().cost_analysis()
    analysis = analysis[0] if isinstance(analysis, list) else analysis or {}
    flops, size = float(analysis.get("flops", 0.0)), float(analysis.get("bytes accessed", 0.0))
    return Cost(
        flops, size, flops / size if size else 0.0, bool({"scan", "while"} & set(primitives(traced.jaxpr.jaxpr)))
    )


@functools.cache
def peak_flops(dtype: str) -> float:
    """Return the FLOP/s of a product of two large square matrices on the default device, measured once.

    >>> peak_flops("float32") > 1e6
    True
    """
    size = _SIZE.get(jax.default_backend(), 1024)
    matrix = jnp.full((size, size), 1e-3, dtype)
    product = jax.jit(jnp.matmul)
    product(matrix, matrix).block_until_ready()
    best, until = float("inf"), time.perf_counter() + _SECONDS
    while time.perf_counter() < until or best == float("inf"):
        began = time.perf_counter()
        product(matrix, matrix).block_until_ready()
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best
