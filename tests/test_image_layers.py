"""Image layers: Keras's numbers where nothing is left to chance, statistics where something is."""

from __future__ import annotations

import functools
import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Sequential, layers
from jkeras.core.layer import Layer
from jkeras.functional.image import adjust, geometry

compiled = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
)
RNG = np.random.default_rng(0)
FLOATS = RNG.uniform(0, 255, (2, 6, 8, 3)).astype("float32")
BYTES = FLOATS.astype("uint8")
LABELS = np.eye(2, dtype="float32")
MASKS = RNG.integers(0, 4, (2, 6, 8, 1)).astype("int32")
BOXES = {"boxes": np.float32([[[2, 1, 6, 4], [7, 5, 12, 9], [9, 9, 12, 12]]] * 2), "labels": np.int32([[0, 1, 2]] * 2)}


def run(layer: Layer, data: Any, seed: int = 0, training: bool = True) -> Any:
    """Return what the layer makes of the data, by one compiled program."""
    return compiled(lambda data, key: layer.apply({}, {}, data, training=training, rng=key)[0])(
        data, jax.random.key(seed)
    )


class Case(NamedTuple):
    """A layer, its arguments and the images it gets, with masks where Keras treats them as it says."""

    name: str
    options: dict[str, Any] = {}
    images: np.ndarray = FLOATS
    mask: bool = False

    def make(self, package: Any = layers, **more: Any) -> Any:
        return getattr(package, self.name)(**self.options, **more)

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{k}={v}" for k, v in self.options.items()), str(self.images.dtype)])


