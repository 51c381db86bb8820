"""What `fit` returns: which epochs values belong to, data frames, and the plot."""

from __future__ import annotations

import io
import math
import pickle
import sys

import numpy as np
import pytest

from jkeras import layers
from jkeras.callbacks import History, LambdaCallback
from jkeras.display.series import pairs_of
from jkeras.models import Model, Sequential


def recorded(*epochs, **options):
    """A history of these logs."""
    history = History(**options)
    for number, logs in enumerate(epochs):
        history.on_epoch_end(number, logs)
    return history


def falling(count, *names, validation=True, every=1):
    """A history in which every metric falls, and that of validation rises again in the end."""
    rows = []
    for epoch in range(count):
        logs = dict.fromkeys(names, 1 / (epoch + 1))
        if validation and (epoch + 1) % every == 0:
            logs |= {f"val_{name}": (epoch - 0.7 * count) ** 2 for name in names}
        rows.append(logs)
    return recorded(*rows)


def trained(epochs=4, **options):
    model = Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((8, 3), "float32"), np.zeros((8, 1), "float32")
    return model, model.fit(x, y, epochs=epochs, verbose=0, **options)


def test_values_that_come_in_some_epochs_know_which():
    x, y = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")
    _, history = trained(5, validation_data=(x, y), validation_freq=2)
    assert len(history.history["loss"]) == 5 and len(history.history["val_loss"]) == 2
    assert history.series("loss")[0] == [0, 1, 2, 3, 4] and history.series("val_loss")[0] == [1, 3]
    assert history.seconds > 0 and 0 < history.compile_seconds < history.seconds


def test_a_history_used_twice_counts_on():
    history = History()
    model, _ = trained(2, callbacks=[history])
    model.fit(np.ones((4, 3), "float32"), np.zeros((4, 1), "float32"), epochs=2, verbose=0, callbacks=[history])
    assert history.epoch == [0, 1] and len(history.history["loss"]) == 4  # as in Keras
    assert history.series("loss")[0] == [0, 1, 2, 3]
    model.fit(
        np.ones((4, 3), "float32"), np.zeros((4, 1), "float32"), initial_epoch=7, epochs=8, verbose=0,
        callbacks=[history],
    )  # fmt: skip
    assert history.series("loss")[0] == [0, 1, 2, 3, 7]


def test_the_state_says_which_epochs_and_older_states_do_without():
    history = falling(4, "loss", every=2)
    again = History()
    again.load_state_dict(history.state_dict())
    assert again.series("val_loss") == history.series("val_loss")
    older = {k: v for k, v in history.state_dict().items() if k != "epochs_of"}
    again.load_state_dict(older)
    assert again.series("loss")[0] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="surprise"):
        again.load_state_dict({"surprise": 1})


def test_what_a_user_writes_to_the_history_is_taken_as_it_is():
    history = falling(3, "loss")
    history.history["mine"] = [1.0, 2.0]
    history.history["loss"].append(9.0)
    assert history.series("mine") == ([0, 1], [1.0, 2.0])
    assert history.series("loss")[0] == [0, 1, 2, 3]


def test_a_data_frame_has_a_row_for_each_epoch():
    pandas = pytest.importorskip("pandas")
    history = falling(4, "loss", every=2)
    frame = history.to_frame()
    assert list(frame.index) == [0, 1, 2, 3] and frame.index.name == "epoch"
    assert list(frame.columns) == ["loss", "val_loss"]
    assert frame["val_loss"].isna().tolist() == [True, False, True, False]
    assert History().to_frame().empty
    plain = falling(3, "loss")
    assert pandas.DataFrame(plain.history).shape == (3, 2)  # the way of scripts


def test_without_pandas_the_error_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"jkeras\[pandas\]"):
        falling(1, "loss").to_frame()


def test_metrics_are_paired_and_judged_in_their_own_direction():
    history = recorded(
        {"loss": 2.0, "out_accuracy": 0.5, "surprise": 1.0, "note": "text", "val_loss": 1.0, "val_out_accuracy": 0.4},
        {"loss": 1.0, "out_accuracy": 0.7, "surprise": 2.0, "note": "text", "val_loss": 3.0, "val_out_accuracy": 0.6},
        {"loss": 1.5, "out_accuracy": 0.6, "surprise": 3.0, "note": "text", "val_loss": math.nan},
    )
    pairs = {pair.name: pair for pair in pairs_of(history)}
    assert list(pairs) == ["loss", "out_accuracy", "surprise"]  # text is nothing to draw
    assert pairs["loss"].best() == (1, 1.0)
    assert pairs["out_accuracy"].best() == (2, 0.6)
    assert pairs["surprise"].best() is None
    with pytest.raises(ValueError, match="Did you mean 'out_accuracy'"):
        pairs_of(history, "out_acuracy")


plt = pytest.importorskip("matplotlib")


def panels(figure):
    """What is drawn in each panel: title to the lines of data, as (epochs, values)."""
    return {
        axes.get_title(loc="left"): {
            line.get_label(): ([*map(int, line.get_xdata())], [*map(float, line.get_ydata())])
            for line in axes.lines
            if not line.get_label().startswith("_")
        }
        for axes in figure.axes
    }


def test_each_metric_has_a_panel_with_its_validation():
    history = falling(6, "loss", "mae", every=2)
    drawn = panels(history.plot())
    assert list(drawn) == ["loss", "mae"]
    assert drawn["loss"]["training"][0] == [1, 2, 3, 4, 5, 6]
    assert drawn["loss"]["validation"][0] == [2, 4, 6]
    assert drawn["loss"]["training"][1] == history.history["loss"]


