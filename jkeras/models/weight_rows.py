"""The weights of a model as training sees them: trained, frozen, state, and the totals of metrics."""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

import jax

from jkeras.core.facade import frozen_keys, metrics_of
from jkeras.core.template import kept, two_level, walk, weights_of

CARRIED = "frozen:"  # before the key of a frozen weight that is carried with the state


class WeightRows(NamedTuple):
    """Pairs `(key in its tree, weight)`."""

    trained: list[Any]
    frozen: list[Any]
    state: list[Any]
    held: list[Any]

    def specs(self) -> tuple[Any, Any, Any]:
        """Return abstract arrays in three trees: trained and frozen parameters, and the state."""
        return tuple(
            two_level((key, w.name, jax.ShapeDtypeStruct(w.shape, w.dtype)) for key, w in rows)
            for rows in (self.trained, self.frozen, self.state)
        )  # type: ignore[return-value]

    def carried(self) -> WeightRows:
        """Return the same with the frozen weights as a part of the state, so that a step may change them."""
        return self._replace(frozen=[], state=[*self.state, *((CARRIED + key, w) for key, w in self.frozen)])


def weight_rows(model: Any) -> WeightRows:
    """Return the weights of a model, as its layers are trained or frozen now."""
    return kept(model, _weight_rows)


def _weight_rows(model: Any) -> WeightRows:
    frozen = frozen_keys(model)
    rows, held = list(weights_of(model)), list(variables_of_metrics(model))
    accumulated = {id(w) for _, w in held}
    return WeightRows(
        [(key, w) for key, w in rows if w.trainable and key not in frozen],
        [(key, w) for key, w in rows if w.trainable and key in frozen],
        [(key, w) for key, w in rows if not w.trainable and id(w) not in accumulated],
        held,
    )


def composition(model: Any) -> Hashable:
    """Return what a program compiled for a model depends on: its layers, their weights, and which are trained."""
    return kept(model, _composition)


def _composition(model: Any) -> Hashable:
    return tuple(
        (
            path,
            None if layer is model else weakref.ref(layer),
            getattr(layer, "_trainable", True),
            getattr(getattr(layer, "dtype_policy", None), "name", None),
            tuple((weakref.ref(w), w.name, w.trainable) for w in layer._weights),
        )
        for path, layer in walk(model)
    )


def frozen_layers(model: Any) -> list[str]:
    """Return the paths of the layers, and of the model itself, that are not trained."""
    return [path for path, layer in walk(model) if not getattr(layer, "_trainable", True)]


def freeze_layers(model: Any, paths: list[str]) -> None:
    """Let the layers at these paths not be trained, and all others be."""
    for path, layer in walk(model):
        if hasattr(layer, "_trainable"):
            layer.__dict__["_trainable"] = path not in paths


def variables_of_metrics(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield `(key in the state, variable)` of the metrics that layers hold."""
    for path, metric in metrics_of(model):
        for key, w in weights_of(metric):
            yield path + key.removeprefix(metric.name), w
