"""`K`'s settings and names: default dtype, epsilon, image format, unique numbers."""

from __future__ import annotations

import gc
from collections import defaultdict
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.compiling import forget_programs
from jkeras.core.data_format import image_data_format, set_image_data_format
from jkeras.core.dtypes import floatx, set_floatx
from jkeras.core.graph import SymbolicTensor
from jkeras.functional import fuzz
from jkeras.functional.fuzz import epsilon
from jkeras.ops.core import dtype

__all__ = [
    "backend", "clear_session", "dtype", "epsilon", "floatx", "get_uid", "image_data_format", "image_dim_ordering",
    "is_float_dtype", "is_int_dtype", "is_keras_tensor", "manual_variable_initialization", "name_scope", "reset_uids",
    "result_type", "set_epsilon", "set_floatx", "set_image_data_format", "set_image_dim_ordering", "standardize_dtype",
]  # fmt: skip


def set_epsilon(value: float) -> None:
    """Set what `epsilon` returns; what was compiled before keeps the number it was compiled with.

    Args:
        value: A small number above 0.

    >>> set_epsilon(1e-5)
    >>> epsilon()
    1e-05
    >>> set_epsilon(1e-7)
    """
    fuzz.set_epsilon(value)
    forget_programs()  # so that no model made from now on shares it


_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}
_counts: defaultdict[str, int] = defaultdict(int)


def backend() -> str:
    """Return the name of the backend.

    Returns:
        "jax": there is no other.

    >>> backend()
    'jax'
    """
    return "jax"


def image_dim_ordering() -> str:
    """Return "tf" for channels last, "th" for channels first: how Keras 1 spells `image_data_format`.

    Returns:
        A name.

    >>> image_dim_ordering()
    'tf'
    """
    return next(old for old, new in _ORDERINGS.items() if new == image_data_format())


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set "tf" (channels last) or "th" (channels first): how Keras 1 spells `set_image_data_format`.

    Args:
        dim_ordering: "tf" or "th".

    Raises:
        ValueError: For anything else.

    >>> set_image_dim_ordering("th"); image_data_format()
    'channels_first'
    >>> set_image_dim_ordering("tf")
    """
    if dim_ordering not in _ORDERINGS:
        raise ValueError(f"set_image_dim_ordering expects 'tf' or 'th'; got {dim_ordering!r}.")
    set_image_data_format(_ORDERINGS[dim_ordering])


def clear_session(free_memory: bool = True) -> None:
    """Free what no model refers to any more, and count names from 1 again.

    Models depend on no session, so nothing else needs clearing. Compiled programs, of which only so many are kept, stay
    for models of the same shape: a search that clears the session between models compiles once all the same.

    Args:
        free_memory: Whether Python's garbage collector is run, which finds models that refer to themselves.

    >>> clear_session()
    >>> get_uid("dense")
    1
    """
    reset_uids()
    if free_memory:
        gc.collect()


def get_uid(prefix: str = "") -> int:
    """Return how often it was asked for this prefix, counted from 1.

    Args:
        prefix: Any name.

    Returns:
        An integer.

    >>> reset_uids(); get_uid("conv"), get_uid("conv"), get_uid("dense")
    (1, 2, 1)
    """
    _counts[prefix] += 1
    return _counts[prefix]


def reset_uids() -> None:
    """Let `get_uid` count from 1 again. Names of layers do not depend on it: a model names its own layers.

    >>> reset_uids()
    >>> get_uid("dense")
    1
    """
    _counts.clear()


def manual_variable_initialization(value: bool) -> None:
    """Say that variables get their first values by themselves (False).

    Args:
        value: False.

    Raises:
        ValueError: For True: there is no session in which variables could be initialised by hand.

    >>> manual_variable_initialization(False)
    """
    if value:
        raise ValueError(
            "K.manual_variable_initialization(True) is not supported: weights get their first values from the "
            "initializers when they are first read. Set others with model.set_weights(...) or model.load_weights(...)."
        )


def name_scope(name: str) -> AbstractContextManager[Any]:
    """Name what is computed inside, as profiles and compiled programs show it.

    Names of layers and weights depend on the structure of the model only.

    Args:
        name: Any name.

    Returns:
        A context for a `with` block.

    Raises:
        ValueError: If the name is empty, or no string.

    >>> with name_scope("encoder"):
    ...     total = jnp.ones(2) + 1
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"name_scope expects a name that is not empty; got {name!r}.")
    return jax.named_scope(name)


def is_keras_tensor(x: Any) -> bool:
    """Return whether something is a symbolic tensor: what `Input` or a layer called on one returns.

    Args:
        x: Anything.

    Returns:
        False for arrays, weights and everything else.

    >>> from jkeras import Input
    >>> is_keras_tensor(Input((3,))), is_keras_tensor(jnp.ones(3))
    (True, False)
    """
    return isinstance(x, SymbolicTensor)


def standardize_dtype(dtype: Any) -> str:
    """Return the name that arrays of JAX have for a dtype: 64 bits are 32 unless JAX is set to 64; None is `floatx()`.

    Args:
        dtype: A name, a type of Python, a dtype of numpy or JAX, or None.

    Returns:
        The name, such as "float32".

    Raises:
        ValueError: If there is no such dtype.

    >>> standardize_dtype("int"), standardize_dtype(float), standardize_dtype(None)
    ('int32', 'float32', 'float32')
    """
    if dtype is None:
        return floatx()
    try:
        return jax.dtypes.canonicalize_dtype(getattr(dtype, "name", dtype)).name
    except TypeError:
        raise ValueError(f"Unknown dtype {dtype!r}. Write it as 'float32', 'int32', 'bool' or the like.") from None


def is_int_dtype(dtype: Any) -> bool:
    """Whether it is a dtype of integers, signed or not.

    Args:
        dtype: A name, a dtype, or a type of Python.

    Returns:
        A boolean.

    >>> is_int_dtype("uint8"), is_int_dtype("bool")
    (True, False)
    """
    return bool(jnp.issubdtype(standardize_dtype(dtype), jnp.integer))


def is_float_dtype(dtype: Any) -> bool:
    """Whether it is a dtype of floating-point numbers.

    Args:
        dtype: A name, a dtype, or a type of Python.

    Returns:
        A boolean.

    >>> is_float_dtype("bfloat16"), is_float_dtype("int32")
    (True, False)
    """
    return bool(jnp.issubdtype(standardize_dtype(dtype), jnp.floating))


def result_type(*dtypes: Any) -> str:
    """Return the dtype that an operation on arrays of these dtypes gives; Python's `int` and `float` give way.

    Args:
        dtypes: Names, dtypes, or types of Python.

    Returns:
        A name such as "float32".

    >>> result_type("int32", "float16"), result_type("float16", float), result_type()
    ('float16', 'float16', 'float32')
    """
    if not dtypes:
        return floatx()
    weak = {float: 0.0, int: 0, bool: False}
    given = [weak[kind] if isinstance(kind, type) and kind in weak else standardize_dtype(kind) for kind in dtypes]
    return jnp.result_type(*[value if isinstance(value, (int, float)) else jnp.dtype(value) for value in given]).name
