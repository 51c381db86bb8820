"""One call that holds a layer to the whole contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jkeras.core.errors import nearest
from jkeras.core.layer import Layer
from jkeras.testing.case import Case
from jkeras.testing.contract import CONTRACT


def check_layer(
    layer: Layer | Callable[[], Layer],
    inputs: Any,
    *,
    mask: Any = None,
    flat: bool = False,
    lines: Iterable[str] | None = None,
    without: Iterable[str] = (),
) -> None:
    """Raise `AssertionError` where a layer breaks a line of the contract: which one, where, and what to do.

    Args:
        layer: A layer; or a function that makes one, for a class whose `from_config` is not to be relied on.
        inputs: What it is called on: an array, or a tree of arrays.
        mask: A mask of the first input, to check how masks are dealt with too.
        flat: Whether its outputs are constant but for jumps, so that its gradient is zero.
        lines: Names of the lines to check, of `jkeras.testing.CONTRACT`; all if left out.
        without: Names of lines to leave out.

    Raises:
        AssertionError: If the layer breaks a line.
        ValueError: If there is no line of a given name.

    >>> import numpy as np
    >>> from jkeras.layers import Dense
    >>> check_layer(Dense(3), np.ones((2, 4)), lines=["init", "apply"])
    """
    chosen, left_out = list(CONTRACT if lines is None else lines), set(without)
    for name in (*chosen, *left_out):
        if name not in CONTRACT:
            raise ValueError(f"The contract has no line {name!r}: {', '.join(CONTRACT)}.{nearest(name, CONTRACT)}")
    made = layer() if not isinstance(layer, Layer) else layer

    def make() -> Any:
        return type(made).from_config(made.get_config()) if isinstance(layer, Layer) else layer()

    case = Case(make, inputs, mask=mask, flat=flat)
    for name in chosen:
        if name in left_out:
            continue
        line = CONTRACT[name]
        try:
            line.check(case)
        except Exception as error:
            rule = " ".join((line.check.__doc__ or "").split())
            reason = str(error).strip()
            raise AssertionError(
                f"Layer {made.name!r} ({type(made).__name__}) breaks the contract, line {name!r}: {rule}\n"
                f"{type(error).__name__}: {reason}\nWhat to do: {line.remedy}"
            ) from error
