"""Evaluate, and save, with the average of the weights while the weights themselves are trained."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jkeras.callbacks.base import Callback, Logs
from jkeras.models.weight_rows import weight_rows


class SwapEMAWeights(Callback):
    """Lets the model hold the averages that an optimizer with `use_ema=True` keeps, for evaluation and prediction.

    Validation, `evaluate` and `predict` run with the averages, and training goes on with the weights themselves. With
    `swap_on_epoch` the model holds the averages also from the end of each epoch until the next one begins, so that
    callbacks which come after this one, such as `ModelCheckpoint`, save them.

    Args:
        swap_on_epoch: Whether the model holds the averages between epochs too.

    Raises:
        ValueError: In use, if the optimizer keeps no averages.

    >>> import numpy as np
    >>> from jkeras import layers, models, optimizers
    >>> model = models.Sequential([layers.Dense(1, input_shape=(3,))])
    >>> model.compile(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
    >>> x = np.ones((8, 3), "float32")
    >>> _ = model.fit(x, x[:, :1], validation_data=(x, x[:, :1]), epochs=2, verbose=0, callbacks=[SwapEMAWeights()])

    Reference: https://keras.io/api/callbacks/swap_ema_weights
    """

    def __init__(self, swap_on_epoch: bool = False):
        self.swap_on_epoch = swap_on_epoch
        self._weights: list[Any] | None = None  # those that are trained, while the model holds their averages
        self._is_lent = False  # for an evaluation or prediction

    def _swap_in(self) -> bool:
        """Let the model hold the averages; return whether it did not before."""
        if self._weights is not None:
            return False
        compiled, rows = self.model._compiled, weight_rows(self.model).trained
        if compiled is None or compiled.opt_state is None:
            raise ValueError("SwapEMAWeights: the model was not trained, so there are no averages.")
        params: dict[str, dict[str, Any]] = {}
        for key, weight in rows:
            params.setdefault(key, {})[weight.name] = weight.current()
        averages = compiled.keeper.finalize(params, compiled.opt_state[0])
        if averages is params:
            raise ValueError(
                f"SwapEMAWeights: the optimizer {type(compiled.optimizer).__name__} keeps no averages. Make it with "
                "use_ema=True."
            )
        self._weights = [weight.current() for _, weight in rows]
        for key, weight in rows:
            weight.store(jnp.array(averages[key][weight.name]))  # a copy: a step gives its own arrays away
        return True

    def _swap_out(self) -> None:
        if self._weights is None:
            return
        for (_, weight), array in zip(weight_rows(self.model).trained, self._weights, strict=True):
            weight.store(jnp.asarray(array))
            weight.lent = True  # somebody may have taken it before the averages came
        self._weights = None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Train the weights themselves."""
        self._swap_out()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Hold the averages until the next epoch."""
        if self.swap_on_epoch:
            self._swap_in()

    def on_test_begin(self, logs: Logs = None) -> None:
        """Evaluate the averages."""
        self._is_lent = self._swap_in()

    def on_test_end(self, logs: Logs = None) -> None:
        """Go on as before."""
        if self._is_lent:
            self._swap_out()

    on_predict_begin, on_predict_end = on_test_begin, on_test_end

    def on_train_end(self, logs: Logs = None) -> None:
        """Leave the model with the averages, as `fit` does."""
        self._weights = None

    def state_dict(self) -> dict[str, Any]:
        """Return the weights themselves while the model holds their averages."""
        return {"weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self._weights = state["weights"]
