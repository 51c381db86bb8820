"""Normalisation by the statistics of the batch."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.errors import nearest
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.core.weight import Weight
from jkeras.functional.norm import Clipping, batch_norm_inference, batch_norm_train, batch_renorm_train
from jkeras.layers.arguments import arguments_of, declare, keep

__all__ = ["BatchNormalization"]


class BatchNormalization(Layer):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the statistics of the batch in training.

    Inputs `(batch, ..., channels)`, with the channels on `axis`, keep their shape. In training the moving statistics
    follow: `moving = momentum * moving + (1 - momentum) * batch`. In inference, and also in training with
    `trainable = False`, the moving statistics are used and nothing changes. Masked steps do not count.

    With `renorm`, training normalises by the batch and then corrects by the constants
    `r = clip(batch_stddev / renorm_stddev, rmin, rmax)` and
    `d = clip((batch_mean - renorm_mean) / renorm_stddev, -dmax, dmax)`, which pass no gradient:
    `gamma * (normalised * r + d) + beta`. `moving_variance` is then the square of `moving_stddev`, less `epsilon`.

    Args:
        axis: The axis that keeps statistics of its own, usually the channels. Several axes keep them jointly: weights
            then have the rank of the inputs, with size 1 in the other axes.
        momentum: How slowly the moving statistics follow.
        epsilon: Added to the variance.
        center: Whether `beta` is added.
        scale: Whether `gamma` multiplies.
        beta_initializer: First values of `beta`.
        gamma_initializer: First values of `gamma`.
        moving_mean_initializer: First values of `moving_mean` (and `renorm_mean`).
        moving_variance_initializer: First values of `moving_variance`; the square of those of the standard deviations.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Projection of `beta` after each update.
        gamma_constraint: Projection of `gamma` after each update.
        renorm: Whether to correct towards statistics over several batches.
        renorm_clipping: With `renorm`: bounds "rmin", "rmax" and "dmax"; 0 and infinity where left out.
        renorm_momentum: With `renorm`: how slowly `renorm_mean` and `renorm_stddev` follow.
        synchronized: Whether the statistics are those of the whole batch where it is sharded over devices. A sharded
            program of JAX has one batch, so they always are, and both values mean the same.

    Raises:
        ValueError: If `axis` is no integer, or `renorm_clipping` has an unknown key or bounds that exclude each other.

    >>> layer = BatchNormalization(momentum=0.5)
    >>> y = layer(jnp.asarray([[1.0], [3.0]]), training=True)
    >>> layer.moving_mean.numpy().tolist()
    [1.0]

    Reference: Ioffe & Szegedy, 2015; Ioffe, 2017.
    """

    supports_masking = True
    moving_mean: Any
    moving_variance: Any
    axis: Any
    center: bool
    scale: bool
    momentum: float
    epsilon: float
    renorm: bool
    renorm_momentum: float
    moving_mean_initializer: Any
    moving_variance_initializer: Any

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
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
        renorm_clipping: Mapping[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(**kwargs)
        bounds = dict(renorm_clipping or {})
        keep(self, **{**arguments, "axis": _axis(axis), "renorm_clipping": bounds if renorm else renorm_clipping})
        self._clipping = _clipping(bounds)

    def build(self, input_shape: Any) -> None:
        """Declare `gamma`, `beta`, `moving_mean` and `moving_variance`; with `renorm` also three statistics of it."""
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        kept = {a % len(input_shape): input_shape[a] for a in axes}
        shape = tuple(kept.values()) if len(kept) == 1 else tuple(kept.get(a, 1) for a in range(len(input_shape)))
        self.gamma = declare(self, "gamma", shape) if self.scale else None
        self.beta = declare(self, "beta", shape) if self.center else None

        def statistic(name: str, initializer: Any) -> Any:
            return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False)

        self.moving_mean = statistic("moving_mean", self.moving_mean_initializer)
        self.moving_variance = statistic("moving_variance", self.moving_variance_initializer)
        if self.renorm:
            root = functools.partial(_square_root, self.moving_variance_initializer)
            self.moving_stddev = statistic("moving_stddev", root)
            self.renorm_mean = statistic("renorm_mean", self.moving_mean_initializer)
            self.renorm_stddev = statistic("renorm_stddev", root)
        self.input_spec = InputSpec(ndim=len(input_shape), axes=kept)

    def call(self, inputs: Array, training: bool = False, mask: Array | None = None) -> Array:
        """Return the normalised inputs; in training, move the statistics."""
        gamma, beta, axis, epsilon = self.gamma, self.beta, self.axis, self.epsilon
        if not (training and self.trainable):
            mean, variance = self.moving_mean.value, self.moving_variance.value
            return batch_norm_inference(inputs, gamma, beta, mean, variance, axis, epsilon)
        if not self.renorm:
            outputs, mean, variance = batch_norm_train(inputs, gamma, beta, axis, epsilon, mask)
            self._move("moving_mean", mean, self.momentum)
            self._move("moving_variance", variance, self.momentum)
            return outputs
        reference = self.renorm_mean.value, self.renorm_stddev.value
        outputs, mean, variance = batch_renorm_train(
            inputs, gamma, beta, *reference, axis, epsilon, self._clipping, mask
        )
        stddev = jnp.sqrt(variance + epsilon)
        self._move("moving_mean", mean, self.momentum)
        self._move("moving_stddev", stddev, self.momentum)
        self._move("renorm_mean", mean, self.renorm_momentum)
        self._move("renorm_stddev", stddev, self.renorm_momentum)
        self.moving_variance = jnp.maximum(jnp.square(self.moving_stddev.value) - epsilon, 0)
        return outputs

    def _move(self, name: str, value: Array, momentum: float) -> None:
        before = getattr(self, name).value
        setattr(self, name, momentum * before + (1 - momentum) * value.reshape(before.shape))


def _axis(axis: Any) -> int | tuple[int, ...]:
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    if not axes or not all(isinstance(a, int) for a in axes):
        raise ValueError(f"BatchNormalization: axis must be an integer or several; got {axis!r}.")
    return axes[0] if len(axes) == 1 else axes


def _clipping(bounds: Mapping[str, Any]) -> Clipping:
    for key in bounds:
        if key not in Clipping._fields:
            hint = nearest(key, Clipping._fields)
            raise ValueError(f"BatchNormalization: renorm_clipping has the keys rmin, rmax, dmax; got {key!r}.{hint}")
    clipping = Clipping(**bounds)
    if clipping.rmax < clipping.rmin or clipping.dmax < 0:
        raise ValueError(f"BatchNormalization: renorm_clipping needs rmin <= rmax and dmax >= 0; got {dict(bounds)}.")
    return clipping


def _square_root(initializer: Any, shape: Any, dtype: Any, key: Any = None) -> Any:
    """Draw standard deviations, whose squares an initializer gives."""
    return jnp.sqrt(Weight("variance", shape, initializer, dtype).draw(key))
