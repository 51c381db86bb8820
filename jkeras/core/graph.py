"""The symbolic graph: what `Input` returns, and the plan of a model made from it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import blame, dtypes
from jkeras.core.operators import HasOperators, install_operators
from jkeras.core.registry import snake_case
from jkeras.core.template import unique_name
from jkeras.core.types import Shape, is_shape

# They stand for an unknown dimension: what differs is unknown. Many divisors, so that a batch can be split and folded.
UNKNOWN_SIZES = (5040, 7560)


class SymbolicTensor(HasOperators):
    """A value that does not exist yet: shape (None where unknown), dtype, and the node that will make it.

    Args:
        shape: The shape with the batch, None where it is unknown.
        dtype: The dtype; "string" for strings, which layers take on the host.
        name: The name.
        sparse, ragged, record_history: Not supported but as they are.

    Raises:
        ValueError: For sparse and ragged ones, and for one whose use is not to be recorded.

    >>> x = SymbolicTensor((None, 3), "int32")
    >>> (x + 0.5).shape, (x + 0.5).dtype
    ((None, 3), 'float32')
    """

    def __init__(
        self,
        shape: Shape,
        dtype: Any = "float32",
        name: str | None = None,
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
    ):
        if sparse or ragged:
            raise ValueError("Sparse and ragged tensors are not supported: JAX arrays are dense. Pad or densify them.")
        if not record_history:
            raise ValueError(
                "A symbolic tensor records what is computed from it. For shapes alone use jax.eval_shape(function, "
                "jax.ShapeDtypeStruct(shape, dtype)), or layer.compute_output_shape(shape)."
            )
        self.shape = tuple(shape)
        # Strings never reach the device: layers that take them run on the host.
        self.dtype = "string" if dtype is str or str(dtype) == "string" else jnp.dtype(dtype).name
        self.name = name or "keras_tensor"
        self.node: Node | None = None

    @property
    def ndim(self) -> int:
        """The number of dimensions, batch included."""
        return len(self.shape)

    def get_shape(self) -> Shape:
        """Return the shape, as Keras 1 and 2 spell it."""
        return self.shape

    def __iter__(self) -> Iterator[Any]:
        if not self.shape or self.shape[0] is None:
            raise TypeError(f"Cannot iterate over {self!r}: the size of its first axis is unknown.")
        return (self[i] for i in range(self.shape[0]))

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} has no value yet: it cannot decide an `if`. Compute it in the `call` of a layer.")

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError(
            f"{self!r} has no value yet: numpy and jax.numpy cannot use it. "
            "Apply a layer to it, e.g. Lambda(lambda x: jnp.sin(x))(tensor)."
        )

    __jax_array__ = __array__

    def __getstate__(self) -> dict[str, Any]:
        # Its plan links it to its node again. Followed from tensor to tensor, a graph is deeper than Python's stack.
        node = self.node
        return {**self.__dict__, "node": node if node is not None and not node.parents else None}

    def __repr__(self) -> str:
        return f"<SymbolicTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def _operate(function: Callable[..., Any], *operands: Any) -> Any:
    from jkeras.core.operation import operate  # which makes a layer of the function, and layers are made of this module

    return operate(function, *operands)


install_operators(SymbolicTensor, _operate)


class Node:
    """One use of a layer on symbolic tensors."""

    def __init__(self, layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], outputs: Any):
        self.layer = layer
        self.args = args
        self.kwargs = dict(kwargs)
        self.outputs = outputs
        for tensor in jax.tree.leaves(outputs):
            tensor.node = self

    @property
    def inputs(self) -> Any:
        """The symbolic tensors it takes, as the layer was called: one, or a tree."""
        return self.args[0] if self.args else self.outputs

    @property
    def parents(self) -> list[SymbolicTensor]:
        """Every symbolic tensor among the arguments."""
        return [leaf for leaf in jax.tree.leaves((self.args, self.kwargs)) if isinstance(leaf, SymbolicTensor)]


def has_symbolic(tree: Any) -> bool:
    """Whether a symbolic tensor is among the leaves."""
    return any(isinstance(leaf, SymbolicTensor) for leaf in jax.tree.leaves(tree))


def has_unknown(tree: Any) -> bool:
    """Whether a dimension of some symbolic tensor is unknown."""
    return any(isinstance(leaf, SymbolicTensor) and None in leaf.shape for leaf in jax.tree.leaves(tree))


def is_abstract(leaf: Any) -> bool:
    """Whether `leaf` stands for an array when shapes are traced."""
    return isinstance(leaf, (SymbolicTensor, jax.Array, np.ndarray, np.generic, jax.ShapeDtypeStruct))


def spec_of(leaf: Any, unknown: int | None = None) -> jax.ShapeDtypeStruct:
    """Return shape and dtype of an array or symbolic tensor, unknown dimensions having size `unknown`."""
    shape = tuple((unknown or 1) if n is None else n for n in leaf.shape)
    return jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(leaf.dtype))


def symbolic_like(shapes: Any, dtype: Any = "float32") -> Any:
    """Return symbolic tensors for a shape, or a tree of shapes."""

    def symbolic(shape: Shape) -> SymbolicTensor:
        return SymbolicTensor(tuple(shape), dtype)

    return jax.tree.map(symbolic, shapes, is_leaf=is_shape)


def record(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Note that `layer` is used on symbolic tensors, and return its symbolic outputs."""
    if not getattr(layer, "takes_strings", False):
        for leaf in jax.tree.leaves((args, kwargs)):
            if isinstance(leaf, SymbolicTensor) and leaf.dtype == "string":
                raise TypeError(
                    f"Layer {layer.name!r} ({type(layer).__name__}) computes with numbers; its input {leaf!r} is "
                    "strings. Lead them through a layer such as StringLookup, Hashing or TextVectorization first."
                )
    try:
        outputs = layer.compute_output_spec(*args, **kwargs)
    except Exception as error:
        kind = type(layer).__name__
        blame.add(
            error, "layer", lambda: f"In {layer.name!r} ({kind}), called on {blame.described_call(args, kwargs)}:"
        )
        if has_unknown((args, kwargs)) and any(str(size) in str(error) for size in UNKNOWN_SIZES):
            error.add_note(f"Where this says {' or '.join(map(str, UNKNOWN_SIZES))}, the dimension is unknown (None).")
        raise
    node = Node(layer, args, kwargs, outputs)
    for tensor in jax.tree.leaves(outputs):
        tensor.name = layer.name
    # Weak, or layers and tensors would keep each other (and the arrays) alive until the garbage collector runs.
    layer._nodes.append(weakref.ref(node))
    return outputs


