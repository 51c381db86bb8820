"""ResNet V2: normalization and activation stand before each convolution, and a stage ends with its stride."""

from __future__ import annotations

from typing import Any

from jkeras.applications.architecture import architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.network import Network
from jkeras.applications.resnet import stages
from jkeras.layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D


def _normalized(net: Network, x: Any, prefix: str) -> Any:
    return net(Activation, net(BatchNormalization, x, name=f"{prefix}_bn"), "relu", name=f"{prefix}_relu")


def _block(net: Network, x: Any, filters: int, stride: int, projects: bool, name: str) -> Any:
    active = _normalized(net, x, f"{name}_preact")
    if projects:
        shortcut = net(Conv2D, active, 4 * filters, 1, strides=stride, name=f"{name}_0_conv")
    else:
        shortcut = net(MaxPooling2D, x, 1, strides=stride) if stride > 1 else x
    x = net(Conv2D, active, filters, 1, use_bias=False, name=f"{name}_1_conv")
    x = _normalized(net, x, f"{name}_1")
    x = net(ZeroPadding2D, x, 1, name=f"{name}_2_pad")
    x = net(Conv2D, x, filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")
    x = _normalized(net, x, f"{name}_2")
    x = net(Conv2D, x, 4 * filters, 1, name=f"{name}_3_conv")
    return net(Add, [shortcut, x], name=f"{name}_out")


def _resnet_v2(net: Network, x: Any, depths: tuple[int, ...]) -> Any:
    x = net(ZeroPadding2D, x, 3, name="conv1_pad")
    x = net(Conv2D, x, 64, 7, strides=2, name="conv1_conv")
    x = stages(net, x, depths, _block, lambda stage, number, depth: number == depth and stage < 5)
    return net.head(_normalized(net, x, "post"), prefix="pool")


_FAMILY: dict[str, Any] = {
    "size": 224,
    "folder": "resnet",
    "defaults": {BatchNormalization: {"epsilon": 1.001e-5}},
    "reference": "He et al., Identity Mappings in Deep Residual Networks, 2016",
}

ResNet50V2 = architecture("ResNet50V2", _resnet_v2, (3, 4, 6, 3), name="resnet50v2", **_FAMILY)
ResNet101V2 = architecture("ResNet101V2", _resnet_v2, (3, 4, 23, 3), name="resnet101v2", **_FAMILY)
ResNet152V2 = architecture("ResNet152V2", _resnet_v2, (3, 8, 36, 3), name="resnet152v2", **_FAMILY)
preprocess_input, decode_predictions = modes("tf")
