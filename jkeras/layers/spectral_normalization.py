"""The spectral norm of a layer's kernel held at one."""

from __future__ import annotations

from typing import Any

from jkeras.core.layer import Layer
from jkeras.functional.spectral_norm import spectral_norm
from jkeras.layers.arguments import positive
from jkeras.layers.wrapper import Wrapper

__all__ = ["SpectralNormalization"]

_KERNELS = ("kernel", "embeddings")


class SpectralNormalization(Wrapper):
    """Run a layer with its kernel divided by an estimate of its largest singular value.

    The estimate is by power iteration from the vector `u`, which is state: training improves and keeps it, inference
    starts from what training left. The kernel in `params` stays as it is; training and inference both divide it.

    Keras divides in training only, and assigns the quotient to the kernel. Its `fit` on JAX drops that assignment, so
    that what it predicts with is not the network that was trained.

    Inputs and outputs are those of the layer, of any shape.

    Args:
        layer: A layer with a `kernel` (or `embeddings`), e.g. `Dense` or `Conv2D`.
        power_iterations: Number of power iterations a call.

    Raises:
        ValueError: If the layer has no kernel, or `power_iterations` is not positive.

    >>> import jax.numpy as jnp
    >>> from jkeras.layers.dense import Dense
    >>> layer = SpectralNormalization(Dense(2, kernel_initializer="identity"), power_iterations=5)
    >>> (3 * layer(jnp.ones((1, 2)))).round(2).tolist()
    [[3.0, 3.0]]

    Reference: Miyato et al., 2018.
    """

    power_iterations: int
    kernel: Any
    vector_u: Any

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.power_iterations = positive(self, "power_iterations", power_iterations)

    def build(self, input_shape: Any) -> None:
        """Build the layer; declare `vector_u`, `(1, features)`."""
        if not self.layer.built:
            self.layer.build(input_shape)
        found = next((name for name in _KERNELS if hasattr(self.layer, name)), None)
        if found is None:
            raise ValueError(
                f"Layer {self.name!r}: {type(self.layer).__name__} has neither a kernel nor embeddings to normalise."
            )
        self._kernel_name = found
        kernel = self.kernel = getattr(self.layer, found)
        # Keras counts the kernel among the weights of the wrapper first, and of the layer inside as well.
        self._weights.append(kernel)
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, kernel.shape[-1]),
            initializer={"class_name": "TruncatedNormal", "config": {"stddev": 0.02}},
            trainable=False,
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return what the layer gives with the normalised kernel."""
        inner, name, kernel = self.layer, self._kernel_name, self.kernel
        norm, vector = spectral_norm(kernel, self.vector_u.value, self.power_iterations)
        if training:
            self.vector_u = vector
        setattr(inner, name, (kernel / norm).astype(kernel.dtype))
        try:
            return inner(inputs)
        finally:  # the layer may be called once more, by itself or through another wrapper
            setattr(inner, name, kernel)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the layer inside."""
        return self.layer.compute_mask(inputs, mask)
