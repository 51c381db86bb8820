"""Reuters: 11,228 newswires as sequences of word numbers, in 46 topics."""

from __future__ import annotations

from jkeras.datasets import word_sequences
from jkeras.datasets.safe_load import load_npz
from jkeras.datasets.sources import fetch
from jkeras.datasets.split import Split, shuffled, split_rows
from jkeras.datasets.word_sequences import Vocabulary

_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
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
        maxlen: Drop the newswires of this many words and more.
        test_split: The fraction of the newswires to test on.
        seed: Seed of the order of the newswires.
        start_char: The number in front of every newswire; `None` for none.
        oov_char: The number that stands for a word out of the vocabulary; `None` leaves such words out.
        index_from: What is added to the ranks.
        cache_dir: By default `$KERAS_HOME` or `~/.keras`.

    Returns:
        `x`: array of objects `(newswires,)`, lists of numbers. `y`: integers `(newswires,)`, the topic.

    Raises:
        ValueError: If no newswire is shorter than `maxlen`, or `test_split` is not in `[0, 1)`.
        OSError: If it is not there and could not be downloaded.

    Reference: D. Lewis, Reuters-21578; `keras.datasets.reuters`.
    """
    words = Vocabulary(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    words = word_sequences.old_arguments("reuters.load_data()", words, kwargs)
    arrays = load_npz(fetch("reuters.npz", path, cache_dir))
    x, labels = shuffled(seed, arrays["x"], arrays["y"])
    texts, labels = word_sequences.keep_short(word_sequences.number_words(x, words), labels, words)
    return split_rows(word_sequences.limit_words(texts, words), labels, test_split)


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Return the rank of every word by frequency, from 1; the numbers in the newswires are `index_from` larger.

    Args:
        path: The name it is kept under in the Keras folder, or an absolute path.

    Returns:
        A dictionary from words to ranks.

    Raises:
        OSError: If it is not there and could not be downloaded.
    """
    return word_sequences.word_index("reuters_word_index.json", path)


def get_label_names() -> tuple[str, ...]:
    """Return the names of the 46 topics, in the order of their numbers.

    Returns:
        A tuple of strings.

    >>> get_label_names()[:4], len(get_label_names())
    (('cocoa', 'grain', 'veg-oil', 'earn'), 46)
    """
    return tuple(_TOPICS.split())
