"""What the members' training showed: arrays of shape (epochs, members), and an ordinary history for each."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.callbacks import History
from jkeras.core.extras import optional


class PopulationHistory:
    """The logs of all members.

    Attributes:
        history: Name of a metric to its values, an array of shape (epochs, members); NaN after a member was stopped.
        epoch: The numbers of the epochs, from 0.
        epochs_trained: How many epochs each member was trained, of shape (members,).
        seconds: What they took, in seconds; compilation included.

    `history[i]` is the `History` of a member, as its `fit` alone would return it.

    >>> history = PopulationHistory(2)
    >>> history.add(0, [{"loss": 0.5}, {"loss": 0.25}], np.array([True, True]))
    >>> history.add(1, [{"loss": 0.4}, {}], np.array([True, False]))
    >>> history.history["loss"].tolist()
    [[0.5, 0.25], [0.4, nan]]
    >>> history[1].history, history.epochs_trained.tolist()
    ({'loss': [0.25]}, [2, 1])
    """

    def __init__(self, members: int):
        self.members = members
        self.epoch: list[int] = []
        self.epochs_trained = np.zeros(members, np.int64)
        self.seconds = 0.0
        self._rows: list[tuple[list[dict[str, float]], np.ndarray]] = []

    def add(self, epoch: int, logs: list[dict[str, float]], active: np.ndarray) -> None:
        """Append an epoch: the logs of each member, and which of them were trained in it."""
        self.epoch.append(epoch)
        self._rows.append((logs, active.copy()))
        self.epochs_trained += active

    @property
    def names(self) -> list[str]:
        """The names of what was logged, in the order of the logs."""
        return list(dict.fromkeys(name for logs, _ in self._rows for member in logs for name in member))

    @property
    def history(self) -> dict[str, np.ndarray]:
        """Name to an array of shape (epochs, members)."""
        found = {name: np.full((len(self._rows), self.members), np.nan) for name in self.names}
        for row, (logs, active) in enumerate(self._rows):
            for member in np.flatnonzero(active):
                for name, value in logs[member].items():
                    found[name][row, member] = value
        return found

    def __getitem__(self, member: int) -> History:
        own = History()
        for epoch, (logs, active) in zip(self.epoch, self._rows, strict=True):
            if active[member]:
                own.on_epoch_end(epoch, logs[member])
        own.seconds = self.seconds
        return own

    def __len__(self) -> int:
        return self.members

    def to_frame(self) -> Any:
        """Return a data frame of pandas with a row for each epoch and member.

        Raises:
            ImportError: If pandas is not installed.
        """
        pandas = optional("pandas", "history.to_frame()")
        index = pandas.MultiIndex.from_product([self.epoch, range(self.members)], names=["epoch", "member"])
        return pandas.DataFrame({name: values.ravel() for name, values in self.history.items()}, index=index)

    def __repr__(self) -> str:
        return (
            f"<PopulationHistory of {self.members} members over {len(self.epoch)} epochs: "
            f"{', '.join(self.names) or 'nothing yet'}>"
        )
