"""The mechanism for old spellings: constructor arguments are modernised before a class sees them.

The rows are data and live beside what they describe (`jkeras/layers/legacy.py`); the classes themselves know the
modern form only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

Class = TypeVar("Class", bound=type[Any])
Modernise = Callable[[tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]

# By class name: what an old keyword is called now, and functions for what is more than a new name.
RENAMED: dict[str, dict[str, str]] = {}
REWRITTEN: dict[str, Modernise] = {}
# By class name: what configurations of old files hold beside constructor arguments, and the values that mean nothing
# (`...`: none does).
ONLY_IN_FILES: dict[str, dict[str, tuple[Any, ...]]] = {}


def modernise(owner: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the constructor arguments of jkeras's class `owner` in their modern spelling.

    >>> RENAMED["Example"] = {"nb_filter": "filters"}
    >>> modernise("Example", (), {"nb_filter": 3})
    ((), {'filters': 3})
    >>> del RENAMED["Example"]
    """
    rewrite = REWRITTEN.get(owner)
    if rewrite is not None:
        args, kwargs = rewrite(args, dict(kwargs))
    names = RENAMED.get(owner, {})
    for old in names.keys() & kwargs.keys():
        if names[old] in kwargs:
            raise TypeError(f"{owner} got {names[old]!r} and its old spelling {old!r}. Keep {names[old]!r}.")
        kwargs = {names[old] if k == old else k: v for k, v in kwargs.items()}
    return args, kwargs


def without_file_arguments(cls: type, config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration without what only old files hold; a value that means something is left to the class.

    >>> ONLY_IN_FILES["object"] = {"groups": (1,)}
    >>> without_file_arguments(object, {"groups": 1, "units": 2})
    {'units': 2}
    >>> del ONLY_IN_FILES["object"]
    """
    meaningless = {
        name
        for owner in cls.__mro__
        for name, harmless in ONLY_IN_FILES.get(owner.__name__, {}).items()
        if name in config and (... in harmless or config[name] is None or config[name] in harmless)
    }
    return {name: value for name, value in config.items() if name not in meaningless}


def former_name(name: str, cls: Class, make: Callable[..., Any], documentation: str, **attributes: Any) -> Class:
    """Return a class `name` beside `cls` whose call is `make(*args, **kwargs)`, which returns a `cls`.

    So configurations and files carry the name that every Keras knows, and users can still subclass the former one.

    >>> Whole = former_name("Whole", int, lambda text: int(text, 10), "An integer.")
    >>> type(Whole("7")).__name__, issubclass(Whole, int)
    ('int', True)
    """

    def new(self: Any, *args: Any, **kwargs: Any) -> Any:
        above = cast(Any, super(made, self))
        return make(*args, **kwargs) if self is made else above.__new__(self, *args, **kwargs)

    made: Any = type(name, (cls,), {"__new__": new, "__doc__": documentation, **attributes})
    return made
