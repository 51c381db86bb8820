"""Images: files, resizing, transforms and generators, compared with those of Keras and with numbers found by hand."""

import io
import os

import numpy as np
import pytest

from jkeras.preprocessing import image
from jkeras.utils.data import ordered_batches

pytest.importorskip("PIL")
pytest.importorskip("scipy")
# Keras reaches SciPy under a name of old.
pytestmark = pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")


@pytest.fixture(scope="module")
def oracle():
    return pytest.importorskip("keras.src.legacy.preprocessing.image")


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).uniform(0, 255, (7, 9, 3)).astype("float32")


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(1).uniform(0, 255, (10, 6, 5, 3)).astype("float32")


@pytest.mark.parametrize("mode, channels", [("rgb", 3), ("rgba", 4), ("grayscale", 1)])
def test_files_come_back(tmp_path, picture, keras, mode, channels):
    path = tmp_path / "picture.png"
    whole = picture.round()
    image.save_img(path, whole, scale=False)
    read = image.img_to_array(image.load_img(path, color_mode=mode))
    assert read.shape == (7, 9, channels) and read.dtype == np.float32
    np.testing.assert_array_equal(read, keras.utils.img_to_array(keras.utils.load_img(path, color_mode=mode)))
    if mode == "rgb":
        np.testing.assert_array_equal(read, whole)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "lanczos"])
@pytest.mark.parametrize("keep", [False, True])
def test_load_img_resizes(tmp_path, picture, keras, interpolation, keep):
    path = tmp_path / "picture.bmp"
    image.save_img(path, picture)
    options = dict(target_size=(4, 8), interpolation=interpolation, keep_aspect_ratio=keep)
    mine, theirs = image.load_img(path, **options), keras.utils.load_img(path, **options)
    assert mine.size == (8, 4)
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))


def test_load_img_takes_streams_and_old_arguments(picture):
    file = io.BytesIO()
    image.save_img(file, picture, file_format="jpg")
    assert image.load_img(file, True).mode == image.load_img(file, grayscale=True).mode == "L"
    for wrong, message in [(dict(color_mode="bgr"), "color_mode"), (dict(interpolation="cubic"), "interpolation")]:
        with pytest.raises(ValueError, match=message):
            image.load_img(file, **wrong)
    with pytest.raises(TypeError, match="path"):
        image.load_img(3)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [True, False])
def test_arrays_become_images_as_in_keras(keras, channels, scale):
    x = np.random.default_rng(2).uniform(0, 255, (3, 4, channels))
    for data_format, given in (("channels_last", x), ("channels_first", x.transpose(2, 0, 1))):
        mine, theirs = (f(given, data_format=data_format, scale=scale) for f in
                        (image.array_to_img, keras.utils.array_to_img))  # fmt: skip
        assert mine.mode == theirs.mode
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))
        np.testing.assert_array_equal(
            image.img_to_array(mine, data_format), keras.utils.img_to_array(theirs, data_format)
        )
    assert image.array_to_img(np.full((2, 2, 1), 300.0), scale=False).mode == "I"
    with pytest.raises(ValueError, match="channels"):
        image.array_to_img(np.zeros((2, 2, 2)))
    with pytest.warns(UserWarning, match="transparency"):
        image.save_img(io.BytesIO(), np.zeros((2, 2, 4)), file_format="jpeg")


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"])
def test_smart_resize_agrees_with_keras(keras, picture, interpolation):
    for size in [(4, 3), (9, 12)]:
        mine = image.smart_resize(picture, size, interpolation)
        theirs = keras.preprocessing.image.smart_resize(picture, size, interpolation)
        np.testing.assert_allclose(mine, theirs, atol=2e-3)
    batch = image.smart_resize(picture.transpose(2, 0, 1)[None], (4, 3), interpolation, "channels_first")
    np.testing.assert_allclose(batch[0].transpose(1, 2, 0), image.smart_resize(picture, (4, 3), interpolation))


def test_smart_resize_by_hand():
    x = np.arange(16.0).reshape(4, 4, 1)
    np.testing.assert_allclose(image.smart_resize(x, (2, 2), "area")[..., 0], [[2.5, 4.5], [10.5, 12.5]])
    for interpolation in ("gaussian", "mitchellcubic"):  # both symmetric: the middle of a ramp stays the middle
        np.testing.assert_allclose(image.smart_resize(x, (1, 1), interpolation).item(), 7.5, rtol=1e-6)
    with pytest.raises(ValueError, match="interpolation"):
        image.smart_resize(x, (2, 2), "cubic")
    with pytest.raises(ValueError, match="shape"):
        image.smart_resize(x[0], (2, 2))


