"""How much a file may ask for: text, nesting, counts and sizes are checked before memory is taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

# Bytes of the JSON text of one model. The largest that are met hold vocabularies of about a million words.
JSON_BYTES = 32 << 20
# Bytes of a YAML text, which takes about ten times as long to read.
YAML_BYTES = 1 << 20
# Levels of lists and dictionaries in one another.
NESTING = 200
# Lists, dictionaries, strings and numbers of one configuration; where YAML says a part again, it counts again.
VALUES = 2_000_000
# Characters of one string.
STRING = 1 << 20
# Layers of one model, those of models inside included.
LAYERS = 20_000
# Groups and datasets of one HDF5 file, and how deep they are nested.
OBJECTS = 50_000
DEPTH = 64
# Arguments of layers from which arrays or loops are made while a model is built, before its weights are declared.
SIZES = {
    **dict.fromkeys(
        ("units", "filters", "kernel_size", "output_size", "fft_length", "num_mel_bins", "num_heads", "key_dim",
         "value_dim", "output_dim"),
        1 << 25,
    ),
    "power_iterations": 1000,
}  # fmt: skip
# Elements of all weights of a model: 4 terabytes in float32.
ELEMENTS = 10**12
# What a model may declare beyond what its file holds: values that are not kept in files, as recurrent states.
UNFILED = 1_000_000
# Bytes of a name or of a list of names in an attribute.
ATTRIBUTE_BYTES = 64 << 20
# Weights do not shrink much when they are compressed. Zeros do: what is small may have shrunk to anything.
RATIO = 200
RATIO_FREE = 64 << 20


_END = object()


def parse_json(text: str | bytes, where: str) -> Any:
    """Return the data of a JSON text, as plain Python objects.

    `NaN` and `Infinity` are read as numbers, since Keras writes them. Of a key that is given twice, it is unclear which
    one counts, so it is an error.

    Args:
        text: The text, or its bytes in UTF-8.
        where: What it is, for messages.

    Raises:
        ValueError: If it is no JSON, is too long, or is nested too deeply.

    >>> parse_json('{"a": [1, null]}', "'model.json'")
    {'a': [1, None]}
    >>> parse_json("[" * 1000 + "]" * 1000, "'model.json'")
    Traceback (most recent call last):
    ValueError: 'model.json' is nested more than 200 levels deep.
    """
    text = _bounded_text(text, where, JSON_BYTES)
    _check_count(text.count(",") + text.count("[") + text.count("{"), where)
    try:
        data = json.loads(text, object_pairs_hook=_without_duplicates)
    except RecursionError:
        _too_deep(where)
    except ValueError as error:
        raise ValueError(f"{where} is not valid JSON: {error}.") from None
    check_configuration(data, where)
    return data


def parse_yaml(text: str | bytes, where: str) -> Any:
    """Return the data of a YAML text, as the plain Python objects that JSON could hold.

    Tuples, which Keras 1 and 2 marked as objects of Python, become lists. No other object is made.

    Args:
        text: The text, or its bytes in UTF-8.
        where: What it is, for messages.

    Raises:
        ValueError: If it is no YAML, is too long, nested too deeply, repeats parts of itself without bound, or names
            an object of Python.

    >>> parse_yaml("a: !!python/tuple [1, null]", "'model.yaml'")
    {'a': [1, None]}
    >>> parse_yaml("!!python/object/apply:os.system [ls]", "'model.yaml'")
    Traceback (most recent call last):
    ValueError: 'model.yaml' asks for the Python object '!!python/object/apply:os.system'. ...
    """
    from jkeras.saving.yaml_text import load_plain

    data = load_plain(_bounded_text(text, where, YAML_BYTES), where)
    check_configuration(data, where)
    return data


def check_configuration(config: Any, where: str) -> None:
    """Check that a configuration is plain data of bounded depth, count and length.

    Args:
        config: Dictionaries with strings as keys, lists, tuples, strings, numbers, booleans and None.
        where: What it is, for messages.

    Raises:
        ValueError: If it is anything else, or larger than what is allowed for one model.

    >>> check_configuration({"units": 3}, "'model.json'")
    >>> check_configuration({"seed": 10**40}, "'model.json'")
    Traceback (most recent call last):
    ValueError: 'model.json' holds a whole number of more than 64 bits.
    """
    count = layers = 0
    # Iterators rather than recursion, which Python would end by itself.
    todo: list[Iterator[Any]] = [iter([config])]
    while todo:
        value: Any = next(todo[-1], _END)
        if value is _END:
            todo.pop()
            continue
        count += 1
        if count > VALUES:
            _check_count(count, where)
        kind = type(value)
        if kind is str:
            if len(value) > STRING:
                raise ValueError(f"{where} holds a string of {len(value)} characters; at most {STRING} are read.")
        elif kind is dict or kind is list or kind is tuple:
            if len(todo) > NESTING:
                _too_deep(where)
            if kind is dict:
                listed = value.get("layers")
                layers += len(listed) if isinstance(listed, (list, dict)) else 0
                _check_keys(value, where)
                _check_sizes(value, where)
                value = value.values()
            todo.append(iter(value))
        elif kind is int:
            if not -(2**63) <= value < 2**64:
                raise ValueError(f"{where} holds a whole number of more than 64 bits.")
        elif kind is not float and kind is not bool and value is not None:
            raise ValueError(f"{where}: expected plain data; found {kind.__name__}.")
    if layers > LAYERS:
        raise ValueError(f"{where} lists {layers} layers; at most {LAYERS} are read.")


def check_size(declared: int, held: int | None, where: str) -> None:
    """Check that a model asks for no more than its file holds, before any of its weights takes memory.

    A model that was made and built has declared its weights and drawn none: `model.count_params()` is the
    sum of what it declared, and takes no memory. Drawing begins with `model.params`, `model.get_weights()` or
    `model.predict`, so the check belongs between building and those.

    Args:
        declared: The number of elements that the weights of the model have.
        held: The number of elements that the datasets of the file hold; None if there are no weights with it.
        where: The file, for messages.

    Raises:
        ValueError: If the model is larger than its file by far, or than any model.

    >>> check_size(10**13, 40, "'model.keras'")
    Traceback (most recent call last):
    ValueError: 'model.keras' describes a model with 10000000000000 weights, but holds 40 numbers. ...
    """
    if held is not None and declared > 2 * held + UNFILED:
        raise ValueError(
            f"{where} describes a model with {declared} weights, but holds {held} numbers. "
            "Its configuration and its weights do not belong together."
        )
    if declared > ELEMENTS:
        raise ValueError(f"{where} describes a model with {declared} weights; at most {ELEMENTS} are made from a file.")


def _bounded_text(text: str | bytes, where: str, limit: int) -> str:
    if not isinstance(text, (str, bytes)):
        raise TypeError(f"{where}: expected a text; got {type(text).__name__}.")
    if len(text) > limit:
        raise ValueError(f"{where} is a text of {len(text)} bytes; at most {limit} are read.")
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where} is not a text in UTF-8: {error}.") from None


def _check_count(count: int, where: str) -> None:
    if count > VALUES:
        raise ValueError(f"{where} holds more than {VALUES} values, too many for a model.")


def _too_deep(where: str) -> NoReturn:
    raise ValueError(f"{where} is nested more than {NESTING} levels deep.")


def _check_keys(value: dict[Any, Any], where: str) -> None:
    for key in value:
        if type(key) is not str:
            raise ValueError(f"{where}: expected strings as names in dictionaries; found {type(key).__name__}.")
        if len(key) > STRING:
            raise ValueError(f"{where} holds a name of {len(key)} characters; at most {STRING} are read.")


def _check_sizes(config: dict[str, Any], where: str) -> None:
    for name in SIZES.keys() & config.keys():
        value = config[name]
        for number in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(number, int) and number > SIZES[name]:
                raise ValueError(f"{where} says {name}={number}; at most {SIZES[name]} is read.")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice[:80]!r} is given twice in one dictionary")
    return made
