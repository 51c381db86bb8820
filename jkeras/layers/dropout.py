"""Dropout of elements and of whole features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax import Array

from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.functional.dropout import dropout

__all__ = ["Dropout", "SpatialDropout1D"]


def seeded_key(layer: Layer, seed: int | None) -> Array:
    """Return the layer's next key, folded by `seed` if there is one."""
    return layer.key() if seed is None else jax.random.fold_in(layer.key(), seed)


def check_rate(layer: Layer, name: str, rate: Any) -> float:
    """Return `rate`, or raise `ValueError` if it is not a probability."""
    if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise ValueError(f"{type(layer).__name__}: {name} must be a number between 0 and 1; got {rate!r}.")
    return rate


def check_seed(layer: Layer, seed: Any) -> int | None:
    """Return `seed` as an integer or None; a seed generator stands for the seed it was made with."""
    seed = getattr(seed, "_initial_seed", seed)
    if seed is None or hasattr(seed, "__index__"):
        return None if seed is None else int(seed)
    raise ValueError(f"{type(layer).__name__}: seed must be an integer or None; got {seed!r}.")


class Dropout(Layer):
    """In training, set elements to zero with probability `rate` and divide the others by `1 - rate`.

    The draw depends on the key of the call, the layer's path and `seed`: a call with the same key gives the same draw,
    and layers (or seeds) that differ draw differently.

    Args:
        rate: Probability that an element is dropped.
        noise_shape: Shape of the draw; size 1 shares it along an axis, None stands for the size of the inputs.
        seed: Integer folded into the key.

    Raises:
        ValueError: If `rate` is not between 0 and 1, or in training if no key is given.

    >>> layer = Dropout(0.5)
    >>> params, state = layer.init(0, (None, 4))
    >>> y, _ = layer.apply(params, state, jax.numpy.ones((1, 4)), training=True, rng=0)
    >>> set(y.ravel().tolist()) <= {0.0, 2.0}
    True

    Reference: Srivastava et al., 2014.
    """

    supports_masking = True

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.rate = check_rate(self, "rate", rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = check_seed(self, seed)

    def call(self, inputs: Array, training: bool = False) -> Array:
        """Return the inputs, in training with elements dropped."""
        if not training or self.rate == 0:
            return inputs
        return dropout(inputs, self.rate, seeded_key(self, self.seed), self._drawn_shape(inputs))

    def _drawn_shape(self, inputs: Array) -> Sequence[int | None] | None:
        return self.noise_shape


class SpatialDropout1D(Dropout):
    """Dropout of whole features of a sequence: one draw for all steps (Tompson et al., 2015).

    Args:
        rate: Probability that a feature is dropped.
        seed: Integer folded into the key.
        name: The layer's name.
        dtype: Dtype name or policy.

    >>> SpatialDropout1D(0.5)(jax.numpy.ones((2, 3, 4))).shape
    (2, 3, 4)
    """

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    def _drawn_shape(self, inputs: Array) -> Sequence[int | None]:
        return (None, 1, None)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; the shape of the draw is not one."""
        return {k: v for k, v in super().get_config().items() if k != "noise_shape"}
