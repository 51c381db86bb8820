"""The networks by hand, of dense layers and convolutions, on JAX alone.

A network is a function that draws the parameters and the state (what is not trained: moving averages), and one that
applies them in training and returns the outputs and the new state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Params = dict[str, Any]
Network = tuple[Callable[[jax.Array], tuple[Params, Params]], Callable[..., tuple[jax.Array, Params]]]


def stateless(init: Callable[[jax.Array], Params], apply: Callable[..., jax.Array]) -> Network:
    """A network that has parameters only."""
    return lambda key: (init(key), {}), lambda params, state, x, key: (apply(params, x, key), state)


def dense(key: jax.Array, inputs: int, outputs: int) -> Params:
    """Draw a kernel, Glorot's uniform, and a bias."""
    bound = (6 / (inputs + outputs)) ** 0.5
    return {"w": jax.random.uniform(key, (inputs, outputs), minval=-bound, maxval=bound), "b": jnp.zeros(outputs)}


def _mlp(sizes: list[int]) -> Network:
    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, len(sizes))
        return {str(i): dense(k, a, b) for i, (k, a, b) in enumerate(zip(keys, sizes, sizes[1:]))}

    def apply(params: Params, x: jax.Array, key: jax.Array) -> jax.Array:
        x = x.reshape(len(x), -1)
        for i in range(len(sizes) - 1):
            x = x @ params[str(i)]["w"] + params[str(i)]["b"]
            x = jax.nn.relu(x) if i < len(sizes) - 2 else x
        return x

    return stateless(init, apply)


def conv(x: jax.Array, kernel: jax.Array, strides: int = 1) -> jax.Array:
    """Convolve images, channels last, with zeros around them."""
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, kernel, (strides, strides), "SAME", dimension_numbers=layout)


glorot = jax.nn.initializers.glorot_uniform(in_axis=(-2,), out_axis=-1)


def _pool(x: jax.Array) -> jax.Array:
    rows, height, width, channels = x.shape
    return x.reshape(rows, height // 2, 2, width // 2, 2, channels).max((2, 4))


def _cnn() -> Network:
    def init(key: jax.Array) -> Params:
        a, b, c, d = jax.random.split(key, 4)
        return {
            "a": {"w": glorot(a, (5, 5, 1, 32)), "b": jnp.zeros(32)},
            "b": {"w": glorot(b, (5, 5, 32, 64)), "b": jnp.zeros(64)},
            "c": dense(c, 7 * 7 * 64, 1024),
            "d": dense(d, 1024, 10),
        }

    def apply(params: Params, x: jax.Array, key: jax.Array) -> jax.Array:
        for name in "ab":
            x = _pool(jax.nn.relu(conv(x, params[name]["w"]) + params[name]["b"]))
        x = jax.nn.relu(x.reshape(len(x), -1) @ params["c"]["w"] + params["c"]["b"])
        return x @ params["d"]["w"] + params["d"]["b"]

    return stateless(init, apply)


# Filters and strides of each residual block; where strides are 2, the other branch is a convolution of size 1.
BLOCKS = ((16, 1), (32, 2), (64, 2))


def _resnet(classes: int) -> Network:
    convolutions = {"stem": (3, 3, 16, 1)}
    inputs = 16
    for block, (filters, strides) in enumerate(BLOCKS):
        convolutions[f"{block}a"] = (3, inputs, filters, strides)
        convolutions[f"{block}b"] = (3, filters, filters, 1)
        if strides > 1:
            convolutions[f"{block}c"] = (1, inputs, filters, strides)
        inputs = filters

    def init(key: jax.Array) -> tuple[Params, Params]:
        keys = jax.random.split(key, len(convolutions) + 1)
        params: Params = {"out": dense(keys[-1], inputs, classes)}
        state = {}
        for each, (name, (size, channels, filters, _)) in zip(keys, convolutions.items()):
            kernel = glorot(each, (size, size, channels, filters))
            params[name] = {"w": kernel, "scale": jnp.ones(filters), "offset": jnp.zeros(filters)}
            state[name] = {"mean": jnp.zeros(filters), "variance": jnp.ones(filters)}
        return params, state

    def apply(params: Params, state: Params, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Params]:
        new = {}

        def normed(name: str, x: jax.Array) -> jax.Array:
            x = conv(x, params[name]["w"], convolutions[name][-1])
            mean = x.mean((0, 1, 2))
            variance = (x * x).mean((0, 1, 2)) - mean**2
            now = {"mean": mean, "variance": variance}
            new[name] = jax.tree.map(lambda old, value: 0.99 * old + 0.01 * value, state[name], now)
            scale = params[name]["scale"] * jax.lax.rsqrt(variance + 1e-3)
            return x * scale + (params[name]["offset"] - mean * scale)

        x = jax.nn.relu(normed("stem", x))
        for block, (_, strides) in enumerate(BLOCKS):
            straight = x if strides == 1 else normed(f"{block}c", x)
            residual = normed(f"{block}b", jax.nn.relu(normed(f"{block}a", x)))
            x = jax.nn.relu(straight + residual)
        return x.mean((1, 2)) @ params["out"]["w"] + params["out"]["b"], new

    return init, apply


def _textcnn(vocabulary: int, width: int, filters: int) -> Network:
    def init(key: jax.Array) -> Params:
        a, b, c, d = jax.random.split(key, 4)
        return {
            "words": jax.random.uniform(a, (vocabulary, width), minval=-0.05, maxval=0.05),
            "conv": {"w": glorot(b, (5, width, filters)), "b": jnp.zeros(filters)},
            "hidden": dense(c, filters, 64),
            "out": dense(d, 64, 1),
        }

    def apply(params: Params, x: jax.Array, key: jax.Array) -> jax.Array:
        layout = ("NWC", "WIO", "NWC")
        kernel = params["conv"]["w"]
        x = jax.lax.conv_general_dilated(params["words"][x], kernel, (1,), "VALID", dimension_numbers=layout)
        x = jax.nn.relu(x + params["conv"]["b"]).max(1)
        x = jax.nn.relu(x @ params["hidden"]["w"] + params["hidden"]["b"])
        return x @ params["out"]["w"] + params["out"]["b"]

    return stateless(init, apply)


NETWORKS: dict[str, Network] = {
    "regression": _mlp([8, 30, 1]),
    "mlp": _mlp([784, 300, 100, 10]),
    "cnn": _cnn(),
    "resnet": _resnet(10),
    "textcnn": _textcnn(10_000, 64, 128),
}
