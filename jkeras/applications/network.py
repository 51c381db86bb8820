"""What a table of blocks is turned into layers with: it knows the request and names the layers as Keras does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.core.data_format import image_data_format
from jkeras.core.layer import Layer
from jkeras.core.registry import snake_case
from jkeras.layers import (
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    ZeroPadding2D,
)

_POOLING: dict[str, type[Layer]] = {"avg": GlobalAveragePooling2D, "max": GlobalMaxPooling2D}


class Network:
    """A model in the making.

    Args:
        request: The arguments of the architecture, by name.
        defaults: What layers of a class are given unless a block says otherwise.

    Attributes:
        axis: The axis of the channels.
        include_top, classes, classifier_activation, pooling, name, weights: As requested.
    """

    def __init__(self, request: Mapping[str, Any], defaults: Mapping[type[Layer], Mapping[str, Any]]):
        self.include_top: bool = request["include_top"]
        self.classes: int = request["classes"]
        self.classifier_activation: Any = request["classifier_activation"]
        self.pooling: str | None = request["pooling"]
        self.name: str = request["name"]
        self.weights: Any = request["weights"]
        self.channels_last = image_data_format() == "channels_last"
        self.axis = 3 if self.channels_last else 1
        self._defaults: dict[type[Layer], dict[str, Any]] = {
            BatchNormalization: {"axis": self.axis},
            Concatenate: {"axis": self.axis},
        }
        for kind, values in defaults.items():
            self._defaults[kind] = {**self._defaults.get(kind, {}), **values}
        self._made: dict[str, int] = {}

    def __call__(self, kind: type[Layer], x: Any, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
        """Apply a new layer of class `kind` to `x`.

        Layers without a name are numbered in the order in which they are made, which in a branching network is not
        the order in which a model holds them. Such a name gives way where it is taken, in a model around this one.
        """
        layer = kind(*args, name=name, **{**self._defaults.get(kind, {}), **kwargs})
        if name is None:
            base = snake_case(kind.__name__)
            number = self._made[base] = self._made.get(base, -1) + 1
            layer.__dict__["_auto_name"] = f"{base}_{number}" if number else base
        return layer(x)

    def size(self, x: Any) -> tuple[int | None, ...]:
        """Return height and width of a symbolic image."""
        return x.shape[1:3] if self.channels_last else x.shape[2:4]

    def channels(self, x: Any) -> int:
        """Return the number of channels of a symbolic image."""
        return x.shape[self.axis]

    def per_channel(self, count: int) -> tuple[int, int, int]:
        """Return the shape, without batch, of one number a channel."""
        return (1, 1, count) if self.channels_last else (count, 1, 1)

    def pad(self, x: Any, kernel_size: int, name: str | None = None) -> Any:
        """Pad so that a convolution with stride 2 and no padding of its own sees what it saw in TensorFlow's 'same'.

        An even size, or an unknown one, is padded by one less in front.
        """
        half = kernel_size // 2
        borders = tuple((half - 1 + (n or 0) % 2, half) for n in self.size(x))
        return self(ZeroPadding2D, x, borders, name=name)

    def pooled(self, x: Any, prefix: str | None = None) -> Any:
        """Pool all positions as requested; with `prefix`, the layer is named after it and the kind of pooling."""
        if self.pooling is None:
            return x
        return self(_POOLING[self.pooling], x, name=prefix and f"{self.pooling}_{prefix}")

    def head(
        self, x: Any, top_name: str | None = "avg_pool", prefix: str | None = None, dropout: Any = None, **dense: Any
    ) -> Any:
        """Add the usual end: mean over all positions and the classifier, or pooling as requested.

        Args:
            x: The features.
            top_name: The name of the pooling layer below the classifier.
            prefix: What the pooling layer is named after where there is no classifier.
            dropout: Name and rate of a dropout layer below the classifier.
            dense: Further arguments of the classifier.
        """
        if not self.include_top:
            return self.pooled(x, prefix)
        x = self(GlobalAveragePooling2D, x, name=top_name)
        if dropout is not None:
            x = self(Dropout, x, dropout[1], name=dropout[0])
        return self(Dense, x, self.classes, activation=self.classifier_activation, name="predictions", **dense)
