"""Computing in 16 bits with weights in 32.

`set_global_policy("mixed_bfloat16")` needs nothing else. "mixed_float16" has a narrow range, so that small gradients
vanish unless the loss is scaled: `LossScaleOptimizer` does that.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from jkeras.core.dtypes import DTypePolicy as DTypePolicy
from jkeras.core.dtypes import dtype_policy as dtype_policy
from jkeras.core.dtypes import set_dtype_policy as set_dtype_policy

if TYPE_CHECKING:
    from jkeras.optimizers import LossScaleOptimizer as LossScaleOptimizer  # type: ignore[attr-defined]

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy


def __getattr__(name: str) -> Any:
    if name == "LossScaleOptimizer":
        from jkeras import optimizers

        return optimizers.LossScaleOptimizer  # pyright: ignore[reportAttributeAccessIssue]
    if name == "experimental":  # where TensorFlow 2.0 to 2.3 had these names
        return types.SimpleNamespace(
            Policy=Policy,
            global_policy=global_policy,
            set_policy=set_global_policy,
            LossScaleOptimizer=__getattr__("LossScaleOptimizer"),
        )
    raise AttributeError(f"module 'jkeras.mixed_precision' has no attribute {name!r}")
