"""The workloads as somebody who knows JAX trains them by hand: no library but optax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from networks_jax import NETWORKS, Params
from workloads import Workload

CONVOLUTIONAL = ("cnn", "convlstm")


def prepare(workload: Workload) -> Callable[[int], float]:
    """Return the function that trains: a scan over the epoch, or single steps where a scan is slow."""
    init, apply = NETWORKS[workload.name]
    make = {"sgd": optax.sgd, "adam": optax.adam}[workload.optimizer]
    optimizer = make(workload.learning_rate)
    x, y = jax.tree.map(jnp.asarray, workload.data(workload.rows))
    size = workload.batch_size
    full = workload.rows // size

    def loss_of(params: Params, x: Any, y: jax.Array, key: jax.Array) -> jax.Array:
        out = apply(params, x, key)
        if workload.loss == "mean_squared_error":
            return ((out - y) ** 2).mean()
        counts = None if workload.padding is None else y != workload.padding
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(out, y), where=counts)

    def step(carry: tuple[Any, Any], rows: jax.Array, key: jax.Array) -> tuple[tuple[Any, Any], jax.Array]:
        params, state = carry
        loss, gradients = jax.value_and_grad(loss_of)(params, *jax.tree.map(lambda array: array[rows], (x, y)), key)
        updates, state = optimizer.update(gradients, state, params)
        return (optax.apply_updates(params, updates), state), loss

    def scanned_epoch(carry: tuple[Any, Any], key: jax.Array) -> tuple[tuple[Any, Any], jax.Array]:
        order = jax.random.permutation(key, workload.rows)
        batches = order[: full * size].reshape(full, size), jax.random.split(key, full)
        carry, losses = jax.lax.scan(lambda c, batch: step(c, *batch), carry, batches)
        total = losses.sum() * size
        if rest := workload.rows - full * size:
            carry, loss = step(carry, order[full * size :], key)
            total += loss * rest
        return carry, total / workload.rows

    epoch = jax.jit(scanned_epoch, donate_argnums=0)
    single = jax.jit(step, donate_argnums=0)
    random = np.random.default_rng(0)

    def stepped_epoch(carry: tuple[Any, Any], key: jax.Array) -> tuple[tuple[Any, Any], jax.Array]:
        order, keys = random.permutation(workload.rows), jax.random.split(key, full + 1)
        losses = []
        for i in range(-(-workload.rows // size)):
            carry, loss = single(carry, order[i * size : (i + 1) * size], keys[i])
            losses.append(loss)
        return carry, jnp.stack(losses).mean()

    # On CPU a convolution's weight gradient is many times slower inside a loop.
    run = stepped_epoch if workload.name in CONVOLUTIONAL and jax.default_backend() == "cpu" else epoch
    params = init(jax.random.key(0))
    held = {"carry": (params, optimizer.init(params)), "key": jax.random.key(1)}

    def train(epochs: int) -> float:
        for _ in range(epochs):
            held["key"], key = jax.random.split(held["key"])
            held["carry"], loss = run(held["carry"], key)
        return float(loss)

    return train
