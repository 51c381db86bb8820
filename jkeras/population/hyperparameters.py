"""Hyperparameters by name: where in an optimizer or a model the number stands that a name means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras.core.errors import nearest
from jkeras.core.template import walk
from jkeras.initializers import Initializer
from jkeras.optimizers.schedules import LearningRateSchedule
from jkeras.population.varied import Varied

# Numbers whose absence computes the same as 0: members with 0 and others can be one program.
_NEUTRAL_AT_ZERO = frozenset(
    "weight_decay momentum rate dropout recurrent_dropout l1 l2 stddev factor decay label_smoothing".split()
)

# Arguments of optimizers that are counts: they shape the program.
_COUNTS = frozenset({"gradient_accumulation_steps", "ema_overwrite_frequency"})


class Place(NamedTuple):
    """Where a number stands: an attribute of an object."""

    owner: Any
    attribute: str
    is_rate: bool = False  # a learning rate that is a number is handed to each step anyway
    layer: Any = None  # whose first values it decides, if it does only that

    @property
    def is_initial(self) -> bool:
        """Whether it decides first values only."""
        return self.layer is not None

    def get(self) -> Any:
        """Return what stands there."""
        return getattr(self.owner, self.attribute)

    def put(self, value: Any) -> None:
        """Let `value` stand there."""
        if self.layer is None:
            setattr(self.owner, self.attribute, value)
            return
        # Values are drawn by what an initializer was made with: so there is another one.
        made = type(self.owner).from_config({**self.owner.get_config(), self.attribute: value})
        for name, held in list(vars(self.layer).items()):
            if held is self.owner:
                setattr(self.layer, name, made)
        for weight in self.layer._weights:
            if weight.initializer is self.owner:
                weight.initializer = made

    def check(self, name: str, value: float) -> None:
        """Let the owner's constructor say whether it takes `value`."""
        if self.is_rate or not hasattr(self.owner, "get_config"):
            return
        config = self.owner.get_config()
        if self.attribute in config:
            try:
                type(self.owner).from_config({**config, self.attribute: value})
            except (TypeError, ValueError) as error:
                error.add_note(f"In the hyperparameter {name!r} of a population.")
                raise


class Hyperparameters:
    """The numbers that differ from member to member, by name.

    Args:
        values: Name to a sequence with a number for each member, or one number for all.
        members: How many members there are; told by the sequences and by `others` if left out.
        others: What else has an entry for each member: name to its length.

    Raises:
        ValueError: If lengths differ, or a value is no finite number.
    """

    def __init__(
        self, values: Mapping[str, Any] | None, members: int | None = None, others: Mapping[str, int] | None = None
    ):
        lengths: dict[str, int] = dict(others or {})
        arrays = {name: _numbers(name, given) for name, given in (values or {}).items()}
        lengths.update({name: len(array) for name, array in arrays.items() if array.ndim})
        if members is not None:
            lengths["members"] = int(members)
        if len(set(lengths.values())) > 1:
            listing = ", ".join(f"{name} has {n}" for name, n in lengths.items())
            raise ValueError(
                f"Each list has an entry for each member, so their lengths must be equal: {listing}. To try all "
                "combinations of several lists, write hyperparameters=jkeras.population.grid({...})."
            )
        if not lengths:
            raise ValueError(
                "Population expected members=, seeds= or hyperparameters={'learning_rate': [...]}: how many models?"
            )
        self.members = next(iter(lengths.values()))
        if self.members < 1:
            raise ValueError(f"A population has at least one member; got {self.members}.")
        self.values = {name: np.broadcast_to(array, self.members) for name, array in arrays.items()}

    def of(self, member: int) -> dict[str, float]:
        """Return the settings of one member, as Python numbers."""
        return {name: array[member].item() for name, array in self.values.items()}

    def initial_of(self, model: Any, member: int) -> dict[str, float]:
        """Return the settings of one member that decide its first values."""
        return {name: value for name, value in self.of(member).items() if find(model, name).is_initial}

    def check(self, model: Any) -> None:
        """Raise `ValueError` if a name means nothing in a model, or a value is not allowed there."""
        for name, array in self.values.items():
            place = find(model, name)
            for value in np.unique(array):
                place.check(name, value.item())

    def set_on(self, model: Any, member: int, initial_only: bool = False, rate_only: bool = False) -> None:
        """Let a compiled model have the settings of one member, or those of one kind only."""
        for name, value in self.of(member).items():
            place = find(model, name)
            if (place.is_initial or not initial_only) and (place.is_rate or not rate_only):
                place.put(value)

    def vary_on(self, model: Any) -> list[Varied]:
        """Let a compiled model have all members' settings; return those that its step has to use."""
        made = []
        places = {name: find(model, name) for name in self.values}  # all of them, while numbers stand there
        for name, array in self.values.items():
            place = places[name]
            if not (place.is_rate or place.is_initial):
                made.append(Varied(name, array, place.attribute in _NEUTRAL_AT_ZERO))
                place.put(made[-1])
        return made