def first_node(layer: Any) -> Node:
    """Return the first use of `layer` that is still alive."""
    for reference in layer._nodes:
        node = reference()
        if node is not None:
            return node
    raise AttributeError(
        f"Layer {layer.name!r} has no symbolic input or output: it was not called on an Input. "
        "Give the model an Input, or input_shape= to its first layer."
    )


class Plan:
    """How a model made from symbolic tensors computes its outputs.

    Args:
        inputs: Symbolic tensors: one, or a list, tuple or dict.
        outputs: Likewise.
        also: Symbolic tensors that no output needs and whose layers run all the same: losses.

    Attributes:
        steps: The uses of layers with their local names, in an order in which each finds its arguments.
        layers: Local name to layer, in the order of Keras: by distance from the outputs, then by first use.
    """

    def __init__(self, inputs: Any, outputs: Any, also: Sequence[SymbolicTensor] = ()):
        self.inputs, self.outputs, self.also = inputs, outputs, tuple(also)
        self.input_list: list[SymbolicTensor] = _check_symbolic("inputs", inputs)
        self.output_list: list[SymbolicTensor] = _check_symbolic("outputs", outputs)
        given = {id(t) for t in self.input_list}
        nodes, met = _sort([*self.output_list, *self.also], given)
        unused = [t.node.layer for t in self.input_list if t.node is not None and not t.node.parents]
        met += [layer for layer in unused if layer not in met]
        self.layers = _name_layers(_order_layers(nodes, met))
        local = {id(layer): name for name, layer in self.layers.items()}
        self.steps = [(local[id(node.layer)], node) for node in nodes if node.parents]

        def names(tensors: list[SymbolicTensor]) -> list[str]:
            found: list[str] = []
            for tensor in tensors:
                name = local.get(id(tensor.node.layer)) if tensor.node is not None else None
                found.append(unique_name(name or tensor.name, found))
            return found

        # The part that runs on the host before the rest, if a model gives the plan one.
        self.host: Any = None
        self.input_names = names(self.input_list)
        self.output_names = names(self.output_list)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        begun = [t.node for t in self.input_list if t.node is not None]
        for node in [*begun, *self.nodes]:
            for tensor in jax.tree.leaves(node.outputs):
                tensor.node = node
            node.layer._nodes.append(weakref.ref(node))

    @property
    def nodes(self) -> list[Node]:
        """The uses of layers, in an order in which each finds its arguments."""
        return [node for _, node in self.steps]

    def run(self, layers: Mapping[str, Any], inputs: Any, owner: str = "model") -> Any:
        """Compute the outputs with the bound `layers`, by their local names."""
        if self.host is not None:
            values, steps = self.host.enter(inputs, owner), self.host.compiled
        else:
            values = {id(t): x for t, x in zip(self.input_list, self.match(inputs, owner), strict=True)}
            steps = self.steps

        def value(leaf: Any) -> Any:
            return values[id(leaf)] if isinstance(leaf, SymbolicTensor) else leaf

        for name, node in steps:
            args, kwargs = jax.tree.map(value, (node.args, node.kwargs))
            results = layers[name](*args, **kwargs)
            made, expected = jax.tree.leaves(results), jax.tree.leaves(node.outputs)
            values.update({id(t): x for t, x in zip(expected, made, strict=True)})
        return jax.tree.map(value, self.outputs)

    def match(self, inputs: Any, owner: str, cast: bool = True) -> list[Any]:
        """Return the arrays of `inputs` in the order of the model's inputs, with their rank and, to `cast`, dtype."""
        given = _by_name(inputs)
        own = _by_name(self.inputs)
        if given is None:
            arrays = jax.tree.leaves(inputs)
        elif own is not None:
            arrays = [given[k] for k in sorted(own)] if own.keys() <= given.keys() else []
        else:
            if any(name not in given for name in self.input_names):
                expected = ", ".join(self.input_names)
                raise ValueError(f"Model {owner!r} expects inputs named {expected}; got {', '.join(given)}.")
            arrays = [given[name] for name in self.input_names]
        if len(arrays) != len(self.input_list):
            raise ValueError(
                f"Model {owner!r} expects {len(self.input_list)} input(s) ({', '.join(self.input_names)}); "
                f"got {len(jax.tree.leaves(inputs))}."
            )
        return [
            _fit(array, tensor, name, owner, cast)
            for array, tensor, name in zip(arrays, self.input_list, self.input_names, strict=True)
        ]


