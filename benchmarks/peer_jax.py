"""The workloads as somebody who knows JAX writes them by hand: no library but optax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from workloads import Workload

Params = dict[str, Any]


def _dense(key: jax.Array, inputs: int, outputs: int) -> Params:
    bound = (6 / (inputs + outputs)) ** 0.5
    return {"w": jax.random.uniform(key, (inputs, outputs), minval=-bound, maxval=bound), "b": jnp.zeros(outputs)}


def _mlp(sizes: list[int]) -> tuple[Callable[[jax.Array], Params], Callable[..., jax.Array]]:
    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, len(sizes))
        return {str(i): _dense(k, a, b) for i, (k, a, b) in enumerate(zip(keys, sizes, sizes[1:]))}

    def apply(params: Params, x: jax.Array, key: jax.Array) -> jax.Array:
        x = x.reshape(len(x), -1)
        for i in range(len(sizes) - 1):
            x = x @ params[str(i)]["w"] + params[str(i)]["b"]
            x = jax.nn.relu(x) if i < len(sizes) - 2 else x
        return x

    return init, apply


def _pool(x: jax.Array) -> jax.Array:
    rows, height, width, channels = x.shape
    return x.reshape(rows, height // 2, 2, width // 2, 2, channels).max((2, 4))


def _cnn() -> tuple[Callable[[jax.Array], Params], Callable[..., jax.Array]]:
    def init(key: jax.Array) -> Params:
        a, b, c, d = jax.random.split(key, 4)
        glorot = jax.nn.initializers.glorot_uniform(in_axis=(-2,), out_axis=-1)
        return {
            "a": {"w": glorot(a, (5, 5, 1, 32)), "b": jnp.zeros(32)},
            "b": {"w": glorot(b, (5, 5, 32, 64)), "b": jnp.zeros(64)},
            "c": _dense(c, 7 * 7 * 64, 1024),
            "d": _dense(d, 1024, 10),
        }

    def apply(params: Params, x: jax.Array, key: jax.Array) -> jax.Array:
        for name in "ab":
            x = jax.lax.conv_general_dilated(
                x, params[name]["w"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = _pool(jax.nn.relu(x + params[name]["b"]))
        x = jax.nn.relu(x.reshape(len(x), -1) @ params["c"]["w"] + params["c"]["b"])
        return x @ params["d"]["w"] + params["d"]["b"]

    return init, apply


def _lstm(units: int, rate: float) -> tuple[Callable[[jax.Array], Params], Callable[..., jax.Array]]:
    def init(key: jax.Array) -> Params:
        a, b, c = jax.random.split(key, 3)
        return {
            "x": _dense(a, 1, 4 * units),
            "h": jax.nn.initializers.orthogonal()(b, (units, 4 * units)),
            "out": _dense(c, units, 1),
        }

    def apply(params: Params, x: jax.Array, key: jax.Array) -> jax.Array:
        projected = jnp.swapaxes(x, 0, 1) @ params["x"]["w"] + params["x"]["b"]

        def step(carry: tuple[jax.Array, jax.Array], gates: jax.Array) -> tuple[tuple[jax.Array, jax.Array], None]:
            hidden, cell = carry
            i, f, c, o = jnp.split(gates + hidden @ params["h"], 4, axis=-1)
            cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(c)
            return (jax.nn.sigmoid(o) * jnp.tanh(cell), cell), None

        zeros = jnp.zeros((len(x), units))
        (hidden, _), _ = jax.lax.scan(step, (zeros, zeros), projected)
        kept = jax.random.bernoulli(key, 1 - rate, hidden.shape)
        return jnp.where(kept, hidden / (1 - rate), 0) @ params["out"]["w"] + params["out"]["b"]

    return init, apply


_NETWORKS = {
    "regression": _mlp([8, 30, 1]),
    "mlp": _mlp([784, 300, 100, 10]),
    "cnn": _cnn(),
    "lstm": _lstm(100, 0.25),
}


def prepare(workload: Workload) -> Callable[[int], float]:
    """Return the function that trains: a scan over the epoch, or single steps where a scan is slow."""
    init, apply = _NETWORKS[workload.name]
    make = {"sgd": optax.sgd, "adam": optax.adam}[workload.optimizer]
    optimizer = make(workload.learning_rate)
    x, y = (jnp.asarray(array) for array in workload.data(workload.rows))
    size = workload.batch_size
    full = workload.rows // size

    def loss_of(params: Params, x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        out = apply(params, x, key)
        if workload.loss == "mean_squared_error":
            return ((out - y) ** 2).mean()
        return optax.softmax_cross_entropy_with_integer_labels(out, y).mean()

    def step(carry: tuple[Params, Any], rows: jax.Array, key: jax.Array) -> tuple[tuple[Params, Any], jax.Array]:
        params, state = carry
        loss, gradients = jax.value_and_grad(loss_of)(params, x[rows], y[rows], key)
        updates, state = optimizer.update(gradients, state, params)
        return (optax.apply_updates(params, updates), state), loss

    def scanned_epoch(carry: tuple[Params, Any], key: jax.Array) -> tuple[tuple[Params, Any], jax.Array]:
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

    def stepped_epoch(carry: tuple[Params, Any], key: jax.Array) -> tuple[tuple[Params, Any], jax.Array]:
        order, keys = random.permutation(workload.rows), jax.random.split(key, full + 1)
        losses = []
        for i in range(-(-workload.rows // size)):
            carry, loss = single(carry, order[i * size : (i + 1) * size], keys[i])
            losses.append(loss)
        return carry, jnp.stack(losses).mean()

    # On CPU a convolution's weight gradient is many times slower inside a loop.
    run = stepped_epoch if workload.name == "cnn" and jax.default_backend() == "cpu" else epoch
    params = init(jax.random.key(0))
    held = {"carry": (params, optimizer.init(params)), "key": jax.random.key(1)}

    def train(epochs: int) -> float:
        for _ in range(epochs):
            held["key"], key = jax.random.split(held["key"])
            held["carry"], loss = run(held["carry"], key)
        return float(loss)

    return train
