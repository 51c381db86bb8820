"""A pure function of JAX as a layer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jkeras.core import dtypes
from jkeras.core.compiling import jit_once
from jkeras.core.errors import nearest
from jkeras.core.graph import spec_of, symbolic_like
from jkeras.core.layer import Layer
from jkeras.core.weight import plain
from jkeras.layers.dropout import check_seed, seeded_key

__all__ = ["JaxLayer"]

_CALL_ARGUMENTS = ("params", "state", "rng", "inputs", "training")
_INIT_ARGUMENTS = ("rng", "inputs", "training")


class JaxLayer(Layer):
    """Call a pure function with parameters that are weights of this layer.

    `call_fn` takes `inputs`, and of `params`, `state`, `rng` and `training` what its signature names. It returns the
    outputs; if it takes `state`, the pair `(outputs, new_state)`. `init_fn(rng, inputs)`, or `init_fn(rng, inputs,
    training)`, returns `params`; if `call_fn` takes `state`, the pair `(params, state)`.

    Both are trees of arrays. Each array is a weight, named by its path in the tree: `params["dense"]["kernel"]` is the
    weight `dense/kernel`. Floats in `params` are trainable. Inputs and outputs may be trees too, of any shapes. The
    mask of the inputs is not passed on, as in Keras.

    Args:
        call_fn: The function.
        init_fn: Makes first values, from arrays of ones as `inputs`; it is called with `training=True` if it takes
            that. It must be traceable. Left out, `params` and `state` must be what `call_fn` needs.
        params: First values of the parameters.
        state: First values of the state.
        seed: Integer folded into the keys that `call_fn` gets. In inference without a key it is all there is to the
            key, so that the layer gives the same numbers each time.
        native_serialization_platforms: Not supported: it is for a TensorFlow backend.

    Raises:
        ValueError: If a function takes an argument of another name, or first values are missing.

    >>> def scale(params, inputs):
    ...     return inputs * params["factor"]
    >>> layer = JaxLayer(scale, init_fn=lambda rng, inputs: {"factor": jnp.full(inputs.shape[-1], 2.0)})
    >>> layer(jnp.ones((1, 3))).tolist()
    [[2.0, 2.0, 2.0]]
    >>> layer.weights
    [<Weight jax_layer/factor shape=(3,) dtype=float32 trainable=True>]
    """

    call_fn: Any
    init_fn: Any
    seed: int | None
    _input_specs: Any = None
    _params_weights: list[Any]
    _params_structure: Any
    _state_weights: list[Any]
    _state_structure: Any

    def __init__(
        self,
        call_fn: Callable[..., Any] | str,
        init_fn: Callable[..., Any] | str | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if native_serialization_platforms is not None:
            raise ValueError("JaxLayer: native_serialization_platforms is for a TensorFlow backend. Leave it out.")
        self.call_fn, self.init_fn = call_fn, init_fn
        self.seed = check_seed(self, seed)
        self._takes = _arguments("call_fn", call_fn, _CALL_ARGUMENTS, required=("inputs",))
        self._init_takes = () if init_fn is None else _arguments("init_fn", init_fn, _INIT_ARGUMENTS, ("rng", "inputs"))
        # Out of sight, or what they hold would be taken for attributes of the layer.
        self._given = _Given(params, state)
        missing = [name for name in ("params", "state") if name in self._takes and getattr(self._given, name) is None]
        if init_fn is None and missing:
            raise ValueError(f"JaxLayer: call_fn takes {' and '.join(missing)}. Give init_fn, or first values.")

    def _build_from(self, frame: Any, signature: Any, given: dict[str, Any]) -> None:
        # `build` is told shapes only; functions may want integers.
        def spec(x: Any) -> Any:
            return jax.ShapeDtypeStruct(tuple(1 if n == frame.unknown else n for n in x.shape), x.dtype)

        if not self._template.built:
            self._template.__dict__["_input_specs"] = _Held(jax.tree.map(spec, given["inputs"]))
        super()._build_from(frame, signature, given)

    def build(self, input_shape: Any) -> None:
        """Declare a weight for each array of `params` and `state`."""
        if self._input_specs is None:
            inputs = symbolic_like(input_shape, self.compute_dtype)
            self._input_specs = _Held(jax.tree.map(spec_of, inputs))
        made = None if self.init_fn is None else _Drawn(self._first_values, self._input_specs.value)
        self._params_weights, self._params_structure = self._declare_tree("params", made)
        self._state_weights, self._state_structure = self._declare_tree("state", made)

    def _declare_tree(self, name: str, made: _Drawn | None) -> tuple[list[Any], Any]:
        """Declare a weight for each array of one of the trees; return them with the tree's structure."""
        tree, initializers = getattr(self._given, name), None
        if name not in self._takes:
            tree = None
        elif tree is None and made is not None:
            tree, initializers = made.tree(name)
        leaves, structure = jax.tree_util.tree_flatten_with_path(tree)
        weights = []
        for index, (path, leaf) in enumerate(leaves):
            given = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
            dtype = jax.dtypes.canonicalize_dtype(given.dtype).name
            weight = self.add_weight(
                name=jax.tree_util.keystr(path, simple=True, separator="/") or name,
                shape=given.shape,
                dtype=self.variable_dtype if dtype == dtypes.floatx() else dtype,
                initializer=initializers[index] if initializers else functools.partial(_constant, given),
                trainable=name == "params",
            )
            weight.drawn_as = "init_fn"  # one key for all, as they come from one call
            weights.append(weight)
        return weights, structure

    def _first_values(self, rng: Any, specs: Any) -> tuple[Any, Any]:
        inputs = jax.tree.map(lambda s: jnp.ones(s.shape, s.dtype), specs)
        offered = {"rng": rng, "inputs": inputs, "training": True}
        made = self.init_fn(**{name: offered[name] for name in self._init_takes})
        if "state" not in self._takes:
            return made, None
        if not isinstance(made, tuple) or len(made) != 2:
            raise ValueError(
                f"Layer {self.name!r}: call_fn takes `state`, so init_fn must return (params, state); "
                f"got {type(made).__name__}."
            )
        return made

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the outputs of `call_fn`, and keep the state it returns.

        Raises:
            ValueError: If `call_fn` takes `state` and does not return a new one of the same structure.
        """
        offered: dict[str, Any] = {"inputs": inputs, "training": training}
        if "params" in self._takes:
            offered["params"] = jax.tree.unflatten(self._params_structure, map(plain, self._params_weights))
        if "state" in self._takes:
            offered["state"] = jax.tree.unflatten(self._state_structure, map(plain, self._state_weights))
        if "rng" in self._takes:
            offered["rng"] = self._key(training)
        made = self.call_fn(**{name: offered[name] for name in self._takes})
        return self._keep(made) if "state" in self._takes else made

    def _key(self, training: bool) -> Any:
        if training or (self._frame is not None and self._frame.rng is not None):
            return seeded_key(self, self.seed)
        return jax.random.key(self.seed or 0)

    def _keep(self, made: Any) -> Any:
        if not isinstance(made, tuple) or len(made) != 2:
            raise ValueError(
                f"Layer {self.path!r}: call_fn takes `state`, so it must return (outputs, state); "
                f"got {type(made).__name__}."
            )
        outputs, state = made
        found = jax.tree.structure(state)
        if found != self._state_structure:
            raise ValueError(
                f"Layer {self.path!r}: call_fn must return a state like that it takes, {self._state_structure}; "
                f"got {found}."
            )
        for weight, value in zip(self._state_weights, jax.tree.leaves(state), strict=True):
            weight.assign(value)
        return outputs

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments without values; functions by name, without their code."""
        dropped = ("params", "state", "native_serialization_platforms")
        return {k: v for k, v in super().get_config().items() if k not in dropped}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Make a layer; functions are looked up by name in `custom_objects`.

        Raises:
            ValueError: If a function's name is not there.
        """
        config = dict(config)
        for key in ("call_fn", "init_fn"):
            if isinstance(config.get(key), str):
                config[key] = known_object(cls, config[key], custom_objects)
        return super().from_config(config)


class _Held:
    """A tree that is no attribute of its own for those who look for weights and layers in attributes."""

    def __init__(self, value: Any):
        self.value = value


class _Given:
    """The first values that were passed."""

    def __init__(self, params: Any, state: Any):
        self.params = params
        self.state = state


class _Drawn:
    """The values that one call of a function of a key gives, handed out one by one.

    Weights are drawn each on its own; but what `init_fn` returns may belong together, and be costly.
    """

    def __init__(self, function: Callable[..., Any], specs: Any):
        self.function, self.specs = function, specs
        self.shapes = jax.eval_shape(self.traced, jax.random.key(0))
        self._waiting: tuple[bytes, dict[int, Any]] = (b"", {})

    def traced(self, key: Any) -> Any:
        """Return what the function gives for a key."""
        return self.function(key, self.specs)

    @functools.cached_property
    def compiled(self) -> Callable[[Any], Any]:
        """The same, compiled."""
        return jit_once(self.traced)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("compiled", "_waiting")} | {"_waiting": (b"", {})}

    def tree(self, name: str) -> tuple[Any, list[Callable[..., Any]]]:
        """Return the shapes of "params" or "state", and an initializer for each of them."""
        params, state = self.shapes
        before = 0 if name == "params" else len(jax.tree.leaves(params))
        tree = params if name == "params" else state
        return tree, [functools.partial(self._value, before + i) for i in range(len(jax.tree.leaves(tree)))]

    def _value(self, index: int, shape: Any, dtype: Any, key: Any = None) -> Any:
        return jnp.asarray(self._leaf(key, index), dtype)

    def _leaf(self, key: Any, index: int) -> Any:
        if isinstance(key, Tracer):
            return jax.tree.leaves(self.traced(key))[index]
        name = np.asarray(jax.random.key_data(key)).tobytes()
        made_for, waiting = self._waiting
        if made_for != name or index not in waiting:
            waiting = dict(enumerate(jax.tree.leaves(self.compiled(key))))
            self._waiting = (name, waiting)
        # Handed over, not shared: a training step may donate the buffer.
        return waiting.pop(index)


def _constant(value: Any, shape: Any, dtype: Any) -> Any:
    return jnp.array(value, dtype)


def _arguments(what: str, function: Any, known: tuple[str, ...], required: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names of the arguments that `function` takes."""
    if not callable(function):
        raise ValueError(f"JaxLayer: {what} must be a function; got {function!r}.")
    names = tuple(inspect.signature(function).parameters)
    for name in names:
        if name not in known:
            raise ValueError(
                f"JaxLayer: {what} takes {name!r}, which is none of {', '.join(known)}.{nearest(name, known)}"
            )
    for name in required:
        if name not in names:
            raise ValueError(f"JaxLayer: {what} must take {name!r}; it takes {', '.join(names) or 'nothing'}.")
    return names


def known_object(cls: type, name: str, custom_objects: Mapping[str, Any] | None) -> Any:
    """Return the object that a configuration knows by name."""
    if not custom_objects or name not in custom_objects:
        raise ValueError(
            f"The object {name!r} of a {cls.__name__} is not known. A configuration holds its name and no code: "
            f"pass it, custom_objects={{{name!r}: ...}}."
        )
    return custom_objects[name]
