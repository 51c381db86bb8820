"""The stateful side of an optimizer: built on variables, it keeps a state for them and changes them, as in Keras.

Everything here goes through the pure `init` and `update`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jkeras.core import stateless
from jkeras.core.by_name import read, written
from jkeras.core.compiling import SharedJit
from jkeras.core.placement import on_host
from jkeras.core.structure import structure_of
from jkeras.core.weight import Weight, plain
from jkeras.optimizers.held import Held, current, moved, step
from jkeras.optimizers.rate import scalar
from jkeras.optimizers.transforms import path_name


class Facade:
    """Keras's methods of an optimizer that holds state. `Optimizer` has the pure ones.

    >>> from jkeras.optimizers import SGD
    >>> weight = Weight("w", (2,), jnp.ones)
    >>> optimizer = SGD(0.5)
    >>> int(optimizer.apply_gradients([(jnp.array([1.0, 2.0]), weight)]))
    1
    >>> weight.numpy()
    array([0.5, 0. ], dtype=float32)
    """

    name: str
    init: Any
    update: Any
    finalize: Any
    rate_for_step: Any
    built: bool = False
    # What the programs do not depend on: values that are passed to them, and what a run leaves behind.
    _apart = frozenset(
        {
            "built",
            "_held",
            "_iterations",
            "_trainable_variables",
            "_declared",
            "_declared_first",
            "_compiled_step",
            "learning_rate",
        }
    )
    _held: Held
    _iterations: Weight
    _trainable_variables: list[Any]
    _declared: list[Any]  # variables of an optimizer in Keras style
    _declared_first: int | None  # how many of them its constructor declared
    _declaring: bool = False  # True while variables are declared for a pure update
    _compiled_step: Any = None

    def _begin(self) -> None:
        self._iterations = scalar("iterations", 0, "int32")
        self._held = Held(self._iterations)
        self._trainable_variables = []
        self._declared = []
        self._declared_first = None

    def build(self, variables: Iterable[Any]) -> None:
        """Begin anew for these variables.

        Args:
            variables: `model.trainable_variables`; their order is that of the gradients in `apply`.

        Raises:
            TypeError: If something else than variables is given.
        """
        self._trainable_variables = list(variables)
        if self._declared_first is None:
            self._declared_first = len(self._declared)
        del self._declared[self._declared_first :]
        self.built = True
        if not self._declaring:
            self._held = Held(self._iterations)
            self._held.build_on(self._trainable_variables, type(self).__name__)

    def held(self) -> tuple[Held, list[Any]] | None:
        """Return the variables this was built on and the state for them; None if it is not built."""
        return (self._held, self._trainable_variables) if self.built else None

    def take_over(self, held: tuple[Held, list[Any]]) -> None:
        """Be built on the variables, and hold the state, of the optimizer that this is a copy of.

        Args:
            held: What `held` of that one returns.
        """
        self._held, self._trainable_variables = held
        self.built = True

    # What a training loop asks and tells

    def state_for(self, rows: Sequence[tuple[str, Weight]], params: Any, known: Any = None) -> Any:
        """Return the state to train weights from: the one held for them, else `known`, else a fresh one.

        Args:
            rows: Pairs `(key in params, weight)`.
            params: Their arrays as a tree.
            known: A state that fits `params`.
        """
        held = self._held
        if held.state is not None and held.is_for([weight for _, weight in rows]):
            return moved(held, held.with_changes(), rows)
        state = self._compiled_init(params) if known is None else known
        return state._replace(iterations=jnp.array(self._iterations.current())) if held.is_counted_anew() else state

    @property
    def _compiled_init(self) -> SharedJit:
        return SharedJit(self.init, optimised=False, structure=lambda: structure_of(self))

    def hold(self, rows: Sequence[tuple[str, Weight]], state: Any) -> None:
        """Take over the state that a training loop computed.

        Args:
            rows: Pairs `(key in params, weight)`.
            state: From the last `update`, over the tree of those weights.
        """
        keys = [(key, weight.name) for key, weight in rows]
        if keys != self._held.keys or not self._held.is_for([weight for _, weight in rows]):
            self._held = Held(self._iterations)
            self._held.variables, self._held.keys = [weight for _, weight in rows], keys
        self.built = True
        self._keep(state)

    def _keep(self, state: Any) -> None:
        if stateless.active() is None:
            for optimizer, part in self._parts(state):
                if optimizer._iterations is not self._held.iterations:  # which follows below
                    optimizer._iterations.store(jnp.array(part.iterations))
        self._held.keep(state)

    def _parts(self, state: Any) -> Iterator[tuple[Any, Any]]:
        """Yield this optimizer and those inside of it, each with its own state."""
        yield self, state

    # Variables

    @property
    def iterations(self) -> Weight:
        """The number of updates done, as a variable; the training loop keeps it current."""
        return self._iterations

    @iterations.setter
    def iterations(self, value: Any) -> None:
        self._iterations.assign(value)

    @property
    def variables(self) -> list[Weight]:
        """`iterations`, the learning rate if it is a number, and once built a variable for each array of the state."""
        return [self._iterations, *self._rate_variables(), *(self._slots() if self.built else ())]

    @property
    def state(self) -> Any:
        """The state for the variables that this was built on, or that `fit` trained, as a plain tree; can be set.

        Raises:
            ValueError: If it is not built, or is given a tree of another structure.
        """
        return jax.tree.map(jnp.array, self._state())

    @state.setter
    def state(self, tree: Any) -> None:
        expected, got = jax.tree.structure(self._state()), jax.tree.structure(tree)
        if expected != got:
            raise ValueError(f"{type(self).__name__}.state has the structure {expected}; got {got}.")
        self._keep(jax.tree.map(jnp.array, tree))

    def _rate_variables(self) -> list[Weight]:
        return []

    def _state(self) -> Any:
        """The state of now for the variables that this was built on; begun if there is none."""
        held = self._held
        if not self.built:
            raise ValueError(f"{type(self).__name__} is not built: optimizer.build(model.trainable_variables).")
        if held.state is None:
            with jax.ensure_compile_time_eval():  # stored, so concrete, wherever it is first asked for
                state = self._compiled_init(held.tree(current(v) for v in held.variables))
                held.keep(state._replace(iterations=jnp.array(self._iterations.current())))
        return held.with_changes()

    def _slots(self) -> list[Weight]:
        """Variables that show the arrays of the state, all but the first, which is `iterations`."""
        held = self._held
        if not held.slots:
            rows = jax.tree_util.tree_flatten_with_path(self._state())[0]
            held.show([(f"{self.name}/{path_name(path)}", leaf) for path, leaf in rows[1:]])
        return held.slots

    def get_weights(self) -> list[np.ndarray]:
        """Return every variable as numpy, in the order of `variables`."""
        return [on_host(v.current()) for v in self.variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set every variable.

        Args:
            weights: Arrays in the order of `variables`.

        Raises:
            ValueError: If the number of arrays or a shape is wrong.
        """
        own = self.variables
        if len(own) != len(weights):
            hint = "" if self.built else " It is not built yet: optimizer.build(model.trainable_variables)."
            raise ValueError(f"{type(self).__name__} has {len(own)} variables; got {len(weights)} arrays.{hint}")
        for variable, value in zip(own, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Put every variable into a mapping.

        Args:
            store: Receives a numpy array for each position, `"0"`, `"1"`, ...
        """
        for i, value in enumerate(self.get_weights()):
            store[str(i)] = value

    def load_own_variables(self, store: Any) -> None:
        """Set every variable from what `save_own_variables` stored.

        Args:
            store: The mapping.
        """
        self.set_weights([store[str(i)] for i in range(len(store))])

    # Updates

    def apply(self, grads: Iterable[Any], trainable_variables: Iterable[Any] | None = None) -> None:
        """Change the variables by one update.

        Args:
            grads: Gradients in the order of the variables; None leaves a variable and its part of the state as it is.
            trainable_variables: Those that `build` was given, or some of them; all in their order if left out.

        Raises:
            ValueError: If there is no gradient at all, or a variable is not known.
            RuntimeError: If it runs inside a JAX transformation, where nothing can be stored.
        """
        gradients = [None if g is None else plain(g) for g in grads]
        variables = None if trainable_variables is None else list(trainable_variables)
        if not self.built and variables is not None:
            self.build(variables)
        if stateless.active() is None and any(isinstance(g, Tracer) for g in gradients):
            raise RuntimeError(
                f"{type(self).__name__}.apply ran inside a JAX transformation, where it cannot store what it computes. "
                "Use optimizer.stateless_apply, or optimizer.init and optimizer.update."
            )
        state, held = self._state(), self._held
        ordered = held.in_order(gradients, variables)
        if stateless.active() is not None:
            self._slots()  # inside a scope the state lives in its variables
        values, state = self._step(state, ordered, [current(v) for v in held.variables], self.rate_for_step)
        for variable, value, gradient in zip(held.variables, values, ordered, strict=True):
            if gradient is not None:
                variable.assign(value)
        self._keep(state)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]], name: str | None = None) -> Weight:
        """Change the variables by one update, given pairs `(gradient, variable)`.

        Args:
            grads_and_vars: Pairs, such as `zip(grads, model.trainable_variables)`.
            name: How Keras 2 called the operation in a graph; here there is none to be named.

        Returns:
            `iterations`, the number of updates done, as a variable.
        """
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._iterations

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Return `(trainable_variables, optimizer_variables)` after one update; nothing is stored.

        Args:
            optimizer_variables: Arrays in the order of `variables`.
            grads: Gradients in the order of the variables that `build` was given.
            trainable_variables: Arrays in that order.
        """
        structure, own = jax.tree.structure(self._state()), self.variables
        if len(optimizer_variables) != len(own):
            raise ValueError(
                f"stateless_apply expected {len(own)} optimizer variables, as many as optimizer.variables has; "
                f"got {len(optimizer_variables)}."
            )
        arrays = [plain(v) for v in optimizer_variables]
        first = 1 + len(self._rate_variables())
        state = jax.tree.unflatten(structure, [arrays[0], *arrays[first:]])
        with stateless.StatelessScope(list(zip(own, arrays, strict=True))):
            rate = self.rate_for_step
        gradients = self._held.in_order([None if g is None else plain(g) for g in grads], None)
        values, state = self._step(state, gradients, [plain(v) for v in trainable_variables], rate)
        leaves = jax.tree.leaves(state)
        return values, [leaves[0], *arrays[1:first], *leaves[1:]]

    def _step(self, state: Any, grads: Sequence[Any], values: Sequence[Any], rate: Any) -> tuple[list[Any], Any]:
        held = self._held
        if self._compiled_step is None:
            self._compiled_step = jax.jit(partial(step, self), static_argnames="absent")
        filled = [jnp.zeros_like(v) if g is None else g for g, v in zip(grads, values, strict=True)]
        absent = tuple("/".join(key) for key, g in zip(held.keys, grads, strict=True) if g is None)
        rate = jax.tree.map(lambda r: jnp.asarray(r, jnp.float32), rate)
        params, state = self._compiled_step(held.tree(filled), state, held.tree(values), rate, absent=absent)
        constraints = [getattr(v, "constraint", None) for v in held.variables]
        results = zip(held.values(params), constraints, strict=True)
        return [value if constraint is None else constraint(value) for value, constraint in results], state

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Give the variables the values to keep after training: with `use_ema` their averages.

        Args:
            var_list: Those of the variables that this was built on which are to have them.
        """
        held = self._held
        final = self.finalize(held.tree(current(v) for v in held.variables), self._state())
        wanted = {id(v) for v in var_list}
        for variable, value in zip(held.variables, held.values(final), strict=True):
            if id(variable) in wanted:
                variable.assign(value)

    def __getstate__(self) -> dict[str, Any]:
        # A copy is built anew, on variables of its own; the copy of a model is told which those are.
        without = {"_held", "_compiled_step", "built"}
        return {**written(self.__dict__, without), "_trainable_variables": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(read(state))
        self._held = Held(self._iterations)
