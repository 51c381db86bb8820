"""What errors and warnings say: the layer, the shapes, the user's own line, and what to write instead."""

from __future__ import annotations

import traceback
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import callbacks, layers, ops
from jkeras.core import blame, tracer_errors
from jkeras.models import Model, Sequential

X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
LINES = Path(__file__).read_text(encoding="utf-8").splitlines()


def line_of(marker):
    """The number of the line that ends with `# <marker>`."""
    (number,) = [i for i, line in enumerate(LINES, 1) if line.endswith(f"# <{marker}>")]
    return number


def notes_of(run):
    """Run what fails; return the error and its notes but JAX's own."""
    with pytest.raises(Exception) as caught:
        run()
    error = caught.value
    return error, [note for note in getattr(error, "__notes__", []) if not note.startswith("-----")]


def check(run, marker, *said):
    """Check that the error has one note with a place, which names the marked line and all that is `said`."""
    error, notes = notes_of(run)
    placed = [note for note in notes if "  File " in note]
    assert len(placed) == 1, notes
    expected = f'File "{__file__}", line {line_of(marker)}, in '
    assert expected in placed[0], f"{expected} is not in {placed[0]}"
    assert LINES[line_of(marker) - 1].strip() in placed[0]
    flat = " ".join(" ".join(notes).split())
    for words in said:
        assert words in flat, f"{words!r} is not in {flat}"
    return error


def fitted(*inner, loss="mse", **options):
    """Fit a model with these layers."""
    model = Sequential([layers.Dense(3), *inner, layers.Dense(1)])
    compiling = {k: options.pop(k) for k in ("metrics", "run_eagerly") if k in options}
    model.compile("sgd", loss, **compiling)
    model.fit(X, Y, batch_size=4, verbose=0, **options)
    return model


def layer_that(function, **weights):
    """A layer as a user writes it, whose `call` is `function`."""

    class Mine(layers.Layer):
        def build(self, input_shape):
            for name, shape in weights.items():
                setattr(self, name, self.add_weight(shape=shape, name=name, trainable=False))

        def call(self, x):
            return function(self, x)

    return Mine()


# Traced values, a row for each way to use one wrongly: the function, its marker, the error, and what the advice names.


def branches(self, x):
    if x.sum() > 0:  # <branches>
        return x
    return -x


def loops(self, x):
    while jnp.all(x < 1):  # <loops>
        x = x * 2
    return x


def compares(self, x):
    return x if x.sum() > 0 and x.sum() < 1 else -x  # <compares>


def becomes_float(self, x):
    return x * float(x.mean())  # <becomes_float>


def becomes_int(self, x):
    return x * int(x.mean())  # <becomes_int>


def takes_item(self, x):
    return x * x.mean().item()  # <takes_item>


def uses_numpy(self, x):
    return np.sin(x)  # <uses_numpy>


def indexes_a_list(self, x):
    return x * [1.0, 2.0][x.sum().astype(int)]  # <indexes_a_list>


def ranges(self, x):
    return sum(x for _ in range(x.sum().astype(int)))  # <ranges>


def masks(self, x):
    return x[x > 0].sum()  # <masks>


def sizes(self, x):
    return jnp.zeros(x.sum().astype(int))  # <sizes>


def finds(self, x):
    return jnp.unique(x)  # <finds>


def assigns_an_item(self, x):
    x[0] = 1  # <assigns_an_item>
    return x


def formats(self, x):
    return x * len(f"{x.sum():.3f}")  # <formats>


def is_a_key(self, x):
    return {x: 1}[x]  # <is_a_key>


def asks_for_numpy(self, x):
    return x.numpy()  # <asks_for_numpy>


def assigns_an_array(self, x):
    x.assign(x + 1)  # <assigns_an_array>
    return x


def assigns_an_item_of_state(self, x):
    self.total[0] = 1.0  # <assigns_an_item_of_state>
    return x


