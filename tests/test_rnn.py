"""RNN over cells of one's own, stacked cells, cells in a loop by hand, and LSTMs of images."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle import close, randomised

from jkeras import layers, models

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 1, 0], [0, 0, 1, 1, 1]], bool)


class Decay(layers.Layer):
    """A cell as a Keras user writes it: `h_t = rate h_{t-1} + x_t kernel`, with a counter beside it."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = {"h": units, "count": 1}

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")

    def call(self, inputs, states, constants=None):
        rate = 0.5 if constants is None else constants
        h = rate * states["h"] + inputs @ self.kernel
        return h, {"h": h, "count": states["count"] + 1}


def test_a_cell_with_nested_state_and_constants() -> None:
    layer = layers.RNN(Decay(2), return_sequences=True, return_state=True)
    outputs, *states = layer(X, mask=MASK)
    kernel = layer.cell.kernel.numpy()
    h, expected = np.zeros((3, 2)), []
    for t in range(5):
        h = np.where(MASK[:, t, None], 0.5 * h + X[:, t] @ kernel, h)
        expected.append(h)
    np.testing.assert_allclose(outputs, np.stack(expected, 1), 1e-5, 1e-6)
    assert np.asarray(jax.tree.leaves(states)[0]).ravel().tolist() == [5.0, 3.0, 3.0]
    constant = layer(X, constants=jnp.asarray(0.0))[0]
    np.testing.assert_allclose(constant, X @ kernel, 1e-5, 1e-6)


def test_a_cell_inside_a_bidirectional_layer_and_a_model() -> None:
    class Cell(layers.Layer):
        state_size = 4

        def call(self, inputs, states):
            return inputs + states[0], [inputs + states[0]]

    inputs = layers.Input((5, 4))
    model = models.Model(inputs, layers.Bidirectional(layers.RNN(Cell(), return_sequences=True))(inputs))
    np.testing.assert_allclose(model(X)[..., :4], np.cumsum(X, 1), 1e-5, 1e-5)
    np.testing.assert_allclose(model(X)[..., 4:], np.cumsum(X[:, ::-1], 1)[:, ::-1], 1e-5, 1e-5)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_the_cell_the_layer_and_a_loop_by_hand_agree(name: str) -> None:
    whole, cell = getattr(layers, name)(3), getattr(layers, f"{name}Cell")(3)
    around = layers.RNN(cell)
    expected = whole(X)
    around(X)
    around.set_weights(whole.get_weights())
    np.testing.assert_allclose(around(X), expected, 1e-5, 1e-6)
    states = cell.get_initial_state(batch_size=3)
    for t in range(5):
        output, states = cell(X[:, t], states)
    np.testing.assert_allclose(output, expected, 1e-5, 1e-6)
    given = [np.full((3, 3), 0.1, "float32")] * len(states)
    np.testing.assert_allclose(around(X, initial_state=given), whole(X, initial_state=given), 1e-5, 1e-6)


def test_stacked_cells_agree_with_keras() -> None:
    def make(package: Any) -> Any:
        cells = [package.layers.LSTMCell(3), package.layers.GRUCell(2), package.layers.SimpleRNNCell(4)]
        return package.layers.RNN(cells, return_state=True, return_sequences=True)

    ours, theirs = make(__import__("jkeras")), make(keras)
    theirs(X)
    ours(X)
    weights = randomised(theirs.get_weights())
    for layer in (ours, theirs):
        layer.set_weights(weights)
    close(ours(X), theirs(X))
    close(ours(X, mask=MASK), theirs(X, mask=MASK))
    again = layers.RNN.from_config(ours.get_config())
    again(X)
    assert list(again.params) == list(ours.params)


def test_a_stateful_rnn_goes_on_and_begins_anew() -> None:
    layer = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], stateful=True)
    first, second = layer(X), layer(X)
    assert not np.allclose(first, second)
    layer.reset_states()
    np.testing.assert_allclose(layer(X), first, 1e-6)


def test_dropout_of_a_cell_drops_the_same_at_every_step() -> None:
    layer = layers.RNN(layers.SimpleRNNCell(4, dropout=0.5, activation=None, use_bias=False), return_sequences=True)
    params, state = layer.init(0, X)
    identity = jax.tree.map(jnp.zeros_like, params)
    identity["rnn/simple_rnn_cell"]["kernel"] = jnp.eye(4)
    ones = jnp.ones((3, 5, 4))
    outputs, _ = layer.apply(identity, state, ones, training=True, rng=1)
    assert set(np.unique(outputs)) == {0.0, 2.0}
    np.testing.assert_array_equal(outputs, np.repeat(outputs[:, :1], 5, axis=1))


