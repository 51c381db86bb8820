"""Dropout of elements and of whole features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
from jax import Array

from jkeras.core.data_format import standardize_data_format
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.functional.dropout import alpha_dropout, dropout

__all__ = ["AlphaDropout", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"]


def seeded_key(layer: Layer, seed: int | None) -> Array:
    """Return the layer's next key, folded by `seed` if there is one."""
    return layer.key() if seed is None else jax.random.fold_in(layer.key(), seed)


def check_rate(layer: Layer, name: str, rate: Any, below_one: bool = False) -> float:
    """Return `rate`, or raise `ValueError` if it is not a probability (or not one below 1)."""
    if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise ValueError(f"{type(layer).__name__}: {name} must be a number between 0 and 1; got {rate!r}.")
    if below_one and rate == 1:
        raise ValueError(f"{type(layer).__name__}: {name} must be below 1, where the noise has no bound; got {rate!r}.")
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

    Inputs `(batch, ...)` keep their shape.

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


class AlphaDropout(Layer):
    """In training, drop elements to the value at which SELU saturates, and keep mean and variance as they are.

    Inputs `(batch, ...)` keep their shape.

    Args:
        rate: Probability that an element is dropped, below 1.
        noise_shape: Shape of the draw; size 1 shares it along an axis, None stands for the size of the inputs.
        seed: Integer folded into the key.

    Raises:
        ValueError: If `rate` is not in `[0, 1)`, or in training if no key is given.

    >>> AlphaDropout(0.5)(jax.numpy.ones((2, 4))).tolist() == [[1.0] * 4] * 2
    True

    Reference: Klambauer et al., 2017.
    """

    supports_masking = True
    rate: float

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.rate = check_rate(self, "rate", rate, below_one=True)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = check_seed(self, seed)

    def call(self, inputs: Array, training: bool = False) -> Array:
        """Return the inputs, in training with elements dropped."""
        if not training or self.rate == 0:
            return inputs
        return alpha_dropout(inputs, self.rate, seeded_key(self, self.seed), self.noise_shape)


class SpatialDropout(Dropout):
    """Base of dropout of whole channels: one draw for all positions of an input with `rank` axes of positions."""

    rank: ClassVar[int]
    data_format: str | None

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        if kwargs.get("noise_shape") is not None:
            raise ValueError(
                f"{type(self).__name__} drops whole channels; got noise_shape={kwargs['noise_shape']}. Use Dropout."
            )
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _drawn_shape(self, inputs: Array) -> Sequence[int | None]:
        ones = [1] * self.rank
        return [None, *ones, None] if self.data_format == "channels_last" else [None, None, *ones]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; the shape of the draw is not one."""
        return {k: v for k, v in super().get_config().items() if k != "noise_shape"}


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole features of a sequence: one draw for all steps.

    Inputs `(batch, steps, features)` keep their shape.

    Args:
        rate: Probability that a feature is dropped.
        seed: Integer folded into the key.
        name: The layer's name.
        dtype: Dtype name or policy.

    >>> SpatialDropout1D(0.5)(jax.numpy.ones((2, 3, 4))).shape
    (2, 3, 4)

    Reference: Tompson et al., 2015.
    """

    rank = 1

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(rate, "channels_last", seed, name=name, dtype=dtype, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; features are always last."""
        return {k: v for k, v in super().get_config().items() if k != "data_format"}


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels of images: one draw for all pixels.

    Inputs `(batch, height, width, channels)`, or channels first, keep their shape.

    Args:
        rate: Probability that a channel is dropped.
        data_format: "channels_last" or "channels_first"; None is the default one.
        seed: Integer folded into the key.
        name: The layer's name.
        dtype: Dtype name or policy.

    >>> SpatialDropout2D(0.5)(jax.numpy.ones((2, 3, 3, 4))).shape
    (2, 3, 3, 4)

    Reference: Tompson et al., 2015.
    """

    rank = 2


class SpatialDropout3D(SpatialDropout):
    """Dropout of whole channels of volumes: one draw for all voxels.

    Inputs `(batch, depth, height, width, channels)`, or channels first, keep their shape.

    Args:
        rate: Probability that a channel is dropped.
        data_format: "channels_last" or "channels_first"; None is the default one.
        seed: Integer folded into the key.
        name: The layer's name.
        dtype: Dtype name or policy.

    >>> SpatialDropout3D(0.5)(jax.numpy.ones((2, 3, 3, 3, 4))).shape
    (2, 3, 3, 3, 4)

    Reference: Tompson et al., 2015.
    """

    rank = 3
