"""The training engine: exact against Keras, one compilation, nothing blocking, nothing leaking."""

from __future__ import annotations

import gc

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jkeras import Input, Model, Sequential, layers
from jkeras.callbacks import Callback, LambdaCallback
from jkeras.optimizers import SGD, Adam
from jkeras.training.pacer import Pacer
from jkeras.utils import PyDataset

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside of Keras
rng = np.random.default_rng(0)
X = rng.random((70, 4), np.float32)
Y = (X.sum(1, keepdims=True) + 0.1 * rng.random((70, 1))).astype("float32")
LABELS = rng.integers(0, 3, 70)


def regression(units: int = 5) -> Sequential:
    return Sequential([layers.Dense(units, activation="relu", input_shape=(4,)), layers.Dense(1)])


def twins(build, compile_arguments):
    """Return our model and the same one of Keras, with the same weights, compiled alike."""
    ours, theirs = build(layers, Model, Input), build(keras.layers, keras.Model, keras.Input)
    theirs.set_weights(ours.get_weights())
    ours.compile(**compile_arguments)
    theirs.compile(**compile_arguments)
    return ours, theirs


def one_output(kit, model_class, make_input):
    x = make_input((4,))
    return model_class(x, kit.Dense(1)(kit.Dense(6, activation="tanh")(x)))


def classifier(kit, model_class, make_input):
    x = make_input((4,))
    return model_class(x, kit.Dense(3, activation="softmax")(x))


def two_outputs(kit, model_class, make_input):
    a, b = make_input((4,), name="a"), make_input((2,), name="b")
    h = kit.Dense(5, activation="relu")(a)
    return model_class([a, b], [kit.Dense(1, name="p")(kit.Concatenate()([h, b])), kit.Dense(1, name="q")(h)])


