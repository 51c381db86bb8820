"""Constructor arguments that older Keras had, in their modern form. The classes know the modern form only."""

from __future__ import annotations

from typing import Any

RENAMED = {"lr": "learning_rate"}

# Kept as attributes: `decay` divides the rate by `1 + decay * step` (Keras 1 and 2, every optimizer);
# `schedule_decay` is how fast the momentum of Nadam rises (Keras 1 and 2; Keras 3 has it fixed at 1);
# `adaptive_epsilon` makes Adam add epsilon to the corrected moment, as algorithm 1 of its paper (Keras 2).
ATTRIBUTES: dict[str, Any] = {"decay": 0.0, "schedule_decay": 1.0, "adaptive_epsilon": False}

NEEDLESS = {"jit_compile", "is_legacy_optimizer"}


def modernise(owner: str, kwargs: dict[str, Any], old_wins: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return modern keywords, and the values of legacy attributes.

    `epsilon=None` meant the default of the backend and `jit_compile=True` is what is done anyway: they are left out.
    With `old_wins` an old spelling replaces the modern one instead of raising: so it is where a subclass gives its own
    default and passes `**kwargs` on.

    Raises:
        TypeError: If an old and a new spelling come together.
        ValueError: If a value means nothing, or `jit_compile` is False.

    >>> modernise("Adam", {"lr": 0.1, "epsilon": None, "decay": 0.01})
    ({'learning_rate': 0.1}, {'decay': 0.01})
    """
    modern: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    if kwargs.get("jit_compile") is False:
        raise ValueError(
            f"{owner}(jit_compile=False) is not possible: updates are always compiled. To look into one with a "
            "debugger, run it under `with jax.disable_jit():`, or compile the model with run_eagerly=True."
        )
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
