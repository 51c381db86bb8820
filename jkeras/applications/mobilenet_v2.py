"""MobileNetV2: blocks that widen, convolve each channel alone, and narrow again."""

from __future__ import annotations

from typing import Any

from jkeras.applications.architecture import architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.network import Network
from jkeras.layers import Add, BatchNormalization, Conv2D, DepthwiseConv2D, ReLU

# Filters at alpha=1, stride of the first block, how many times the blocks widen, and their number.
_STAGES = (
    (16, 1, 1, 1), (24, 2, 6, 2), (32, 2, 6, 3), (64, 2, 6, 4), (96, 1, 6, 3), (160, 2, 6, 3), (320, 1, 6, 1),
)  # fmt: skip


def divisible(value: float, share: float = 0.9) -> int:
    """Return the multiple of 8 nearest to `value`, the next one if that is less than `share` of it.

    >>> divisible(33.6), divisible(11.2), divisible(19.2), divisible(19.2, share=0)
    (32, 16, 24, 16)
    """
    nearest = max(8, int(value + 4) // 8 * 8)
    return nearest + 8 if nearest < share * value else nearest


def _active(net: Network, x: Any, normalization: str, activation: str) -> Any:
    return net(ReLU, net(BatchNormalization, x, name=normalization), 6.0, name=activation)


def _block(net: Network, x: Any, filters: int, stride: int, factor: int, prefix: str) -> Any:
    inputs, channels = x, net.channels(x)
    if factor > 1:
        x = net(Conv2D, x, factor * channels, 1, padding="same", name=f"{prefix}expand")
        x = _active(net, x, f"{prefix}expand_BN", f"{prefix}expand_relu")
    x = net.pad(x, 3, name=f"{prefix}pad") if stride == 2 else x
    padding = "same" if stride == 1 else "valid"
    x = net(DepthwiseConv2D, x, 3, strides=stride, padding=padding, name=f"{prefix}depthwise")
    x = _active(net, x, f"{prefix}depthwise_BN", f"{prefix}depthwise_relu")
    x = net(Conv2D, x, filters, 1, padding="same", name=f"{prefix}project")
    x = net(BatchNormalization, x, name=f"{prefix}project_BN")
    return net(Add, [inputs, x], name=f"{prefix}add") if stride == 1 and filters == channels else x


def _mobilenet_v2(net: Network, x: Any, _: None, alpha: float) -> Any:
    x = net(Conv2D, x, divisible(32 * alpha), 3, strides=2, padding="same", name="Conv1")
    x = _active(net, x, "bn_Conv1", "Conv1_relu")
    number = 0
    for filters, stride, factor, repeats in _STAGES:
        for repeat in range(repeats):
            prefix = f"block_{number}_" if number else "expanded_conv_"
            x = _block(net, x, divisible(int(filters * alpha)), 1 if repeat else stride, factor, prefix)
            number += 1
    x = net(Conv2D, x, divisible(1280 * alpha) if alpha > 1.0 else 1280, 1, name="Conv_1")
    x = _active(net, x, "Conv_1_bn", "out_relu")
    return net.head(x, top_name=None)


MobileNetV2 = architecture(
    "MobileNetV2",
    _mobilenet_v2,
    size=224,
    sizes=(96, 128, 160, 192),
    name=lambda request, shape: f"mobilenetv2_{request['alpha']:0.2f}_{shape[0]}",
    arguments={
        "input_shape": None, "alpha": 1.0, "include_top": True, "weights": "imagenet", "input_tensor": None,
        "pooling": None, "classes": 1000, "classifier_activation": "softmax", "name": None,
    },
    folder="mobilenet_v2",
    defaults={
        Conv2D: {"use_bias": False}, DepthwiseConv2D: {"use_bias": False}, BatchNormalization: {"momentum": 0.999},
    },
    reference="Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018",
)  # fmt: skip
preprocess_input, decode_predictions = modes("tf")
