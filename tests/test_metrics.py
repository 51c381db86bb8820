"""Metrics: every class against Keras over several batches, the pure triple, weights, names, errors, user classes."""

from __future__ import annotations

import inspect
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import losses, metrics
from jkeras.metrics import Metric, get, resolve
from jkeras.metrics.lazy import LazyMetric
from jkeras.metrics.weighting import mask_weight

keras = pytest.importorskip("keras")
oracle = keras.metrics

RANDOM = np.random.default_rng(0)
BATCHES = (6, 6)


def split(values):
    return np.split(values, np.cumsum(BATCHES)[:-1])


def normal(*shape):
    return RANDOM.normal(size=(sum(BATCHES), *shape)).astype("float32")


def uniform(*shape):
    return RANDOM.uniform(0.02, 0.98, size=(sum(BATCHES), *shape)).astype("float32")


def integers(high, *shape):
    return RANDOM.integers(0, high, size=(sum(BATCHES), *shape))


VALUES, TARGETS = normal(4), normal(4)
SEQUENCE, SEQUENCE_TARGETS = normal(6, 4), normal(6, 4)
SCORES, BINARY = uniform(4), integers(2, 4)
COLUMN, BINARY_VECTOR = uniform(1), integers(2)
LABELS, SEQUENCE_LABELS = integers(4), integers(4, 6)
ONE_HOT = np.eye(4, dtype="float32")[LABELS]
SEQUENCE_ONE_HOT = np.eye(4, dtype="float32")[SEQUENCE_LABELS]
PROBABILITIES = RANDOM.dirichlet(np.ones(4), size=sum(BATCHES)).astype("float32")
WEIGHTS = RANDOM.uniform(0, 2, size=sum(BATCHES)).astype("float32")
WHOLE_WEIGHTS = integers(3).astype("float32")
STEP_WEIGHTS = RANDOM.uniform(0, 2, size=(sum(BATCHES), 6)).astype("float32")

