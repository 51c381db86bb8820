"""Bad input gives one clear error that names the thing: each is tested by its text, and nothing is changed by it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from jkeras import Input, Model, Sequential, layers, losses, metrics, ops, optimizers, random

X = np.ones((20, 4), "float32")
Y = np.ones((20, 1), "float32")


def model(compiled: bool = True) -> Sequential:
    made = Sequential([Input((4,)), layers.Dense(3, activation="softmax", name="digit")])
    if compiled:
        made.compile("sgd", "sparse_categorical_crossentropy")
    return made


def image_model() -> Sequential:
    return Sequential([Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(1)])


CASES = {
    "wrong rank": (
        lambda: layers.Conv2D(2, 3, name="edges")(X),
        ValueError, r"Layer 'edges' expects an input of 4 dimensions.*\(20, 4\)",
    ),
    "wrong rank of a model's input": (
        lambda: image_model().predict(np.ones((5, 8)), verbose=0),
        ValueError, r"Input 'input_layer' of model 'sequential' expects shape \(None, 8, 8, 1\); got \(5, 8\)",
    ),
    "wrong feature count": (
        lambda: model().fit(np.ones((20, 5)), np.zeros(20)),
        ValueError, r"Input 'input_layer' of model 'sequential' expects shape \(None, 4\); got \(20, 5\)",
    ),
    "mismatched sample counts": (
        lambda: model().fit(X, np.zeros(19)), ValueError, r"same number of samples: x has 20, y has 19",
    ),
    "unknown loss": (
        lambda: model().compile("sgd", "catgorical_crossentropy"),
        ValueError, r"Unknown loss 'catgorical_crossentropy'. Did you mean 'categorical_crossentropy'\?",
    ),
    "unknown optimizer": (
        lambda: model().compile("adamm", "mse"), ValueError, r"Unknown optimizer 'adamm'. Did you mean '[Aa]dam'\?",
    ),
    "unknown metric": (
        lambda: model().compile("adam", "mse", metrics=["acuracy"]),
        ValueError, r"Unknown metric 'acuracy'. Did you mean '[Aa]ccuracy'\?",
    ),
    "unknown activation": (
        lambda: layers.Dense(3, activation="rellu"),
        ValueError, r"Unknown activation function 'rellu'. Did you mean 'relu'\?",
    ),
    "misspelt keyword of a layer": (
        lambda: layers.Dense(3, activaton="relu"),
        TypeError, r"Dense got an unexpected keyword argument 'activaton'. Did you mean 'activation'\?",
    ),
    "misspelt keyword of an optimizer": (
        lambda: optimizers.Adam(learning_rat=0.1), TypeError, r"Adam .*'learning_rat'. Did you mean 'learning_rate'\?",
    ),
    "misspelt keyword of fit": (
        lambda: model().fit(X, np.zeros(20), batchsize=3), TypeError, r"fit .*'batchsize'. Did you mean 'batch_size'\?",
    ),
    "labels out of range": (
        lambda: model().fit(X, np.full(20, 3)),
        ValueError, r"Output 'digit' has 3 classes, so its labels must be 0 to 2; got 3",
    ),
    "empty data": (lambda: model().fit(X[:0], Y[:0]), ValueError, r"x is empty: it has no samples \(shape \(0, 4\)\)"),
    "empty list": (lambda: model().fit([], []), ValueError, r"empty"),
    "object dtype": (
        lambda: model().fit(np.array([[1, 2], [3]], dtype=object), np.zeros(2)),
        TypeError, r"x must hold numbers; got an array of dtype object.*pad them",
    ),
    "strings": (lambda: model().predict(np.array(["a", "b"]), verbose=0), TypeError, r"x must hold numbers; got .*U1"),
    "predict before build": (
        lambda: Sequential([]).predict(X, verbose=0), ValueError, r"Sequential 'sequential' has no layers",
    ),
    "weights before build": (
        lambda: Sequential([layers.Dense(3)]).set_weights([X]), ValueError, r"has 0 weights; got 1 arrays.*built\?",
    ),
    "apply before init": (
        lambda: layers.Dense(3, name="d").apply({}, {}, X), ValueError, r"Layer 'd' has no weights yet.*init\(rng, x\)",
    ),
    "params of another layer": (
        lambda: model().apply({}, {}, X), ValueError, r"params has no 'kernel' for layer 'digit' \(shape \(4, 3\)\)",
    ),
    "fit before compile": (lambda: model(compiled=False).fit(X, Y), RuntimeError, r"Call compile before fit"),
    "no loss": (lambda: _fit_with_loss(None), ValueError, r"no loss to minimise. Give compile one"),
    "loss for an output that is not there": (
        lambda: _fit_with_loss({"digits": "mse"}), ValueError, r"loss has the key 'digits'.*Did you mean 'digit'\?",
    ),
    "missing layer name": (
        lambda: model().get_layer("digits"), ValueError, r"no layer 'digits'. Did you mean 'digit'\?",
    ),
    "two layers of one name": (
        lambda: Sequential([layers.Dense(2, name="a"), layers.Dense(2, name="a")]),
        ValueError, r"already has a layer named 'a'",
    ),
    "disconnected graph": (
        lambda: Model(Input((3,), name="used"), layers.Dense(1)(Input((3,), name="other"))),
        ValueError, r"depend on .*other.*not among the model's inputs",
    ),
    "class instead of layer": (lambda: Sequential([layers.Dense]), TypeError, r"Write Dense\(\.\.\.\)"),
    "array into a symbolic graph": (lambda: np.sin(Input((3,))), TypeError, r"has no value yet"),
    "dropout without a key": (
        lambda: layers.Dropout(0.5, name="drop").apply({}, {}, X, training=True),
        ValueError, r"Layer 'drop' draws random numbers, but no key was given",
    ),
    "validation split of a generator": (
        lambda: model().fit(iter([(X, np.zeros(20))]), validation_split=0.1),
        ValueError, r"validation_split needs arrays",
    ),
    "y besides a generator": (lambda: model().fit(iter([(X, Y)]), Y), ValueError, r"y must not be given when x is"),
}  # fmt: skip


def _fit_with_loss(loss):
    made = model(compiled=False)
    made.compile("sgd", loss)
    made.fit(X, Y, verbose=0)


@pytest.mark.parametrize("case", CASES)
def test_one_clear_error(case):
    act, kind, text = CASES[case]
    with pytest.raises(kind) as caught:
        act()
    assert re.search(text, str(caught.value), re.S), str(caught.value)


def test_bad_input_leaves_the_model_as_it_was():
    made = model()
    made.fit(X, np.zeros(20), verbose=0)
    before = made.get_weights()
    for bad in (lambda: made.fit(X, np.full(20, 9)), lambda: made.fit(np.ones((20, 5)), np.zeros(20))):
        with pytest.raises(ValueError):
            bad()
    with pytest.raises(ValueError, match="shape"):
        made.set_weights([before[0], before[1][:2]])
    for a, b in zip(made.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    made.fit(X, np.zeros(20), verbose=0)


def test_every_table_knows_its_names():
    assert callable(losses.get("mse")) and metrics.get("mae") is not None and optimizers.get("SGD").name == "sgd"


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda: layers.Conv2DTransposed, r"module 'jkeras.layers' has no attribute .* Did you mean 'Conv2DTranspose'"),
        (lambda: ops.meen, r"module 'jkeras.ops' has no attribute 'meen'. Did you mean 'mean'"),
        (lambda: random.normal((2,), sede=3), r"normal\(shape, .*unexpected keyword argument 'sede'"),
        (lambda: layers.RNN(layers.LSTM(3)), "such as LSTMCell"),
        (
            lambda: layers.MultiHeadAttention(2, 3)(X),
            r"call\(query, value, key=None, .*missing a required argument: 'value'",
        ),
    ],
)
def test_misspelt_and_misused_names(act, text):
    with pytest.raises((AttributeError, TypeError), match=text):
        act()


def test_an_unknown_dimension_is_explained() -> None:
    with pytest.raises(TypeError, match="reshape") as caught:
        ops.reshape(layers.Input((3,)), (2, 2))
    assert any("unknown" in note for note in caught.value.__notes__)
