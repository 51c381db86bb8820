"""Constructor arguments that older Keras had, in their modern form. The classes know the modern form only."""

from __future__ import annotations

from typing import Any

RENAMED = {"lr": "learning_rate"}

# Kept as attributes: `decay` divides the rate by `1 + decay * step` (Keras 1 and 2, every optimizer);
# `schedule_decay` is how fast the momentum of Nadam rises (Keras 1 and 2; Keras 3 has it fixed at 1).
ATTRIBUTES = {"decay": 0.0, "schedule_decay": 1.0}

# TensorFlow needed to be told to compile; here everything is compiled.
NEEDLESS = {"jit_compile", "is_legacy_optimizer"}


def modernise(owner: str, kwargs: dict[str, Any], old_wins: bool = False) -> tuple[dict[str, Any], dict[str, float]]:
    """Return modern keywords, and the values of legacy attributes.

    `epsilon=None` meant the default of the backend, so it is left out. With `old_wins` an old spelling replaces the
    modern one instead of raising: so it is where a subclass gives its own default and passes `**kwargs` on.

    >>> modernise("Adam", {"lr": 0.1, "epsilon": None, "decay": 0.01})
    ({'learning_rate': 0.1}, {'decay': 0.01})
    """
    modern: dict[str, Any] = {}
    attributes: dict[str, float] = {}
    for old, value in kwargs.items():
        name = RENAMED.get(old, old)
        if name != old and name in kwargs and not old_wins:
            raise TypeError(f"{owner} got {name!r} and its old spelling {old!r}. Keep {name!r}.")
        if name in ATTRIBUTES:
            if value is None or value < 0:
                raise ValueError(f"{owner} expected {name} to be a number >= 0; got {value!r}.")
            attributes[name] = value
        elif name not in NEEDLESS and not (name == "epsilon" and value is None):
            if name != old or name not in modern:
                modern[name] = value
    return modern, attributes
