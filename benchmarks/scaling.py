"""What training a Transformer and ResNet50 would cost each device of a mesh, by how they are spread over it.

python benchmarks/scaling.py                      on 8, 16, 32 and 64 devices
python benchmarks/scaling.py 8 --details          each estimate by itself
python -m jkeras.distribution benchmarks/scaling.py:transformer 8 64

Nothing is trained or allocated; the time goes into compiling. Each device has the same part of a batch on every mesh.
"""

from __future__ import annotations

import sys
from typing import Any

import jax
from jax.sharding import PartitionSpec as P

import jkeras
from jkeras import layers

BLOCKS, WIDTH, HEADS, STEPS, WORDS = 8, 512, 8, 512, 8192
SEQUENCES = 8  # a device
IMAGES = 16  # a device

# Each pair of products is split over "model" such that what lies between them needs no other device: the heads of an
# attention, the hidden units of the two dense layers (Megatron-LM: Shoeybi et al., 2019).
TENSOR_PARALLEL = [
    ("(query|key|value)/kernel", P(None, "model")),
    ("(query|key|value)/bias", P("model")),
    ("attention_output/kernel", P("model")),
    ("up/kernel", P(None, "model")),
    ("up/bias", P("model")),
    ("down/kernel", P("model")),
    ("logits/kernel", P(None, "model")),
    ("logits/bias", P("model")),
]


def decoder(blocks: int = BLOCKS, width: int = WIDTH, heads: int = HEADS, words: int = WORDS) -> Any:
    """Return a language model: blocks of causal attention and two dense layers."""
    inputs = layers.Input((None,), dtype="int32")
    x = layers.Embedding(words, width)(inputs)
    for i in range(blocks):
        normed = layers.LayerNormalization()(x)
        attention = layers.MultiHeadAttention(heads, width // heads, name=f"attention_{i}")
        x = layers.Add()([x, attention(normed, normed, use_causal_mask=True)])
        hidden = layers.Dense(4 * width, activation="gelu", name=f"block_{i}_up")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(width, name=f"block_{i}_down")(hidden)])
    outputs = layers.Dense(words, name="logits")(layers.LayerNormalization()(x))
    model = jkeras.Model(inputs, outputs)
    model.compile("adam", jkeras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def transformer(devices: int) -> dict[str, Any]:
    """Estimate the Transformer: 34 million parameters, 8 sequences of 512 words a device."""
    words = jax.ShapeDtypeStruct((SEQUENCES * devices, STEPS), "int32")
    line, grid = jax.make_mesh((devices,), ("data",)), jax.make_mesh((devices // 8, 8), ("data", "model"))
    ways = {
        "Transformer, data parallel": (line, ()),
        "Transformer, fully sharded": (line, "fully_sharded"),
        "Transformer, tensor parallel among 8": (grid, TENSOR_PARALLEL),
    }
    return {name: decoder().estimate(words, words, mesh=mesh, rules=rules) for name, (mesh, rules) in ways.items()}


def resnet(devices: int) -> dict[str, Any]:
    """Estimate ResNet50: 26 million parameters, 16 images of 224 x 224 pixels a device."""
    model = jkeras.applications.ResNet50(weights=None)
    model.compile("adam", "categorical_crossentropy")
    batch, mesh = IMAGES * devices, jax.make_mesh((devices,), ("data",))
    ways = {"ResNet50, data parallel": (), "ResNet50, fully sharded": "fully_sharded"}
    return {
        name: model.estimate((batch, 224, 224, 3), (batch, 1000), mesh=mesh, rules=rules)
        for name, rules in ways.items()
    }


def estimate(devices: int) -> dict[str, Any]:
    """Estimate both networks."""
    return {**transformer(devices), **resnet(devices)}


if __name__ == "__main__":
    from jkeras.distribution.__main__ import main

    given = sys.argv[1:]
    numbers = [] if any(argument.isdigit() for argument in given) else ["8", "16", "32", "64"]
    sys.exit(main([__file__, *numbers, *given]))