def _numbers(name: str, given: Any) -> np.ndarray:
    try:
        array = np.asarray(given)
        if array.dtype == object or array.dtype.kind not in "iuf" or array.ndim > 1:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"hyperparameters[{name!r}] expected a list with a number for each member; got {given!r}. What is no "
            "number (units, activations, names of optimizers) is another program: PopulationSearchCV groups by it."
        ) from None
    if not np.isfinite(array).all():
        raise ValueError(f"hyperparameters[{name!r}] expected finite numbers; got {array.tolist()}.")
    return array if array.dtype.kind in "iu" else array.astype(np.float64)


def find(model: Any, name: str) -> Place:
    """Return where the number that a name means stands in a compiled model.

    Args:
        model: The model.
        name: An argument of the optimizer (`"learning_rate"`), one of its schedule (`"learning_rate/decay_rate"`), or
            a layer's path and an argument of it (`"dropout/rate"`, `"dense_1/kernel_regularizer/l2"`).

    Raises:
        ValueError: If nothing is called so, or it is no number that can be traced.
    """
    optimizer = model.optimizer
    first, _, rest = name.removeprefix("optimizer/").partition("/")
    if first in _arguments(optimizer):
        return _in_optimizer(optimizer, name, first, rest)
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None and first in _arguments(inner):
        return _in_optimizer(inner, name, first, rest)
    layers = {path: layer for path, layer in walk(model) if path}
    for path in sorted(layers, key=len, reverse=True):
        if name.startswith(f"{path}/"):
            return _in_layer(layers[path], name, name.removeprefix(f"{path}/"))
    known = [*numbers_of(model)]
    listing = ", ".join(known) or "nothing; write the optimizer as one of jkeras, whose arguments have names"
    raise ValueError(f"There is no hyperparameter {name!r}.{nearest(name, known)} What can be varied: {listing}.")


