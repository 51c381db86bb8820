"""A variational autoencoder on the digits: a `train_step` of one's own, in which the KL term is warmed up.

`--epochs 2` for a quick look.

Kingma & Welling 2014, "Auto-encoding variational Bayes", https://arxiv.org/abs/1312.6114
"""

from __future__ import annotations

import argparse

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import Model, Sequential, layers, utils
from jkeras.datasets import digits

SIZE, LATENT, WARM_UP = 64, 8, 300  # steps until the KL term counts fully


class Autoencoder(Model):
    """Encode an image as a normal distribution, draw from it, decode."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Sequential([layers.Dense(128, activation="relu"), layers.Dense(2 * LATENT)])
        self.decoder = Sequential([layers.Dense(128, activation="relu"), layers.Dense(SIZE)])

    def call(self, x: jax.Array, training: bool = False) -> tuple[jax.Array, jax.Array, jax.Array]:
        mean, log_variance = jnp.split(self.encoder(x), 2, axis=-1)
        z = mean
        if training:
            z = mean + jnp.exp(log_variance / 2) * jax.random.normal(self.key(), mean.shape)
        return self.decoder(z), mean, log_variance

    def terms(self, x: jax.Array, outputs: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        """Return the squared error and the divergence from a standard normal, means over the images."""
        decoded, mean, log_variance = outputs
        divergence = jnp.sum(jnp.exp(log_variance) + mean**2 - 1 - log_variance, axis=-1) / 2
        return jnp.sum((decoded - x) ** 2, axis=-1).mean(), divergence.mean()

    def train_step(self, ts, batch):
        def loss(params):
            outputs, state = self.apply(params, ts.state, batch.x, training=True, rng=ts.rng)
            error, divergence = self.terms(batch.x, outputs)
            weight = jnp.minimum(1.0, ts.opt_state.iterations / WARM_UP)
            return error / 0.2 + weight * divergence, (state, {"error": error, "divergence": divergence})

        (value, (state, logs)), grads = jax.value_and_grad(loss, has_aux=True)(ts.params)
        return self.apply_updates(ts, grads, state), {"loss": value, **logs}

    def test_step(self, ts, batch):
        outputs, _ = self.apply(ts.params, ts.state, batch.x)
        error, divergence = self.terms(batch.x, outputs)
        return {"error": error, "divergence": divergence}


def main(epochs: int = 60) -> float:
    """Train, and return the error of reconstructed test images as a share of that of the mean image."""
    utils.set_random_seed(0)
    (x_train, _), (x_test, _) = digits.load_data()
    x_train, x_test = (x.reshape(-1, SIZE).astype("float32") / 16 for x in (x_train, x_test))

    model = Autoencoder()
    model.compile("adam")
    model.fit(x_train, batch_size=32, epochs=epochs, validation_data=(x_test,), verbose=2)

    logs = model.evaluate(x_test, verbose=0, return_dict=True)
    ratio = logs["error"] / np.sum((x_test - x_train.mean(axis=0)) ** 2, axis=-1).mean()
    show(model.decoder.predict(np.random.default_rng(0).normal(size=(6, LATENT)), verbose=0))
    print(f"divergence {logs['divergence']:.2f}, reconstruction error {ratio:.3f} of that of the mean image")
    return float(ratio)


def show(images: np.ndarray) -> None:
    """Print images beside each other."""
    shades = np.array(list(" .:-=+*#%@"))
    rows = shades[np.clip(images.reshape(-1, 8, 8) * 9, 0, 9).astype(int)]
    print("\n".join("  ".join("".join(image[i]) for image in rows) for i in range(8)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    main(parser.parse_args().epochs)
