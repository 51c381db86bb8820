"""Switches of the whole process that `jkeras.config` sets and other parts read."""

from __future__ import annotations

import os
from dataclasses import dataclass

from jkeras.core import blame


def _from_environment(name: str) -> int | None:
    value = os.environ.get(name)
    return int(value) if value else None


@dataclass
class Settings:
    """What is set now.

    Attributes:
        interactive_logging: Whether progress and summaries go to standard output, or else to the log of `jkeras`.
        max_epochs: What `fit` stops at; None: no limit.
        max_steps_per_epoch: What an epoch of `fit`, `evaluate` and `predict` stops at; None: no limit.
        flash_attention: Whether attention may (True), must not (False) or need not (None) use a fused kernel.
        prefetch: How many batches a thread makes ahead; 0: none.
        theme: The name of the theme that progress is written in.
        log_interval: Seconds between two lines of a long epoch where no line can be rewritten; None: one an epoch.
    """

    interactive_logging: bool = True
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    flash_attention: bool | None = None
    prefetch: int = 2
    theme: str = "classic"
    log_interval: float | None = 30.0


settings = Settings(
    max_epochs=_from_environment("KERAS_MAX_EPOCHS"),
    max_steps_per_epoch=_from_environment("KERAS_MAX_STEPS_PER_EPOCH"),
    theme=os.environ.get("JKERAS_THEME") or "classic",
)


def limit_epochs(epochs: int) -> int:
    """Return `epochs`, or with a warning the limit that `config.set_max_epochs` set."""
    limit = settings.max_epochs
    if not limit or limit >= epochs:
        return epochs
    blame.warn(f"config.set_max_epochs limits fit to {limit} of {epochs} epochs.")
    return limit


def limit_steps(steps: int | None, available: int | None) -> int | None:
    """Return `steps`, or with a warning the limit that `config.set_max_steps_per_epoch` set.

    Args:
        steps: The steps asked for; None: as many as there are.
        available: The steps there are, if that is known.
    """
    limit = settings.max_steps_per_epoch
    wanted = steps or available
    if not limit or (wanted is not None and wanted <= limit):
        return steps
    blame.warn(f"config.set_max_steps_per_epoch limits an epoch to {limit} steps{f' of {wanted}' if wanted else ''}.")
    return limit
