"""ConvNeXt: large depthwise kernels, layer normalization and two dense layers in each block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jkeras.applications.architecture import STANDARD, architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.network import Network
from jkeras.applications.scaling import LayerScale as LayerScale
from jkeras.layers import (
    Activation,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    LayerNormalization,
    Normalization,
)
from jkeras.models import Sequential

_MEAN = [0.485 * 255, 0.456 * 255, 0.406 * 255]
_VARIANCE = [(0.229 * 255) ** 2, (0.224 * 255) ** 2, (0.225 * 255) ** 2]


def _normalization(name: str | None = None) -> LayerNormalization:
    return LayerNormalization(epsilon=1e-6, name=name)


def _block(net: Network, x: Any, filters: int, name: str) -> Any:
    inputs = x
    x = net(Conv2D, x, filters, 7, padding="same", groups=filters, name=f"{name}_depthwise_conv")
    x = net(LayerNormalization, x, name=f"{name}_layernorm")
    x = net(Dense, x, 4 * filters, name=f"{name}_pointwise_conv_1")
    x = net(Activation, x, "gelu", name=f"{name}_gelu")
    x = net(Dense, x, filters, name=f"{name}_pointwise_conv_2")
    x = net(LayerScale, x, 1e-6, filters, name=f"{name}_layer_scale")
    return inputs + net(Activation, x, "linear", name=f"{name}_identity")


def _convnext(net: Network, x: Any, table: tuple[tuple[int, ...], tuple[int, ...]], include_preprocessing: bool) -> Any:
    depths, widths = table
    name = net.name
    if include_preprocessing:
        x = net(Normalization, x, mean=_MEAN, variance=_VARIANCE, name=f"{name}_prestem_normalization")
    stem = [Conv2D(widths[0], 4, strides=4, name=f"{name}_stem_conv"), _normalization(f"{name}_stem_layernorm")]
    x = Sequential(stem, name=f"{name}_stem")(x)
    for stage, (depth, filters) in enumerate(zip(depths, widths, strict=True)):
        if stage:
            label = f"{name}_downsampling"
            halving = [
                _normalization(f"{label}_layernorm_{stage - 1}"),
                Conv2D(filters, 2, strides=2, name=f"{label}_conv_{stage - 1}"),
            ]
            x = Sequential(halving, name=f"{label}_block_{stage - 1}")(x)
        for block in range(depth):
            x = _block(net, x, filters, f"{name}_stage_{stage}_block_{block}")
    if not net.include_top:
        return net(LayerNormalization, net.pooled(x))
    x = net(GlobalAveragePooling2D, x, name=f"{name}_head_gap")
    x = net(LayerNormalization, x, name=f"{name}_head_layernorm")
    return net(Dense, x, net.classes, activation=net.classifier_activation, name=f"{name}_head_dense")


def _row(version: str, middle: int, width: int) -> Callable[..., Any]:
    rest = {key: value for key, value in STANDARD.items() if key != "include_top"}
    return architecture(
        f"ConvNeXt{version}",
        _convnext,
        ((3, 3, middle, 3), (width, 2 * width, 4 * width, 8 * width)),
        size=224,
        name=f"convnext_{version.lower()}",
        arguments={"include_top": True, "include_preprocessing": True, **rest},
        folder="convnext",
        defaults={LayerNormalization: {"epsilon": 1e-6}},
        reference="Liu et al., A ConvNet for the 2020s, 2022",
    )


ConvNeXtTiny = _row("Tiny", 9, 96)
ConvNeXtSmall = _row("Small", 27, 96)
ConvNeXtBase = _row("Base", 27, 128)
ConvNeXtLarge = _row("Large", 27, 192)
ConvNeXtXLarge = _row("XLarge", 27, 256)
preprocess_input, decode_predictions = modes(None)
