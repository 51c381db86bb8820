"""The network of `digits_cnn.py` without compile and fit: init, apply, optax, and several seeds trained as one program.

`--epochs 4 --images 256` for a quick look.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from digits_cnn import build

from jkeras.datasets import digits

BATCH = 128


class Training(NamedTuple):
    """All that a training step changes."""

    params: Any
    state: Any
    optimizer_state: Any


def main() -> float:
    """Train one network a seed and return the mean accuracy on the test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--images", type=int, help="how many to train on; all if left out")
    options = parser.parse_args()

    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = (jnp.asarray(x[..., None] / np.float32(16)) for x in (x_train[: options.images], x_test))
    y_train, y_test = (jnp.asarray(y, "int32") for y in (y_train[: options.images], y_test))
    model, optimizer = build(), optax.adam(2e-3)

    def start(key: jax.Array) -> Training:
        params, state = model.init(key, x_train[:1])
        return Training(params, state, optimizer.init(params))

    def loss_of(params: Any, state: Any, x: jax.Array, y: jax.Array, key: jax.Array) -> tuple[jax.Array, Any]:
        probabilities, state = model.apply(params, state, x, training=True, rng=key)
        picked = jnp.take_along_axis(probabilities, y[:, None], axis=-1)
        return -jnp.log(picked + 1e-7).mean(), state

    def step(training: Training, batch: tuple[jax.Array, jax.Array]) -> tuple[Training, jax.Array]:
        rows, key = batch
        gradient_of = jax.value_and_grad(loss_of, has_aux=True)
        (loss, state), gradients = gradient_of(training.params, training.state, x_train[rows], y_train[rows], key)
        updates, optimizer_state = optimizer.update(gradients, training.optimizer_state, training.params)
        return Training(optax.apply_updates(training.params, updates), state, optimizer_state), loss

    @jax.jit
    @partial(jax.vmap, in_axes=(0, 0))
    def epoch(training: Training, key: jax.Array) -> tuple[Training, jax.Array]:
        steps = len(x_train) // BATCH
        order_key, step_key = jax.random.split(key)
        order = jax.random.permutation(order_key, len(x_train))[: steps * BATCH].reshape(steps, BATCH)
        batches = order, jax.random.split(step_key, steps)
        # On CPU, XLA's weight gradient of a convolution is some ten times slower inside a loop than written out.
        training, losses = jax.lax.scan(step, training, batches, unroll=jax.default_backend() == "cpu")
        return training, losses.mean()

    @jax.jit
    @jax.vmap
    def accuracy_of(training: Training) -> jax.Array:
        probabilities, _ = model.apply(training.params, training.state, x_test)
        return (probabilities.argmax(-1) == y_test).mean()

    keys = jax.random.split(jax.random.key(0), options.seeds)
    training = jax.vmap(start)(keys)
    for number in range(options.epochs):
        begin = time.perf_counter()
        training, losses = epoch(training, jax.vmap(jax.random.fold_in, (0, None))(keys, number))
        shown = " ".join(f"{loss:.4f}" for loss in losses)
        print(f"epoch {number + 1}: loss by seed {shown} ({time.perf_counter() - begin:.1f} s)")
    accuracies = accuracy_of(training)
    print("test accuracy by seed " + " ".join(f"{accuracy:.4f}" for accuracy in accuracies))
    return float(accuracies.mean())


if __name__ == "__main__":
    main()