# class, arguments, y_true, y_pred
CASES = [
    ("Accuracy", {}, LABELS, integers(4)),
    ("Accuracy", {}, LABELS[:, None], integers(4)),
    ("BinaryAccuracy", {}, BINARY, SCORES),
    ("BinaryAccuracy", {"threshold": 0.3}, BINARY_VECTOR, COLUMN),
    ("CategoricalAccuracy", {}, ONE_HOT, PROBABILITIES),
    ("CategoricalAccuracy", {}, SEQUENCE_ONE_HOT, SEQUENCE),
    ("SparseCategoricalAccuracy", {}, LABELS, PROBABILITIES),
    ("SparseCategoricalAccuracy", {}, LABELS[:, None], PROBABILITIES),
    ("SparseCategoricalAccuracy", {}, SEQUENCE_LABELS, SEQUENCE),
    ("SparseCategoricalAccuracy", {}, SEQUENCE_LABELS[..., None], SEQUENCE),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, PROBABILITIES),
    ("TopKCategoricalAccuracy", {}, ONE_HOT, PROBABILITIES),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, LABELS, PROBABILITIES),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, SEQUENCE_LABELS, SEQUENCE),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, LABELS, integers(4, 3)),
    *[(name, {}, TARGETS, VALUES) for name in (
        "MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCoshError",
        "CosineSimilarity", "PearsonCorrelation", "ConcordanceCorrelation", "R2Score",
    )],
    ("MeanSquaredError", {}, TARGETS[:, 0], VALUES[:, :1]),
    ("MeanSquaredError", {}, SEQUENCE_TARGETS, SEQUENCE),
    ("RootMeanSquaredError", {}, SEQUENCE_TARGETS, SEQUENCE),
    ("MeanSquaredLogarithmicError", {}, np.abs(TARGETS), np.abs(VALUES)),
    ("CosineSimilarity", {"axis": 1}, SEQUENCE_TARGETS, SEQUENCE),
    ("Hinge", {}, BINARY, VALUES),
    ("SquaredHinge", {}, 2 * BINARY - 1, VALUES),
    ("CategoricalHinge", {}, ONE_HOT, VALUES),
    ("BinaryCrossentropy", {}, BINARY, SCORES),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, BINARY, VALUES),
    ("CategoricalCrossentropy", {}, ONE_HOT, PROBABILITIES),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, ONE_HOT, VALUES),
    ("SparseCategoricalCrossentropy", {}, LABELS, PROBABILITIES),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 0}, LABELS, VALUES),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 0}, SEQUENCE_LABELS, SEQUENCE),
    ("KLDivergence", {}, SCORES, PROBABILITIES),
    ("Poisson", {}, integers(5, 4), SCORES),
    *[(name, {"thresholds": [0.7, 0.3]}, BINARY, SCORES) for name in (
        "TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives", "Precision", "Recall",
    )],
    ("FalseNegatives", {}, BINARY_VECTOR, COLUMN),
    ("TruePositives", {"thresholds": [0.4]}, BINARY_VECTOR, COLUMN),
    ("Precision", {}, BINARY_VECTOR, COLUMN),
    ("Recall", {"class_id": 1}, BINARY, SCORES),
    ("Precision", {"top_k": 2}, ONE_HOT, PROBABILITIES),
    ("Recall", {"top_k": 2, "class_id": 3}, ONE_HOT, PROBABILITIES),
    ("Precision", {"top_k": 2, "thresholds": 0.4}, ONE_HOT, PROBABILITIES),
    *[("AUC", {"curve": curve, "summation_method": method, "num_thresholds": 12}, BINARY_VECTOR, COLUMN)
      for curve in ("ROC", "PR", "PRGAIN") for method in ("interpolation", "minoring", "majoring")],
    ("AUC", {}, BINARY, SCORES),
    ("AUC", {"curve": "PR"}, BINARY_VECTOR, COLUMN[:, 0]),
    ("AUC", {"from_logits": True}, BINARY, VALUES),
    ("AUC", {"thresholds": [0.6, 0.2]}, BINARY, SCORES),
    ("AUC", {"multi_label": True, "num_labels": 4}, BINARY, SCORES),
    ("AUC", {"multi_label": True, "num_labels": 4, "label_weights": [0.0, 1.0, 2.0, 3.0]}, BINARY, SCORES),
    ("AUC", {"multi_label": True, "curve": "PR", "num_labels": 4}, BINARY, SCORES),
    ("AUC", {"label_weights": [0.0, 1.0, 2.0, 3.0]}, BINARY, SCORES),
    ("SensitivityAtSpecificity", {"specificity": 0.6}, BINARY, SCORES),
    ("SpecificityAtSensitivity", {"sensitivity": 0.6, "num_thresholds": 7}, BINARY, SCORES),
    ("PrecisionAtRecall", {"recall": 0.6}, BINARY, SCORES),
    ("RecallAtPrecision", {"precision": 0.5}, BINARY, SCORES),
    ("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 1, "class_id": 2}, BINARY, SCORES),
    *[("F1Score", {"average": average, "threshold": threshold}, BINARY.astype("float32"), SCORES)
      for average in (None, "micro", "macro", "weighted") for threshold in (None, 0.4)],
    ("FBetaScore", {"beta": 2.0}, ONE_HOT, PROBABILITIES),
    ("R2Score", {"class_aggregation": None}, TARGETS, VALUES),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, TARGETS, VALUES),
    ("R2Score", {"num_regressors": 500}, TARGETS, VALUES),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2]}, LABELS, integers(4)),
    ("MeanIoU", {"num_classes": 5, "ignore_class": 1}, LABELS, integers(4)),
    ("MeanIoU", {"num_classes": 4, "sparse_y_pred": False}, LABELS, PROBABILITIES),
    ("BinaryIoU", {}, BINARY_VECTOR, COLUMN[:, 0]),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3}, BINARY_VECTOR, COLUMN[:, 0]),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [1, 3]}, ONE_HOT, PROBABILITIES),
    ("OneHotMeanIoU", {"num_classes": 4}, ONE_HOT, PROBABILITIES),
]  # fmt: skip
FIRST_CASES = list({case[0]: case for case in reversed(CASES)}.values())
CLASSES = sorted({name for name, *_ in CASES} | {"Mean", "Sum", "MeanMetricWrapper", "Metric"})


