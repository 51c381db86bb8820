"""`history.plot()`: the metrics of a training over its epochs."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.core.extras import optional
from jkeras.display.numbers import format_number
from jkeras.display.series import RATES, Pair, Series, caption, leading, pairs_of
from jkeras.display.width import columns

# Far apart in lightness as well, for print and for eyes that see no colours; both can be read on black.
_COLOURS = {"training": "#2b6ca8", "validation": "#ee8f2d"}
_DASHES = {"training": "solid", "validation": (0, (5, 1.5))}
_GREY = "0.5"
_POINTS_UNTIL = 24  # epochs up to which each value is a dot
_PANEL = (4.4, 2.9)  # inches
_WIDE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei",
    "SimHei", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Noto Sans CJK JP", "Arial Unicode MS",
)  # fmt: skip


def plot_history(
    history: Any,
    metrics: str | Sequence[str] | None = None,
    ax: Any = None,
    fig: Any = None,
    to_file: str | os.PathLike[str] | None = None,
) -> Any:
    """Draw a `History`; the arguments are those of `History.plot`.

    Raises:
        ImportError: If matplotlib is not installed.
        ValueError: If a metric is not in the history, axes and metrics differ in number, or there is nothing to draw.
    """
    figures = optional("matplotlib.figure", "history.plot()")
    if ax is not None and fig is not None:
        raise ValueError("history.plot takes ax= or fig=, not both: axes belong to a figure already.")
    pairs = pairs_of(history, metrics)
    if not pairs:
        raise ValueError("The history is empty: no epoch has ended. Call model.fit(...) first.")
    if ax is not None:
        axes = [*np.ravel(np.asarray(ax, dtype=object))]
        chosen = _for_axes(pairs, len(axes), metrics is None)
        best = _best_epoch(chosen)
        for one, pair in zip(axes, chosen, strict=True):
            _draw(one, pair, best)
            one.set_xlabel("epoch")
        axes[0].legend(handles=_handles(chosen, best), frameon=False, prop=_small(chosen))
        fig = axes[0].figure
    else:
        is_own = fig is None
        fig = figures.Figure(figsize=_size(pairs), layout="constrained") if is_own else fig
        _fill(fig, pairs, caption(history, pairs), is_own)
    if to_file is not None:
        fig.figure.savefig(os.fspath(to_file), dpi=160)  # of a part of a figure, the whole
    _let_notebooks_show(figures.Figure)
    return fig


def _for_axes(pairs: list[Pair], count: int, is_free: bool) -> list[Pair]:
    """Return one pair for each of the user's axes."""
    if is_free:
        first = leading(pairs)
        pairs = [first] if count == 1 and first is not None else [pair for pair in pairs if pair.name not in RATES]
    if len(pairs) != count:
        names = ", ".join(pair.name for pair in pairs)
        raise ValueError(f"ax has {count} axes for {len(pairs)} metrics ({names}): say which, metrics=[...].")
    return pairs


def _across(count: int) -> int:
    return min(count, 2) if count <= 4 else 3 if count <= 9 else 4


def _size(pairs: list[Pair]) -> tuple[float, float]:
    panels, rates = _split(pairs)
    across = _across(len(panels))
    width, height = (6.4, 3.9) if len(panels) == 1 else _PANEL
    return across * width, math.ceil(len(panels) / across) * height + (1.1 if rates else 0.0) + 0.4


