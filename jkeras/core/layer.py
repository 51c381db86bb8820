"""The layer: what a user writes, and the pure pair it is at once."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp

from jkeras.core import blame, dtypes, graph, remat, seeds, stateless
from jkeras.core import frame as frames
from jkeras.core.arguments import as_arrays, as_spec, check_name, pop_input_hint
from jkeras.core.config import constructor_parameters, serialize
from jkeras.core.construction import wrap_build, wrap_init
from jkeras.core.errors import unexpected_argument
from jkeras.core.first_use import FirstUse, shapes_of
from jkeras.core.frame import Forward, Frame
from jkeras.core.legacy import without_file_arguments
from jkeras.core.registry import regularizers
from jkeras.core.signature import CallSignature, call_signature
from jkeras.core.spec import check_inputs
from jkeras.core.template import bind, bind_into, collect_state, copy_attributes, kept, two_level, walk, weights_of
from jkeras.core.types import OwnTree, Tree, is_listing, is_traced


class Layer(FirstUse):
    """A template with the pure pair `init` and `apply`, and the Keras facade over it.

    Write `build` (declare weights with `add_weight`), `call`, and where they apply `compute_mask` and `get_config`.

    Args:
        activity_regularizer: Name, object or function of the output; its value per sample is added to the loss.
        trainable: Whether a training step changes the layer.
        dtype: Dtype name or policy, e.g. "float32", "mixed_bfloat16".
        autocast: Whether floating-point inputs are cast to the compute dtype.
        name: The layer's name; made from the class name if left out.

    >>> import jax, jax.numpy as jnp
    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(name="factor", shape=(input_shape[-1],), initializer="ones")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> layer = Scale()
    >>> params, state = layer.init(jax.random.key(0), (None, 3))
    >>> params
    {'scale': {'factor': Array([1., 1., 1.], dtype=float32)}}
    >>> y, state = layer.apply(params, state, jnp.ones((2, 3)))
    >>> y.shape
    (2, 3)
    """

    supports_masking = False
    built: bool
    input_spec: Any
    autocast: bool
    activity_regularizer: Any
    dtype_policy: dtypes.DTypePolicy
    _declared: bool
    _left_out: frozenset[Any]
    _call_losses: list[Any]
    _input_hint: Any
    _initial_weights: Any
    _template: Any

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **legacy: Any,
    ):
        self._explicit_name = check_name(name)
        self._trainable = bool(trainable)
        self.dtype_policy = dtypes.as_policy(dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.autocast = autocast
        self._input_hint = pop_input_hint(legacy)
        self._initial_weights = legacy.pop("weights", None)
        if legacy:
            accepted = [n for n in constructor_parameters(type(self)) if n != "legacy"]
            raise unexpected_argument(type(self).__name__, next(iter(legacy)), accepted)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls, *args, **kwargs)
        # Complete before __init__ runs: sublayers may be set before super().__init__(), or it may be forgotten.
        self.__dict__.update(
            built=False, _declared=False, _left_out=frozenset(), _trainable=True, autocast=True,
            activity_regularizer=None, input_spec=None, dtype_policy=dtypes.dtype_policy(), _nodes=[],
            _input_hint=None, _initial_weights=None, _call_losses=[],
        )  # fmt: skip
        return self

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = wrap_build(cls.__dict__["build"])
        if cls.__module__.startswith("jkeras.") and "__init__" in cls.__dict__:
            cls.__init__ = wrap_init(cls.__name__, cls.__dict__["__init__"])

    # What a user writes

    def build(self, input_shape: Any) -> None:
        """Declare the weights for inputs of `input_shape` (a tuple, batch included and possibly None; or a tree).

        Args:
            input_shape: The shape of the first input; a tree of shapes if it is one of inputs.
        """

    def call(self, inputs: Any) -> Any:
        """Compute the outputs; runs on a bound copy, whose weight attributes are arrays.

        Args:
            inputs: An array, or a tree of them. Arguments named `training` and `mask` are filled in.

        Returns:
            An array, or a tree of them.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `call`. Write: def call(self, inputs): return ...")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the outputs: the mask of the inputs if the layer supports masking, else None.

        Args:
            inputs: What `call` took first.
            mask: Its mask, or a tree of masks; None: none.
        """
        return mask if self.supports_masking else None

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments as plain data that `from_config` accepts."""
        own = {k: v for k, v in super().get_config().items() if k not in _BASE_CONFIG}
        base = {"name": self.name, "trainable": self.trainable, "dtype": dtypes.as_config(self.dtype_policy)}
        if self.activity_regularizer is not None:
            base["activity_regularizer"] = serialize(self.activity_regularizer)
        return {**base, **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a layer made from what `get_config` returned."""
        config = without_file_arguments(cls, config)
        accepts_all = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(cls.__init__).parameters.values())
        accepted = constructor_parameters(cls)
        rest = {k: config.pop(k) for k in _BASE_CONFIG if k in config and not (accepts_all or k in accepted)}
        layer = cls(**config)
        layer.__dict__["_explicit_name"] = rest.get("name", layer._explicit_name)
        layer.__dict__["_trainable"] = rest.get("trainable", layer._trainable)
        return layer

    # What `call` may use on a bound layer

    def key(self) -> Any:
        """Return a fresh random key in `call`: the frame's key folded by this layer's path and draw count."""
        if self._frame is None:
            raise RuntimeError(f"Layer {self.name!r}: key() works inside `call` only.")
        return self._frame.key(self.path)

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or a list of scalars) computed in `call` to the training loss.

        Args:
            loss: A scalar, a function without arguments that returns one, or a list of these.

        Raises:
            RuntimeError: Outside of `call`.
        """
        if self._frame is None:
            raise RuntimeError(
                f"Layer {self.name!r}: add_loss works inside `call` only. "
                "Compute the term in the `call` of a layer and add it there: self.add_loss(value)."
            )
        for value in loss if is_listing(loss) else [loss]:
            self._frame.losses.append(jnp.asarray(value() if callable(value) else value))

    # The pure pair

    def init(self, rng: Any, *inputs: Any, **kwargs: Any) -> tuple[OwnTree, OwnTree]:
        """Return fresh `(params, state)`; stores nothing on the layer but the shapes it declares.

        Args:
            rng: A key or an integer seed. Each weight draws from it folded by its path, so adding a layer does not
                change the values of the others.
            inputs: Arrays, `jax.ShapeDtypeStruct`s or shape tuples, as `call` takes them. A built layer needs none.

        Returns:
            Two trees `{path: {weight name: array}}`: trainable-typed weights, and state.
        """
        if inputs or not self._is_declared():
            self._declare(tuple(map(as_spec, inputs)), kwargs)
        key = seeds.as_key(rng)
        drawn = [(path, w, w.draw_at(path, key)) for path, w in weights_of(self)]
        params = two_level((path, w.name, value) for path, w, value in drawn if w.trainable)
        state = two_level((path, w.name, value) for path, w, value in drawn if not w.trainable)
        return params, state

    def apply(
        self,
        params: Tree,
        state: Tree,
        *inputs: Any,
        training: bool = False,
        rng: Any = None,
        mask: Any = None,
        with_losses: bool = False,
        method: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Compute `(outputs, state)` from the arrays given; a pure function of its arguments.

        Args:
            params: Trainable-typed weights, as `init` returns them.
            state: The rest, as `init` or the last `apply` returned it; `{}` for a layer without state.
            inputs: What `call` takes.
            training: Whether dropout drops, batch statistics are used, and so on.
            rng: A key or an integer seed; needed only by layers that draw random numbers.
            mask: Boolean mask of the first input (a tree of masks if the input is a tree).
            with_losses: Return `(outputs, state, losses)`: also the list of scalars added by `add_loss` and by
                activity and weight regularizers.
            method: A method, or its name, that runs in the place of `call`: what it returns are the outputs. Any
                function will do that takes the bound layer first.
            kwargs: Further arguments of `call`, e.g. `initial_state`.

        Returns:
            `(outputs, state)`, or `(outputs, state, losses)`; the state as it is after the call.

        Raises:
            ValueError: If an array is missing, has a wrong shape, or the layer was never built.
        """
        result = self._forward(params, state, inputs, kwargs, training, seeds.as_key(rng), mask, method)
        if not with_losses:
            return result.outputs, result.state
        return result.outputs, result.state, result.losses + self._penalties(params)

    def _forward(
        self,
        params: Tree,
        state: Tree,
        inputs: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        training: bool | None,
        rng: Any,
        mask: Any = None,
        method: Any = None,
    ) -> Forward:
        """Bind, call, collect: what every way to run the layer comes down to."""
        args = jax.tree.map(dtypes.to_array, inputs)
        frame = Frame(training, rng)
        with frame:
            bound = bind(self, frame, params, state)
            if mask is not None:
                frame.set_masks(args[0], mask)
            if method is None:
                outputs = bound(*args, **kwargs)
            else:
                function = getattr(type(self), method) if isinstance(method, str) else method
                try:
                    outputs = getattr(function, "__func__", function)(bound, *args, **kwargs)
                except Exception as error:
                    blame.of_layer(error, bound, args, kwargs, function)
                    raise
            masks = [frame.mask_of(leaf) for leaf in jax.tree.leaves(outputs)]
            return Forward(outputs, masks, collect_state(frame), frame.losses)

    # One entry, three cases: bound, symbolic, arrays

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._frame is not None:
            try:
                return self._call_bound(self._frame, args, kwargs)
            except Exception as error:
                blame.of_layer(error, self, args, kwargs)
                raise
        if graph.has_symbolic((args, kwargs)):
            return graph.record(self, args, kwargs)
        return self._call_arrays(args, kwargs)

    def _call_bound(self, frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        signature = call_signature(type(self).call)
        given, training, mask = self._read_arguments(signature, frame, args, kwargs)
        first = given.get(signature.first)
        check_inputs(self.path, self.input_spec, first)
        if not self.built:
            self._build_from(frame, signature, given)
        frame.show_inputs(self, signature.first, given)
        before, frame.training = frame.training, training
        try:
            outputs = remat.run(self, frame, functools.partial(self.call, *given.pop("*", ()), **given))
        finally:
            frame.training = before
        outputs = outputs if frame.observer is None else frame.observer.leaves(self, outputs)
        if self.activity_regularizer is not None:
            for output in jax.tree.leaves(outputs):
                frame.losses.append(self.activity_regularizer(output) / (output.shape[0] if output.ndim else 1))
        if self.supports_masking or type(self).compute_mask is not Layer.compute_mask:
            if frame.masks_of(outputs) is None:
                frame.set_masks(outputs, self.compute_mask(first, mask))
        if frame.declaring:
            self._template.__dict__["_declared"] = True
        return outputs

    def _read_arguments(
        self, signature: CallSignature, frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[dict[str, Any], bool | None, Any]:
        """Name the arguments of a call; fill in `training` and masks if `call` takes them; cast the arrays."""
        kwargs = dict(kwargs)
        training = None if signature.takes_training else kwargs.pop("training", None)
        mask = None if signature.takes_mask else kwargs.pop("mask", None)
        given = signature.bind(self, args, kwargs)
        first = given.get(signature.first)
        if mask is not None:
            frame.set_masks(first, mask)
        if signature.takes_mask and given.get("mask") is None:
            given["mask"] = frame.masks_of(first)
            if given["mask"] is None and not self._passes_masks_on:
                frame.warn_of_lost_mask(self, first)
        mask = given["mask"] if signature.takes_mask else frame.masks_of(first)
        for name in signature.argument_masks:
            if given.get(f"{name}_mask") is None and given.get(name) is not None:
                given[f"{name}_mask"] = frame.masks_of(given[name])
        if signature.takes_training:
            told = (given.get("training"), frame.training, signature.training_default)
            training = next((value for value in told if value is not None), None)
            given["training"] = False if training is None else training
        training = frame.training if training is None else training
        for name in given.keys() - {"mask", "training"}:
            given[name] = self._cast(given[name], frame)
        return given, training, mask

    # A container hands its input to sublayers, which find the masks themselves.
    _passes_masks_on = False

    def _cast(self, value: Any, frame: Frame) -> Any:
        compute = self.dtype_policy.compute_dtype

        def cast(leaf: Any) -> Any:
            array = dtypes.to_array(leaf)
            if self.autocast and dtypes.is_float(array) and array.dtype != compute:
                array = array.astype(compute)
            if array is not leaf and hasattr(array, "shape"):
                frame.set_mask(array, frame.mask_of(leaf))
            return array

        return jax.tree.map(cast, value)

    def _build_from(self, frame: Frame, signature: CallSignature, given: dict[str, Any]) -> None:
        template = self._template
        if not template.built:
            if not frame.declaring:
                if type(self).build is Layer.build:  # nothing to make
                    return
                raise ValueError(
                    f"Layer {self.path!r} has no weights yet. Make them first: "
                    "params, state = layer.init(rng, x); or call it once on arrays, or give it an Input."
                )
            with frames.suspended():
                template.build(*signature.build_shapes(type(self).build, given, frame.unknown))
            if not template.built:  # an instance attribute hid the class's build
                template.built = True
        path = self._path
        copy_attributes(template, self, path, frame)

    # Facade

    def _call_arrays(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        frame = frames.active()
        if frame is not None:
            return self._call_inside(frame, args, kwargs)
        args = tuple(map(as_arrays, args))
        if not self._is_declared():
            self._declare(args, kwargs)
        kwargs = dict(kwargs)
        training = frames.training_or_default(kwargs.pop("training", None))
        rows = self._drawn_weights()
        params = two_level((key, w.name, w.current()) for key, w in rows if w.trainable)
        state = two_level((key, w.name, w.current()) for key, w in rows if not w.trainable)
        mask = kwargs.pop("mask", None)
        result = self._forward(params, state, args, kwargs, training, seeds.next_key, mask)
        self._keep_state(state, result.state)
        stateless.keep_losses(self, result.losses)
        return result.outputs

    def _call_inside(self, frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a layer that another layer's `call` made or captured: right only if it has no weights."""
        with frames.suspended():
            self._declare(args, {**kwargs, "training": False} if "training" in kwargs else kwargs)
        if next(weights_of(self), None) is not None:
            raise RuntimeError(
                f"Layer {self.name!r} was called inside the `call` of another layer that does not hold it: it was made "
                "there, or captured by a function. Make it in `__init__` or `build` and keep it in an attribute "
                "(self.inner = ...), then call self.inner(x), so that its weights are part of this layer."
            )
        return bind_into(self, self.name, frame)(*args, **kwargs)

    def _keep_state(self, old: Tree, new: Tree) -> None:
        changed = two_level(
            (key, name, value)
            for key, weights in new.items()
            for name, value in weights.items()
            if value is not old[key][name]
        )
        if not changed:
            return
        if stateless.active() is None and any(map(is_traced, jax.tree.leaves(changed))):
            raise RuntimeError(
                f"Calling {self.name!r} inside a JAX transformation would store traced values as its state. "
                "Use the pure form: y, state = layer.apply(params, state, x, training=True, rng=key)."
            )
        self._store(changed)

    def _is_declared(self) -> bool:
        """Whether its layers are built, but for those that were left out by the call that built them."""
        return self._declared and kept(self, _unbuilt) == self._left_out

    def _declare(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], unknown: int | None = None) -> Any:
        """Build every layer for the shapes of the arguments, by an abstract run; return the outputs' shapes."""
        leaves, structure = jax.tree.flatten((args, dict(kwargs)))
        is_array = [graph.is_abstract(leaf) for leaf in leaves]
        specs = [graph.spec_of(leaf, unknown) for leaf, use in zip(leaves, is_array, strict=True) if use]

        def run(*arrays: Any) -> Any:
            remaining = iter(arrays)
            filled = [next(remaining) if use else leaf for leaf, use in zip(leaves, is_array, strict=True)]
            inner_args, inner_kwargs = jax.tree.unflatten(structure, filled)
            frame = Frame(rng=lambda: jax.random.key(0), declaring=True, unknown=unknown)
            with frame:
                return bind(self, frame, {}, {})(*inner_args, **inner_kwargs)

        outputs = jax.eval_shape(run, *specs)
        left_out = kept(self, _unbuilt)
        if left_out != self._left_out:
            self._left_out = left_out
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)
            self._initial_weights = None
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs as symbolic tensors for symbolic (or abstract) inputs; builds the layer.

        Args:
            args: What `call` takes, symbolic or abstract; so are the further arguments by name.
        """
        first = self._declare(args, kwargs, graph.UNKNOWN_SIZES[0])
        second = self._declare(args, kwargs, graph.UNKNOWN_SIZES[1]) if graph.has_unknown((args, kwargs)) else first

        def symbolic(a: Any, b: Any) -> Any:
            shape = tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True))
            return graph.SymbolicTensor(shape, a.dtype)

        return jax.tree.map(symbolic, first, second)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs for inputs of `input_shape`; unknown dimensions are None.

        Args:
            input_shape: A shape, or a tree of shapes, as `call` takes inputs; None where unknown.
        """
        inputs = graph.symbolic_like(input_shape, self.dtype_policy.compute_dtype)
        return shapes_of(self.compute_output_spec(inputs))

    @property
    def dtype(self) -> str:
        """The dtype its weights are stored in."""
        return self.dtype_policy.variable_dtype

    variable_dtype = dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype it computes in."""
        return self.dtype_policy.compute_dtype

    def _variable_dtype(self) -> str:
        return self.dtype_policy.variable_dtype

    def _holds(self, child: Any) -> bool:
        # Metrics are templates too, but no sublayers: what they accumulate is no part of the layer's weights.
        return isinstance(child, Layer)


def _unbuilt(root: Layer) -> frozenset[Any]:
    """The layers inside that have something to build and have not been built."""
    layers = (layer for _, layer in walk(root) if isinstance(layer, Layer) and layer is not root)
    return frozenset(weakref.ref(layer) for layer in layers if not layer.built and type(layer).build is not Layer.build)


_BASE_CONFIG = ("name", "trainable", "dtype", "autocast", "activity_regularizer")
