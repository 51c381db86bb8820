"""`tf.debugging`: checks of values that are known, outside of compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jax.core import Tracer

from jkeras.core.weight import plain


def _check(name: str, relation: Callable[[Any, Any], Any], word: str) -> Callable[..., None]:
    def check(x: Any, y: Any, message: str | None = None, summarize: Any = None, name: str | None = None) -> None:
        x, y = plain(x), plain(y)
        if isinstance(x, Tracer) or isinstance(y, Tracer):
            return  # as in TensorFlow's graphs, where an assertion that nothing depends on is not run
        if not np.all(relation(np.asarray(x), np.asarray(y))):
            raise ValueError(f"{message or f'tf.debugging.{check.__name__}'}: {x} is not {word} {y}.")

    check.__name__ = name
    check.__doc__ = f"Raise `ValueError` unless all of `x` are {word} `y`; values of compiled code are not checked."
    return check


assert_equal = _check("assert_equal", np.equal, "equal to")
assert_none_equal = _check("assert_none_equal", np.not_equal, "different from")
assert_near = _check("assert_near", lambda x, y: np.isclose(x, y, rtol=1e-5, atol=1e-6), "near")
assert_less = _check("assert_less", np.less, "less than")
assert_less_equal = _check("assert_less_equal", np.less_equal, "at most")
assert_greater = _check("assert_greater", np.greater, "greater than")
assert_greater_equal = _check("assert_greater_equal", np.greater_equal, "at least")


def check_numerics(tensor: Any, message: str, name: str | None = None) -> Any:
    """Return a tensor; raise `ValueError` if it is known and not finite."""
    value = plain(tensor)
    if not isinstance(value, Tracer) and not np.isfinite(np.asarray(value)).all():
        raise ValueError(f"{message}: there are infinities or NaN.")
    return tensor
