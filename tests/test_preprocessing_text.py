"""Sequences and texts: numbers worked out by hand, and Keras's where it still has the function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jkeras.preprocessing import sequence, text


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.lists(st.integers(1, 9), max_size=6), min_size=1, max_size=4),
    maxlen=st.one_of(st.none(), st.integers(1, 7)),
    padding=st.sampled_from(["pre", "post"]),
    truncating=st.sampled_from(["pre", "post"]),
)
def test_padding_agrees_with_keras(rows: Any, maxlen: Any, padding: str, truncating: str) -> None:
    keras = pytest.importorskip("keras")
    arguments = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "value": 7}
    ours, theirs = sequence.pad_sequences(rows, **arguments), keras.utils.pad_sequences(rows, **arguments)
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype


def test_padding_of_vectors_and_of_strings() -> None:
    vectors = sequence.pad_sequences([[[1, 2], [3, 4]], [[5, 6]]], dtype="float32", value=-1)
    assert vectors.tolist() == [[[1, 2], [3, 4]], [[-1, -1], [5, 6]]]
    assert sequence.pad_sequences([["a"], ["b", "c"]], dtype=object, value="-").tolist() == [["-", "a"], ["b", "c"]]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"sequences": [1, 2]}, "element 0 is 1"),
        ({"sequences": [[1]], "padding": "left"}, "padding must be"),
        ({"sequences": [[1]], "value": "a"}, "Give dtype=object"),
        ({"sequences": [[[1, 2]], [[1]]]}, r"elements of sequence 1 have shape \(1,\)"),
    ],
)
def test_bad_padding_says_why(arguments: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        sequence.pad_sequences(**arguments)


def test_pairs_of_words() -> None:
    pairs, labels = sequence.skipgrams([1, 2, 0, 3, 4], 50, window_size=2, negative_samples=2.0, seed=1)
    positive = {tuple(p) for p, label in zip(pairs, labels, strict=True) if label == 1}
    assert positive == {(1, 2), (2, 1), (2, 3), (3, 2), (3, 4), (4, 3), (2, 4), (4, 2)} - {(2, 4), (4, 2)}
    assert labels.count(0) == 2 * labels.count(1)
    assert all(0 < b < 50 for _, b in pairs)
    assert (pairs, labels) == sequence.skipgrams([1, 2, 0, 3, 4], 50, window_size=2, negative_samples=2.0, seed=1)
    _, categorical = sequence.skipgrams([1, 2], 5, categorical=True, shuffle=False)
    assert categorical == [[0, 1], [0, 1], [1, 0], [1, 0]]
    table = np.array([0.0, 0.0, 1.0])
    assert sequence.skipgrams([1, 2], 5, negative_samples=0, sampling_table=table)[0] == [[2, 1]]


def test_sampling_table_by_its_formula() -> None:
    table = sequence.make_sampling_table(1000, 1e-3)
    rank = 500
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank)
    assert table[500] == pytest.approx(min(1, (1e-3 * inverse) ** 0.5))
    assert table[0] == table[1] and (np.diff(table[1:]) >= 0).all() and table.max() <= 1


def test_windows_of_a_time_series() -> None:
    data, targets = np.arange(50).reshape(50, 1), 100 + np.arange(50)
    batches = sequence.TimeseriesGenerator(data, targets, length=10, sampling_rate=2, batch_size=4, stride=3)
    x, y = batches[0]
    assert x.shape == (4, 5, 1)
    assert x[0].ravel().tolist() == [0, 2, 4, 6, 8] and y.tolist() == [110, 113, 116, 119]
    every = [t for i in range(len(batches)) for t in batches[i][1].tolist()]
    assert every == list(range(110, 150, 3))
    backwards = sequence.TimeseriesGenerator(data, targets, length=3, reverse=True, start_index=5, end_index=9)
    assert len(backwards) == 1
    assert backwards[0][0][0].ravel().tolist() == [7, 6, 5] and backwards[0][1].tolist() == [108, 109]
    shuffled = sequence.TimeseriesGenerator(data, targets, length=3, shuffle=True, batch_size=8)
    x, y = shuffled[0]
    assert (x[:, -1, 0] + 101 == y).all()
    with pytest.raises(ValueError, match="no window of length 60"):
        sequence.TimeseriesGenerator(data, targets, length=60)
    with pytest.raises(ValueError, match="equally long; got 50 and 49"):
        sequence.TimeseriesGenerator(data, targets[1:], length=3)
    assert sequence.TimeseriesGenerator(**batches.get_config())[1][1].tolist() == batches[1][1].tolist()


def test_words_of_a_text() -> None:
    assert text.text_to_word_sequence("A, b.C", filters=",", lower=False) == ["A", "b.C"]
    assert text.text_to_word_sequence("a_b__c", split="_") == ["a", "b", "c"]
    assert text.hashing_trick("a b a", 30, hash_function=len) == [2, 2, 2]
    assert text.hashing_trick("ab", 30, hash_function=ord, analyzer=list) == [97 % 29 + 1, 98 % 29 + 1]


TEXTS = ["The cat sat on the mat.", "The dog sat on the log.", "Dogs and cats living together."]


def test_the_vocabulary_is_ordered_by_frequency() -> None:
    tokenizer = text.Tokenizer()
    tokenizer.fit_on_texts(TEXTS)
    assert list(tokenizer.word_index)[:4] == ["the", "sat", "on", "cat"]
    assert tokenizer.word_counts["the"] == 4 and tokenizer.word_docs["the"] == 2
    assert tokenizer.document_count == 3 and tokenizer.index_docs[1] == 2
    assert tokenizer.sequences_to_texts(tokenizer.texts_to_sequences(["the cat sat"])) == ["the cat sat"]
    assert tokenizer.texts_to_sequences([["the", "Cat"]]) == [[1, 4]]


def test_unknown_words_and_a_limited_vocabulary() -> None:
    plain, marked = text.Tokenizer(num_words=3), text.Tokenizer(num_words=3, oov_token="<?>")
    for tokenizer in (plain, marked):
        tokenizer.fit_on_texts(TEXTS)
    assert plain.texts_to_sequences(["the cat sat"]) == [[1, 2]]
    assert marked.texts_to_sequences(["the cat sat", "unseen"]) == [[2, 1, 1], [1]]
    assert marked.sequences_to_texts([[2, 1, 9]]) == ["the <?> <?>"]


def test_matrices_by_their_formulas() -> None:
    tokenizer = text.Tokenizer(num_words=4)
    tokenizer.fit_on_texts(["a a b", "b c", "a"])
    assert tokenizer.word_index == {"a": 1, "b": 2, "c": 3}
    given = ["a a b"]
    assert tokenizer.texts_to_matrix(given).tolist() == [[0, 1, 1, 0]]
    assert tokenizer.texts_to_matrix(given, "count").tolist() == [[0, 2, 1, 0]]
    np.testing.assert_allclose(tokenizer.texts_to_matrix(given, "freq"), [[0, 2 / 3, 1 / 3, 0]])
    expected = [0, (1 + np.log(2)) * np.log(1 + 3 / 3), np.log(1 + 3 / 3), 0]
    np.testing.assert_allclose(tokenizer.texts_to_matrix(given, "tfidf"), [expected])
    assert tokenizer.sequences_to_matrix([[]], "freq").tolist() == [[0, 0, 0, 0]]
    with pytest.raises(ValueError, match="mode must be"):
        tokenizer.texts_to_matrix(given, "bag")
    with pytest.raises(ValueError, match="call fit_on_texts first"):
        text.Tokenizer().texts_to_matrix(given)
    counted = text.Tokenizer(num_words=3)
    counted.fit_on_sequences([[1, 1, 2], [1]])
    np.testing.assert_allclose(counted.sequences_to_matrix([[2]], "tfidf"), [[0, 0, np.log(1 + 2 / 2)]])


def test_characters_and_a_round_trip() -> None:
    tokenizer = text.Tokenizer(char_level=True, lower=False)
    tokenizer.fit_on_texts(["abA", "b"])
    assert tokenizer.texts_to_sequences(["bA"]) == [[1, 3]]
    again = text.tokenizer_from_json(tokenizer.to_json())
    assert again.get_config() == tokenizer.get_config()
    assert again.texts_to_matrix(["bA"], "tfidf").tolist() == tokenizer.texts_to_matrix(["bA"], "tfidf").tolist()
    assert again.index_word[3] == "A"