BOTH = {"height_factor": (0.3, 0.3), "width_factor": (-0.2, -0.2)}
FORCED = [
    Case("Resizing", {"height": 4, "width": 5}, BYTES, mask=True),
    Case("Resizing", {"height": 5, "width": 3, "crop_to_aspect_ratio": True, "antialias": True}),
    Case("CenterCrop", {"height": 9, "width": 4}),
    Case("RandomRotation", {"factor": (0.1, 0.1), "fill_mode": "constant", "fill_value": 7.0}, mask=True),
    Case("RandomZoom", {**BOTH, "fill_mode": "wrap"}),
    Case("RandomTranslation", {**BOTH}, mask=True),
    Case("RandomSaturation", {"factor": (0.3, 0.3)}),
    Case("RandomPosterization", {"factor": (3, 3)}, BYTES),
    Case("RandomSharpness", {"factor": (0.8, 0.8)}),
    Case("RandomColorDegeneration", {"factor": (0.3, 0.3)}),
    Case("AutoContrast", {"value_range": (0, 300)}, BYTES),
    Case("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (4, 3)}),
]
RANDOM = [
    Case("RandomFlip"),
    Case("RandomBrightness", {"factor": 0.4}, BYTES),
    Case("RandomInvert"),
    Case("RandomGrayscale", images=BYTES),
    Case("RandomCrop", {"height": 3, "width": 4}),
    Case("RandomContrast", {"factor": 0.4}),
    Case("RandomHue", {"factor": 0.4}),
    Case("RandomShear", {"x_factor": 0.3, "y_factor": 0.2}),
    Case("Solarization", {"addition_factor": 0.3, "threshold_factor": 0.6}),
    Case("RandomGaussianBlur"),
    Case("RandomErasing"),
    Case("RandomPerspective"),
    Case("RandomElasticTransform"),
    Case("RandomColorJitter", {"brightness_factor": 0.2, "contrast_factor": 0.3, "saturation_factor": 0.3}),
    Case("MixUp", {"alpha": 0.5}),
    Case("CutMix"),
    Case("Equalization"),
    Case("MaxNumBoundingBoxes", {"max_number": 2}),
]
# Each of these is a program of many layers, or has no program at all.
LARGE = [Case("RandAugment"), Case("AugMix", {"num_chains": 2, "chain_depth": 2})]
EAGER = [Case("RandomHeight", {"factor": 0.3}), Case("RandomWidth", {"factor": (-0.3, 0.2)})]


@pytest.mark.parametrize("case", FORCED, ids=str)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_what_is_not_left_to_chance_agrees_with_keras(case: Case) -> None:
    keras = pytest.importorskip("keras")
    data: Any = {"images": case.images, "segmentation_masks": MASKS} if case.mask else case.images
    theirs = case.make(keras.layers)(data, training=True)
    for ours, expected in zip(jax.tree.leaves(run(case.make(), data)), jax.tree.leaves(theirs), strict=True):
        assert ours.shape == expected.shape
        assert ours.dtype == expected.dtype
        np.testing.assert_allclose(np.asarray(ours, float), np.asarray(expected, float), atol=2e-3)


def test_an_image_is_equalized_as_keras_does_it_alone() -> None:
    # In a batch, Keras takes the histogram of all images together.
    keras = pytest.importorskip("keras")
    theirs = keras.layers.Equalization(bins=64)(FLOATS[0], training=True)
    np.testing.assert_allclose(run(layers.Equalization(bins=64), FLOATS)[0], theirs, atol=1e-3)


def test_shears_go_to_either_side_as_in_keras() -> None:
    keras = pytest.importorskip("keras")
    options = {"x_factor": (0.3, 0.3), "y_factor": (0.2, 0.2)}
    x = np.repeat(FLOATS[:1], 12, axis=0)
    shear = compiled(
        lambda x, s: geometry.affine_transform(x, geometry.shear_matrix(0.3 * s, 0.2 * s), "bilinear", "reflect")
    )
    sides = [shear(x[0], sign) for sign in (1.0, -1.0)]
    theirs = keras.layers.RandomShear(**options, seed=1)(x, training=True)
    for outputs in (run(layers.RandomShear(**options), x), theirs):
        one, other = (same_as(outputs, side) for side in sides)
        assert (one ^ other).all()
        assert one.any()
        assert other.any()


def test_solarization_adds_then_inverts_what_is_above_the_threshold() -> None:
    x = FLOATS[0] / 255
    layer = layers.Solarization((0.1, 0.1), (0.4, 0.4), value_range=(0, 1))
    added = np.minimum(x + 0.1, 1)
    np.testing.assert_allclose(run(layer, x), np.where(added < 0.4, added, 1 - added), atol=1e-5)


def apply(layer: Layer, data: Any, training: bool = True) -> Any:
    return layer.apply({}, {}, data, training=training, rng=1)[0]


def everything(images: np.ndarray = FLOATS) -> dict[str, Any]:
    return {"images": images, "labels": LABELS, "segmentation_masks": MASKS.astype("float32")}


SLOW = [pytest.param(case, marks=pytest.mark.slow) for case in LARGE]


@pytest.mark.parametrize("case", [*{c.name: c for c in [*FORCED, *RANDOM]}.values(), *SLOW], ids=str)
def test_shapes_and_dtypes_of_batches_single_images_and_channels_first(case: Case) -> None:
    data = everything(case.images)
    first = {
        **data,
        "images": np.moveaxis(case.images, -1, 1),
        "segmentation_masks": data["segmentation_masks"][..., 0],
    }
    batch, one, other = (
        jax.eval_shape(functools.partial(apply, layer), given)
        for layer, given in (
            (case.make(), data),
            (case.make(), {name: part[0] for name, part in data.items()}),
            (case.make(data_format="channels_first"), first),
        )
    )
    assert list(batch) == list(data)
    assert batch["images"].dtype == (case.images.dtype if case.make().keeps_integers else "float32")
    assert batch["segmentation_masks"].shape[1:3] == batch["images"].shape[1:3]
    for name, part in batch.items():
        assert (one[name].shape, one[name].dtype) == (part.shape[1:], part.dtype)
    assert other["images"].shape == (2, 3, *batch["images"].shape[1:3])
    assert other["segmentation_masks"].shape == batch["segmentation_masks"].shape[:3]


@pytest.mark.parametrize(
    "case",
    [
        Case("RandomTranslation", {**BOTH}),
        Case("RandomGaussianBlur", {"factor": (1.0, 1.0), "sigma": (0.5, 0.9)}),
        Case("RandomPerspective", {"factor": (1.0, 1.0), "scale": 0.3}),
        Case("RandomElasticTransform", {"factor": (1.0, 1.0)}),
        Case("RandomColorJitter", {"brightness_factor": 0.2, "contrast_factor": 0.3, "saturation_factor": 0.3}),
    ],
    ids=str,
)
def test_channels_first_is_the_same_transformation(case: Case) -> None:
    last, first = case.make(), case.make(data_format="channels_first")

    @compiled
    def both(data: Any) -> Any:
        moved = {**data, "images": jnp.moveaxis(data["images"], -1, 1)}
        moved["segmentation_masks"] = data["segmentation_masks"][..., 0]
        return apply(last, data), apply(first, moved)

    batch, other = both(everything())
    np.testing.assert_allclose(jnp.moveaxis(other["images"], 1, -1), batch["images"], atol=1e-3)
    np.testing.assert_allclose(other["segmentation_masks"], batch["segmentation_masks"][..., 0])
    assert np.isfinite(batch["images"]).all()
    assert np.abs(batch["images"] - FLOATS).max() > 1
    assert set(np.unique(batch["segmentation_masks"])) <= {0, 1, 2, 3}
    if case.name in ("RandomGaussianBlur", "RandomColorJitter"):
        np.testing.assert_array_equal(batch["segmentation_masks"], MASKS)


@pytest.mark.parametrize("case", [*FORCED, *RANDOM, *LARGE, *EAGER], ids=str)
def test_configurations_and_inference(case: Case) -> None:
    layer = case.make(name="prepared", seed=3) if "Random" in case.name else case.make(name="prepared")
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    assert again.get_config() == layer.get_config()
    assert "bounding_box_format" not in config
    if getattr(layer, "in_inference", True) or case.name == "RandomCrop":
        return
    outputs = layer.apply({}, {}, {"images": BYTES, "labels": LABELS})[0]
    np.testing.assert_array_equal(outputs["images"], BYTES)
    np.testing.assert_array_equal(outputs["labels"], LABELS)
    assert outputs["images"].dtype == ("uint8" if layer.keeps_integers else "float32")


def many(count: int = 200, shape: tuple[int, ...] = (4, 5, 3)) -> np.ndarray:
    return RNG.uniform(20, 200, (count, *shape)).astype("float32")


def same_as(outputs: Any, expected: Any) -> np.ndarray:
    """Return for each image whether it is the expected one."""
    return np.abs(np.asarray(outputs) - expected).max(axis=(1, 2, 3)) < 1e-2


def test_each_image_is_flipped_on_its_own_in_each_direction() -> None:
    x = many()
    y = run(layers.RandomFlip(), x)
    kinds = [same_as(y, x), same_as(y, x[:, ::-1]), same_as(y, x[:, :, ::-1]), same_as(y, x[:, ::-1, ::-1])]
    assert sum(kinds).tolist() == [1] * 200
    assert all(0.15 < np.mean(kind) < 0.35 for kind in kinds)
    assert all(
        same_as(run(layers.RandomFlip("vertical"), x), x) | same_as(run(layers.RandomFlip("vertical"), x), x[:, ::-1])
    )


def test_probabilities_are_drawn_between_their_bounds() -> None:
    x = many()
    inverted = same_as(run(layers.RandomInvert(1.0), x), 255 - x)
    assert 0.38 < inverted.mean() < 0.62  # the mean of probabilities between 0 and 1
    grey = np.ptp(run(layers.RandomGrayscale(0.25), x), axis=-1).max(axis=(1, 2)) < 1e-3
    assert 0.15 < grey.mean() < 0.36


def test_factors_are_drawn_between_their_bounds() -> None:
    x = many() * 0.4 + 80
    shift = (np.asarray(run(layers.RandomBrightness((-0.1, 0.2)), x)) - x).mean(axis=(1, 2, 3)) / 255
    assert -0.1 <= shift.min() < -0.05 < 0.15 < shift.max() <= 0.2 + 1e-6
    spread = np.asarray(run(layers.RandomContrast(0.3), x)).std(axis=(1, 2)) / x.std(axis=(1, 2))
    assert 0.7 <= spread.min() < 0.75 < 1.25 < spread.max() < 1.3 + 1e-4
    turned = np.asarray(run(layers.RandomHue((0.3, 0.3)), x))
    for turn in (0.15, -0.15):
        assert 50 < same_as(turned, adjust.hue(x, turn, (0, 255))).sum() < 150
    bits = [len(np.unique(y)) for y in np.asarray(run(layers.RandomPosterization(2), many(40, (8, 8, 3))))]
    assert set(bits) == {2, 4}


def test_brightness_of_bytes_is_limited() -> None:
    # Keras wraps around at 255, and does nothing if the factor is negative.
    for factor in (0.2, -0.2):
        expected = np.clip(BYTES + np.float32(factor * 255), 0, 255).astype("uint8")
        found = layers.RandomBrightness((factor, factor)).apply({}, {}, BYTES[0], training=True, rng=0)[0]
        assert np.abs(found.astype("int32") - expected[0]).max() <= 1
        assert found.dtype == "uint8"


def test_a_batch_is_cropped_at_one_place_and_inference_keeps_the_middle() -> None:
    x = np.arange(2 * 6 * 8, dtype="float32").reshape(2, 6, 8, 1)
    layer, places = layers.RandomCrop(3, 4), set()
    cropped = compiled(lambda key: layer.apply({}, {}, x, training=True, rng=key)[0])
    for seed in range(30):
        y = np.asarray(cropped(jax.random.key(seed)))
        top, left = divmod(int(y[0, 0, 0, 0]), 8)
        np.testing.assert_array_equal(y, x[:, top : top + 3, left : left + 4])
        places.add((top, left))
    assert {top for top, _ in places} == {0, 1, 2, 3}
    assert {left for _, left in places} == {0, 1, 2, 3, 4}
    expected = layers.Resizing(3, 4, crop_to_aspect_ratio=True)(x)
    np.testing.assert_array_equal(layer.apply({}, {}, x)[0], expected)
    assert run(layers.RandomCrop(7, 7), x).shape == (2, 7, 7, 1)


def test_erased_rectangles_have_the_size_asked_for() -> None:
    x = np.ones((100, 20, 30, 1), "float32")
    y = np.asarray(run(layers.RandomErasing((1.0, 1.0), scale=(0.25, 0.25), fill_value=0.0), x))
    erased = y[..., 0] == 0
    assert (erased.sum(axis=(1, 2)) == 10 * 15).all()
    rows, columns = erased.any(axis=2).argmax(axis=1), erased.any(axis=1).argmax(axis=1)
    assert rows.min() == 0
    assert rows.max() == 10
    assert len(set(columns)) > 8
    noise = np.asarray(run(layers.RandomErasing((1.0, 1.0), scale=(1.0, 1.0), value_range=(0, 1)), x))
    assert abs((noise == 0).mean() - 0.5) < 0.02
    assert noise.max() == 1.0


def test_mixtures_weigh_labels_as_they_weigh_images() -> None:
    count = 60
    x = np.arange(count, dtype="float32").reshape(-1, 1, 1, 1) * np.ones((count, 20, 20, 1), "float32")
    data = {"images": x, "labels": np.eye(count, dtype="int32")}
    numbers = np.arange(count)
    mixed = run(layers.MixUp(1.0), data)
    np.testing.assert_allclose(mixed["images"][:, 0, 0, 0], mixed["labels"] @ numbers, rtol=1e-4)
    own = np.diag(mixed["labels"])
    assert 0.35 < own.mean() < 0.65
    cut = run(layers.CutMix((1.0, 1.0)), data)
    pasted = (np.asarray(cut["images"]) != x).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(cut["labels"].sum(1), 1, rtol=1e-5)
    changed = np.diag(cut["labels"]) < 0.999
    assert np.abs(1 - np.diag(cut["labels"]) - pasted)[changed].max() < 0.06
    with pytest.raises(ValueError, match="one-hot first"):
        run(layers.MixUp(), {"images": x, "labels": numbers})


def test_policies_choose_anew_with_each_key_and_keep_what_belongs_to_the_images() -> None:
    data = {"images": many(3, (5, 5, 3)), "labels": np.eye(3, dtype="float32")}
    layer = layers.AugMix(num_chains=2, chain_depth=2, all_ops=False)
    assert [len(policy._steps) for policy in (layer, layers.AugMix(), layers.RandAugment())] == [7, 11, 11]
    program = compiled(lambda data, key: layer.apply({}, {}, data, training=True, rng=key)[0])
    found = [program(data, jax.random.key(seed)) for seed in range(16)]
    assert len({np.asarray(y["images"]).tobytes() for y in found}) > 8
    for y in found:
        assert np.isfinite(y["images"]).all()
        np.testing.assert_array_equal(y["labels"], data["labels"])


def test_masks_take_no_new_values_and_boxes_follow_the_pixels() -> None:
    image = np.zeros((12, 16, 1), "float32")
    image[2:5, 3:9] = 1.0
    data = {
        "images": image,
        "segmentation_masks": image[..., 0].astype("int32"),
        "bounding_boxes": {"boxes": np.float32([[3, 2, 9, 5]]), "labels": np.int32([4])},
    }
    for layer in (
        layers.RandomFlip(bounding_box_format="xyxy"),
        layers.RandomCrop(9, 10, bounding_box_format="xyxy"),
        layers.CenterCrop(10, 12, bounding_box_format="xyxy"),
        layers.Resizing(24, 24, "nearest", pad_to_aspect_ratio=True, bounding_box_format="xyxy"),
        layers.Resizing(24, 24, "nearest", crop_to_aspect_ratio=True, bounding_box_format="xyxy"),
        layers.RandomTranslation((0.25, 0.25), (-0.125, -0.125), "constant", bounding_box_format="xyxy"),
        layers.RandomZoom((-0.5, -0.5), None, "constant", "nearest", bounding_box_format="xyxy"),
        layers.RandomRotation((0.5, 0.5), bounding_box_format="xyxy"),
    ):
        outputs = run(layer, data)
        mask = np.asarray(outputs["segmentation_masks"])
        assert set(np.unique(mask)) <= {0, 1}
        np.testing.assert_array_equal(mask, np.asarray(outputs["images"])[..., 0] > 0.5)
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(outputs["bounding_boxes"]["boxes"][0], found, atol=1.01)
        assert outputs["bounding_boxes"]["labels"].tolist() == [4]


def test_boxes_come_back_in_their_format_and_lose_their_label_outside() -> None:
    data = {"images": FLOATS, "bounding_boxes": BOXES}
    layer = layers.Resizing(12, 12, crop_to_aspect_ratio=True, bounding_box_format="xyxy")
    found = run(layer, data)["bounding_boxes"]
    assert found["boxes"][1].tolist() == [[2, 2, 10, 8], [12, 10, 12, 12], [12, 12, 12, 12]]
    assert found["labels"][1].tolist() == [0, -1, -1]
    relative = {"boxes": np.float32([[[0.5, 0.5, 0.5, 0.5]]] * 2), "labels": np.int32([[1]] * 2)}
    layer = layers.Resizing(3, 4, bounding_box_format="rel_center_xywh")
    found = layer({"images": FLOATS, "bounding_boxes": relative})["bounding_boxes"]["boxes"]
    np.testing.assert_allclose(found, relative["boxes"])
    fewer = layers.MaxNumBoundingBoxes(2)(data)["bounding_boxes"]
    assert fewer["boxes"].shape == (2, 2, 4)
    assert layers.MaxNumBoundingBoxes(4)(data)["bounding_boxes"]["labels"][0].tolist() == [0, 1, 2, -1]


def test_random_sizes_are_for_eager_calls() -> None:
    for layer, axis in ((layers.RandomHeight((0.5, 0.5)), 1), (layers.RandomWidth((0.5, 0.5)), 2)):
        shape = list(FLOATS.shape)
        shape[axis] = int(shape[axis] * 1.5)
        assert list(layer(FLOATS, training=True).shape) == shape
        with pytest.raises(ValueError, match="RandomZoom"):
            run(layer, FLOATS)


def test_layers_of_a_model_draw_in_training_only() -> None:
    from jkeras import Sequential

    model = Sequential(
        [layers.Input((6, 8, 3)), layers.RandomFlip(), layers.RandomContrast(0.5), layers.Rescaling(1.0)]
    )
    np.testing.assert_array_equal(model.predict(FLOATS, verbose=0), FLOATS)
    assert np.abs(np.asarray(model(FLOATS, training=True)) - FLOATS).max() > 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.RandomFlip("horizontl"), "Did you mean 'horizontal'"),
        (lambda: layers.RandomRotation(2.0), "factor must be a number between -1 and 1"),
        (lambda: layers.RandomRotation((0.1, 0.2, 0.3)), "or a pair of them"),
        (lambda: layers.RandomZoom(0.1, fill_mode="edge"), "fill_mode must be one of"),
        (lambda: layers.RandomTranslation(0.1, 0.1, interpolation="cubic"), "'nearest' or 'bilinear'"),
        (lambda: layers.RandomContrast(0.1, value_range=(1, 0)), "value_range must be"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), "odd positive integer"),
        (lambda: layers.Resizing(3, 3, interpolation="area"), "interpolation must be one of"),
        (lambda: layers.Resizing(3, 3, bounding_box_format="xxyy"), "format of bounding boxes"),
        (lambda: layers.CenterCrop(0, 3), "height must be a positive integer"),
        (lambda: layers.MixUp(0.0), "alpha must be above 0"),
        (lambda: layers.RandomHeight(-1.5), "factor must be a number"),
        (lambda: layers.RandomFlip()(FLOATS[0, 0]), "one image of 3 dimensions"),
        (lambda: layers.RandomFlip()({"image": FLOATS}), "a dict with 'images'"),
        (lambda: layers.CenterCrop(3, 3)({"images": FLOATS, "bounding_boxes": BOXES}), "bounding_box_format='xyxy'"),
        (lambda: layers.RandomHue(0.1)(FLOATS[..., :2], training=True), "images of 3 channels"),
        (
            lambda: layers.CutMix()({"images": FLOATS, "bounding_boxes": BOXES}, training=True),
            "does not cut bounding boxes",
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_bad_arguments_say_how_to_write_it_right(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_who_says_nothing_gets_what_keras_gives() -> None:
    x = np.random.default_rng(0).uniform(size=(8, 6, 6, 3)).astype("float32")
    flip = layers.RandomFlip()
    model = Sequential([layers.Rescaling(2.0), layers.RandomFlip(), layers.Dropout(0.5)])

    class Holds(layers.Layer):
        def __init__(self):
            super().__init__()
            self.flip, self.drop = layers.RandomFlip(), layers.Dropout(0.9)

        def call(self, inputs):
            return self.drop(self.flip(inputs))

    # Called on their own, image layers change their images and dropout does nothing, however deep they are.
    for changes, plain in ((flip, x), (model, 2 * x), (Holds(), x)):
        outputs = np.asarray(changes(x))
        assert not np.allclose(outputs, plain)
        np.testing.assert_allclose(np.sort(outputs, axis=None), np.sort(plain, axis=None), 1e-6)
        np.testing.assert_allclose(changes(x, training=False), plain, 1e-6)
        np.testing.assert_allclose(changes.apply({}, {}, x)[0], plain, 1e-6)
    np.testing.assert_allclose(model.predict(x, verbose=0), 2 * x, 1e-6)
