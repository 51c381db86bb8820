"""What a notebook shows while a model is trained: one output a run, updated in place."""

from __future__ import annotations

import io
import re

import pytest
from test_progress import Clock

from jkeras.display import Progress, outputs
from jkeras.display.notebook import Notebook
from jkeras.display.pace import Pace
from jkeras.display.themes import THEMES


class Kernel:
    """Stands for a kernel: keeps what is displayed and how often it was updated."""

    def __init__(self, monkeypatch):
        display = pytest.importorskip("IPython.display")
        monkeypatch.setattr(display, "display", self.display)
        self.stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
        self.outputs = []
        self.updates = 0
        self.clock = Clock()

    def display(self, bundle, raw, display_id):
        assert raw and display_id
        self.outputs.append(bundle)
        return Handle(self, len(self.outputs) - 1)

    def progress(self, mode="fit", epochs=3, steps=100):
        return Progress(mode, epochs, steps, 1, self.stream, self.clock, lambda: 0.0)


class Handle:
    """What IPython returns to update an output by."""

    def __init__(self, kernel, place):
        self.kernel, self.place = kernel, place

    def update(self, bundle, raw):
        assert raw
        self.kernel.outputs[self.place] = bundle
        self.kernel.updates += 1


@pytest.fixture
def kernel(monkeypatch):
    return Kernel(monkeypatch)


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)).strip()


def test_an_epoch_that_runs(kernel):
    progress = kernel.progress()
    assert progress.is_live
    progress.epoch_begin(0)
    kernel.clock.now += 2
    progress.update(50, {"loss": 0.5, "<b>": 1.0}, samples=1600)
    (shown,) = kernel.outputs
    assert set(shown) == {"text/html", "text/plain"}
    assert shown["text/plain"] == "Epoch 1/3 -  50/100 - ETA: 2s - 40ms/step - loss: 0.5000 - <b>: 1.0000"
    assert '<progress value="50" max="100"' in shown["text/html"] and "&lt;b&gt;: 1.0000" in shown["text/html"]
    assert text_of(shown["text/html"]) == (
        "Epoch 1/3 - 50/100 - ETA: 2s - 40ms/step - loss: 0.5000 - &lt;b&gt;: 1.0000"
    )


def test_a_run_that_is_over_shows_a_row_an_epoch_and_the_best_of_all(kernel):
    progress = kernel.progress()
    for epoch, loss in enumerate((0.5, 0.25, 0.75)):
        progress.epoch_begin(epoch)
        kernel.clock.now += 2.5
        progress.epoch_end({"loss": 0.1, "val_loss": loss})
    progress.close()
    (shown,) = kernel.outputs
    assert text_of(shown["text/html"]) == (
        "3 of 3 epochs in 7.5s best val_loss: 0.2500 (epoch 2/3) epoch loss val_loss time "
        "1/3 0.1000 0.5000 2.5s 2/3 0.1000 0.2500 2.5s 3/3 0.1000 0.7500 2.5s"
    )
    assert re.findall(r"font-weight:bold[^>]*>([^<]*)", shown["text/html"]) == ["0.2500"]
    assert shown["text/plain"].splitlines()[1:] == [
        "Epoch 2/3 - 100/100 - 2s - 25ms/step - loss: 0.1000 - val_loss: 0.2500",
        "Epoch 3/3 - 100/100 - 2s - 25ms/step - loss: 0.1000 - val_loss: 0.7500",
    ]


def test_short_epochs_do_not_flood(kernel):
    progress = kernel.progress(epochs=1000)
    for epoch in range(1000):
        progress.epoch_begin(epoch)
        for step in (50, 100):
            kernel.clock.now += 0.001
            progress.update(step, {"loss": 1.0})
        progress.epoch_end({"loss": 1 / (2 + epoch) if epoch < 500 else 1.0})
    (shown,) = kernel.outputs
    assert kernel.updates <= 12
    assert shown["text/html"].count("<tr>") == 102  # the header, the best, and the last hundred
    assert "899 earlier epochs" not in shown["text/html"] and "900 earlier epochs" in shown["text/html"]
    assert "best loss: 0.0020 (epoch 500/1000)" in shown["text/html"]
    assert shown["text/plain"].count("\n") == 99 and len(shown["text/html"]) < 60_000


def test_a_run_that_stops_early_shows_its_last_epoch(kernel):
    progress = kernel.progress(epochs=100)
    for epoch in range(3):
        progress.epoch_begin(epoch)
        kernel.clock.now += 0.01
        progress.epoch_end({"loss": 0.5})
    assert "3/100" not in kernel.outputs[0]["text/html"]
    progress.close()
    assert text_of(kernel.outputs[0]["text/html"]).startswith("3 of 100 epochs in 30ms")


def test_a_run_that_was_broken_off_says_so(kernel):
    progress = kernel.progress()
    progress.epoch_begin(0)
    kernel.clock.now += 1
    progress.update(10, {"loss": 0.5})
    progress.close()
    assert "<progress" not in kernel.outputs[0]["text/html"]
    assert text_of(kernel.outputs[0]["text/html"]).startswith("Stopped: Epoch 1/3 - 10/100")


@pytest.mark.parametrize("mode", ["evaluate", "predict"])
def test_evaluate_and_predict_end_with_a_line(kernel, mode):
    progress = kernel.progress(mode, 1)
    progress.epoch_begin(0)
    kernel.clock.now += 1
    progress.update(10, {})
    progress.epoch_end({"loss": 0.5} if mode == "evaluate" else {})
    progress.close()
    (shown,) = kernel.outputs
    line = "100/100 - 1s - 10ms/step" + (" - loss: 0.5000" if mode == "evaluate" else "")
    assert shown["text/plain"] == text_of(shown["text/html"]) == line


def test_verbose_2_in_a_notebook_prints_lines(kernel):
    progress = Progress("fit", 1, 10, 2, kernel.stream, kernel.clock, lambda: 0.0)
    progress.epoch_begin(0)
    kernel.clock.now += 1
    progress.epoch_end({"loss": 0.5})
    assert not kernel.outputs and kernel.stream.getvalue() == "Epoch 1/1 - 10/10 - 1s - 100ms/step - loss: 0.5000\n"


def test_a_notebook_is_known_by_its_stream(kernel):
    output = outputs.output_for(kernel.stream, 1, THEMES["classic"], 1)
    assert isinstance(output, Notebook) and isinstance(output.pace, Pace)


@pytest.mark.slow
def test_a_real_notebook_has_one_output_a_run():
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cells = [
        "import numpy as np, jkeras\n"
        "x = np.ones((64, 2), 'float32')\n"
        "model = jkeras.Sequential([jkeras.layers.Dense(1)])\n"
        "model.compile('sgd', 'mse')",
        "print('before')\nhistory = model.fit(x, x[:, :1], epochs=100, validation_split=0.25)\nprint('after')",
        "value = model.evaluate(x, x[:, :1])",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    try:
        nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    except Exception as error:
        if type(error).__name__ == "NoSuchKernel":
            pytest.skip("there is no kernel named python3")
        raise
    assert [output.output_type for output in notebook.cells[1].outputs] == ["stream", "display_data", "stream"]
    shown = notebook.cells[1].outputs[1].data
    assert "100 of 100 epochs" in shown["text/html"] and shown["text/html"].count("<tr>") == 101
    assert shown["text/plain"].count("Epoch ") == 100
    assert len(notebook.cells[2].outputs) == 1
