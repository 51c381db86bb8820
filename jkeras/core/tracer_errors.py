"""What JAX's errors about traced values mean for code in a layer, a loss or a step, and what to write instead."""

from __future__ import annotations

import re
from typing import NamedTuple

import jax

_WHY = "This code is run once, to record what it computes; the array has a shape and a dtype there, but no value yet. "
_LOOK = "To see values while it runs: jax.debug.print('{}', x)."


class Row(NamedTuple):
    """One kind of error: its class, a pattern that is found in its text, and what to tell."""

    kind: type[BaseException]
    said: str
    advice: str


# The first row that fits is taken: subclasses and special cases come first.
ROWS = (
    Row(
        jax.errors.TracerBoolConversionError, "",
        f"{_WHY}So it cannot decide an `if`, `while`, `assert`, `and`, `or` or `not`. Write jnp.where(condition, a, b) "
        "(also ops.where) for `if`, jax.lax.cond(condition, f, g, x) to run one branch only, jax.lax.while_loop for "
        f"`while`, & | ~ for `and or not`. {_LOOK}",
    ),
    Row(
        jax.errors.TracerIntegerConversionError, "",
        f"{_WHY}So it cannot be an index of a list, a length, or the argument of range(). Make the list an array and "
        "index that: jnp.asarray(items)[i], or jnp.take; loop with jax.lax.fori_loop; take lengths from x.shape, whose "
        "numbers are known.",
    ),
    Row(
        jax.errors.TracerArrayConversionError, "",
        f"{_WHY}So numpy cannot compute with it. Call the function of the same name in jax.numpy (or jkeras.ops): "
        "jnp.sin(x) instead of np.sin(x). What exists in numpy only runs by jax.pure_callback.",
    ),
    Row(
        jax.errors.NonConcreteBooleanIndexError, "",
        f"{_WHY}So x[mask] has no known shape. Keep the shape: jnp.where(mask, x, 0), or jnp.sum(x, where=mask); to "
        "gather what is chosen, say how much at most: jnp.nonzero(mask, size=n, fill_value=0).",
    ),
    Row(
        jax.errors.UnexpectedTracerError, "",
        "A value of one run was kept in a list, a global or an attribute and used in another, where it means nothing. "
        "Return it, or keep it as state: in `build` self.x = self.add_weight(name='x', shape=..., trainable=False), "
        "and in `call` self.x.assign(value).",
    ),
    Row(
        jax.errors.ConcretizationTypeError, r"`(float|int|complex)`|(item|tolist)\(\)",
        f"{_WHY}So float(x), int(x), x.item() and x.tolist() have nothing to return. Leave it an array, "
        f"x.astype('float32') or x.astype('int32'), and compute on with jax.numpy or jkeras.ops. {_LOOK}",
    ),
    Row(
        jax.errors.ConcretizationTypeError, "",
        f"{_WHY}Here a shape, a size or another choice would depend on it. Shapes must follow from shapes: use "
        "x.shape, give size= where the function takes it (jnp.nonzero, jnp.unique), or make a mask with jnp.where.",
    ),
    Row(
        TypeError, r"JAX arrays are immutable|'(ArrayImpl|SymbolicTensor)' object does not support item assignment",
        "Arrays of JAX do not change. Instead of x[i] = y write x = x.at[i].set(y); instead of x[i] += y, "
        "x = x.at[i].add(y).",
    ),
    Row(
        TypeError, "'StateReference' object does not support item assignment",
        "State is assigned as a whole: self.x = self.x.value.at[i].set(y).",
    ),
    Row(
        TypeError, "Shapes must be 1D sequences of concrete values",
        f"{_WHY}Here it would decide a shape. Take sizes from x.shape, or from numbers that the constructor was given.",
    ),
    Row(
        TypeError, r"Tracer\.__format__",
        f"{_WHY}So it cannot be formatted as a number. {_LOOK}",
    ),
    Row(
        TypeError, r"unhashable type: '\w*Tracer'",
        f"{_WHY}So it cannot be a key of a dict or an element of a set. Index an array with it instead.",
    ),
    Row(
        AttributeError, r"Tracer'? (object )?has no attribute '?numpy",
        f"{_WHY}So there is no x.numpy(). Compute with jax.numpy or jkeras.ops on x itself. {_LOOK}",
    ),
    Row(
        AttributeError, r"Tracer'? (object )?has no attribute '?assign",
        "Only state can be assigned in `call`: declare it by self.add_weight(..., trainable=False) in `build`. For an "
        "array write x = new_value.",
    ),
)  # fmt: skip


def advice_on(error: BaseException) -> str | None:
    """Return what to write instead of what raised `error`, if that was the use of a value that does not exist yet.

    >>> def positive(x):
    ...     return x if x > 0 else -x
    >>> try:
    ...     _ = jax.eval_shape(positive, 1.0)
    ... except Exception as error:
    ...     "jnp.where" in advice_on(error)
    True

    Reference: https://docs.jax.dev/en/latest/errors.html
    """
    for row in ROWS:
        if isinstance(error, row.kind) and re.search(row.said, str(error)):
            return row.advice
    return None
