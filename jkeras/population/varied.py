"""A number that differs from member to member, and stands where a Python number stood.

A member has to compute what its model would alone. There, `1 - beta_2` is computed by Python, in double precision, and
rounded once; computed from a float32 it would be another number. So a `Varied` holds the members' numbers on the host,
computes with Python numbers as Python does, and becomes a traced float32 only where it meets an array.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core.primitives import convert_element_type_p

# So many numbers are passed to a program; what is more stands in it as constants.
SLOTS = 32

_slots: ContextVar[Slots | None] = ContextVar("jkeras_population_slots", default=None)


class Slots:
    """The numbers that the members' step was found to need, in the order in which it met them.

    A program takes an array of shape (members, SLOTS), which is filled once the program is traced: so members with
    other numbers run the same program.

    Args:
        members: How many members there are.
    """

    def __init__(self, members: int):
        self.members = members
        self._numbers: dict[bytes, int] = {}
        self._table = np.zeros((members, SLOTS), np.float32)
        self._is_sealed = False
        self._row: Any = None
        self._member: Any = None

    def seal(self) -> None:
        """Take no more numbers: the array that programs are passed is filled. Further ones become constants."""
        self._is_sealed = True

    @contextmanager
    def bound(self, row: Any, member: Any) -> Iterator[None]:
        """Inside, numbers are read from `row`, of shape (SLOTS,), that of the traced `member`."""
        before = self._row, self._member
        self._row, self._member = row, member
        token = _slots.set(self)
        try:
            yield
        finally:
            _slots.reset(token)
            self._row, self._member = before

    def table(self) -> np.ndarray:
        """Return the numbers, of shape (members, SLOTS)."""
        return self._table.copy()

    def read(self, values: np.ndarray) -> Any:
        """Return one member's number, traced, of those in `values`."""
        place = self._numbers.get(values.tobytes())
        if place is None and len(self._numbers) < SLOTS and not self._is_sealed:
            place = self._numbers[values.tobytes()] = len(self._numbers)
            self._table[:, place] = values.astype(np.float32)
        number = self._row[place] if place is not None else jnp.asarray(values.astype(np.float32))[self._member]
        # Weak, as Python numbers are: it takes the precision of what it meets.
        return convert_element_type_p.bind(number, new_dtype=np.dtype("float32"), weak_type=True, sharding=None)


class Varied:
    """A number for each member, in the place of a Python number of an optimizer or a layer.

    Args:
        name: The hyperparameter, for errors.
        values: The members' numbers, as Python would hold them.
        zero_is_neutral: Whether what is left out for 0 computes the same when it is put in with 0.

    >>> rate = Varied("rate", [0.25, 0.5])
    >>> (1 - rate).values.tolist(), rate < 1
    ([0.75, 0.5], True)
    >>> rate > 0.3
    Traceback (most recent call last):
    ValueError: rate: what is computed depends on whether rate > 0.3, which is true of some members (0.5) and not of \
others (0.25). Train those in populations of their own.
    """

    __array_priority__ = 1000  # numpy's numbers leave the operators to it
    dtype, shape, ndim = np.dtype("float32"), (), 0  # what functions of JAX ask an argument

    def __init__(
        self, name: str, values: Sequence[float] | np.ndarray, zero_is_neutral: bool = False, root: Varied | None = None
    ):
        self.name = name
        self.values = np.asarray(values, np.float64)
        self.zero_is_neutral = zero_is_neutral
        self.is_used = False
        self.root = root or self

    @property
    def value(self) -> Any:
        """The number of the member that is traced."""
        self.root.is_used = True
        slots = _slots.get()
        if slots is None:
            raise RuntimeError(f"{self.name} differs from member to member: it has no value outside of their step.")
        return slots.read(self.values)

    def __jax_array__(self) -> Any:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if (self.values == self.values[0]).all():
            self.root.is_used = True
            return np.asarray(self.values[0], dtype)
        raise TypeError(
            f"{self.name}: numpy was asked for its value, which differs from member to member. It can be varied where "
            "the computation goes through jax.numpy."
        )

    def astype(self, dtype: Any) -> Any:
        """Return the traced number in a dtype."""
        return self.value.astype(dtype)

    def __float__(self) -> float:
        return float(self._one("float", self.values))

    def __int__(self) -> int:
        return int(self._one("int", self.values))

    def __index__(self) -> int:
        return operator.index(self._one("an integer", self.values))

    def __bool__(self) -> bool:
        return self._decided(self.values != 0, f"{self.name} != 0", nonzero=True)

    def __hash__(self) -> int:
        return hash((self.name, self.values.tobytes()))

    def __repr__(self) -> str:
        return f"<{self.name}: {_listed(self.values)}>"

    def _one(self, what: str, values: np.ndarray) -> Any:
        """Return what is the same for all members."""
        self.root.is_used = True
        if (values == values[0]).all():
            return values[0].item()
        raise TypeError(
            f"{self.root.name} cannot differ from member to member here: what is computed needs {what} in Python "
            f"({_listed(values)}), so each value is a program of its own. Make a population for each value; "
            "PopulationSearchCV does."
        )

    def _decided(self, answers: np.ndarray, question: str, nonzero: bool | None = None) -> bool:
        """Return the answer that all members give, or the one that suits them all."""
        self.root.is_used = True
        if answers.all() or not answers.any():
            return bool(answers[0])
        if nonzero is not None and self.zero_is_neutral:
            return nonzero
        yes, no = self.values[answers], self.values[~answers]
        raise ValueError(
            f"{self.root.name}: what is computed depends on whether {question}, which is true of some members "
            f"({_listed(yes)}) and not of others ({_listed(no)}). Train those in populations of their own."
        )


