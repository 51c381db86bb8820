"""Several callbacks as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jkeras.callbacks.base import HOOKS, Callback, Logs, overrides
from jkeras.callbacks.history import History
from jkeras.core import blame
from jkeras.core.placement import placement_of

# The hooks of Keras 1 and 2 are reached through the ones of today.
_ALSO = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class Params(dict[str, Any]):
    """What callbacks are told of a run; it understands the names of Keras 1.

    >>> Params(epochs=3, samples=None)["nb_epoch"]
    3
    """

    def __missing__(self, name: str) -> Any:
        return self[{"nb_epoch": "epochs", "nb_sample": "samples"}[name]]


class CallbackList:
    """Calls the hooks of several callbacks, in order (those with `runs_last` at the end), and only where overridden.

    Args:
        callbacks: One callback, a list of them (possibly nested), or None.
        add_history: Whether to append a `History` if there is none; last, so that it sees what others
            write to the logs.
        add_progbar: Whether to append a `ProgbarLogger` if there is none.
        progress: What shows the progress of this run already: a `ProgbarLogger` then only says how it is shown.
        model: Passed to every callback.
        params: `verbose`, `epochs`, `steps` and the like: passed to every callback.

    Attributes:
        callbacks: The flat list.
        has_batch_hooks: Whether some callback must be told of each training batch.
        has_test_batch_hooks: The same for evaluation.
        has_predict_batch_hooks: The same for prediction.

    >>> from jkeras.callbacks import LambdaCallback
    >>> hooks = CallbackList(LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs)))
    >>> hooks.on_epoch_end(epoch=0, logs={"loss": 1.0})
    0 {'loss': 1.0}
    >>> hooks.has_batch_hooks
    False
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        progress: Any = None,
        model: Any = None,
        **params: Any,
    ):
        self.callbacks: list[Any] = list(_flatten(callbacks))
        if add_progbar and not any(type(c).__name__ == "ProgbarLogger" for c in self.callbacks):
            from jkeras.callbacks.progbar_logger import ProgbarLogger

            self.callbacks.append(ProgbarLogger())
        if add_history and self.history is None:
            self.callbacks.append(History())
        for callback in self.callbacks:
            if hasattr(callback, "leave_to"):
                callback.leave_to(progress, params.get("samples"))
        self.params: dict[str, Any] = {}
        self.model: Any = None
        self._index()
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    @property
    def history(self) -> History | None:
        """The first `History` among the callbacks."""
        return next((c for c in self.callbacks if isinstance(c, History)), None)

    def _index(self) -> None:
        self._asked = [callback for callback in self.callbacks if overrides(callback, "is_over")]
        self._listeners: dict[str, list[Callable[..., Any]]] = {
            hook: [
                getattr(callback, hook) if self.is_heard(callback) else _unheard
                for callback in sorted(self.callbacks, key=lambda c: getattr(c, "runs_last", False))
                if overrides(callback, hook) or (hook in _ALSO and overrides(callback, _ALSO[hook]))
            ]
            for hook in HOOKS
        }

    def is_heard(self, callback: Any) -> bool:
        """Whether the hooks of a callback are called here; another process may write for all.

        Args:
            callback: One of the list.

        Returns:
            True, unless it has `writes_alone` and this is not the first of several processes.
        """
        return placement_of(self.model).is_first or not getattr(callback, "writes_alone", False)

    def append(self, callback: Any) -> None:
        """Add a callback at the end.

        Args:
            callback: The callback; it is told the model and what is known of the run.
        """
        self.callbacks.append(callback)
        self._index()
        if self.model is not None:
            callback.set_model(self.model)
        if self.params:
            callback.set_params(self.params)

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell every callback what is known of the run.

        Args:
            params: `verbose`, `epochs`, `steps` and the like.
        """
        params = self.params = Params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell every callback the model.

        Args:
            model: The model.
        """
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)
        if not placement_of(model).is_first:
            self._index()

    def set_validation_data(self, data: Any) -> None:
        """Lend every callback the validation data; None: take them back.

        Args:
            data: What `Callback.validation_data` is to be.
        """
        for callback in self.callbacks:
            callback.validation_data = data

    def is_over(self) -> bool:
        """Ask the callbacks that have a say in it whether training is to end now; if so, tell the model.

        Returns:
            Whether it is.
        """
        if any(callback.is_over() for callback in self._asked):
            self.model.stop_training = True
            return True
        return False

    def state_dict(self) -> list[dict[str, Any]]:
        """Return the state of every callback, in order, with its class name."""
        return [
            {"class_name": type(c).__name__, "state": c.state_dict() if hasattr(c, "state_dict") else {}}
            for c in self.callbacks
        ]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Continue from what `state_dict` returned.

        Args:
            states: That list.

        Raises:
            ValueError: If the callbacks are not the ones whose state it is; nothing is changed then.
        """
        expected = [type(c).__name__ for c in self.callbacks]
        found = [row["class_name"] for row in states]
        if expected != found:
            raise ValueError(f"The saved state is of other callbacks. Expected {expected}; found {found}.")
        for callback, row in zip(self.callbacks, states, strict=True):
            if row["state"]:
                callback.load_state_dict(row["state"])

    def _tell(self, hook: str, logs: Logs, *number: int) -> None:
        logs = {} if logs is None else logs
        for listener in self._listeners[hook]:
            try:
                listener(*number, logs)
            except Exception as error:
                owner = next((c for c in self.callbacks if getattr(c, hook, None) == listener), None)
                given = ", ".join([*map(str, number), "logs"])
                text = f"In the callback {type(owner).__name__}, {hook}({given}):"
                blame.add(error, "callback", lambda text=text: text)
                raise

    def __iter__(self) -> Iterator[Any]:
        return iter(self.callbacks)

    def __len__(self) -> int:
        return len(self.callbacks)

    @property
    def has_batch_hooks(self) -> bool:
        """Whether some callback must be told of each training batch."""
        return bool(self._listeners["on_train_batch_begin"] or self._listeners["on_train_batch_end"])

    @property
    def batch_interval(self) -> int:
        """How many batches may run between two calls of the training batch hooks."""
        told = [c for c in self.callbacks if _has_batch_hooks(c)]
        return math.gcd(*(max(1, int(getattr(c, "batch_interval", 1))) for c in told)) or 1

    @property
    def with_batch_hooks(self) -> list[str]:
        """The class names of the callbacks that must be told of training batches."""
        return [type(c).__name__ for c in self.callbacks if _has_batch_hooks(c)]

    @property
    def has_test_batch_hooks(self) -> bool:
        """Whether some callback must be told of each batch of evaluation."""
        return bool(self._listeners["on_test_batch_begin"] or self._listeners["on_test_batch_end"])

    @property
    def has_predict_batch_hooks(self) -> bool:
        """Whether some callback must be told of each batch of prediction."""
        return bool(self._listeners["on_predict_batch_begin"] or self._listeners["on_predict_batch_end"])


def _unheard(*_: Any) -> None:
    """Stands for a hook that only the first process calls: all of them must stop at the same batches."""


def _has_batch_hooks(callback: Any) -> bool:
    hooks = (*_ALSO, *_ALSO.values())
    return any(overrides(callback, hook) for hook in hooks)


def _flatten(callbacks: Any) -> Iterator[Any]:
    if callbacks is None:
        return
    if isinstance(callbacks, Iterable) and not isinstance(callbacks, (str, bytes)):
        for item in callbacks:
            yield from _flatten(item)
    elif isinstance(callbacks, type) or not hasattr(callbacks, "set_model"):
        hint = f" Write {callbacks.__name__}(...)." if isinstance(callbacks, type) else ""
        raise TypeError(f"callbacks expects instances of Callback; got {callbacks!r}.{hint}")
    else:
        yield callbacks


def _dispatch(hook: str) -> Callable[..., None]:
    """Make the method that calls `hook` of every callback which overrides it."""

    def of_epoch(self: CallbackList, epoch: int, logs: Logs = None) -> None:
        self._tell(hook, logs, epoch)

    def of_batch(self: CallbackList, batch: int, logs: Logs = None) -> None:
        self._tell(hook, logs, batch)

    def of_run(self: CallbackList, logs: Logs = None) -> None:
        self._tell(hook, logs)

    method = of_epoch if "epoch" in hook else of_batch if "batch" in hook else of_run
    method.__name__, method.__qualname__ = hook, f"CallbackList.{hook}"
    method.__doc__ = getattr(Callback, hook).__doc__
    return method


for _hook in HOOKS:
    # Told of a batch by its old name, callbacks hear the name of today, which calls the old one.
    setattr(CallbackList, _hook, _dispatch({old: new for new, old in _ALSO.items()}.get(_hook, _hook)))
