"""What the engine tells of a run, and what can be asked of it: reports, remat, accumulation, caches."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jkeras import RematScope, Sequential, config, layers, optimizers, utils
from jkeras.callbacks import LambdaCallback
from jkeras.core import compilation_cache
from jkeras.models.compiled import Arrays
from jkeras.training import cost, stream
from jkeras.training.data import Batch

rng = np.random.default_rng(0)
X = rng.random((64, 4), np.float32)
Y = X.sum(1, keepdims=True)


def model(optimizer="sgd", **arguments):
    made = Sequential([layers.Dense(3, activation="tanh", input_shape=(4,)), layers.Dense(1)])
    made.set_weights([np.full(w.shape, 0.1 * (i + 1), "float32") for i, w in enumerate(made.get_weights())])
    made.compile(optimizer, "mse", **arguments)
    return made


# explain_fit


def test_explain_fit_needs_a_fit():
    with pytest.raises(RuntimeError, match="was not fitted since compile"):
        model().explain_fit()


def test_explain_fit_tells_what_happened(monkeypatch):
    net = model()
    net.fit(X, Y, batch_size=10, epochs=3, verbose=0)
    first = net.explain_fit()
    assert "fit ran 3 epochs: 21 steps over 192 samples" in first
    assert "mode 'blocks'" in first and net._compiled.decision.reason in first
    assert f"(1.28 kB) live on {jax.devices()[0]}" in first
    assert "a loop of steps on 10 samples in" in first and "a step on 4 samples in" in first
    assert "No callback had to be told" in first
    steps, samples = (float(n.replace(",", "")) for n in re.findall(r"([\d,]+) (?:steps|samples)/s", first))
    assert samples / steps == pytest.approx(192 / 21, rel=0.1)

    net.fit(X, Y, batch_size=10, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=lambda batch, logs: None)])
    second = net.explain_fit()
    assert "LambdaCallback had to be told of every batch" in second and "in 7 blocks of 1." in second
    assert "Nothing had to be compiled" in second

    monkeypatch.setattr(stream, "WORTH_A_THREAD", -1.0)
    net.fit(iter([(X, Y)] * 4), verbose=0)
    third = net.explain_fit()
    assert "mode 'stream'" in third and "come from a list_iterator" in third and "2 ahead by a thread" in third


def test_explain_fit_says_why_steps_go_one_by_one():
    net = Sequential([layers.Reshape((4, 1), input_shape=(4,)), layers.Conv1D(1, 2), layers.Flatten(), layers.Dense(1)])
    net.compile("sgd", "mse")
    net.fit(X, Y, verbose=0)
    assert "one dispatch a step" in net.explain_fit() and "weight gradient of a convolution" in net.explain_fit()


# Traces and costs


def test_fit_writes_a_trace_of_some_steps(tmp_path):
    losses = []
    for folder in (None, tmp_path / "made" / "here"):
        utils.set_random_seed(0)
        losses.append(model().fit(X, Y, batch_size=2, epochs=2, verbose=0, profile=folder).history["loss"])
    assert losses[0] == losses[1]
    assert list((tmp_path / "made" / "here").rglob("*.xplane.pb"))


def test_a_trace_is_ended_by_an_error(tmp_path):
    def stop(batch, logs):
        if batch == 3:
            raise ZeroDivisionError

    for _ in range(2):  # a second trace could not begin if the first went on
        with pytest.raises(ZeroDivisionError):
            hooks = [LambdaCallback(on_train_batch_end=stop)]
            model().fit(X, Y, batch_size=2, verbose=0, profile=tmp_path, callbacks=hooks)
    assert len(list(tmp_path.rglob("*.xplane.pb"))) >= 1


def test_cost_analysis_counts_what_a_step_computes():
    """Forward and two gradients of a dense layer: three products of 2 b n m operations, and little beside."""
    net = Sequential([layers.Dense(64, input_shape=(64,)), layers.Dense(64)])
    net.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match="needs shapes"):
        net.cost_analysis()
    before = net.cost_analysis(np.zeros((32, 64)), np.zeros((32, 64)))
    products = 2 * 32 * 64 * 64 * (3 + 2)  # the first layer's inputs need no gradient
    assert products < before.flops < 1.2 * products
    assert before.intensity == pytest.approx(before.flops / before.bytes_accessed)
    assert before.achieved is None and not before.loops
    double = net.cost_analysis(np.zeros((32, 64)), np.zeros((32, 64)), batch_size=64)
    assert double.flops == pytest.approx(2 * before.flops, rel=0.05)


def test_cost_analysis_after_a_fit(monkeypatch):
    monkeypatch.setattr(cost, "_SIZE", {"cpu": 64})
    cost.peak_flops.cache_clear()
    net = model()
    net.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    found, record = net.cost_analysis(), net._compiled.record
    assert found.achieved == pytest.approx(found.flops * record.steps / record.seconds)
    assert found.utilisation == pytest.approx(found.achieved / cost.peak_flops("float32"))
    assert "a step" in str(found) and "% of the" in str(found)
    cost.peak_flops.cache_clear()


def test_cost_analysis_says_that_loops_are_counted_once():
    net = Sequential([layers.LSTM(2, input_shape=(5, 3)), layers.Dense(1)])
    net.compile("sgd", "mse")
    found = net.cost_analysis(np.zeros((4, 5, 3)), np.zeros((4, 1)))
    assert found.loops and "counted once" in str(found)


# Rematerialisation


def deep_step(remat):
    """Return a deep model's parameters after a step, the bytes that the step needs in between, and its program."""
    stack = [layers.Dense(32, activation="gelu", name=f"block_{i}") for i in range(8)]
    net = Sequential([layers.Input((32,)), *stack, layers.Dropout(0.2), layers.Dense(1)])
    net.set_weights([np.random.default_rng(i).normal(0, 0.2, w.shape) for i, w in enumerate(net.get_weights())])
    net.compile("sgd", "mse", remat=remat)
    x = jax.numpy.asarray(np.random.default_rng(1).normal(size=(1024, 32)), "float32")
    batch = Batch(x, x[:, :1])
    program = net._compiled.program(net, batch)
    ts, fixed = Arrays(net, net._compiled).begin(0)
    totals = program.fresh_totals()
    lowered = program.step_on.lower(ts, totals, batch, fixed)
    compiled = lowered.compile()
    ts, _ = compiled(ts, totals, batch, fixed)
    return ts.params, compiled.memory_analysis().temp_size_in_bytes, lowered.as_text().count("dot_general")


