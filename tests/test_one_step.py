"""One training step changes the weights as Keras does, for every layer with weights or a say in the gradients."""

from __future__ import annotations

import numpy as np
import pytest

from jkeras import Model, layers, optimizers

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside of Keras
rng = np.random.default_rng(0)

SEQUENCE, VOLUME = (6, 3), (4, 6, 6, 2)
IMAGE, TOKENS = (8, 8, 2), (5,)

# Name: shape of a sample, and the layers between the input and a last Dense(1).
STACKS = {
    "dense": ((4,), lambda k: [k.Dense(5, activation="tanh", kernel_regularizer="l2", bias_constraint="non_neg")]),
    "activity": ((4,), lambda k: [k.Dense(3), k.ActivityRegularization(l1=0.1, l2=0.2)]),
    "embedding": (TOKENS, lambda k: [k.Embedding(9, 4, embeddings_regularizer="l1"), k.Flatten()]),
    "masked embedding": (TOKENS, lambda k: [k.Embedding(9, 4, mask_zero=True), k.LSTM(3)]),
    "masking": (SEQUENCE, lambda k: [k.Masking(0.0), k.GRU(3)]),
    "conv1d": (SEQUENCE, lambda k: [k.Conv1D(4, 3, padding="causal", activation="relu"), k.GlobalAveragePooling1D()]),
    "conv2d": (IMAGE, lambda k: [k.Conv2D(3, 3, strides=2, padding="same"), k.GlobalMaxPooling2D()]),
    "conv3d": (VOLUME, lambda k: [k.Conv3D(2, 2), k.AveragePooling3D(2), k.Flatten()]),
    "max pooling": (IMAGE, lambda k: [k.Conv2D(3, 3, activation="relu"), k.MaxPooling2D(2), k.Flatten()]),
    "overlapping pooling": (IMAGE, lambda k: [k.Conv2D(3, 3), k.MaxPooling2D(3, strides=1), k.Flatten()]),
    "average pooling": (IMAGE, lambda k: [k.Conv2D(3, 3), k.AveragePooling2D(2, padding="same"), k.Flatten()]),
    "batch normalization": (IMAGE, lambda k: [k.Conv2D(3, 3), k.BatchNormalization(), k.Flatten()]),
    "layer normalization": ((4,), lambda k: [k.Dense(6), k.LayerNormalization()]),
    "reshaping": ((12,), lambda k: [k.Dense(12), k.Reshape((3, 4)), k.Permute((2, 1)), k.Flatten()]),
    "repeat": ((4,), lambda k: [k.Dense(3), k.RepeatVector(4), k.SimpleRNN(3)]),
    "lstm": (SEQUENCE, lambda k: [k.LSTM(4, return_sequences=True), k.LSTM(3, go_backwards=True)]),
    "gru": (SEQUENCE, lambda k: [k.GRU(4, return_sequences=True), k.GRU(3, reset_after=False)]),
    "simple rnn": (SEQUENCE, lambda k: [k.SimpleRNN(4)]),
    "bidirectional": (SEQUENCE, lambda k: [k.Bidirectional(k.LSTM(3), merge_mode="sum")]),
    "time distributed": (SEQUENCE, lambda k: [k.TimeDistributed(k.Dense(4)), k.Flatten()]),
}


# Both packages get the same optimizer. Adam divides by the size of a gradient, so one that is zero but for rounding (a
# bias before a batch normalisation) would become a full step of random sign with the default epsilon of 1e-7.
OPTIMIZERS = {
    "sgd": lambda kit: kit.SGD(0.01),
    "adam": lambda kit: kit.Adam(0.001, epsilon=1e-3),
}


def chain(kit, make_input, make_model, shape, stack):
    x = make_input(shape)
    outputs = x
    for layer in stack(kit):
        outputs = layer(outputs)
    return make_model(x, kit.Dense(1)(outputs))


def samples(name: str, shape: tuple[int, ...]) -> np.ndarray:
    if shape == TOKENS:
        return rng.integers(0, 9, (12, *shape)).astype("int32")
    x = rng.normal(size=(12, *shape)).astype("float32")
    if name == "masking":
        x[::2, 4:] = 0
    return x


# The gradients are those of SGD; a few stacks show that they reach the other optimizer too.
SHORT = [(name, "sgd") for name in STACKS] + [(name, "adam") for name in ("dense", "lstm", "batch normalization")]
LONG = [(name, "adam") for name in STACKS if (name, "adam") not in SHORT]


@pytest.mark.parametrize(
    ("name", "optimizer"), [*SHORT, *(pytest.param(*case, marks=pytest.mark.slow) for case in LONG)]
)
def test_one_step_agrees_with_keras(name, optimizer):
    shape, stack = STACKS[name]
    ours = chain(layers, layers.Input, Model, shape, stack)
    theirs = chain(keras.layers, keras.Input, keras.Model, shape, stack)
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    theirs.set_weights(ours.get_weights())
    x, y = samples(name, shape), rng.normal(size=(12, 1)).astype("float32")
    before = ours.get_weights()
    ours.compile(OPTIMIZERS[optimizer](optimizers), "mse")
    theirs.compile(OPTIMIZERS[optimizer](keras.optimizers), "mse")
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    loss, expected = ours.train_on_batch(x, y), theirs.train_on_batch(x, y)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    # Rounding leaves 1e-6 in a gradient. SGD multiplies it by its rate, Adam here by at most its rate / epsilon = 1.
    tolerance = {"sgd": 2e-6, "adam": 5e-6}[optimizer]
    for mine, other, start in zip(ours.get_weights(), theirs.get_weights(), before, strict=True):
        np.testing.assert_allclose(mine - start, other - start, rtol=2e-3, atol=tolerance)
    assert any(not np.array_equal(a, b) for a, b in zip(ours.get_weights(), before, strict=True))
