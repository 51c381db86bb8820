"""IMDB: 50,000 film reviews as sequences of word numbers, half of them good."""

from __future__ import annotations

import numpy as np

from jkeras.datasets import word_sequences
from jkeras.datasets.safe_load import load_npz
from jkeras.datasets.sources import fetch
from jkeras.datasets.split import Split, shuffled
from jkeras.datasets.word_sequences import Vocabulary


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int | None = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    cache_dir: str | None = None,
    **kwargs: int | None,
) -> Split:
    """Return `(x_train, y_train), (x_test, y_test)`.

    A word's number is its rank by frequency plus `index_from`; 0 is left for padding.

    Args:
        path: The name it is kept under in the Keras folder, or an absolute path.
        num_words: Numbers from this one on are out of the vocabulary (`nb_words` in Keras 1).
        skip_top: Numbers below this one are, too.
        maxlen: Drop the reviews of this many words and more.
        seed: Seed of the order of the reviews.
        start_char: The number in front of every review; `None` for none.
        oov_char: The number that stands for a word out of the vocabulary; `None` leaves such words out.
        index_from: What is added to the ranks.
        cache_dir: By default `$KERAS_HOME` or `~/.keras`.

    Returns:
        `x`: array of objects `(reviews,)`, lists of numbers. `y`: integers `(reviews,)`, 1 for a good review.

    Raises:
        ValueError: If no review is shorter than `maxlen`.
        OSError: If it is not there and could not be downloaded.

    Reference: A. Maas et al. (2011), Learning Word Vectors for Sentiment Analysis; `keras.datasets.imdb`.
    """
    words = Vocabulary(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    words = word_sequences.old_arguments("imdb.load_data()", words, kwargs)
    arrays = load_npz(fetch("imdb.npz", path, cache_dir))
    texts: list[list[int]] = []
    labels: list[np.ndarray] = []
    random = np.random.RandomState(seed)
    for part in ("train", "test"):
        x, y = shuffled(random, arrays[f"x_{part}"], arrays[f"y_{part}"])
        kept, kept_labels = word_sequences.keep_short(word_sequences.number_words(x, words), y, words)
        texts += kept
        labels.append(kept_labels)
    numbers, end = word_sequences.limit_words(texts, words), len(labels[0])
    return (numbers[:end], labels[0]), (numbers[end:], labels[1])


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Return the rank of every word by frequency, from 1; the numbers in the reviews are `index_from` larger.

    Args:
        path: The name it is kept under in the Keras folder, or an absolute path.

    Returns:
        A dictionary from words to ranks.

    Raises:
        OSError: If it is not there and could not be downloaded.
    """
    return word_sequences.word_index("imdb_word_index.json", path)