def test_remat_saves_memory_and_changes_no_number():
    params, plain, products = deep_step(None)
    for choice in (3, r"block_\d+", jax.checkpoint_policies.nothing_saveable):
        other, saved, more = deep_step(choice)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), other, params)
        assert products + 7 <= more <= products + 9, choice  # the products of the forward pass, once more
        if not callable(choice):
            assert saved < 0.8 * plain, (choice, saved, plain)


def test_remat_keeps_masks_and_state():
    """What layers leave behind beside their outputs - masks, moving averages, losses - is the same."""
    results = []
    for choice in (None, 1, RematScope("full")):
        utils.set_random_seed(0)
        net = Sequential(
            [
                layers.Embedding(5, 4, mask_zero=True, input_length=6),
                layers.LSTM(3, name="lstm", return_sequences=True),
                layers.BatchNormalization(name="batch"),
                layers.GlobalAveragePooling1D(),
                layers.Dense(1, activity_regularizer="l2"),
            ]
        )
        net.build((None, 6))
        net.set_weights([np.random.default_rng(i).random(w.shape) for i, w in enumerate(net.get_weights())])
        net.compile("sgd", "mse", remat=choice)
        tokens = np.random.default_rng(1).integers(0, 5, (16, 6))
        net.train_on_batch(tokens, tokens[:, :1].astype("float32"))
        results.append(net.get_weights())
    for other in results[1:]:
        for ours, plain in zip(other, results[0]):
            np.testing.assert_allclose(ours, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "choice, error, message",
    [(0, ValueError, "at least one layer"), ("block(", ValueError, "no regular"), (1.5, TypeError, "remat must be")],
)
def test_remat_is_checked(choice, error, message):
    with pytest.raises(error, match=message):
        model(remat=choice)


def test_remat_names_a_pattern_that_matches_nothing():
    with pytest.raises(ValueError, match="no layer's path matches"):
        model(remat="blok").fit(X, Y, verbose=0)


# Gradient accumulation


