"""First values of weights: objects called with a shape, a dtype and a key."""

from __future__ import annotations

from typing import Any

from jkeras.core.registry import initializers
from jkeras.initializers.base import Initializer, RandomInitializer
from jkeras.initializers.constant import Constant, Identity, Ones, Zeros
from jkeras.initializers.fourier import STFT
from jkeras.initializers.random import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from jkeras.initializers.variance import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

# Keras has each class under its snake_case name too.
zeros, ones, constant, identity, orthogonal, stft = Zeros, Ones, Constant, Identity, Orthogonal, STFT
IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform

__all__ = [
    "Initializer", "RandomInitializer", "Zeros", "Ones", "Constant", "Identity", "RandomNormal", "RandomUniform",
    "TruncatedNormal", "VarianceScaling", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal",
    "LecunUniform", "Orthogonal", "STFT", "IdentityInitializer", "OrthogonalInitializer", "STFTInitializer", "zeros",
    "ones", "constant", "identity", "random_normal", "random_uniform", "truncated_normal", "variance_scaling",
    "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "orthogonal",
    "stft", "get", "serialize", "deserialize",
]  # fmt: skip


def get(identifier: Any) -> Any:
    """Return the initializer for a name, a configuration, a class, a callable or an array; None stays None.

    Args:
        identifier: A name (`"he_normal"` or `"HeNormal"`), a configuration, a class, a function
            `f(shape, dtype)`, an initializer, an array of first values, or None.

    Returns:
        An initializer, or None.

    Raises:
        ValueError: For an unknown name, with the nearest known one.

    >>> get("glorot_uniform")
    GlorotUniform()
    >>> get("he_norml")
    Traceback (most recent call last):
    ValueError: Unknown initializer 'he_norml'. Did you mean 'he_normal'?
    """
    if hasattr(identifier, "__array__") and not callable(identifier):
        return Constant(identifier)
    return initializers.get(identifier)


def serialize(initializer: Any, use_legacy_format: bool = True) -> Any:
    """Return an initializer as `{"class_name", "config"}`.

    Args:
        initializer: An initializer, or a function with a name.
        use_legacy_format: False writes the module besides, as Keras 3 does.

    Returns:
        A dictionary of plain data; for a function its name.

    >>> serialize(Constant(2.0))
    {'class_name': 'Constant', 'config': {'value': 2.0}}
    """
    return initializers.serialize(initializer, use_legacy_format)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None, use_legacy_format: bool = False) -> Any:
    """Return the initializer that `serialize` described; `custom_objects` are looked up first.

    Args:
        config: What `serialize` returned, or what `get` takes.
        custom_objects: Classes and functions by name.
        use_legacy_format: Needless: both formats of Keras are told apart by what they hold.

    Returns:
        An initializer, or None.

    >>> deserialize({"class_name": "HeNormal", "config": {"seed": 3}})
    HeNormal(seed=3)
    """
    return initializers.deserialize(config, custom_objects)
