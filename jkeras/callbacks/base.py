"""The contract of callbacks: a hook for every moment of training, evaluation and prediction."""

from __future__ import annotations

from typing import Any

Logs = dict[str, Any] | None


class Callback:
    """Something that is told what happens while a model is trained, evaluated or used.

    Override the hooks of interest. In them, `self.model` is the model, whose weights are current. What a hook changes
    takes effect at once: weights, the learning rate, `trainable` of a layer; and `self.model.stop_training = True` ends
    training. `self.params` says `verbose`, `epochs`, `steps`, and in training `samples`, `batch_size`, `metrics` (the
    keys of the logs) and `do_validation`. Epochs and batches count from 0. `logs` maps names to floats; what is written
    to the `logs` of `on_epoch_end` reaches the history.

    A callback that overrides a batch hook makes the loop stop at every batch; without one whole blocks of steps run
    on the device undisturbed. With `batch_interval = 100` it stops at every hundredth batch of the run only.

    Attributes:
        validation_data: While `fit` runs: the arrays `[x, y, sample_weight]` of the validation, each input and target
            by itself, as in Keras 2; or what yields its batches; None if there is none.
        batch_interval: Batches between two calls of the batch hooks; other callbacks, or `steps_per_execution`, may
            cause other ones.
        runs_last: Whether its hooks come after those of the other callbacks, whose state it keeps.
        writes_alone: Whether only the first of several processes that train together calls its hooks: it writes or
            shows what is the same in all of them.
        idle_hooks: Functions of the class that need not be called as hooks now.

    >>> class Lines(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, logs["loss"])
    >>> Lines().on_epoch_end(0, {"loss": 0.5})
    0 0.5

    Reference: https://keras.io/api/callbacks/base_callback
    """

    batch_interval: int = 1
    runs_last: bool = False
    writes_alone: bool = False
    idle_hooks: tuple[Any, ...] = ()
    params: dict[str, Any] | None = None
    validation_data: Any = None
    _model: Any = None

    @property
    def model(self) -> Any:
        """The model that is being trained, evaluated or used."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Receive what is known of the run.

        Args:
            params: `verbose`, `epochs`, `steps`, and in training `samples`, `batch_size`, `metrics`, `do_validation`.
        """
        self.params = params

    def set_model(self, model: Any) -> None:
        """Receive the model.

        Args:
            model: What is trained, evaluated or used.
        """
        self._model = model

    def state_dict(self) -> dict[str, Any]:
        """Return what the callback has to remember when training is resumed: plain data, weights as numpy arrays."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Args:
            state: What `state_dict` returned, in this process or in another.

        Raises:
            ValueError: If something is in it that `state_dict` does not return.
        """
        unknown = sorted(set(state) - set(self.state_dict()))
        if unknown:
            raise ValueError(f"{type(self).__name__} does not know this state: {', '.join(unknown)}.")
        for name, value in state.items():
            setattr(self, name, value)

    def is_over(self) -> bool:
        """Whether training is to end now; asked several times a second, inside of epochs too, so it must be quick.

        Returns:
            True to end it after the steps that are under way; the epoch is then cut short.
        """
        return False

    def on_train_begin(self, logs: Logs = None) -> None:
        """Called once before training.

        Args:
            logs: An empty dict.
        """

    def on_train_end(self, logs: Logs = None) -> None:
        """Called once after training, with the logs of the last epoch.

        Args:
            logs: Those logs.
        """

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Called before each epoch.

        Args:
            epoch: The epoch, from 0.
            logs: An empty dict.
        """

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Called after each epoch and its validation, with the metrics of both (`loss`, `val_loss`, ...).

        Args:
            epoch: The epoch, from 0.
            logs: The metrics, as floats; what is written to them reaches the history.
        """

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before each training batch.

        Args:
            batch: The batch, from 0 in its epoch.
            logs: An empty dict.
        """
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after each training batch, with the metrics of the epoch so far.

        Args:
            batch: The batch, from 0 in its epoch.
            logs: The metrics, as floats.
        """
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """The name of `on_train_batch_begin` in Keras 1 and 2.

        Args:
            batch: The batch, from 0 in its epoch.
            logs: As there.
        """

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """The name of `on_train_batch_end` in Keras 1 and 2.

        Args:
            batch: The batch, from 0 in its epoch.
            logs: As there.
        """

    def on_test_begin(self, logs: Logs = None) -> None:
        """Called before evaluation, also before the validation of an epoch.

        Args:
            logs: An empty dict.
        """

    def on_test_end(self, logs: Logs = None) -> None:
        """Called after evaluation, with its metrics.

        Args:
            logs: The metrics, as floats, without `val_`.
        """

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before each batch of evaluation.

        Args:
            batch: The batch, from 0.
            logs: An empty dict.
        """

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after each batch of evaluation, with the metrics so far.

        Args:
            batch: The batch, from 0.
            logs: The metrics, as floats.
        """

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Called before prediction.

        Args:
            logs: An empty dict.
        """

    def on_predict_end(self, logs: Logs = None) -> None:
        """Called after prediction.

        Args:
            logs: An empty dict.
        """

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before each batch of prediction.

        Args:
            batch: The batch, from 0.
            logs: An empty dict.
        """

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after each batch of prediction, with `outputs`.

        Args:
            batch: The batch, from 0.
            logs: `outputs`: what the model gave for this batch, an array `(samples, ...)` or a tree of them.
        """


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


def overrides(callback: Any, hook: str) -> bool:
    """Whether `callback` does something of its own in `hook`: by its class, or by a function set on the object.

    >>> overrides(Callback(), "on_epoch_end")
    False
    """
    if hook in getattr(callback, "__dict__", {}):
        return True
    own = getattr(type(callback), hook, None)
    return own is not None and own is not getattr(Callback, hook) and own not in getattr(callback, "idle_hooks", ())
