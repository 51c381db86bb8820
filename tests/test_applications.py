"""Architectures are Keras's in layers, weights, outputs and files; images and predictions are treated as there."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import Any

import applications_facts
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Input, Model, applications, layers
from jkeras.applications import imagenet_utils
from jkeras.applications.architecture import architecture
from jkeras.applications.sources import BASE, SOURCES
from jkeras.core.data_format import set_image_data_format
from jkeras.models import load_model

rng = np.random.default_rng(0)
FACTS: dict[str, dict[str, list[Any]]] = json.loads(applications_facts.FACTS.read_text())
QUICK = ("VGG16", "MobileNet", "MobileNetV3Small", "Xception", "ConvNeXtTiny", "EfficientNetV2B0")


def keras_applications() -> Any:
    return pytest.importorskip("keras").applications


def facts(name: str, variant: str) -> list[Any]:
    model = getattr(applications, name)(weights=None, **applications_facts.VARIANTS[variant])
    return applications_facts.facts_of(model.children(), model.count_params(), model.output_shape)


@pytest.mark.parametrize("name", QUICK)
def test_small_networks_are_those_of_keras(name):
    assert facts(name, "features") == FACTS[name]["features"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FACTS)
def test_networks_are_those_of_keras(name):
    assert {variant: facts(name, variant) for variant in FACTS[name]} == FACTS[name]


@pytest.mark.slow
def test_the_facts_are_those_of_keras():
    keras_applications()
    text = subprocess.check_output([sys.executable, applications_facts.__file__, "--print"], text=True)
    assert json.loads(text) == FACTS


def test_every_name_and_argument_of_keras_is_there():
    theirs = keras_applications()
    names = [name for name, value in vars(theirs).items() if inspect.isfunction(value)]
    assert sorted(names) == sorted(FACTS) and set(names) <= set(dir(applications))
    for name in names:
        ours = inspect.signature(getattr(applications, name)).parameters
        expected = inspect.signature(getattr(theirs, name)).parameters
        assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in expected.values()], name
    for name, module in vars(theirs).items():
        if inspect.ismodule(module):
            assert {n for n in vars(module) if n[0] != "_"} <= set(vars(getattr(applications, name))), name
    with pytest.raises(AttributeError, match="Did you mean 'ResNet50'"):
        _ = applications.ResNet5O


# Arguments


def test_features_of_another_tensor_and_of_any_size():
    images = Input((40, 50, 1), name="grey")
    colour = layers.Concatenate()([images] * 3)
    model = applications.VGG16(weights=None, include_top=False, input_tensor=colour, pooling="avg", name="eyes")
    assert model.name == "eyes" and model.inputs == [images] and model.output_shape == (None, 512)
    free = applications.VGG19(include_top=False, weights=None)
    assert free.input_shape == (None, None, None, 3) and free.output_shape == (None, None, None, 512)
    small = applications.vgg16.VGG16(weights=None, input_shape=(32, 32, 3), classes=7, classifier_activation=None)
    assert small.output_shape == (None, 7) and small.get_layer("predictions").activation.__name__ == "linear"


def test_channels_first():
    set_image_data_format("channels_first")
    try:
        model = applications.MobileNetV2(alpha=0.35, weights=None, include_top=False, input_shape=(3, 64, 96))
    finally:
        set_image_data_format("channels_last")
    assert model.output_shape == (None, 1280, 2, 3)
    assert model.count_params() == 410_208


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "imagent"}, "there is no file 'imagent'"),
        ({"weights": "imagenet", "classes": 10}, "has 1000 classes; got classes=10"),
        ({"weights": None, "pooling": "mean"}, "pooling must be None, 'avg' or 'max'; got 'mean'"),
        ({"weights": None, "input_shape": (16, 16, 3)}, "at least 32 by 32"),
        ({"weights": None, "input_shape": (None, 64, 3)}, "needs a size"),
        ({"weights": None, "input_shape": (64, 64)}, r"such as \(224, 224, 3\)"),
        ({"weights": "imagenet", "input_shape": (64, 64, 3)}, "are for input_shape="),
        ({"weights": None, "input_tensor": np.ones((1, 224, 224, 3))}, "must be a symbolic tensor"),
    ],
)
def test_arguments_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        applications.MobileNetV2(**arguments)


def test_misspelt_arguments_are_refused():
    with pytest.raises(TypeError, match="ResNet50.*include_top=True.*wieghts"):
        applications.ResNet50(wieghts=None)
    with pytest.warns(UserWarning, match="has 4"):
        applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 4))


# Weights


def _tiny(net: Any, x: Any, _: None) -> Any:
    return net.head(net(layers.Conv2D, x, 2, 3))


def test_weights_from_a_file_and_from_the_network(tmp_path, monkeypatch):
    make = architecture("Tiny", _tiny, size=8, smallest=4, name="tiny", folder="tiny", reference="none")
    first = make(weights=None, classes=3)
    assert [layer.name for layer in first.layers] == ["input_layer", "conv2d", "avg_pool", "predictions"]
    for path in (tmp_path / "a.weights.h5", tmp_path / "a.h5", tmp_path / "a.keras"):
        (first.save if path.suffix == ".keras" else first.save_weights)(path)
        for ours, theirs in zip(make(weights=str(path), classes=3).get_weights(), first.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match="not available for Tiny.*keras-applications/tiny/"):
        make(include_top=False)
    asked = {}

    def get_file(*args: Any, **kwargs: Any) -> str:
        asked.update(kwargs, args=args)
        return str(tmp_path / "a.weights.h5")

    monkeypatch.setattr("jkeras.applications.sources.get_file", get_file)
    monkeypatch.setitem(SOURCES, "Tiny", SOURCES["NASNetMobile"])
    monkeypatch.setattr(Model, "load_weights", lambda self, path: None)
    make(include_top=False)
    assert asked["args"] == ("nasnet_mobile_no_top.h5", BASE + "nasnet/NASNet-mobile-no-top.h5")
    assert asked["cache_subdir"] == "models" and len(asked["file_hash"]) == 32


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.input_shape. is undefined:UserWarning")  # of Keras
def test_the_files_are_where_keras_looks_for_them(monkeypatch):
    """Keras's own functions are asked for "imagenet" with what fetches files replaced."""
    theirs = keras_applications()
    from jkeras.applications import sources

    class Asked(Exception):
        pass

    def asked(fname: Any = None, origin: Any = None, **kwargs: Any) -> str:
        raise Asked(fname, origin, kwargs["file_hash"], kwargs["cache_subdir"])

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", asked)
    monkeypatch.setattr(sources, "get_file", asked)
    for key, source in SOURCES.items():
        for top in (True, False):
            with pytest.raises(Asked) as ours:
                sources.fetch(key, top, "")
            assert ours.value.args[1].startswith("https://") and source.stem in ours.value.args[1]
    for name in ("VGG16", "EfficientNetB0", "MobileNetV3Small", "ResNet50V2"):
        with pytest.raises(Asked) as expected:
            getattr(theirs, name)(include_top=False)
        with pytest.raises(Asked) as ours:
            getattr(applications, name)(include_top=False)
        assert ours.value.args[1:] == expected.value.args[1:]


