"""Layers that a user wrote."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras import layers
from jkeras.core.layer import Layer
from rows.kinds import SEQUENCE, STEPS, Row


class Counting(Layer):
    """A custom layer with a weight, state, randomness and a mask, as a Keras user writes it."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)
        self.total = self.add_weight(name="total", shape=(), initializer="zeros", trainable=False)

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units), regularizer="l2")

    def call(self, inputs, training=None, mask=None):
        self.count.assign_add(1.0)
        if mask is not None:
            inputs = jnp.where(mask[..., None], inputs, 0.0)
        if training:
            self.total = self.total + jnp.mean(inputs)
            inputs = inputs + 0.1 * jax.random.normal(self.key(), inputs.shape, inputs.dtype)
        self.add_loss(jnp.mean(jnp.square(inputs)))
        return inputs @ self.kernel

    def compute_mask(self, inputs, mask=None):
        return mask

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Nested(Layer):
    """Sublayers in an attribute, a list, a tuple and a dict, one of them shared, and one that `build` makes."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.shared = layers.Dense(3)
        self.listed = [layers.Dense(3), layers.BatchNormalization()]
        self.paired = (layers.Dense(4), self.shared)
        self.by_name = {"drop": layers.Dropout(0.5), "norm": layers.LayerNormalization()}

    def build(self, input_shape):
        self.last = layers.Dense(input_shape[-1])
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")

    def call(self, inputs):
        x = self.shared(inputs)
        for layer in self.listed:
            x = layer(x)
        for layer in self.paired:
            x = layer(x)
        return self.scale * self.last(self.by_name["norm"](self.by_name["drop"](x)))


class LateGradient(Layer):
    """A `custom_vjp` whose backward pass reads `self.kernel`, which JAX traces after `call` has returned."""

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(), initializer="ones")

    def call(self, inputs):
        @jax.custom_vjp
        def triple(x):
            return x * self.kernel

        triple.defvjp(lambda x: (x * self.kernel, None), lambda _, g: (g * 3.0 * self.kernel,))
        return triple(inputs)


CONTRACT = [
    Row("custom_counting", Counting, SEQUENCE, uses_rng=True, has_state=True, mask=STEPS, custom=True),
    Row("custom_nested", Nested, (3, 4), uses_rng=True, has_state=True, custom=True),
    Row("custom_late_gradient", LateGradient, (3, 4), custom=True, closes_over_params=True),
]

ORACLE = []
