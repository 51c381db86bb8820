"""EfficientNetV2: the early stages replace depthwise convolutions by plain ones, which is faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jkeras.applications.architecture import STANDARD, architecture
from jkeras.applications.efficientnet_blocks import (
    DEFAULTS,
    Block,
    Stage,
    add_shortcut,
    end,
    inverted_residual,
    normalized,
    scaled,
)
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.mobilenet_v2 import divisible
from jkeras.applications.network import Network
from jkeras.initializers import Constant
from jkeras.layers import BatchNormalization, Conv2D, Normalization, Rescaling

_B = (
    Stage(3, 1, 32, 16, 1, 1), Stage(3, 2, 16, 32, 4, 2), Stage(3, 2, 32, 48, 4, 2),
    Stage(3, 3, 48, 96, 4, 2), Stage(3, 5, 96, 112, 6, 1), Stage(3, 8, 112, 192, 6, 2),
)  # fmt: skip
_S = (
    Stage(3, 2, 24, 24, 1, 1), Stage(3, 4, 24, 48, 4, 2), Stage(3, 4, 48, 64, 4, 2),
    Stage(3, 6, 64, 128, 4, 2), Stage(3, 9, 128, 160, 6, 1), Stage(3, 15, 160, 256, 6, 2),
)  # fmt: skip
_M = (
    Stage(3, 3, 24, 24, 1, 1), Stage(3, 5, 24, 48, 4, 2), Stage(3, 5, 48, 80, 4, 2),
    Stage(3, 7, 80, 160, 4, 2), Stage(3, 14, 160, 176, 6, 1), Stage(3, 18, 176, 304, 6, 2),
    Stage(3, 5, 304, 512, 6, 1),
)  # fmt: skip
_L = (
    Stage(3, 4, 32, 32, 1, 1), Stage(3, 7, 32, 64, 4, 2), Stage(3, 7, 64, 96, 4, 2),
    Stage(3, 10, 96, 192, 4, 2), Stage(3, 19, 192, 224, 6, 1), Stage(3, 25, 224, 384, 6, 2),
    Stage(3, 7, 384, 640, 6, 1),
)  # fmt: skip
_FUSED_STAGES = 3
_MEAN = [0.485, 0.456, 0.406]
_VARIANCE = [0.229**2, 0.224**2, 0.225**2]


def _fused_block(net: Network, x: Any, block: Block) -> Any:
    inputs, name = x, block.name
    if block.expansion == 1:
        x = net(Conv2D, x, block.filters, block.kernel_size, strides=block.stride, name=f"{name}project_conv")
        x = normalized(net, x, f"{name}project_")
        return add_shortcut(net, inputs, x, block)
    expanded = block.inputs * block.expansion
    x = net(Conv2D, x, expanded, block.kernel_size, strides=block.stride, name=f"{name}expand_conv")
    x = normalized(net, x, f"{name}expand_")
    x = net(Conv2D, x, block.filters, 1, name=f"{name}project_conv")
    return add_shortcut(net, inputs, net(BatchNormalization, x, name=f"{name}project_bn"), block)


def _efficientnet_v2(
    net: Network, x: Any, table: tuple[tuple[Stage, ...], float, float], include_preprocessing: bool
) -> Any:
    stages, width, depth = table
    if include_preprocessing and stages is _B:
        x = net(Normalization, net(Rescaling, x, 1.0 / 255.0), mean=_MEAN, variance=_VARIANCE, axis=net.axis)
    elif include_preprocessing:
        x = net(Rescaling, x, 1.0 / 128.0, offset=-1)
    x = net(Conv2D, x, divisible(stages[0].inputs * width, share=0), 3, strides=2, name="stem_conv")
    x = normalized(net, x, "stem_")
    total = sum(stage.repeats for stage in stages)  # not scaled: in B1 to B3 the last rates exceed those of B0
    for stage, block in scaled(stages, width, depth, total, share=0):
        if stage <= _FUSED_STAGES:
            x = _fused_block(net, x, block)
        else:
            x = inverted_residual(net, x, block, "dwconv2", pads=False)
    return end(net, x, width, 0.2, bias_initializer=Constant(0.0))


def _row(
    size: int, version: str, stages: tuple[Stage, ...], width: float = 1.0, depth: float = 1.0
) -> Callable[..., Any]:
    arguments = {key: value for key, value in STANDARD.items() if key != "name"}
    return architecture(
        f"EfficientNetV2{version}",
        _efficientnet_v2,
        (stages, width, depth),
        size=size,
        name=f"efficientnetv2-{version.lower()}",
        arguments={**arguments, "include_preprocessing": True, "name": None},
        folder="efficientnet_v2",
        defaults={**DEFAULTS, BatchNormalization: {"momentum": 0.9}},
        reference="Tan and Le, EfficientNetV2: Smaller Models and Faster Training, 2021",
    )


EfficientNetV2B0 = _row(224, "B0", _B)
EfficientNetV2B1 = _row(240, "B1", _B, 1.0, 1.1)
EfficientNetV2B2 = _row(260, "B2", _B, 1.1, 1.2)
EfficientNetV2B3 = _row(300, "B3", _B, 1.2, 1.4)
EfficientNetV2S = _row(384, "S", _S)
EfficientNetV2M = _row(480, "M", _M)
EfficientNetV2L = _row(480, "L", _L)
preprocess_input, decode_predictions = modes(None)
