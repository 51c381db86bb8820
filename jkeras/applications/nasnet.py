"""NASNet: two kinds of cells that a search found, each fed by the outputs of the two cells before it."""

from __future__ import annotations

from typing import Any, NamedTuple

from jkeras.applications.architecture import architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.network import Network
from jkeras.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Cropping2D,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)


class _Size(NamedTuple):
    """The numbers that tell the mobile network from the large one."""

    penultimate_filters: int
    repeats: int
    stem_filters: int
    skips_reduction: bool  # whether the cell after a reduction sees what the reduction's second input was


def _relu(net: Network, x: Any, name: str | None = None) -> Any:
    return net(Activation, x, "relu", name=name)


def _separable(net: Network, x: Any, filters: int, size: int, name: str, stride: int = 1) -> Any:
    """Two separable convolutions, the first with the stride, each between ReLU and normalization."""
    x = _relu(net, x)
    if stride == 2:
        x = net.pad(x, size, name=f"separable_conv_1_pad_{name}")
    padding = "valid" if stride == 2 else "same"
    x = net(SeparableConv2D, x, filters, size, strides=stride, padding=padding, name=f"separable_conv_1_{name}")
    x = _relu(net, net(BatchNormalization, x, name=f"separable_conv_1_bn_{name}"))
    x = net(SeparableConv2D, x, filters, size, padding="same", name=f"separable_conv_2_{name}")
    return net(BatchNormalization, x, name=f"separable_conv_2_bn_{name}")


def _mean(net: Network, x: Any, name: str, stride: int = 1, padding: str = "same") -> Any:
    return net(AveragePooling2D, x, 3, strides=stride, padding=padding, name=name)


def _adjusted(net: Network, previous: Any, x: Any, filters: int, cell: str) -> Any:
    """Give the output of the cell before the last the size of `x` and the number of filters."""
    if previous is None:
        return x
    if net.size(previous) != net.size(x):
        active = _relu(net, previous, f"adjust_relu_1_{cell}")
        halves = []
        for number in (1, 2):  # the second half sees the pixels that the first left out
            half = active
            if number == 2:
                half = net(Cropping2D, net(ZeroPadding2D, half, ((0, 1), (0, 1))), ((1, 0), (1, 0)))
            half = net(AveragePooling2D, half, 1, strides=2, name=f"adjust_avg_pool_{number}_{cell}")
            halves.append(net(Conv2D, half, filters // 2, 1, name=f"adjust_conv_{number}_{cell}"))
        joined = net(Concatenate, halves)
    elif net.channels(previous) != filters:
        joined = net(Conv2D, _relu(net, previous), filters, 1, name=f"adjust_conv_projection_{cell}")
    else:
        return previous
    return net(BatchNormalization, joined, name=f"adjust_bn_{cell}")


def _entry(net: Network, x: Any, filters: int, kind: str, cell: str) -> Any:
    x = net(Conv2D, _relu(net, x), filters, 1, name=f"{kind}_conv_1_{cell}")
    return net(BatchNormalization, x, name=f"{kind}_bn_1_{cell}")


def _normal_cell(net: Network, x: Any, previous: Any, filters: int, cell: str) -> Any:
    p = _adjusted(net, previous, x, filters, cell)
    h = _entry(net, x, filters, "normal", cell)

    def conv(of: Any, size: int, place: str) -> Any:
        return _separable(net, of, filters, size, f"normal_{place}_{cell}")

    def total(number: int, left: Any, right: Any) -> Any:
        return net(Add, [left, right], name=f"normal_add_{number}_{cell}")

    sums = [
        total(1, conv(h, 5, "left1"), conv(p, 3, "right1")),
        total(2, conv(p, 5, "left2"), conv(p, 3, "right2")),
        total(3, _mean(net, h, f"normal_left3_{cell}"), p),
        total(4, _mean(net, p, f"normal_left4_{cell}"), _mean(net, p, f"normal_right4_{cell}")),
        total(5, conv(h, 3, "left5"), h),
    ]
    return net(Concatenate, [p, *sums], name=f"normal_concat_{cell}")


def _reduction_cell(net: Network, x: Any, previous: Any, filters: int, cell: str) -> Any:
    p = _adjusted(net, previous, x, filters, cell)
    h = _entry(net, x, filters, "reduction", cell)
    padded = net.pad(h, 3, name=f"reduction_pad_1_{cell}")

    def conv(of: Any, size: int, place: str, stride: int = 2) -> Any:
        return _separable(net, of, filters, size, f"reduction_{place}_{cell}", stride)

    def largest(place: str) -> Any:
        return net(MaxPooling2D, padded, 3, strides=2, name=f"reduction_{place}_{cell}")

    def total(name: str | None, left: Any, right: Any) -> Any:
        return net(Add, [left, right], name=name and f"reduction_{name}_{cell}")

    first = total("add_1", conv(h, 5, "left1"), conv(p, 7, "right1"))
    second = total("add_2", largest("left2"), conv(p, 7, "right2"))
    mean = _mean(net, padded, f"reduction_left3_{cell}", 2, "valid")
    third = total("add3", mean, conv(p, 5, "right3"))
    fourth = total(None, second, _mean(net, first, f"reduction_left4_{cell}"))
    fifth = total("add4", conv(first, 3, "left4", 1), largest("right5"))
    return net(Concatenate, [second, third, fourth, fifth], name=f"reduction_concat_{cell}")


def _nasnet(net: Network, x: Any, size: _Size) -> Any:
    filters, repeats = size.penultimate_filters // 24, size.repeats
    x = net(Conv2D, x, size.stem_filters, 3, strides=2, padding="valid", name="stem_conv1")
    x = net(BatchNormalization, x, name="stem_bn1")
    previous = None
    for cell, share in (("stem_1", 4), ("stem_2", 2)):
        previous, x = x, _reduction_cell(net, x, previous, filters // share, cell)
    for stage in range(3):
        if stage:
            filters *= 2
            reduced = _reduction_cell(net, x, previous, filters, f"reduce_{stage * repeats}")
            previous, x = previous if size.skips_reduction else x, reduced
        for number in range(repeats):
            cell = f"{stage * repeats + number + (stage > 0)}"
            previous, x = x, _normal_cell(net, x, previous, filters, cell)
    return net.head(_relu(net, x), top_name=None)


_FAMILY: dict[str, Any] = {
    "arguments": {
        "input_shape": None, "include_top": True, "weights": "imagenet", "input_tensor": None, "pooling": None,
        "classes": 1000, "classifier_activation": "softmax", "name": None,
    },
    "folder": "nasnet",
    "defaults": {
        Conv2D: {"use_bias": False, "padding": "same", "kernel_initializer": "he_normal"},
        SeparableConv2D: {"use_bias": False},
        BatchNormalization: {"momentum": 0.9997},
    },
    "reference": "Zoph et al., Learning Transferable Architectures for Scalable Image Recognition, 2017",
}  # fmt: skip

NASNetMobile = architecture(
    "NASNetMobile", _nasnet, _Size(1056, 4, 32, False), size=224, fixed=True, name="nasnet_mobile", **_FAMILY
)
NASNetLarge = architecture("NASNetLarge", _nasnet, _Size(4032, 6, 96, True), size=331, name="nasnet_large", **_FAMILY)
preprocess_input, decode_predictions = modes("tf")
