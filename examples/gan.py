"""A Wasserstein GAN with gradient penalty that learns a distribution of points in the plane.

Both networks are trained in one `train_step`, each by its own optimizer. `--epochs 8` for a quick look.

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", https://arxiv.org/abs/1704.00028
"""

from __future__ import annotations

import argparse

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import Input, Model, Sequential, layers, utils
from jkeras.optimizers import Adam, MultiOptimizer, OptimizerMap

BATCH, NOISE, CRITIC_STEPS = 128, 4, 3
MEAN, COVARIANCE = np.array([2.0, -1.0]), np.array([[1.0, 0.6], [0.6, 0.5]])


def network(inputs: int, outputs: int) -> Sequential:
    """Return a network of two hidden layers."""
    hidden = [layers.Dense(32, activation="leaky_relu") for _ in range(2)]
    return Sequential([Input((inputs,)), *hidden, layers.Dense(outputs)])


class Adversaries(Model):
    """A generator of points and its critic."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.critic = network(NOISE, 2), network(2, 1)

    def generated(self, count: int) -> jax.Array:
        return self.generator(jax.random.normal(self.key(), (count, NOISE)))

    def generator_loss(self, x: jax.Array) -> jax.Array:
        return -jnp.mean(self.critic(self.generated(len(x))))

    def critic_loss(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        fake = self.generated(len(x))
        between = fake + jax.random.uniform(self.key(), (len(x), 1)) * (x - fake)
        slopes = jax.grad(lambda points: jnp.sum(self.critic(points)))(between)
        penalty = jnp.mean((jnp.linalg.norm(slopes, axis=-1) - 1) ** 2)
        distance = jnp.mean(self.critic(x)) - jnp.mean(self.critic(fake))
        return 10 * penalty - distance, distance

    def train_step(self, ts, batch):
        def run(params, method, key):
            return self.apply(params, ts.state, batch.x, training=True, rng=key, method=method)[0]

        *critic_keys, key = jax.random.split(ts.rng, CRITIC_STEPS + 1)
        for critic_key in critic_keys:
            grads, distance = jax.grad(run, has_aux=True)(ts.params, "critic_loss", critic_key)
            ts = self.apply_updates(ts, self.part(grads, "critic"))
        grads = jax.grad(run)(ts.params, "generator_loss", key)
        return self.apply_updates(ts, self.part(grads, "generator")), {"distance": distance}

    def predict_step(self, ts, x):
        return self.apply(ts.params, ts.state, len(x), rng=ts.rng, method="generated")[0]


def main(epochs: int = 24) -> float:
    """Train, and return how far mean and covariance of what is generated are from the true ones."""
    utils.set_random_seed(0)
    x = np.random.default_rng(0).multivariate_normal(MEAN, COVARIANCE, 8192).astype("float32")

    model = Adversaries()
    critic = Adam(2e-3, beta_1=0.5)
    # The adversaries circle round the solution: the generator that is kept is an average over the last steps.
    generator = Adam(5e-4, beta_1=0.5, use_ema=True, ema_momentum=0.995)
    model.compile(MultiOptimizer(OptimizerMap(critic, {"generator/.*": generator})))
    model.fit(x, batch_size=BATCH, epochs=epochs, verbose=2)

    points = model.predict(np.zeros((4096, 1)), batch_size=1024, verbose=0)
    mean, covariance = points.mean(axis=0), np.cov(points.T)
    error = max(np.abs(mean - MEAN).max(), np.abs(covariance - COVARIANCE).max())
    print(f"mean {mean.round(2)}, covariance {covariance.round(2).tolist()}: largest error {error:.3f}")
    return float(error)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=24)
    main(parser.parse_args().epochs)
