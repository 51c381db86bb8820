"""A training step of one's own: a network is trained on images that were changed to mislead it, and withstands them.

`train_step(ts, batch)` is a pure function from a state of training and a batch to the next state and logs, so there may
be gradients in it of anything by anything: first of the loss by the images, whose sign is the worst small change of
every pixel, then of the loss on the changed images by the weights. `fit` compiles it into its loop like its own step,
and metrics, validation and callbacks work as ever. Expect the ordinary network to be misled four times in five.

Goodfellow et al. 2015, "Explaining and Harnessing Adversarial Examples", https://arxiv.org/abs/1412.6572
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import Model, Sequential, layers
from jkeras.datasets import digits
from jkeras.utils import set_random_seed

STRENGTH = 0.2  # how far a pixel may be moved; paper is 0 and ink 1


def cross_entropy(probabilities: jax.Array, y: jax.Array) -> jax.Array:
    """The mean of `-log p` of the right class."""
    return -jnp.log(jnp.take_along_axis(probabilities, y.astype("int32")[:, None], axis=-1) + 1e-7).mean()


class Withstanding(Model):
    """A classifier that is trained on images and, with the same weight, on adversarial ones."""

    def __init__(self, adversarial: bool) -> None:
        super().__init__()
        self.adversarial = adversarial
        self.network = Sequential(
            [
                layers.Dense(128, activation="relu"),
                layers.Dense(64, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        )

    def call(self, x: jax.Array) -> jax.Array:
        return self.network(x)

    def attacked(self, ts: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        """The images, each pixel moved by `STRENGTH` in the direction in which the loss grows."""
        slope = jax.grad(lambda x: cross_entropy(self.apply(ts.params, ts.state, x)[0], y))(x)
        return jnp.clip(x + STRENGTH * jnp.sign(slope), 0, 1)

    def train_step(self, ts: Any, batch: Any) -> tuple[Any, dict[str, jax.Array]]:
        x, y = batch.x, batch.y
        if self.adversarial:
            x, y = jnp.concatenate([x, self.attacked(ts, x, y)]), jnp.concatenate([y, y])

        def loss(params: Any) -> tuple[jax.Array, Any]:
            probabilities, state = self.apply(params, ts.state, x, training=True, rng=ts.rng)
            return cross_entropy(probabilities, y), state

        (value, state), gradients = jax.value_and_grad(loss, has_aux=True)(ts.params)
        return self.apply_updates(ts, gradients, state), {"loss": value}

    def test_step(self, ts: Any, batch: Any) -> dict[str, jax.Array]:
        def accuracy(x: jax.Array) -> jax.Array:
            return (self.apply(ts.params, ts.state, x)[0].argmax(-1) == batch.y).mean()

        return {"accuracy": accuracy(batch.x), "attacked": accuracy(self.attacked(ts, batch.x, batch.y))}


def main() -> float:
    """Train both, and return the accuracy of the second one under attack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60)
    options = parser.parse_args()

    (x, y), test = ((x.reshape(len(x), -1) / np.float32(16), y.astype("int32")) for x, y in digits.load_data())
    results = []
    for adversarial in (False, True):
        set_random_seed(0)
        model = Withstanding(adversarial)
        model.compile("adam")
        model.fit(x, y, batch_size=36, epochs=options.epochs, validation_data=test, verbose=2)
        results.append(model.evaluate(*test, batch_size=36, verbose=0, return_dict=True))
    for name, logs in zip(("ordinary", "adversarial"), results):
        print(
            f"{name} training: {logs['accuracy']:.1%} of the test images, {logs['attacked']:.1%} of the attacked ones"
        )
    ordinary, trained = (logs["attacked"] for logs in results)
    print(f"test accuracy {trained:.4f} under attack, {ordinary:.4f} after ordinary training")
    return trained


if __name__ == "__main__":
    main()
