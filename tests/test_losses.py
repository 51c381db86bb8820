"""Losses: every function and class against Keras, weights and masks, names and errors."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import losses
from jkeras.losses.base import FunctionLoss
from jkeras.losses.labels import check_range
from jkeras.losses.reduction import reduce_weighted

keras = pytest.importorskip("keras")
oracle = keras.losses

RANDOM = np.random.default_rng(0)
VALUES = RANDOM.normal(size=(4, 3)).astype("float32")
TARGETS = RANDOM.normal(size=(4, 3)).astype("float32")
PROBABILITIES = RANDOM.dirichlet(np.ones(3), size=4).astype("float32")
UNNORMALISED = RANDOM.uniform(0.05, 0.95, size=(4, 3)).astype("float32")
BINARY = RANDOM.integers(0, 2, size=(4, 3))
LABELS = np.array([0, 2, 1, 2])
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
UNIT = (VALUES / np.linalg.norm(VALUES, axis=1, keepdims=True)).astype("float32")
SEQUENCES = np.array([[1, 2, 0], [2, 2, 1], [1, 0, 0], [2, 1, 2]])
FRAMES = RANDOM.normal(size=(4, 7, 3)).astype("float32")

REGRESSION = ["mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error",
              "mean_squared_logarithmic_error", "log_cosh", "huber", "cosine_similarity", "squared_hinge", "hinge",
              "categorical_hinge"]  # fmt: skip

# name, y_true, y_pred, arguments
CASES = [
    *[(name, TARGETS, VALUES, {}) for name in REGRESSION],
    ("mean_squared_error", BINARY, VALUES, {}),
    ("mean_squared_logarithmic_error", np.abs(TARGETS), np.abs(VALUES), {}),
    ("huber", TARGETS, VALUES, {"delta": 0.5}),
    ("cosine_similarity", TARGETS, VALUES, {"axis": 0}),
    ("hinge", BINARY, VALUES, {}),
    ("squared_hinge", BINARY, VALUES, {}),
    ("hinge", 2 * BINARY - 1, VALUES, {}),
    ("categorical_hinge", ONE_HOT, VALUES, {}),
    ("dice", BINARY, UNNORMALISED, {}),
    ("dice", BINARY, UNNORMALISED, {"axis": (1,)}),
    ("dice", np.zeros((2, 2)), np.zeros((2, 2), "float32"), {}),
    ("tversky", BINARY, UNNORMALISED, {"alpha": 0.3, "beta": 0.9}),
    ("circle", LABELS, UNIT, {}),
    ("circle", LABELS, UNIT, {"gamma": 2.0, "margin": 0.2}),
    ("circle", LABELS, UNIT, {"gamma": 2.0, "remove_diagonal": False}),
    ("binary_crossentropy", BINARY, UNNORMALISED, {}),
    ("binary_crossentropy", np.array([[0, 1, 1]]), np.array([[0.0, 0.0, 1.0]], "float32"), {}),
    ("binary_crossentropy", BINARY, VALUES, {"from_logits": True, "label_smoothing": 0.2}),
    ("binary_crossentropy", BINARY, UNNORMALISED, {"axis": 0}),
    ("categorical_crossentropy", ONE_HOT, UNNORMALISED, {}),
    ("categorical_crossentropy", np.eye(3)[[0]], np.array([[0.0, 0.0, 1.0]], "float32"), {}),
    ("categorical_crossentropy", ONE_HOT, VALUES, {"from_logits": True, "label_smoothing": 0.1}),
    ("categorical_crossentropy", ONE_HOT.T, VALUES.T, {"from_logits": True, "axis": 0}),
    ("sparse_categorical_crossentropy", LABELS, UNNORMALISED, {}),
    ("sparse_categorical_crossentropy", LABELS[:, None], PROBABILITIES, {}),
    ("sparse_categorical_crossentropy", LABELS.astype("float32"), VALUES, {"from_logits": True}),
    ("sparse_categorical_crossentropy", np.array([0, 3, -1, 2]), VALUES, {"from_logits": True}),
    ("sparse_categorical_crossentropy", LABELS, PROBABILITIES, {"ignore_class": 2}),
    ("sparse_categorical_crossentropy", SEQUENCES, FRAMES[:, :3], {"from_logits": True, "ignore_class": 0}),
    ("binary_focal_crossentropy", BINARY, UNNORMALISED, {}),
    ("binary_focal_crossentropy", BINARY, VALUES,
     {"from_logits": True, "apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1}),
    ("categorical_focal_crossentropy", ONE_HOT, UNNORMALISED, {}),
    ("categorical_focal_crossentropy", ONE_HOT, VALUES,
     {"from_logits": True, "alpha": [0.2, 0.3, 0.5], "gamma": 1.0, "label_smoothing": 0.1}),
    ("categorical_generalized_cross_entropy", LABELS, PROBABILITIES, {"q": 0.7}),
    ("kl_divergence", PROBABILITIES, UNNORMALISED, {}),
    ("kl_divergence", ONE_HOT, PROBABILITIES, {}),
    ("poisson", np.abs(TARGETS), np.abs(VALUES), {}),
    ("ctc", SEQUENCES, FRAMES, {}),
]  # fmt: skip
IDS = [f"{i}-{case[0]}" for i, case in enumerate(CASES)]
CLASSES = [n for n in dir(oracle) if inspect.isclass(getattr(oracle, n)) and n != "Loss"]


def class_of(function_name: str) -> str:
    found = [n for n in CLASSES if getattr(losses, n)._function.__name__ == function_name]
    return found[0]


@pytest.mark.parametrize(("name", "y_true", "y_pred", "arguments"), CASES, ids=IDS)
def test_function_and_gradient_agree_with_keras(name, y_true, y_pred, arguments):
    ours, theirs = getattr(losses, name), getattr(oracle, name)
    np.testing.assert_allclose(
        ours(y_true, y_pred, **arguments), theirs(y_true, y_pred, **arguments), rtol=2e-5, atol=1e-6
    )
    if name == "circle":  # Keras gives NaN where a row has no positive; compared in a test of its own
        return
    gradient = jax.jit(jax.grad(lambda p: jnp.sum(ours(y_true, p, **arguments))))(jnp.asarray(y_pred))
    expected = jax.jit(jax.grad(lambda p: jnp.sum(theirs(y_true, p, **arguments))))(jnp.asarray(y_pred))
    np.testing.assert_allclose(gradient, expected, rtol=2e-4, atol=2e-5)


def test_circle_gradient():
    labels = np.array([0, 1, 0, 1])
    gradient = jax.grad(lambda p: jnp.sum(losses.circle(labels, p, gamma=2.0)))(jnp.asarray(UNIT))
    expected = jax.grad(lambda p: jnp.sum(oracle.circle(labels, p, gamma=2.0)))(jnp.asarray(UNIT))
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)
    lonely = jax.grad(lambda p: jnp.sum(losses.circle(LABELS, p)))(jnp.asarray(UNIT))
    assert jnp.isfinite(lonely).all()


def test_cosine_gradient_is_finite_at_zero():
    gradient = jax.grad(lambda p: jnp.sum(losses.cosine_similarity(jnp.ones((2, 3)), p)))(jnp.zeros((2, 3)))
    assert jnp.isfinite(gradient).all()


WITH_ARGUMENTS = {name: (name, *rest) for name, *rest in CASES}  # the last case of each function


@pytest.mark.parametrize(("name", "y_true", "y_pred", "arguments"), WITH_ARGUMENTS.values(), ids=WITH_ARGUMENTS)
def test_class_agrees_with_keras(name, y_true, y_pred, arguments):
    name = class_of(name)
    ours, theirs = getattr(losses, name)(**arguments), getattr(oracle, name)(**arguments)
    expected = theirs(y_true, y_pred)
    np.testing.assert_allclose(ours(y_true, y_pred), expected, rtol=2e-5, atol=1e-6)
    if np.shape(theirs.call(jnp.asarray(y_true), jnp.asarray(y_pred))) == (4,):
        weight = np.array([0.5, 0.0, 2.0, 1.0])
        np.testing.assert_allclose(
            ours(y_true, y_pred, sample_weight=weight), theirs(y_true, y_pred, sample_weight=weight), rtol=2e-5,
            atol=1e-6,
        )  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_signature_and_config_agree_with_keras(name):
    ours, theirs = getattr(losses, name), getattr(oracle, name)
    described = [(p.name, p.default) for p in inspect.signature(ours).parameters.values()]
    assert described == [(p.name, p.default) for p in inspect.signature(theirs).parameters.values()]
    made = ours(reduction="sum", name="mine")
    again = losses.deserialize(losses.serialize(made))
    assert type(again) is ours and again.get_config() == made.get_config()
    assert ours().get_config().items() >= theirs().get_config().items()


LOSS_VALUES = RANDOM.uniform(1, 2, size=(4, 3)).astype("float32")
MASK = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 1]], bool)
WEIGHTS = [
    None,
    2.0,
    np.arange(3.0),
    np.arange(4.0)[:, None],
    np.arange(12.0).reshape(4, 3),
    np.arange(12.0).reshape(4, 3, 1),
]


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None])
@pytest.mark.parametrize("mask", [None, MASK, np.zeros((4, 3), bool)])
@pytest.mark.parametrize("weight", WEIGHTS, ids=lambda w: str(np.shape(w)))
def test_reduction_agrees_with_keras(weight, mask, reduction):
    from keras.src.losses.loss import reduce_weighted_values

    expected = reduce_weighted_values(LOSS_VALUES, sample_weight=weight, mask=mask, reduction=reduction)
    got = reduce_weighted(LOSS_VALUES, weight, mask, reduction)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_reduction_of_vector_with_column_weight_agrees_with_keras():
    from keras.src.losses.loss import reduce_weighted_values

    for reduction in ("none", "sum", "mean"):
        expected = reduce_weighted_values(np.arange(4.0), sample_weight=np.ones((4, 1)), reduction=reduction)
        got = reduce_weighted(np.arange(4.0), np.ones((4, 1)), None, reduction)
        np.testing.assert_allclose(got, expected)


def test_vector_weights_whole_samples():
    square = jnp.ones((3, 3))
    weighted = reduce_weighted(square, np.array([1.0, 0.0, 0.0]), reduction="none")
    assert weighted.tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    masked = reduce_weighted(square, np.array([1.0, 2.0, 2.0]), np.array([True, False, False]), "mean")
    assert masked.item() == pytest.approx(1.0)


def test_ignore_class_joins_the_mask():
    loss = losses.SparseCategoricalCrossentropy(ignore_class=0, from_logits=True)
    frames = FRAMES[:, :3]
    values = np.array(losses.sparse_categorical_crossentropy(SEQUENCES, frames, from_logits=True))
    counted = MASK & (SEQUENCES != 0)
    assert loss(SEQUENCES, frames, mask=MASK).item() == pytest.approx(values[counted].mean(), rel=1e-5)


def test_sparse_axis():
    rows = losses.sparse_categorical_crossentropy(SEQUENCES, FRAMES[:, :3], from_logits=True)
    moved = losses.sparse_categorical_crossentropy(
        SEQUENCES, np.moveaxis(FRAMES[:, :3], -1, 1), from_logits=True, axis=1
    )
    np.testing.assert_allclose(rows, moved, rtol=1e-6)


def test_large_class_numbers_survive_bfloat16():
    logits = jnp.zeros((1, 1000)).at[0, 901].set(20.0)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")
    assert loss(np.array([901]), logits).item() < 0.01
    assert losses.SparseCategoricalCrossentropy(from_logits=True)(np.array([901]), logits.astype("bfloat16")).dtype == (
        jnp.float32
    )


def test_jit_matches_eager():
    for name in CLASSES:
        case = next(c for c in CASES if c[0] == getattr(losses, name)._function.__name__)
        loss = getattr(losses, name)()
        np.testing.assert_allclose(jax.jit(loss)(case[1], case[2]), loss(case[1], case[2]), rtol=1e-4, atol=1e-6)


def test_subclass_and_trees():
    class Sum(losses.Loss):
        def __init__(self, scale, **kwargs):
            super().__init__(**kwargs)
            self._scale = scale

        def call(self, y_true, y_pred):
            return self._scale * (y_pred["a"] - y_true["a"])

    loss = Sum(2.0, name="total")
    assert loss({"a": np.array([1, 1])}, {"a": np.array([2.0, 4.0])}).item() == 4.0
    assert Sum.from_config(loss.get_config())._scale == 2.0 and loss.get_config()["name"] == "total"
    assert Sum(1.0).name == "sum"
    with pytest.raises(TypeError, match="must define call"):
        losses.Loss()([1.0], [1.0])


def test_function_loss_aligns_ranks():
    def absolute(y_true, y_pred):
        assert y_true.shape == y_pred.shape
        return abs(y_true - y_pred)

    loss = FunctionLoss(absolute)
    assert loss(np.array([1, 2]), np.array([[1.0], [3.0]])).item() == 0.5 and loss.name == "absolute"


@pytest.mark.parametrize("name", ["mse", "MSE", "mae", "mape", "msle", "bce", "kld", "huber", "log_cosh", "hinge"])
def test_get_gives_the_function_that_keras_gives(name):
    assert losses.get(name).__name__ == oracle.get(name).__name__


def test_get():
    assert losses.get(None) is None
    assert isinstance(losses.get("Huber"), losses.Huber)
    assert isinstance(losses.get(losses.Huber), losses.Huber)
    assert losses.get({"class_name": "Huber", "config": {"delta": 2.0}}).delta == 2.0
    assert losses.get({"class_name": "function", "config": "mse"}) is losses.mse
    assert losses.get("logcosh") is losses.get("log_cosh")

    def own(y_true, y_pred):
        return y_true - y_pred

    assert losses.get(own) is own
    assert losses.deserialize("own", custom_objects={"own": own}) is own
    assert losses.serialize(losses.mse) == "mean_squared_error"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: losses.get("sparse_catgorical_crossentropy"), ValueError, "Did you mean 'sparse_categorical"),
        (lambda: losses.get(3), ValueError, "Cannot interpret 3"),
        (lambda: losses.Huber(detla=1.0), TypeError, "Did you mean 'delta'"),
        (lambda: losses.Huber(reduction="avg"), ValueError, "Unknown reduction 'avg'"),
        (lambda: losses.categorical_crossentropy(LABELS, VALUES), ValueError, "sparse_categorical_crossentropy"),
        (lambda: losses.sparse_categorical_crossentropy(ONE_HOT, VALUES), ValueError, "One-hot labels want"),
        (lambda: losses.ctc(LABELS, VALUES), ValueError, "batch, frames, classes"),
        (lambda: check_range([0, 3], 3, "digit"), ValueError, "'digit' has 3 classes.*got 3 at position 1"),
        (lambda: check_range([[0], [-1]], 3, "digit"), ValueError, "got -1 .*ignore_class"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_check_labels_accepts():
    check_range(np.array([], int), 3, "x")
    check_range(np.array([[0], [2]], "uint8"), 3, "x")
    check_range(np.array([0, -1]), 3, "x", ignore_class=-1)