def _listed(values: np.ndarray) -> str:
    shown = [f"{value:g}" for value in np.unique(values)]
    return ", ".join(shown if len(shown) <= 6 else [*shown[:5], "...", shown[-1]])


_SYMBOLS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")


def _is_plain(value: Any) -> bool:
    return isinstance(value, (int, float, np.number, np.bool_)) and not isinstance(value, jax.Array)


def _binary(name: str, reflected: bool) -> Callable[[Varied, Any], Any]:
    perform = getattr(operator, name)

    def method(self: Varied, other: Any) -> Any:
        if isinstance(other, Varied) or _is_plain(other):
            own, with_it = self.values, other.values if isinstance(other, Varied) else other
            if isinstance(other, Varied):
                other.root.is_used = True
            self.root.is_used = True
            result = perform(with_it, own) if reflected else perform(own, with_it)
            return Varied(self.name, result, root=self.root)
        if other is None or isinstance(other, (str, bytes, list, tuple, dict)):
            return NotImplemented
        return perform(other, self.value) if reflected else perform(self.value, other)

    return method


def _compare(name: str) -> Callable[[Varied, Any], Any]:
    perform = getattr(operator, name)

    def method(self: Varied, other: Any) -> Any:
        if not (isinstance(other, Varied) or _is_plain(other)):
            if other is None or isinstance(other, (str, bytes, list, tuple, dict)):
                return NotImplemented
            return perform(self.value, other)
        right = other.values if isinstance(other, Varied) else other
        answers = np.broadcast_to(perform(self.values, right), self.values.shape)
        shown = other.name if isinstance(other, Varied) else f"{other:g}"
        # What is left out for zero may be put in: `x == 0` is answered "no", `x != 0` and `x > 0` "yes".
        at_zero = not isinstance(other, Varied) and other == 0 and name in ("eq", "ne", "gt")
        return self._decided(answers, f"{self.name} {_SYMBOLS[name]} {shown}", (name != "eq") if at_zero else None)

    return method


for _name in _BINARY:
    setattr(Varied, f"__{_name}__", _binary(_name, reflected=False))
    setattr(Varied, f"__r{_name}__", _binary(_name, reflected=True))
for _name in _SYMBOLS:
    setattr(Varied, f"__{_name}__", _compare(_name))


def _unary(perform: Callable[[Any], Any]) -> Callable[[Varied], Varied]:
    def method(self: Varied) -> Varied:
        self.root.is_used = True
        return Varied(self.name, perform(self.values), root=self.root)

    return method


for _name, _function in (("neg", operator.neg), ("abs", abs), ("pos", operator.pos)):
    setattr(Varied, f"__{_name}__", _unary(_function))

# Functions of jax.numpy are jitted, and jit flattens its arguments: seen as a node of one leaf, it passes them all.
jax.tree_util.register_pytree_node(Varied, lambda varied: ((varied.value,), None), lambda _, leaves: leaves[0])
