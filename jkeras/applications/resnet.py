"""ResNet: blocks of three convolutions around which the input is added, in four stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jkeras.applications.architecture import architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.network import Network
from jkeras.layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D

_FILTERS = (64, 128, 256, 512)


def _block(net: Network, x: Any, filters: int, stride: int, projects: bool, name: str) -> Any:
    shortcut = x
    if projects:
        shortcut = net(Conv2D, x, 4 * filters, 1, strides=stride, name=f"{name}_0_conv")
        shortcut = net(BatchNormalization, shortcut, name=f"{name}_0_bn")
    rows = ((filters, 1, stride, "valid"), (filters, 3, 1, "same"), (4 * filters, 1, 1, "valid"))
    for number, (width, size, strides, padding) in enumerate(rows, 1):
        if number > 1:
            x = net(Activation, x, "relu", name=f"{name}_{number - 1}_relu")
        x = net(Conv2D, x, width, size, strides=strides, padding=padding, name=f"{name}_{number}_conv")
        x = net(BatchNormalization, x, name=f"{name}_{number}_bn")
    x = net(Add, [shortcut, x], name=f"{name}_add")
    return net(Activation, x, "relu", name=f"{name}_out")


def _resnet(net: Network, x: Any, depths: tuple[int, ...]) -> Any:
    x = net(ZeroPadding2D, x, 3, name="conv1_pad")
    x = net(Conv2D, x, 64, 7, strides=2, name="conv1_conv")
    x = net(BatchNormalization, x, name="conv1_bn")
    x = net(Activation, x, "relu", name="conv1_relu")
    x = stages(net, x, depths, _block, lambda stage, number, _: number == 1 and stage > 2)
    return net.head(x, prefix="pool")


def stages(
    net: Network, x: Any, depths: Sequence[int], block: Callable[..., Any], halves: Callable[[int, int, int], bool]
) -> Any:
    """Pool, and apply the blocks of the four stages; `halves(stage, number, depth)`: whether one halves the image."""
    x = net(ZeroPadding2D, x, 1, name="pool1_pad")
    x = net(MaxPooling2D, x, 3, strides=2, name="pool1_pool")
    for stage, (filters, depth) in enumerate(zip(_FILTERS, depths, strict=True), 2):
        for number in range(1, depth + 1):
            stride = 2 if halves(stage, number, depth) else 1
            x = block(net, x, filters, stride, number == 1, f"conv{stage}_block{number}")
    return x


_FAMILY: dict[str, Any] = {
    "size": 224,
    "folder": "resnet",
    "defaults": {BatchNormalization: {"epsilon": 1.001e-5}},
    "reference": "He et al., Deep Residual Learning for Image Recognition, 2015",
}

ResNet50 = architecture("ResNet50", _resnet, (3, 4, 6, 3), name="resnet50", **_FAMILY)
ResNet101 = architecture("ResNet101", _resnet, (3, 4, 23, 3), name="resnet101", **_FAMILY)
ResNet152 = architecture("ResNet152", _resnet, (3, 8, 36, 3), name="resnet152", **_FAMILY)
preprocess_input, decode_predictions = modes("caffe")
