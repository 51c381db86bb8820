"""Which way a custom step is written in: ours, on trees, or that of Keras 3 on JAX, on lists of variables."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax

from jkeras.core import blame
from jkeras.training.data import Batch
from jkeras.training.program import TrainState

PURE, KERAS = "pure", "keras"
STEPS = ("train_step", "test_step", "predict_step")

HOW = {
    "train_step": (
        "    def train_step(self, ts, batch):\n"
        "        def loss(params):\n"
        "            y, state = self.apply(params, ts.state, batch.x, training=True, rng=ts.rng)\n"
        "            return jnp.mean((y - batch.y) ** 2), state\n"
        "        (value, state), grads = jax.value_and_grad(loss, has_aux=True)(ts.params)\n"
        '        return self.apply_updates(ts, grads, state), {"loss": value}'
    ),
    "test_step": (
        "    def test_step(self, ts, batch):\n"
        "        y, _ = self.apply(ts.params, ts.state, batch.x)\n"
        '        return {"loss": jnp.mean((y - batch.y) ** 2)}'
    ),
    "predict_step": (
        "    def predict_step(self, ts, x):\n        y, _ = self.apply(ts.params, ts.state, x)\n        return y"
    ),
}
LENGTHS = {"train_step": 4, "test_step": 3}


class _Learnt(BaseException):
    """Ends a trial run as soon as the style is known; no `except Exception` of a user catches it."""


class _Trial:
    """Stands for the state in a trial run: the first thing done with it tells the style."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise _Learnt(PURE)

    def __iter__(self) -> Any:
        raise _Learnt(KERAS)

    def __getitem__(self, _: Any) -> Any:
        raise _Learnt(KERAS)

    def __len__(self) -> int:
        raise _Learnt(KERAS)


def argument_style(state: Any) -> str:
    """Return the style in which a built-in step was called, from what it was given as the state."""
    if isinstance(state, _Trial):
        raise _Learnt("either")
    if isinstance(state, TrainState):
        return PURE
    if isinstance(state, (tuple, list)):
        return KERAS
    raise TypeError(f"A step takes a TrainState, or a tuple of lists of variables; got a {type(state).__name__}.")


def check_steps(model: Any, base: type) -> None:
    """Raise `TypeError` if a step that a model's class defines is one that `fit` cannot run.

    Args:
        model: The model.
        base: The class whose steps are the built-in ones.
    """
    owner = type(model).__name__
    for name in STEPS:
        own = getattr(type(model), name)
        if own is not getattr(base, name) and not _takes_two(getattr(model, name)):
            raise TypeError(
                f"{owner}.{name}{inspect.signature(own)} takes one argument, as for TensorFlow, whose GradientTape "
                f"and variables JAX does not have. A step is a pure function of the state it is given:\n\n{HOW[name]}\n"
            )
    for name in ("make_train_function", "make_test_function", "make_predict_function"):
        if hasattr(type(model), name):
            step = name.replace("make_", "").replace("_function", "_step")
            raise TypeError(f"{owner}.{name} is never called. Write the step itself:\n\n{HOW[step]}\n")


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        return False
    return True


def in_step(model: Any, name: str, batch: Any, when: str = "") -> str:
    """Return where an error happened that a step raised, for its note."""
    parts = {k: v for k, v in zip(("x", "y", "sample_weight"), batch, strict=False) if v is not None}
    when = f" {when}," if when else ""
    return f"In {type(model).__name__}.{name},{when} with {blame.described_call((), parts)}:"


def style_of(model: Any, name: str, keras_run: Callable[[], Any], batch: Any) -> str:
    """Return the style of a step.

    A first parameter annotated `TrainState` says "pure". Otherwise the step is tried: if it reads an attribute of its
    first argument (`ts.params`) it is pure; if it unpacks or indexes it, it is in Keras's style. A step that only hands
    it on to `super()` is told by what it returns.

    Args:
        model: The model.
        name: The step's name.
        keras_run: Runs the step in Keras's style and returns what it returns.
        batch: An abstract or traced `Batch`.
    """
    function = getattr(model, name)
    first = next(iter(inspect.signature(function).parameters.values()), None)
    annotation = first.annotation if first is not None else None
    if annotation is TrainState or (isinstance(annotation, str) and annotation.endswith("TrainState")):
        return PURE
    error: Exception | None = None
    for data in (keras_data(batch, name), batch.x if name == "predict_step" else batch):
        try:
            jax.eval_shape(lambda d: function(_Trial(), d), data)
        except _Learnt as learnt:
            if learnt.args[0] in (PURE, KERAS):
                return learnt.args[0]
            break
        except Exception as found:
            # A step in our way misses the attributes of a `Batch` in what Keras hands over: that is not the error.
            error = found if error is None or isinstance(error, AttributeError) else error
            continue
        break
    else:
        assert error is not None
        when = "before it read its first argument, the state"
        blame.add(error, "step", functools.partial(in_step, model, name, batch, when))
        raise error
    try:
        returned = keras_run()
    except Exception:
        return PURE
    return KERAS if is_keras_result(name, returned) else PURE


def keras_data(batch: Batch, name: str = "train_step") -> Any:
    """Return a batch as Keras hands it to a step: `x`, `(x, y)` or `(x, y, sample_weight)`."""
    if batch.y is None or name == "predict_step":
        return (batch.x,) if isinstance(batch.x, (tuple, list)) else batch.x
    return (batch.x, batch.y) if batch.weight is None else (batch.x, batch.y, batch.weight)


def is_keras_result(name: str, returned: Any) -> bool:
    """Whether a step returned `(logs, state)`, or for `predict_step` `(outputs, non_trainable_variables)`."""
    if not isinstance(returned, tuple) or len(returned) != 2 or isinstance(returned[1], TrainState):
        return False
    if name == "predict_step":
        return isinstance(returned[1], (list, tuple))
    is_state = isinstance(returned[1], (tuple, list)) and len(returned[1]) == LENGTHS[name]
    return isinstance(returned[0], Mapping) and is_state


def is_pure_result(name: str, returned: Any) -> bool:
    """Whether a step returned what the pure style asks for: `(ts, logs)`, or `logs`, or outputs."""
    if name == "predict_step":
        return True
    if name == "test_step":
        return isinstance(returned, Mapping)
    is_pair = isinstance(returned, tuple) and len(returned) == 2
    return is_pair and isinstance(returned[0], TrainState) and isinstance(returned[1], Mapping)


def wrong_result(model: Any, name: str, style: str, returned: Any) -> TypeError:
    """Return the error for a step that returned something else than its style asks for."""
    expected = {
        (PURE, "train_step"): "(ts, logs), a TrainState and a dict",
        (PURE, "test_step"): "logs, a dict",
        (KERAS, "train_step"): "(logs, state), state a tuple of trainable, non-trainable, optimizer and metrics "
        "variables",
        (KERAS, "test_step"): "(logs, state), state a tuple of trainable, non-trainable and metrics variables",
        (KERAS, "predict_step"): "(outputs, non_trainable_variables)",
    }[style, name]
    got = f"({', '.join(type(r).__name__ for r in returned)})" if isinstance(returned, tuple) else type(returned)
    return TypeError(f"{type(model).__name__}.{name} must return {expected}; it returned {got}.")
