"""Templates and their bound copies.

A template is what a user writes: configuration, sublayers, weight declarations. `bind` makes a shallow copy of its
tree whose weight attributes *are* the arrays of one call. Nothing is looked up through a scope, so what `call`
closes over stays right even where JAX traces it after `call` has returned.
"""

# The functions of this file are the class's own, for whoever holds a template.
# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType
from typing import Any, NamedTuple, Self, TypeVar, cast

import jax.numpy as jnp

from jkeras.core import dtypes, remat
from jkeras.core.by_name import read, written
from jkeras.core.config import Configurable
from jkeras.core.dtypes import DTypePolicy
from jkeras.core.frame import Frame
from jkeras.core.outline import Outline
from jkeras.core.registry import constraints, initializers, regularizers, snake_case
from jkeras.core.types import OwnTree, Tree, class_of, is_dict, is_listing
from jkeras.core.weight import StateReference, Weight

Made = TypeVar("Made")

# Attributes of the framework itself: copied to a bound layer as they are, never searched for weights or sublayers.
_INTERNAL = frozenset(
    {
        "_given_arguments", "_weights", "_frame", "_path", "_template", "_nodes", "_explicit_name", "_auto_name",
        "_plan", "_own_node", "_input_hint", "_compiled", "_call_losses", "_left_out", "_remat",
    }
)  # fmt: skip

# Types of most attributes, which are passed over quickly: whatever runs a model looks through its layers first.
_CHILDLESS = frozenset({str, int, float, bool, type(None), Weight, FunctionType, DTypePolicy})

# What belongs to the process rather than to the object: symbolic uses, compiled programs, the losses of the last call.
_NOT_COPIED = frozenset({"_nodes", "_compiled", "_compiled_predict", "_call_losses", "_left_out", "_placed", "history"})


