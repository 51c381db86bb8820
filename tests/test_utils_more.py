"""Names of `jkeras.utils` beside training: data sets in two, vocabularies, threads, settings, pictures of models."""

import threading

import numpy as np
import pytest

from jkeras import utils
from jkeras.core.input import Input
from jkeras.display.plot import chart_of
from jkeras.layers import Add, Dense
from jkeras.models import Model, Sequential


def test_every_lazy_name_resolves():
    for name in utils._LAZY:
        assert getattr(utils, name) is not None
    assert "plot_model" in dir(utils)
    with pytest.raises(AttributeError, match="no attribute"):
        _ = utils.plot_modell


def test_config_is_that_of_keras():
    keras = pytest.importorskip("keras")
    results = []
    for module in (utils, keras.utils):
        config = module.Config(a=1, b=[2])
        config.c = "x"
        config["d"] = None
        config.update(e=5)
        popped = config.pop("a")
        del config["b"]
        results.append([config.to_json(), config.as_dict(), popped, list(config), len(config), "c" in config,
                        config.get("z", 3), sorted(config.keys()), config.frozen])  # fmt: skip
        config.freeze()
        for change in (
            lambda c=config: setattr(c, "f", 1),
            lambda c=config: c.pop("d"),
            lambda c=config: c.update(g=1),
        ):
            with pytest.raises(ValueError, match="frozen"):
                change()
        config.unfreeze()
        config.f = 1
        assert config.f == 1
    assert results[0] == results[1]
    with pytest.raises(AttributeError, match="Did you mean 'seed'"):
        _ = utils.Config(seed=1).sed


def test_split_dataset():
    x, y = np.arange(10), np.arange(10.0) * 2
    left, right = utils.split_dataset((x, y), left_size=0.7)
    assert [len(left), len(right)] == [7, 3] and next(iter(right)) == (7, 14.0)
    batches = list(left.batch(4))
    assert [b[0].tolist() for b in batches] == [[0, 1, 2, 3], [4, 5, 6]]
    left, right = utils.split_dataset({"a": x}, right_size=4, shuffle=True, seed=1)
    assert sorted(s["a"] for part in (left, right) for s in part) == list(range(10))
    assert [s["a"] for s in left] != list(range(6))
    left, right = utils.split_dataset(x, left_size=2, right_size=0.3)
    assert [len(left), len(right)] == [2, 3]
    batches = [(np.ones((2, 1)), np.zeros(2))] * 3
    assert next(iter(utils.split_dataset(iter(batches), 1)[0])) is batches[0]
    for wrong in (dict(), dict(left_size=1.5), dict(left_size=11), dict(left_size=0.8, right_size=0.8)):
        with pytest.raises(ValueError, match="size"):
            utils.split_dataset(x, **wrong)
    with pytest.raises(ValueError, match="equal length"):
        utils.split_dataset((x, y[:3]), 2)


def test_warm_start_and_ordinal_targets(tmp_path):
    base = np.arange(6.0).reshape(3, 2)
    words = tmp_path / "words.txt"
    words.write_text("b\nd\na\n")
    start = utils.warmstart_embedding_matrix(["a", "b", "c"], str(words), base, np.full((3, 2), 9.0))
    assert start.tolist() == [[2, 3], [9, 9], [0, 1]]
    drawn = utils.warmstart_embedding_matrix(["a", "b", "c"], ["x"], base)
    assert 0 < np.abs(drawn).max() <= 0.05
    with pytest.raises(ValueError, match="one row"):
        utils.warmstart_embedding_matrix(["a"], ["a"], base)
    assert utils.to_ordinal([[2], [0]], num_classes=4).tolist() == [[1, 1, 0], [0, 0, 0]]
    with pytest.raises(ValueError, match="0 to 1"):
        utils.to_ordinal([2], num_classes=2)


class Numbers(utils.Sequence):
    def __init__(self, fail=False):
        super().__init__()
        self.fail, self.ends = fail, 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        if self.fail and index == 1:
            raise OSError("broken file")
        return index

    def on_epoch_end(self):
        self.ends += 1