WEIGHTS = rng.random(70).astype("float32")
FITS = {
    "plain": (one_output, dict(loss="mse", metrics=["mae"]), (X, Y), {}),
    "validation split": (one_output, dict(loss="mse"), (X, Y), dict(validation_split=0.25)),
    "sample weight": (
        one_output, dict(loss="mse", metrics=["mae"], weighted_metrics=["mse"]), (X, Y), dict(sample_weight=WEIGHTS),
    ),
    "validation weights": (
        one_output, dict(loss="mse", weighted_metrics=["mae"]), (X, Y),
        dict(validation_data=(X[:9], Y[:9], WEIGHTS[:9])),
    ),
    "class weight": (
        classifier, dict(loss="sparse_categorical_crossentropy", metrics=["accuracy"]), (X, LABELS),
        dict(class_weight={0: 1.0, 1: 3.0, 2: 0.5}),
    ),
    "one hot": (
        classifier, dict(loss="categorical_crossentropy", metrics=["acc"]), (X, np.eye(3, dtype="float32")[LABELS]), {},
    ),
    "two outputs": (
        two_outputs, dict(loss=["mse", "mae"], loss_weights=[0.9, 0.1], metrics=[["mae"], ["mse"]]),
        ([X, X[:, :2]], [Y, Y]), dict(validation_split=0.2),
    ),
    "by name": (
        two_outputs, dict(loss={"p": "mse", "q": "mae"}, metrics={"q": ["mse"]}),
        ({"a": X, "b": X[:, :2]}, {"p": Y, "q": Y}), {},
    ),
    "flat targets": (one_output, dict(loss="mse"), (X, Y[:, 0]), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", FITS)
def test_fit_agrees_with_keras(case):
    build, compiled, (x, y), arguments = FITS[case]
    ours, theirs = twins(build, {"optimizer": "sgd", **compiled})
    arguments = {"batch_size": 16, "epochs": 3, "shuffle": False, "verbose": 0, **arguments}
    a, b = ours.fit(x, y, **arguments), theirs.fit(x, y, **arguments)
    assert set(a.history) == set(b.history)
    for key in b.history:
        np.testing.assert_allclose(a.history[key], b.history[key], rtol=2e-4, atol=1e-6, err_msg=key)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-4, atol=1e-6)
    evaluated = ours.evaluate(x, y, verbose=0, return_dict=True)
    for key, value in theirs.evaluate(x, y, verbose=0, return_dict=True).items():
        np.testing.assert_allclose(evaluated[key], value, rtol=2e-4, atol=1e-6, err_msg=key)


def test_class_and_sample_weights_multiply():
    model = Sequential([Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    start = model.get_weights()
    model.fit(X, LABELS, class_weight={0: 2.0, 1: 0.5, 2: 1.0}, sample_weight=WEIGHTS, shuffle=False, verbose=0)
    both = model.get_weights()
    model.set_weights(start)
    model.fit(X, LABELS, sample_weight=WEIGHTS * np.array([2.0, 0.5, 1.0])[LABELS], shuffle=False, verbose=0)
    for a, b in zip(both, model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_fit_moves_nothing_implicitly():
    model = regression()
    model.compile("adam", "mse", metrics=["mae"])
    with jax.transfer_guard("disallow"):
        model.fit(X, Y, batch_size=16, epochs=2, validation_split=0.2, verbose=0)
        model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0)
        model.evaluate(X, Y, verbose=0)
        model.predict(X, verbose=0)


def test_nothing_stays_alive_after_200_models():
    x, y = X[:32], Y[:32]

    def train() -> None:
        model = regression()
        model.compile("adam", "mse")
        model.fit(x, y, verbose=0)

    train()
    gc.collect()
    before = len(jax.live_arrays())
    for _ in range(20):
        train()
    gc.collect()
    assert len(jax.live_arrays()) <= before


@pytest.mark.slow
def test_nothing_stays_alive_after_200_models_in_full():
    for _ in range(10):
        test_nothing_stays_alive_after_200_models()


def test_one_program_serves_every_epoch_fit_and_learning_rate():
    model = regression()
    model.compile(Adam(0.01), "mse")
    model.fit(X[:64], Y[:64], batch_size=16, epochs=3, verbose=0)
    program = model._compiled.last
    model.optimizer.learning_rate = 0.1
    model.fit(X[:64], Y[:64], batch_size=16, epochs=2, verbose=0)
    assert model._compiled.last is program
    assert program.block._cache_size() == 1
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)  # other data, and a last batch of 6
    assert program.block._cache_size() == 2 and program.step_at._cache_size() == 1


class Recorder(Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(("begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(("end", batch, logs["loss"]))


@pytest.mark.parametrize("as_stream", [False, True])
def test_batch_hooks_see_every_batch(as_stream):
    model = regression()
    model.compile("sgd", "mse")
    recorder = Recorder()
    start = model.get_weights()
    if as_stream:
        batches = ((X[i : i + 32], Y[i : i + 32]) for i in range(0, 70, 32))
        model.fit(batches, callbacks=[recorder], verbose=0)
    else:
        model.fit(X, Y, batch_size=32, shuffle=False, callbacks=[recorder], verbose=0)
    assert [c[:2] for c in recorder.calls] == [(w, i) for i in range(3) for w in ("begin", "end")]
    model.set_weights(start)
    expected = model.evaluate(X[:32], Y[:32], verbose=0)
    assert recorder.calls[1][2] == pytest.approx(expected, rel=1e-5)


def test_stop_training_within_an_epoch():
    model = regression()
    model.compile("sgd", "mse")
    seen = []

    def stop(batch, logs):
        seen.append(batch)
        model.stop_training = batch == 1

    model.fit(X, Y, batch_size=10, epochs=5, callbacks=[LambdaCallback(on_train_batch_end=stop)], verbose=0)
    assert seen == [0, 1]


def test_blocks_steps_and_eager_give_the_same_numbers():
    model = regression()
    start, results = model.get_weights(), []
    for arguments in ({}, {"run_eagerly": True}, {"steps_per_execution": 3}):
        model.set_weights(start)
        model.compile("adam", "mse", **arguments)
        history = model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0).history
        results.append((history["loss"], model.get_weights()))
    for losses, weights in results[1:]:
        np.testing.assert_allclose(losses, results[0][0], rtol=1e-5)
        for a, b in zip(weights, results[0][1], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_convolutions_on_cpu_are_dispatched_step_by_step():
    if jax.default_backend() != "cpu":
        pytest.skip("the rule is about XLA on CPU")
    model = Sequential([Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    images = rng.random((20, 6, 6, 1), np.float32)
    model.fit(images, Y[:20], verbose=0)
    assert model._compiled.decision.mode == "steps"
    other = regression()
    other.compile("sgd", "mse")
    other.fit(X, Y, verbose=0)
    assert other._compiled.decision.mode == "blocks"


def test_what_a_callback_changes_sticks():
    model = regression()
    model.compile(SGD(0.0), "mse")

    def zero(epoch, logs):
        model.set_weights([np.zeros_like(w) for w in model.get_weights()])

    model.fit(X, Y, epochs=2, callbacks=[LambdaCallback(on_epoch_end=zero)], verbose=0)
    assert all((w == 0).all() for w in model.get_weights())


def test_a_callback_sees_the_current_model_and_learning_rate():
    model = regression()
    model.compile(SGD(0.1), "mse")
    seen = []

    def look(epoch, logs):
        seen.append((model.evaluate(X, Y, verbose=0), float(model.optimizer.learning_rate)))
        model.optimizer.learning_rate = 0.0

    model.fit(X, Y, epochs=3, callbacks=[LambdaCallback(on_epoch_end=look)], verbose=0)
    assert [rate for _, rate in seen] == pytest.approx([0.1, 0.0, 0.0])
    assert seen[1][0] == pytest.approx(seen[0][0]) and seen[2][0] == pytest.approx(seen[0][0])


def test_arrays_handed_out_survive_training():
    model = regression()
    model.compile("adam", "mse")
    params = model.params
    kernel = model.layers[0].kernel.value
    model.fit(X, Y, epochs=2, verbose=0)
    jax.block_until_ready(params)
    assert np.isfinite(np.asarray(kernel)).all()
    kept = []
    grab = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.params))
    model.fit(X, Y, epochs=3, callbacks=[grab], verbose=0)
    for tree in kept:
        for leaf in jax.tree.leaves(tree):
            np.asarray(leaf)


def test_facade_and_function_meet():
    model = regression()
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=2, verbose=0)
    outputs, _ = model.apply(model.params, model.state, X)
    np.testing.assert_allclose(outputs, model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    params, _ = model.init(jax.random.key(3))
    model.params = params
    np.testing.assert_array_equal(model.get_weights()[0], params["dense"]["kernel"])


@pytest.mark.parametrize("make", [lambda: optax.adam(1e-2), lambda: optax.chain(optax.clip(1.0), optax.sgd(1e-2))])
def test_any_optax_transformation_trains(make):
    model = regression()
    model.compile(make(), "mse")
    losses = model.fit(X, Y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_frozen_layers_stay():
    model = regression()
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.allclose(before[2], after[2])
    model.layers[0].trainable = True
    model.fit(X, Y, verbose=0)
    assert not np.allclose(before[0], model.get_weights()[0])


def endless():
    while True:
        for i in range(0, 60, 20):
            yield X[i : i + 20], Y[i : i + 20]


class Rows(PyDataset):
    def __init__(self):
        super().__init__()
        self.epochs = 0

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return X[20 * i : 20 * i + 20], Y[20 * i : 20 * i + 20]

    def on_epoch_end(self):
        self.epochs += 1


SOURCES = {
    "generator": lambda: (endless(), dict(steps_per_epoch=3)),
    "dataset": lambda: (Rows(), dict(shuffle=False)),
    "iterable of unknown length": lambda: (Unsized(), {}),
}


class Unsized:
    def __iter__(self):
        return ((X[i : i + 20], Y[i : i + 20]) for i in range(0, 60, 20))


@pytest.mark.parametrize("source", SOURCES)
def test_streams_train_like_arrays(source):
    model = regression()
    model.compile("sgd", "mse")
    start = model.get_weights()
    expected = model.fit(X[:60], Y[:60], batch_size=20, epochs=3, shuffle=False, verbose=0).history["loss"]
    weights = model.get_weights()
    model.set_weights(start)
    data, arguments = SOURCES[source]()
    found = model.fit(data, epochs=3, verbose=0, **arguments).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for a, b in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    if isinstance(data, Rows):
        assert data.epochs == 3


def test_steps_per_epoch_goes_on_where_it_stopped():
    model = regression()
    model.compile(SGD(0.0), "mse")
    history = model.fit(X[:60], Y[:60], batch_size=20, epochs=3, steps_per_epoch=1, shuffle=False, verbose=0).history
    each = [model.evaluate(X[i : i + 20], Y[i : i + 20], verbose=0) for i in range(0, 60, 20)]
    np.testing.assert_allclose(history["loss"], each, rtol=1e-5)


def test_shuffling_is_a_function_of_the_seed():
    from jkeras.utils import set_random_seed

    results = []
    for seed in (1, 1, 2):
        set_random_seed(seed)
        model = regression()
        model.compile("sgd", "mse")
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
        results.append(model.get_weights())
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert not np.allclose(results[0][0], results[2][0])


def test_predict_pads_only_in_secret():
    model = regression()
    expected = np.asarray(model(X))
    for batch_size in (7, 32, 70, 100):
        np.testing.assert_allclose(model.predict(X, batch_size=batch_size, verbose=0), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(X[:3]), expected[:3], rtol=1e-5, atol=1e-6)


def test_single_batches():
    model = regression()
    model.compile("sgd", "mse", metrics=["mae"])
    before = model.evaluate(X[:8], Y[:8], verbose=0)
    result = model.train_on_batch(X[:8], Y[:8])
    assert result == pytest.approx(before, rel=1e-5)
    after = model.test_on_batch(X[:8], Y[:8], return_dict=True)
    assert after["loss"] < result[0] and set(after) == {"loss", "mae"}


def test_trees_in_trees_out():
    class Swap(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, inputs):
            return {"one": self.dense(inputs["x"][0]), "two": (self.dense(inputs["x"][1]),)}

    model = Swap()
    model.compile("sgd", {"one": "mse"})
    outputs = model.predict({"x": (X, 2 * X)}, verbose=0)
    assert outputs["one"].shape == outputs["two"][0].shape == (70, 1)
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    other = regression()
    other.compile("sgd", "mse")
    a = other.fit(frame, pd.Series(Y[:, 0]), epochs=1, shuffle=False, verbose=0).history["loss"]
    assert np.isfinite(a).all()
    assert other.predict(X.tolist(), verbose=0).shape == (70, 1)


def test_regularizers_and_added_losses_reach_the_loss():
    class Added(layers.Layer):
        def call(self, inputs):
            self.add_loss(jnp.asarray(0.25))
            return inputs

    x = Input((4,))
    dense = layers.Dense(1, kernel_regularizer="l2")
    model = Model(x, Added()(dense(x)))
    model.compile(SGD(0.0), "mse")
    plain = float(np.mean((model.predict(X, verbose=0) - Y) ** 2))
    penalty = 0.01 * float((dense.get_weights()[0] ** 2).sum())
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(plain + penalty + 0.25, rel=1e-4)
    loss = model.fit(X, Y, verbose=0).history["loss"][0]
    assert loss == pytest.approx(plain + penalty + 0.25, rel=1e-4)


def test_constraints_hold_after_every_step():
    model = Sequential([Input((4,)), layers.Dense(3, kernel_constraint="unit_norm"), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    np.testing.assert_allclose(np.linalg.norm(model.get_weights()[0], axis=0), 1, rtol=1e-4)


def test_dropout_trains_and_predicts_without_dropping():
    model = Sequential([Input((4,)), layers.Dense(8), layers.Dropout(0.5), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=2, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), model.predict(X, verbose=0))


def test_old_spellings():
    model = regression()
    model.compile("sgd", "mse")
    assert len(model.fit(X, Y, nb_epoch=2, verbose=0).epoch) == 2
    assert len(model.fit_generator(endless(), steps_per_epoch=2, epochs=2, verbose=0, max_q_size=3).epoch) == 2
    assert model.predict_generator(iter([(X[:5],), (X[5:9],)]), 2).shape == (9, 1)
    with pytest.raises(TypeError, match="'epochs'"):
        model.fit(X, Y, epoch=3)


def test_blocks_grow_again_after_a_slow_first_step(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("jkeras.training.pacer.time.perf_counter", lambda: now[0])
    pacer, sizes = Pacer(0.5), []
    for seconds in (2.0, 0.01, 0.01, 0.01, 0.01, 0.01):  # a step; at first the machine is busy
        began, count = now[0], pacer.size(1000)
        sizes.append(count)
        now[0] += seconds * count
        pacer.sent(count, None, began)
        pacer.drain()
    assert sizes[1] == 1 and sizes[-1] >= 40