WRONG = [
    (branches, "TracerBoolConversionError", ("jnp.where(condition, a, b)", "jax.lax.cond")),
    (loops, "TracerBoolConversionError", ("jax.lax.while_loop",)),
    (compares, "TracerBoolConversionError", ("& | ~",)),
    (becomes_float, "ConcretizationTypeError", ("x.astype('float32')", "jax.debug.print")),
    (becomes_int, "ConcretizationTypeError", ("x.astype('int32')",)),
    (takes_item, "ConcretizationTypeError", ("x.item()",)),
    (uses_numpy, "TracerArrayConversionError", ("jnp.sin(x) instead of np.sin(x)",)),
    (indexes_a_list, "TracerIntegerConversionError", ("jnp.asarray(items)[i]",)),
    (ranges, "TracerIntegerConversionError", ("jax.lax.fori_loop",)),
    (masks, "NonConcreteBooleanIndexError", ("jnp.where(mask, x, 0)", "size=n")),
    (sizes, "TypeError", ("would decide a shape", "x.shape")),
    (finds, "ConcretizationTypeError", ("size=",)),
    (assigns_an_item, "TypeError", ("x.at[i].set(y)",)),
    (formats, "TypeError", ("jax.debug.print",)),
    (is_a_key, "TypeError", ("key of a dict",)),
    (asks_for_numpy, "AttributeError", ("jax.numpy",)),
    (assigns_an_array, "AttributeError", ("trainable=False",)),
    (assigns_an_item_of_state, "TypeError", ("self.x = self.x.value.at[i].set(y)",)),
]


@pytest.mark.parametrize("function, kind, advice", WRONG, ids=[row[0].__name__ for row in WRONG])
def test_a_value_that_does_not_exist_yet(function, kind, advice):
    layer = layer_that(function, total=(3,))
    error = check(lambda: layer(X), function.__name__, "In layer 'mine' (Mine), called on float32[8, 3]:", *advice)
    assert type(error).__name__ == kind


def test_every_advice_is_given_by_some_error_here():
    given = {
        tracer_errors.advice_on(notes_of(lambda f=function: layer_that(f, total=(3,))(X))[0]) for function, *_ in WRONG
    }
    rows = {row.advice for row in tracer_errors.ROWS if row.kind is not jax.errors.UnexpectedTracerError}
    assert given == rows


def test_a_value_kept_from_another_run():
    kept = []

    def leaks(self, x):
        if kept:
            return x + kept[0]  # <leaks>
        kept.append(x * 2)
        return x

    layer = layer_that(leaks)
    check(lambda: layer(X), "leaks", "self.add_weight(name='x', shape=..., trainable=False)", "self.x.assign(value)")


def test_other_errors_get_no_advice():
    for error in (TypeError("'tuple' object does not support item assignment"), ValueError("x"), KeyError("numpy")):
        assert tracer_errors.advice_on(error) is None


# Where it happened


def multiplies(self, x):
    return x @ self.wide  # <multiplies>


class Around(layers.Layer):
    """A layer with another one inside."""

    def __init__(self, inner, **options):
        super().__init__(**options)
        self.inner = inner

    def call(self, x):
        y = self.inner(x)  # <around>
        return y + 0


def test_the_path_of_nested_layers_is_told_once():
    layer = layer_that(multiplies, wide=(4, 4))
    nested = Around(Around(layer), name="outer")
    error, notes = notes_of(lambda: nested(X))
    assert len(notes) == 1
    assert notes[0].startswith("In layer 'outer/inner/inner' (Mine), called on float32[8, 3]:")
    assert isinstance(error, TypeError)


def wrong_in_apply():
    layer = Around(layer_that(multiplies, wide=(4, 4)))
    params, state = layer.init(0, np.ones((2, 4), "float32"))
    layer.apply(params, state, X)