class Template(Configurable):
    """An object with weights and sublayers that can be bound: the base of layers and metrics."""

    __slots__ = ("_outline",)  # beside the attributes, whose changes it notices

    _frame: Frame | None
    _path: str
    _template: Template  # on bound copies only
    _explicit_name: str | None
    _auto_name: str | None
    _weights: list[Weight]
    accumulates = False  # True if its variables are totals of a run (a metric), rather than weights of a layer
    _remat: remat.RematScope | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls, *args, **kwargs)
        self.__dict__.update(
            _weights=[], _frame=None, _path="", _explicit_name=None, _auto_name=None, _remat=remat.active()
        )
        return self

    @property
    def name(self) -> str:
        """The name given, or the one its model gave it, or the class name in snake_case."""
        return self._explicit_name or self._auto_name or snake_case(type(self).__name__)

    @property
    def path(self) -> str:
        """Where this layer is in the model whose call is running; its name outside of a call."""
        return self._path or self.name

    def add_weight(
        self,
        *positional: Any,
        name: str | None = None,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        autocast: bool = True,
        aggregation: str | None = "none",
    ) -> Weight:
        """Declare a weight and return it; keep it in an attribute, and read that attribute in `call`.

        Args:
            positional: `(shape, initializer)` as in Keras 3 or `(name, shape)` as in Keras 1 and 2.
            name: Its key in `params` or `state`.
            shape: Tuple of integers; `()` if left out.
            initializer: Name, object or function; Glorot uniform for trainable floats, zeros otherwise.
            dtype: Its dtype; the layer's variable dtype if left out.
            trainable: Whether it belongs to `params` or to `state`.
            regularizer: Name, object or function added to the training loss.
            constraint: Name, object or function applied after each update.
            autocast: Whether `call` sees it in the compute dtype of a mixed-precision layer; False: as it is stored.
            aggregation: "none", "mean", "sum", "only_first_replica" or None, which come to the same: an array of JAX is
                one array, on however many devices.

        Returns:
            The `Weight`: on the template a declaration, in `call` the array.

        Raises:
            ValueError: If a dimension of the shape is unknown, or the aggregation is none of these.
        """
        if self._frame is not None:
            raise RuntimeError(f"Layer {self.path!r}: add_weight was called in `call`. Declare weights in `build`.")
        rest = list(positional)
        if rest and (isinstance(rest[0], str) or rest[0] is None):
            name, rest = rest[0] or name, rest[1:]
        if rest:
            shape, rest = rest[0], rest[1:]
        if rest:
            initializer = rest[0]
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        if any(n is None for n in shape):
            raise ValueError(
                f"Layer {self.name!r}: weight {name!r} has shape {shape}, in which a dimension is unknown. "
                "Give the layer an input whose last dimensions are known: Input(shape=(..., features))."
            )
        dtype = dtypes.as_policy(dtype).variable_dtype if dtype is not None else self._variable_dtype()
        is_float = "float" in dtype
        if initializer is None:
            initializer = "glorot_uniform" if trainable and is_float else "zeros"
        weight = Weight(
            unique_name(name or "variable", [w.name for w in self._weights]),
            shape,
            initializers.get(initializer),
            dtype,
            trainable and is_float,
            regularizers.get(regularizer),
            constraints.get(constraint),
            autocast,
            aggregation,
        )
        weight.declared = True
        weight.path = f"{self.name}/{weight.name}"
        self._weights.append(weight)
        return weight

    def _variable_dtype(self) -> str:
        return dtypes.dtype_policy().variable_dtype

    def children(self) -> dict[str, Template]:
        """Return the templates held in attributes, also in lists, tuples and dicts, by their local names."""
        return self._named(self._holds)

    def members(self) -> dict[str, Template]:
        """Return the children, and beside them what accumulates totals: everything that has variables here."""
        named = dict(self.children())
        metrics = self._named(lambda child: child.accumulates and not self._holds(child))
        for name, metric in metrics.items():
            named[unique_name(name, named)] = metric
        return named

    def _named(self, is_wanted: Callable[[Template], bool]) -> dict[str, Template]:
        named: dict[str, Template] = {}
        seen: set[int] = set()
        for attribute, value in self.__dict__.items():
            if type(value) in _CHILDLESS or attribute in _INTERNAL:
                continue
            for suffix, child in _templates_in(value):
                if id(child) in seen or not is_wanted(child):
                    continue
                seen.add(id(child))
                named[unique_name(child._explicit_name or attribute.strip("_") + suffix, named)] = child
        return named

    def _holds(self, child: Template) -> bool:
        """Whether a template found in an attribute is a part of this one."""
        return True

    def _root_path(self) -> str:
        return self.name

    def __setattr__(self, name: str, value: Any) -> None:
        current = self.__dict__.get(name)
        if isinstance(current, StateReference):
            if value is not current:
                current.assign(value)
            return
        if isinstance(current, Weight) and hasattr(value, "shape") and not isinstance(value, Weight):
            current.assign(value)
            return
        if isinstance(value, Weight) and not value.declared and self._frame is None:
            self._adopt(name, value)
        object.__setattr__(self, name, value)

    def _adopt(self, attribute: str, variable: Weight) -> None:
        """Count a variable that was made apart, such as `jkeras.Variable(...)`, among the weights of this template."""
        wanted = attribute.strip("_") if variable.name == "variable" else variable.name
        variable.name = unique_name(wanted, [w.name for w in self._weights])
        variable.path = f"{self.name}/{variable.name}"
        variable.declared = True
        self._weights.append(variable)

    def __getstate__(self) -> dict[str, Any]:
        return written(self.__dict__, without=_NOT_COPIED)

    def __setstate__(self, state: dict[str, Any]) -> None:
        fresh = Template.__new__(type(self))
        self.__dict__.update(fresh.__dict__)
        self.__dict__.update(read(state))


def unique_name(name: str, taken: Any) -> str:
    """Return `name`, or `name_1`, `name_2`, ... if it is taken.

    >>> unique_name("dense", ["dense", "dense_1"])
    'dense_2'
    """
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    return candidate


def _templates_in(value: Any, suffix: str = "") -> Iterator[tuple[str, Template]]:
    if isinstance(value, Template):
        yield suffix, value
    elif is_listing(value):
        for i, item in enumerate(value):
            yield from _templates_in(item, f"{suffix}_{i}")
    elif is_dict(value):
        for key, item in value.items():
            yield from _templates_in(item, f"{suffix}_{key}")


