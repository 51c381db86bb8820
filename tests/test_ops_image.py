"""Image operations give Keras's numbers and dtypes, for one image and batches, channels last and first."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers, ops, random
from jkeras.functional.image.resize import saturating_cast
from jkeras.ops import image

keras = pytest.importorskip("keras")

compiled = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
)
RNG = np.random.default_rng(0)
FLOATS = RNG.uniform(size=(2, 6, 8, 3)).astype("float32")
BYTES = (255 * FLOATS).astype("uint8")
CORNERS = np.float32([[0, 0], [7, 0], [0, 5], [7, 5]])
MOVED = CORNERS + np.float32([[1, 0.5], [-1, 0.3], [0.6, -0.2], [0.4, 0.9]])
MAPS = np.float32([[1, 0.1, 0.3, 0.2, 1.1, -0.7, 0, 0], [0.7, -0.3, 2, 0.4, 0.8, -1, 0, 0]])


class Case(NamedTuple):
    """An operation on images with its other arguments; those in `each` have a row for every image."""

    name: str
    options: dict[str, Any] = {}
    each: tuple[np.ndarray, ...] = ()
    images: np.ndarray = FLOATS
    pair: bool = False

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{k}={v}" for k, v in self.options.items()), str(self.images.dtype)])


CASES = [
    Case("resize", {"size": (4, 11)}),
    Case("resize", {"size": (9, 5)}, images=BYTES),
    Case("resize", {"size": (4, 5), "interpolation": "nearest"}, images=BYTES),
    Case("resize", {"size": (3, 5), "interpolation": "bicubic", "antialias": True}),
    Case("resize", {"size": (9, 5), "interpolation": "lanczos3", "antialias": True}),
    Case("resize", {"size": (5, 3), "crop_to_aspect_ratio": True}),
    Case("resize", {"size": (5, 3), "pad_to_aspect_ratio": True, "fill_value": 2.5}),
    Case("resize", {"size": (4, 4), "pad_to_aspect_ratio": True, "fill_value": 2.5}, images=BYTES),
    Case("affine_transform", {"fill_mode": "reflect"}, (MAPS,)),
    Case("affine_transform", {"fill_mode": "constant", "fill_value": 2.0}, (MAPS,)),
    Case("affine_transform", {"fill_mode": "wrap", "interpolation": "nearest"}, (MAPS,), images=BYTES),
    Case("perspective_transform", {"fill_value": 2.0}, (np.stack([CORNERS, MOVED]), np.stack([MOVED, CORNERS]))),
    Case("rgb_to_grayscale", images=BYTES),
    Case("rgb_to_hsv"),
    Case("hsv_to_rgb"),
    Case("gaussian_blur", {"kernel_size": (3, 5), "sigma": (1.0, 2.0)}),
    Case("ssim", {"filter_size": 5, "max_val": 2.0}, pair=True),
    Case("extract_patches", {"size": (2, 3)}),
    Case("extract_patches", {"size": 3, "strides": 2, "padding": "same"}, images=BYTES),
    Case("extract_patches", {"size": 2, "strides": 1, "dilation_rate": 2}),
    Case("crop_images", {"top_cropping": 1, "right_cropping": 2, "target_height": 2, "target_width": 3}),
    Case("pad_images", {"top_padding": 1, "right_padding": 2, "target_height": 9, "target_width": 13}, images=BYTES),
]


def close(ours: Any, theirs: Any, tolerance: float = 2e-5) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    # Integers are rounded from floats that differ in their last bits.
    tolerance = tolerance if jnp.issubdtype(ours.dtype, jnp.floating) else 1.0
    np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), tolerance, tolerance)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_numbers_and_dtypes_are_those_of_keras(case: Case) -> None:
    x = case.images
    last = [x, x[:, ::-1]] if case.pair else [x]
    function = getattr(image, case.name)

    def ours(last: Any, each: Any) -> Any:
        options = case.options
        first = [jnp.moveaxis(a, -1, 1) for a in last]
        return (
            function(*last, *each, **options),
            function(*first, *each, data_format="channels_first", **options),
            function(*(a[1] for a in last), *(e[1] for e in each), **options),
        )

    batch, first, one = compiled(ours)(last, case.each)
    # Keras's own default for data_format, None, mixes up the axes in some of these.
    close(batch, getattr(keras.ops.image, case.name)(*last, *case.each, data_format="channels_last", **case.options))
    close(jnp.moveaxis(first, 1, -1) if batch.ndim == 4 else first, batch)
    close(one, batch[1])


def test_images_of_other_kinds_agree_with_keras() -> None:
    theirs, x, volumes = keras.ops.image, FLOATS, RNG.uniform(size=(2, 4, 5, 6, 2)).astype("float32")
    cut = {"size": (2, 3, 2), "strides": (1, 2, 2), "padding": "same"}
    resampled = ((2, 4, 4, 3), np.float32([0.5, 0.7]), np.float32([0.0, 1.0]), (1, 2), "cubic")

    @compiled
    def ours(x: Any, volumes: Any) -> Any:
        edges = image.sobel_edges(jnp.moveaxis(x, -1, 1), "channels_first")
        rest = image.extract_patches_3d(volumes, **cut), image.scale_and_translate(x, *resampled)
        return image.sobel_edges(x), jnp.moveaxis(edges, 1, -2), *rest

    edges, edges_first, cubes, scaled = ours(x, volumes)
    close(edges, theirs.sobel_edges(x, data_format="channels_last"))
    close(edges_first, edges)
    close(cubes, theirs.extract_patches_3d(volumes, **cut))
    close(scaled, theirs.scale_and_translate(x, *resampled))
    assert jax.eval_shape(lambda v: image.extract_patches(v, (2, 2, 2)), volumes[0]).shape == (2, 2, 3, 16)


@pytest.mark.parametrize("order", [0, 1])
def test_map_coordinates_agrees_with_keras(order: int) -> None:
    coordinates = RNG.uniform(-4, 10, (3, 2, 7)).astype("float32")
    modes = ("constant", "nearest", "wrap", "mirror", "reflect")
    ours = compiled(lambda x, c: [image.map_coordinates(x, c, order, mode, 2.0) for mode in modes])
    for mode, found in list(zip(modes, ours(FLOATS[0], coordinates), strict=True))[order::2]:
        close(found, keras.ops.image.map_coordinates(FLOATS[0], coordinates, order, mode, 2.0))


def test_projective_maps_divide_as_the_formula_says() -> None:
    # Keras on JAX takes c0 and c1 for zero; on TensorFlow it does as here.
    ramp = jnp.broadcast_to(jnp.arange(8.0)[None, :, None], (4, 8, 1))
    found = image.affine_transform(ramp, jnp.asarray([1.0, 0, 0, 0, 1, 0, 1 / 8, 0]))
    np.testing.assert_allclose(found[0, :, 0], [x / (x / 8 + 1) for x in range(8)], rtol=1e-5)


def test_hue_and_saturation_go_both_ways_and_have_finite_gradients() -> None:
    x = jnp.asarray([[[0.0, 0, 0], [0.5, 0.5, 0.5], [1, 1, 1], [1, 0, 0], [0.2, 0.4, 0.4], [0.3, 0.1, 0.9]]])

    @compiled
    def there_and_back(x: Any) -> Any:
        gradients = [jax.grad(lambda x, f=f: jnp.sum(f(x) ** 2))(x) for f in (image.rgb_to_hsv, image.hsv_to_rgb)]
        return image.hsv_to_rgb(image.rgb_to_hsv(x)), gradients

    back, gradients = there_and_back(x)
    np.testing.assert_allclose(back, x, atol=1e-6)
    assert np.isfinite(gradients).all()


def test_elastic_displacement_is_smooth_independent_and_seeded() -> None:
    x, y = np.meshgrid(np.arange(32.0), np.arange(32.0))
    ramp = np.broadcast_to(np.stack([x, y], -1), (2, 32, 32, 2)).astype("float32")

    @compiled
    def displaced(seed: Any) -> Any:
        return image.elastic_transform(ramp, 1.0, 2.0, fill_mode="nearest", seed=seed)

    once, again, other = (displaced(jax.random.key(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)
    generator = random.SeedGenerator(3)
    first, second = (image.elastic_transform(ramp, seed=generator) for _ in range(2))
    assert not np.array_equal(first, second)
    moved = (np.asarray(once) - ramp)[:, 8:-8, 8:-8]
    # Blurred normal noise of deviation sigma has the deviation 1 / (2 sqrt(pi)) = 0.28.
    assert 0.18 < moved.std() < 0.38
    assert np.abs(np.diff(moved, axis=1)).max() < 0.6
    assert abs(np.corrcoef(moved[..., 0].ravel(), moved[..., 1].ravel())[0, 1]) < 0.5
    assert np.abs(moved[0] - moved[1]).max() > 0.1


def test_integers_saturate() -> None:
    assert saturating_cast(jnp.asarray([-1e20, 1e20]), jnp.int32).tolist() == [-(2**31), 2**31 - 128]
    same = compiled(lambda x: image.ssim(x, x, max_val=255.0, filter_size=5))(BYTES)
    np.testing.assert_allclose(same, [1.0, 1.0], rtol=1e-6)
    assert jax.eval_shape(image.sobel_edges, BYTES).dtype == jnp.int32


def test_symbolic_images_give_symbolic_results() -> None:
    x = layers.Input((6, 8, 3))
    assert ops.image.resize(x, (3, 4)).shape == (None, 3, 4, 3)
    assert ops.image.rgb_to_grayscale(x).shape == (None, 6, 8, 1)
    assert ops.image.extract_patches(x, 2).shape == (None, 3, 4, 12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: image.resize(FLOATS, (3, 3), interpolation="area"), "interpolation must be one of"),
        (lambda: image.resize(FLOATS, (3,)), r"size must be \(height, width\)"),
        (lambda: image.resize(FLOATS, (3, 3), fill_mode="reflect"), "fill_mode must be 'constant'"),
        (
            lambda: image.resize(FLOATS, (3, 3), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
            "cannot both be True",
        ),
        (lambda: image.resize(FLOATS[0, 0], (3, 3)), "one image of 3 dimensions or a batch of 4"),
        (lambda: image.crop_images(FLOATS, 1, 1, 1, 1, 4, 6), "target_height"),
        (lambda: image.crop_images(FLOATS, 1, 1, target_height=10, target_width=3), "do not fit"),
        (lambda: image.pad_images(FLOATS, 1, 1, target_height=3, target_width=9), "do not fit"),
        (lambda: image.affine_transform(FLOATS, MAPS[[0, 0, 0]]), "one row for each of 2 images"),
        (lambda: image.affine_transform(FLOATS, MAPS, "bicubic"), "'nearest' or 'bilinear'"),
        (lambda: image.affine_transform(FLOATS, MAPS, fill_mode="edge"), "fill_mode must be one of"),
        (lambda: image.map_coordinates(FLOATS, np.zeros((4, 2)), 2), "order must be 0 or 1"),
        (lambda: image.map_coordinates(FLOATS, np.zeros((3, 2)), 1), "one row for each of the 4 axes"),
        (lambda: image.rgb_to_hsv(BYTES), "Convert them"),
        (lambda: image.ssim(FLOATS, FLOATS), "at least 11 pixels"),
        (lambda: image.extract_patches(FLOATS, 9), "does not fit"),
        (lambda: image.extract_patches(FLOATS, 2, padding="causal"), "'valid' or 'same'"),
        (lambda: image.sobel_edges(FLOATS[0]), "a batch of images"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_bad_arguments_say_how_to_write_it_right(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
