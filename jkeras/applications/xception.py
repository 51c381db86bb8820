"""Xception: separable convolutions in blocks with a shortcut around each."""

from __future__ import annotations

from typing import Any

from jkeras.applications.architecture import architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.network import Network
from jkeras.layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, SeparableConv2D

# Filters of the separable convolutions in each block, and whether the block halves the image.
_BLOCKS = (
    ((128, 128), True), ((256, 256), True), ((728, 728), True),
    *[((728, 728, 728), False)] * 8,
    ((728, 1024), True),
)  # fmt: skip


def _block(net: Network, x: Any, filters: tuple[int, ...], halves: bool, number: int) -> Any:
    inputs = x
    if halves:
        inputs = net(Conv2D, x, filters[-1], 1, strides=2, padding="same")
        inputs = net(BatchNormalization, inputs)
    for conv, width in enumerate(filters, 1):
        name = f"block{number}_sepconv{conv}"
        if (number, conv) != (2, 1):  # what comes before is active already
            x = net(Activation, x, "relu", name=f"{name}_act")
        x = net(BatchNormalization, net(SeparableConv2D, x, width, 3, name=name), name=f"{name}_bn")
    if not halves:
        return net(Add, [x, inputs])
    x = net(MaxPooling2D, x, 3, strides=2, padding="same", name=f"block{number}_pool")
    return net(Add, [x, inputs])


def _xception(net: Network, x: Any, _: None) -> Any:
    for conv, filters in enumerate((32, 64), 1):
        name = f"block1_conv{conv}"
        x = net(Conv2D, x, filters, 3, strides=2 if conv == 1 else 1, name=name)
        x = net(Activation, net(BatchNormalization, x, name=f"{name}_bn"), "relu", name=f"{name}_act")
    for number, (filters, halves) in enumerate(_BLOCKS, 2):
        x = _block(net, x, filters, halves, number)
    for conv, filters in enumerate((1536, 2048), 1):
        name = f"block14_sepconv{conv}"
        x = net(BatchNormalization, net(SeparableConv2D, x, filters, 3, name=name), name=f"{name}_bn")
        x = net(Activation, x, "relu", name=f"{name}_act")
    return net.head(x)


Xception = architecture(
    "Xception",
    _xception,
    size=299,
    smallest=71,
    name="xception",
    folder="xception",
    defaults={Conv2D: {"use_bias": False}, SeparableConv2D: {"use_bias": False, "padding": "same"}},
    reference="Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, 2016",
)
preprocess_input, decode_predictions = modes("tf")
