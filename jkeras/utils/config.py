"""`Config`: named values, by attribute and by key."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

from jkeras.core.errors import nearest


class Config(MutableMapping[str, Any]):
    """Named values that are read and set by attribute or by key, and can be frozen.

    Args:
        kwargs: The first values, by name.

    Raises:
        AttributeError: If a value is read that is not there; names the nearest one.
        ValueError: If a value is set or deleted while it is frozen.

    >>> config = Config(learning_rate=0.1)
    >>> config.seed = 1
    >>> config["seed"], config.learning_rate, config.to_json()
    (1, 0.1, '{"learning_rate": 0.1, "seed": 1}')
    >>> config.freeze()
    >>> config.seed = 2
    Traceback (most recent call last):
    ValueError: Config is frozen: 'seed' cannot be changed. Call config.unfreeze() first.

    Reference: `keras.utils.Config`.
    """

    _values: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any):
        object.__setattr__(self, "_values", dict(kwargs))
        object.__setattr__(self, "_frozen", False)

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        if name not in values:
            raise AttributeError(f"Config has no value {name!r}.{nearest(name, values)}")
        return values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._check(key)
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        self._check(key)
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Config {self._values}>"

    def _check(self, key: str) -> None:
        if self._frozen:
            raise ValueError(f"Config is frozen: {key!r} cannot be changed. Call config.unfreeze() first.")

    @property
    def frozen(self) -> bool:
        """Whether values cannot be changed."""
        return self._frozen

    def freeze(self) -> None:
        """Let values not be changed any more."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Let values be changed again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """Return the values as a new dict."""
        return dict(self._values)

    def to_json(self) -> str:
        """Return the values as JSON."""
        return json.dumps(self._values)
