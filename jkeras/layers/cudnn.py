"""Recurrent layers under the names that Keras 2 gave their cuDNN versions."""

from __future__ import annotations

import inspect
from typing import Any

from jkeras.core.legacy import former_name
from jkeras.layers.gru import GRU
from jkeras.layers.lstm import LSTM

__all__ = ["CuDNNGRU", "CuDNNLSTM"]

# What cuDNN's kernels fix or cannot do, and what the layers' constructors did not take.
_FIXED = (
    "activation", "recurrent_activation", "use_bias", "dropout", "recurrent_dropout", "unroll", "reset_after",
    "use_cudnn", "seed", "zero_output_for_mask", "implementation",
)  # fmt: skip


def _cudnn(name: str, cls: type) -> type[Any]:
    """Return `cls` under the name of its cuDNN version, with the constructor of that."""
    known = inspect.signature(cls).parameters.values()
    signature = inspect.Signature([p for p in known if p.name not in (*_FIXED, "time_major")])

    def make(*args: Any, **kwargs: Any) -> Any:
        for argument in _FIXED:
            if argument in kwargs:
                raise TypeError(
                    f"{name} has no argument {argument!r}: cuDNN fixes what it stands for. "
                    f"{cls.__name__}(..., {argument}={kwargs[argument]!r}) has it, and runs wherever JAX does."
                )
        given = signature.bind(*args, **kwargs).arguments
        return cls(**{k: v for k, v in given.items() if k != "kwargs"}, **given.get("kwargs", {}))

    documentation = f"""`{cls.__name__}` as Keras 2 spelt its cuDNN version, which is one layer with it today.

    The activations are "tanh" and "sigmoid", there is a bias and no dropout; masks are heeded here.

    Raises:
        TypeError: If an argument is given that cuDNN fixes; `{cls.__name__}` has them all.

    >>> import jax.numpy as jnp
    >>> {name}(4)(jnp.ones((2, 5, 3))).shape
    (2, 4)
    """
    return former_name(name, cls, make, documentation, __module__=__name__, __signature__=signature)


CuDNNLSTM = _cudnn("CuDNNLSTM", LSTM)
CuDNNGRU = _cudnn("CuDNNGRU", GRU)
