"""MobileNet: depthwise convolutions, each followed by one that mixes the channels."""

from __future__ import annotations

from typing import Any

from jkeras.applications.architecture import architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.network import Network
from jkeras.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)

# Filters and stride of each block, at alpha=1.
_BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip


def _normalized(net: Network, x: Any, name: str) -> Any:
    return net(ReLU, net(BatchNormalization, x, name=f"{name}_bn"), 6.0, name=f"{name}_relu")


def _mobilenet(net: Network, x: Any, _: None, alpha: float, depth_multiplier: int, dropout: float) -> Any:
    x = net(Conv2D, x, int(32 * alpha), 3, strides=2, name="conv1")
    x = _normalized(net, x, "conv1")
    for number, (filters, stride) in enumerate(_BLOCKS, 1):
        padding = "same"
        if stride == 2:
            x, padding = net(ZeroPadding2D, x, ((0, 1), (0, 1)), name=f"conv_pad_{number}"), "valid"
        x = net(
            DepthwiseConv2D, x, 3, strides=stride, padding=padding, depth_multiplier=depth_multiplier,
            name=f"conv_dw_{number}",
        )  # fmt: skip
        x = _normalized(net, x, f"conv_dw_{number}")
        x = _normalized(net, net(Conv2D, x, int(filters * alpha), 1, name=f"conv_pw_{number}"), f"conv_pw_{number}")
    if not net.include_top:
        return net.pooled(x)
    x = net(GlobalAveragePooling2D, x, keepdims=True)
    x = net(Dropout, x, dropout, name="dropout")
    x = net(Conv2D, x, net.classes, 1, use_bias=True, name="conv_preds")
    x = net(Reshape, x, (net.classes,), name="reshape_2")
    return net(Activation, x, net.classifier_activation, name="predictions")


MobileNet = architecture(
    "MobileNet",
    _mobilenet,
    size=224,
    sizes=(128, 160, 192),
    name=lambda request, shape: f"mobilenet_{request['alpha']:0.2f}_{shape[0]}",
    arguments={
        "input_shape": None, "alpha": 1.0, "depth_multiplier": 1, "dropout": 0.001, "include_top": True,
        "weights": "imagenet", "input_tensor": None, "pooling": None, "classes": 1000,
        "classifier_activation": "softmax", "name": None,
    },
    folder="mobilenet",
    defaults={Conv2D: {"use_bias": False, "padding": "same"}, DepthwiseConv2D: {"use_bias": False}},
    reference="Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications, 2017",
)  # fmt: skip
preprocess_input, decode_predictions = modes("tf")
