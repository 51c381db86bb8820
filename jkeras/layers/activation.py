"""Activation functions as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.activations import elu, leaky_relu, relu, softmax
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.layers.arguments import declare, keep

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax", "ThresholdedReLU"]


class Activation(Layer):
    """Apply an activation function.

    Inputs of any shape; the outputs have the shape that the function gives, mostly the same.

    Args:
        activation: Name or function.

    >>> Activation("relu")(jnp.asarray([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    supports_masking = True
    activation: Any

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        keep(self, activation=activation)

    def call(self, inputs: Array) -> Array:
        """Return `activation(inputs)`."""
        return self.activation(inputs)


class ReLU(Layer):
    """`min(x, max_value)` where `x > threshold`, else `negative_slope * (x - threshold)`.

    Inputs of any shape keep it.

    Args:
        max_value: The largest output; None is unbounded.
        negative_slope: Slope below the threshold.
        threshold: Values up to it are damped.

    Raises:
        ValueError: If an argument is negative.

    >>> ReLU(max_value=6.0)(jnp.asarray([-1.0, 8.0])).tolist()
    [0.0, 6.0]
    """

    supports_masking = True

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.max_value = _not_negative("ReLU", "max_value", max_value, optional=True)
        self.negative_slope = _not_negative("ReLU", "negative_slope", negative_slope)
        self.threshold = _not_negative("ReLU", "threshold", threshold)

    def call(self, inputs: Array) -> Array:
        """Return the rectified inputs."""
        return relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """`x` where it is positive, else `negative_slope * x`.

    Inputs of any shape keep it.

    Args:
        negative_slope: Slope for negative inputs.
        alpha: The name of `negative_slope` in Keras 2.

    Raises:
        ValueError: If the slope is negative.

    >>> LeakyReLU(0.5)(jnp.asarray([-1.0, 2.0])).tolist()
    [-0.5, 2.0]
    """

    supports_masking = True

    def __init__(self, negative_slope: float = 0.3, alpha: float | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        slope = negative_slope if alpha is None else alpha
        self.negative_slope = _not_negative("LeakyReLU", "negative_slope", slope)

    def call(self, inputs: Array) -> Array:
        """Return the leaky rectified inputs."""
        return leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments by their modern names."""
        return {k: v for k, v in super().get_config().items() if k != "alpha"}


class ELU(Layer):
    """`x` where it is positive, else `alpha * (exp(x) - 1)`.

    Inputs of any shape keep it.

    Args:
        alpha: What negative inputs saturate to is `-alpha`.

    >>> ELU()(jnp.asarray([0.0, 2.0])).tolist()
    [0.0, 2.0]

    Reference: Clevert et al., 2016.
    """

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Array) -> Array:
        """Return `elu(inputs, alpha)`."""
        return elu(inputs, self.alpha)


class ThresholdedReLU(Layer):
    """`x` where it is larger than `theta`, else 0.

    Inputs of any shape keep it.

    Args:
        theta: What inputs must exceed.

    Raises:
        ValueError: If `theta` is negative.

    >>> ThresholdedReLU(1.0)(jnp.asarray([-1.0, 1.0, 2.0])).tolist()
    [0.0, 0.0, 2.0]

    Reference: Konda et al., 2015.
    """

    supports_masking = True

    def __init__(self, theta: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.theta = _not_negative("ThresholdedReLU", "theta", theta)

    def call(self, inputs: Array) -> Array:
        """Return the inputs that exceed the threshold."""
        return jnp.where(inputs > self.theta, inputs, 0)


class Softmax(Layer):
    """`exp(x) / sum(exp(x))` over `axis`.

    Inputs of any shape keep it.

    Args:
        axis: Axis or axes that sum to one.
        robust_masking: Of Keras 2, which had a second way to mask. Masked scores get probability 0 exactly, as with
            True and as in Keras 3; False means the same.

    Call arguments:
        inputs: Array of scores.
        mask: Booleans that broadcast to the scores; a masked score gets probability 0, and so do all if all are masked.
            A mask of fewer dimensions (of the steps of a sequence) says nothing about scores and is only passed on.

    >>> Softmax()(jnp.asarray([[1.0, 1.0]])).tolist()
    [[0.5, 0.5]]
    >>> Softmax()(jnp.asarray([[1.0, 1.0]]), mask=jnp.asarray([[True, False]])).tolist()
    [[1.0, 0.0]]
    """

    supports_masking = True

    def __init__(self, axis: int | Sequence[int] = -1, robust_masking: bool | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis if isinstance(axis, int) else tuple(axis)

    def call(self, inputs: Array, mask: Array | None = None) -> Array:
        """Return probabilities."""
        if mask is None or mask.ndim < inputs.ndim:
            return softmax(inputs, axis=self.axis)
        kept = mask.astype(bool)
        scores = jnp.where(kept, inputs, jnp.finfo(inputs.dtype).min)
        return jnp.where(kept, softmax(scores, axis=self.axis), 0)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments that mean something."""
        return {k: v for k, v in super().get_config().items() if k != "robust_masking"}


class PReLU(Layer):
    """`x` where it is positive, else `alpha * x`, `alpha` being learnt.

    Inputs `(batch, ...)` keep their shape; `alpha` has that of one sample.

    Args:
        alpha_initializer: First values of `alpha`.
        alpha_regularizer: Penalty on `alpha`.
        alpha_constraint: Projection of `alpha` after each update.
        shared_axes: Axes along which one value serves all, e.g. `[1, 2]` for the pixels of an image.

    >>> PReLU(alpha_initializer="ones")(jnp.asarray([[-1.0, 2.0]])).tolist()
    [[-1.0, 2.0]]

    Reference: He et al., 2015.
    """

    supports_masking = True

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        keep(
            self,
            alpha_initializer=alpha_initializer,
            alpha_regularizer=alpha_regularizer,
            alpha_constraint=alpha_constraint,
        )
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes and list(shared_axes)

    def build(self, input_shape: Any) -> None:
        """Declare `alpha`, of the shape of one sample."""
        shape = list(input_shape)
        for axis in self.shared_axes or ():
            shape[axis] = 1
        self.alpha = declare(self, "alpha", shape[1:])
        shared = [axis % len(shape) for axis in self.shared_axes or ()]
        fixed = {axis: size for axis, size in enumerate(shape) if axis and axis not in shared}
        self.input_spec = InputSpec(ndim=len(shape), axes=fixed)

    def call(self, inputs: Array) -> Array:
        """Return the rectified inputs."""
        return relu(inputs) - self.alpha * relu(-inputs)


def _not_negative(owner: str, name: str, value: Any, optional: bool = False) -> Any:
    if optional and value is None:
        return None
    if value is None or value < 0:
        raise ValueError(f"{owner}: {name} must not be negative; got {value!r}.")
    return float(value)
