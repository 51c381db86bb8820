"""jkeras: Keras-style deep learning compiled by JAX."""

__version__ = "0.1.0"