def _split(pairs: list[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Return the panels, and what is drawn beneath them: the learning rate, unless it is all there is."""
    rates = [pair for pair in pairs if pair.name in RATES]
    panels = [pair for pair in pairs if pair.name not in RATES]
    return (panels, rates[:1]) if panels else (rates, [])


def _fill(fig: Any, pairs: list[Pair], told: str, is_own: bool) -> None:
    panels, rates = _split(pairs)
    across = _across(len(panels))
    rows = math.ceil(len(panels) / across)
    grid = fig.add_gridspec(rows + len(rates), across, height_ratios=[1.0] * rows + [0.34] * len(rates))
    best = _best_epoch(panels)
    for i, pair in enumerate(panels):
        axes = fig.add_subplot(grid[i // across, i % across])
        _draw(axes, pair, best)
        if not rates and i + across >= len(panels):
            axes.set_xlabel("epoch")
    for pair in rates:
        axes = fig.add_subplot(grid[rows, :])
        _draw_rate(axes, pair, best)
        axes.set_xlabel("epoch")
    handles = _handles(panels, best)
    if len(handles) > 1:
        where = "outside upper right" if is_own else "upper right"
        fig.legend(handles=handles, loc=where, ncols=len(handles), frameon=False, prop=_small(panels))
    fig.supxlabel(told, x=0.01, ha="left", fontsize="small", color=_GREY, fontfamily=_families(told))


def _draw(axes: Any, pair: Pair, best_epoch: int | None) -> None:
    """Draw one metric with its validation."""
    for role in ("training", "validation"):
        series = getattr(pair, role)
        if series is not None:
            _draw_series(axes, series, role)
    _dress(axes, pair.judged, best_epoch)
    told, best = "", pair.best()
    if best is not None:
        epoch, value = best
        colour = _COLOURS["training" if pair.judged is pair.training else "validation"]
        axes.plot([epoch], [value], "o", ms=9, mfc="none", mec=colour, mew=1.6, zorder=5)
        told = f"best {format_number(value)} in epoch {epoch}"
    elif not any(map(math.isfinite, pair.judged.values)):
        told = "no finite value"
    long = len(pair.name) > 34
    axes.set_title(
        pair.name, loc="left", pad=19, fontweight="bold", fontsize=8 if long else 11, fontfamily=_families(pair.name)
    )
    axes.text(0, 1.025, told, transform=axes.transAxes, fontsize="small", color=_GREY)


def _draw_series(axes: Any, series: Series, role: str) -> None:
    style: dict[str, Any] = {"color": _COLOURS[role], "linestyle": _DASHES[role], "linewidth": 1.8}
    if len(series.epochs) <= _POINTS_UNTIL:
        style |= {"marker": "o", "markersize": 3.5}
    values = np.asarray(series.values)
    lost = ~np.isfinite(values)
    axes.plot(series.epochs, np.where(lost, np.nan, values), label=role, **style)
    if lost.any():
        # A gap alone is overlooked: a cross on the axis says where there is no number.
        where = np.asarray(series.epochs)[lost]
        axes.plot(where, np.full(len(where), 0.02), "x", ms=5, color=_COLOURS[role],
                  transform=axes.get_xaxis_transform(), clip_on=False)  # fmt: skip


def _draw_rate(axes: Any, pair: Pair, best_epoch: int | None) -> None:
    series = pair.judged
    axes.plot(series.epochs, series.values, drawstyle="steps-mid", color=_GREY, linewidth=1.5)
    positive = [value for value in series.values if value > 0]
    if positive and max(positive) > 30 * min(positive) and len(positive) == len(series.values):
        axes.set_yscale("log")
    elif positive and max(positive) == min(positive):
        axes.set_ylim(0, 1.6 * max(positive))
    _dress(axes, series, best_epoch)
    axes.set_title(pair.name.replace("_", " "), loc="left", fontsize="small", color=_GREY)
    axes.tick_params(labelsize="small")


def _dress(axes: Any, series: Series, best_epoch: int | None) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=_GREY, alpha=0.25, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    first, last = min(series.epochs), max(series.epochs)
    drawn = [x for line in axes.lines for x in line.get_xdata()]
    first, last = min([first, *drawn]), max([last, *drawn])
    margin = max(0.5, 0.03 * (last - first))
    axes.set_xlim(max(first - margin, 0.5), last + margin)  # there is no epoch 0
    if best_epoch is not None:
        axes.axvline(best_epoch, color=_GREY, linestyle=":", linewidth=1.2, zorder=1)


def _best_epoch(pairs: list[Pair]) -> int | None:
    first = leading(pairs)
    best = first.best() if first is not None else None
    return best[0] if best is not None and len(first.judged.epochs) > 1 else None  # type: ignore[union-attr]


def _handles(pairs: list[Pair], best_epoch: int | None) -> list[Any]:
    """Return what the legend lists: what is drawn somewhere."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=_COLOURS[role], linestyle=_DASHES[role], linewidth=1.8, label=role)  # type: ignore[arg-type]
        for role in ("training", "validation")
        if any(getattr(pair, role) is not None for pair in pairs)
    ]
    first = leading(pairs)
    if best_epoch is not None and first is not None:
        label = f"best {first.judged.name}"
        handles.append(Line2D([], [], color=_GREY, linestyle=":", linewidth=1.2, label=label))
    return handles


def _small(pairs: list[Pair]) -> Any:
    """Return the font of a legend that may name one of the metrics."""
    return {"size": "small", "family": _families("".join(pair.name for pair in pairs))}


def _families(text: str) -> list[str]:
    """Return the families of fonts for `text`: those of the user, and one with Chinese characters if it has some."""
    import matplotlib
    from matplotlib import font_manager

    families = [*matplotlib.rcParams["font.family"]]
    if columns(text) > len(text):
        installed = {font.name for font in font_manager.fontManager.ttflist}
        families += [name for name in _WIDE_FONTS if name in installed][:1]
    return families


def _let_notebooks_show(figure: type) -> None:
    """Teach IPython to show figures, which it only learns by itself when pyplot is imported."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return
    shown = shell.display_formatter.formatters
    if all(figure not in formatter.type_printers for formatter in shown.values()):
        shown["image/png"].for_type(figure, _as_png)


def _as_png(figure: Any) -> bytes:
    import io

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
