"""The base of optimizers: Keras's arguments round a transformation of optax.

An optimizer is pure where it matters: `init` and `update` have the contract of an `optax.GradientTransformation` and
touch nothing of the object. What a script reads, sets and calls (`learning_rate`, `variables`, `apply_gradients`) is a
facade over that.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jkeras.core.config import Configurable
from jkeras.core.errors import unexpected_argument
from jkeras.core.registry import snake_case
from jkeras.core.weight import Weight
from jkeras.optimizers import legacy, subclass, transforms
from jkeras.optimizers.facade import Facade
from jkeras.optimizers.rate import LearningRate

COMMON: dict[str, Any] = {
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "name": None,
}


class OptimizerState(NamedTuple):
    """What an optimizer keeps between updates; a plain tree of arrays.

    Args:
        iterations: The number of calls of `update`, an int32 scalar.
        inner: The state of the transformation of optax.
        average: The average of the parameters, a tree like them, or None if none is kept.

    >>> from jkeras.optimizers import SGD
    >>> state = SGD(0.5, use_ema=True).init({"w": jnp.ones(2)})
    >>> int(state.iterations), state.average["w"].tolist()
    (0, [1.0, 1.0])
    """

    iterations: jax.Array
    inner: Any
    average: Any


class Optimizer(Facade, Configurable):
    """Base of optimizers. A subclass declares its arguments as annotated attributes and defines `transform`.

    Or it is written as in Keras: `build(variables)` declares variables (`add_variable_from_reference`), and
    `update_step(gradient, variable, learning_rate)` assigns to them. `init` and `update` are made from that.

    Args:
        learning_rate: A number, a `LearningRateSchedule`, any function of the step (an optax schedule), or a function
            without arguments.
        weight_decay: Before each update the parameters shrink by `learning_rate * weight_decay` of themselves.
        clipnorm: Limit on the norm of each gradient array.
        clipvalue: Limit on the absolute value of each gradient element.
        global_clipnorm: Limit on the norm of all gradients together. One of these three at most.
        use_ema: Whether to keep an exponential moving average of the parameters.
        ema_momentum: `average = ema_momentum * average + (1 - ema_momentum) * params`.
        ema_overwrite_frequency: After so many updates each time, the parameters become the average.
        loss_scale_factor: The factor that the loss was multiplied by; the gradients are divided by it.
        gradient_accumulation_steps: Average the gradients of so many calls (>= 2), then update once.
        name: Default is the class name in snake_case.
        jit_compile: True or "auto", the same here: everything is compiled.
        decay: Divides the rate by `1 + decay * step`, as in Keras 1 and 2.
        kwargs: Old spellings, such as `lr`.

    Raises:
        TypeError: If an argument is unknown, or of the wrong type.
        ValueError: If a number is out of range, or more than one limit is given.

    >>> class SignDescent(Optimizer, learning_rate=0.1):
    ...     power: float = 1.0
    ...     def transform(self, rate, step):
    ...         return optax.stateless(lambda grads, params: jax.tree.map(lambda g: -rate * jnp.sign(g), grads))
    >>> optimizer = SignDescent(power=2.0)
    >>> state = optimizer.init({"w": jnp.zeros(2)})
    >>> updates, state = optimizer.update({"w": jnp.array([3.0, -3.0])}, state)
    >>> [round(u, 4) for u in updates["w"].tolist()], int(state.iterations)
    ([-0.1, 0.1], 1)
    """

    arguments: ClassVar[dict[str, Any]] = {}
    decay: float = 0.0

    def __init_subclass__(cls, learning_rate: float = 0.001, after_name: str = "", **kwargs: Any) -> None:
        """Make the constructor; `after_name` lists those of its arguments that follow the common ones."""
        super().__init_subclass__(**kwargs)
        declared = {
            name: getattr(cls, name)
            for name, annotation in inspect.get_annotations(cls).items()
            if name in cls.__dict__ and not name.startswith("_") and "ClassVar" not in str(annotation)
        }
        inherited = {k: v for k, v in cls.arguments.items() if k not in declared}
        cls.arguments = {**declared, **inherited}
        if "__init__" not in cls.__dict__:
            later = {k: cls.arguments[k] for k in after_name.split()}
            first = {k: v for k, v in cls.arguments.items() if k not in later}
            common = {k: v for k, v in COMMON.items() if k not in first}
            defaults = {"learning_rate": learning_rate, **first, **common, **later}
            cls.__init__ = _constructor(cls, defaults)  # type: ignore[method-assign]

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        *,
        jit_compile: bool | str | None = "auto",
        **kwargs: Any,
    ):
        owner = type(self).__name__
        modern, attributes = legacy.modernise(owner, {**kwargs, "jit_compile": jit_compile})
        learning_rate = modern.pop("learning_rate", learning_rate)
        for unknown in modern:
            raise unexpected_argument(owner, unknown, ["learning_rate", *self.arguments, *COMMON])
        for attribute, value in attributes.items():
            if not hasattr(type(self), attribute):
                raise unexpected_argument(owner, attribute, ["learning_rate", *self.arguments, *COMMON])
            setattr(self, attribute, value)
        self.name = name or snake_case(owner)
        self.weight_decay = _at_least(owner, "weight_decay", weight_decay, 0)
        self.clipnorm = _at_least(owner, "clipnorm", clipnorm, 0)
        self.clipvalue = _at_least(owner, "clipvalue", clipvalue, 0)
        self.global_clipnorm = _at_least(owner, "global_clipnorm", global_clipnorm, 0)
        if sum(bool(limit) for limit in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                f"{owner} takes one of clipnorm, clipvalue and global_clipnorm; "
                f"got {clipnorm=}, {clipvalue=}, {global_clipnorm=}."
            )
        self.use_ema = use_ema
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(f"{owner} expected ema_momentum between 0 and 1; got {ema_momentum}.")
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = _at_least(owner, "ema_overwrite_frequency", ema_overwrite_frequency, 1)
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = _at_least(
            owner, "gradient_accumulation_steps", gradient_accumulation_steps, 2
        )
        self._not_decayed: list[re.Pattern[str]] = []
        self._learning_rate = LearningRate(learning_rate)
        self._begin()

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        """Return the transformation of one update, from gradients to what is added to the parameters.

        Args:
            rate: The learning rate, a float32 scalar (traced inside a compiled step).
            step: The number of updates done before, an int32 scalar.

        Raises:
            TypeError: If a subclass defines neither this nor `update_step`.
        """
        if type(self).update_step is Optimizer.update_step:
            raise TypeError(
                f"{type(self).__name__} must define transform(self, rate, step), an optax transformation, "
                "or update_step(self, gradient, variable, learning_rate)."
            )
        return subclass.transformation(self, rate, step)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable by one update, with `assign`, `assign_add` and `assign_sub`. Subclasses may define it.

        Args:
            gradient: The gradient, an array of the variable's shape.
            variable: The parameter, as a variable.
            learning_rate: The rate of this update, a float32 scalar.

        Raises:
            TypeError: Where a transformation of optax makes the updates.
        """
        raise TypeError(
            f"{type(self).__name__} has no update_step: it is made of a transformation of optax. To change what it "
            "does, override transform(self, rate, step) and chain another transformation to super().transform(...)."
        )

    add_variable = subclass.add_variable
    add_variable_from_reference = subclass.add_variable_from_reference
    add_optimizer_variables = subclass.add_optimizer_variables
    assign, assign_add, assign_sub = subclass.assign, subclass.assign_add, subclass.assign_sub
    _get_variable_index, _var_key, _index_dict = subclass.variable_index, subclass.variable_key, subclass.index_of_keys

    def init(self, params: Any) -> OptimizerState:
        """Return the state to begin with; pure.

        Args:
            params: The parameters, a tree of arrays.
        """
        average = jax.tree.map(jnp.array, params) if self.use_ema else None
        inner = self._whole(jnp.zeros((), jnp.float32), jnp.zeros((), jnp.int32)).init(params)
        return OptimizerState(jnp.zeros((), jnp.int32), inner, average)

    def update(
        self, grads: Any, state: OptimizerState, params: Any = None, learning_rate: Any = None
    ) -> tuple[Any, OptimizerState]:
        """Return what to add to the parameters, and the next state; pure.

        Args:
            grads: Gradients, a tree like the parameters.
            state: From `init` or the last `update`.
            params: The parameters; needed for weight decay, averages and the optimizers that look at them.
            learning_rate: Used instead of the optimizer's own if given; may be traced.

        Raises:
            ValueError: If the parameters are needed and not given.
        """
        rate = jnp.asarray(self._learning_rate.at(state.iterations) if learning_rate is None else learning_rate)
        rate = rate.astype(jnp.float32)
        if self.decay:
            rate = rate / (1 + self.decay * state.iterations)
        if self.loss_scale_factor is not None:
            grads = jax.tree.map(lambda g: g / self.loss_scale_factor, grads)
        done = state.iterations // (self.gradient_accumulation_steps or 1)
        updates, inner = self._whole(rate, done).update(grads, state.inner, params)
        updates, average = self._averaged(updates, state.average, params, done)
        return updates, OptimizerState(state.iterations + 1, inner, average)

    def _whole(self, rate: Any, step: Any) -> optax.GradientTransformation:
        """Everything between gradients and updates but the average."""
        own = Optimizer.transform if type(self).update_step is not Optimizer.update_step else type(self).transform
        inner = self._decayed(own(self, rate, step), rate)
        if self.clipnorm:
            inner = optax.chain(transforms.clip_each_by_norm(self.clipnorm), inner)
        if self.clipvalue:
            inner = optax.chain(optax.clip(self.clipvalue), inner)
        if self.global_clipnorm:
            inner = optax.chain(optax.clip_by_global_norm(self.global_clipnorm), inner)
        inner = transforms.keep_dtypes(inner)
        if self.gradient_accumulation_steps:
            inner = optax.MultiSteps(inner, self.gradient_accumulation_steps).gradient_transformation()
        return inner

    def _decayed(self, inner: optax.GradientTransformation, rate: Any) -> optax.GradientTransformation:
        if not self.weight_decay:
            return inner
        return transforms.add_weight_decay(inner, rate * self.weight_decay, lambda path, _: self._is_decayed(path))

    def _averaged(self, updates: Any, average: Any, params: Any, done: Any) -> tuple[Any, Any]:
        if not self.use_ema:
            return updates, None
        if params is None:
            raise ValueError("use_ema=True needs the parameters: opt.update(grads, opt_state, params).")
        momentum = jnp.where(done == 0, 0, self.ema_momentum)

        def mix(a: jax.Array, p: jax.Array, u: jax.Array) -> jax.Array:
            m = momentum.astype(a.dtype)
            return m * a + (1 - m) * (p + u)

        average = jax.tree.map(mix, average, params, updates)
        if self.ema_overwrite_frequency:
            is_due = (done + 1) % self.ema_overwrite_frequency == 0
            updates = jax.tree.map(lambda u, a, p: jnp.where(is_due, a - p, u), updates, average, params)
        return updates, average

    def finalize(self, params: Any, state: OptimizerState) -> Any:
        """Return the parameters to keep after training: with `use_ema` the average, otherwise `params`.

        Args:
            params: The parameters as trained.
            state: From the last `update`.
        """
        return params if state.average is None else state.average

    def scale_loss(self, loss: Any, state: Any = None) -> Any:
        """Return the loss to differentiate: multiplied by `loss_scale_factor`, if there is one.

        Args:
            loss: A scalar.
            state: From `init` or the last `update`; an optimizer whose scale changes keeps it there.
        """
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave weights out of the decay; call it before training.

        Args:
            var_list: Weights, known by their paths.
            var_names: Patterns that are searched in the path of each weight (`"dense/bias"`).
        """
        patterns = [re.compile(name) for name in var_names or ()]
        for weight in var_list or ():
            if not isinstance(getattr(weight, "path", None), str):
                raise TypeError(f"var_list expected weights with a path; got {weight!r}. Use var_names for patterns.")
            patterns.append(re.compile(f"^{re.escape(weight.path)}$"))
        self._not_decayed = patterns

    def _is_decayed(self, path: str) -> bool:
        return not any(pattern.search(path) for pattern in self._not_decayed)

    @property
    def learning_rate(self) -> Any:
        """The learning rate: a variable, or for a schedule the value of now."""
        variable = self._learning_rate.variable
        return variable if variable is not None else jnp.asarray(self._learning_rate.at(self._iterations.current()))

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._learning_rate = self._learning_rate.assign(value)

    @property
    def lr(self) -> Any:
        """The name of `learning_rate` in Keras 1."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        self.learning_rate = value

    @property
    def rate_for_step(self) -> Any:
        """What a training loop passes to `update` as `learning_rate`: None if a schedule computes it inside."""
        return self._learning_rate.current()

    def _rate_variables(self) -> list[Weight]:
        variable = self._learning_rate.variable
        return [] if variable is None else [variable]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments as plain data, with the learning rate of now."""
        config = {name: getattr(self, name) for name in (*COMMON, *self.arguments)}
        config["learning_rate"] = self._learning_rate.config()
        for name, default in legacy.ATTRIBUTES.items():
            if getattr(self, name, default) != default:
                config[name] = getattr(self, name)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
        """Return the optimizer that `get_config` described.

        Args:
            config: Constructor arguments.
            custom_objects: Classes of schedules by name.
        """
        rate = config.get("learning_rate")
        if isinstance(rate, dict) and custom_objects:
            from jkeras.optimizers import schedules

            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        return cls(**config)


def _constructor(cls: type[Optimizer], defaults: dict[str, Any]) -> Callable[..., None]:
    """An `__init__` with the arguments of `defaults`, for people and tools that read signatures."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind, default=value) for name, value in defaults.items()]
    own, more = inspect.Parameter("self", kind), inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)
    old = {"jit_compile": "auto", **{k: v for k, v in legacy.ATTRIBUTES.items() if hasattr(cls, k)}}
    parameters += [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=old[name]) for name in old]
    signature = inspect.Signature([own, *parameters, more])

    def __init__(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        kwargs, attributes = legacy.modernise(cls.__name__, kwargs, old_wins=type(self) is not cls)
        for name in kwargs:
            if name not in defaults:
                raise unexpected_argument(cls.__name__, name, defaults)
        given = {**defaults, **signature.bind(self, *args, **kwargs).arguments, **attributes}
        del given["self"]
        for name, default in cls.arguments.items():
            value = given[name] if name in COMMON else given.pop(name)
            setattr(self, name, _checked(cls.__name__, name, value, default))
        Optimizer.__init__(self, **given)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__qualname__ = f"{cls.__qualname__}.__init__"
    return __init__


_RANGES = {"momentum": (0, 1), "rho": (0, 1), "beta_1": (0, 1), "beta_2": (0, 1), "epsilon": (0, float("inf"))}


def _checked(owner: str, name: str, value: Any, default: Any) -> Any:
    if isinstance(default, bool) and not isinstance(value, (bool, np.bool_)):
        raise TypeError(
            f"{owner} expected {name} to be True or False; got {value!r}. Arguments after the learning rate changed "
            f"their order since Keras 1: name them, as in {owner}(0.01, {name}=True)."
        )
    low, high = _RANGES.get(name, (-float("inf"), float("inf")))
    if isinstance(value, (int, float)) and not low <= value <= high:
        raise ValueError(f"{owner} expected {name} between {low} and {high}; got {value}.")
    return value


def _at_least(owner: str, name: str, value: Any, least: float) -> Any:
    if value is None:
        return None
    if isinstance(least, int) and least >= 1 and not isinstance(value, (int, np.integer)):
        raise TypeError(f"{owner} expected {name} to be an integer or None; got {value!r}.")
    if not value >= least:
        raise ValueError(f"{owner} expected {name} to be >= {least} or None; got {value!r}.")
    return value
