"""MobileNetV3: the blocks of MobileNetV2 with squeeze-and-excite and hard-swish where they pay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.applications.architecture import architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.mobilenet_v2 import divisible
from jkeras.applications.network import Network
from jkeras.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Multiply,
    ReLU,
    Rescaling,
)

_RELU, _SWISH = "relu", "hard_silu"

# Expansion, filters at alpha=1, kernel size, stride, whether it squeezes and excites, activation.
_SMALL = (
    (1, 16, 3, 2, True, _RELU), (72 / 16, 24, 3, 2, False, _RELU), (88 / 24, 24, 3, 1, False, _RELU),
    (4, 40, 5, 2, True, _SWISH), (6, 40, 5, 1, True, _SWISH), (6, 40, 5, 1, True, _SWISH),
    (3, 48, 5, 1, True, _SWISH), (3, 48, 5, 1, True, _SWISH),
    (6, 96, 5, 2, True, _SWISH), (6, 96, 5, 1, True, _SWISH), (6, 96, 5, 1, True, _SWISH),
)  # fmt: skip
_LARGE = (
    (1, 16, 3, 1, False, _RELU), (4, 24, 3, 2, False, _RELU), (3, 24, 3, 1, False, _RELU),
    (3, 40, 5, 2, True, _RELU), (3, 40, 5, 1, True, _RELU), (3, 40, 5, 1, True, _RELU),
    (6, 80, 3, 2, False, _SWISH), (2.5, 80, 3, 1, False, _SWISH), (2.3, 80, 3, 1, False, _SWISH),
    (2.3, 80, 3, 1, False, _SWISH), (6, 112, 3, 1, True, _SWISH), (6, 112, 3, 1, True, _SWISH),
    (6, 160, 5, 2, True, _SWISH), (6, 160, 5, 1, True, _SWISH), (6, 160, 5, 1, True, _SWISH),
)  # fmt: skip


def _active(net: Network, x: Any, kind: str, name: str | None = None) -> Any:
    return net(ReLU, x, name=name) if kind == _RELU else net(Activation, x, kind, name=name)


def _squeeze_excite(net: Network, x: Any, prefix: str) -> Any:
    filters = net.channels(x)
    gate = net(GlobalAveragePooling2D, x, keepdims=True, name=f"{prefix}avg_pool")
    gate = net(Conv2D, gate, divisible(filters * 0.25), 1, padding="same", use_bias=True, name=f"{prefix}conv")
    gate = net(ReLU, gate, name=f"{prefix}relu")
    gate = net(Conv2D, gate, filters, 1, padding="same", use_bias=True, name=f"{prefix}conv_1")
    gate = net(ReLU, gate + 3.0, 6.0) * (1.0 / 6.0)
    return net(Multiply, [x, gate], name=f"{prefix}mul")


def _block(net: Network, x: Any, row: tuple[Any, ...], number: int) -> Any:
    expansion, filters, size, stride, excites, activation = row
    inputs, channels = x, net.channels(x)
    prefix = f"expanded_conv_{number}_" if number else "expanded_conv_"
    if number:
        x = net(Conv2D, x, divisible(channels * expansion), 1, padding="same", name=f"{prefix}expand")
        x = _active(net, net(BatchNormalization, x, name=f"{prefix}expand_bn"), activation)
    x = net.pad(x, size, name=f"{prefix}depthwise_pad") if stride == 2 else x
    padding = "same" if stride == 1 else "valid"
    x = net(DepthwiseConv2D, x, size, strides=stride, padding=padding, name=f"{prefix}depthwise")
    x = _active(net, net(BatchNormalization, x, name=f"{prefix}depthwise_bn"), activation)
    x = _squeeze_excite(net, x, f"{prefix}squeeze_excite_") if excites else x
    x = net(Conv2D, x, filters, 1, padding="same", name=f"{prefix}project")
    x = net(BatchNormalization, x, name=f"{prefix}project_bn")
    return net(Add, [inputs, x], name=f"{prefix}add") if stride == 1 and channels == filters else x


def _mobilenet_v3(
    net: Network, x: Any, table: tuple[Any, int], alpha: float, minimalistic: bool, dropout_rate: float,
    include_preprocessing: bool,
) -> Any:  # fmt: skip
    rows, width = table
    last = _RELU if minimalistic else _SWISH
    x = net(Rescaling, x, scale=1.0 / 127.5, offset=-1.0) if include_preprocessing else x
    x = net(Conv2D, x, 16, 3, strides=2, padding="same", name="conv")
    x = _active(net, net(BatchNormalization, x, name="conv_bn"), last)
    for number, (expansion, filters, size, stride, excites, activation) in enumerate(rows):
        if minimalistic:
            size, excites, activation = 3, False, _RELU
        x = _block(net, x, (expansion, divisible(filters * alpha), size, stride, excites, activation), number)
    x = net(Conv2D, x, divisible(net.channels(x) * 6), 1, padding="same", name="conv_1")
    x = _active(net, net(BatchNormalization, x, name="conv_1_bn"), last)
    if not net.include_top:
        return net.pooled(x, "pool")
    x = net(GlobalAveragePooling2D, x, keepdims=True)
    x = net(
        Conv2D, x, divisible(width * alpha) if alpha > 1.0 else width, 1, padding="same", use_bias=True, name="conv_2"
    )
    x = _active(net, x, last)
    x = net(Dropout, x, dropout_rate) if dropout_rate > 0 else x
    x = net(Conv2D, x, net.classes, 1, padding="same", use_bias=True, name="logits")
    return net(Activation, net(Flatten, x), net.classifier_activation, name="predictions")


def _variant(size: str) -> Any:
    def name(request: Mapping[str, Any], _: tuple[Any, ...]) -> str:
        return f"{size}{'_minimalistic' if request['minimalistic'] else ''}_224_{float(request['alpha'])}"

    return name


_FAMILY: dict[str, Any] = {
    "size": 224,
    "fixed": False,
    "arguments": {
        "input_shape": None, "alpha": 1.0, "minimalistic": False, "include_top": True, "weights": "imagenet",
        "input_tensor": None, "classes": 1000, "pooling": None, "dropout_rate": 0.2,
        "classifier_activation": "softmax", "include_preprocessing": True, "name": None,
    },
    "folder": "mobilenet_v3",
    "defaults": {
        Conv2D: {"use_bias": False}, DepthwiseConv2D: {"use_bias": False}, BatchNormalization: {"momentum": 0.999},
    },
    "reference": "Howard et al., Searching for MobileNetV3, 2019",
}  # fmt: skip

MobileNetV3Small = architecture(
    "MobileNetV3Small", _mobilenet_v3, (_SMALL, 1024), name="MobileNetV3Small", variant=_variant("small"), **_FAMILY
)
MobileNetV3Large = architecture(
    "MobileNetV3Large", _mobilenet_v3, (_LARGE, 1280), name="MobileNetV3Large", variant=_variant("large"), **_FAMILY
)
preprocess_input, decode_predictions = modes(None)