LOGITS = {
    "MobileNetV2": {"alpha": 0.35, "input_shape": (96, 96, 3)},
    "ResNet50V2": {"input_shape": (64, 64, 3)},
    "EfficientNetB0": {"input_shape": (64, 64, 3), "classes": 10},
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras and numpy
@pytest.mark.parametrize("name", LOGITS)
def test_weights_that_keras_saved_give_the_same_logits(name, tmp_path):
    arguments = {"classes": 10, "classifier_activation": None, "weights": None, **LOGITS[name]}
    theirs = getattr(keras_applications(), name)(**arguments)
    # Means, variances and biases too must be told apart.
    theirs.set_weights(
        [
            w * rng.uniform(0.8, 1.2, w.shape) if w.ndim > 1 else w + rng.uniform(0, 0.2, w.shape)
            for w in theirs.get_weights()
        ]
    )
    # Keras's Normalization heeds new statistics only once it has read them from a file.
    theirs.save_weights(tmp_path / "own.weights.h5")
    theirs.load_weights(tmp_path / "own.weights.h5")
    images = rng.uniform(0, 255 if name == "EfficientNetB0" else 1, (2, *arguments["input_shape"])).astype("float32")
    expected = theirs.predict(images, verbose=0)
    assert np.ptp(expected) > 1e-2
    for suffix in (".weights.h5", ".h5", ".keras"):
        path = str(tmp_path / f"saved{suffix}")
        (theirs.save_weights if suffix == ".weights.h5" else theirs.save)(path)
        ours = getattr(applications, name)(**{**arguments, "weights": path})
        np.testing.assert_allclose(ours.predict(images, verbose=0), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(load_model(path).predict(images, verbose=0), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras and numpy
@pytest.mark.parametrize("name", ["ConvNeXtTiny", "InceptionResNetV2", "MobileNetV3Small"])
def test_whole_models_go_through_files_of_keras(name, tmp_path):
    """These have layers of their own, or arithmetic between layers."""
    theirs = getattr(keras_applications(), name)(weights=None, classes=4, input_shape=(96, 96, 3))
    theirs.save(tmp_path / "theirs.keras")
    images = rng.uniform(0, 255, (1, 96, 96, 3)).astype("float32")
    expected = theirs.predict(images, verbose=0)
    ours = load_model(tmp_path / "theirs.keras")
    np.testing.assert_allclose(ours.predict(images, verbose=0), expected, rtol=1e-4, atol=1e-4)
    built = getattr(applications, name)(weights=str(tmp_path / "theirs.keras"), classes=4, input_shape=(96, 96, 3))
    built.save(tmp_path / "ours.keras")
    again = pytest.importorskip("keras").models.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(again.predict(images, verbose=0), expected, rtol=1e-4, atol=1e-4)


def test_fine_tuning_trains_the_new_head_only():
    base = applications.MobileNet(alpha=0.25, weights=None, include_top=False, input_shape=(32, 32, 3), pooling=None)
    base.trainable = False
    inputs = Input((32, 32, 3))
    x = applications.mobilenet.preprocess_input(inputs)
    x = layers.GlobalAveragePooling2D()(base(x, training=False))
    model = Model(inputs, layers.Dense(2, activation="softmax")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = [w.copy() for w in base.get_weights()]
    head = model.layers[-1].get_weights()[1].copy()
    images = rng.uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    model.fit(images, np.array([0, 1, 1, 1]), batch_size=4, verbose=0)
    assert len(model.trainable_weights) == 2
    assert all(np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))
    assert not np.array_equal(head, model.layers[-1].get_weights()[1])


# Images and predictions


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_images_are_preprocessed_as_in_keras(mode, data_format):
    theirs = keras_applications().imagenet_utils.preprocess_input
    shape = (2, 5, 4, 3) if data_format == "channels_last" else (2, 3, 5, 4)
    for images in (rng.uniform(0, 255, shape).astype("float32"), rng.integers(0, 255, shape[1:]).astype("uint8")):
        kept = images.copy()
        ours = imagenet_utils.preprocess_input(images, data_format, mode)
        assert isinstance(ours, np.ndarray) and ours.dtype == "float32"
        np.testing.assert_array_equal(images, kept)
        np.testing.assert_allclose(ours, theirs(kept.copy(), data_format, mode), rtol=1e-5, atol=1e-5)
        on_device = imagenet_utils.preprocess_input(jnp.asarray(images), data_format, mode)
        np.testing.assert_allclose(on_device, ours, rtol=1e-5, atol=1e-5)
    symbolic = Input(shape[1:])
    model = Model(symbolic, imagenet_utils.preprocess_input(symbolic, data_format, mode))
    images = rng.uniform(0, 255, shape).astype("float32")
    expected = imagenet_utils.preprocess_input(images, data_format, mode)
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, rtol=1e-5, atol=1e-5)


def test_each_family_has_the_mode_of_keras():
    theirs = keras_applications()
    images = rng.uniform(0, 255, (1, 2, 2, 3)).astype("float32")
    for name, module in vars(theirs).items():
        if inspect.ismodule(module):
            ours = getattr(applications, name).preprocess_input(images)
            np.testing.assert_allclose(ours, module.preprocess_input(images.copy()), rtol=1e-5, atol=1e-5, err_msg=name)
    with pytest.raises(ValueError, match="mode must be 'caffe', 'tf' or 'torch'; got 'cafe'"):
        imagenet_utils.preprocess_input(images, mode="cafe")
    with pytest.raises(ValueError, match="expects images with 3 channels"):
        imagenet_utils.preprocess_input(images[..., :2])


def test_predictions_have_names(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    scores = rng.permutation(2000).reshape(2, 1000).astype("float32")

    def refuse(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(OSError, match="imagenet_class_index.json.*fetch that file elsewhere and put it at"):
        applications.vgg16.decode_predictions(scores)
    (tmp_path / "models").mkdir(exist_ok=True)
    names = {str(k): [f"n{k:08d}", f"thing_{k}"] for k in range(1000)}
    (tmp_path / "models" / "imagenet_class_index.json").write_text(json.dumps(names))
    found = applications.resnet50.decode_predictions(scores, top=3)
    for row, best in zip(scores, found, strict=True):
        assert [int(name.removeprefix("thing_")) for _, name, _ in best] == np.argsort(-row)[:3].tolist()
        assert [score for _, _, score in best] == sorted(row, reverse=True)[:3]
    with pytest.raises(ValueError, match=r"shape \(images, 1000\); got \(2, 10\)"):
        imagenet_utils.decode_predictions(scores[:, :10])
    (tmp_path / "models" / "imagenet_class_index.json").write_text("[]")
    with pytest.raises(ValueError, match="imagenet_class_index.json does not hold the classes"):
        imagenet_utils.decode_predictions(scores)