def kept(root: Template, make: Callable[[Any], Made]) -> Made:
    """Return `make(root)`, made once for as long as nothing changes in the tree: its attributes, lists and weights.

    What is made must depend on nothing else, must not refer to the root, and is not to be changed (but a dictionary
    may be filled with what lasts as long).

    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> model = Sequential([Dense(2)])
    >>> count = lambda root: len(root.layers)
    >>> kept(model, count), model.add(Dense(1)), kept(model, count)
    (1, None, 2)
    """
    if root._frame is not None:  # a bound copy lives for one call
        return make(root)
    outline = getattr(root, "_outline", None)
    if outline is None or not outline.holds(root):
        below = _below(root)
        outline = root._outline = Outline(root, (template for _, template in below), _INTERNAL)
        outline.made[_below] = below
    if make not in outline.made:
        outline.made[make] = make(root)
    return outline.made[make]


def walk(root: Template) -> Iterator[tuple[str, Template]]:
    """Yield `(path, template)` for the whole tree, parents first, each template once.

    The root of a plain layer is called by its name; a model is the folder its layers live in, so its path is "".
    """
    yield root._root_path(), root
    yield from kept(root, _below)


def _below(root: Template) -> list[tuple[str, Template]]:
    """What `walk` yields after the root."""
    found: list[tuple[str, Template]] = []
    seen = {id(root)}
    todo = [(root._root_path(), root)]
    while todo:
        path, template = todo.pop()
        found.append((path, template))
        below: list[tuple[str, Template]] = []
        for local, child in template.members().items():
            if id(child) not in seen:
                seen.add(id(child))
                below.append((f"{path}/{local}" if path else local, child))
        todo.extend(reversed(below))
    return found[1:]


def weights_of(root: Template) -> Iterator[tuple[str, Weight]]:
    """Yield `(key, weight)` for every weight of the tree: trainable-typed ones of a layer before its state.

    A weight that several layers count among theirs is yielded once, with the first.
    """
    return iter(kept(root, _weights_of))


def _weights_of(root: Template) -> list[tuple[str, Weight]]:
    rows: list[tuple[str, Weight]] = []
    seen: set[int] = set()
    for path, template in walk(root):
        for trainable in (True, False):
            for weight in template._weights:
                if weight.trainable is trainable and id(weight) not in seen:
                    seen.add(id(weight))
                    rows.append((path or template.name, weight))
    return rows


def two_level(rows: Iterator[tuple[str, str, Any]]) -> OwnTree:
    """Build the tree `{key: {name: value}}` from rows.

    >>> two_level(iter([("dense", "kernel", 1), ("dense", "bias", 2)]))
    {'dense': {'kernel': 1, 'bias': 2}}
    """
    tree: OwnTree = {}
    for key, name, value in rows:
        tree.setdefault(key, {})[name] = value
    return tree


def bind(root: Template, frame: Frame, params: Tree, state: Tree) -> Any:
    """Return the bound copy of `root`: its weight attributes are the arrays of `params` and `state`.

    While shapes are declared there are no arrays yet, and zeros stand for them.

    Raises:
        ValueError: If an array is missing or does not have the declared shape.
    """
    if not frame.declaring:
        weights, frame.parts = kept(root, _weights_and_parts)
        for key, weight in weights:
            tree, what = (params, "params") if weight.trainable else (state, "state")
            array = tree.get(key, {}).get(weight.name)
            if array is None:
                raise ValueError(
                    f"{what} has no {weight.name!r} for layer {key!r} (shape {weight.shape}). "
                    f"It has: {', '.join(tree) or 'nothing'}. Make both trees with layer.init(rng, x)."
                )
            shape = tuple(getattr(array, "shape", weight.shape))
            if shape != weight.shape:
                raise ValueError(f"{key}/{weight.name}: expected an array of shape {weight.shape}; got {shape}.")
            _enter(frame, key, weight, array)
    return bind_into(root, root._root_path(), frame)


