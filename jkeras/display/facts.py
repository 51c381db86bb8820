"""What is known about an epoch (an evaluation, a prediction) at one moment; themes say how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Facts(NamedTuple):
    """What a progress line can tell.

    Attributes:
        mode: "fit", "evaluate", "predict" or "steps" (a loop written by hand).
        epoch: Which epoch, from 0.
        epochs: How many there will be.
        done: Steps (or samples) done.
        total: Steps (or samples) in all; None if that is unknown.
        unit: What is counted.
        seconds: What the epoch has taken, all included.
        running: What the steps have taken: without compilation, without validation.
        counted: Units that `running` was measured over.
        compiled: Seconds of compilation.
        samples: Samples that `running` was measured over, if known.
        logs: The metrics.
        best: The names of those that are the best so far.
        is_finished: Whether this is the end.

    >>> facts = Facts("fit", done=20, total=100, running=2.0, counted=20, logs={"loss": 0.5})
    >>> facts.each, facts.left
    (0.1, 8.0)
    """

    mode: str
    epoch: int = 0
    epochs: int = 1
    done: int = 0
    total: int | None = None
    unit: str = "step"
    seconds: float = 0.0
    running: float = 0.0
    counted: int = 0
    compiled: float = 0.0
    samples: int | None = None
    logs: Mapping[str, Any] = {}
    best: frozenset[str] = frozenset()
    is_finished: bool = False

    @property
    def each(self) -> float | None:
        """Seconds a step (or sample) takes; None while that is unknown."""
        return self.running / self.counted if self.counted > 0 and self.running > 0 else None

    @property
    def left(self) -> float | None:
        """Seconds until the end, if that is known and ahead."""
        each = self.each
        if self.is_finished or self.total is None or each is None:
            return None
        return each * max(self.total - self.done, 0)
