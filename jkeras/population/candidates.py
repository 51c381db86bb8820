"""The settings of a search, sorted into groups whose models are one program each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from jkeras.core import seeds
from jkeras.core.structure import structure_of
from jkeras.models import Model
from jkeras.population.hyperparameters import find, numbers_of

# Arguments of `fit` that settings may name: they belong to the program too.
FIT_ARGUMENTS = frozenset("batch_size epochs steps_per_epoch shuffle class_weight".split())


class Candidate(NamedTuple):
    """One setting: its place among all, and what its parts are given to."""

    index: int
    build: Mapping[str, Any]  # arguments of the function that builds the model
    numbers: Mapping[str, float]  # hyperparameters by name
    fit: Mapping[str, Any]  # arguments of `fit`


class Group(NamedTuple):
    """Settings whose models are one program, but for numbers that are traced."""

    make: Callable[[], Any]
    fit: Mapping[str, Any]
    members: list[int]  # places among all settings
    numbers: dict[str, list[float]]  # of each member


def candidate(model: Any, index: int, params: Mapping[str, Any]) -> Candidate:
    """Sort the parts of a setting by what takes them."""
    taken, takes_all = _parameters(model)
    build, numbers, fit = {}, {}, {}
    for name, value in params.items():
        if name in taken:
            build[name] = value
        elif name in FIT_ARGUMENTS:
            fit[name] = value
        elif takes_all and "/" not in name:
            build[name] = value
        else:
            numbers[name] = value
    return Candidate(index, build, numbers, fit)


def _parameters(model: Any) -> tuple[set[str], bool]:
    """Return the names of the arguments of a function that builds a model, and whether it takes any other."""
    if isinstance(model, Model):
        return set(), False
    found = inspect.signature(model).parameters.values()
    named = {p.name for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return named, any(p.kind is p.VAR_KEYWORD for p in found)


def maker(model: Any, build: Mapping[str, Any]) -> Any:
    """Return what a population takes for the model of a setting: the model, or a function that builds it."""
    return model if isinstance(model, Model) else lambda: model(**build)


def grouped(model: Any, candidates: Sequence[Candidate]) -> list[Group]:
    """Return the groups of settings.

    Models that a function builds from other arguments are one program if they differ by numbers only that can be
    traced, such as a learning rate or the rate of a dropout. Whatever else differs makes another group.

    Args:
        model: A compiled model, or a function that builds one.
        candidates: The settings.
    """
    found: dict[Hashable, list[tuple[Candidate, dict[str, float]]]] = {}
    built: dict[Hashable, tuple[Hashable, dict[str, float]]] = {}
    for one in candidates:
        key = _hashable(one.build)
        if key not in built:
            built[key] = _described(model, one.build, key)
        signature, numbers = built[key]
        group = (signature, _hashable(one.fit), tuple(sorted(one.numbers)))
        found.setdefault(group, []).append((one, {**numbers, **one.numbers}))
    groups = []
    for rows in found.values():
        first = rows[0][0]
        names = list(rows[0][1])
        differing = {name: [numbers[name] for _, numbers in rows] for name in names}
        varied = {
            name: values
            for name, values in differing.items()
            if name in first.numbers or any(value != values[0] for value in values)
        }
        members = [one.index for one, _ in rows]
        groups.append(Group(maker(model, first.build), dict(first.fit), members, varied))
    return groups


def _described(model: Any, build: Mapping[str, Any], key: Hashable) -> tuple[Hashable, dict[str, float]]:
    """Return what the program of a built model depends on, and its numbers that can be traced."""
    if isinstance(model, Model):
        return "the model", {}
    with seeds.seeded(0):
        made = model(**build)
    if not isinstance(made, Model) or made.optimizer is None:
        raise TypeError(f"The function given to PopulationSearchCV must return a compiled model; it returned {made!r}.")
    numbers = {name: value for name, value in numbers_of(made).items() if isinstance(value, float)}
    for name in numbers:
        place = find(made, name)
        if not place.is_rate:
            place.put(0.5)
    compiled: Any = made._compiled
    given = (compiled.loss, compiled.loss_weights, compiled.metrics, compiled.weighted_metrics)
    signature = structure_of(made, compiled.optimizer, *given)
    # Nothing can tell of layers and functions of a user's own: then other arguments make another group.
    return (key, {}) if signature is None else (signature, numbers)


def _hashable(values: Any) -> Hashable:
    if isinstance(values, Mapping):
        return tuple(sorted((str(k), _hashable(v)) for k, v in values.items()))
    if isinstance(values, (list, tuple)):
        return tuple(map(_hashable, values))
    try:
        hash(values)
    except TypeError:
        return repr(values)
    return type(values).__name__, values if not isinstance(values, float) else repr(values)
