"""The fully connected layer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.layers.arguments import arguments_of, declare, keep, positive, refuse

__all__ = ["Dense"]


class Dense(Layer):
    """`activation(x @ kernel + bias)`, over the last axis: `(batch, ..., features)` becomes `(batch, ..., units)`.

    Args:
        units: Size of the last axis of the outputs.
        activation: Name or function; None is the identity.
        use_bias: Whether `bias` is added.
        kernel_initializer: First values of `kernel`, `(features, units)`.
        bias_initializer: First values of `bias`, `(units,)`.
        kernel_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the outputs, per sample.
        kernel_constraint: Projection of `kernel` after each update.
        bias_constraint: Projection of `bias` after each update.
        lora_rank: Not supported: low-rank adaptation transforms `params`.
        lora_alpha: Not supported.
        quantization_config: Not supported.

    Raises:
        ValueError: If `units` is not positive, or inputs have fewer than two dimensions.

    >>> import jax
    >>> layer = Dense(4, activation="relu")
    >>> params, state = layer.init(jax.random.key(0), (None, 3))
    >>> y, _ = layer.apply(params, state, jnp.ones((2, 3)))
    >>> y.shape
    (2, 4)
    """

    supports_masking = True
    units: int
    activation: Any
    use_bias: bool

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        refuse(self, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        keep(self, **{**arguments, "units": positive(self, "units", units)})
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Declare `kernel` and `bias`."""
        self.kernel = declare(self, "kernel", (input_shape[-1], self.units))
        self.bias = declare(self, "bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, inputs: Array) -> Array:
        """Return `activation(inputs @ kernel + bias)`, `(..., units)`."""
        outputs = jnp.matmul(inputs, self.kernel)
        return self.activation(outputs if self.bias is None else outputs + self.bias)
