"""Which steps a model's class defines itself, and what runs them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import jax

from jkeras.core import blame
from jkeras.core.frame import Forward
from jkeras.core.template import kept, two_level, weights_of
from jkeras.models.step import Step
from jkeras.models.step_style import KERAS, PURE, in_step, is_keras_result, keras_data, style_of, wrong_result
from jkeras.models.steps import Steps
from jkeras.training.data import Batch, Data
from jkeras.training.program import TrainState


def overrides(model: Any, *names: str) -> bool:
    """Whether the model's class replaces one of these methods."""
    return any(getattr(type(model), name) is not getattr(Steps, name) for name in names)


def custom_step(model: Any, training: bool = True, name: str = "") -> str | None:
    """Return what a model's own step needs: "outputs", those of `call`; "apart", nothing; None if it has no such step.

    Args:
        model: The model.
        training: Whether the step is for training; otherwise for evaluation.
        name: The step, if it is neither.

    Raises:
        ValueError: If layers are not built, and there is no `call` to build them with.
    """
    name = name or ("train_step" if training else "test_step")
    has_step = overrides(model, name)
    if not has_step:
        return "outputs" if overrides(model, "compute_loss", "compute_metrics", "compute_loss_and_updates") else None
    compiled = model._compiled
    wanted = compiled is not None and any(
        given is not None for given in (compiled.loss, compiled.metrics, compiled.weighted_metrics)
    )
    if model._plan is not None:
        return "outputs"
    open_layers = kept(model, _open_layers)
    if type(model).call is not _base_call(model):
        return "outputs" if wanted or open_layers else "apart"
    if open_layers:
        raise ValueError(
            f"{type(model).__name__} has no `call`, and its layer {open_layers[0].name!r} is not built. Make it with "
            "an Input, Sequential([Input(shape=(8,)), ...]), or build it in __init__: layer.build((None, 8))."
        )
    if compiled is not None and (compiled.metrics is not None or compiled.weighted_metrics is not None):
        raise ValueError(
            f"{type(model).__name__} has no `call`, so compile(metrics=...) has no outputs to measure. Hold metrics in "
            "attributes and update them in the step, or write a `call`."
        )
    return "apart"


def _open_layers(model: Any) -> list[Any]:
    return [layer for layer in model.layers if not (layer._is_declared() or _has_weights(layer))]


def _has_weights(layer: Any) -> bool:
    return layer.built and next(weights_of(layer), None) is not None


def _base_call(model: Any) -> Any:
    return next(c for c in type(model).__mro__ if c.__name__ == "Model" and c.__module__.startswith("jkeras.")).call


def custom_program(compiled: Any, model: Any, objective: Any, sample: Batch, training: bool) -> Any:
    """Return the program that runs the model's own steps or its own loss."""
    from jkeras.models.compiled import pure_functions
    from jkeras.models.custom_program import CustomProgram

    name = "train_step" if training else "test_step"
    is_custom = overrides(model, name, "compute_metrics", "compute_loss_and_updates")
    has_loss = overrides(model, "compute_loss")
    return CustomProgram(
        model, pure_functions(model, compiled.remat), objective, compiled, sample, name, is_custom, has_loss
    )


def custom_forward(model: Any) -> Callable[..., Any] | None:
    """Return `forward(params, state, x, training, rng)` made of the model's `predict_step`, or None if it has none."""
    if not overrides(model, "predict_step"):
        return None
    reference: Any = weakref.ref(model)

    def forward(params: Any, state: Any, x: Any, training: bool, rng: Any) -> Any:
        model = reference()
        rows = [(key, w, (params if w.trainable else state)[key][w.name]) for key, w in weights_of(model)]
        specs = Batch(jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), x))
        style = style_of(model, "predict_step", lambda: _predict_keras(model, rows, x, rng)[0], specs)
        if style == PURE:
            values = [(w, array) for _, w, array in rows if not w.trainable]
            with Step(PURE, None, rng, values=values, unreadable=[w for _, w, _ in rows if w.trainable]) as step:
                with blame.noted("step", lambda: in_step(model, "predict_step", specs)):
                    outputs = model.predict_step(TrainState(params, state, None, None, rng), x)
            return Forward(outputs, [], step.state_after or state, [])
        returned, step = _predict_keras(model, rows, x, rng)
        if not is_keras_result("predict_step", returned):
            raise wrong_result(model, "predict_step", KERAS, returned)
        found = {id(w): array for w, array in zip(model.non_trainable_variables, returned[1], strict=True)}
        after = two_level(
            (key, w.name, found[id(w)] if id(w) in found else step.scope.get_current_value(w))
            for key, w, _ in rows
            if not w.trainable
        )
        return Forward(returned[0], [], after, [])

    return forward


def _predict_keras(model: Any, rows: list[Any], x: Any, rng: Any) -> tuple[Any, Step]:
    arrays = {id(w): array for _, w, array in rows}
    groups = model.trainable_variables, model.non_trainable_variables
    with Step(KERAS, None, rng, values=[(w, array) for _, w, array in rows]) as step:
        lists = tuple([arrays[id(w)] for w in group] for group in groups)
        with blame.noted("step", lambda: in_step(model, "predict_step", Batch(x))):
            return model.predict_step(lists, keras_data(Batch(x), "predict_step")), step


def evaluation_program(model: Any, program: Any, data: Data) -> Any:
    """Return the program for an evaluation during `fit`: the same, unless the model has steps of its own."""
    if custom_step(model) is None and custom_step(model, training=False) is None:
        return program
    return model._compiled.program(model, data.sample(), training=False)
