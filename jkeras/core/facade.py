"""The stateful side of a layer: the arrays it currently holds, and the switches that say what is trained."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import placement, seeds
from jkeras.core.drawing import draw_all
from jkeras.core.stateless_call import stateless_call
from jkeras.core.template import Template, kept, two_level, walk, weights_of
from jkeras.core.types import OwnTree, Tree
from jkeras.core.weight import Weight, check_shape


class Facade(Template):
    """What Keras scripts do to a layer: read and set weights, freeze, count."""

    _trainable: bool
    _initial_weights: Any
    _call_losses: list[Any]
    built: bool

    stateless_call = stateless_call

    @property
    def trainable(self) -> bool:
        """Whether a training step changes this layer; setting it also sets every sublayer."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for _, layer in walk(self):
            layer.__dict__["_trainable"] = bool(value)

    @property
    def weights(self) -> list[Weight]:
        """Every weight, layer by layer: trainable-typed ones of a layer first, then its state."""
        return [weight for _, weight in weights_of(self) if not weight.transient]

    variables = weights

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that a training step changes."""
        frozen = frozen_keys(self)
        return [w for key, w in weights_of(self) if w.trainable and key not in frozen]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[Weight]:
        """State, and the weights of frozen layers."""
        trained = {id(w) for w in self.trainable_weights}
        return [w for w in self.weights if id(w) not in trained]

    non_trainable_variables = non_trainable_weights

    @property
    def metrics(self) -> list[Any]:
        """The metrics held here and in sublayers; `call` may update them."""
        return [metric for _, metric in metrics_of(self)]

    @property
    def losses(self) -> list[Any]:
        """The scalars added in this call, or the last one on arrays, and the regularizers of the weights it saw."""
        if self._frame is None:
            return [*self._call_losses, *self._penalties(self._tree(trainable=True))]
        values, template = self._frame.values, self._template
        params = two_level((key, w.name, values[id(w)]) for key, w in weights_of(template) if w.trainable)
        return [*self._frame.losses, *regularization_losses(template, params)]

    def _penalties(self, params: Tree) -> list[Any]:
        return regularization_losses(self, params)

    def get_weights(self) -> list[np.ndarray]:
        """Return every weight as numpy, in the order of `weights`."""
        self._drawn_weights()
        return [placement.on_host(w.current()) for w in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set every weight, in the order of `weights`.

        Args:
            weights: Arrays in the order of `weights`.

        Raises:
            ValueError: If the number of arrays or a shape is wrong; nothing is changed then.
        """
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(
                f"Layer {self.name!r} has {len(own)} weights; got {len(weights)} arrays. "
                f"Expected: {', '.join(f'{w.path} {w.shape}' for w in own) or 'none (is the layer built?)'}."
            )
        arrays = [np.asarray(value) for value in weights]
        for weight, array in zip(own, arrays, strict=True):
            check_shape("Weight", weight.path, weight.shape, array.shape)
        for weight, array in zip(own, arrays, strict=True):
            weight.assign(array)

    def start_from(self, weights: Sequence[Any]) -> None:
        """Let the weights begin with the arrays given, in the order of `weights`, once the layer is built.

        Args:
            weights: Arrays in the order of `weights`.
        """
        self._initial_weights = list(weights)
        if self.built and self.weights:
            self._start_from(self._initial_weights)

    def _start_from(self, arrays: Sequence[Any]) -> None:
        own = self.weights
        shapes = [np.shape(array) for array in arrays]
        if shapes != [w.shape for w in own]:
            raise ValueError(
                f"Layer {self.name!r} has weights of shapes {[w.shape for w in own]}; weights= has {shapes}."
            )
        for weight, array in zip(own, arrays, strict=True):
            weight.initializer = functools.partial(_constant, np.asarray(array))
        self._initial_weights = None

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from jkeras.display.html import layer_html

        return layer_html(self)

    def count_params(self) -> int:
        """Return the number of elements of all weights."""
        return sum(w.size for w in self.weights)

    @property
    def params(self) -> OwnTree:
        """The current parameters as the tree that `apply` takes; can be set."""
        return self._tree(trainable=True, lend=True)

    @params.setter
    def params(self, tree: Tree) -> None:
        self._set_tree(tree, trainable=True)

    @property
    def state(self) -> OwnTree:
        """The current state as the tree that `apply` takes and returns; can be set."""
        return self._tree(trainable=False, lend=True)

    @state.setter
    def state(self, tree: Tree) -> None:
        self._set_tree(tree, trainable=False)

    @property
    def _placement(self) -> placement.Placement:
        """Where its arrays live: on the default device, or on the mesh of devices that was set."""
        return placement.current()

    def _drawn_weights(self, key: Any = None) -> list[tuple[str, Weight]]:
        """Return `(key, weight)` of all, after drawing those that have no value yet, from one key folded by path."""
        rows = list(weights_of(self))
        if not all(w.is_drawn for _, w in rows):
            self._placement.agree()
            key = seeds.next_key() if key is None else key
            # Initializers may use host constants: a transfer guard round `fit` is meant for its loop.
            with jax.transfer_guard("allow"):
                missing = [(path, weight) for path, weight in rows if not weight.is_drawn]
                for (_, weight), value in zip(missing, draw_all(missing, key, self._placement), strict=True):
                    weight.store(value)
        return rows

    def _tree(self, trainable: bool, lend: bool = False) -> OwnTree:
        rows = [(key, w) for key, w in self._drawn_weights() if w.trainable is trainable]
        if lend:
            for _, w in rows:
                w.lent = True
        return two_level((key, w.name, w.current()) for key, w in rows)

    def _set_tree(self, tree: Tree, trainable: bool) -> None:
        rows = [(key, w) for key, w in weights_of(self) if w.trainable is trainable]
        known = {(key, w.name) for key, w in rows}
        given = {(key, name) for key, weights in tree.items() for name in weights}
        if known != given:
            missing = ", ".join(sorted("/".join(k) for k in known - given)) or "nothing"
            extra = ", ".join(sorted("/".join(k) for k in given - known)) or "nothing"
            raise ValueError(f"The tree does not fit {self.name!r}: missing {missing}; not known {extra}.")
        for key, w in rows:
            check_shape("Weight", f"{key}/{w.name}", w.shape, np.shape(tree[key][w.name]))
        for key, w in rows:
            w.store(jax.numpy.asarray(tree[key][w.name], w.dtype))
            w.lent = True

    def _store(self, tree: Tree) -> None:
        """Keep arrays that a step returned."""
        for key, w in weights_of(self):
            array = tree.get(key, {}).get(w.name)
            if array is not None:
                w.store(array)


