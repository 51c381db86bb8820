"""What the arguments of preprocessing layers have in common."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras.core.layer import Layer


def refuse_sparse(layer: Layer, sparse: Any, argument: str = "sparse") -> None:
    """Raise `ValueError` if sparse or ragged outputs are asked for."""
    if sparse:
        raise ValueError(
            f"{type(layer).__name__}: {argument}={sparse!r} is not supported: JAX arrays are dense. Leave it out."
        )


def output_dtype(layer: Any) -> Any:
    """Return the dtype of indices, or of the vectors that a layer makes of them."""
    return "int32" if layer.output_mode == "int" else layer.compute_dtype


def check_salt(layer: Layer, salt: Any) -> list[int] | None:
    """Return the two numbers of the key of SipHash; one number stands for both."""
    if salt is None:
        return None
    pair = [salt, salt] if isinstance(salt, int) else list(salt) if isinstance(salt, (list, tuple)) else []
    if len(pair) != 2 or not all(isinstance(number, int) and 0 <= number < 2**64 for number in pair):
        raise ValueError(f"{type(layer).__name__}: salt must be one or two unsigned integers; got {salt!r}.")
    return pair


def hash_key(salt: Sequence[int] | None) -> tuple[int, int] | None:
    """Return the key of SipHash for a salt that `check_salt` returned; None for FarmHash64."""
    return None if salt is None else (salt[0], salt[1])


def declare_constant(layer: Layer, weight: Any, name: str, values: np.ndarray) -> Any:
    """Return a state weight that holds `values`: `weight` with them in place of its own, or a new one.

    Compiled programs see them as state, so that they stay right when `adapt` finds others. The layer's configuration
    keeps them: they are no part of `layer.weights` and of files, where Keras has none either.
    """
    if weight is None:
        weight = layer.add_weight(
            name=name, shape=values.shape, initializer="zeros", dtype=values.dtype, trainable=False
        )
        weight.transient = True
    weight.shape = values.shape
    weight.initializer = functools.partial(_constant, values)
    if weight.is_drawn:
        weight.assign(values)
    return weight


def _constant(values: np.ndarray, shape: Any, dtype: Any) -> Any:
    return jnp.asarray(values, dtype)
