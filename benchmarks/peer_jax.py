"""The workloads as somebody who knows JAX trains them by hand: no library but optax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from networks_jax import NETWORKS, Params
from networks_jax_sequences import NETWORKS as SEQUENCES
from workloads import Workload

CONVOLUTIONAL = ("cnn", "resnet", "textcnn", "convlstm")


class Held(NamedTuple):
    """What a step changes."""

    params: Params
    state: Params
    optimizer_state: Any


def prepare(workload: Workload) -> Callable[[int], float]:
    """Return the function that trains: a scan over the epoch, or single steps where a scan is slow."""
    init, apply = {**NETWORKS, **SEQUENCES}[workload.name]
    make = {"sgd": optax.sgd, "adam": optax.adam}[workload.optimizer]
    optimizer = make(workload.learning_rate)
    x, y = jax.tree.map(jnp.asarray, workload.data(workload.rows))
    size = workload.batch_size
    full = workload.rows // size

    def loss_of(params: Params, state: Params, x: Any, y: jax.Array, key: jax.Array) -> tuple[jax.Array, Params]:
        out, state = apply(params, state, x, key)
        if workload.loss == "mean_squared_error":
            return ((out - y) ** 2).mean(), state
        if workload.loss == "binary_crossentropy":
            return optax.sigmoid_binary_cross_entropy(out, y).mean(), state
        counts = None if workload.padding is None else y != workload.padding
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(out, y), where=counts), state

    def step(held: Held, rows: jax.Array, key: jax.Array) -> tuple[Held, jax.Array]:
        batch = jax.tree.map(lambda array: array[rows], (x, y))
        value_and_grad = jax.value_and_grad(loss_of, has_aux=True)
        (loss, state), gradients = value_and_grad(held.params, held.state, *batch, key)
        updates, optimizer_state = optimizer.update(gradients, held.optimizer_state, held.params)
        params: Any = optax.apply_updates(held.params, updates)
        return Held(params, state, optimizer_state), loss

    def scanned_epoch(held: Held, key: jax.Array) -> tuple[Held, jax.Array]:
        order = jax.random.permutation(key, workload.rows)
        batches = order[: full * size].reshape(full, size), jax.random.split(key, full)
        held, losses = jax.lax.scan(lambda held, batch: step(held, *batch), held, batches)
        total = losses.sum() * size
        if rest := workload.rows - full * size:
            held, loss = step(held, order[full * size :], key)
            total += loss * rest
        return held, total / workload.rows

    epoch = jax.jit(scanned_epoch, donate_argnums=0)
    single = jax.jit(step, donate_argnums=0)
    random = np.random.default_rng(0)

    def stepped_epoch(held: Held, key: jax.Array) -> tuple[Held, jax.Array]:
        order, keys = random.permutation(workload.rows), jax.random.split(key, full + 1)
        losses = []
        for i in range(-(-workload.rows // size)):
            held, loss = single(held, order[i * size : (i + 1) * size], keys[i])
            losses.append(loss)
        return held, jnp.stack(losses).mean()

    # On CPU a convolution's weight gradient is many times slower inside a loop.
    run = stepped_epoch if workload.name in CONVOLUTIONAL and jax.default_backend() == "cpu" else epoch
    params, state = init(jax.random.key(0))
    current = Held(params, state, optimizer.init(params))
    next_key = jax.random.key(1)

    def train(epochs: int) -> float:
        nonlocal current, next_key
        for _ in range(epochs):
            next_key, key = jax.random.split(next_key)
            current, loss = run(current, key)
        return float(loss)

    return train