def _by_name(tree: Any) -> Mapping[str, Any] | None:
    return cast(Mapping[str, Any], tree) if isinstance(tree, Mapping) else None


def _fit(array: Any, tensor: SymbolicTensor, name: str, owner: str, cast: bool) -> Any:
    """Give one input the dtype and rank of its `Input`; refuse what does not fit."""
    shape = tuple(array.shape)
    wanted = tensor.shape
    if len(shape) == len(wanted) - 1 and wanted[-1] in (1, None):
        array = array[..., None]
    elif len(shape) == len(wanted) + 1 and shape[-1] == 1:
        array = array[..., 0]
    shape_fits = len(array.shape) == len(wanted) and all(
        n is None or n == m for n, m in zip(wanted[1:], array.shape[1:], strict=True)
    )
    if not shape_fits:
        raise ValueError(f"Input {name!r} of model {owner!r} expects shape {wanted}; got {shape}.")
    if cast and array.dtype != tensor.dtype and not (dtypes.is_float(array) and "float" in tensor.dtype):
        array = array.astype(tensor.dtype)
    return array


def _check_symbolic(what: str, tree: Any) -> list[SymbolicTensor]:
    leaves = jax.tree.leaves(tree)
    for leaf in leaves:
        if not isinstance(leaf, SymbolicTensor):
            raise ValueError(
                f"Model {what} must be symbolic tensors made by Input(...) and layers; got {type(leaf).__name__}."
            )
    if not leaves:
        raise ValueError(f"Model {what} are empty. Give at least one symbolic tensor.")
    return leaves


