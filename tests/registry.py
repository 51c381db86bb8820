"""One row for each layer: how it is made, what it is called on, what is special. A row buys all contract tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import layers
from jkeras.core.layer import Layer


class Row(NamedTuple):
    """A layer and the inputs it is tested on."""

    name: str
    make: Callable[[], Any]
    shapes: Any
    """Shape of the input, or a list of shapes."""
    high: int | None = None
    """Inputs are integers below this number."""
    uses_rng: bool = False
    has_state: bool = False
    mask: tuple[int, ...] | None = None
    """Shape of the mask that the layer is also called with."""
    custom: bool = False
    """Written by a user: no configuration by name, no counterpart in Keras."""
    closes_over_params: bool = False
    """JAX cannot differentiate by what a `custom_vjp` closes over, nor checkpoint it, and takes it for a leak."""

    @property
    def is_list(self) -> bool:
        return isinstance(self.shapes, list)

    def inputs(self, seed: int = 0, batch: int | None = None) -> Any:
        """Return numpy inputs."""
        rng = np.random.default_rng(seed)

        def one(shape: tuple[int, ...]) -> np.ndarray:
            shape = shape if batch is None else (batch, *shape[1:])
            if self.high is not None:
                return rng.integers(0, self.high, shape).astype("int32")
            return rng.normal(size=shape).astype("float32")

        return [one(s) for s in self.shapes] if self.is_list else one(self.shapes)

    def masks(self) -> np.ndarray | None:
        """Return a mask whose rows are all different, one of them with a gap."""
        if self.mask is None:
            return None
        mask = np.arange(self.mask[1])[None] < np.asarray([self.mask[1] - 1, 2, 3][: self.mask[0]])[:, None]
        mask[0, 1] = False
        return mask


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


SEQUENCE, IMAGE, VOLUME = (3, 5, 4), (2, 6, 5, 4), (2, 4, 4, 3, 2)
STEPS = (3, 5)

ROWS = [
    Row("Dense", lambda: layers.Dense(3, activation="tanh", kernel_regularizer="l2"), (3, 4)),
    Row("Dense_sequence", lambda: layers.Dense(3), SEQUENCE, mask=STEPS),
    Row("Activation", lambda: layers.Activation("gelu"), (3, 4)),
    Row("ReLU", lambda: layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2), (3, 4)),
    Row("LeakyReLU", lambda: layers.LeakyReLU(), (3, 4)),
    Row("ELU", lambda: layers.ELU(), (3, 4)),
    Row("PReLU", lambda: layers.PReLU(alpha_initializer="uniform", shared_axes=[1]), SEQUENCE),
    Row("Softmax", lambda: layers.Softmax(), (3, 5), mask=STEPS),
    Row("Dropout", lambda: layers.Dropout(0.4, noise_shape=(None, 1, None), seed=3), SEQUENCE, uses_rng=True),
    Row("SpatialDropout1D", lambda: layers.SpatialDropout1D(0.4), SEQUENCE, uses_rng=True),
    Row("Flatten", lambda: layers.Flatten(), IMAGE),
    Row("Reshape", lambda: layers.Reshape((2, -1)), SEQUENCE),
    Row("Permute", lambda: layers.Permute((2, 1)), SEQUENCE),
    Row("RepeatVector", lambda: layers.RepeatVector(3), (3, 4)),
    Row("Lambda", lambda: layers.Lambda(layers.Activation("tanh").activation), (3, 4)),
    Row("Embedding", lambda: layers.Embedding(7, 4, mask_zero=True), (3, 5), high=7),
    Row("Masking", lambda: layers.Masking(), SEQUENCE),
    Row("ActivityRegularization", lambda: layers.ActivityRegularization(0.1, 0.2), (3, 4)),
    Row("Conv1D", lambda: layers.Conv1D(4, 3, padding="causal", activation="relu"), SEQUENCE),
    Row("Conv2D", lambda: layers.Conv2D(4, (3, 2), strides=(2, 1), padding="same", groups=2), IMAGE),
    Row("Conv3D", lambda: layers.Conv3D(2, 2), VOLUME),
    Row("MaxPooling1D", lambda: layers.MaxPooling1D(2), SEQUENCE),
    Row("MaxPooling2D", lambda: layers.MaxPooling2D((3, 2), strides=2, padding="same"), IMAGE),
    Row("MaxPooling3D", lambda: layers.MaxPooling3D(2), VOLUME),
    Row("AveragePooling1D", lambda: layers.AveragePooling1D(2), SEQUENCE),
    Row("AveragePooling2D", lambda: layers.AveragePooling2D((3, 2), strides=2, padding="same"), IMAGE),
    Row("AveragePooling3D", lambda: layers.AveragePooling3D(2), VOLUME),
    Row("GlobalMaxPooling1D", lambda: layers.GlobalMaxPooling1D(), SEQUENCE),
    Row("GlobalMaxPooling2D", lambda: layers.GlobalMaxPooling2D(keepdims=True), IMAGE),
    Row("GlobalMaxPooling3D", lambda: layers.GlobalMaxPooling3D(), VOLUME),
    Row("GlobalAveragePooling1D", lambda: layers.GlobalAveragePooling1D(), SEQUENCE, mask=STEPS),
    Row("GlobalAveragePooling2D", lambda: layers.GlobalAveragePooling2D(), IMAGE),
    Row("GlobalAveragePooling3D", lambda: layers.GlobalAveragePooling3D(), VOLUME),
    Row("BatchNormalization", lambda: layers.BatchNormalization(), SEQUENCE, has_state=True, mask=STEPS),
    Row("LayerNormalization", lambda: layers.LayerNormalization(axis=(1, 2)), SEQUENCE),
    Row("Add", lambda: layers.Add(), [SEQUENCE, SEQUENCE, SEQUENCE]),
    Row("Subtract", lambda: layers.Subtract(), [SEQUENCE, (3, 4)]),
    Row("Multiply", lambda: layers.Multiply(), [SEQUENCE, SEQUENCE]),
    Row("Average", lambda: layers.Average(), [SEQUENCE, SEQUENCE]),
    Row("Maximum", lambda: layers.Maximum(), [SEQUENCE, SEQUENCE]),
    Row("Minimum", lambda: layers.Minimum(), [SEQUENCE, SEQUENCE]),
    Row("Concatenate", lambda: layers.Concatenate(axis=1), [SEQUENCE, (3, 2, 4)]),
    Row("Dot", lambda: layers.Dot(axes=2, normalize=True), [SEQUENCE, (3, 6, 4)]),
    Row("LSTM", lambda: layers.LSTM(3, dropout=0.2, recurrent_dropout=0.2), SEQUENCE, uses_rng=True, mask=STEPS),
    Row("GRU", lambda: layers.GRU(3, return_sequences=True, return_state=True), SEQUENCE, mask=STEPS),
    Row("GRU_before", lambda: layers.GRU(3, reset_after=False, unroll=True), SEQUENCE, mask=STEPS),
    Row("SimpleRNN", lambda: layers.SimpleRNN(3, go_backwards=True), SEQUENCE, mask=STEPS),
    Row("LSTM_stateful", lambda: layers.LSTM(3, stateful=True), SEQUENCE, has_state=True),
    Row(
        "Bidirectional",
        lambda: layers.Bidirectional(layers.LSTM(3, return_sequences=True, return_state=True), merge_mode="sum"),
        SEQUENCE,
        mask=STEPS,
    ),
    Row("Bidirectional_pair", lambda: layers.Bidirectional(layers.GRU(3), merge_mode=None), SEQUENCE),
    Row("TimeDistributed", lambda: layers.TimeDistributed(layers.Dense(3)), SEQUENCE, mask=STEPS),
    Row("custom_counting", Counting, SEQUENCE, uses_rng=True, has_state=True, mask=STEPS, custom=True),
    Row("custom_nested", Nested, (3, 4), uses_rng=True, has_state=True, custom=True),
    Row("custom_late_gradient", LateGradient, (3, 4), custom=True, closes_over_params=True),
]