def test_enqueuers():
    numbers = Numbers()
    enqueuer = utils.OrderedEnqueuer(numbers, shuffle=True)
    with pytest.raises(RuntimeError, match="start"):
        next(enqueuer.get())
    enqueuer.start(workers=2, max_queue_size=2)
    batches = enqueuer.get()
    assert enqueuer.is_running()
    epochs = [sorted(next(batches) for _ in range(3)) for _ in range(2)]
    enqueuer.stop()
    assert epochs == [[0, 1, 2]] * 2 and numbers.ends >= 1 and not enqueuer.is_running()
    failing = utils.OrderedEnqueuer(Numbers(fail=True))
    failing.start()
    with pytest.raises(OSError, match="broken file"):
        list(failing.get())
    with pytest.raises(ValueError, match="processes"):
        utils.GeneratorEnqueuer(iter([]), use_multiprocessing=True)


def test_a_timed_thread_ends():
    rung = threading.Event()

    class Bell(utils.TimedThread):
        def on_interval(self):
            rung.set()

    bell = Bell(0.001, daemon=True)
    bell.start()
    assert rung.wait(10) and bell.is_alive()
    bell.stop()
    assert not bell.is_alive()


def test_what_does_not_exist_says_what_to_use():
    for make, hint in (
        (lambda: utils.SidecarEvaluator(None, None, "x"), "validation_data"),
        (lambda: utils.StepsPerExecutionTuner(None, None), "steps_per_execution"),
        (lambda: utils.experimental.DatasetCreator(len), "PyDataset"),
    ):
        with pytest.raises(ValueError, match=hint):
            make()


@pytest.fixture(scope="module")
def model():
    inner = Sequential([Dense(4, name="hidden", activation="relu")], name="inner")
    a, b = Input((3,), name="a"), Input((3,), name="b")
    h, k = inner(a), Dense(4, name="side")(b)
    return Model([a, b], Dense(2, name="out")(Add(name="sum")([h, k])), name="two")


def test_source_inputs(model):
    assert [t.name for t in utils.get_source_inputs(model.output)] == ["a", "b"]
    side = model.get_layer("side")
    assert [t.name for t in utils.get_source_inputs(model.output, side, 0)] == ["b"]
    with pytest.raises(TypeError, match="symbolic"):
        utils.get_source_inputs(np.ones(2))


def test_charts(model):
    chart = chart_of(model)
    assert sorted(chart.arrows) == [("a", "inner"), ("b", "side"), ("inner", "sum"), ("side", "sum"), ("sum", "out")]
    open_chart = chart_of(model, expand_nested=True)
    assert ("inner/hidden", "sum") in open_chart.arrows
    assert any(source == "a" and target.startswith("inner/") for source, target in open_chart.arrows)
    part = chart_of(model, layer_range=("sum", "out"))
    assert [box.name for box in part.boxes] == ["sum", "out"] and part.arrows == [("sum", "out")]
    unbuilt = Sequential([Dense(2, name="one"), Dense(2, name="two")])
    assert chart_of(unbuilt).arrows == [("one", "two")]

    class Own(Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = Dense(2), Dense(3)

        def call(self, x):
            return self.second(self.first(x))

    assert len(chart_of(Own()).boxes) == 2 and not chart_of(Own()).arrows
    with pytest.raises(ValueError, match="no layers"):
        chart_of(Sequential())


def test_without_pydot_the_error_says_what_to_install(model, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydot", None)
    with pytest.raises(ImportError, match=r"jkeras\[plot\].*graphviz"):
        utils.plot_model(model)


def test_dot(model, tmp_path, monkeypatch):
    pytest.importorskip("pydot")
    text = utils.model_to_dot(model, True, True, show_layer_activations=True, show_trainable=True).to_string()
    for part in ("out (Dense)", "Input shape", "(None, 4)", "Output shape", "(None, 2)", "float32", "Trainable", "True",
                 "linear", "rankdir=TB", "dpi=200"):  # fmt: skip
        assert part in text, part
    assert "cluster" in utils.model_to_dot(model, expand_nested=True).to_string()
    assert "out (Dense)" not in utils.model_to_dot(model, show_layer_names=False).to_string()
    assert "subgraph" in utils.model_to_dot(model, subgraph=True).to_string()
    utils.plot_model(model, tmp_path / "model.dot")
    assert "digraph" in (tmp_path / "model.dot").read_text()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImportError, match="graphviz"):
        utils.plot_model(model, tmp_path / "model.png")
