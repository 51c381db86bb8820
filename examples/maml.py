"""Model-agnostic meta-learning of sine waves: learn where a few steps of learning should begin.

Each task is a sine of another amplitude and phase, of which ten points are known. The gradient goes through the inner
step of learning, and `vmap` runs all tasks of a batch at once.

Reference: Finn et al. 2017, "Model-agnostic meta-learning for fast adaptation of deep networks",
https://arxiv.org/abs/1703.03400
"""

from __future__ import annotations

import argparse

import jax
import jax.numpy as jnp
import optax

from jkeras import Input, Sequential
from jkeras.layers import Dense

POINTS, TASKS, INNER_RATE = 10, 25, 0.01

model = Sequential([Input((1,)), Dense(40, activation="relu"), Dense(40, activation="relu"), Dense(1)])
optimizer = optax.adam(2e-3)


def task(key):
    """Return points of a sine to learn from, and others to be judged by."""
    amplitude, phase, x = jax.random.split(key, 3)
    amplitude = jax.random.uniform(amplitude, minval=0.1, maxval=5.0)
    phase = jax.random.uniform(phase, maxval=jnp.pi)
    x = jax.random.uniform(x, (2, POINTS, 1), minval=-5.0, maxval=5.0)
    return x, amplitude * jnp.sin(x + phase)


def loss(params, x, y):
    return jnp.mean((model.apply(params, {}, x)[0] - y) ** 2)


def learned(params, x, y):
    """Return the parameters after a step of learning from the points."""
    return jax.tree.map(lambda p, g: p - INNER_RATE * g, params, jax.grad(loss)(params, x, y))


def meta_loss(params, key):
    """Return what is left, on new points, after a step of learning: the mean over a batch of tasks."""

    def loss_after(key):
        (x, x_new), (y, y_new) = task(key)
        return loss(learned(params, x, y), x_new, y_new)

    return jnp.mean(jax.vmap(loss_after)(jax.random.split(key, TASKS)))


@jax.jit
def losses_of_learning(params, keys):
    """Return the mean over tasks of the losses on new points after 0, 1, ... 10 steps."""

    def of_task(key):
        (x, x_new), (y, y_new) = task(key)
        return jax.lax.scan(lambda p, _: (learned(p, x, y), loss(p, x_new, y_new)), params, length=11)[1]

    return jnp.mean(jax.vmap(of_task)(keys), axis=0)


@jax.jit
def train(params, opt_state, keys):
    """Run a step for each key in one compiled loop."""

    def step(carry, key):
        params, opt_state = carry
        value, grads = jax.value_and_grad(meta_loss)(params, key)
        updates, opt_state = optimizer.update(grads, opt_state)
        return (optax.apply_updates(params, updates), opt_state), value

    return jax.lax.scan(step, (params, opt_state), keys)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=3000)
    steps = parser.parse_args().steps

    random, _ = model.init(jax.random.key(0))
    params, opt_state = random, optimizer.init(random)
    for number, keys in enumerate(jnp.split(jax.random.split(jax.random.key(1), steps), 4), 1):
        (params, opt_state), losses = train(params, opt_state, keys)
        print(f"{number * steps // 4:6d} steps: loss after one step of learning {float(losses[-100:].mean()):.3f}")

    tests = jax.random.split(jax.random.key(2), 200)
    for name, start in (("a random start", random), ("the learned start", params)):
        losses = losses_of_learning(start, tests).tolist()
        results = ", ".join(f"{losses[n]:.2f}" for n in (0, 1, 5, 10))
        print(f"new tasks from {name}: {results} after 0, 1, 5, 10 steps")


if __name__ == "__main__":
    main()
