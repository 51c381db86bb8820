"""`model.add_loss(tensor)` of a model made from symbolic tensors: a layer that hands the value to the loss."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jkeras.core.layer import Layer


class AddedLoss(Layer):
    """Adds the mean of its input to the loss of the model that it is part of, and returns its input.

    >>> from jkeras.core.input import Input
    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Model
    >>> x = Input((3,))
    >>> y = Dense(2)(x)
    >>> model = Model(x, y)
    >>> model.add_loss(y**2)
    >>> model.compile("sgd")
    >>> history = model.fit(jnp.ones((4, 3)), verbose=0)
    >>> list(history.history)
    ['loss']
    """

    def call(self, inputs: Any) -> Any:
        """Add the mean of the values to the loss."""
        self.add_loss(jnp.mean(inputs))
        return inputs
