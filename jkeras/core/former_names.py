"""Names of metrics as Keras listed them in other versions: who asks for `acc` finds `accuracy`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.core import blame

# Each pair names one thing. Before 2.3 Keras listed "accuracy" as `acc` and spelt errors out; 3 renamed `lr`.
SYNONYMS = (
    ("acc", "accuracy"),
    ("lr", "learning_rate"),
    ("mean_squared_error", "mse"),
    ("mean_absolute_error", "mae"),
    ("mean_absolute_percentage_error", "mape"),
    ("mean_squared_logarithmic_error", "msle"),
)

_said: set[str] = set()


def spelt_otherwise(name: str, known: Mapping[str, Any]) -> str | None:
    """Return what stands in `known` for a name of another version, or None.

    >>> spelt_otherwise("val_acc", {"loss": 1, "val_accuracy": 2}), spelt_otherwise("acc", {"loss": 1})
    ('val_accuracy', None)
    """
    for pair in SYNONYMS:
        for asked, other in (pair, pair[::-1]):
            if name == asked or name.endswith(f"_{asked}"):
                found = name[: len(name) - len(asked)] + other
                if found in known.keys():  # not `in known`, which for `MetricLogs` asks here again
                    return found
    return None


class MetricLogs(dict[str, Any]):
    """Values by the names of metrics; a name of another version finds the same value, with one warning a name.

    >>> logs = MetricLogs(loss=0.5, accuracy=0.75)
    >>> "acc" in logs, list(logs)
    (True, ['loss', 'accuracy'])
    """

    def __missing__(self, name: str) -> Any:
        return self._find(name)

    def _find(self, name: str) -> Any:
        found = spelt_otherwise(name, self)
        if found is None:
            raise KeyError(name)
        if name not in _said:
            _said.add(name)
            blame.warn(f"{name!r} is called {found!r} in these logs; it is found under both names.")
        return self[found]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value, or `default` if there is none under this name or another version's."""
        if super().__contains__(name):
            return self[name]
        return self._find(name) if name in self else default

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and spelt_otherwise(name, self) is not None)

    def copy(self) -> MetricLogs:
        """Return a copy that answers likewise."""
        return MetricLogs(self)