def test_what_a_loop_cannot_do_is_said() -> None:
    class Counts(Decay):
        def build(self, input_shape):
            super().build(input_shape)
            self.total = self.add_weight(name="total", shape=(), initializer="zeros", trainable=False)

        def call(self, inputs, states):
            self.total.assign_add(1.0)
            return super().call(inputs, states)

    class Penalised(Decay):
        def call(self, inputs, states):
            self.add_loss(jnp.sum(inputs))
            return super().call(inputs, states)

    with pytest.raises(
        RuntimeError, match=r"'rnn' assigned to its state 'rnn/counts/total'.*return it with new_states"
    ):
        layers.RNN(Counts(2))(X)
    with pytest.raises(RuntimeError, match="added a loss at each step"):
        layers.RNN(Penalised(2))(X)
    with pytest.raises(TypeError, match="must be a layer with `state_size`"):
        layers.RNN(layers.Dense(3))
    with pytest.raises(ValueError, match=r"expects 2 initial state\(s\) of shape \(3, 2\), \(3, 2\)"):
        layers.RNN(layers.LSTMCell(2))(X, initial_state=[np.zeros((3, 2), "float32")])
    with pytest.raises(ValueError, match="at least one cell"):
        layers.StackedRNNCells([])
    with pytest.raises(NotImplementedError, match="has no state_size"):
        type("Bare", (layers.AbstractRNNCell,), {})().state_size  # noqa: B018
    with pytest.raises(ValueError, match="needs to know the size of the batch"):
        layers.RNN(layers.GRUCell(2), stateful=True)(layers.Input((5, 4)))


def test_a_mask_of_images_skips_steps() -> None:
    x = np.random.default_rng(1).normal(size=(2, 4, 5, 5, 1)).astype("float32")
    layer = layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True)
    mask = np.array([[1, 0, 1, 1], [1, 1, 0, 0]], bool)
    outputs = layer(x, mask=mask)
    np.testing.assert_allclose(outputs[0, [0, 2, 3]], layer(x[:1, [0, 2, 3]])[0], 1e-5, 1e-6)
    np.testing.assert_allclose(outputs[1, 3], outputs[1, 1], 1e-6)
    np.testing.assert_allclose(outputs[0, 1], outputs[0, 0], 1e-6)


def test_a_stateful_lstm_of_images_and_its_initial_state() -> None:
    x = np.random.default_rng(1).normal(size=(2, 4, 6, 5, 1)).astype("float32")
    layer = layers.ConvLSTM2D(2, 3, stateful=True, return_state=True)
    first, h, c = layer(x)
    second = layer(x)[0]
    layer.reset_states()
    np.testing.assert_allclose(layer(x, initial_state=[h, c])[0], second, 1e-5, 1e-6)
    assert not np.allclose(first, second)
    with pytest.raises(ValueError, match="padding must be 'valid' or 'same'"):
        layers.ConvLSTM2D(2, 3, padding="causal")


def test_the_gradient_of_an_lstm_of_images_is_that_of_the_loop() -> None:
    x = np.random.default_rng(2).normal(size=(2, 3, 4, 3, 2)).astype("float32")
    layer = layers.ConvLSTM2D(2, 2, strides=(2, 1), return_sequences=True)
    layer(x)
    given = layer.params["conv_lstm2d"]

    def loop(params: Any, x: Any) -> Any:
        def conv(x: Any, kernel: Any, strides: Any, padding: str) -> Any:
            return jax.lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))

        h = c = jnp.zeros((2, 2, 2, 2))
        outputs = []
        for t in range(3):
            gates = conv(x[:, t], params["kernel"], (2, 1), "VALID") + params["bias"]
            gates = gates + conv(h, params["recurrent_kernel"], (1, 1), "SAME")
            i, f, g, o = jnp.split(gates, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            outputs.append(h)
        return jnp.sum(jnp.stack(outputs, 1) ** 2)

    def ours(params: Any, x: Any) -> Any:
        return jnp.sum(layer.apply({"conv_lstm2d": params}, {}, x)[0] ** 2)

    got, want = (jax.jit(jax.grad(f, (0, 1)))(given, x) for f in (ours, loop))
    close(got, want, 1e-5)