def weightings(name, arguments, y_true, y_pred):
    """The sample weights that Keras accepts for a case; each class is also tried without any, once."""
    if "ignore_class" in arguments or any(y_pred is case[3] and name == case[0] for case in FIRST_CASES):
        yield None
    if y_pred.ndim == 2 or "ignore_class" not in arguments:
        yield WHOLE_WEIGHTS if "IoU" in name else WEIGHTS
    if y_pred.ndim == 3 and name != "CosineSimilarity":
        yield STEP_WEIGHTS


def in_batches(y_true, y_pred, weights):
    weights = [None] * len(BATCHES) if weights is None else split(weights)
    return zip(split(y_true), split(y_pred), weights, strict=True)


def expected_values(name, arguments, y_true, y_pred):
    """Yield `(weights, value)` as Keras has it; jitted, which compiles faster than single ops."""
    metric = getattr(oracle, name)(**arguments)
    if name in ("F1Score", "FBetaScore", "R2Score"):  # these make their variables late
        metric.update_state(y_true, y_pred)
        metric.reset_state()
    update, result = jax.jit(metric.stateless_update_state), metric.stateless_result
    for weights in weightings(name, arguments, y_true, y_pred):
        variables = [np.asarray(v.value) for v in metric.variables]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for batch in in_batches(y_true, y_pred, weights):
                variables = update(variables, *batch)
            yield weights, np.asarray(result(variables))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_the_pure_triple_agrees_with_keras(case):
    name, arguments, _, y_pred = case
    metric = getattr(metrics, name)(**arguments)
    if isinstance(metric, LazyMetric):
        metric.build((None, *y_pred.shape[1:]))
    update, compute = jax.jit(metric.update), jax.jit(metric.compute)
    for weights, expected in expected_values(*case):
        totals = metric.init()
        for batch in in_batches(*case[2:], weights):
            totals = update(totals, *batch)
        value = compute(totals)
        assert value.shape == expected.shape
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", FIRST_CASES, ids=lambda case: case[0])
def test_the_object_agrees_with_the_pure_triple(case):
    name, arguments, y_true, y_pred = case
    metric = getattr(metrics, name)(**arguments)
    metric.update_state(y_true[:6], y_pred[:6])
    metric.reset_state()
    totals = metric.init()
    update = jax.jit(metric.update)
    weights = list(weightings(*case))[-1]
    for true, predicted, weight in in_batches(y_true, y_pred, weights):
        metric.update_state(true, predicted, sample_weight=weight)
        totals = update(totals, true, predicted, weight)
    np.testing.assert_allclose(metric.result(), metric.compute(totals), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", CLASSES)
def test_signatures_are_those_of_keras(name):
    ours, theirs = (inspect.signature(getattr(m, name).__init__).parameters for m in (metrics, oracle))
    assert list(ours) == list(theirs)
    for parameter in list(ours)[1:]:
        assert ours[parameter].default == theirs[parameter].default, parameter


def test_every_metric_class_of_keras_is_here_and_tested():
    classes = {n for n, c in vars(oracle).items() if inspect.isclass(c)}
    assert classes <= set(metrics.__all__)
    assert classes == set(CLASSES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_configuration_round_trip(case):
    name, arguments, _, _ = case
    metric = getattr(metrics, name)(**arguments, name="given")
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()
    assert metric.get_config().items() >= {**arguments, "name": "given", "dtype": "float32"}.items()


@pytest.mark.parametrize("name", [n for n in CLASSES if n not in ("Metric", "MeanMetricWrapper")])
def test_default_names_are_those_of_keras(name):
    arguments = next((a for n, a, *_ in CASES if n == name), {})
    theirs = getattr(oracle, name)(**arguments).name
    numbered = theirs.rsplit("_", 1)
    expected = numbered[0] if numbered[-1].isdigit() else theirs  # Keras counts the objects of the process
    assert getattr(metrics, name)(**arguments).name == expected


@pytest.mark.parametrize("shape", [(), (2,), (2, 3)], ids=str)
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_mean_and_sum_agree_with_keras(name, shape):
    ours, theirs = getattr(metrics, name)(), getattr(oracle, name)()
    values = normal(*shape)
    for weight in (None, WEIGHTS, np.float32(0.5), *([normal(2)] if shape else [])):
        for metric in (ours, theirs):
            metric.update_state(values, sample_weight=weight)
        np.testing.assert_allclose(ours.result(), theirs.result(), rtol=1e-5)
    for metric in (ours, theirs):
        metric.update_state(2.5)
    np.testing.assert_allclose(ours.result(), theirs.result(), rtol=1e-5)
    ours.reset_state()
    assert float(ours.result()) == 0.0


def test_a_scalar_of_a_function_is_weighted_by_all_weights():
    metric = get(lambda y_true, y_pred: jnp.max(y_pred))
    metric.update_state(None, jnp.array([1.0, 4.0]), sample_weight=jnp.array([1.0, 2.0]))
    metric.update_state(None, jnp.array([1.0, 1.0]), sample_weight=jnp.array([0.0, 1.0]))
    assert float(metric.result()) == pytest.approx((3 * 4 + 1) / 4)


def test_mean_tensor_and_relative_error():
    mean = metrics.MeanTensor(shape=(2,))
    mean.update_state([1.0, 2.0])
    mean.update_state([3.0, 8.0], sample_weight=[0.0, 2.0])
    assert mean.result().tolist() == [1.0, 6.0]
    error = metrics.MeanRelativeError(normalizer=[2.0, 0.0])
    assert float(error(np.array([1.0, 2.0]), np.array([2.0, 2.0]))) == pytest.approx(0.25)


def test_iou_counts_fractional_weights():
    value = metrics.MeanIoU(2)([0, 0, 1, 1], [0, 1, 0, 1], sample_weight=[0.5, 0.5, 2.0, 1.0])
    assert float(value) == pytest.approx((0.5 / 3 + 1 / 3.5) / 2)


def test_iou_leaves_out_labels_that_are_no_class():
    assert float(metrics.MeanIoU(2)([0, 3, 1, -1], [0, 0, 1, 1])) == 1.0


NAMES = ["mse", "MSE", "mae", "mape", "msle", "accuracy", "Accuracy", "bce", "mean_squared_error", "MeanSquaredError",
         "cosine_similarity", "auc", "AUC", "precision", "recall", "f1_score", "hinge", "kl_divergence",
         "top_k_categorical_accuracy", "root_mean_squared_error", "r2_score", "true_positives"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_get_finds_what_keras_finds(name):
    assert type(get(name)).__name__ == type(oracle.get(name)).__name__


@pytest.mark.parametrize(
    ("name", "kind"),
    [("acc", "Accuracy"), ("Mse", "MeanSquaredError"), ("rmse", "RootMeanSquaredError"), ("kld", "KLDivergence"),
     ("cosine_proximity", "CosineSimilarity"), ("logcosh", "LogCoshError"), ("huber", "MeanMetricWrapper"),
     ("ce", "MeanMetricWrapper"), ("kullback_leibler_divergence", "KLDivergence")],
)  # fmt: skip
def test_get_finds_older_names_and_functions(name, kind):
    assert type(get(name)).__name__ == kind


def test_get_takes_objects_of_every_kind():
    metric = metrics.AUC()
    assert get(None) is None
    assert get(metric) is metric
    assert isinstance(get(metrics.AUC), metrics.AUC)
    assert get({"class_name": "BinaryAccuracy", "config": {"threshold": 0.2}}).threshold == 0.2
    assert get(lambda y_true, y_pred: y_pred).name == "lambda"
    assert get(metrics.mean_squared_error).name == "mean_squared_error"
    assert get(losses.Huber(name="own")).name == "own"
    wrapper = metrics.MeanMetricWrapper(metrics.binary_accuracy, name="b", threshold=0.25)
    again = metrics.deserialize(metrics.serialize(wrapper))
    assert (again.name, again.fn, again.arguments) == ("b", metrics.binary_accuracy, {"threshold": 0.25})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: get("binary_acuracy"), "Did you mean 'binary_accuracy'"),
        (lambda: resolve("mea"), "Unknown metric 'mea'"),
        (lambda: get(3), "int"),
        (lambda: resolve(None), "got None"),
        (lambda: metrics.BinaryAccuracy(treshold=0.3), "Did you mean 'threshold'"),
        (lambda: metrics.AUC(curve="RO"), "Did you mean 'ROC'"),
        (lambda: metrics.AUC(summation_method="minor"), "Did you mean 'minoring'"),
        (lambda: metrics.AUC(num_labels=3), "multi_label"),
        (lambda: metrics.AUC(num_thresholds=1), "at least 2"),
        (lambda: metrics.Precision(thresholds=[1.5]), r"in \[0, 1\]"),
        (lambda: metrics.IoU(2, [5]), r"in \[0, 2\)"),
        (lambda: metrics.F1Score(average="mean"), "average"),
        (lambda: metrics.F1Score().init(), "build"),
        (lambda: metrics.F1Score().result(), "build"),
        (lambda: metrics.R2Score(class_aggregation="sum"), "class_aggregation"),
        (lambda: metrics.F1Score()(np.zeros(3), np.zeros(3)), r"\(batch, labels\)"),
        (lambda: metrics.CategoricalAccuracy()(LABELS, PROBABILITIES), "sparse_categorical_accuracy"),
        (lambda: metrics.SparseCategoricalAccuracy()(ONE_HOT, PROBABILITIES), "want categorical_accuracy"),
        (lambda: metrics.Recall()(LABELS, PROBABILITIES), "one_hot"),
        (lambda: metrics.Mean()(VALUES, sample_weight=np.ones(2)), "does not fit"),
        (lambda: metrics.Recall()(BINARY, SCORES, sample_weight=np.ones(2)), "does not fit"),
        (lambda: metrics.MeanIoU(2)(LABELS, PROBABILITIES), "sparse_y_pred=False"),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


SHAPES = [(BINARY_VECTOR, COLUMN), (BINARY_VECTOR[:, None], COLUMN), (LABELS, PROBABILITIES),
          (LABELS[:, None], PROBABILITIES), (ONE_HOT, PROBABILITIES), (SEQUENCE_LABELS, np.abs(SEQUENCE)),
          (SEQUENCE_ONE_HOT, np.abs(SEQUENCE))]  # fmt: skip


@pytest.mark.parametrize("spec", ["accuracy", "acc", "Acc"])
@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_accuracy_is_chosen_by_shape_as_keras_does(spec, shape):
    from keras.src.trainers.compile_utils import get_metric

    y_true, y_pred = SHAPES[shape]
    ours, theirs = resolve(spec, y_pred.shape, None), get_metric(spec, y_true, y_pred)
    assert ours.name == theirs.name == spec
    for weight in (None, WEIGHTS):
        ours.update_state(y_true, y_pred, sample_weight=weight)
        theirs.update_state(y_true, y_pred, sample_weight=weight)
        np.testing.assert_allclose(ours.result(), theirs.result(), rtol=1e-6)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "kind"),
    [(BINARY_VECTOR, COLUMN, "binary_crossentropy"), (LABELS, PROBABILITIES, "sparse_categorical_crossentropy"),
     (ONE_HOT, PROBABILITIES, "categorical_crossentropy")],
)  # fmt: skip
def test_crossentropy_is_chosen_by_shape(y_true, y_pred, kind):
    metric = resolve("ce")
    assert metric.name == "ce"
    assert float(metric(y_true, y_pred)) == pytest.approx(float(jnp.mean(getattr(losses, kind)(y_true, y_pred))))


