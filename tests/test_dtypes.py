"""Dtype policies: names, configurations, and maps from the paths of layers."""

from __future__ import annotations

import jax.numpy as jnp
import pytest

from jkeras import dtype_policies, layers, mixed_precision, models
from jkeras.dtype_policies import DTypePolicy, DTypePolicyMap


@pytest.mark.parametrize("name, compute, variable", [
    ("float32", "float32", "float32"), ("bfloat16", "bfloat16", "bfloat16"), ("mixed_float16", "float16", "float32"),
    ("mixed_bfloat16", "bfloat16", "float32"), ("int8", "int8", "int8"), (None, "float32", "float32"),
])  # fmt: skip
def test_policies_are_those_of_keras(name, compute, variable):
    keras = pytest.importorskip("keras")
    ours, theirs = DTypePolicy(name), keras.DTypePolicy(name)
    assert (ours.compute_dtype, ours.variable_dtype) == (theirs.compute_dtype, theirs.variable_dtype)
    assert (ours.compute_dtype, ours.variable_dtype) == (compute, variable)
    assert ours.get_config() == theirs.get_config() and ours.quantization_mode is theirs.quantization_mode
    assert dtype_policies.deserialize(dtype_policies.serialize(ours)) == ours
    assert dtype_policies.get(keras.dtype_policies.serialize(theirs)) == ours


@pytest.mark.parametrize("wrong, match", [
    ("mixed_bflot16", "Did you mean 'mixed_bfloat16'"), ("float64", "jax_enable_x64"), (object(), "dtype|interpret"),
    ({"class_name": "Int4DTypePolicy", "config": {}}, "Quantised policies"),
    ({"class_name": "Dense", "config": {}}, "Unknown dtype policy class"), (layers.Dense, "dtype|interpret"),
])  # fmt: skip
def test_what_is_no_policy_is_refused(wrong, match):
    with pytest.raises((ValueError, TypeError), match=match):
        dtype_policies.get(wrong)


def test_custom_policy_classes():
    class Own(DTypePolicy):
        pass

    config = {"class_name": "Own", "config": {"name": "bfloat16"}}
    made = dtype_policies.deserialize(config, custom_objects={"Own": Own})
    assert type(made) is Own and made != DTypePolicy("bfloat16")


def test_global_policy():
    try:
        mixed_precision.set_global_policy("mixed_bfloat16")
        assert mixed_precision.global_policy() == mixed_precision.Policy("mixed_bfloat16")
        layer = layers.Dense(2)
        assert layer(jnp.ones((1, 3))).dtype == "bfloat16" and layer.kernel.dtype == "float32"
    finally:
        mixed_precision.set_global_policy(None)
    assert mixed_precision.dtype_policy().name == "float32"
    with pytest.raises(AttributeError, match="no attribute"):
        mixed_precision.LossScale  # noqa: B018


PATHS = ["encoder/dense", "encoder", "decoder/out", "decoder", "x/encoder/dense"]


def test_map_finds_what_keras_finds():
    keras = pytest.importorskip("keras")
    ours, theirs = DTypePolicyMap("bfloat16"), keras.dtype_policies.DTypePolicyMap("bfloat16")
    for policies, make in ((ours, str), (theirs, keras.DTypePolicy)):
        policies["encoder/.*"] = make("float16")
        policies["decoder"] = make("mixed_bfloat16")
    for path in PATHS:
        assert ours[path].compute_dtype == theirs[path].compute_dtype, path
    assert (ours.name, len(ours), list(ours)) == (theirs.name, len(theirs), list(theirs))
    assert (ours.compute_dtype, ours.variable_dtype) == (theirs.compute_dtype, theirs.variable_dtype)


def test_map():
    policies = DTypePolicyMap(policy_map={"encoder/.*": "float16", "head": "mixed_bfloat16"})
    assert dtype_policies.deserialize(dtype_policies.serialize(policies)) == policies
    assert policies != DTypePolicyMap() and policies.default_policy.name == "float32"
    with pytest.raises(ValueError, match="has a row 'head' already"):
        policies["head"] = "float16"
    del policies["head"]
    assert "head" not in policies and policies["head"].name == "float32"
    policies["encoder/d.*"] = "float32"
    with pytest.raises(ValueError, match="several rows"):
        policies["encoder/dense"]


class Encoder(models.Model):
    def __init__(self, dtype):
        super().__init__()
        self.low = layers.Dense(3, dtype=dtype, name="low")
        self.high = layers.Dense(3, dtype=dtype, name="high")

    def call(self, x):
        return self.high(self.low(x))


def test_layers_ask_the_map_by_their_path():
    policies = DTypePolicyMap(policy_map={"low": "bfloat16", "head": "mixed_bfloat16"})
    model = Encoder(policies)
    params, _ = model.init(0, (None, 2))
    assert params["low"]["kernel"].dtype == "bfloat16" and params["high"]["kernel"].dtype == "float32"
    assert model.high.compute_dtype == "float32" and model.low.get_config()["dtype"] == "bfloat16"
    head = layers.Dense(1, dtype=policies, name="head")
    assert layers.Dense.from_config(head.get_config()).dtype_policy == policies
    assert head(layers.Input(shape=(2,))).dtype == "bfloat16" and head.kernel.dtype == "float32"