@pytest.mark.parametrize("mode", ["blocks", "hooked", "stream"])
def test_accumulated_gradients_are_those_of_the_large_batch(mode):
    def trained(size, **arguments):
        net = model(optimizers.SGD(0.1, momentum=0.9, **arguments))
        hooks = [LambdaCallback(on_train_batch_end=lambda batch, logs: None)] if mode == "hooked" else None
        if mode == "stream":
            data = iter([(X[i : i + size], Y[i : i + size]) for i in range(0, 64, size)] * 2)
            net.fit(data, steps_per_epoch=64 // size, epochs=2, verbose=0)
        else:
            net.fit(X, Y, batch_size=size, epochs=2, shuffle=False, verbose=0, callbacks=hooks)
        return net.get_weights()

    for small, large in zip(trained(8, gradient_accumulation_steps=4), trained(32)):
        np.testing.assert_allclose(small, large, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside of Keras
def test_accumulation_agrees_with_keras():
    """Over ends of epochs, too: 8 batches an epoch, an update every 3."""
    keras = pytest.importorskip("keras")
    arguments = dict(use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4, weight_decay=0.1)
    ours = model(optimizers.Adam(0.1, gradient_accumulation_steps=3, **arguments))
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(1)])
    theirs.set_weights(ours.get_weights())
    theirs.compile(keras.optimizers.Adam(0.1, gradient_accumulation_steps=3, **arguments), "mse")
    for net in (ours, theirs):
        net.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(a, np.asarray(b), rtol=1e-4, atol=1e-5)


# Compilation cache and precision

SCRIPT = """
import json, jax
from collections import Counter
counts = Counter()
jax.monitoring.register_event_listener(lambda name, **_: counts.update([name.rpartition("/")[2]]))
import numpy as np, jkeras
jkeras.config.enable_compilation_cache(minimum_seconds=0)
model = jkeras.Sequential([jkeras.layers.Dense(1, input_shape=(2,))])
model.compile("sgd", "mse")
model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
print(json.dumps(counts))
"""


def run(script, tmp_path, **variables):
    environment = {k: v for k, v in os.environ.items() if "CACHE" not in k}
    environment |= {"XDG_CACHE_HOME": str(tmp_path), "JAX_PLATFORMS": "cpu", **variables}
    command, root = [sys.executable, "-c", script], Path(__file__).parent.parent
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=root)
    assert not done.returncode, done.stderr
    return done


def test_the_second_process_compiles_nothing(tmp_path):
    first, second = (json.loads(run(SCRIPT, tmp_path).stdout) for _ in range(2))
    assert first["cache_misses"] > 0
    assert second.get("cache_misses", 0) == 0 and second["cache_hits"] == second["compile_requests_use_cache"]
    folder = tmp_path / "jkeras" / "compilation"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_environment_switches_the_cache_on(tmp_path):
    script = "import jkeras, jax; print(jax.config.jax_compilation_cache_dir)"
    assert run(script, tmp_path, JKERAS_COMPILATION_CACHE=str(tmp_path / "own")).stdout.strip().endswith("own")
    (tmp_path / "shared").mkdir(mode=0o777)
    (tmp_path / "shared").chmod(0o777)
    refused = run(script, tmp_path, JKERAS_COMPILATION_CACHE=str(tmp_path / "shared"))
    assert refused.stdout.strip() == "None" and "Others can write" in refused.stderr


@pytest.fixture
def cache_off():
    yield
    config.disable_compilation_cache()


def test_cache_folders_that_are_not_safe_are_refused(tmp_path, monkeypatch, cache_off):
    before = jax.config.jax_compilation_cache_dir
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o770)
    with pytest.raises(PermissionError, match="Others can write"):
        config.enable_compilation_cache(shared)
    shared.chmod(0o777)
    with pytest.raises(PermissionError, match="Others can replace"):
        config.enable_compilation_cache(shared / "below")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(PermissionError, match="belongs to user"):
        config.enable_compilation_cache(tmp_path / "mine")
    monkeypatch.undo()
    assert jax.config.jax_compilation_cache_dir == before
    config.enable_compilation_cache(tmp_path / "mine")
    assert jax.config.jax_compilation_cache_dir == str((tmp_path / "mine").resolve())
    config.disable_compilation_cache()
    assert jax.config.jax_compilation_cache_dir == before
    assert not compilation_cache._before


def test_matmul_precision_reaches_the_products():
    try:
        config.set_matmul_precision("float32")
        assert config.matmul_precision() == "float32"
        x = jax.numpy.ones((4, 4))
        assert "HIGHEST" in jax.jit(lambda a: a @ a).lower(x).as_text()
    finally:
        config.set_matmul_precision(None)
    assert config.matmul_precision() is None
    with pytest.raises(ValueError, match="'float32'"):
        config.set_matmul_precision("flaot32")
