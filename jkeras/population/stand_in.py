"""Callbacks of a population: each member has its own copies, and they see a stand-in for its model."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.callbacks import CallbackList


class _Kept:
    """What `get_weights` of a stand-in returns: the weights as they are now, which stay on the device."""


class _OptimizerStandIn:
    """The optimizer of one member, as callbacks see it."""

    def __init__(self, owner: StandIn, learning_rate: Any):
        self._owner, self._rate = owner, learning_rate

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the member, None if a schedule computes it."""
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if self._rate is None:
            raise TypeError("The learning rate follows a schedule, so a callback cannot set it.")
        self._rate = np.float32(value)
        self._owner.changed_rate = True

    lr = learning_rate


class StandIn:
    """What callbacks see of one member: `stop_training`, `optimizer.learning_rate`, `get_weights`, `set_weights`.

    `get_weights` returns a token for the weights of this epoch, which `set_weights` takes back: so `EarlyStopping`
    restores the best ones. One set is kept for each member, the last that was asked for.
    """

    def __init__(self, member: int, learning_rate: Any, metrics: Sequence[Any]):
        self.member, self.metrics, self.stop_training = member, metrics, False
        self.changed_rate = False
        self.optimizer = _OptimizerStandIn(self, learning_rate)
        self.wants_kept = self.wants_restored = False
        self._kept: Any = None

    def get_weights(self) -> Any:
        """Keep the weights of now, and return what stands for them."""
        self._kept, self.wants_kept = _Kept(), True
        return self._kept

    def set_weights(self, kept: Any) -> None:
        """Let the member have the weights that it had when `kept` was returned."""
        if kept is not self._kept:
            raise ValueError(
                "A callback set weights of a member that are not the last it asked for. In a population one set of "
                "weights is kept for each member: give one callback that restores weights."
            )
        self.wants_restored = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(
            f"While a population trains, a callback sees of member {self.member}: stop_training, "
            f"optimizer.learning_rate, metrics, get_weights() and set_weights(); it asked for {name!r}. Train that "
            "member alone: population[i].fit(..., callbacks=[...])."
        )


class MemberCallbacks:
    """The callbacks of all members.

    Args:
        callbacks: What `fit` was given: a callback or a list of them. Each member gets copies.
        rates: The members' learning rates, None if a schedule computes them.
        metrics: The metrics of the model, which know which direction is better.
        params: What callbacks are told of the run.

    Raises:
        TypeError: If one of them has to be told of every batch.
    """

    def __init__(self, callbacks: Any, rates: np.ndarray | None, members: int, metrics: Any, params: dict[str, Any]):
        given = [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        hooked = CallbackList(given).with_batch_hooks if given else []
        if hooked:
            raise TypeError(
                f"{', '.join(hooked)} has to be told of every batch, but a population runs many steps of all members "
                "as one program. Callbacks that work on epochs can be given: EarlyStopping, ReduceLROnPlateau, "
                "LearningRateScheduler, ..."
            )
        self.given = given
        self.stand_ins = [StandIn(i, None if rates is None else rates[i], metrics) for i in range(members)]
        self.callbacks = [[_own(callback) for callback in given] for _ in range(members if given else 0)]
        for stand_in, own in zip(self.stand_ins, self.callbacks, strict=False):
            for callback in own:
                callback.set_params(dict(params))
                callback.set_model(stand_in)

    def tell(self, hook: str, active: np.ndarray, *args: Any, logs: list[dict[str, float]] | None = None) -> None:
        """Call a hook for the members that still train; `logs` has an entry for each member."""
        for member, own in enumerate(self.callbacks):
            if active[member]:
                for callback in own:
                    getattr(callback, hook)(*args, {} if logs is None else logs[member])

    def is_over(self) -> bool:
        """Whether a callback wants the run to end now, such as one that watches the clock."""
        return any(callback.is_over() for own in self.callbacks[:1] for callback in own)

    def stopped(self) -> np.ndarray:
        """Return which members are to train no longer."""
        return np.array([stand_in.stop_training for stand_in in self.stand_ins])

    def taken(self, name: str) -> np.ndarray:
        """Return for which members `wants_kept`, `wants_restored` or `changed_rate` was asked, and forget it."""
        asked = np.array([getattr(stand_in, name) for stand_in in self.stand_ins])
        for stand_in in self.stand_ins:
            setattr(stand_in, name, False)
        return asked

    def rates(self) -> np.ndarray:
        """Return the learning rates of the members."""
        return np.array([stand_in.optimizer.learning_rate for stand_in in self.stand_ins], np.float32)


def _own(callback: Any) -> Any:
    """A copy for one member; what cannot be copied, such as an open file, is shared."""
    try:
        return copy.deepcopy(callback)
    except TypeError:
        return copy.copy(callback)
