"""The networks of sequences by hand, on JAX alone: see `networks_jax`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from networks_jax import Network, Params, conv, dense, glorot, stateless


def _gates(key: jax.Array, features: int, units: int, count: int = 4) -> Params:
    a, b = jax.random.split(key)
    recurrent = jax.nn.initializers.orthogonal()(b, (units, count * units))
    return {"x": dense(a, features, count * units), "h": recurrent}


def _lstm_cell(gates: jax.Array, cell: jax.Array) -> tuple[jax.Array, jax.Array]:
    i, f, c, o = jnp.split(gates, 4, axis=-1)
    cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(c)
    return jax.nn.sigmoid(o) * jnp.tanh(cell), cell


def _run_lstm(
    params: Params,
    x: jax.Array,
    state: tuple[jax.Array, jax.Array],
    mask: jax.Array | None = None,
    reverse: bool = False,
    outputs: bool = False,
) -> tuple[tuple[jax.Array, jax.Array], Any]:
    projected = jnp.swapaxes(x, 0, 1) @ params["x"]["w"] + params["x"]["b"]
    steps = None if mask is None else mask.T[..., None]

    def step(carry: tuple[jax.Array, jax.Array], now: Any) -> tuple[tuple[jax.Array, jax.Array], jax.Array | None]:
        gates, valid = now
        hidden, cell = _lstm_cell(gates + carry[0] @ params["h"], carry[1])
        if valid is not None:
            hidden, cell = jnp.where(valid, hidden, carry[0]), jnp.where(valid, cell, carry[1])
        return (hidden, cell), hidden if outputs else None

    return jax.lax.scan(step, state, (projected, steps), reverse=reverse)


def _lstm(units: int, rate: float) -> Network:
    def init(key: jax.Array) -> Params:
        a, b = jax.random.split(key)
        return {"lstm": _gates(a, 1, units), "out": dense(b, units, 1)}

    def apply(params: Params, x: jax.Array, key: jax.Array) -> jax.Array:
        zeros = jnp.zeros((len(x), units))
        (hidden, _), _ = _run_lstm(params["lstm"], x, (zeros, zeros))
        kept = jax.random.bernoulli(key, 1 - rate, hidden.shape)
        return jnp.where(kept, hidden / (1 - rate), 0) @ params["out"]["w"] + params["out"]["b"]

    return stateless(init, apply)


def _gru(features: int, units: int, classes: int) -> Network:
    def init(key: jax.Array) -> Params:
        a, b = jax.random.split(key)
        return {"gru": {**_gates(a, features, units, 3), "b": jnp.zeros(3 * units)}, "out": dense(b, units, classes)}

    def apply(params: Params, x: jax.Array, key: jax.Array) -> jax.Array:
        gru = params["gru"]

        def step(hidden: jax.Array, of_x: jax.Array) -> tuple[jax.Array, None]:
            of_h = hidden @ gru["h"] + gru["b"]
            zr = jax.nn.sigmoid(of_x[:, : 2 * units] + of_h[:, : 2 * units])
            z, r = jnp.split(zr, 2, axis=-1)
            candidate = jnp.tanh(of_x[:, 2 * units :] + r * of_h[:, 2 * units :])
            return z * hidden + (1 - z) * candidate, None

        projected = jnp.swapaxes(x, 0, 1) @ gru["x"]["w"] + gru["x"]["b"]
        hidden, _ = jax.lax.scan(step, jnp.zeros((len(x), units)), projected)
        return hidden @ params["out"]["w"] + params["out"]["b"]

    return stateless(init, apply)


def _seq2seq(vocabulary: int, units: int) -> Network:
    def init(key: jax.Array) -> Params:
        a, b, c, d, e, f = jax.random.split(key, 6)
        embedding = jax.nn.initializers.uniform(0.1)
        return {
            "source": embedding(a, (vocabulary, units)) - 0.05,
            "teacher": embedding(b, (vocabulary, units)) - 0.05,
            "forward": _gates(c, units, units),
            "backward": _gates(d, units, units),
            "decoder": _gates(e, units, 2 * units),
            "out": dense(f, 2 * units, vocabulary),
        }

    def apply(params: Params, x: list[jax.Array], key: jax.Array) -> jax.Array:
        source, teacher = x
        embedded, mask = params["source"][source], source != 0
        zeros = jnp.zeros((len(source), units))
        forward, _ = _run_lstm(params["forward"], embedded, (zeros, zeros), mask)
        backward, _ = _run_lstm(params["backward"], embedded, (zeros, zeros), mask, reverse=True)
        hidden, cell = (jnp.concatenate(pair, axis=-1) for pair in zip(forward, backward))
        # What the decoder says behind the end of a row is left to the loss, which does not count it.
        _, outputs = _run_lstm(params["decoder"], params["teacher"][teacher], (hidden, cell), outputs=True)
        return jnp.swapaxes(outputs, 0, 1) @ params["out"]["w"] + params["out"]["b"]

    return stateless(init, apply)


def _convlstm(filters: int, classes: int) -> Network:
    def init(key: jax.Array) -> Params:
        a, b, c = jax.random.split(key, 3)
        return {
            "x": glorot(a, (3, 3, 1, 4 * filters)),
            "h": jax.nn.initializers.orthogonal()(b, (3, 3, filters, 4 * filters)),
            "b": jnp.zeros(4 * filters),
            "out": dense(c, filters, classes),
        }

    def apply(params: Params, x: jax.Array, key: jax.Array) -> jax.Array:
        rows, frames, height, width, _ = x.shape
        projected = conv(jnp.swapaxes(x, 0, 1).reshape(rows * frames, height, width, 1), params["x"]) + params["b"]

        def step(carry: tuple[jax.Array, jax.Array], gates: jax.Array) -> tuple[tuple[jax.Array, jax.Array], None]:
            hidden, cell = carry
            return _lstm_cell(gates + conv(hidden, params["h"]), cell), None

        zeros = jnp.zeros((rows, height, width, filters))
        projected = projected.reshape(frames, *zeros.shape[:-1], 4 * filters)
        # Unrolled: on CPU a convolution's weight gradient is many times slower inside a loop.
        (hidden, _), _ = jax.lax.scan(step, (zeros, zeros), projected, unroll=True)
        return hidden.mean((1, 2)) @ params["out"]["w"] + params["out"]["b"]

    return stateless(init, apply)


def _normalize(params: Params, x: jax.Array) -> jax.Array:
    return jax.nn.standardize(x, epsilon=1e-3) * params["scale"] + params["offset"]


def _attend(params: Params, x: jax.Array, heads: int) -> jax.Array:
    rows, steps, width = x.shape
    projected = x @ params["in"]["w"] + params["in"]["b"]
    query, key, value = (part.reshape(rows, steps, heads, -1) for part in jnp.split(projected, 3, axis=-1))
    scores = jnp.einsum("nqhd,nkhd->nhqk", query, key) * (width // heads) ** -0.5
    attended = jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(scores), value).reshape(x.shape)
    return attended @ params["out"]["w"] + params["out"]["b"]


def _transformer(vocabulary: int, steps: int, width: int, heads: int, classes: int) -> Network:
    def norm() -> Params:
        return {"scale": jnp.ones(width), "offset": jnp.zeros(width)}

    def block(key: jax.Array) -> Params:
        a, b, c, d = jax.random.split(key, 4)
        return {
            "norms": [norm(), norm()],
            "attention": {"in": dense(a, width, 3 * width), "out": dense(b, width, width)},
            "up": dense(c, width, 4 * width),
            "down": dense(d, 4 * width, width),
        }

    def init(key: jax.Array) -> Params:
        a, b, c, d, e = jax.random.split(key, 5)
        return {
            "words": jax.random.uniform(a, (vocabulary, width), minval=-0.05, maxval=0.05),
            "positions": jax.random.uniform(b, (steps, width), minval=-0.05, maxval=0.05),
            "blocks": [block(c), block(d)],
            "norm": norm(),
            "out": dense(e, width, classes),
        }

    def apply(params: Params, x: jax.Array, key: jax.Array) -> jax.Array:
        x = params["words"][x] + params["positions"]
        for block in params["blocks"]:
            x = x + _attend(block["attention"], _normalize(block["norms"][0], x), heads)
            hidden = _normalize(block["norms"][1], x) @ block["up"]["w"] + block["up"]["b"]
            x = x + jax.nn.gelu(hidden, approximate=False) @ block["down"]["w"] + block["down"]["b"]
        return _normalize(params["norm"], x).mean(1) @ params["out"]["w"] + params["out"]["b"]

    return stateless(init, apply)


NETWORKS: dict[str, Network] = {
    "transformer": _transformer(1_000, 64, 64, 4, 10),
    "lstm": _lstm(100, 0.25),
    "gru": _gru(32, 128, 10),
    "seq2seq": _seq2seq(64, 64),
    "convlstm": _convlstm(16, 8),
}
