"""The same weights give the same outputs, gradients, masks and state as Keras on JAX, over a table of arguments."""

from __future__ import annotations

import functools
import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers
from jkeras.core.template import weights_of

keras = pytest.importorskip("keras")
# What Keras's variables do with a newer numpy is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


# How well the programs are optimised is not tested, and takes most of the time.
compiled = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
)


class Row(NamedTuple):
    """A layer with its arguments, what it is called on, and how."""

    name: str
    kwargs: dict[str, Any]
    shapes: Any
    args: tuple[Any, ...] = ()
    mask: bool = False
    training: bool = False
    states: int = 0
    """Number of initial states, of 3 units, that are passed."""
    high: int | None = None
    wrap: str | None = None
    """The class of the layer inside a wrapper, made with `kwargs`; the wrapper is made with `args`."""
    outer: dict[str, Any] = {}
    ties: bool = False

    def make(self, package: Any) -> Any:
        if self.wrap is not None:
            inner = getattr(package, self.wrap)(*self.args, **self.kwargs)
            return getattr(package, self.name)(inner, **self.outer)
        return getattr(package, self.name)(*self.args, **self.kwargs)

    def __str__(self) -> str:
        parts = [self.name, self.wrap or "", *map(str, self.args), *(f"{k}={v}" for k, v in self.kwargs.items())]
        parts += [f"{k}={v}" for k, v in self.outer.items()]
        parts += [flag for flag in ("mask", "training", "states", "ties") if getattr(self, flag)]
        return "-".join(p for p in parts if p).replace(" ", "")


SEQ, IMG, VOL, VEC = (3, 6, 4), (2, 7, 6, 4), (2, 4, 5, 4, 2), (3, 4)


def rows(name: str, shapes: Any, *variants: dict[str, Any], **options: Any) -> list[Row]:
    return [Row(name, kwargs, shapes, **options) for kwargs in variants]


def recurrent(name: str, *own: dict[str, Any]) -> list[Row]:
    units = (3,)
    both, backwards = {"return_sequences": True, "return_state": True}, {"go_backwards": True, "return_sequences": True}
    states = 2 if name == "LSTM" else 1
    return [
        *rows(name, SEQ, {}, backwards, {"use_bias": False}, *own, args=units),
        *rows(name, SEQ, both, backwards, *own[:1], args=units, mask=True),
        *rows(name, SEQ, {"return_state": True, "activation": "relu"}, args=units, mask=True),
        *rows(name, SEQ, {"unroll": True}, args=units, states=states),
        *rows(name, SEQ, both, args=units, states=states, mask=True),
    ]