AFFINE = [
    dict(theta=30), dict(tx=1.5), dict(ty=-2), dict(shear=20), dict(zx=0.7, zy=1.3),
    dict(theta=-10, tx=1, ty=2, shear=5, zx=1.2, zy=0.9), {},
]  # fmt: skip


@pytest.mark.parametrize("fill", [dict(), dict(fill_mode="constant", cval=7.0), dict(fill_mode="wrap", order=0)])
def test_affine_transforms_agree_with_keras(oracle, picture, fill):
    for parameters in AFFINE:
        for axes, x in (((0, 1, 2), picture), ((1, 2, 0), picture.transpose(2, 0, 1))):
            place = dict(zip(("row_axis", "col_axis", "channel_axis"), axes))
            mine = image.apply_affine_transform(x, **parameters, **place, **fill)
            theirs = oracle.apply_affine_transform(x, **parameters, **place, **fill)
            np.testing.assert_allclose(mine, theirs, atol=1e-3, err_msg=str(parameters))
    with pytest.raises(ValueError, match="axes"):
        image.apply_affine_transform(picture, row_axis=0, col_axis=0, channel_axis=2)
    with pytest.raises(ValueError, match="fill_mode"):
        image.apply_affine_transform(picture, theta=1, fill_mode="mirror", **place)


def test_a_quarter_turn_is_exact():
    x = np.arange(9.0).reshape(1, 3, 3)
    np.testing.assert_allclose(image.apply_affine_transform(x, theta=90)[0], np.rot90(x[0]), atol=1e-6)


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("random_rotation", (30,)),
        ("random_shift", (0.3, 0.2)),
        ("random_shear", (20,)),
        ("random_zoom", ((0.6, 1.4),)),
        ("random_channel_shift", (40.0,)),
        ("random_brightness", ((0.5, 1.5),)),
    ],
)
def test_random_transforms_draw_what_keras_draws(oracle, picture, name, arguments):
    place = dict(row_axis=0, col_axis=1, channel_axis=2)
    place = {} if name == "random_brightness" else dict(channel_axis=2) if "channel" in name else place
    results = []
    for module in (image, oracle):
        np.random.seed(3)
        results.append(getattr(module, name)(picture, *arguments, **place))
    np.testing.assert_allclose(*results, atol=1e-3)
    assert np.abs(results[0] - picture).max() > 1


@pytest.mark.parametrize("scale", [True, False])
def test_brightness_agrees_with_keras(oracle, picture, scale):
    for x in (picture, picture - 100):
        np.testing.assert_allclose(
            image.apply_brightness_shift(x, 0.7, scale), oracle.apply_brightness_shift(x, 0.7, scale), atol=1e-3
        )


def test_elastic_deformation_moves_neighbours_together(picture):
    x = np.indices((16, 16)).transpose(1, 2, 0).astype("float32")  # each pixel holds its own coordinates
    moved = image.elastic_deformation(20.0, 3.0, seed=0)(x) - x
    assert moved.std() > 0.2 and np.abs(np.diff(moved, axis=0)).max() < np.abs(moved).max()
    np.testing.assert_array_equal(image.elastic_deformation(0.0)(picture), picture)


