"""The numerics as pure functions of arrays, a module for each family. Imports jax and numpy only."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jkeras.functional import attention as attention
    from jkeras.functional import cells as cells
    from jkeras.functional import conv as conv
    from jkeras.functional import conv_lstm as conv_lstm
    from jkeras.functional import conv_max as conv_max
    from jkeras.functional import crossentropy as crossentropy
    from jkeras.functional import ctc as ctc
    from jkeras.functional import cudnn_lstm as cudnn_lstm
    from jkeras.functional import dropout as dropout
    from jkeras.functional import encoding as encoding
    from jkeras.functional import folding as folding
    from jkeras.functional import fuzz as fuzz
    from jkeras.functional import gated_cells as gated_cells
    from jkeras.functional import hashing as hashing
    from jkeras.functional import image as image
    from jkeras.functional import losses as losses
    from jkeras.functional import multi_head as multi_head
    from jkeras.functional import norm as norm
    from jkeras.functional import pool as pool
    from jkeras.functional import rearrange as rearrange
    from jkeras.functional import recurrence as recurrence
    from jkeras.functional import resize as resize
    from jkeras.functional import rnn as rnn
    from jkeras.functional import shifts as shifts
    from jkeras.functional import signal as signal
    from jkeras.functional import spectral_norm as spectral_norm
    from jkeras.functional import transforms as transforms
    from jkeras.functional import words as words

_MODULES = frozenset(
    {
        "attention", "cells", "conv", "conv_lstm", "conv_max", "crossentropy", "ctc", "cudnn_lstm", "dropout",
        "encoding", "folding", "fuzz", "gated_cells", "hashing", "image", "losses", "multi_head", "norm",
        "pool", "rearrange", "recurrence", "resize", "rnn", "shifts", "signal", "spectral_norm", "transforms",
        "words",
    }
)  # fmt: skip

if not TYPE_CHECKING:

    def __getattr__(name: str) -> ModuleType:
        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