ROWS = [
    *rows("Dense", VEC, {}, {"use_bias": False, "activation": "relu"}, {"activation": "softmax"}, args=(5,)),
    *rows("Dense", SEQ, {"activation": "gelu"}, args=(5,), mask=True),
    *[Row("Activation", {}, VEC, args=(name,)) for name in ("relu", "tanh", "softmax", "elu", "selu", "swish")],
    *rows("ReLU", VEC, {}, {"max_value": 0.5, "negative_slope": 0.2, "threshold": 0.1}),
    *rows("LeakyReLU", VEC, {}, {"negative_slope": 0.1}),
    *rows("ELU", VEC, {}, {"alpha": 0.5}),
    *rows("PReLU", SEQ, {"alpha_initializer": "uniform"}, {"shared_axes": [1], "alpha_initializer": "uniform"}),
    *rows("Softmax", SEQ, {}, {"axis": 1}, {"axis": (1, 2)}),
    *rows("Dropout", VEC, {}, args=(0.4,)),
    *rows("SpatialDropout1D", SEQ, {}, args=(0.4,)),
    *rows("Flatten", IMG, {}, {"data_format": "channels_first"}),
    Row("Flatten", {}, (3,)),
    *[Row("Reshape", {}, SEQ, args=(shape,)) for shape in ((3, 8), (-1,), (2, -1, 3))],
    Row("Permute", {}, IMG, args=((3, 1, 2),)),
    Row("RepeatVector", {}, VEC, args=(3,)),
    *rows("Embedding", (3, 6), {}, {"mask_zero": True}, args=(7, 4), high=7),
    *rows("Masking", SEQ, {}, {"mask_value": 1.0}, ties=True),
    *rows("Conv1D", SEQ, {}, {"strides": 2}, {"padding": "same"}, args=(4, 3)),
    *rows("Conv1D", SEQ, {"padding": "causal", "dilation_rate": 2}, args=(4, 3)),
    *rows("Conv1D", SEQ, {"data_format": "channels_first"}, {"groups": 2, "use_bias": False}, args=(4, 2)),
    *rows("Conv2D", IMG, {}, {"strides": (2, 1), "padding": "same"}, {"dilation_rate": (1, 2)}, args=(4, (3, 2))),
    *rows("Conv2D", IMG, {"data_format": "channels_first"}, {"groups": 2, "activation": "relu"}, args=(4, 2)),
    *rows("Conv3D", VOL, {}, {"padding": "same", "strides": 2}, args=(3, 2)),
    *[
        row
        for rank, shape in ((1, SEQ), (2, IMG), (3, VOL))
        for kind in ("Max", "Average")
        for row in rows(
            f"{kind}Pooling{rank}D",
            shape,
            {"pool_size": 2},
            {"pool_size": 3, "strides": 2, "padding": "same"},
            {"pool_size": 2, "data_format": "channels_first"},
            ties=True,
        )
    ],
    *[
        row
        for rank, shape in ((1, SEQ), (2, IMG), (3, VOL))
        for kind in ("Max", "Average")
        for row in rows(f"Global{kind}Pooling{rank}D", shape, {}, {"keepdims": True, "data_format": "channels_first"})
    ],
    *rows("GlobalAveragePooling1D", SEQ, {}, {"keepdims": True}, mask=True),
    *rows("BatchNormalization", SEQ, {}, {"axis": 1, "scale": False}, training=True),
    *rows("BatchNormalization", SEQ, {"center": False, "momentum": 0.5}, training=True),
    *rows("BatchNormalization", SEQ, {}, {"epsilon": 0.1}, {"trainable": False}),
    *rows("BatchNormalization", SEQ, {"trainable": False}, training=True),
    *rows("BatchNormalization", SEQ, {}, training=True, mask=True),
    *rows("LayerNormalization", SEQ, {}, {"axis": [1, 2]}, {"center": False, "epsilon": 0.1}),
    *rows("LayerNormalization", SEQ, {"scale": False, "axis": 1}),
    *[Row(name, {}, [SEQ, SEQ]) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")],
    *[Row(name, {}, [SEQ, SEQ], mask=True) for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")],
    *[Row(name, {}, [SEQ, (3, 4), (3, 1, 4)]) for name in ("Add", "Multiply", "Maximum")],
    *rows("Concatenate", [SEQ, SEQ], {}, {"axis": 1}, {"axis": -1}),
    *rows("Concatenate", [SEQ, SEQ], {}, {"axis": 1}, mask=True),
    *rows("Dot", [SEQ, (3, 5, 4)], {"axes": 2}, {"axes": -1, "normalize": True}),
    *rows("Dot", [SEQ, (3, 5, 6)], {"axes": (1, 2)}),
    *rows("Dot", [VEC, VEC], {"axes": 1}, {"axes": 1, "normalize": True}),
    *recurrent("LSTM", {"recurrent_activation": "hard_sigmoid"}, {"unit_forget_bias": False}),
    *recurrent("GRU", {"reset_after": False}, {"reset_after": False, "use_bias": False}),
    *recurrent("SimpleRNN"),
    *[
        Row("Bidirectional", inner, SEQ, args=(3,), wrap=wrap, outer={"merge_mode": mode}, mask=mask)
        for wrap, mode, mask, inner in (
            ("LSTM", "concat", True, {"return_sequences": True}),
            ("LSTM", "sum", False, {"return_sequences": True, "return_state": True}),
            ("LSTM", "mul", True, {}),
            ("GRU", "ave", False, {"return_sequences": True}),
            ("GRU", None, True, {"return_sequences": True}),
            ("SimpleRNN", "concat", False, {"return_state": True}),
        )
    ],
    Row("Bidirectional", {"return_sequences": True}, SEQ, args=(3,), wrap="LSTM", states=4),
    Row("TimeDistributed", {"activation": "relu"}, SEQ, args=(3,), wrap="Dense"),
    Row("TimeDistributed", {}, (2, 3, 5, 4), args=(3,), wrap="LSTM"),
]


def data_of(row: Row) -> tuple[Any, Any, Any]:
    """Return inputs, masks and initial states."""
    rng = np.random.default_rng(3)

    def one(shape: tuple[int, ...]) -> np.ndarray:
        if row.high is not None:
            return rng.integers(0, row.high, shape).astype("int32")
        if row.ties:
            return rng.integers(0, 2, shape).astype("float32")
        return rng.normal(size=shape).astype("float32")

    def keep(shape: tuple[int, ...]) -> np.ndarray:
        mask = rng.random(shape[:2]) < 0.6
        mask[:, 2] = True
        return mask

    several = isinstance(row.shapes, list)
    x = [one(s) for s in row.shapes] if several else one(row.shapes)
    mask = None if not row.mask else [keep(s) for s in row.shapes] if several else keep(row.shapes)
    states = [rng.normal(size=(row.shapes[0], 3)).astype("float32") for _ in range(row.states)] or None
    return x, mask, states


def scalar(outputs: Any) -> Any:
    return sum(jnp.sum(jnp.sin(1.0 + y)) for y in jax.tree.leaves(outputs))


def close(ours: Any, theirs: Any, tolerance: float = 2e-5) -> None:
    ours, theirs = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, tolerance, tolerance)


def randomised(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Return weights none of which is at its first value; positive, as variances must be."""
    rng = np.random.default_rng(5)
    return [rng.uniform(0.1, 0.7, a.shape).astype("float32") for a in arrays]


def with_masks(x: Any, mask: Any) -> Any:
    """Return Keras's arrays that carry their masks, as those made by an Embedding do."""
    arrays = jax.tree.map(jnp.array, x)
    for array, one in zip(jax.tree.leaves(arrays), jax.tree.leaves(mask), strict=True):
        keras.src.backend.set_keras_mask(array, one)
    return arrays


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_outputs_gradients_state_and_masks_are_those_of_keras(row: Row) -> None:
    x, mask, states = data_of(row)
    ours, theirs = row.make(layers), row.make(keras.layers)
    training = {"training": True} if row.training else {}

    theirs.build(jax.tree.map(np.shape, x))
    weights = randomised(theirs.get_weights())
    assert [a.shape for a in weights] == [w.shape for w in _built(ours, x).weights]
    theirs.set_weights(weights)
    ours.set_weights(weights)

    def our_loss(params: Any, x: Any, states: Any) -> Any:
        own = {} if states is None else {"initial_state": states}
        outputs, state, losses = ours.apply(params, ours.state, x, mask=mask, with_losses=True, **own, **training)
        return scalar(outputs) + sum(losses), (outputs, state)

    def their_loss(trained: Any, x: Any, states: Any) -> Any:
        own = {} if states is None else {"initial_state": states}
        if mask is not None and isinstance(x, list):
            x = with_masks(x, mask)
        elif mask is not None and "mask" in inspect.signature(theirs.call).parameters:
            own["mask"] = mask
        rest = [v.value for v in theirs.non_trainable_variables]
        outputs, rest, losses = theirs.stateless_call(trained, rest, x, **own, **training, return_losses=True)
        return scalar(outputs) + sum(losses), (outputs, rest)

    floats = () if row.high is not None else (1,)
    argnums = (0, *floats) if states is None else (0, *floats, 2)
    (_, (outputs, state)), gradients = compiled(jax.value_and_grad(our_loss, argnums, has_aux=True))(
        ours.params, x, states
    )
    trained = [v.value for v in theirs.trainable_variables]
    (_, (their_outputs, rest)), their_gradients = compiled(jax.value_and_grad(their_loss, argnums, has_aux=True))(
        trained, x, states
    )
    close(outputs, their_outputs)
    frozen = not theirs.trainable
    close([] if frozen else _in_order(ours, gradients[0], True), their_gradients[0], 1e-4)
    close(gradients[1:], their_gradients[1:], 1e-4)
    if row.training and not frozen:
        close(_in_order(ours, state, False), [r for r in rest if jnp.issubdtype(r.dtype, jnp.floating)])
    _compare_masks(ours, theirs, x, mask)


def _built(layer: Any, x: Any) -> Any:
    layer.init(0, x)
    return layer


def _in_order(layer: Any, tree: Any, trainable: bool) -> list[Any]:
    """Return the leaves of a tree in the order of the layer's weights; jit returns dicts sorted by name."""
    return [tree[key][w.name] for key, w in weights_of(layer) if w.trainable is trainable]


def _compare_masks(ours: Any, theirs: Any, x: Any, mask: Any) -> None:
    found = ours.compute_mask(jax.tree.map(jnp.asarray, x), mask)
    # Keras gives one mask for the outputs and their states; here each output has its own.
    found = [m for m in jax.tree.leaves(found) if m is not None]
    try:
        expected = theirs.compute_mask(x, mask)
    except (TypeError, AttributeError):  # Lists of masks that Keras expects to be there.
        return
    expected = [m for m in jax.tree.leaves(expected) if m is not None]
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_a_stateful_layer_goes_on_where_it_stopped(name: str) -> None:
    x, _, _ = data_of(Row(name, {}, SEQ))
    ours, theirs = (getattr(package, name)(3, stateful=True) for package in (layers, keras.layers))
    theirs(x)
    ours(x)
    weights = randomised(theirs.get_weights())
    for layer in (ours, theirs):
        layer.set_weights(weights)
        layer.reset_state()
    assert len(ours.get_weights()) == len(theirs.get_weights())
    for _ in range(2):
        close(ours(x), theirs(x))
    ours.reset_states()
    theirs.reset_state()
    close(ours(x), theirs(x))


def test_initial_weights_have_the_distribution_of_keras() -> None:
    shape = (None, 200)
    for name, args in (("Dense", (300,)), ("Embedding", (200, 300))):
        ours = getattr(layers, name)(*args)
        params, _ = ours.init(0, shape)
        theirs = getattr(keras.layers, name)(*args)
        theirs.build(shape)
        for a, b in zip(params[ours.name].values(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(np.std(a), np.std(b), rtol=0.05)
    params, _ = layers.LSTM(3).init(0, (None, 5, 4))
    assert params["lstm"]["bias"].tolist() == [0] * 3 + [1] * 3 + [0] * 6
    kernel = np.asarray(params["lstm"]["recurrent_kernel"])
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(3), atol=1e-5)


def test_dropout_of_a_recurrent_layer_is_the_same_at_every_step() -> None:
    layer = layers.SimpleRNN(
        4, activation=None, dropout=0.5, kernel_initializer="identity", recurrent_initializer="zeros",
        return_sequences=True,
    )  # fmt: skip
    params, _ = layer.init(0, (None, 5, 4))
    y, _ = layer.apply(params, {}, jnp.ones((8, 5, 4)), training=True, rng=0)
    assert set(np.unique(y)) == {0.0, 2.0}
    np.testing.assert_array_equal(y, jnp.repeat(y[:, :1], 5, axis=1))


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [("ActivityRegularization", (0.1, 0.3), {}), ("Dense", (3,), {"activity_regularizer": "l2"})],
)
def test_activity_losses_are_per_sample(name: str, args: Any, kwargs: Any) -> None:
    x, _, _ = data_of(Row(name, {}, SEQ))
    ours, theirs = (getattr(package, name)(*args, **kwargs) for package in (layers, keras.layers))
    ours(x)
    theirs(x)
    ours.set_weights(theirs.get_weights())
    ours(x)
    close(ours.losses, theirs.losses)


def test_softmax_with_a_mask() -> None:
    x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    mask = np.asarray([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
    close(layers.Softmax()(x, mask=mask), keras.layers.Softmax()(x, mask=mask))


def test_time_major_and_zero_output_for_mask() -> None:
    x, mask, _ = data_of(Row("LSTM", {}, SEQ, mask=True))
    plain = layers.GRU(3, return_sequences=True)
    major = layers.GRU(3, return_sequences=True, time_major=True)
    zeroed = layers.GRU(3, return_sequences=True, zero_output_for_mask=True)
    params, _ = plain.init(0, x)
    expected, _ = plain.apply(params, {}, x, mask=mask)
    major.init(0, x.swapaxes(0, 1))
    zeroed.init(0, x)
    close(major.apply(params, {}, x.swapaxes(0, 1), mask=mask.T)[0].swapaxes(0, 1), expected)
    close(zeroed.apply(params, {}, x, mask=mask)[0], jnp.where(mask[..., None], expected, 0))