def _constant(array: np.ndarray, shape: Any, dtype: Any) -> Any:
    return jnp.asarray(array, dtype)


def metrics_of(root: Template) -> list[tuple[str, Any]]:
    """Return `(path, metric)` for each metric that a layer or a sublayer holds, but those inside of metrics."""
    return list(kept(root, _metrics_of))


def _metrics_of(root: Template) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for path, template in walk(root):
        inside = any(path.startswith(f"{outer}/") for outer, _ in found)
        if template is not root and template.accumulates and not inside and getattr(template, "built", True):
            found.append((path, template))
    return found


def regularization_losses(root: Template, params: Tree) -> list[Any]:
    """Return the penalties of the weights that have a regularizer and are not frozen."""
    rows = [(key, w, w.regularizer) for key, w in weights_of(root) if w.regularizer is not None and w.trainable]
    frozen = frozen_keys(root) if rows else ()
    return [regularizer(params[key][w.name]) for key, w, regularizer in rows if key not in frozen]


def frozen_keys(root: Template) -> set[str]:
    """Return the keys of `params` whose layer, or a layer around it, has `trainable=False`."""
    return kept(root, _frozen_keys)


def _frozen_keys(root: Template) -> set[str]:
    frozen: set[str] = set()
    folders: list[str] = []
    for path, layer in walk(root):
        inside = any(path.startswith(folder) for folder in folders)
        if inside or not getattr(layer, "_trainable", True):
            frozen.add(path or layer.name)
            folders.append(f"{path}/" if path else "")
    return frozen