def test_resolve_names_what_it_makes_as_given_and_builds_from_the_output_shape():
    assert [resolve(n).name for n in ("mae", "MSE", "AUC")] == ["mae", "MSE", "AUC"]
    assert resolve(metrics.mean_absolute_error).name == "mean_absolute_error"
    metric = resolve(metrics.F1Score(name="f"), (None, 3))
    assert metric.name == "f"
    assert metric.init()["f"]["true_positives"].shape == (3,)


def test_large_class_numbers_are_compared_exactly_in_half_precision():
    scores = jnp.zeros((1, 1000), jnp.bfloat16).at[0, 999].set(1)
    assert float(metrics.SparseCategoricalAccuracy()([999], scores)) == 1.0
    assert float(metrics.SparseCategoricalAccuracy()([1000], scores)) == 0.0


def test_masks_agree_with_keras():
    inputs = keras.Input((6,), dtype="int32")
    outputs = keras.layers.Dense(4, activation="softmax")(keras.layers.Embedding(4, 3, mask_zero=True)(inputs))
    model = keras.Model(inputs, outputs)
    tokens, mask = SEQUENCE_LABELS, SEQUENCE_LABELS != 0
    targets = SEQUENCE_LABELS[::-1]
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    logs = model.evaluate(tokens, targets, verbose=0, return_dict=True)
    metric = resolve("accuracy")
    assert metric.uses_mask
    metric.update_state(targets, model.predict(tokens, verbose=0), sample_weight=mask_weight(None, mask))
    assert float(metric.result()) == pytest.approx(logs["accuracy"], rel=1e-5)