OPTIONS = {
    "rotation": dict(rotation_range=40), "shear": dict(shear_range=20), "zoom": dict(zoom_range=(0.5, 1.5)),
    "shift": dict(width_shift_range=0.3, height_shift_range=0.3), "pixels": dict(width_shift_range=[-2, 1]),
    "whole pixels": dict(height_shift_range=3), "channels": dict(channel_shift_range=50.0),
    "flips": dict(horizontal_flip=True, vertical_flip=True), "brightness": dict(brightness_range=(0.4, 1.6)),
    "rescale": dict(rescale=1 / 255), "function": dict(preprocessing_function=lambda x: x - 5),
    "sample": dict(samplewise_center=True, samplewise_std_normalization=True), "zoom by one number":
    dict(zoom_range=0.4, fill_mode="constant", cval=3.0),
    "feature": dict(featurewise_center=True, featurewise_std_normalization=True),
    "zca": dict(zca_whitening=True, featurewise_center=True, zca_epsilon=1e-2),
    "all": dict(rotation_range=20, width_shift_range=0.2, zoom_range=0.2, horizontal_flip=True, samplewise_center=True,
                channel_shift_range=9.0, interpolation_order=0, fill_mode="reflect"),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_generators_make_the_batches_of_keras(oracle, pictures, name):
    batches = []
    for module in (image, oracle):
        generator = module.ImageDataGenerator(**OPTIONS[name])
        generator.fit(pictures.copy())
        flow = generator.flow(pictures.copy(), np.arange(10), batch_size=4, seed=5)
        batches.append([next(flow) for _ in range(5)])
    for (x, y), (expected, numbers) in zip(*batches, strict=True):
        np.testing.assert_array_equal(y, numbers)
        np.testing.assert_allclose(x, expected, atol=2e-3)
    assert [len(x) for x, _ in batches[0]] == [4, 4, 2, 4, 4]
    assert max(np.abs(x - pictures[y]).max() for x, y in batches[0]) > 0.5


def test_fit_with_augmentation_and_channels_first(oracle, pictures):
    x = pictures.transpose(0, 3, 1, 2)
    options = dict(rotation_range=30, featurewise_center=True, featurewise_std_normalization=True,
                   data_format="channels_first")  # fmt: skip
    mine, theirs = image.ImageDataGenerator(**options), oracle.ImageDataGenerator(**options)
    mine.fit(x, augment=True, rounds=2, seed=1)
    theirs.fit(x, augment=True, rounds=2, seed=1)
    for name in ("mean", "std"):
        np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), rtol=1e-4)


def test_the_process_keeps_its_random_state(pictures):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    flow = image.ImageDataGenerator(rotation_range=10).flow(pictures, seed=1)
    next(flow), flow[0], flow.on_epoch_end()
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_batches_by_number(oracle, pictures):
    def make(module=image):
        generator = module.ImageDataGenerator(rotation_range=30, horizontal_flip=True)
        return generator.flow(pictures, np.arange(10), batch_size=4, seed=2)

    mine, theirs, ahead = make(), make(oracle), make()
    ahead.workers = 3
    assert len(mine) == 3
    for i, (x, y) in enumerate(ordered_batches(ahead)):
        for expected in (mine[i], theirs[i]):
            np.testing.assert_allclose(x, expected[0], atol=1e-3)
            np.testing.assert_array_equal(y, expected[1])
    again = mine[1]
    np.testing.assert_array_equal(again[1], theirs[1][1])  # the order stays, the transforms are new
    assert np.abs(again[0] - ahead[0][0]).max() > 1
    mine.on_epoch_end()
    assert mine[0][1].tolist() != again[1].tolist() and sorted(np.concatenate([mine[i][1] for i in range(3)])) == [
        *range(10)
    ]
    with pytest.raises(IndexError, match="0 to 2"):
        mine[3]


def test_flow_weights_parts_and_extra_inputs(pictures):
    generator = image.ImageDataGenerator(validation_split=0.3)
    y, weight = np.arange(10) % 2, np.arange(10.0)
    validation = generator.flow(pictures, y, shuffle=False, sample_weight=weight, subset="validation")
    x, targets, weights = next(validation)
    np.testing.assert_array_equal(x, pictures[:3])
    assert targets.tolist() == [0, 1, 0] and weights.tolist() == [0, 1, 2]
    (x, other), targets = next(generator.flow((pictures, weight), y, shuffle=False, subset="training"))
    np.testing.assert_array_equal(x, pictures[3:])
    assert other.tolist() == weight[3:].tolist() and len(targets) == 7
    assert next(generator.flow(pictures, batch_size=2)).shape == (2, 6, 5, 3)
    with pytest.raises(ValueError, match="different classes"):
        generator.flow(pictures, np.arange(10), subset="training")
    assert generator.flow(pictures, np.arange(10), subset="training", ignore_class_split=True).n == 7
    with pytest.raises(ValueError, match="equal length"):
        generator.flow(pictures, y[:3])
    with pytest.raises(ValueError, match="validation_split"):
        image.ImageDataGenerator().flow(pictures, subset="training")


