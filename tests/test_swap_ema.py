"""`SwapEMAWeights` does what Keras's does, step by step."""

from __future__ import annotations

import numpy as np
import pytest

import jkeras
from jkeras import callbacks, layers, models, optimizers

keras = pytest.importorskip("keras")

rng = np.random.default_rng(0)
X = rng.normal(size=(32, 3)).astype("float32")
Y = X[:, :1].copy()


def kernel(model):
    return float(np.asarray(model.get_weights()[0])[0, 0])


def told(library, swap_on_epoch):
    """Return what the model holds at each moment of a run with Keras or jkeras, and the history."""
    model = library.models.Sequential([
        library.layers.Input((3,)), library.layers.Dense(1, kernel_initializer="ones"),
    ])  # fmt: skip
    model.compile(library.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8), "mse")
    log = []
    hooks = ("on_train_begin", "on_epoch_begin", "on_test_begin", "on_test_end", "on_epoch_end", "on_train_end")
    body = {h: (lambda self, *a, h=h: log.append((h, kernel(self.model)))) for h in hooks}
    watcher = type("Watcher", (library.callbacks.Callback,), body)()
    swap = library.callbacks.SwapEMAWeights(swap_on_epoch)
    history = model.fit(
        X, Y, batch_size=8, epochs=3, shuffle=False, validation_data=(X, Y), verbose=0, callbacks=[swap, watcher]
    )
    log += [(name, value) for name, values in history.history.items() for value in values]
    return [*log, ("end", kernel(model))]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's variables
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_it_agrees_with_keras(swap_on_epoch):
    expected, found = told(keras, swap_on_epoch), told(jkeras, swap_on_epoch)
    assert [name for name, _ in found] == [name for name, _ in expected]
    np.testing.assert_allclose([v for _, v in found], [v for _, v in expected], rtol=1e-5)


def network(optimizer):
    model = models.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile(optimizer, "mse")
    return model


def test_evaluate_and_predict_take_it_too():
    model = network(optimizers.LossScaleOptimizer(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)))
    seen = {}

    class Compare(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raw, hook = kernel(model), callbacks.SwapEMAWeights()
            for name in ("predict", "evaluate"):
                given = (X,) if name == "predict" else (X, Y)
                plain = getattr(model, name)(*given, verbose=0)
                seen[name] = not np.allclose(plain, getattr(model, name)(*given, verbose=0, callbacks=[hook]))
                assert kernel(model) == raw

    model.fit(X, Y, epochs=2, verbose=0, callbacks=[Compare()])
    assert seen == {"predict": True, "evaluate": True}


def test_it_needs_averages():
    with pytest.raises(ValueError, match="use_ema=True"):
        network("sgd").fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[callbacks.SwapEMAWeights()])
    with pytest.raises(ValueError, match="not trained"):
        network("sgd").predict(X, verbose=0, callbacks=[callbacks.SwapEMAWeights()])


def test_the_best_average_is_what_a_checkpoint_saves(tmp_path):
    model = network(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9))
    path = tmp_path / "best.weights.h5"
    hooks = [callbacks.SwapEMAWeights(swap_on_epoch=True), callbacks.ModelCheckpoint(path, save_weights_only=True)]
    model.fit(X, Y, epochs=3, validation_data=(X, Y), verbose=0, callbacks=hooks)
    other = network("sgd")
    other.load_weights(path)
    assert kernel(other) == pytest.approx(kernel(model))
