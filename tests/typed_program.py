"""A user's program, for type checkers: what they know of each step is asserted, and nothing may be unknown to them.

`tests/test_types.py` runs it, and has it checked.
"""

# pyright: strict
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, assert_type

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import jkeras
from jkeras import Input, Layer, Model, Population, Sequential, callbacks, layers, losses, metrics, ops, optimizers
from jkeras.callbacks import Callback, EarlyStopping, History
from jkeras.core.graph import SymbolicTensor
from jkeras.core.types import OwnTree
from jkeras.core.weight import Weight
from jkeras.models import Batch, TrainState, load_model

X = np.ones((8, 3), "float32")
Y = np.ones((8, 1), "float32")


class Scale(Layer):
    """A user's layer."""

    def __init__(self, factor: float = 2.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.offset = self.add_weight(name="offset", shape=input_shape[-1:], initializer="zeros")

    def call(self, inputs: Array) -> Array:
        return inputs * self.factor + self.offset


class Robust(Model):
    """A user's training step."""

    def train_step(self, state: TrainState, data: Batch) -> tuple[TrainState, dict[str, Array]]:
        def loss(params: OwnTree) -> tuple[Array, OwnTree]:
            outputs, new_state = self.apply(params, state.state, data.x, training=True, rng=state.rng)
            return jnp.mean(jnp.abs(outputs - data.y)), new_state

        step = jax.value_and_grad(loss, has_aux=True)  # pyright: ignore[reportUnknownMemberType] of JAX
        (value, new_state), gradients = step(state.params)
        return self.apply_updates(state, gradients, new_state), {"deviation": value}


class Count(Callback):
    """A user's callback."""

    epochs = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epochs += 1


def build() -> Sequential:
    """Make and compile a model."""
    assert_type(jkeras.layers.Dense(2), layers.Dense)
    model = Sequential([Input((3,)), layers.Dense(4, activation="relu"), Scale(0.5), layers.Dense(1)])
    adam = optimizers.Adam(learning_rate=0.01)
    assert_type(adam, optimizers.Adam)
    model.compile(adam, losses.MeanSquaredError(), metrics=[metrics.MeanAbsoluteError()])
    return assert_type(model, Sequential)


def train() -> None:
    """Keras's way."""
    jkeras.utils.set_random_seed(1)
    model, count = build(), Count()
    history = model.fit(X, Y, epochs=2, verbose=0, callbacks=[count, EarlyStopping(monitor="loss", patience=3)])
    assert_type(history, History)
    assert_type(history.history, dict[str, list[Any]])
    assert_type(history.epoch, list[int])
    assert count.epochs == len(history.history["loss"]) == 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = load_model(path, custom_objects={"Scale": Scale})
    assert_type(loaded, Model)
    assert_type(loaded.get_weights(), list[np.ndarray])


def graph() -> None:
    """A graph of symbolic tensors, and a training step of one's own."""
    inputs = assert_type(Input((3,)), SymbolicTensor)
    model = Robust(inputs, layers.Dense(1)(inputs))
    assert_type(model, Robust)
    model.compile("sgd")
    model.fit(X, Y, verbose=0)


def pure() -> None:
    """JAX's way."""
    layer = Scale()
    params, state = layer.init(jax.random.key(0), (None, 3))
    assert_type(params, OwnTree)
    assert_type(state, OwnTree)
    outputs, _ = layer.apply(params, state, X)
    assert ops.mean(outputs) == 2.0
    assert_type(layer.weights, list[Weight])


def many() -> None:
    """Many models as one program."""
    population = Population(build(), seeds=[0, 1], hyperparameters={"learning_rate": [0.1, 0.01]})
    assert_type(population, Population)
    population.fit(X, Y, epochs=1, verbose=0)


def helpers() -> None:
    """Small things around a model."""
    labels = jkeras.utils.to_categorical([0, 2], 3)
    assert labels.shape == (2, 3)
    assert_type(callbacks.ModelCheckpoint("best.keras"), callbacks.ModelCheckpoint)
    assert_type(jkeras.config.floatx(), str)


def main() -> None:
    """Do all of it."""
    for part in (train, graph, pure, many, helpers):
        part()