def test_mask_weight():
    mask = np.array([[True, False], [True, True]])
    assert mask_weight(None, None) is None
    assert mask_weight(None, mask).tolist() == [[1, 0], [1, 1]]
    assert mask_weight(np.array([2.0, 3.0]), mask).tolist() == [[2, 0], [3, 3]]
    assert mask_weight(np.array([[2.0], [3.0]]), mask).tolist() == [[2, 0], [3, 3]]
    assert mask_weight(np.array([[2.0, 4.0], [3.0, 5.0]]), mask).tolist() == [[2, 0], [3, 5]]
    assert mask_weight(np.array([2.0, 3.0]), np.array([False, True])).tolist() == [0, 3]


class HitRate(Metric):
    """A user's metric, as scripts of Keras 2 write it."""

    def __init__(self, threshold=0.5, name="hit_rate", **kwargs):
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.hits = self.add_weight("hits", initializer="zeros")
        self.seen = self.add_weight(name="seen", shape=(), initializer="ones")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.hits.assign_add(jnp.sum(y_pred > self.threshold))
        self.seen = self.seen + y_pred.size

    def result(self):
        return self.hits / self.seen

    def reset_state(self):
        self.hits.assign(0)
        self.seen.assign(1.0)


class Both(Metric):
    """A user's metric that holds metrics."""

    def __init__(self, name="both", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.precision = metrics.Precision()
        self.parts = [metrics.Recall(), metrics.Mean()]

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.precision.update_state(y_true, y_pred, sample_weight)
        self.parts[0].update_state(y_true, y_pred, sample_weight)
        self.parts[1].update_state(y_pred)

    def result(self):
        return {"precision": self.precision.result(), "recall": self.parts[0].result(), "mean": self.parts[1].result()}


def test_a_users_metric():
    metric = HitRate(0.4)
    scores = jnp.array([0.3, 0.5, 0.9])
    assert float(metric(None, scores)) == pytest.approx(2 / 4)
    totals = jax.jit(metric.update)(metric.init(), None, scores)
    assert float(metric.compute(totals)) == pytest.approx(2 / 4)
    assert float(metric.result()) == pytest.approx(2 / 4), "the pure triple changed the object"
    metric.reset_state()
    assert float(metric.result()) == 0.0
    assert HitRate.from_config(metric.get_config()).threshold == 0.4
    assert resolve(HitRate).name == "hit_rate"
    assert [v.name for v in metric.variables] == ["hits", "seen"]


def test_a_metric_that_holds_metrics():
    metric = Both()
    for true, predicted, _ in in_batches(BINARY, SCORES, None):
        metric.update_state(true, predicted)
    totals = metric.init()
    for true, predicted, _ in in_batches(BINARY, SCORES, None):
        totals = jax.jit(metric.update)(totals, true, predicted)
    for value in (metric.result(), metric.compute(totals)):
        assert float(value["precision"]) == pytest.approx(float(metrics.Precision()(BINARY, SCORES)))
        assert float(value["recall"]) == pytest.approx(float(metrics.Recall()(BINARY, SCORES)))
        assert float(value["mean"]) == pytest.approx(float(SCORES.mean()), rel=1e-5)
    metric.reset_state()
    assert float(metric.result()["mean"]) == 0.0


def test_a_subclass_of_mean():
    class Double(metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(2 * jnp.asarray(y_pred), sample_weight)

    metric = Double(name="double")
    assert float(metric(None, [1.0, 3.0])) == 4.0
    assert float(metric.compute(metric.update(metric.init(), None, [1.0, 3.0], [1.0, 0.0]))) == 2.0


def test_a_metric_without_update_or_result_says_so():
    with pytest.raises(NotImplementedError, match="no update_state"):
        Metric(name="empty").update_state(1)
    with pytest.raises(NotImplementedError, match="no result"):
        Metric(name="empty").result()


def test_one_compilation_serves_every_batch():
    metric = metrics.AUC()
    traces = []

    @jax.jit
    def update(totals, y_true, y_pred):
        traces.append(1)
        return metric.update(totals, y_true, y_pred)

    totals = metric.init()
    for _ in range(3):
        totals = update(totals, BINARY, SCORES)
    assert len(traces) == 1
    assert jax.tree.structure(totals) == jax.tree.structure(metric.init())
    assert jax.tree.map(jnp.shape, totals) == jax.tree.map(jnp.shape, metric.init())


def test_totals_can_be_scanned_and_mapped():
    metric = metrics.SparseCategoricalAccuracy()

    def step(totals, batch):
        return metric.update(totals, *batch), None

    labels, scores = LABELS[:12].reshape(3, 4), PROBABILITIES[:12].reshape(3, 4, 4)
    totals, _ = jax.lax.scan(step, metric.init(), (labels, scores))
    expected = metrics.SparseCategoricalAccuracy()(LABELS[:12], PROBABILITIES[:12])
    assert float(metric.compute(totals)) == pytest.approx(float(expected))
    each = jax.vmap(lambda y, p: metric.compute(metric.update(metric.init(), y, p)))(labels, scores)
    assert each.shape == (3,)
    assert float(each.mean()) == pytest.approx(float(expected))


def test_totals_stay_float32_under_a_mixed_policy():
    from jkeras.core import dtypes

    dtypes.set_dtype_policy("bfloat16")
    try:
        assert metrics.Mean().dtype == "float32"
    finally:
        dtypes.set_dtype_policy("float32")
