"""Traces of certain batches, for TensorBoard's profiler."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.callbacks.batch_counter import run_of
from jkeras.training.profile import StepTrace


def batch_range(profile_batch: Any) -> tuple[int, int]:
    """Return the first and the last batch to trace, which count from 1; zeros for none.

    Args:
        profile_batch: A batch, or `(first, last)`, also written "first,last" as in Keras 2.

    Raises:
        ValueError: If it is neither.

    >>> batch_range(5), batch_range((10, 20)), batch_range("10,20"), batch_range(0)
    ((5, 5), (10, 20), (10, 20), (0, 0))
    """
    given = profile_batch.split(",") if isinstance(profile_batch, str) else np.ravel(profile_batch)
    try:
        first, last = int(given[0]), int(given[-1])
        if len(given) > 2 or not (1 <= first <= last or first == last == 0):
            raise ValueError
    except (ValueError, TypeError, IndexError):
        raise ValueError(
            "TensorBoard: profile_batch must be a batch counted from 1, a range (first, last), or 0 for none; "
            f"got {profile_batch!r}."
        ) from None
    return first, last


def trace_batches(model: Any, folder: Any, first: int, last: int) -> None:
    """Let the `fit` that runs trace those of the batches that are still to come.

    It is the loop that begins and ends the trace, so no callback has to be told of batches.

    Raises:
        ValueError: If `fit(profile=...)` traces the run already.
    """
    run = run_of(model)
    if run is None or not last or last <= run.steps:
        return
    if run.trace is None:
        first = max(first, run.steps + 1)
        run.trace = StepTrace(folder, steps=last - first + 1, first=first - 1 - run.steps)
    elif run.trace.folder != StepTrace(folder).folder:
        raise ValueError("fit(profile=...) and TensorBoard(profile_batch=...) cannot trace the same run: take one.")
