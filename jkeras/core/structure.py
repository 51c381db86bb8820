"""The structure of models, losses and optimizers as a value: what decides how they compute, apart from their arrays."""

from __future__ import annotations

import functools
import sys
from collections import OrderedDict
from collections.abc import Hashable
from types import FunctionType
from typing import Any, cast

import jax
import numpy as np
from jax.tree_util import PyTreeDef

from jkeras.core.data_format import image_data_format
from jkeras.core.dtypes import floatx
from jkeras.core.graph import Plan, SymbolicTensor
from jkeras.core.settings import settings
from jkeras.core.types import class_of, is_traced
from jkeras.core.weight import Weight

# Attributes that do not decide what is computed: symbolic uses, compiled programs, what the last run left behind.
# A class names more of them in `_apart`.
_APART = frozenset(
    {
        "_nodes", "_own_node", "_chain", "_compiled", "_compiled_predict", "_call_losses", "_given_arguments",
        "_left_out", "_placed", "_template", "history", "stop_training",
    }
)  # fmt: skip

_PLAIN = (str, int, float, bool, type(None), bytes)

# The packages whose functions compute the same whenever they are given the same.
_KNOWN = ("jkeras", "jax", "numpy", "optax")

# Arrays among the attributes are compared up to this size, in bytes.
_COMPARED_ARRAY = 1 << 12


class _Opaque(Exception):
    """Something whose effect on what is computed cannot be told from its attributes."""


def structure_of(*objects: Any) -> Hashable | None:
    """Return a value that is equal for objects that compute the same from the same arrays; None if nothing can tell.

    Nothing can tell for what is not jkeras's own: layers and functions that a user wrote may do anything.

    >>> from jkeras.layers import Dropout
    >>> half, also_half, less = (structure_of(Dropout(rate)) for rate in (0.5, 0.5, 0.4))
    >>> half == also_half, half == less
    (True, False)
    >>> class Mine(Dropout):
    ...     pass
    >>> structure_of(Mine(0.5)) is None
    True
    """
    try:
        process = (floatx(), image_data_format(), settings.flash_attention)
        return process, _Describer().describe(objects)
    except _Opaque:
        return None


class _Describer:
    """Describes objects; one that was met before by its number, so that sharing is part of the structure."""

    def __init__(self) -> None:
        self.met: dict[int, int] = {}
        self.kept: list[Any] = []  # an object that is alive keeps its id

    def describe(self, value: Any) -> Hashable:
        kind = class_of(value)
        if kind in _PLAIN:
            return kind, value
        if kind in (tuple, list, set, frozenset):
            return kind, tuple(map(self.describe, value))
        if kind in (dict, OrderedDict):
            return kind, tuple((self.describe(k), self.describe(v)) for k, v in value.items())
        if isinstance(value, (type, np.dtype, PyTreeDef)):
            return cast(Hashable, value)
        if isinstance(value, FunctionType) or (callable(value) and kind.__module__.startswith(("jax.", "jaxlib."))):
            return _function(value)
        if isinstance(value, (np.ndarray, np.generic, jax.Array)):
            return _array(value)
        if isinstance(value, functools.partial):
            return self.describe((value.func, value.args, value.keywords))
        if id(value) in self.met:
            return "met", self.met[id(value)]
        self.met[id(value)] = len(self.met)
        self.kept.append(value)
        if isinstance(value, Weight):
            rules = self.describe((value.regularizer, value.constraint))
            return value.name, value.shape, value.dtype, value.trainable, value.autocast, rules
        if isinstance(value, Plan):
            return self._plan(value)
        if callable(value) and kind.__module__.startswith(("jax.", "jaxlib.")):  # it is jitted, or differentiated
            return _function(getattr(value, "__wrapped__", value))
        if not kind.__module__.startswith("jkeras.") or not _is_global(kind):
            raise _Opaque
        return self._object(value, kind)

    def _object(self, value: Any, kind: type) -> Hashable:
        if isinstance(value, tuple):
            return kind, tuple(map(self.describe, cast(tuple[Any, ...], value)))
        attributes: dict[str, Any] | None = getattr(value, "__dict__", None)
        if attributes is None:
            raise _Opaque
        apart: frozenset[str] = _APART | getattr(kind, "_apart", frozenset[str]())
        return kind, tuple((k, self.describe(v)) for k, v in attributes.items() if k not in apart)

    def _plan(self, plan: Plan) -> Hashable:
        if plan.host is not None:
            raise _Opaque
        tensors: dict[int, int] = {}

        def number(leaf: Any) -> Hashable:
            if isinstance(leaf, SymbolicTensor):
                return "tensor", tensors.setdefault(id(leaf), len(tensors))
            return self.describe(leaf)

        def tree(value: Any) -> Hashable:
            leaves, structure = jax.tree.flatten(value)
            return structure, tuple(map(number, leaves))

        given = tuple((tensor.shape, tensor.dtype) for tensor in plan.input_list)
        inputs = tree(plan.inputs)
        steps = tuple(
            (name, self.describe(node.layer), tree((node.args, node.kwargs)), tree(node.outputs))
            for name, node in plan.steps
        )
        return given, inputs, steps, tree(plan.outputs), tuple(plan.input_names), tuple(plan.output_names)


def _function(function: Any) -> Hashable:
    """A function of a module that is known, itself."""
    if (getattr(function, "__module__", None) or "").partition(".")[0] not in _KNOWN or not _is_global(function):
        raise _Opaque
    return function


def _is_global(made: Any) -> bool:
    """Whether a function or class is what its module calls so: those made on the way are another each time."""
    module = sys.modules.get(getattr(made, "__module__", None) or "")
    return getattr(module, getattr(made, "__name__", ""), None) is made


def _array(value: Any) -> Hashable:
    if is_traced(value) or value.nbytes > _COMPARED_ARRAY or value.dtype.kind not in "biufc":
        raise _Opaque
    array = np.asarray(value)
    return array.dtype, array.shape, array.tobytes()
