"""Equations of `EinsumDense`: what is refused, and how a kernel begins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jkeras import layers

# What Keras's variables do with a newer numpy is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "shape", "message"),
    [
        ("ab,bc,cd->ad", 4, None, (2, 3), "none of the forms"),
        ("abc->ac", 4, None, (2, 3, 4), "none of the forms"),
        ("a...b,bc->a...c", 4, None, (2, 3, 4), "none of the forms"),
        ("...ab,bc->ac...", 4, None, (2, 3), "none of the forms"),
        ("ab,bc->ad", 4, None, (2, 3), "'d' in the outputs"),
        ("ab,cd->ac", 4, None, (2, 3), "the size of axis 'd'"),
        ("abc,cde->abde", (None, 4, None), None, (2, 3, 5), "the size of axis 'e'"),
        ("abc,cd->abd", (7, 4), None, (2, 3, 5), "size 3 in the inputs, 7 in output_shape"),
        ("ab,bc->ac", (4, 5), None, (2, 3), "needs 1 sizes, of the axes 'c'"),
        ("ab,bc->ac", 4, "z", (2, 3), "bias_axes has 'z'"),
        ("ab,bc->ac", 4, None, (2, 3, 4), "does not fit inputs of shape"),
        ("...abc,cd->...abd", (None, None, 4), None, (2, 3), "does not fit inputs of shape"),
    ],
)
def test_what_does_not_fit_is_refused(
    equation: str, output_shape: Any, bias_axes: Any, shape: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        layers.EinsumDense(equation, output_shape, bias_axes=bias_axes).init(0, shape)


def test_a_built_layer_refuses_other_sizes() -> None:
    layer = layers.EinsumDense("...ab,bc->...ac", (None, 4))
    params, state = layer.init(0, (2, 5, 3))
    assert layer.apply(params, state, np.ones((2, 6, 5, 3), "float32"))[0].shape == (2, 6, 5, 4)
    with pytest.raises(ValueError, match="size 3 in axis -1"):
        layer.apply(params, state, np.ones((2, 5, 4), "float32"))


def test_unknown_dimensions_are_those_of_the_inputs() -> None:
    x = layers.Input((None, 3))
    assert layers.EinsumDense("btc,chd->bhtd", (2, None, 5), bias_axes="d")(x).shape == (None, 2, None, 5)
    with pytest.raises(ValueError, match="a dimension is unknown"):
        layers.EinsumDense("btc,cd->btd", (None, 5), bias_axes="td")(x)


@pytest.mark.parametrize(
    ("equation", "output_shape", "shape"),
    [("abc,cde->abde", (None, 20, 30), (None, 4, 100)), ("btnh,nhd->btd", (None, 60), (2, 4, 10, 100))],
)
@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal", "orthogonal"])
def test_kernels_begin_as_in_keras(equation: str, output_shape: Any, shape: Any, initializer: str) -> None:
    keras = pytest.importorskip("keras")
    ours, theirs = (
        package.EinsumDense(equation, output_shape, kernel_initializer=initializer)
        for package in (layers, keras.layers)
    )
    params, _ = ours.init(0, shape)
    theirs.build(shape)
    kernel, expected = params["einsum_dense"]["kernel"], theirs.get_weights()[0]
    assert kernel.shape == expected.shape
    np.testing.assert_allclose(kernel.std(), expected.std(), rtol=0.03)
    assert ours.get_config()["kernel_initializer"]["config"].get("input_axes") is None
