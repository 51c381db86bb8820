"""What EfficientNet and EfficientNetV2 share: inverted residual blocks that squeeze and excite, and how they scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jkeras.applications.mobilenet_v2 import divisible
from jkeras.applications.network import Network
from jkeras.core.layer import Layer
from jkeras.initializers import VarianceScaling
from jkeras.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Multiply,
    Reshape,
)

_KERNEL = VarianceScaling(2.0, "fan_out", "truncated_normal")
DEFAULTS: dict[type[Layer], dict[str, Any]] = {
    Conv2D: {"use_bias": False, "padding": "same", "kernel_initializer": _KERNEL},
    DepthwiseConv2D: {"use_bias": False, "depthwise_initializer": _KERNEL},
}
CLASSIFIER = VarianceScaling(1 / 3, "fan_out", "uniform")

_DROP_RATE = 0.2  # of whole blocks; grows from 0 at the first to this at the last


class Stage(NamedTuple):
    """Blocks that are alike but for the first, which has the stride and changes the number of filters."""

    kernel_size: int
    repeats: int
    inputs: int
    filters: int
    expansion: int
    stride: int


class Block(NamedTuple):
    """One block of a stage, after scaling."""

    name: str
    kernel_size: int
    inputs: int
    filters: int
    expansion: int
    stride: int
    drop_rate: float


def scaled(
    stages: Sequence[Stage], width: float, depth: float, total: int | None = None, share: float = 0.9
) -> Iterator[tuple[int, Block]]:
    """Yield the number of the stage and each block, for factors of the number of filters and of blocks.

    The rate at which blocks are dropped reaches its end after `total` blocks, by default the last. Numbers of filters
    are rounded to multiples of 8, and not below `share` of what they are.
    """
    counts = [math.ceil(depth * stage.repeats) for stage in stages]
    done, total = 0, total or sum(counts)
    for number, (stage, count) in enumerate(zip(stages, counts, strict=True), 1):
        inputs, filters = (divisible(n * width, share) for n in (stage.inputs, stage.filters))
        for repeat in range(count):
            name = f"block{number}{chr(ord('a') + repeat)}_"
            rate = _DROP_RATE * done / total
            first = repeat == 0
            yield number, Block(
                name, stage.kernel_size, inputs if first else filters, filters, stage.expansion,
                stage.stride if first else 1, rate,
            )  # fmt: skip
            done += 1


def normalized(net: Network, x: Any, prefix: str) -> Any:
    """Normalize and activate; `prefix` ends the way that the names continue."""
    return net(Activation, net(BatchNormalization, x, name=f"{prefix}bn"), "silu", name=f"{prefix}activation")


def squeeze_excite(net: Network, x: Any, filters: int, name: str) -> Any:
    """Multiply each channel by a gate that is computed from the means of all."""
    channels = net.channels(x)
    gate = net(GlobalAveragePooling2D, x, name=f"{name}se_squeeze")
    gate = net(Reshape, gate, net.per_channel(channels), name=f"{name}se_reshape")
    gate = net(Conv2D, gate, filters, 1, activation="silu", use_bias=True, name=f"{name}se_reduce")
    gate = net(Conv2D, gate, channels, 1, activation="sigmoid", use_bias=True, name=f"{name}se_expand")
    return net(Multiply, [x, gate], name=f"{name}se_excite")


def inverted_residual(net: Network, x: Any, block: Block, depthwise: str, pads: bool) -> Any:
    """Widen, convolve each channel alone, squeeze and excite, and narrow again.

    Args:
        net: The model in the making.
        x: The input of the block.
        block: Its numbers.
        depthwise: How the name of the depthwise convolution ends.
        pads: Whether padding before a stride is a layer of its own.
    """
    inputs, name, padding = x, block.name, "same"
    if block.expansion > 1:
        x = net(Conv2D, x, block.inputs * block.expansion, 1, name=f"{name}expand_conv")
        x = normalized(net, x, f"{name}expand_")
    if pads and block.stride == 2:
        x, padding = net.pad(x, block.kernel_size, name=f"{name}{depthwise}_pad"), "valid"
    x = net(DepthwiseConv2D, x, block.kernel_size, strides=block.stride, padding=padding, name=f"{name}{depthwise}")
    x = squeeze_excite(net, normalized(net, x, name), max(1, block.inputs // 4), name)
    x = net(Conv2D, x, block.filters, 1, name=f"{name}project_conv")
    return add_shortcut(net, inputs, net(BatchNormalization, x, name=f"{name}project_bn"), block)


def add_shortcut(net: Network, inputs: Any, x: Any, block: Block) -> Any:
    """Add the input of a block where the shapes agree; in training whole blocks are dropped at random."""
    if block.stride != 1 or block.inputs != block.filters:
        return x
    if block.drop_rate > 0:
        x = net(Dropout, x, block.drop_rate, noise_shape=(None, 1, 1, 1), name=f"{block.name}drop")
    return net(Add, [x, inputs], name=f"{block.name}add")


def end(net: Network, x: Any, width: float, dropout: float, **dense: Any) -> Any:
    """Add the last convolution and the classifier, or pooling."""
    x = net(Conv2D, x, divisible(1280 * width), 1, name="top_conv")
    x = normalized(net, x, "top_")
    rate = ("top_dropout", dropout) if dropout > 0 else None
    return net.head(x, prefix="pool", dropout=rate, kernel_initializer=CLASSIFIER, **dense)