def test_the_learning_rate_is_beneath():
    history = recorded(*({"loss": 1.0 / e, "learning_rate": 0.1**e} for e in range(1, 5)))
    figure = history.plot()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "learning rate"]
    above, below = figure.axes
    figure.draw_without_rendering()
    assert below.get_position().y1 < above.get_position().y0 and below.get_yscale() == "log"
    assert len(history.plot("loss").axes) == 1


def test_the_best_epoch_is_marked():
    history = recorded(
        {"loss": 3.0, "val_loss": 3.0, "val_accuracy": 0.1},
        {"loss": 2.0, "val_loss": 1.0, "val_accuracy": 0.2},
        {"loss": 1.0, "val_loss": 2.0, "val_accuracy": 0.9},
    )
    figure = history.plot()
    for axes, own in zip(figure.axes, (2, 3), strict=True):
        dotted = [line for line in axes.lines if line.get_linestyle() == ":"]
        assert [line.get_xdata()[0] for line in dotted] == [2]  # of val_loss, in every panel
        rings = [line for line in axes.lines if line.get_markerfacecolor() == "none"]
        assert [line.get_xdata()[0] for line in rings] == [own]
        assert f"in epoch {own}" in axes.texts[0].get_text()
    assert "3 epochs" in figure.get_supxlabel() and "best val_loss 1.000 in epoch 2" in figure.get_supxlabel()


@pytest.mark.parametrize("metrics", [1, 2, 3, 5, 12])
@pytest.mark.parametrize("epochs", [1, 30])
def test_any_number_of_metrics_and_epochs(metrics, epochs):
    figure = falling(epochs, "loss", *(f"out_{i}_mae" for i in range(metrics - 1))).plot()
    figure.draw_without_rendering()
    assert len(figure.axes) == metrics
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    low, high = figure.axes[0].get_xlim()
    assert 0 < low < 1 and high > epochs


def test_values_that_are_not_finite_are_gaps_with_crosses():
    figure = recorded(*({"loss": v} for v in (1.0, math.nan, math.inf, 0.5))).plot()
    figure.draw_without_rendering()
    line, crosses = figure.axes[0].lines[:2]
    assert np.isnan(line.get_ydata()).tolist() == [False, True, True, False]
    assert crosses.get_marker() == "x" and crosses.get_xdata().tolist() == [2, 3]
    only = recorded({"loss": math.nan}, {"loss": math.nan}).plot()
    only.draw_without_rendering()
    assert only.axes[0].texts[0].get_text() == "no finite value"


def test_metrics_of_several_values_show_their_mean():
    assert panels(recorded({"f1": np.array([0.2, 0.4])}).plot())["f1"]["training"][1] == [pytest.approx(0.3)]


def test_chinese_names_find_a_font():
    from matplotlib import font_manager

    from jkeras.display.curves import _WIDE_FONTS

    if not {font.name for font in font_manager.fontManager.ttflist} & {*_WIDE_FONTS}:
        pytest.skip("no font with Chinese characters is installed")
    figure = recorded({"输出_loss": 1.0, "val_输出_loss": 1.0}, {"输出_loss": 0.5, "val_输出_loss": 0.7}).plot()
    figure.savefig(io.BytesIO(), format="png")  # a missing glyph is a warning, which fails the test


def test_a_users_axes_and_figures(tmp_path):
    from matplotlib.figure import Figure

    history = falling(3, "loss", "mae")
    figure = Figure()
    assert history.plot(ax=figure.subplots(1, 2), to_file=tmp_path / "both.svg") is figure
    assert list(panels(figure)) == ["loss", "mae"] and (tmp_path / "both.svg").stat().st_size > 1000
    figure = Figure()
    history.plot(ax=figure.subplots())
    assert list(panels(figure)) == ["loss"]
    parts = Figure(layout="constrained").subfigures(1, 2)
    assert history.plot("mae", fig=parts[1]) is parts[1] and len(parts[1].axes) == 1
    with pytest.raises(ValueError, match="2 axes for 1 metrics"):
        history.plot("mae", ax=Figure().subplots(1, 2))
    with pytest.raises(ValueError, match="not both"):
        history.plot(ax=1, fig=2)


def test_pyplot_knows_nothing_of_the_figure(tmp_path):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    figure = falling(3, "loss").plot(to_file=tmp_path / "loss.png")
    assert pyplot.get_fignums() == before
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert len(pickle.dumps(figure)) > 1000


def test_notebooks_show_the_figure():
    shells = pytest.importorskip("IPython.core.interactiveshell")
    shell = shells.InteractiveShell.instance()
    try:
        figure = falling(3, "loss").plot()
        data, _ = shell.display_formatter.format(figure)
        assert data["image/png"].startswith(b"\x89PNG")
    finally:
        shells.InteractiveShell.clear_instance()


def test_nothing_to_draw_and_no_matplotlib(monkeypatch):
    with pytest.raises(ValueError, match="no epoch has ended"):
        History().plot()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"jkeras\[plot\]"):
        falling(1, "loss").plot()


def test_models_of_several_outputs():
    inputs = layers.Input((2,))
    model = Model(inputs, [layers.Dense(1, name="a")(inputs), layers.Dense(1, name="b")(inputs)])
    model.compile("sgd", "mse", metrics=[["mae"], ["mae"]])
    x, y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")
    seen = []
    history = model.fit(
        x, [y, y], epochs=2, verbose=0, validation_split=0.5,
        callbacks=[LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(repr(model.history)))],
    )  # fmt: skip
    assert list(panels(history.plot())) == ["loss", "a_loss", "b_loss", "a_mae", "b_mae"]
    assert seen[0].startswith("<History of 0 epochs") and repr(history).startswith("<History of 2 epochs: loss, a_loss")
