"""Pictures of models: a node for each layer, an arrow for each tensor."""

from __future__ import annotations

import html
import os
import shutil
from collections.abc import Sequence
from typing import Any

import jax

from jkeras.core.extras import missing_package, optional
from jkeras.display.chart import Box, Chart, chart_of

_DRAWING = (
    "Drawing models",
    "It needs graphviz (https://graphviz.org/download) too, whose program `dot` has to be found.",
)
_LINE, _HEAD, _FROZEN = "#5b6770", "#d6e4f0", "#e4e4e4"


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    layer_range: Sequence[str] | None = None,
) -> Any:
    """Return a model as a graph of pydot.

    A model made by subclassing has a node for each layer and no arrows: what leads where is written in its `call`.

    Args:
        model: The model.
        show_shapes: Whether shapes of inputs and outputs are shown.
        show_dtype: Whether the dtype of the outputs is.
        show_layer_names: Whether names are, beside the classes.
        rankdir: "TB": from top to bottom, "LR": from left to right.
        expand_nested: Whether models among the layers are drawn open.
        dpi: Dots per inch.
        subgraph: Whether a cluster is returned, to be put into another graph.
        show_layer_activations: Whether activations are shown.
        show_trainable: Whether it is shown if a layer is trainable.
        splines: How arrows are drawn: "ortho", "curved", "polyline", "spline".
        layer_range: Names (or patterns) of the first and the last layer to draw.

    Returns:
        A `pydot.Dot`, or a `pydot.Cluster` for `subgraph=True`.

    Raises:
        ImportError: If pydot is not installed.
        ValueError: If there is nothing to draw.

    >>> from jkeras import layers, models
    >>> model = models.Sequential([layers.Dense(2, input_shape=(3,)), layers.Dense(1)])
    >>> for edge in model_to_dot(model).get_edges():
    ...     print(edge.get_source(), "->", edge.get_destination())
    "input_layer" -> "dense"
    "dense" -> "dense_1"

    Reference: `keras.utils.model_to_dot`.
    """
    pydot = optional("pydot", *_DRAWING)
    options = dict(
        shapes=show_shapes, dtype=show_dtype, names=show_layer_names, activations=show_layer_activations,
        trainable=show_trainable,
    )  # fmt: skip
    style = dict(rankdir=rankdir, splines=splines, dpi=dpi)
    if subgraph:
        graph = _cluster(pydot, model.name, model.name, rankdir=rankdir)
    else:
        graph = pydot.Dot(_identifier(model.name), graph_type="digraph", bgcolor="white", pad="0.2", **style)
    graph.set_node_defaults(shape="plaintext", fontname="Helvetica", fontsize="12")
    graph.set_edge_defaults(color=_LINE, arrowsize="0.7")
    _fill(pydot, graph, chart_of(model, expand_nested, layer_range), options)
    return graph


def _fill(pydot: Any, graph: Any, chart: Chart, options: dict[str, bool]) -> None:
    for box in chart.boxes:
        if box.inside is None:
            graph.add_node(pydot.Node(_quoted(box.key), label=_label(box, **options)))
            continue
        cluster = _cluster(pydot, box.key, box.name)
        _fill(pydot, cluster, box.inside, options)
        graph.add_subgraph(cluster)
    for source, target in chart.arrows:
        graph.add_edge(pydot.Edge(_quoted(source), _quoted(target)))


def _cluster(pydot: Any, key: str, name: str, **style: str) -> Any:
    """Return the frame around the layers of a nested model."""
    style |= {"fontname": "Helvetica", "fontsize": "12", "color": _LINE, "bgcolor": "#00000008"}
    return pydot.Cluster(graph_name=_identifier(key), label=_quoted(name), style='"rounded,dashed"', **style)


def _identifier(text: str) -> str:
    """Return a name that graphviz takes without quotes, another one for each text."""
    return "g_" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _label(box: Box, shapes: bool, dtype: bool, names: bool, activations: bool, trainable: bool) -> str:
    """Return the table of one layer, in the HTML of graphviz."""
    layer, kind = box.layer, type(box.layer).__name__
    kind = "Functional" if kind == "Model" else kind
    lines = []
    if activations and getattr(layer, "activation", None) is not None:
        activation = layer.activation
        lines.append(("Activation", getattr(activation, "__name__", type(activation).__name__)))
    if shapes:
        lines += [("Input shape", _shape(layer, "input")), ("Output shape", _shape(layer, "output"))]
    if dtype:
        lines.append(("Output dtype", _of_tensors(layer, "output", lambda tensor: str(tensor.dtype))))
    if trainable and layer.weights:
        lines.append(("Trainable", str(bool(layer.trainable))))
    head = f"{html.escape(box.name)} ({html.escape(kind)})" if names else html.escape(kind)
    fill = _FROZEN if trainable and layer.weights and not layer.trainable else _HEAD
    rows = f'<tr><td colspan="2" bgcolor="{fill}"><b>{head}</b></td></tr>'
    for what, value in lines:
        cells = f'<td align="left" sides="LB">{what}:</td><td align="left" sides="RB">{html.escape(value)}</td>'
        rows += f"<tr>{cells}</tr>"
    style = f'border="0" cellborder="1" cellspacing="0" cellpadding="5" color="{_LINE}" bgcolor="white"'
    return f"<<table {style}>{rows}</table>>"


def _shape(layer: Any, side: str) -> str:
    return _of_tensors(layer, side, lambda tensor: str(tuple(tensor.shape)))


def _of_tensors(layer: Any, side: str, describe: Any) -> str:
    """Describe the input or output tensors of the first use of a layer; "?" if it was not used."""
    try:
        tensors = jax.tree.leaves(getattr(layer, side))
    except (AttributeError, ValueError):
        return "?"
    return ", ".join(describe(tensor) for tensor in tensors)


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    layer_range: Sequence[str] | None = None,
) -> Any:
    """Draw a model and write the picture to a file.

    Args:
        model: The model.
        to_file: The file; its ending says the format: .png, .svg, .pdf, ...; .dot needs no graphviz.
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable: As in `model_to_dot`.
        rankdir, expand_nested, dpi, splines, layer_range: As there.

    Returns:
        In a notebook an image to be shown, elsewhere None.

    Raises:
        ImportError: If pydot or graphviz is not installed.

    >>> import tempfile
    >>> from jkeras import layers, models
    >>> file = os.path.join(tempfile.mkdtemp(), "model.dot")
    >>> plot_model(models.Sequential([layers.Dense(2, input_shape=(3,))]), file)
    >>> with open(file) as text:
    ...     text.read(7)
    'digraph'

    Reference: `keras.utils.plot_model`.
    """
    graph = model_to_dot(
        model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, False, show_layer_activations,
        show_trainable, splines, layer_range,
    )  # fmt: skip
    to_file = os.fspath(to_file)
    ending = os.path.splitext(to_file)[1][1:].lower() or "png"
    if ending == "dot":
        graph.write_raw(to_file)
        return None
    if shutil.which("dot") is None:
        raise missing_package("pydot", *_DRAWING)
    graph.write(to_file, format=ending)
    shown = "SVG" if ending == "svg" else "Image" if ending in ("png", "jpg", "jpeg", "gif") else None
    try:
        from IPython import display
    except ImportError:
        return None
    return getattr(display, shown)(filename=to_file) if shown is not None else None
