"""Normalisation by the statistics of the batch, and by those of each sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import Array

from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.functional.norm import batch_norm_inference, batch_norm_train, layer_norm
from jkeras.layers.arguments import declare, keep

__all__ = ["BatchNormalization", "LayerNormalization"]


class BatchNormalization(Layer):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the statistics of the batch in training.

    In training the moving statistics follow: `moving = momentum * moving + (1 - momentum) * batch`. In inference, and
    also in training with `trainable = False`, the moving statistics are used and nothing changes. Masked steps do not
    count.

    Args:
        axis: The axis that keeps statistics of its own, usually the channels.
        momentum: How slowly the moving statistics follow.
        epsilon: Added to the variance.
        center: Whether `beta` is added.
        scale: Whether `gamma` multiplies.
        beta_initializer: First values of `beta`.
        gamma_initializer: First values of `gamma`.
        moving_mean_initializer: First values of `moving_mean`.
        moving_variance_initializer: First values of `moving_variance`.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Projection of `beta` after each update.
        gamma_constraint: Projection of `gamma` after each update.
        renorm: Not supported: batch renormalisation raises.
        renorm_clipping: Not supported.
        renorm_momentum: Used by `renorm` only.
        synchronized: Whether the statistics are those of the whole batch where it is sharded over devices. A sharded
            program of JAX has one batch, so they always are, and both values mean the same.

    >>> import jax.numpy as jnp
    >>> layer = BatchNormalization(momentum=0.5)
    >>> y = layer(jnp.asarray([[1.0], [3.0]]), training=True)
    >>> layer.moving_mean.numpy().tolist()
    [1.0]

    Reference: Ioffe & Szegedy, 2015.
    """

    supports_masking = True
    moving_mean: Any
    moving_variance: Any
    axis: Any
    center: bool
    scale: bool
    momentum: float
    epsilon: float

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if renorm or renorm_clipping is not None:
            raise ValueError("BatchNormalization: batch renormalisation is not supported. Leave renorm out.")
        keep(
            self,
            axis=_one_axis(axis),
            momentum=momentum,
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            moving_mean_initializer=moving_mean_initializer,
            moving_variance_initializer=moving_variance_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            renorm=renorm,
            renorm_clipping=renorm_clipping,
            renorm_momentum=renorm_momentum,
            synchronized=synchronized,
        )

    def build(self, input_shape: Any) -> None:
        """Declare `gamma`, `beta`, `moving_mean` and `moving_variance`."""
        shape = (input_shape[self.axis],)
        self.gamma = declare(self, "gamma", shape) if self.scale else None
        self.beta = declare(self, "beta", shape) if self.center else None
        # Statistics keep full precision in mixed-precision layers, or small changes would be lost.
        self.moving_mean = declare(self, "moving_mean", shape, trainable=False)
        self.moving_variance = declare(self, "moving_variance", shape, trainable=False)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: input_shape[self.axis]})

    def call(self, inputs: Array, training: bool = False, mask: Array | None = None) -> Array:
        """Return the normalised inputs; in training, move the statistics."""
        gamma, beta, axis, epsilon = self.gamma, self.beta, self.axis, self.epsilon
        if not (training and self.trainable):
            mean, variance = self.moving_mean.value, self.moving_variance.value
            return batch_norm_inference(inputs, gamma, beta, mean, variance, axis, epsilon)
        outputs, mean, variance = batch_norm_train(inputs, gamma, beta, axis, epsilon, mask)
        self.moving_mean = self.momentum * self.moving_mean + (1 - self.momentum) * mean
        self.moving_variance = self.momentum * self.moving_variance + (1 - self.momentum) * variance
        return outputs


class LayerNormalization(Layer):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the statistics of each sample over `axis`.

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
        super().__init__(**kwargs)
        keep(
            self,
            axis=axis if isinstance(axis, int) else tuple(axis),
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )

    def build(self, input_shape: Any) -> None:
        """Declare `gamma` and `beta`, of the shape of the inputs along `axis`."""
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        shape = tuple(input_shape[a] for a in axes)
        self.gamma = declare(self, "gamma", shape) if self.scale else None
        self.beta = declare(self, "beta", shape) if self.center else None

    def call(self, inputs: Array) -> Array:
        """Return the normalised inputs."""
        return layer_norm(inputs, self.gamma, self.beta, self.axis, self.epsilon)


def _one_axis(axis: Any) -> int:
    """Keras 2 wrote the axis as a list of one."""
    if isinstance(axis, (list, tuple)) and len(axis) == 1:
        axis = axis[0]
    if not isinstance(axis, int):
        raise ValueError(f"BatchNormalization: axis must be one integer; got {axis!r}.")
    return axis
