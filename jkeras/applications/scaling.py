"""The two layers that Keras has in its applications only: they scale what a block adds to its input."""

from __future__ import annotations

from typing import Any

from jkeras.core.custom_objects import tables
from jkeras.core.layer import Layer
from jkeras.initializers import Constant


class LayerScale(Layer):
    """One learned factor a channel, small at first: `y = x * gamma`.

    Args:
        init_values: The first value of each factor.
        projection_dim: The number of channels.

    >>> import jax.numpy as jnp
    >>> LayerScale(0.5, 2)(jnp.ones((1, 2))).tolist()
    [[0.5, 0.5]]

    Reference: Touvron et al., Going Deeper with Image Transformers, 2021.
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, input_shape: Any) -> None:
        """Declare `gamma`."""
        self.gamma = self.add_weight(name="gamma", shape=(self.projection_dim,), initializer=Constant(self.init_values))

    def call(self, inputs: Any) -> Any:
        """Return the scaled inputs."""
        return inputs * self.gamma


class CustomScaleLayer(Layer):
    """The first of two inputs plus the second times a number: `x + scale * residual`.

    Args:
        scale: The number.

    >>> import jax.numpy as jnp
    >>> CustomScaleLayer(0.5)([jnp.ones(2), jnp.ones(2)]).tolist()
    [1.5, 1.5]
    """

    def __init__(self, scale: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        """Return the sum."""
        return inputs[0] + inputs[1] * self.scale


# Under the modules that files of Keras name.
tables.setdefault("keras.src.applications.convnext", {})["LayerScale"] = LayerScale
tables.setdefault("keras.src.applications.inception_resnet_v2", {})["CustomScaleLayer"] = CustomScaleLayer
