"""Users' classes and functions by name, any object as plain data, and clones of models."""

from __future__ import annotations

import json
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import activations, initializers, layers, losses, models, optimizers, regularizers, saving
from jkeras.core.custom_objects import find


class Scale(layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        return self.factor * inputs * self.gain


def triple(x):
    return 3 * x


@pytest.fixture
def registered():
    from jkeras.core import custom_objects

    before = dict(custom_objects._registered)
    yield saving.register_keras_serializable
    custom_objects._registered.clear()
    custom_objects._registered.update(before)


def test_names_are_found_in_scopes_only_while_they_are_open() -> None:
    with saving.custom_object_scope({"triple": triple, "Scale": Scale}):
        assert activations.get("triple") is triple
        assert layers.Dense(2, activation="triple").activation is triple
        assert layers.deserialize({"class_name": "Scale", "config": {"factor": 5.0}}).factor == 5.0
        with saving.CustomObjectScope({"triple": abs}):
            assert find("triple") is abs
        assert find("triple") is triple
    with pytest.raises(ValueError, match="Unknown activation function 'triple'"):
        activations.get("triple")


def test_the_table_of_the_process() -> None:
    saving.get_custom_objects()["triple"] = triple
    try:
        assert activations.get("triple") is triple
    finally:
        del saving.get_custom_objects()["triple"]


def test_registered_names(registered: Any) -> None:
    registered("mine")(Scale)
    registered("mine", name="thrice")(triple)
    assert saving.get_registered_name(Scale) == "mine>Scale"
    assert saving.get_registered_object("mine>thrice") is triple
    assert saving.get_registered_name(len) == "len"
    assert saving.get_registered_object("nobody>knows") is None
    config = json.loads(json.dumps(saving.serialize_keras_object(Scale(4.0, name="a"))))
    assert config["registered_name"] == "mine>Scale"
    assert saving.deserialize_keras_object(config).factor == 4.0
    with pytest.raises(ValueError, match="has no get_config"):
        registered()(type("Plain", (), {}))


@pytest.mark.parametrize(
    "obj",
    [
        layers.Dense(3, activation="tanh", kernel_initializer="he_normal", kernel_regularizer="l2", name="d"),
        layers.Bidirectional(layers.LSTM(2, name="l"), name="b"),
        layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)], name="r"),
        initializers.Orthogonal(0.5, seed=3),
        regularizers.L1L2(0.1, 0.2),
        losses.Huber(0.5),
        optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)),
    ],
    ids=lambda obj: type(obj).__name__,
)
def test_any_object_as_plain_data_and_back(obj: Any) -> None:
    written = json.loads(json.dumps(saving.serialize_keras_object(obj)))
    assert written["class_name"] == type(obj).__name__
    assert written["module"].startswith("keras.") and written["registered_name"] is None
    again = saving.deserialize_keras_object(written)
    assert type(again) is type(obj)
    assert again.get_config() == obj.get_config()


def test_keras_reads_what_is_written_and_the_other_way_round() -> None:
    keras = pytest.importorskip("keras")
    ours = layers.Dense(3, activation="tanh", kernel_initializer="he_normal", name="d")
    theirs = keras.saving.deserialize_keras_object(saving.serialize_keras_object(ours))
    assert isinstance(theirs, keras.layers.Dense) and theirs.units == 3 and theirs.activation.__name__ == "tanh"
    back = saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(theirs))))
    assert back.get_config() == ours.get_config()


def test_plain_values() -> None:
    value = {"a": [1, 2.5, None, "text"], "b": (1, (2,)), "c": b"bytes", "d": slice(1, None, 2), "e": np.float32(2)}
    again = saving.deserialize_keras_object(json.loads(json.dumps(saving.serialize_keras_object(value))))
    assert again == value
    array = np.arange(6, dtype="int16").reshape(2, 3)
    again = saving.deserialize_keras_object(json.loads(json.dumps(saving.serialize_keras_object(array))))
    assert again.dtype == array.dtype and (again == array).all()


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda: saving.serialize_keras_object(lambda x: x), "lambda has no name"),
        (lambda: saving.serialize_keras_object(object()), "has no get_config"),
        (lambda: saving.deserialize_keras_object({"class_name": "Dens", "config": {}}), "Did you mean 'Dense'"),
        (lambda: saving.deserialize_keras_object({"class_name": "__lambda__", "config": {}}), "not run"),
        (lambda: saving.deserialize_keras_object({}, safe_mode=False), "never does"),
    ],
)
def test_what_cannot_be_done_says_so(act: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        act()


def test_nothing_is_imported_because_data_name_it() -> None:
    with pytest.raises(ValueError, match="Unknown class or function 'system'"):
        saving.deserialize_keras_object(
            {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
        )


def small_graph() -> Any:
    x = layers.Input((3,), name="x")
    shared = layers.Dense(3, activation="tanh")
    h = shared(x) + shared(2.0 * x)
    inner = models.Sequential([layers.Input((3,)), layers.Dense(2)], name="inner")
    return models.Model(x, [inner(h), Scale(3.0)(h)])


def test_a_clone_has_the_same_function_of_other_weights() -> None:
    model = small_graph()
    clone = models.clone_model(model)
    assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
    assert list(clone.params) == list(model.params)
    assert not set(map(id, model.weights)) & set(map(id, clone.weights))
    data = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    clone.set_weights(model.get_weights())
    for a, b in zip(model(data), clone(data), strict=True):
        np.testing.assert_allclose(a, b, 1e-6)


def test_clone_functions_see_every_layer_and_every_call() -> None:
    seen, called = [], []

    def wider(layer: Any) -> Any:
        seen.append(layer.name)
        if isinstance(layer, layers.Dense):
            return layers.Dense(layer.units, activation="relu", name=layer.name)
        return layer.from_config(layer.get_config())

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        called.append(layer.name)
        return layer(*args, **kwargs)

    model = models.Sequential([layers.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dropout(0.1)])
    clone = models.clone_model(model, clone_function=wider)
    assert seen == ["dense", "dropout"]
    assert clone.layers[0].activation.__name__ == "relu" and clone.output_shape == (None, 4)
    other = models.clone_model(model, clone_function=wider, call_function=call)
    assert called == ["dense", "dropout"] and other.count_params() == model.count_params()
    given = models.clone_model(model, input_tensors=layers.Input((3,), name="mine"))
    assert given.count_params() == model.count_params()
    with pytest.raises(TypeError, match="must return a layer"):
        models.clone_model(model, clone_function=lambda layer: None)
    with pytest.raises(TypeError, match="expects a model"):
        models.clone_model(layers.Dense(2))


def test_a_subclassed_model_is_cloned_from_its_configuration() -> None:
    class Own(models.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.dense = layers.Dense(units)
            self.units = units

        def call(self, inputs):
            return self.dense(inputs)

    model = Own(4)
    model(jnp.ones((2, 3)))
    clone = models.clone_model(model)
    assert clone(jnp.ones((2, 3))).shape == (2, 4)
    with pytest.raises(ValueError, match="no graph to call other layers in"):
        models.clone_model(model, clone_function=lambda layer: layer)
