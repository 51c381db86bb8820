"""DenseNet: every layer of a block sees the outputs of all those before it."""

from __future__ import annotations

from typing import Any

from jkeras.applications.architecture import architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.network import Network
from jkeras.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)

_GROWTH = 32


def _normalized(net: Network, x: Any, prefix: str, separator: str = "_") -> Any:
    x = net(BatchNormalization, x, name=f"{prefix}{separator}bn")
    return net(Activation, x, "relu", name=f"{prefix}{separator}relu")


def _dense_layer(net: Network, x: Any, name: str) -> Any:
    new = _normalized(net, x, f"{name}_0")
    new = net(Conv2D, new, 4 * _GROWTH, 1, name=f"{name}_1_conv")
    new = _normalized(net, new, f"{name}_1")
    new = net(Conv2D, new, _GROWTH, 3, padding="same", name=f"{name}_2_conv")
    return net(Concatenate, [x, new], name=f"{name}_concat")


def _densenet(net: Network, x: Any, depths: tuple[int, ...]) -> Any:
    x = net(ZeroPadding2D, x, 3)
    x = net(Conv2D, x, 64, 7, strides=2, name="conv1_conv")
    x = _normalized(net, x, "conv1")
    x = net(ZeroPadding2D, x, 1)
    x = net(MaxPooling2D, x, 3, strides=2, name="pool1")
    for stage, depth in enumerate(depths, 2):
        for block in range(1, depth + 1):
            x = _dense_layer(net, x, f"conv{stage}_block{block}")
        if stage < len(depths) + 1:  # halve the channels and the image
            x = _normalized(net, x, f"pool{stage}")
            x = net(Conv2D, x, net.channels(x) // 2, 1, name=f"pool{stage}_conv")
            x = net(AveragePooling2D, x, 2, strides=2, name=f"pool{stage}_pool")
    return net.head(_normalized(net, x, "", ""), prefix="pool")


_FAMILY: dict[str, Any] = {
    "size": 224,
    "folder": "densenet",
    "defaults": {BatchNormalization: {"epsilon": 1.001e-5}, Conv2D: {"use_bias": False}},
    "reference": "Huang et al., Densely Connected Convolutional Networks, 2016",
}

DenseNet121 = architecture("DenseNet121", _densenet, (6, 12, 24, 16), name="densenet121", **_FAMILY)
DenseNet169 = architecture("DenseNet169", _densenet, (6, 12, 32, 32), name="densenet169", **_FAMILY)
DenseNet201 = architecture("DenseNet201", _densenet, (6, 12, 48, 32), name="densenet201", **_FAMILY)
preprocess_input, decode_predictions = modes("torch")
