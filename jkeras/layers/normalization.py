"""Normalisation of each sample by its own statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import Array

from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.functional.norm import group_norm, layer_norm, rms_norm, unit_norm
from jkeras.layers.arguments import arguments_of, declare, keep, positive
from jkeras.layers.batch_normalization import BatchNormalization as BatchNormalization

__all__ = ["GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]


class LayerNormalization(Layer):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the statistics of each sample over `axis`.

    Inputs `(batch, ...)` keep their shape.

    Args:
        axis: Axis or axes to normalise over.
        epsilon: Added to the variance.
        center: Whether `beta` is added.
        scale: Whether `gamma` multiplies.
        beta_initializer: First values of `beta`.
        gamma_initializer: First values of `gamma`.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Projection of `beta` after each update.
        gamma_constraint: Projection of `gamma` after each update.

    >>> import jax.numpy as jnp
    >>> LayerNormalization(epsilon=0.0)(jnp.asarray([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]

    Reference: Ba et al., 2016.
    """

    supports_masking = True
    axis: Any
    center: bool
    scale: bool
    epsilon: float

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(**kwargs)
        keep(self, **{**arguments, "axis": _axes(axis)})

    def build(self, input_shape: Any) -> None:
        """Declare `gamma` and `beta`, of the shape of the inputs along `axis`."""
        shape = _sizes(input_shape, self.axis)
        self.gamma = declare(self, "gamma", shape) if self.scale else None
        self.beta = declare(self, "beta", shape) if self.center else None

    def call(self, inputs: Array) -> Array:
        """Return the normalised inputs."""
        return layer_norm(inputs, self.gamma, self.beta, self.axis, self.epsilon)


class GroupNormalization(Layer):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the statistics of groups of channels of a sample.

    Inputs `(batch, ..., channels)`, with the channels on `axis`, keep their shape.

    Args:
        groups: Number of groups, which divides the number of channels; -1 gives each channel a group of its own
            (instance normalisation).
        axis: The axis of the channels.
        epsilon: Added to the variance.
        center: Whether `beta` is added.
        scale: Whether `gamma` multiplies.
        beta_initializer: First values of `beta`, one number for each channel.
        gamma_initializer: First values of `gamma`, one number for each channel.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Projection of `beta` after each update.
        gamma_constraint: Projection of `gamma` after each update.

    Raises:
        ValueError: If `groups` is neither positive nor -1, `axis` is that of the batch or no integer, or the groups do
            not divide the channels.

    >>> import jax.numpy as jnp
    >>> GroupNormalization(groups=2, epsilon=0.0)(jnp.asarray([[1.0, 3.0, 10.0, 30.0]])).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]

    Reference: Wu & He, 2018.
    """

    supports_masking = True
    groups: int
    axis: int
    center: bool
    scale: bool
    epsilon: float

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(**kwargs)
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        if not isinstance(axis, int) or axis == 0:
            raise ValueError(f"GroupNormalization: axis must be one integer, and not that of the batch; got {axis!r}.")
        groups = groups if groups == -1 else positive(self, "groups", groups)
        keep(self, **{**arguments, "groups": groups, "axis": axis})

    def build(self, input_shape: Any) -> None:
        """Declare `gamma` and `beta`."""
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(
                f"Layer {self.name!r}: the number of channels, axis {self.axis} of {input_shape}, is unknown."
            )
        if channels % self._groups_of(channels):
            raise ValueError(f"Layer {self.name!r}: {self.groups} groups do not divide {channels} channels.")
        self.gamma = declare(self, "gamma", (channels,)) if self.scale else None
        self.beta = declare(self, "beta", (channels,)) if self.center else None
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def _groups_of(self, channels: int) -> int:
        return channels if self.groups == -1 else self.groups

    def call(self, inputs: Array) -> Array:
        """Return the normalised inputs."""
        groups = self._groups_of(inputs.shape[self.axis])
        return group_norm(inputs, self.gamma, self.beta, groups, self.axis, self.epsilon)


class RMSNormalization(Layer):
    """`scale * x / sqrt(mean(x^2) + epsilon)`, the mean being that of each sample over `axis`.

    As in Keras, the mask of the inputs is not passed on.

    Inputs `(batch, ...)` keep their shape.

    Args:
        axis: Axis or axes to normalise over; `scale` has the shape of the inputs along them.
        epsilon: Added to the mean square.

    >>> import jax.numpy as jnp
    >>> RMSNormalization(epsilon=0.0)(jnp.asarray([[3.0, -3.0]])).tolist()
    [[1.0, -1.0]]

    Reference: Zhang & Sennrich, 2019.
    """

    axis: Any
    epsilon: float
    scale: Any

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = _axes(axis)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        """Declare `scale`."""
        self.scale = self.add_weight(name="scale", shape=_sizes(input_shape, self.axis), initializer="ones")

    def call(self, inputs: Array) -> Array:
        """Return the normalised inputs."""
        return rms_norm(inputs, self.scale, self.axis, self.epsilon)


class UnitNormalization(Layer):
    """`x / |x|`, the Euclidean norm being that over `axis`; zeros stay zeros, and their gradient is finite.

    Inputs of any shape keep it.

    Args:
        axis: Axis or axes over which the norm of the outputs is one.

    >>> import jax.numpy as jnp
    >>> UnitNormalization()(jnp.asarray([[0.0, -2.0]])).tolist()
    [[0.0, -1.0]]
    """

    supports_masking = True
    axis: Any

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = _axes(axis)

    def call(self, inputs: Array) -> Array:
        """Return the normalised inputs."""
        return unit_norm(inputs, self.axis)


def _axes(axis: int | Sequence[int]) -> int | tuple[int, ...]:
    return axis if isinstance(axis, int) else tuple(axis)


def _sizes(shape: Any, axis: int | Sequence[int]) -> tuple[int, ...]:
    return tuple(shape[a] for a in ((axis,) if isinstance(axis, int) else axis))
