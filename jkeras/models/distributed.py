"""A model on many devices: where its arrays live, and moving them there."""

from __future__ import annotations

from typing import Any

import jax

from jkeras.core import seeds
from jkeras.core.layer import Layer
from jkeras.core.placement import DEFAULT, Placement, current
from jkeras.core.template import weights_of
from jkeras.distribution.placements import placement_for
from jkeras.models.resuming import optimizer_state, store_optimizer_state


class Distributed(Layer):
    """What a model does with a mesh of devices. Its steps are the same programs: JAX's partitioner spreads them."""

    _compiled: Any
    _placed: Placement | None = None

    @property
    def _placement(self) -> Placement:
        return current() if self._placed is None else self._placed

    def distribute(self, mesh: Any = None, rules: Any = (), batch_axis: Any = None) -> None:
        """Let the arrays of the model live on a mesh of devices, now and in all that follows.

        `fit`, `evaluate` and `predict` spread batches over the mesh then; batches that do not divide are no exception.
        The results are those of one device, up to the order of sums.

        Args:
            mesh: A `jax.sharding.Mesh`, a `DataParallel` or `ModelParallel` of `jkeras.distribution`, or None for the
                default device.
            rules: Rows `(pattern, PartitionSpec)` that say how weights, and what the optimizer keeps for them, are
                split: the first whose pattern is found in a weight's path (`"encoder/dense/kernel"`) counts.
                "fully_sharded" splits each along its longest axis that divides. What no rule names is on every device.
            batch_axis: The axis, or axes, of the mesh that batches are spread over; the first one if left out.

        Raises:
            ValueError: If a rule names an axis that the mesh does not have, or splits a weight that does not divide.
            TypeError: If something is not of these kinds.

        >>> import jax, numpy as np
        >>> from jkeras import Sequential, layers
        >>> model = Sequential([layers.Input((4,)), layers.Dense(8), layers.Dense(2)])
        >>> model.distribute(jax.make_mesh((2,), ("data",)), rules="fully_sharded")
        >>> tuple(model.layers[0].kernel.value.sharding.spec)
        (None, 'data')
        >>> model.predict(np.ones((3, 4)), verbose=0).shape
        (3, 2)
        """
        wanted = placement_for(mesh, rules, batch_axis)
        rows = list(weights_of(self)) if self._is_declared() else []
        for key, w in rows:  # before anything is moved
            wanted.sharding(f"{key}/{w.name}", w.shape)
        self.__dict__["_placed"] = None if wanted is DEFAULT else wanted
        for key, w in rows:
            if w.is_drawn:
                w.store(wanted.place(f"{key}/{w.name}", w.current()) if self._placed else home(w.current()))
        if rows:
            self._drawn_weights()  # the others are made where they shall be
        if self._placed is None and self._compiled is not None and self._compiled.opt_state is not None:
            store_optimizer_state(self, home(optimizer_state(self)))  # a mesh gets it when training begins

    def _next_key(self) -> Any:
        self._placement.agree()
        return self._placement.put_whole(seeds.next_key())

    def _set_mesh(self, mesh: Any, rules: Any) -> None:
        """Take over what `fit` was given; nothing if it was given nothing."""
        if mesh is not None:
            self.distribute(mesh, rules)
        elif rules:
            raise ValueError("fit(rules=...) needs a mesh: fit(..., mesh=jax.make_mesh((8,), ('data',)), rules=...).")


def home(tree: Any) -> Any:
    """Return arrays on the default device, free to be moved."""

    def fetched(array: Any) -> Any:
        if not isinstance(array, jax.Array) or len(array.sharding.device_set) == 1:
            return array
        return jax.device_put(jax.device_get(array))

    return jax.tree.map(fetched, tree)
