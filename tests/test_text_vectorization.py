"""TextVectorization and its neighbours at the front of models: strings on the host, the rest compiled.

That vocabularies and outputs are those of Keras is tested in test_preprocessing_layers.py, on recorded values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from jkeras import Input, Model, Sequential, layers
from jkeras.layers import Dense, Embedding, GlobalAveragePooling1D, TextVectorization
from jkeras.utils import PyDataset

TEXTS = np.asarray(["good film", "bad film", "very good, very", "Bad!"] * 4)
LABELS = np.asarray([1.0, 0.0, 1.0, 0.0] * 4)


def vectorizer(**arguments: Any) -> Any:
    layer = TextVectorization(**arguments)
    layer.adapt(TEXTS)
    return layer


class Batches(PyDataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return TEXTS[8 * index :][:8], LABELS[8 * index :][:8]


def test_adapt_takes_data_of_every_form() -> None:
    forms = [
        TEXTS, TEXTS[:, None], TEXTS.tolist(), TEXTS.astype(object), [t.encode() for t in TEXTS.tolist()],
        [TEXTS[:3], TEXTS[3:]], iter([TEXTS[:3], TEXTS[3:]]), Batches(),
    ]  # fmt: skip
    for data in forms:
        layer = TextVectorization()
        layer.adapt(data)
        assert layer.get_vocabulary() == ["", "[UNK]", "very", "good", "film", "bad"]
    layer.adapt(iter([TEXTS[:1], TEXTS[1:]]), steps=1)
    assert layer.get_vocabulary() == ["", "[UNK]", "good", "film"]
    layer.reset_state()
    for text in ("x y", "y"):
        layer.update_state([text])
    layer.finalize_state()
    assert layer.get_vocabulary(include_special_tokens=False) == ["y", "x"]
    assert layer.vocabulary_size() == 4


def test_functions_standardize_and_split_whole_arrays() -> None:
    seen = []

    def without_breaks(texts: np.ndarray) -> Any:
        seen.append((texts.dtype.kind, texts.shape))
        return np.char.replace(np.char.lower(texts), "<br />", " ")

    def by_dashes(texts: np.ndarray) -> Any:
        seen.append((texts.dtype.kind, texts.shape))
        return np.char.split(texts, "-")

    layer = TextVectorization(standardize=without_breaks, split=by_dashes)
    layer.adapt(["A-b<br />c", "c-a"])
    assert layer.get_vocabulary() == ["", "[UNK]", "a", "c", "b c"]
    assert layer([["a-q"], ["c"]]).tolist() == [[2, 1], [3, 0]]
    assert seen == [("U", (2,)), ("U", (2,)), ("U", (2, 1)), ("U", (2,))]
    config = json.loads(json.dumps(layer.get_config()))
    assert config["split"] == "by_dashes"
    with pytest.raises(ValueError, match="the function 'without_breaks' is not known"):
        TextVectorization.from_config(config)
    known = {"by_dashes": by_dashes, "without_breaks": without_breaks}
    again = TextVectorization.from_config(config, custom_objects=known)
    assert again(["c-a"]).tolist() == [[3, 2]]


def test_shapes_of_inputs_and_outputs() -> None:
    layer, counts = vectorizer(), vectorizer(output_mode="count")
    for texts, shape in (("a b", ()), (["a b"], (1,)), ([["a b"], ["c"]], (2,)), ([[["a b"]]], (1, 1))):
        assert layer(texts).shape == (*shape, 2)
        assert counts(texts).shape == (*shape, 5)
    assert layer(["", ""]).shape == (2, 0)
    assert layer(Input((1,), dtype="string")).shape == (None, None)
    assert vectorizer(output_sequence_length=3)(Input((), dtype="string")).shape == (None, 3)
    assert counts(Input((1,), dtype="string")).shape == (None, 5)
    with pytest.raises(ValueError, match=r"expects the shape \(batch,\) or \(batch, 1\)"):
        layer([["a", "b"]])
    # The text itself is not an array that is traced.
    with pytest.raises(TypeError, match="expects strings"):
        layer(np.ones((2, 1)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"standardize": "lowr"}, "Did you mean 'lower'"),
        ({"split": "words"}, "split must be one of"),
        ({"ngrams": 0}, "ngrams must be a positive integer"),
        ({"ngrams": ("a",)}, "ngrams must be a positive integer"),
        ({"output_mode": "count", "output_sequence_length": 3}, "needs output_mode='int'"),
        ({"output_sequence_length": 0}, "output_sequence_length must be a positive integer"),
        ({"ragged": True}, "JAX arrays are dense"),
        ({"pad_to_max_tokens": True, "output_mode": "count"}, "needs max_tokens"),
        ({"max_tokens": 1}, "max_tokens must be greater than 1"),
        ({"vocabulary": ["a"], "idf_weights": [1.0]}, "output_mode='tf_idf'"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused_with_the_reason(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextVectorization(**arguments)


# At the front of models


def functional() -> tuple[Any, Any]:
    vectorize = vectorizer(output_sequence_length=3)
    text = Input(shape=(1,), dtype="string", name="text")
    x = Embedding(vectorize.vocabulary_size(), 4, mask_zero=True)(vectorize(text))
    return Model(text, Dense(1, activation="sigmoid")(GlobalAveragePooling1D()(x))), vectorize


def test_a_model_takes_texts_wherever_it_takes_data(tmp_path: Path) -> None:
    model, vectorize = functional()
    expected = model.predict(TEXTS, verbose=0)
    params, state = model.params, model.state
    # The pure function takes what the host makes of the texts.
    indices = model.host_inputs(TEXTS)
    np.testing.assert_array_equal(indices, vectorize(TEXTS))
    np.testing.assert_allclose(jax.jit(model.apply)(params, state, indices)[0], expected, 1e-5)
    for x in (TEXTS[:, None], TEXTS.tolist(), {"text": TEXTS}, [TEXTS]):
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, 1e-5)
    np.testing.assert_allclose(model(TEXTS), expected, 1e-5)
    np.testing.assert_allclose(model.predict_on_batch(TEXTS), expected, 1e-5)

    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(TEXTS, LABELS, epochs=2, validation_split=0.25, verbose=0).history
    assert sorted(history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    stream = Batches()
    model.fit(stream, validation_data=(TEXTS, LABELS), verbose=0)
    streamed, whole = model.evaluate(stream, verbose=0), model.evaluate(TEXTS, LABELS, verbose=0)
    np.testing.assert_allclose(streamed, whole, 1e-5)
    np.testing.assert_allclose(model.test_on_batch(TEXTS, LABELS), whole, 1e-5)
    model.train_on_batch(TEXTS, LABELS)

    model.save_weights(tmp_path / "m.weights.h5")
    other, _ = functional()
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_allclose(other.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0), 1e-5)
    assert [layer.name for layer in model.layers][:2] == ["text", "text_vectorization"]
    assert model.inputs[0].dtype == "string"


def test_a_sequential_model_begins_with_texts() -> None:
    model = Sequential([vectorizer(output_mode="multi_hot"), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(TEXTS, LABELS, epochs=1, verbose=0)
    explicit = Sequential([Input((1,), dtype="string"), vectorizer(output_mode="multi_hot"), Dense(1)])
    explicit.set_weights(model.get_weights())
    np.testing.assert_allclose(explicit.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0), 1e-5)
    assert model(TEXTS[:2, None]).shape == (2, 1)
    only = Sequential([vectorizer(output_sequence_length=2)])
    assert only.predict(TEXTS[:1], verbose=0).tolist() == [[3, 4]]


def test_strings_and_numbers_meet_in_a_model() -> None:
    city, rooms = Input((1,), dtype="string", name="city"), Input((1,), dtype="int32", name="rooms")
    crossed = layers.HashedCrossing(8, output_mode="one_hot")([city, rooms])
    known = layers.IntegerLookup(vocabulary=[2, 3], output_mode="one_hot")(rooms)
    back = layers.StringLookup(vocabulary=["a", "b"])(layers.StringLookup(vocabulary=["b", "a"], invert=True)(rooms))
    model = Model({"city": city, "rooms": rooms}, [crossed, known, back])
    table = {"rooms": np.asarray([1, 2]), "city": np.asarray(["x", "y"])}
    first, second, third = model.predict(table, verbose=0)
    np.testing.assert_array_equal(first, layers.HashedCrossing(8, "one_hot")((table["city"], table["rooms"])))
    assert second.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert third.tolist() == [[2], [1]]


def test_strings_in_the_wrong_place_are_refused_with_the_reason() -> None:
    text, number = Input((1,), dtype="string"), Input((1,))
    with pytest.raises(TypeError, match="computes with numbers.*TextVectorization first"):
        Dense(1)(text)
    with pytest.raises(ValueError, match="outputs of a model are numbers"):
        Model(number, layers.StringLookup(vocabulary=["a"], invert=True)(number))
    with pytest.raises(ValueError, match="'dense' computes on the device and feeds a layer of strings"):
        Model(number, layers.StringLookup(vocabulary=["a"], invert=True)(Dense(1)(number)))
    with pytest.raises(TypeError, match="expects strings"):
        layers.StringLookup(vocabulary=["a"])(number)
    model, vectorize = functional()
    with pytest.raises(ValueError, match=r"model.host_inputs\(x\)"):
        model.apply(model.params, model.state, [np.zeros((2, 3)), np.zeros((2, 3))])
    with pytest.raises(RuntimeError, match="exist on the host only"):
        jax.eval_shape(lambda x: vectorize.apply({}, {}, x)[0], np.ones(2))
