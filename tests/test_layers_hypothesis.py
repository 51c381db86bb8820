"""Configurations and shapes that nobody thought of: outputs and gradients are still those of Keras."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import compare
from rows.kinds import Comparison

pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ACTIVATIONS = st.sampled_from([None, "relu", "tanh", "softplus", "elu", "softmax"])
FORMATS = st.sampled_from(["channels_last", "channels_first"])
small = st.integers(1, 3)


def grid(draw: Any, rank: int, least: int = 3, channels: int | None = None) -> tuple[tuple[int, ...], str]:
    """Return the shape of a batch of grids, and its data format."""
    data_format = draw(FORMATS)
    sizes = [draw(st.integers(least, least + 3)) for _ in range(rank)]
    channels = draw(small) if channels is None else channels
    where = (*sizes, channels) if data_format == "channels_last" else (channels, *sizes)
    return (draw(st.integers(1, 2)), *where), data_format


def window(draw: Any, rank: int) -> dict[str, Any]:
    """Return strides or a dilation rate, of which one must be 1."""
    which = draw(st.sampled_from(["strides", "dilation_rate"]))
    sizes = tuple(draw(st.integers(1, 2)) for _ in range(rank))
    return {which: sizes}


@st.composite
def dense(draw: Any) -> Comparison:
    shape = tuple(draw(small) for _ in range(draw(st.integers(2, 4))))
    kwargs = {"activation": draw(ACTIVATIONS), "use_bias": draw(st.booleans())}
    # Keras warns of a softmax over one number.
    return Comparison("Dense", kwargs, shape, args=(draw(st.integers(2, 4)),))


@st.composite
def convolution(draw: Any) -> Comparison:
    rank, groups = draw(small), draw(st.integers(1, 2))
    shape, data_format = grid(draw, rank, least=5, channels=groups * draw(st.integers(1, 2)))
    padding = draw(st.sampled_from(["valid", "same", *(["causal"] if rank == 1 else [])]))
    if padding == "causal":
        data_format, shape = "channels_last", (shape[0], shape[1] + 4, groups * 2)
    size = tuple(draw(small) for _ in range(rank))
    kwargs = {"padding": padding, "data_format": data_format, "groups": groups, **window(draw, rank)}
    kwargs |= {"use_bias": draw(st.booleans()), "activation": draw(st.sampled_from([None, "tanh"]))}
    return Comparison(f"Conv{rank}D", kwargs, shape, args=(groups * draw(st.integers(1, 2)), size))


@st.composite
def transposed(draw: Any) -> Comparison:
    rank = draw(st.integers(1, 2))
    shape, data_format = grid(draw, rank)
    kwargs = {"padding": draw(st.sampled_from(["valid", "same"])), "data_format": data_format}
    kwargs["strides"] = tuple(draw(small) for _ in range(rank))
    return Comparison(
        f"Conv{rank}DTranspose", kwargs, shape, args=(draw(small), tuple(draw(small) for _ in range(rank)))
    )


@st.composite
def depthwise(draw: Any) -> Comparison:
    rank, kind = draw(st.integers(1, 2)), draw(st.sampled_from(["Depthwise", "Separable"]))
    shape, data_format = grid(draw, rank, least=5)
    size = tuple(draw(small) for _ in range(rank))
    kwargs = {"padding": draw(st.sampled_from(["valid", "same"])), "data_format": data_format}
    kwargs |= {"depth_multiplier": draw(st.integers(1, 2)), "strides": (draw(st.integers(1, 2)),) * rank}
    args = (size,) if kind == "Depthwise" else (draw(small), size)
    return Comparison(f"{kind}Conv{rank}D", kwargs, shape, args=args)


@st.composite
def pooling(draw: Any) -> Comparison:
    rank, kind = draw(small), draw(st.sampled_from(["Max", "Average"]))
    shape, data_format = grid(draw, rank, least=4)
    kwargs = {"padding": draw(st.sampled_from(["valid", "same"])), "data_format": data_format}
    kwargs |= {"pool_size": tuple(draw(small) for _ in range(rank))}
    kwargs |= {"strides": draw(st.sampled_from([None, (1,) * rank, (2,) * rank]))}
    return Comparison(f"{kind}Pooling{rank}D", kwargs, shape, ties=draw(st.booleans()))


@st.composite
def reshaped(draw: Any) -> Comparison:
    rank, kind = draw(small), draw(st.sampled_from(["Cropping", "ZeroPadding", "UpSampling"]))
    shape, data_format = grid(draw, rank, least=4)
    if kind == "UpSampling":
        kwargs: dict[str, Any] = {"size": draw(small) if rank == 1 else tuple(draw(small) for _ in range(rank))}
    else:
        pairs = tuple((draw(st.integers(0, 1)), draw(st.integers(0, 2))) for _ in range(rank))
        kwargs = {kind.removeprefix("Zero").lower(): pairs[0] if rank == 1 else pairs}
    if rank == 1:
        shape = (shape[0], 5, 2)
    else:
        kwargs["data_format"] = data_format
    return Comparison(f"{kind}{rank}D", kwargs, shape)


@st.composite
def normalized(draw: Any) -> Comparison:
    shape = (draw(st.integers(2, 3)), *(draw(st.integers(2, 4)) for _ in range(draw(small))))
    kind = draw(st.sampled_from(["BatchNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]))
    axis = draw(st.integers(1, len(shape) - 1))
    # Keras fails for an RMSNormalization of another axis than the last.
    kwargs: dict[str, Any] = {"axis": -1 if kind == "RMSNormalization" else draw(st.sampled_from([-1, axis]))}
    if kind in ("BatchNormalization", "LayerNormalization"):
        kwargs |= {"center": draw(st.booleans()), "scale": draw(st.booleans()), "epsilon": 0.01}
    return Comparison(kind, kwargs, shape, training=kind == "BatchNormalization" and draw(st.booleans()))


@st.composite
def recurrent(draw: Any) -> Comparison:
    shape = (draw(small), draw(st.integers(3, 5)), draw(small))
    kind = draw(st.sampled_from(["LSTM", "GRU", "SimpleRNN"]))
    flags = ("return_sequences", "return_state", "go_backwards", "use_bias")
    kwargs: dict[str, Any] = {flag: draw(st.booleans()) for flag in flags}
    if kind == "GRU":
        kwargs["reset_after"] = draw(st.booleans())
    kwargs["activation"] = draw(st.sampled_from(["tanh", "relu", "softsign"]))
    return Comparison(kind, kwargs, shape, args=(3,), mask=draw(st.booleans()))


@st.composite
def merged(draw: Any) -> Comparison:
    kind = draw(st.sampled_from(["Add", "Multiply", "Average", "Maximum", "Concatenate"]))
    shape = (2, *(draw(small) for _ in range(draw(st.integers(1, 3)))))
    kwargs = {"axis": draw(st.integers(1, len(shape) - 1))} if kind == "Concatenate" else {}
    return Comparison(kind, kwargs, [shape] * draw(st.integers(2, 3)))


FAMILIES = [dense, convolution, transposed, depthwise, pooling, reshaped, normalized, recurrent, merged]
quiet = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True, "database": None}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
@settings(max_examples=4, **quiet)
@given(data=st.data())
def test_drawn_layers_agree_with_keras(family: Any, data: Any) -> None:
    compare(data.draw(family()))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
@settings(max_examples=60, **{**quiet, "derandomize": False})
@given(data=st.data())
def test_many_drawn_layers_agree_with_keras(family: Any, data: Any) -> None:
    compare(data.draw(family()))
