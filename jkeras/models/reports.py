"""What a model says about its training: how `fit` ran, and what a step costs."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from jkeras.models.compiled import Arrays
from jkeras.training.arrays import as_arrays, canonical_dtype
from jkeras.training.cost import Cost, of_step, peak_flops
from jkeras.training.data import Batch


def explain_fit(self: Any) -> str:
    """Return a paragraph on how the last call of `fit` ran.

    How steps were sent to the device and why, where the data lived, how many steps went at once, which callbacks had to
    be told of every batch, what was compiled, and how fast it was: facts that the run kept.

    Raises:
        RuntimeError: If the model was never fitted since `compile`.
    """
    record = self._compiled.record if self._compiled is not None else None
    if record is None:
        raise RuntimeError(f"Model {self.name!r} was not fitted since compile: call fit first, then explain_fit().")
    return record.paragraph()


def cost_analysis(
    self: Any, x: Any = None, y: Any = None, sample_weight: Any = None, batch_size: int | None = None
) -> Cost:
    """Return what one training step costs, as the compiler counts it.

    Args:
        x, y, sample_weight: Arrays as `fit` takes them, for their shapes; those of the last `fit` if left out.
        batch_size: Samples in the step; as many as in `fit`, or as given.

    Returns:
        A `Cost`: `flops` and `bytes_accessed` of a step, their quotient `intensity`, and, after a `fit`, `achieved`
        FLOP/s and `utilisation`, the share of the `peak` that a large matrix product reaches here.

    The compiler counts what it sees: the body of a loop once, however often it runs (a recurrent layer is such a loop,
    and `loops` says whether there is one), nothing inside of calls to libraries such as cuDNN's, and bytes as if no
    cache held any. It compiles the step anew for this.

    Raises:
        RuntimeError: If the model is not compiled, or no shapes are known.
    """
    compiled = self._require_compiled("cost_analysis")
    if compiled.eager:
        raise RuntimeError("cost_analysis asks the compiler, and this model runs eagerly: compile without run_eagerly.")
    record = compiled.record
    if x is not None:
        given = Batch(as_arrays(self.host_inputs(x), "x"), as_arrays(y, "y"), as_arrays(sample_weight, "sample_weight"))
        sample = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, canonical_dtype(a)), given)
    elif record is not None:
        sample = record.sample
    else:
        raise RuntimeError("cost_analysis needs shapes: call fit first, or give arrays, cost_analysis(x, y).")
    if batch_size is not None:
        sample = jax.tree.map(lambda a: jax.ShapeDtypeStruct((batch_size, *a.shape[1:]), a.dtype), sample)
    program = compiled.program(self, sample)
    ts, fixed = Arrays(self, compiled).begin(0)
    cost = of_step(program, ts, sample, fixed)
    rows = jax.tree.leaves(sample.x)[0].shape[0]
    if record is None or not record.seconds:
        return cost
    achieved = cost.flops / rows * record.samples / record.seconds
    dtype = np.dtype(self.dtype_policy.compute_dtype).name if self.dtype_policy.compute_dtype else "float32"
    peak = peak_flops(dtype)
    return cost._replace(achieved=achieved, peak=peak, utilisation=achieved / peak)
