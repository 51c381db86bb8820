"""Data sets from folders and time series: files, labels and splits as Keras finds them, values worked out by hand."""

import wave

import numpy as np
import pytest

from jkeras import preprocessing, utils
from jkeras.layers import Dense, Flatten
from jkeras.models import Sequential
from jkeras.preprocessing.image import save_img

COLOURS = {"blue": [0, 0, 250], "red": [250, 0, 0]}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    pytest.importorskip("PIL")
    root = tmp_path_factory.mktemp("pictures")
    for name, colour in COLOURS.items():
        (root / name).mkdir()
        for i in range(5):
            save_img(root / name / f"{i}.png", np.full((4 + i, 6, 3), np.array(colour) - 10 * (i % 2) + 0.0).clip(0),
                     scale=False)  # fmt: skip
    (root / "red" / "notes.txt").write_text("no image")
    (root / ".hidden").mkdir()
    return root


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    root = tmp_path_factory.mktemp("texts")
    for name in ("bad", "fine", "good"):
        (root / name / "more").mkdir(parents=True)
        (root / name / "1.txt").write_text(f"a {name} film", encoding="utf-8")
        (root / name / "more" / "2.txt").write_text(f"é {name}", encoding="utf-8")
    return root


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("labels", ["inferred", "list", None])
def test_files_labels_and_splits_are_those_of_keras(texts, labels, shuffle, capsys):
    found = pytest.importorskip("keras.src.utils.dataset_utils")
    labels = [3, 1, 2, 1, 3, 2] if labels == "list" else labels
    paths, numbers, names = found.index_directory(
        str(texts),
        list(labels) if isinstance(labels, list) else labels,
        (".txt",),
        shuffle=shuffle,
        seed=4,
        verbose=False,
    )
    expected = {"training": slice(0, 4), "validation": slice(4, 6), None: slice(0, 6)}
    for subset, part in expected.items():
        split = {} if subset is None else dict(validation_split=0.4, subset=subset)
        dataset = utils.text_dataset_from_directory(texts, labels, shuffle=shuffle, seed=4, **split)
        assert dataset.file_paths == list(paths[part])
        assert dataset.class_names == names
        if labels is not None:
            assert dataset.labels.tolist() == list(numbers[part]) and dataset.labels.dtype == np.int32
    printed = capsys.readouterr().out
    assert "Found 6 files" in printed and "Using 4 files for training." in printed


def test_texts(texts):
    dataset = utils.text_dataset_from_directory(
        texts, label_mode="categorical", batch_size=4, shuffle=False, max_length=5, verbose=False
    )
    (x, y), (rest, _) = dataset
    assert x.tolist() == ["a bad", "é ba", "a fin", "é fi"] and len(rest) == 2
    assert y.tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]] and y.dtype == np.float32
    alone = utils.text_dataset_from_directory(texts, labels=None, batch_size=None, shuffle=False, verbose=False)
    assert len(alone) == 6 and next(iter(alone)) == "a bad film"
    some = utils.text_dataset_from_directory(
        texts, class_names=["good", "bad"], label_mode="binary", shuffle=False, verbose=False
    )
    assert some.class_names == ["good", "bad"] and some[0][1].tolist() == [[0], [0], [1], [1]]


def test_order_is_another_in_every_epoch_and_a_function_of_the_seed(texts):
    def epochs(seed):
        dataset = utils.text_dataset_from_directory(texts, seed=seed, batch_size=4, verbose=False)
        return [np.concatenate([x for x, _ in dataset]).tolist() for _ in range(3)]

    first = epochs(1)
    assert first == epochs(1) != epochs(2)
    assert first[0] != first[1] and sorted(first[0]) == sorted(first[1])


def test_images(pictures):
    dataset = preprocessing.image_dataset_from_directory(
        pictures, label_mode="binary", image_size=(3, 5), batch_size=4, shuffle=False, verbose=False, format="grain"
    )
    batches = list(dataset)
    assert [x.shape for x, _ in batches] == [(4, 3, 5, 3), (4, 3, 5, 3), (2, 3, 5, 3)]
    assert batches[0][0].dtype == np.float32 and batches[0][1].tolist() == [[0]] * 4
    np.testing.assert_array_equal(batches[0][0][0], np.broadcast_to(COLOURS["blue"], (3, 5, 3)))
    first = utils.image_dataset_from_directory(
        pictures, image_size=(2, 2), data_format="channels_first", color_mode="rgba", shuffle=False, verbose=False
    )
    assert first[0][0].shape == (10, 4, 2, 2)


