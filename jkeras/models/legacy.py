"""Old spellings of the arguments of `fit`, `evaluate` and `predict`, in one place."""

from __future__ import annotations

import math
from typing import Any

from jkeras.core.errors import unexpected_argument

RENAMED = {"nb_epoch": "epochs"}
# Workers and queues of Keras 1 and 2: batches are prepared while the device works, whatever these say.
OBSOLETE = {"workers", "max_queue_size", "use_multiprocessing", "pickle_safe", "nb_worker", "max_q_size"}


def modernise(method: str, accepted: tuple[str, ...], given: dict[str, Any], batch_size: int = 32) -> dict[str, Any]:
    """Return the arguments that an old script gave by keyword, in their modern spelling.

    Raises:
        TypeError: If a keyword is neither an old nor a modern one.

    >>> modernise("fit", ("epochs",), {"nb_epoch": 3, "max_q_size": 10})
    {'epochs': 3}
    """
    modern: dict[str, Any] = {}
    for name, value in given.items():
        if name in OBSOLETE:
            continue
        if name == "samples_per_epoch":
            modern["steps_per_epoch"] = math.ceil(value / batch_size)
        elif name in ("nb_val_samples", "val_samples"):
            modern["steps" if method == "evaluate" else "validation_steps"] = math.ceil(value / batch_size)
        elif name in RENAMED:
            modern[RENAMED[name]] = value
        else:
            raise unexpected_argument(method, name, accepted)
    return modern