class Parts(NamedTuple):
    """What a bound copy does not take over as it is: attributes with arrays and templates in them."""

    local_names: dict[int, str]  # by id of the sublayer or metric
    attributes: list[str]


# Types whose values may have to be replaced in a bound copy, apart from weights and templates.
_HOLDERS = (Weight, Template, list, dict, tuple, MethodType)


def _parts(template: Template) -> Parts:
    local_names = {id(child): local for local, child in template.members().items()}
    own = template.__dict__.items()
    return Parts(local_names, [name for name, value in own if isinstance(value, _HOLDERS) and name not in _INTERNAL])


def _weights_and_parts(root: Template) -> tuple[list[tuple[str, Weight]], dict[int, Parts]]:
    return _weights_of(root), {id(template): _parts(template) for _, template in walk(root)}


def _enter(frame: Frame, key: str, weight: Weight, array: Any) -> Any:
    if not weight.trainable:
        array = frame.references[key, weight.name] = StateReference(f"{key}/{weight.name}", array)
    frame.values[id(weight)] = array
    return array


def bind_into(template: Template, path: str, frame: Frame) -> Any:
    """Return the bound copy of one template, made once a frame, so that shared layers stay shared."""
    found = frame.memo.get(id(template))
    if found is None:
        found = frame.memo[id(template)] = object.__new__(type(template))
        copy_attributes(template, found, path, frame)
    return found


def copy_attributes(template: Template, bound: Any, path: str, frame: Frame) -> None:
    """Give `bound` the attributes of its template, with weights and sublayers bound."""
    parts = frame.parts.get(id(template)) or _parts(template)
    paths = {child: f"{path}/{local}" if path else local for child, local in parts.local_names.items()}
    policy = getattr(template, "dtype_policy", None)
    if isinstance(policy, dtypes.DTypePolicyMap):
        policy = policy[path]
        if frame.declaring:  # `build` runs on the template, and stores its weights by this policy
            template.__dict__["dtype_policy"] = policy

    def convert(value: Any) -> Any:
        kind: Any = class_of(value)
        if isinstance(value, Weight):
            array = frame.values.get(id(value))
            if array is None and frame.declaring:
                array = _enter(frame, path, value, jnp.zeros(value.shape, value.dtype))
            return value if array is None else _cast(array, policy) if value.autocast else array
        if isinstance(value, Template):
            return bind_into(value, paths[id(value)], frame) if id(value) in paths else value
        if kind is list:
            copied: list[Any] = [convert(v) for v in value]
            frame.list_slots += [(copied, i, v) for i, v in enumerate(copied) if isinstance(v, StateReference)]
            return copied
        if kind in (dict, OrderedDict):
            return cast(Any, kind((k, convert(v)) for k, v in value.items()))
        if isinstance(value, tuple):
            items = [convert(v) for v in cast(tuple[Any, ...], value)]
            return kind(*items) if hasattr(kind, "_fields") else kind(items)
        if kind is MethodType and isinstance(value.__self__, Template) and id(value.__self__) in frame.memo:
            return MethodType(value.__func__, frame.memo[id(value.__self__)])
        return value

    own = bound.__dict__
    own.clear()
    own.update(template.__dict__)
    for attribute in parts.attributes:
        own[attribute] = convert(own[attribute])
    if policy is not None:
        own["dtype_policy"] = policy
    own.update(_frame=frame, _path=path, _template=template)


def _cast(array: Any, policy: Any) -> Any:
    """Mixed precision: parameters are stored in one dtype and used in another."""
    if policy is None or policy.compute_dtype == policy.variable_dtype or isinstance(array, StateReference):
        return array
    return array.astype(policy.compute_dtype) if dtypes.is_float(array) else array


def collect_state(frame: Frame) -> OwnTree:
    """Return the state as the call left it."""
    for held, index, reference in frame.list_slots:
        if held[index] is not reference:
            reference.assign(held[index])
    return two_level((key, name, reference.value) for (key, name), reference in frame.references.items())