@pytest.mark.parametrize("frame", [dict(crop_to_aspect_ratio=True), dict(pad_to_aspect_ratio=True)])
def test_image_proportions(tmp_path, frame):
    pytest.importorskip("PIL")
    x = np.zeros((2, 4, 3))
    x[:, 0] = x[:, 3] = 200.0  # bright at both ends
    save_img(tmp_path / "1.png", x, scale=False)
    options = dict(labels=None, image_size=(2, 2), batch_size=None, verbose=False, interpolation="area")
    image = utils.image_dataset_from_directory(tmp_path, **options, **frame)[0][..., 0]
    cropped = "crop_to_aspect_ratio" in frame
    np.testing.assert_array_equal(image, np.zeros((2, 2)) if cropped else np.full((2, 2), 50.0))


def test_both_parts_train_a_model(pictures):
    training, validation = utils.image_dataset_from_directory(
        pictures, image_size=(4, 4), batch_size=4, seed=1, validation_split=0.3, subset="both", verbose=False
    )
    assert (len(training), len(validation)) == (2, 1)
    assert not set(training.file_paths) & set(validation.file_paths)
    model = Sequential([Flatten(), Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(training, validation_data=validation, epochs=1, verbose=0)
    assert np.isfinite(history.history["val_loss"]).all()


def write_wave(path, values, width, rate=8000, channels=1):
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", "none"))
        raw = np.asarray(values, "<i4")
        parts = raw.view("uint8").reshape(-1, 4)[:, :width]
        file.writeframes((parts + 128).astype("uint8").tobytes() if width == 1 else parts.tobytes())


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds_of_every_width(tmp_path, width):
    write_wave(tmp_path / "1.wav", np.array([0, 0.5, -0.5, -1]) * 2 ** (8 * width - 1), width, channels=2)
    dataset = utils.audio_dataset_from_directory(tmp_path, labels=None, verbose=False)
    np.testing.assert_array_equal(dataset[0], [[[0, 0.5], [-0.5, -1]]])


def test_sounds_are_padded_cut_and_resampled(tmp_path):
    for name, length in (("1.wav", 40), ("2.wav", 80)):
        write_wave(tmp_path / name, np.full(length, 2**14), 2)
    options = dict(labels=None, shuffle=False, verbose=False)
    x = utils.audio_dataset_from_directory(tmp_path, **options)[0]
    assert x.shape == (2, 80, 1) and x[0].sum() == 20 and x[1].sum() == 40
    assert utils.audio_dataset_from_directory(tmp_path, **options, output_sequence_length=50)[0].shape == (2, 50, 1)
    pytest.importorskip("scipy")
    half = utils.audio_dataset_from_directory(tmp_path, **options, sampling_rate=4000)[0]
    assert half.shape == (2, 40, 1) and abs(half[1, 20, 0] - 0.5) < 0.01
    with pytest.raises(ValueError, match="output_sequence_length"):
        utils.audio_dataset_from_directory(tmp_path, ragged=True)


def test_windows_by_their_formula():
    data, targets = np.arange(20), np.arange(20) * 10
    dataset = preprocessing.timeseries_dataset_from_array(
        data, targets, 3, sequence_stride=2, sampling_rate=3, batch_size=4, start_index=1, end_index=16
    )
    x, y = (np.concatenate(parts) for parts in zip(*dataset, strict=True))
    np.testing.assert_array_equal(x, [[s, s + 3, s + 6] for s in range(1, 10, 2)])
    np.testing.assert_array_equal(y, x[:, 0] * 10)
    alone = utils.timeseries_dataset_from_array(data, None, 4, batch_size=None, shuffle=True, seed=1)
    windows = list(alone)
    assert len(windows) == 17 and sorted(int(w[0]) for w in windows) == list(range(17))
    short = utils.timeseries_dataset_from_array(data, targets[4:], 4)  # as in forecasting: targets end earlier
    assert short.count == 16 and short[0][1][0] == 40


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(label_mode="ints"), "label_mode"),
        (dict(label_mode="binary"), "two classes"),
        (dict(labels="infer"), "labels"),
        (dict(labels=[1]), "6"),
        (dict(class_names=["bad", "worse"]), "worse"),
        (dict(labels=None, class_names=["a"]), "class_names"),
        (dict(validation_split=0.2), "subset"),
        (dict(validation_split=0.2, subset="training"), "seed"),
        (dict(validation_split=2, subset="training", seed=1), "between"),
        (dict(validation_split=0.2, subset="test", seed=1), "subset"),
        (dict(format="torch"), "format"),
        (dict(batch_size=0), "batch_size"),
    ],
)
def test_what_does_not_fit_is_refused(texts, wrong, message):
    with pytest.raises(ValueError, match=message):
        utils.text_dataset_from_directory(texts, verbose=False, **wrong)


def test_what_is_missing_is_refused(texts):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        utils.text_dataset_from_directory(texts / "nowhere")
    with pytest.raises(ValueError, match=r"No files.*\.png"):
        utils.image_dataset_from_directory(texts, verbose=False)
    for wrong in (dict(sequence_length=0), dict(sequence_length=9, sampling_rate=3), dict(start_index=30)):
        with pytest.raises(ValueError):
            utils.timeseries_dataset_from_array(np.arange(20), None, **{"sequence_length": 2, **wrong})