def _sort(outputs: list[SymbolicTensor], given: set[int]) -> tuple[list[Node], list[Any]]:
    """Return the nodes that `outputs` need, arguments first, and their layers in the order they are met."""
    nodes: list[Node] = []
    done: set[int] = set()
    met: dict[int, Any] = {}
    # Depth first without recursion: a model of a thousand layers is deeper than Python's stack allows.
    todo: list[tuple[SymbolicTensor, bool]] = [(output, False) for output in reversed(outputs)]
    while todo:
        tensor, parents_done = todo.pop()
        node = tensor.node
        if node is not None and id(node) in done:
            continue
        if parents_done and node is not None:
            done.add(id(node))
            nodes.append(node)
        elif id(tensor) not in given:
            if node is None or not node.parents:
                raise ValueError(
                    f"The outputs depend on {tensor!r}, which is not among the model's inputs. "
                    "Add it: Model(inputs=[...], outputs=...)."
                )
            met.setdefault(id(node.layer), node.layer)
            todo.append((tensor, True))
            todo.extend((parent, False) for parent in reversed(node.parents))
        elif node is not None and not node.parents:  # an InputLayer; other given tensors cut the graph
            met.setdefault(id(node.layer), node.layer)
            done.add(id(node))
            nodes.append(node)
    return nodes, list(met.values())


def _order_layers(nodes: list[Node], met: list[Any]) -> list[Any]:
    """Return the layers as Keras orders them: farthest from the outputs first, ties in the order they were met."""
    node_depth: dict[int, int] = {}
    layer_depth: dict[int, int] = {}
    for node in reversed(nodes):  # consumers come before what they consume
        own = max(node_depth.get(id(node), 0), layer_depth.get(id(node.layer), 0))
        node_depth[id(node)] = layer_depth[id(node.layer)] = own
        for parent in node.parents:
            if parent.node is not None:
                node_depth[id(parent.node)] = max(node_depth.get(id(parent.node), 0), own + 1)
    return sorted(met, key=lambda layer: -layer_depth.get(id(layer), 0))


def _name_layers(layers: list[Any]) -> dict[str, Any]:
    """Give each layer a name of its own in this model; a layer keeps the name it has from another model if it can."""
    named: dict[int, str] = {}
    taken: dict[str, Any] = {}
    for layer in layers:
        if layer._explicit_name is not None:
            if layer._explicit_name in taken:
                raise ValueError(f"Two layers of the model are named {layer._explicit_name!r}. Give each its own name.")
            named[id(layer)] = layer._explicit_name
            taken[layer._explicit_name] = layer
    for layer in [one for one in layers if one._explicit_name is None and one._auto_name is not None]:
        named[id(layer)] = unique_name(layer._auto_name, taken)
        taken[named[id(layer)]] = layer
    for layer in [one for one in layers if id(one) not in named]:
        named[id(layer)] = layer.__dict__["_auto_name"] = unique_name(snake_case(type(layer).__name__), taken)
        taken[named[id(layer)]] = layer
    return {named[id(layer)]: layer for layer in layers}