WAYS = {
    "eager": (lambda: layer_that(multiplies, wide=(4, 4))(X), "float32[8, 3]"),
    "apply": (wrong_in_apply, "float32[8, 3]"),
    "symbolic": (lambda: layer_that(multiplies, wide=(4, 4))(layers.Input((3,))), "float32[None, 3]"),
    "fit": (lambda: fitted(layer_that(multiplies, wide=(4, 4))), "float32[4, 3]"),
    "eagerly fitted": (lambda: fitted(layer_that(multiplies, wide=(4, 4)), run_eagerly=True), "float32[4, 3]"),
    "predict": (lambda: Sequential([layer_that(multiplies, wide=(4, 4))]).predict(X, verbose=0), "float32[8, 3]"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_users_line_in_call(way):
    run, shapes = WAYS[way]
    error = check(run, "multiplies", "(Mine), called on", shapes)
    assert isinstance(error, TypeError) and "contracting dimensions" in str(error)


def test_an_error_of_ours_names_the_line_that_called():
    layer = layers.Dense(2)
    layer(X)

    def run():
        layer(np.ones((2, 7), "float32"))  # <dense>

    error = check(run, "dense", "In layer 'dense' (Dense), called on float32[2, 7]:")
    assert isinstance(error, ValueError)


def test_an_error_of_ours_in_a_users_layer():
    inner = layers.Dense(2)
    inner(np.ones((2, 7), "float32"))
    check(lambda: Around(inner)(X), "around", "In layer 'around/inner' (Dense)")


def test_data_that_do_not_fit_the_model():
    model = Sequential([layers.Dense(1, input_shape=(5,))])
    model.compile("sgd", "mse")

    def run():
        model.fit(X, Y, verbose=0)  # <misfit>

    check(run, "misfit", "In model 'sequential' (Sequential), called on float32[8, 3]:")


def test_symbolic_operations():
    def run():
        ops.matmul(layers.Input((3,)), layers.Input((4,)))  # <matmul>

    check(run, "matmul", "In layer 'matmul' (Operation), called on float32[None, 3], float32[None, 4]:")


def test_a_method_that_runs_in_the_place_of_call():
    class Coder(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

        def encode(self, x):
            return x @ jnp.ones((7, 1))  # <encode>

    coder = Coder()
    params, state = coder.init(0, X)
    check(lambda: coder.apply(params, state, X, method="encode"), "encode", "In `encode` of model 'coder' (Coder)")


def test_arguments_are_described():
    class Two(layers.Layer):
        def call(self, inputs, scale=1.0, training=None):
            return inputs["a"] + inputs["b"] * scale  # <two>

    inputs = {"a": X, "b": np.ones((8, 4), "int32")}
    said = "called on {'a': float32[8, 3], 'b': int32[8, 4]}, scale=2.0"
    check(lambda: Two()(inputs, scale=2.0), "two", said)


# Losses, metrics, steps, callbacks, data


def my_loss(y_true, y_pred):
    return jnp.mean(y_true - y_pred @ jnp.ones((5, 1)))  # <loss>


def my_metric(y_true, y_pred):
    return np.sin(y_pred)  # <metric>


def test_losses_and_metrics():
    said = "In the loss 'my_loss' of output 'dense_1', with y_true=float32[4, 1], y_pred=float32[4, 1]:"
    check(lambda: fitted(loss=my_loss), "loss", said)
    said = "In the metric 'my_metric' of output 'dense_1', with y_true=float32[4, 1], y_pred=float32[4, 1]:"
    check(lambda: fitted(metrics=[my_metric]), "metric", said, "jnp.sin(x) instead")


class Stepping(Model):
    """A model with a step of its own, that is wrong."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def train_step(self, ts, batch):
        loss, grads, result = self.loss_and_grads(ts, batch)
        if loss > 1:  # <train_step>
            grads = grads
        return self.apply_updates(ts, grads, result.state), {"loss": loss}

    def test_step(self, ts, batch):
        if batch.y.sum() > 0:  # <test_step>
            return {}
        return {}

    def predict_step(self, ts, x):
        return self.apply(ts.params, ts.state, x)[0] * float(x.sum())  # <predict_step>


class OwnLoss(Model):
    """A model with a loss of its own, that is wrong."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return float(jnp.mean(y_pred))  # <compute_loss>


def compiled(model):
    model.compile("sgd", "mse")
    model.build((None, 3))
    return model


STEPS = {
    "train_step": (lambda: compiled(Stepping()).fit(X, Y, verbose=0), "In Stepping.train_step, with x=float32[8, 3]"),
    "test_step": (lambda: compiled(Stepping()).evaluate(X, Y, verbose=0), "before it read its first argument"),
    "predict_step": (lambda: compiled(Stepping()).predict(X, verbose=0), "In Stepping.predict_step, with x="),
    "compute_loss": (lambda: compiled(OwnLoss()).fit(X, Y, verbose=0), "In OwnLoss.compute_loss:"),
}


@pytest.mark.parametrize("step", STEPS)
def test_steps(step):
    run, said = STEPS[step]
    check(run, step, said, "This code is run once")


class Wrong(callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["nope"]  # <callback>


def test_callbacks():
    error = check(lambda: fitted(callbacks=[Wrong()]), "callback", "In the callback Wrong, on_epoch_end(0, logs):")
    assert isinstance(error, KeyError)
    fails = callbacks.LambdaCallback(on_train_begin=lambda logs: 1 / 0)  # <lambda>
    check(lambda: fitted(callbacks=[fails]), "lambda", "In the callback LambdaCallback, on_train_begin(logs):")


def test_unknown_sizes_are_none_also_where_axes_are_folded():
    mine = layer_that(branches)
    said = "In layer 'time_distributed/mine' (Mine), called on float32[None, 3]:"
    check(lambda: layers.TimeDistributed(mine)(layers.Input((4, 3))), "branches", said)


def test_a_layer_called_in_a_callback_is_told_beside_it():
    layer = layer_that(multiplies, wide=(4, 4))
    calls = callbacks.LambdaCallback(on_train_end=lambda logs: layer(X))
    check(lambda: fitted(callbacks=[calls]), "multiplies", "In layer 'mine'", "In the callback LambdaCallback")


def batches():
    yield X, Y
    yield X, Y
    raise OSError("the disk is gone")  # <generator>


class Files:
    def __len__(self):
        return 3

    def __getitem__(self, number):
        if number == 2:
            raise OSError("the disk is gone")  # <dataset>
        return X, Y


@pytest.mark.parametrize("make, marker, source", [(batches, "generator", "generator"), (Files, "dataset", "Files")])
def test_data(make, marker, source):
    model = Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    run = lambda: model.fit(make(), steps_per_epoch=3, shuffle=False, verbose=0)  # noqa: E731
    error = check(run, marker, f"In batch 2 of x, from {source}:")
    assert isinstance(error, OSError)


def test_the_note_is_printed_with_the_traceback():
    error, _ = notes_of(lambda: fitted(layer_that(branches)))
    printed = "".join(traceback.format_exception(error))
    assert "In layer 'mine' (Mine)" in printed and "jnp.where(condition, a, b)" in printed


def test_an_error_that_cannot_be_described_goes_on_as_it_is():
    class Shy:
        def __repr__(self):
            raise RuntimeError("no")

    class Takes(layers.Layer):
        def call(self, x, shy=None):
            raise KeyError("mine")

    error, notes = notes_of(lambda: Takes()(X, shy=Shy()))
    assert isinstance(error, KeyError) and not notes


def test_errors_that_users_catch_do_no_harm():
    class Careful(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            try:
                return self.dense(x[:, :1] @ jnp.ones((5, 1)))
            except TypeError:
                return self.dense(x)

    assert Careful()(X).shape == (8, 2)


# Warnings


def warned_at(run):
    """Return `(text, line)` of the warnings that `run` gives, each place once as Python shows them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run()
    assert all(w.filename == __file__ for w in caught), [(w.filename, str(w.message)) for w in caught]
    return [(str(w.message), w.lineno) for w in caught]


def test_a_metric_that_is_not_there_is_told_once_at_the_users_line():
    stopping = callbacks.EarlyStopping("val_los")
    model = Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")

    def run():
        model.fit(X, Y, epochs=4, verbose=0, callbacks=[stopping])  # <stopping>

    ((text, line),) = warned_at(run)
    assert "val_los" in text and "loss" in text and line == line_of("stopping")


def test_an_unknown_mode():
    def run():
        callbacks.EarlyStopping("loss", mode="maximum")  # <mode>

    ((text, line),) = warned_at(run)
    assert "'min', 'max' or 'auto'" in text and line == line_of("mode")


def test_a_generator_that_was_not_fit_says_so_once():
    from jkeras.preprocessing.image import ImageDataGenerator

    generator = ImageDataGenerator(featurewise_center=True)

    def run():
        for _ in range(3):
            next(generator.flow(np.ones((2, 4, 4, 3), "float32"), batch_size=2))  # <flow>

    ((text, line),) = warned_at(run)
    assert "generator.fit(x)" in text and line == line_of("flow")


def masked():
    class Drops(layers.Layer):
        def call(self, x):
            return x * 1

    return Sequential([layers.Masking(), Drops(), layers.LSTM(2), layers.Dense(1)])


def test_a_mask_that_is_lost_is_told_once_for_a_layer():
    model = masked()
    model.compile("sgd", "mse")
    x = np.ones((8, 4, 3), "float32")

    def run():
        model.fit(x, Y, epochs=3, verbose=0)  # <mask>

    ((text, line),) = warned_at(run)
    assert "supports_masking = True" in text and line == line_of("mask")
    assert not warned_at(lambda: (model.predict(x, verbose=0), model(x), model(x)))
    assert len(warned_at(lambda: masked()(x))) == 1


def test_every_warning_goes_through_one_door():
    package = Path(blame.__file__).parent.parent
    direct = [p.name for p in package.rglob("*.py") if "warnings.warn" in p.read_text(encoding="utf-8")]
    assert direct == ["blame.py"]
