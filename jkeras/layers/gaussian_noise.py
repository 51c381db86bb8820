"""Normal noise, added or multiplied in training."""

from __future__ import annotations

from typing import Any

from jax import Array

from jkeras.core.layer import Layer
from jkeras.functional.dropout import gaussian_dropout, gaussian_noise
from jkeras.layers.dropout import check_rate, check_seed, seeded_key

__all__ = ["GaussianDropout", "GaussianNoise"]


class GaussianNoise(Layer):
    """In training, add normal noise of mean 0 and standard deviation `stddev`.

    Inputs `(batch, ...)` keep their shape.

    Args:
        stddev: Standard deviation of the noise. Keras refuses more than 1; here it may be any that is not negative.
        seed: Integer folded into the key.

    Raises:
        ValueError: If `stddev` is negative, or in training if no key is given.

    >>> import jax.numpy as jnp
    >>> GaussianNoise(0.5)(jnp.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    supports_masking = True
    stddev: float

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(stddev, (int, float)) or stddev < 0:
            raise ValueError(f"GaussianNoise: stddev must be a number that is not negative; got {stddev!r}.")
        self.stddev = stddev
        self.seed = check_seed(self, seed)

    def call(self, inputs: Array, training: bool = False) -> Array:
        """Return the inputs, in training with noise."""
        if not training or self.stddev == 0:
            return inputs
        return gaussian_noise(inputs, self.stddev, seeded_key(self, self.seed))


class GaussianDropout(Layer):
    """In training, multiply by normal noise of mean 1 and standard deviation `sqrt(rate / (1 - rate))`.

    Inputs `(batch, ...)` keep their shape.

    Args:
        rate: In `[0, 1)`: the noise has the variance of dropout at this rate.
        seed: Integer folded into the key.

    Raises:
        ValueError: If `rate` is not in `[0, 1)`, or in training if no key is given.

    >>> import jax.numpy as jnp
    >>> GaussianDropout(0.5)(jnp.ones((1, 2))).tolist()
    [[1.0, 1.0]]

    Reference: Srivastava et al., 2014.
    """

    supports_masking = True
    rate: float

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = check_rate(self, "rate", rate, below_one=True)
        self.seed = check_seed(self, seed)

    def call(self, inputs: Array, training: bool = False) -> Array:
        """Return the inputs, in training with noise."""
        if not training or self.rate == 0:
            return inputs
        return gaussian_dropout(inputs, self.rate, seeded_key(self, self.seed))
