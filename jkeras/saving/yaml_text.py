"""YAML as plain data: what JSON could hold, and no object of Python."""

from __future__ import annotations

from typing import Any

from jkeras.saving import limits

_PYTHON = "tag:yaml.org,2002:python/"
# What Keras 1 and 2 wrote for tuples, and Python 2 for strings and numbers: plain data under another name.
_PLAIN = {
    "tuple": "seq",
    "list": "seq",
    "dict": "map",
    "unicode": "str",
    "str": "str",
    "bool": "bool",
    "int": "int",
    "long": "int",
    "float": "float",
    "none": "null",
}
# More digits are no number that a configuration needs, and take time that grows with their square.
_DIGITS = 400


def load_plain(text: str, where: str) -> Any:
    """Return the data of one YAML document.

    Raises:
        ValueError: If it is no YAML, names an object of Python, or is larger or deeper than what is read.
    """
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_events(yaml.parse(text, Loader=base), where)
        return yaml.load(text, Loader=_loader(base, where))
    except yaml.YAMLError as error:
        raise ValueError(f"{where} is not valid YAML: {' '.join(str(error).split())}.") from None
    except RecursionError:
        raise ValueError(f"{where} is nested too deeply.") from None


def _check_events(events: Any, where: str) -> None:
    """Check depth, tags, and the number of values with all repetitions written out, before anything is made."""
    import yaml

    sizes: dict[str, int] = {}
    # Each open list or dictionary: the name under which it is repeated, and the values so far.
    open_parts: list[list[Any]] = []
    total = 0

    def close(anchor: str | None, size: int) -> None:
        nonlocal total
        if anchor:
            sizes[anchor] = size
        if open_parts:
            open_parts[-1][1] += size
        total += size
        if max(total, size) > limits.VALUES:
            raise ValueError(f"{where} holds more than {limits.VALUES} values when its repetitions are written out.")

    for event in events:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ValueError(f"{where}: a part repeats {event.anchor!r}, which is not complete yet or not there.")
            close(None, sizes[event.anchor])
        elif isinstance(event, yaml.ScalarEvent):
            _check_tag(event.tag, where)
            close(event.anchor, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            _check_tag(event.tag, where)
            if event.anchor:
                sizes.pop(event.anchor, None)
            open_parts.append([event.anchor, 1])
            if len(open_parts) > limits.NESTING:
                raise ValueError(f"{where} is nested more than {limits.NESTING} levels deep.")
        elif isinstance(event, yaml.CollectionEndEvent):
            close(*open_parts.pop())


def _check_tag(tag: str | None, where: str) -> None:
    if tag and tag.startswith(_PYTHON) and tag.removeprefix(_PYTHON) not in _PLAIN:
        raise ValueError(
            f"{where} asks for the Python object {'!!python/' + tag.removeprefix(_PYTHON)!r}. "
            "A file is data: nothing that it names is imported, made or run."
        )


def _loader(base: Any, where: str) -> Any:
    class Loader(base):
        """The safe loader with the other names of plain data, and without keys that are given twice."""

    def pairs(loader: Any, node: Any) -> dict[Any, Any]:
        loader.flatten_mapping(node)
        made = loader.construct_mapping(node, deep=True)
        if len(made) < len(node.value):
            raise ValueError(f"{where}: a name is given twice in one dictionary, in line {node.start_mark.line + 1}.")
        return made

    def number(convert: Any) -> Any:
        def construct(loader: Any, node: Any) -> Any:
            if len(node.value) > _DIGITS:
                raise ValueError(
                    f"{where}: line {node.start_mark.line + 1} has a number of {len(node.value)} characters."
                )
            return convert(loader, node)

        return construct

    makers = {
        "seq": lambda loader, node: loader.construct_sequence(node, deep=True),
        "map": pairs,
        "int": number(base.construct_yaml_int),
        "float": number(base.construct_yaml_float),
        "str": base.construct_yaml_str,
        "bool": base.construct_yaml_bool,
        "null": base.construct_yaml_null,
    }
    for name, maker in makers.items():
        Loader.add_constructor(f"tag:yaml.org,2002:{name}", maker)
    for name, plain in _PLAIN.items():
        Loader.add_constructor(_PYTHON + name, makers[plain])
    return Loader