def numbers_of(model: Any) -> dict[str, Any]:
    """Return what can be varied in a compiled model: name to the number of now.

    Args:
        model: A compiled model.

    Returns:
        A dict by the names that `Population(hyperparameters=)` takes; None for what the optimizer does without.

    >>> from jkeras import Sequential, layers
    >>> model = Sequential([layers.Input((2,)), layers.Dropout(0.5), layers.Dense(1, kernel_regularizer="l2")])
    >>> model.compile("sgd", "mse")
    >>> sorted(name for name, value in numbers_of(model).items() if value)
    ['dense/kernel_regularizer/l2', 'dropout/rate', 'ema_momentum', 'learning_rate']
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", None) or model.optimizer
    found: dict[str, Any] = {}
    for name, value in _arguments(optimizer).items():
        if isinstance(_schedule_of(optimizer), LearningRateSchedule) and name == "learning_rate":
            found.update({f"{name}/{k}": v for k, v in _schedule_of(optimizer).get_config().items() if _is_number(v)})
        elif name not in _COUNTS | {"name"} and (_is_number(value) or value is None):
            found[name] = value
    for path, layer in walk(model):
        if not path or not hasattr(layer, "get_config"):
            continue
        for attribute in _given(layer):
            value = getattr(layer, attribute, None)
            if isinstance(value, float):
                found[f"{path}/{attribute}"] = value
            elif hasattr(value, "get_config") and not hasattr(value, "apply"):
                own = {k: getattr(value, k, None) for k in _given(value)}
                found.update({f"{path}/{attribute}/{k}": v for k, v in own.items() if isinstance(v, float)})
    return found


def _given(thing: Any) -> list[str]:
    try:
        return list(thing.get_config())
    except Exception:  # a layer of a user's own may have no configuration: then nothing of it is listed
        return []


def _arguments(optimizer: Any) -> dict[str, Any]:
    try:
        return optimizer.get_config()
    except Exception:  # an optax transformation has none
        return {"learning_rate": None} if optimizer.rate_for_step is not None else {}


def _schedule_of(optimizer: Any) -> Any:
    return getattr(getattr(optimizer, "_learning_rate", None), "schedule", None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _in_optimizer(optimizer: Any, name: str, first: str, rest: str) -> Place:
    owner = type(optimizer).__name__
    if first == "learning_rate":
        schedule = _schedule_of(optimizer)
        if not rest and schedule is None and hasattr(optimizer.rate_for_step, "dtype"):
            return Place(optimizer, first, is_rate=True)
        if rest and hasattr(schedule, rest) and _is_number(getattr(schedule, rest)):
            return Place(schedule, rest)
        if schedule is not None:
            known = [f"learning_rate/{k}" for k in vars(schedule) if _is_number(getattr(schedule, k))]
            raise ValueError(
                f"The learning rate of this {owner} is a schedule, {type(schedule).__name__}, so {name!r} is no "
                f"number.{nearest(name, known)} Its numbers are: {', '.join(known) or 'none'}."
            )
        raise ValueError(f"{name!r}: the learning rate of this {owner} is no number that a population can vary.")
    value = getattr(optimizer, first, None)
    if rest or first in _COUNTS or first == "name" or not (_is_number(value) or value is None):
        raise ValueError(
            f"{name!r} of {owner} is {value!r}, which shapes the program: it cannot differ from member to member. Make "
            "a population for each value; PopulationSearchCV does."
        )
    return Place(optimizer, first)


def _in_layer(layer: Any, name: str, rest: str) -> Place:
    *folders, attribute = rest.split("/")
    owner = layer
    for folder in folders:
        owner = getattr(owner, folder, None)
    if owner is None or not hasattr(owner, attribute):
        own = [k for k in _given(owner) if isinstance(getattr(owner, k, None), float)] if owner is not None else []
        what = f"{type(layer).__name__} has no {rest!r}" if owner is not None else f"there is no {'/'.join(folders)!r}"
        raise ValueError(f"{name!r}: {what}.{nearest(attribute, own)}")
    value = getattr(owner, attribute)
    is_float = isinstance(value, float) or (value == 0 and attribute in _NEUTRAL_AT_ZERO)
    if isinstance(value, bool) or not (is_float or isinstance(value, Varied)):
        raise ValueError(
            f"{name!r} is {value!r}, which shapes the program: it cannot differ from member to member. Make a "
            "population for each value; PopulationSearchCV does."
        )
    return Place(owner, attribute, layer=layer if isinstance(owner, Initializer) else None)


def grid(values: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Return all combinations of lists as lists of equal length, the last name changing fastest.

    Args:
        values: Name to the values to try.

    Returns:
        Name to a list with an entry for each combination: `Population(hyperparameters=)` takes it.

    >>> grid({"learning_rate": [0.1, 0.01], "momentum": [0.0, 0.9]})
    {'learning_rate': [0.1, 0.1, 0.01, 0.01], 'momentum': [0.0, 0.9, 0.0, 0.9]}
    """
    names = list(values)
    axes = np.meshgrid(*(np.arange(len(values[name])) for name in names), indexing="ij")
    return {name: [values[name][i] for i in axis.ravel().tolist()] for name, axis in zip(names, axes, strict=True)}
