"""Preprocessing layers: the values of Keras, `adapt` from data of every form, purity, configurations, models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, layers
from jkeras.functional.hashing import fingerprint_integers, fingerprint_texts
from jkeras.utils import FeatureSpace, PyDataset

# Made with real Keras and TensorFlow, which its layers of strings need: see "made_with" in the file.
RECORDED = json.loads((Path(__file__).parent / "fixtures" / "preprocessing.json").read_text())
CASES = RECORDED["cases"]

# What Keras's variables do with a newer numpy is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def make(case: dict[str, Any]) -> tuple[Any, Any]:
    """Return the layer, adapted, and its inputs."""
    layer = getattr(layers, case["layer"])(**case["kwargs"])
    if "adapt" in case:
        layer.adapt(np.asarray(case["adapt"]))
    several = case["layer"] == "HashedCrossing"
    return layer, [np.asarray(x) for x in case["inputs"]] if several else np.asarray(case["inputs"])


def label(case: dict[str, Any]) -> str:
    arguments = "-".join(f"{k}={v}" for k, v in case["kwargs"].items() if k != "vocabulary")
    return f"{case['layer']}-{arguments or 'default'}".replace(" ", "").replace("/", "")


def close(ours: Any, theirs: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(ours, theirs, tolerance, tolerance)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_outputs_and_vocabulary_are_those_of_keras(case: dict[str, Any]) -> None:
    layer, x = make(case)
    outputs = layer(x)
    assert outputs.dtype == case["dtype"]
    close(outputs, case["outputs"])
    if "vocabulary" in case:
        assert layer.get_vocabulary() == case["vocabulary"]
        assert layer.vocabulary_size() == len(case["vocabulary"])
    # A configuration, as a file keeps it, makes the same layer, without `adapt`.
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
    assert again.get_config() == layer.get_config()
    if case["layer"] == "Normalization":
        again.build(x.shape)
        again.set_weights(layer.get_weights())
    close(again(x), case["outputs"])


def has_numbers(case: dict[str, Any]) -> bool:
    inputs = case["inputs"] if case["layer"] == "HashedCrossing" else [case["inputs"]]
    return all(np.asarray(x).dtype.kind in "if" for x in inputs)


# Hashes take long to compile, and how they are encoded is no matter of theirs; one shape a configuration is enough.
DEVICE = [
    c
    for c in CASES
    if has_numbers(c)
    and not (c["layer"] == "Hashing" and c["kwargs"].get("output_mode"))
    and (c["layer"] not in ("CategoryEncoding", "Discretization") or np.shape(c["inputs"])[1:] == (3,))
]


@pytest.mark.parametrize("case", DEVICE, ids=label)
def test_layers_of_numbers_are_pure_and_give_on_the_device_what_they_give_on_the_host(case: dict[str, Any]) -> None:
    layer, x = make(case)
    x = jax.tree.map(jnp.asarray, x)
    params, state = layer.init(0, x)
    assert params == {}
    assert layer.weights == [] or case["layer"] == "Normalization"
    before = {**vars(layer)}
    two = jax.tree.map(lambda a: jnp.stack([a, a]), x)
    outputs = jax.jit(jax.vmap(lambda state, x: layer.apply({}, state, x)[0], (None, 0)))(state, two)
    assert vars(layer) == before
    close(outputs[1], case["outputs"])
    if not isinstance(x, list) and x.ndim > 1:
        symbolic = layer(Input(batch_shape=(None, *x.shape[1:]), dtype=x.dtype))
        assert (symbolic.shape, symbolic.dtype) == ((None, *outputs.shape[2:]), outputs.dtype)


def test_hashes_are_those_of_tensorflow_for_every_length_of_text() -> None:
    hashes = RECORDED["hashes"]
    texts = [text.encode() for text in hashes["texts"]]
    assert fingerprint_texts(texts).tolist() == hashes["farmhash"]
    assert [h % 2**62 for h in fingerprint_texts(texts, (133, 137)).tolist()] == hashes["siphash_133_137"]


@pytest.mark.parametrize("key", [None, (5, 2**63 + 9)])
def test_integers_hash_on_the_device_as_their_decimal_text(key: Any) -> None:
    rng = np.random.default_rng(0)
    edges = [s * n for k in range(10) for n in (10**k, 10**k - 1) for s in (1, -1)] + [2**31 - 1, -(2**31)]
    x = np.concatenate([edges, rng.integers(-(2**31), 2**31, 50)])
    divisors = (1, 3, 1000, 2**20 + 7, 2**31 - 1)

    @jax.jit
    def hashes(x: Any) -> Any:
        word = fingerprint_integers(x, key)
        return word, [word % divisor for divisor in divisors]

    word, remainders = hashes(jnp.asarray(x, jnp.int32))
    expected = fingerprint_texts([str(n).encode() for n in x.tolist()], key)
    assert (
        np.asarray(word.high).astype("uint64") << np.uint64(32) | np.asarray(word.low)
    ).tolist() == expected.tolist()
    for divisor, remainder in zip(divisors, remainders, strict=True):
        assert remainder.tolist() == (expected % np.uint64(divisor)).tolist()


def test_crossing_of_integers_is_the_same_on_the_device() -> None:
    layer = layers.HashedCrossing(1000)
    features = [np.asarray([3, -4, 0, 2**31 - 1]), np.asarray([-1, 5, 7, -(2**31)])]
    assert layer([jnp.asarray(f) for f in features]).tolist() == layer(features).tolist()


# Data that `adapt` takes


class Batches(PyDataset):
    def __init__(self, *batches: Any):
        super().__init__()
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Any:
        return self.batches[index]


def forms_of(x: np.ndarray) -> list[Any]:
    """Return the same rows as array, lists, batches, generators and data sets, with and without targets."""
    halves = [x[:1], x[1:]]
    return [x, x.tolist(), halves, iter(halves), Batches(*halves), iter([(h, h) for h in halves]),
            Batches(*[(h, h, h) for h in halves])]  # fmt: skip


NUMBERS = np.asarray([[1.0, 7.0], [2.0, 9.5], [0.0, 7.0], [5.0, -3.0]], "float32")


def test_normalization_adapts_to_data_of_every_form() -> None:
    for data in forms_of(NUMBERS):
        layer = layers.Normalization()
        layer.adapt(data)
        assert [(w.name, w.dtype) for w in layer.weights] == [
            ("mean", "float32"), ("variance", "float32"), ("count", "int32"),
        ]  # fmt: skip
        close(layer.get_weights()[0], NUMBERS.mean(0))
        close(layer.get_weights()[1], NUMBERS.var(0))
        close(layer.mean, NUMBERS.mean(0, keepdims=True))
    layer.adapt(NUMBERS + 1)
    close(layer.mean, 1 + NUMBERS.mean(0, keepdims=True))


@pytest.mark.parametrize("axis", [None, 0, 1, 2, (1, 2), (0, 2), -1])
def test_normalization_agrees_with_keras_on_every_axis(axis: Any) -> None:
    keras = pytest.importorskip("keras")
    x = np.random.default_rng(0).normal(3.0, 2.0, (4, 3, 2)).astype("float32")
    for invert in (False, True):
        ours, theirs = (package.layers.Normalization(axis=axis, invert=invert) for package in (jkeras, keras))
        ours.adapt(x)
        theirs.adapt(x)
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            close(a, b)
        close(ours(x), theirs(x), 1e-4)
        close(ours.mean, theirs.mean)
        assert tuple(ours.get_config()["axis"]) == theirs.get_config()["axis"]


def test_variance_of_numbers_far_from_zero_is_exact() -> None:
    x = 1e6 + np.arange(64.0).reshape(-1, 1) % 2
    layer = layers.Normalization()
    layer.adapt([x[:7], x[7:]])
    assert layer.get_weights()[1].tolist() == [0.25]


@pytest.mark.parametrize("bins", [1, 2, 5])
@pytest.mark.parametrize("epsilon", [0.01, 0.3])
def test_boundaries_are_the_quantiles_that_keras_finds(bins: int, epsilon: float) -> None:
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(1)
    sets = [[rng.normal(size=1000)], [rng.normal(size=n) for n in (3, 150, 250, 101)], [np.ones(6)], [np.arange(3.0)]]
    for batches in sets:
        ours, theirs = (p.layers.Discretization(num_bins=bins, epsilon=epsilon) for p in (jkeras, keras))
        for layer in (ours, theirs):
            layer.reset_state()
            for batch in batches:
                layer.update_state(batch)
            layer.finalize_state()
        close(ours.bin_boundaries, theirs.bin_boundaries, 1e-4)


def test_categories_count_by_weights_and_in_more_dimensions() -> None:
    layer = layers.CategoryEncoding(4, output_mode="count")
    x = np.asarray([[0, 3, 3], [1, -1, 9]])
    assert layer(x, count_weights=[[0.5, 1.0, 2.0], [3.0, 4.0, 5.0]]).tolist() == [[0.5, 0, 0, 3.0], [0, 3.0, 0, 0]]
    assert layer(x, count_weights=0.5).tolist() == [[0.5, 0, 0, 1.0], [0, 0.5, 0, 0]]
    # Keras's documentation: (..., length) to (..., num_tokens); what it does adds up axis 1.
    assert layer(x[None]).tolist() == layer(x)[None].tolist()
    assert layers.CategoryEncoding(4, dtype="bfloat16")(x).dtype == jnp.bfloat16
    assert sorted(layer.get_config()) == ["dtype", "name", "num_tokens", "output_mode", "trainable"]


@pytest.mark.parametrize("name", ["IntegerLookup", "StringLookup"])
def test_lookups_adapt_to_data_of_every_form(name: str) -> None:
    kind = int if name == "IntegerLookup" else str
    x = np.asarray([[5, 3], [3, 8], [8, 3]]).astype(kind)
    for data in forms_of(x):
        layer = getattr(layers, name)()
        layer.adapt(data)
        assert layer.get_vocabulary(include_special_tokens=False) == [kind(n) for n in (3, 8, 5)]
    layer.adapt(iter([x[:1], x[1:]]), steps=1)
    assert layer.get_vocabulary()[1:] == [kind(n) for n in (5, 3)]
    layer.update_state(x[1:])
    layer.finalize_state()
    assert layer.get_vocabulary()[1:] == [kind(n) for n in (3, 8, 5)]


def test_what_adapt_learns_reaches_programs_that_are_compiled_already() -> None:
    lookup, bins = layers.IntegerLookup(), layers.Discretization(num_bins=2)
    lookup.adapt([4, 4, 9])
    bins.adapt([1.0, 2.0, 3.0])
    model = Sequential([Input((2,), dtype="int32"), lookup])
    other = Sequential([Input((2,)), bins])
    assert model.predict(np.asarray([[9, 4]]), verbose=0).tolist() == [[2, 1]]
    assert other.predict(np.asarray([[1.0, 5.0]]), verbose=0).tolist() == [[0, 1]]
    lookup.adapt([9, 9, 4, 7])
    bins.adapt([10.0, 20.0, 30.0])
    assert model.predict(np.asarray([[9, 4]]), verbose=0).tolist() == [[1, 3]]
    assert other.predict(np.asarray([[1.0, 25.0]]), verbose=0).tolist() == [[0, 1]]
    assert other.predict(np.asarray([[5.0, 5.0]]), verbose=0).tolist() == [[0, 0]]


def test_integers_beyond_32_bits_are_looked_up_on_the_host_and_refused_on_the_device() -> None:
    layer = layers.IntegerLookup(vocabulary=[2**40, 5])
    assert layer(np.asarray([2**40, 5, 7])).tolist() == [1, 2, 0]
    assert layers.Hashing(10**6)(np.asarray([2**40])).tolist() == layers.Hashing(10**6)([str(2**40)]).tolist()
    with pytest.raises(ValueError, match="beyond 32 bits"):
        layer(Input((1,), dtype="int32"))


def test_vocabularies_come_from_files_and_go_to_files(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text("é\nb\n", encoding="utf-8")
    layer = layers.StringLookup(vocabulary=str(path), mask_token="")
    assert layer.get_vocabulary() == ["", "[UNK]", "é", "b"]
    assert layer.get_config()["vocabulary"] == ["é", "b"]
    layer.save_assets(tmp_path)
    # What Keras writes for this layer.
    assert (tmp_path / "vocabulary.txt").read_text(encoding="utf-8") == "\n[UNK]\né\nb"
    other = layers.StringLookup(mask_token="")
    other.load_assets(tmp_path)
    assert other.get_vocabulary() == layer.get_vocabulary()
    integers = layers.IntegerLookup(vocabulary=[7, 9])
    integers.save_assets(tmp_path)
    again = layers.IntegerLookup()
    again.load_assets(tmp_path)
    assert again.get_vocabulary() == [-1, 7, 9]


def test_configurations_of_keras_are_understood() -> None:
    # What Keras 3.15 writes of its own accord: a vocabulary in files only, its size, and the method for integers.
    config = {"vocabulary": None, "vocabulary_size": 6, "oov_method": "floormod", "salt": None, "encoding": "utf-8"}
    assert layers.StringLookup.from_config(config).get_vocabulary() == ["[UNK]"]
    assert layers.IntegerLookup(vocabulary=[1], vocabulary_size=2).vocabulary_size() == 2


# Strings, lists, scalars; what comes back


def test_strings_of_every_type_are_the_same() -> None:
    layer = layers.StringLookup(vocabulary=["é", "b"])
    for x in (["é", "q"], ("é", "q"), np.asarray(["é", "q"]), np.asarray(["é", "q"], object), ["é".encode(), b"q"]):
        assert layer(x).tolist() == [1, 0]
    assert layer("b").item() == 2
    assert isinstance(layer(["b"]), jax.Array)
    inverse = layers.StringLookup(vocabulary=["é", "b"], invert=True)
    assert inverse(layer(["é", "q", "b"])).tolist() == ["é", "[UNK]", "b"]
    assert inverse([-1, 99]).tolist() == ["[UNK]", "[UNK]"]


def test_pipeline_applies_layers_in_training_mode_and_keeps_their_weights() -> None:
    pipeline = layers.Pipeline([layers.Dense(3), layers.Dropout(0.5), layers.Dense(2)], name="steps")
    x = np.ones((4, 5), "float32")
    assert pipeline(x).shape == (4, 2)
    assert [w.path for w in pipeline.weights][::2] == ["dense/kernel", "dense/kernel"]
    params, state = pipeline.init(0, x)
    assert list(params) == ["steps/dense", "steps/dense_1"]
    plain = pipeline.apply(params, state, x, training=False)[0]
    with pytest.raises(ValueError, match="draws random numbers"):
        pipeline.apply(params, state, x, training=True)
    assert not np.array_equal(pipeline.apply(params, state, x, training=True, rng=0)[0], plain)
    assert (
        layers.Pipeline.from_config(json.loads(json.dumps(pipeline.get_config()))).get_config() == pipeline.get_config()
    )
    text = layers.Pipeline([layers.StringLookup(vocabulary=["a"]), layers.CategoryEncoding(2, "one_hot")])
    assert text(["a", "q"]).tolist() == [[0.0, 1.0], [1.0, 0.0]]


# Models


def test_normalization_in_a_model_is_state_that_files_carry(tmp_path: Path) -> None:
    def build() -> Any:
        return Sequential([Input((2,)), layers.Normalization(), layers.IntegerLookup(vocabulary=[0, 1])])

    model, other = build(), build()
    model.layers[0].adapt(NUMBERS)
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    close(other.layers[0].mean, model.layers[0].mean)
    close(other.predict(NUMBERS, verbose=0), model.predict(NUMBERS, verbose=0))
    # Tables that the configuration keeps are no weights, as in Keras.
    assert [w.name for w in model.weights] == ["mean", "variance", "count"]
    assert sorted(model.state["integer_lookup"]) == ["keys", "places"]


def test_features_of_a_table_are_encoded_as_keras_does() -> None:
    recorded = RECORDED["feature_space"]
    table = {name: np.asarray(values) for name, values in recorded["inputs"].items()}

    def build() -> Any:
        return FeatureSpace(
            {
                "f": "float_normalized",
                "s": "string_categorical",
                "i": FeatureSpace.integer_categorical(max_tokens=3),
                "d": FeatureSpace.float_discretized(3),
                "h": FeatureSpace.string_hashed(4),
                "z": FeatureSpace.integer_hashed(5),
            },
            crosses=[("s", "i"), FeatureSpace.cross(("h", "z"), 7)],
        )

    rows = [{name: values[i] for name, values in table.items()} for i in range(4)]
    halves = [{name: values[s] for name, values in table.items()} for s in (slice(3), slice(3, 4))]
    learned = []
    for data in (table, recorded["inputs"], iter(halves), [(half, 0) for half in halves], iter(rows), Batches(*halves)):
        space = build()
        space.adapt(data)
        learned.append((space.get_config(), [w.tolist() for w in space.get_weights()]))
    assert all(one == learned[0] for one in learned)
    close(space(table), recorded["outputs"])
    close(space(rows[1]), recorded["outputs"][1])
    again = FeatureSpace.from_config(json.loads(json.dumps(space.get_config())))
    again.build()
    again.set_weights(space.get_weights())
    assert (again.get_config(), [w.tolist() for w in again.get_weights()]) == learned[0]
    # The same as the front of a model, on strings and numbers.
    model = Model(space.get_inputs(), layers.Dense(1)(space.get_encoded_features()))
    expected = space(table) @ model.layers[-1].kernel
    close(model.predict(table, verbose=0), expected, 1e-4)


def test_feature_space_as_a_dictionary_and_with_layers_of_ones_own() -> None:
    table = {"t": ["a b", "b"], "x": [1, 2], "d": [0.5, 1.5], "r": [0.0, 1.0]}
    space = FeatureSpace(
        {
            "t": FeatureSpace.feature("string", layers.TextVectorization(output_mode="count"), "float"),
            "x": FeatureSpace.integer_hashed(4, output_mode="int"),
            "d": FeatureSpace.float_discretized(None, bin_boundaries=[1.0]),
            "r": FeatureSpace.float_rescaled(scale=2.0, offset=1.0),
        },
        output_mode="dict",
    )
    space.adapt(table)
    encoded = space(table)
    assert encoded["t"].tolist() == [[0, 1, 1], [0, 1, 0]]
    assert encoded["x"].shape == (2, 1)
    assert encoded["r"].tolist() == [[1.0], [3.0]]
    assert encoded["d"].tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_the_old_place_of_these_layers_has_them_all() -> None:
    from jkeras.layers.experimental import preprocessing

    assert preprocessing.Normalization is layers.Normalization
    assert preprocessing.Rescaling is layers.Rescaling
    with pytest.raises(AttributeError, match="no attribute 'Normalisation'"):
        preprocessing.Normalisation  # noqa: B018


# Mistakes


def _mistakes() -> Any:
    yield lambda: layers.Normalization(mean=1.0), "both mean and variance"
    yield lambda: layers.Normalization(mean=[1.0, 2.0], variance=1.0)(NUMBERS[:, :1]), "does not fit the kept axes"
    yield lambda: layers.Normalization(axis=3)(NUMBERS), "axis 3 is not an axis"
    yield lambda: layers.Normalization().build((None, None)), "needs to know the sizes"
    yield lambda: layers.Normalization(mean=0.0, variance=1.0).adapt(NUMBERS), "nothing to adapt"
    yield lambda: layers.Normalization().adapt(iter([])), "gave no batch"
    yield lambda: layers.Discretization(), "either bin_boundaries or num_bins"
    yield lambda: layers.Discretization(bin_boundaries=[1.0], num_bins=2), "either bin_boundaries or num_bins"
    yield lambda: layers.Discretization(bin_boundaries=[2.0, 1.0]), "ascending"
    yield lambda: layers.Discretization(num_bins=3)(NUMBERS), "call layer.adapt"
    yield lambda: layers.Discretization(bin_boundaries=[1.0]).adapt(NUMBERS), "give num_bins instead"
    yield lambda: layers.Discretization(num_bins=3, output_mode="onehot"), "Did you mean 'one_hot'"
    yield lambda: layers.CategoryEncoding(), "needs num_tokens"
    yield lambda: layers.CategoryEncoding(3, sparse=True), "JAX arrays are dense"
    yield lambda: layers.CategoryEncoding(3)(jnp.asarray([[1]]), count_weights=2.0), "need output_mode='count'"
    yield lambda: layers.Hashing(0), "num_bins must be a positive integer"
    yield lambda: layers.Hashing(3, salt="x"), "one or two unsigned integers"
    yield lambda: layers.Hashing(3, mask_value="")(np.asarray([1])), "does not fit inputs"
    yield lambda: layers.Hashing(3, dtype="float32"), "needs an integer dtype"
    yield lambda: layers.HashedCrossing(3)((["a"],)), "two or more features"
    yield lambda: layers.HashedCrossing(3)((["a"], [["b"]])), "of one shape"
    yield lambda: layers.HashedCrossing(3)((["a"], [1.5])), "another dtype"
    yield lambda: layers.StringLookup()(["a"]), "has no vocabulary yet"
    yield lambda: layers.StringLookup(vocabulary=["a", "a"]), "repeated"
    yield lambda: layers.StringLookup(vocabulary=[]), "empty"
    yield lambda: layers.StringLookup(vocabulary=["a", "b"], max_tokens=2), "max_tokens is 2"
    yield lambda: layers.StringLookup(vocabulary=["a"]).adapt(["b"]), "was given a vocabulary"
    yield lambda: layers.StringLookup(vocabulary=["a", ""], mask_token=""), "mask token"
    yield lambda: layers.StringLookup(vocabulary="no such file"), "does not exist"
    yield lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "z"]), "'z' is not in the vocabulary"
    yield lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf"), "needs idf_weights"
    yield lambda: layers.StringLookup(vocabulary=["a"])(np.ones(2)), "expects strings"
    yield lambda: layers.StringLookup(invert=True, output_mode="count"), "needs output_mode='int'"
    yield lambda: layers.IntegerLookup(vocabulary=["a"]), "must be of type int"
    yield lambda: layers.IntegerLookup(salt=3), "oov_method='farmhash'"
    yield lambda: layers.IntegerLookup(vocabulary=[1])(["a"]), "expects integers"
    yield lambda: layers.StringLookup().adapt([["a"], ["a", "b"]]), "different lengths"
    yield lambda: FeatureSpace({"a": "flaot"}), "Did you mean 'float'"
    yield lambda: FeatureSpace({"ab": "float"}, crosses=[("abc", "ab")]), "no feature.*Did you mean 'ab'"
    yield lambda: FeatureSpace({"a": "float_normalized"})({"a": [1.0]}), "has still to learn from a"
    yield lambda: FeatureSpace({"age": "float"})({"aeg": [1.0]}), "no feature 'age'.*Did you mean 'aeg'"
    yield lambda: FeatureSpace({"a": FeatureSpace.integer_hashed(2, "int")})({"a": [1]}), "is not encoded"


@pytest.mark.parametrize(("make", "message"), list(_mistakes()), ids=lambda v: v if isinstance(v, str) else "")
def test_mistakes_are_refused_with_the_reason(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()
