"""Several optimizers in one: each parameter is trained by the one that its path, or a function, chooses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jkeras.core.config import Configurable, serialize
from jkeras.core.weight import Weight
from jkeras.optimizers.base import Optimizer, OptimizerState
from jkeras.optimizers.catalogue import optimizers
from jkeras.optimizers.transforms import path_name


class OptimizerMap(Configurable, MutableMapping[str, Optimizer]):
    """Optimizers by the path of a parameter: a path itself, or a regular expression that matches it whole.

    Paths are those of `params`, such as `"encoder/dense/kernel"`.

    Args:
        default_optimizer: For parameters that nothing matches.
        optimizer_map: Paths or patterns, and their optimizers.

    Raises:
        TypeError: If something else than an optimizer is given.
        ValueError: If a key is given twice, or a path is matched by several patterns.

    >>> from jkeras.optimizers import SGD, Adam
    >>> rows = OptimizerMap(Adam(), {"head/.*": SGD()})
    >>> rows["head/kernel"].name, rows["body/kernel"].name
    ('sgd', 'adam')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None):
        self.default_optimizer = _checked("default_optimizer", default_optimizer)
        self._rows: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._rows:
            return self._rows[key]
        found = [pattern for pattern in self._rows if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(f"Path {key!r} is matched by several rows of the OptimizerMap: {', '.join(found)}.")
        return self._rows[found[0]] if found else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if key in self._rows:
            raise ValueError(f"The OptimizerMap has a row {key!r} already: {self._rows[key]!r}. Delete it first.")
        self._rows[key] = _checked(f"The optimizer of {key!r}", optimizer)

    def __delitem__(self, key: str) -> None:
        del self._rows[key]

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def get_config(self) -> dict[str, Any]:
        """Return the default and the rows as plain data."""
        return {"default_optimizer": serialize(self.default_optimizer), "optimizer_map": serialize(self._rows)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> OptimizerMap:
        """Return the map that `get_config` described.

        Args:
            config: Constructor arguments.
            custom_objects: Classes of optimizers by name.
        """
        rows = {k: optimizers.deserialize(v, custom_objects) for k, v in (config.get("optimizer_map") or {}).items()}
        return cls(optimizers.deserialize(config["default_optimizer"], custom_objects), rows)


optimizers.register("OptimizerMap", OptimizerMap)


@optimizers.register_class()
class MultiOptimizer(Optimizer):
    """Train each parameter with the optimizer that a map or a function chooses for it.

    Args:
        optimizer_map: An `OptimizerMap`, or a function of a variable (its `path`, `name`, `shape` and `dtype`) that
            returns its optimizer; it is asked once for each.
        loss_scale_factor: The factor that the loss was multiplied by; set on every optimizer.
        name: Default is the class name in snake_case.

    Raises:
        TypeError: If it is neither a map nor a function.
        ValueError: If the optimizers have different loss scales.

    >>> from jkeras.optimizers import SGD
    >>> optimizer = MultiOptimizer(OptimizerMap(SGD(0.5), {"b/.*": SGD(0.25)}))
    >>> params = {"a": {"w": jnp.zeros(1)}, "b": {"w": jnp.zeros(1)}}
    >>> state = optimizer.init(params)
    >>> jax.tree.leaves(optimizer.update(jax.tree.map(jnp.ones_like, params), state, params)[0])
    [Array([-0.5], dtype=float32), Array([-0.25], dtype=float32)]
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Any], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ):
        if not isinstance(optimizer_map, OptimizerMap) and not callable(optimizer_map):
            raise TypeError(
                "MultiOptimizer expected an OptimizerMap, or a function from a variable to an optimizer; "
                f"got {optimizer_map!r}. Write MultiOptimizer(OptimizerMap(Adam(), {{'head/.*': SGD()}}))."
            )
        super().__init__(0.0, name=name)
        self.optimizer_map = optimizer_map
        self._loss_scale_factor = loss_scale_factor
        self._chosen: dict[str, int] = {}
        self._optimizers: list[Optimizer] = []
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map._rows.values(), optimizer_map.default_optimizer):
                self._add(optimizer)

    def _add(self, optimizer: Optimizer) -> int:
        for i, known in enumerate(self._optimizers):
            if known is optimizer:
                return i
        if self._loss_scale_factor is not None:
            optimizer.loss_scale_factor = self._loss_scale_factor
        factors = {o.loss_scale_factor for o in (*self._optimizers, optimizer)}
        if len(factors) > 1:
            raise ValueError(
                f"The optimizers of a MultiOptimizer have different loss scales: {sorted(map(str, factors))}. "
                "There is one loss: give MultiOptimizer(..., loss_scale_factor=...) instead."
            )
        self._optimizers.append(optimizer)
        return len(self._optimizers) - 1

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers; those that a function chooses are known once the parameters are."""
        return list(self._optimizers)

    @property
    def loss_scale_factor(self) -> float | None:
        """The factor that the loss is multiplied by; setting it sets that of every optimizer."""
        return self._optimizers[0].loss_scale_factor if self._optimizers else self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in self.__dict__.get("_optimizers", ()):
            optimizer.loss_scale_factor = value

    def init(self, params: Any) -> OptimizerState:
        """Return the state to begin with: one for each optimizer, over its parameters; pure."""
        inner = self._partition(params, None).init(params)
        return OptimizerState(jnp.zeros((), jnp.int32), inner, None)

    def update(
        self, grads: Any, state: OptimizerState, params: Any = None, learning_rate: Any = None
    ) -> tuple[Any, OptimizerState]:
        """Return what to add to the parameters, and the next state; pure.

        Args:
            grads, state, params: As for every optimizer.
            learning_rate: A list with the rate of each optimizer (None: its own), as `rate_for_step` gives.
        """
        like = grads if params is None else params
        updates, inner = self._partition(like, learning_rate).update(grads, state.inner, params)
        return updates, OptimizerState(state.iterations + 1, inner, None)

    def _partition(self, params: Any, rates: Any) -> optax.GradientTransformation:
        labels = jax.tree_util.tree_map_with_path(lambda path, p: self._choose(path_name(path), p), params)
        rates = [None] * len(self._optimizers) if rates is None else rates

        def with_rate(optimizer: Optimizer, rate: Any) -> optax.GradientTransformation:
            def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
                return optimizer.update(updates, state, params, rate)

            return optax.GradientTransformation(optimizer.init, update)

        parts: dict[Any, optax.GradientTransformation] = {
            str(i): with_rate(o, r) for i, (o, r) in enumerate(zip(self._optimizers, rates, strict=True))
        }
        return optax.partition(parts, labels)

    def _choose(self, path: str, param: Any) -> str:
        if path not in self._chosen:
            if isinstance(self.optimizer_map, OptimizerMap):
                found = self.optimizer_map[path]
            else:
                variable = Weight(path.rpartition("/")[2], param.shape, jnp.zeros, jnp.dtype(param.dtype).name)
                variable.path = path
                found = _checked(f"What the function returns for {path!r}", self.optimizer_map(variable))
            self._chosen[path] = self._add(found)
        return str(self._chosen[path])

    def finalize(self, params: Any, state: OptimizerState) -> Any:
        """Return the parameters to keep after training, as each optimizer says."""

        def chosen(average: Any, param: Any) -> Any:
            return param if isinstance(average, optax.MaskedNode) else average

        for optimizer, part in self._parts(state):
            if optimizer is not self and part.average is not None:
                is_masked = lambda node: isinstance(node, optax.MaskedNode)  # noqa: E731
                params = jax.tree.map(chosen, part.average, params, is_leaf=is_masked)
        return params

    def _parts(self, state: OptimizerState) -> Iterator[tuple[Any, Any]]:
        yield self, state
        for label, part in state.inner.inner_states.items():
            yield from self._optimizers[int(label)]._parts(part.inner_state)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Leave weights out of the decay of every optimizer."""
        for optimizer in self._optimizers:
            optimizer.exclude_from_weight_decay(var_list, var_names)

    @property
    def learning_rate(self) -> Any:
        """Raise: each of `optimizers` has its own."""
        raise AttributeError("A MultiOptimizer has no learning rate of its own. Each of its `optimizers` has one.")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(
            "The learning rate of a MultiOptimizer cannot be set. Set it on each of its `optimizers`: "
            f"for o in optimizer.optimizers: o.learning_rate = {value!r}"
        )

    @property
    def rate_for_step(self) -> Any:
        """What a training loop passes to `update` as `learning_rate`: a list, one entry for each optimizer."""
        return [optimizer.rate_for_step for optimizer in self._optimizers]

    def _rate_variables(self) -> list[Weight]:
        return [variable for optimizer in self._optimizers for variable in optimizer._rate_variables()]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments as plain data; a function by its name."""
        rows = optimizers.serialize(self.optimizer_map)
        return {"optimizer_map": rows, "loss_scale_factor": self._loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> MultiOptimizer:
        """Return the optimizer that `get_config` described; `custom_objects` may hold classes and the function."""
        return cls(**{**config, "optimizer_map": optimizers.deserialize(config["optimizer_map"], custom_objects)})


def _checked(what: str, optimizer: Any) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{what} must be an optimizer, such as Adam(); got {optimizer!r}.")
    return optimizer