def test_generator_refuses_and_warns(pictures):
    for wrong in (dict(zoom_range=(1, 2, 3)), dict(brightness_range=2), dict(fill_mode="mirror"),
                  dict(validation_split=2), dict(data_format="last")):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(wrong))):
            image.ImageDataGenerator(**wrong)
    with pytest.warns(UserWarning, match="featurewise_center=True"):
        generator = image.ImageDataGenerator(featurewise_std_normalization=True)
    with pytest.warns(UserWarning, match="generator.fit"):
        generator.standardize(pictures[0])
    with pytest.raises(ValueError, match="shape"):
        generator.fit(pictures[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for name, count in (("cat", 5), ("dog", 3)):
        (root / name / "more").mkdir(parents=True)
        for i in range(count):
            where = root / name / ("more" if i == 1 else "")
            image.save_img(where / f"{i}.png", rng.uniform(0, 255, (8, 6, 3)), scale=False)
    (root / "cat" / "notes.txt").write_text("no image")
    return root


@pytest.mark.parametrize("mode", ["categorical", "binary", "sparse", "input", None])
def test_directories_give_the_batches_of_keras(oracle, folder, mode, capsys):
    options = dict(target_size=(4, 5), class_mode=mode, batch_size=3, seed=3, subset="training")
    flows = [
        module.ImageDataGenerator(rotation_range=20, rescale=1 / 255, validation_split=0.4).flow_from_directory(
            str(folder), **options
        )
        for module in (image, oracle)
    ]
    assert flows[0].filenames == flows[1].filenames and flows[0].class_indices == {"cat": 0, "dog": 1}
    assert flows[0].samples == 5 and flows[0].classes.tolist() == flows[1].classes.tolist() == [0, 0, 0, 1, 1]
    assert "Found 5 images belonging to 2 classes." in capsys.readouterr().out
    for _ in range(3):
        mine, theirs = (next(flow) for flow in flows)
        for a, b in zip(*(batch if mode else (batch,) for batch in (mine, theirs)), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_directory_options(folder, tmp_path):
    generator = image.ImageDataGenerator()
    flow = generator.flow_from_directory(
        folder, (4, 4), "grayscale", classes=["dog"], save_to_dir=tmp_path, save_prefix="new", save_format="bmp"
    )
    x, y = next(flow)
    assert x.shape == (3, 4, 4, 1) and y.tolist() == [[1], [1], [1]]
    assert len(os.listdir(tmp_path)) == 3 and all(n.startswith("new_") for n in os.listdir(tmp_path))
    with pytest.raises(FileNotFoundError, match="'bird'"):
        generator.flow_from_directory(folder, classes=["bird"])
    with pytest.raises(ValueError, match="class_mode"):
        generator.flow_from_directory(folder, class_mode="int")
    with pytest.raises(ValueError, match="no samples"):
        next(generator.flow_from_directory(tmp_path))


@pytest.mark.parametrize("mode", ["categorical", "sparse", "raw", "multi_output", None])
def test_data_frames_give_the_batches_of_keras(oracle, folder, mode):
    pandas = pytest.importorskip("pandas")
    files = ["cat/0.png", "dog/0.png", "cat/2.png", "nowhere.png", "dog/2.png", "cat/more/1.png"]
    frame = pandas.DataFrame(dict(filename=files, kind=[*"abcaba"], size=np.arange(6.0), weight=np.arange(6.0)))
    y_col = {"raw": "size", "multi_output": ["size", "weight"]}.get(mode, "kind")
    batches = []
    for module in (image, oracle):
        with pytest.warns(UserWarning, match="1"):
            flow = module.ImageDataGenerator(horizontal_flip=True).flow_from_dataframe(
                frame, str(folder), y_col=y_col, class_mode=mode, target_size=(4, 4), weight_col="weight", seed=1,
                batch_size=4, classes=["a", "b"] if mode in ("categorical", "sparse") else None,
            )  # fmt: skip
        batches.append([next(flow), next(flow)])
    for mine, theirs in zip(*batches, strict=True):
        pairs = [(mine, theirs)] if mode is None else list(zip(mine, theirs, strict=True))
        for a, b in pairs:
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-5)


def test_data_frames_of_several_classes_a_row(folder):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"filename": ["cat/0.png", "dog/0.png"], "class": [["a", "b"], ["b"]]})
    generator = image.ImageDataGenerator(validation_split=0.5)
    flow = generator.flow_from_dataframe(frame, folder, target_size=(2, 2), shuffle=False)
    assert next(flow)[1].tolist() == [[1, 1], [0, 1]]
    part = generator.flow_from_dataframe(frame, folder, target_size=(2, 2), subset="validation")
    assert part.filenames == ["cat/0.png"]
    with pytest.raises(TypeError, match="astype"):
        generator.flow_from_dataframe(frame.assign(**{"class": [1, 2]}), folder)
    with pytest.raises(ValueError, match="two classes"):
        generator.flow_from_dataframe(frame.assign(**{"class": ["a", "a"]}), folder, class_mode="binary")
