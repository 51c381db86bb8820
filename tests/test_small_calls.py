"""What a model remembers of its layers between calls is never out of date, and spares looking through them again."""

from __future__ import annotations

from collections import OrderedDict

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.core import template
from jkeras.core.facade import frozen_keys, metrics_of
from jkeras.core.template import walk, weights_of
from jkeras.models.weight_rows import weight_rows

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
Y = np.ones((4, 2), np.float32)


class Blocks(jkeras.Model):
    """Layers in every place where they are looked for."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dense(3, activation="tanh")
        self.blocks = [layers.Dense(3), [layers.Dense(3)]]
        self.named = OrderedDict(a=layers.Dense(3), b=layers.Dense(3, activation="relu"))
        self.inner = jkeras.Sequential([layers.Dense(3), layers.Dropout(0.0)])
        self.head = layers.Dense(2)

    def call(self, inputs):
        x = self.first(inputs)
        for block in jax.tree.leaves(self.blocks, is_leaf=lambda item: isinstance(item, layers.Layer)):
            x = block(x)
        for layer in self.named.values():
            x = layer(x)
        head = self.tail if hasattr(self, "tail") else self.head
        return head(self.inner(x))


def chain():
    return jkeras.Sequential([layers.Dense(3, activation="tanh", input_shape=(3,)), layers.Dense(2), layers.Dense(2)])


def _delete(model):
    del model.blocks[1]


def _move(model):
    first = model.first
    del model.first
    model.first = first  # now behind the others


def _rename(model):
    last = model.head
    del model.head
    model.tail = last


def _weight(model):
    model.first.extra = model.first.add_weight(name="extra", shape=(2,), initializer="zeros")


def _metric(model):
    model.seen = jkeras.metrics.Mean(name="seen")


def _policy(model):
    model.head.dtype_policy = jkeras.DTypePolicy("bfloat16")


def _all_frozen(model):
    model.trainable = False
    model.head.trainable = True


# How the model is made, and what is done to it between two calls.
CHANGES = {
    "add": (chain, lambda model: model.add(layers.Dense(2, activation="tanh"))),
    "pop": (chain, lambda model: model.pop()),
    "pop and add": (chain, lambda model: (model.pop(), model.add(layers.Dense(2, activation="tanh")))),
    "frozen": (chain, lambda model: setattr(model.layers[0], "trainable", False)),
    "frozen by its attribute": (chain, lambda model: model.layers[0].__dict__.update(_trainable=False)),
    "frozen inside": (Blocks, lambda model: setattr(model.inner.layers[0], "trainable", False)),
    "frozen in a list": (Blocks, lambda model: setattr(model.blocks[1][0], "trainable", False)),
    "frozen but one": (Blocks, _all_frozen),
    "weight frozen": (Blocks, lambda model: setattr(model.first.weights[0], "trainable", False)),
    "replaced": (Blocks, lambda model: setattr(model, "head", layers.Dense(2, activation="tanh"))),
    "replaced by another shape": (Blocks, lambda model: setattr(model, "head", layers.Dense(2, use_bias=False))),
    "replaced inside": (Blocks, lambda model: (model.inner.pop(), model.inner.add(layers.Dense(3)))),
    "list appended to": (Blocks, lambda model: model.blocks.append(layers.Dense(3))),
    "inner list appended to": (Blocks, lambda model: model.blocks[1].append(layers.Dense(3))),
    "list item replaced": (Blocks, lambda model: model.blocks.__setitem__(0, layers.Dense(3, activation="relu"))),
    "list turned round": (Blocks, lambda model: model.blocks.reverse()),
    "list item deleted": (Blocks, _delete),
    "dict added to": (Blocks, lambda model: model.named.update(c=layers.Dense(3))),
    "dict reordered": (Blocks, lambda model: model.named.move_to_end("a")),
    "dict item deleted": (Blocks, lambda model: model.named.pop("a")),
    "attribute moved": (Blocks, _move),
    "attribute renamed": (Blocks, _rename),
    "weight added": (Blocks, _weight),
    "metric added": (Blocks, _metric),
    "dtype": (Blocks, _policy),
    "compiled anew": (chain, lambda model: model.compile("adam", "mae")),
}

CALLS = {
    "train_on_batch": lambda model: model.train_on_batch(X, Y),
    "test_on_batch": lambda model: model.test_on_batch(X, Y),
    "predict_on_batch": lambda model: model.predict_on_batch(X),
    "model(x)": lambda model: model(X),
}


def facts(model):
    """What is found by looking through the layers, made anew."""
    return (
        [(path, id(layer)) for path, layer in walk(model)],
        [(key, w.name, id(w)) for key, w in weights_of(model)],
        frozen_keys(model),
        metrics_of(model),
        [[(key, id(w)) for key, w in rows] for rows in weight_rows(model)],
    )


def forget(model):
    """Let go of everything that is kept."""
    for layer in [layer for _, layer in template._below(model)]:
        layer._outline = None
    model._outline = None


def fresh(model):
    """The facts without anything kept."""
    forget(model)
    return facts(model)


@pytest.mark.parametrize("change", CHANGES)
def test_changes_are_seen_by_all_calls(change):
    make, apply_change = CHANGES[change]
    model = make()
    model.compile("sgd", "mse")
    for call in CALLS.values():
        call(model)
    apply_change(model)

    # A model that was not compiled before, and has forgotten all that was kept: it cannot be out of date.
    other = make()
    other(X)
    other.compile("sgd", "mse")
    apply_change(other)
    forget(other)
    model(X), other(X)
    other.set_weights(model.get_weights())
    for name, call in CALLS.items():
        np.testing.assert_allclose(call(model), call(other), rtol=1e-5, atol=1e-6, err_msg=name)
    for mine, wanted in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-6)
    assert [w.path for w in model.trainable_weights] == [w.path for w in other.trainable_weights]
    assert [metric.name for metric in model.metrics] == [metric.name for metric in other.metrics]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_kept_is_what_is_found(change):
    make, apply_change = CHANGES[change]
    model = make()
    model.compile("sgd", "mse")
    model(X)
    before = facts(model)
    assert facts(model) == before == fresh(model)
    apply_change(model)
    kept = facts(model)
    assert kept == fresh(model)
    if change not in ("compiled anew", "dtype"):
        assert kept != before


def test_a_weight_added_to_a_layer_alone_is_seen():
    layer = layers.Dense(2)
    layer(X)
    before = layer.weights
    added = layer.add_weight(name="added", shape=(2,))
    assert layer.weights == [*before, added]


def test_a_layer_of_two_models_is_frozen_in_both():
    shared = layers.Dense(3, input_shape=(3,))
    models = [jkeras.Sequential([shared, layers.Dense(2)]) for _ in range(2)]
    for model in models:
        model.compile("sgd", "mse")
        model.train_on_batch(X, Y)
    models[0].trainable = False
    before = shared.get_weights()
    models[1].train_on_batch(X, Y)
    np.testing.assert_array_equal(shared.get_weights()[0], before[0])
    models[0].trainable = True
    models[1].train_on_batch(X, Y)
    assert (shared.get_weights()[0] != before[0]).any()


class OwnStep(Blocks):
    """A step in our style, which keeps the rows of its weights."""

    def train_step(self, ts, batch):
        loss, grads, result = self.loss_and_grads(ts, batch)
        return self.apply_updates(ts, grads, result.state), {"loss": loss}


def test_a_step_of_the_model_trains_the_layer_that_took_the_place_of_another():
    model = OwnStep()
    model.compile("sgd", "mse")
    model.train_on_batch(X, Y)
    replaced = model.head
    before = replaced.get_weights()
    model.head = layers.Dense(2)
    model(X)
    begins = model.head.get_weights()
    model.train_on_batch(X, Y)
    np.testing.assert_array_equal(replaced.get_weights()[0], before[0])
    assert (model.head.get_weights()[0] != begins[0]).any()


def test_layers_are_looked_through_once(monkeypatch):
    model = Blocks()
    model.compile("sgd", "mse")
    for _ in range(2):
        for call in CALLS.values():
            call(model)
    monkeypatch.setattr(template.Template, "members", lambda self: pytest.fail("the layers were looked through again"))
    for call in CALLS.values():
        call(model)


def test_call_is_not_traced_again():
    traces = []

    class Counted(Blocks):
        def call(self, inputs):
            traces.append(inputs.shape)
            return super().call(inputs)

    model = Counted()
    model.compile("sgd", "mse")
    model.train_on_batch(X, Y)
    del traces[:]
    model.train_on_batch(X, Y)
    assert traces == []


def test_freezing_to_and_fro_compiles_twice():
    model = chain()
    model.compile("sgd", "mse")
    for value in (True, False, True, False, True):
        model.layers[0].trainable = value
        model.train_on_batch(X, Y)
    assert len(model._compiled.programs) == 2


def test_a_replaced_layer_is_let_go():
    import gc
    import weakref

    model = Blocks()
    model.compile("sgd", "mse")
    model.train_on_batch(X, Y)
    gone = weakref.ref(model.head)
    model.head = layers.Dense(2)
    model.train_on_batch(X, Y)
    gc.collect()
    assert gone() is None


def test_what_is_kept_does_not_keep_the_model():
    import gc
    import weakref

    model = Blocks()
    model.compile("sgd", "mse")
    model(X)
    gone = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert gone() is None
    finally:
        gc.enable()
