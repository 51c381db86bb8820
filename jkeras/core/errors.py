"""How errors are worded: what was expected, what came, and the nearest right name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the known name closest to `name`, or `""` if none is close.

    Args:
        name: What was written.
        known: What could have been meant.

    Returns:
        The end of a sentence, with a space before it.

    >>> nearest("catgorical_crossentropy", ["mse", "categorical_crossentropy"])
    " Did you mean 'categorical_crossentropy'?"
    >>> nearest("ResNet5O", ["resnet50", "ResNet50"])
    " Did you mean 'ResNet50'?"
    """
    names = sorted(map(str, known))
    found = difflib.get_close_matches(str(name).lower(), {k.lower() for k in names}, n=1, cutoff=0.6)
    alike = [k for k in names if [k.lower()] == found]  # of those that differ in case only, the closest again
    return f" Did you mean {difflib.get_close_matches(str(name), alike, n=1, cutoff=0.0)[0]!r}?" if found else ""


def shortened(text: str, longest: int) -> str:
    """Return `text`, or if it is longer than `longest` characters its beginning.

    Args:
        text: Any.
        longest: Characters that there is room for.

    Returns:
        At most `longest` characters.

    >>> shortened("categorical", 7)
    'cate...'
    """
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def missing_name(module: str, name: str, known: Iterable[str]) -> AttributeError:
    """Return the error for a name that a module does not have, with the nearest one that it has.

    Args:
        module: The module's name.
        name: What was asked for.
        known: The names that it has.

    Returns:
        The error, to be raised.

    >>> missing_name("jkeras.ops", "meen", ["mean", "max"])
    AttributeError("module 'jkeras.ops' has no attribute 'meen'. Did you mean 'mean'?")
    """
    return AttributeError(f"module {module!r} has no attribute {name!r}.{nearest(name, known)}")


def unexpected_argument(owner: str, name: str, accepted: Iterable[str]) -> TypeError:
    """The error for a misspelt keyword: names the owner, the keyword and the nearest accepted one."""
    accepted = list(accepted)
    hint = nearest(name, accepted)
    listing = "" if hint else f" It takes: {', '.join(accepted)}."
    return TypeError(f"{owner} got an unexpected keyword argument {name!r}.{hint}{listing}")
