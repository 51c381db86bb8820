"""Layers in the spelling of Keras 1 and 2: rows that say what an old argument is called now."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from jkeras.core.legacy import ONLY_IN_FILES, RENAMED, REWRITTEN
from jkeras.layers.merging import add, average, concatenate, dot, maximum, multiply

__all__ = ["merge"]

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_WEIGHTS = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_IMAGES = {"border_mode": "padding", "dim_ordering": "data_format"}
_CONVOLUTION = {
    **_WEIGHTS,
    **_IMAGES,
    "nb_filter": "filters",
    "subsample": "strides",
    "subsample_length": "strides",
    "filter_length": "kernel_size",
    "atrous_rate": "dilation_rate",
}
_DEPTHWISE = {
    **_CONVOLUTION,
    "W_regularizer": "depthwise_regularizer",
    "W_constraint": "depthwise_constraint",
    "kernel_initializer": "depthwise_initializer",
    "kernel_regularizer": "depthwise_regularizer",
    "kernel_constraint": "depthwise_constraint",
}
_RECURRENT = {
    **_WEIGHTS,
    "output_dim": "units",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "U_regularizer": "recurrent_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
_RECURRENT_CLASSES = ("LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell")
_POOLING = {**_IMAGES, "pool_length": "pool_size", "stride": "strides"}
_DROPOUT = {"p": "rate"}

RENAMED.update(
    {
        "ConvLSTM": {**_CONVOLUTION, **_RECURRENT},
        "Dense": {**_WEIGHTS, "output_dim": "units"},
        **dict.fromkeys(("BaseConv", "BaseConvTranspose", "BaseLocallyConnected"), _CONVOLUTION),
        **dict.fromkeys(("BaseDepthwiseConv", "BaseSeparableConv"), _DEPTHWISE),
        "UpSampling1D": {"length": "size"},
        **dict.fromkeys(("AdaptivePooling", "Cropping2D", "Cropping3D", "UpSampling2D", "UpSampling3D"), _IMAGES),
        "ZeroPadding": {"dim_ordering": "data_format"},
        **dict.fromkeys(_RECURRENT_CLASSES, _RECURRENT),
        "Pooling": _POOLING,
        "GlobalPooling": _IMAGES,
        "Flatten": _IMAGES,
        "Dropout": _DROPOUT,
        "GaussianDropout": _DROPOUT,
        "GaussianNoise": {"sigma": "stddev"},
        "SpatialDropout1D": _DROPOUT,
        "SpatialDropout": {**_DROPOUT, **_IMAGES},
        "Embedding": {
            "init": "embeddings_initializer",
            "W_regularizer": "embeddings_regularizer",
            "W_constraint": "embeddings_constraint",
        },
        "BatchNormalization": {
            "beta_init": "beta_initializer",
            "gamma_init": "gamma_initializer",
        },
        "ReLU": {"alpha": "negative_slope"},
        "PReLU": {"init": "alpha_initializer"},
        "Concatenate": {"concat_axis": "axis"},
    }
)

_SIDES = ("top_pad", "bottom_pad", "left_pad", "right_pad")
_DATA_FORMATS = {"th": "channels_first", "tf": "channels_last", "default": None}


def _refuse(owner: str, kwargs: dict[str, Any], name: str, harmless: Sequence[Any], instead: str) -> None:
    """Drop an old argument that has no counterpart; raise `ValueError` if its value meant something."""
    value = kwargs.pop(name, None)
    if value is not None and value not in harmless:
        raise ValueError(f"{owner}: {name}={value!r} is no longer supported. {instead}")


def _data_format(kwargs: dict[str, Any]) -> dict[str, Any]:
    value = kwargs.get("dim_ordering")
    if value is not None:
        kwargs["dim_ordering"] = _DATA_FORMATS.get(value, value)
    return kwargs


def _images(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    # The fourth argument of pooling, and the first of Flatten, may be 'th' or 'tf' by position.
    args = tuple(_DATA_FORMATS.get(a, a) if isinstance(a, str) else a for a in args)
    return args, _data_format(kwargs)


def _convolution(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    kwargs = _data_format(kwargs)
    sizes = [kwargs.pop(n) for n in ("kernel_dim1", "kernel_dim2", "kernel_dim3", "nb_row", "nb_col") if n in kwargs]
    if sizes:
        kwargs["kernel_size"] = tuple(sizes)
    return args, kwargs


def _separable(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    # One initializer was for both kernels.
    if "init" in kwargs:
        kwargs["depthwise_initializer"] = kwargs["pointwise_initializer"] = kwargs.pop("init")
    return _convolution(args, kwargs)


def _depthwise(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    if "init" in kwargs:
        kwargs["depthwise_initializer"] = kwargs.pop("init")
    return _convolution(args, kwargs)


def _zero_padding(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """Keras 1 knew (top, bottom, left, right), and dictionaries of those sides, of which any may be left out."""
    given = args[0] if args else kwargs.get("padding")
    if isinstance(given, Mapping):
        if given.keys() - set(_SIDES):
            raise ValueError(f"ZeroPadding: the sides are {', '.join(_SIDES)}; got {', '.join(map(str, given))}.")
        given = tuple(given.get(name, 0) for name in _SIDES)
    if isinstance(given, (tuple, list)) and len(given) == 4:
        given = (tuple(given[:2]), tuple(given[2:]))
    if args:
        args = (given, *args[1:])
    elif given is not None:
        kwargs["padding"] = given
    return _images(args, kwargs)


def _zero_padding_1d(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    if args and isinstance(args[0], Mapping):
        kwargs, args = {**kwargs, "padding": args[0]}, args[1:]
    if isinstance(kwargs.get("padding"), Mapping):
        kwargs["padding"] = tuple(kwargs["padding"].get(name, 0) for name in ("left_pad", "right_pad"))
    return args, kwargs


def _recurrent(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    owner = "A recurrent layer"
    # These name how the same numbers are computed.
    _refuse(owner, kwargs, "implementation", (0, 1, 2), "It is 0, 1 or 2.")
    _refuse(owner, kwargs, "consume_less", ("cpu", "mem", "gpu"), "It is 'cpu', 'mem' or 'gpu'.")
    _refuse(owner, kwargs, "ragged", (False,), "Pad the sequences and mask them.")
    if "forget_bias_init" in kwargs:
        kwargs["unit_forget_bias"] = kwargs.pop("forget_bias_init") in ("one", "ones")
    return args, kwargs


def _embedding(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    _refuse("Embedding", kwargs, "dropout", (0, 0.0), "Put a SpatialDropout1D layer after it.")
    return args, kwargs


def _batch_normalization(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    _refuse("BatchNormalization", kwargs, "mode", (0,), "Mode 0, statistics of features, is what is left.")
    _refuse("BatchNormalization", kwargs, "fused", (False, True), "It is True, False or None.")
    instead = "Statistics are those of the whole batch. Fit with a smaller batch_size, or use GroupNormalization."
    _refuse("BatchNormalization", kwargs, "virtual_batch_size", (), instead)
    _refuse("BatchNormalization", kwargs, "adjustment", (), "Leave it out.")
    return args, kwargs


def _layer_normalization(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    _refuse("LayerNormalization", kwargs, "rms_scaling", (False,), "Use RMSNormalization.")
    return args, kwargs


REWRITTEN.update(
    {
        **dict.fromkeys(("BaseConv", "BaseConvTranspose", "BaseLocallyConnected"), _convolution),
        "BaseSeparableConv": _separable,
        "BaseDepthwiseConv": _depthwise,
        **dict.fromkeys(("AdaptivePooling", "Cropping2D", "Cropping3D", "UpSampling2D", "UpSampling3D"), _images),
        "ZeroPadding": _zero_padding,
        "ZeroPadding1D": _zero_padding_1d,
        "Pooling": _images,
        "GlobalPooling": _images,
        "Flatten": _images,
        "SpatialDropout": _images,
        **dict.fromkeys(("RNN", *_RECURRENT_CLASSES), _recurrent),
        "Embedding": _embedding,
        "BatchNormalization": _batch_normalization,
        "LayerNormalization": _layer_normalization,
    }
)


_UNUSED_KERNEL = dict.fromkeys(("kernel_initializer", "kernel_regularizer", "kernel_constraint"), (...,))
ONLY_IN_FILES.update(
    {
        **dict.fromkeys(("BaseConvTranspose", "BaseDepthwiseConv"), {"groups": (1,)}),
        "BaseSeparableConv": {"groups": (1,), **_UNUSED_KERNEL},
        "ConvLSTM": {"unroll": (False,), "time_major": (False,), "zero_output_for_mask": (False,)},
        "MultiHeadAttention": {
            **dict.fromkeys(("query_shape", "key_shape", "value_shape"), (...,)),
            "softmax_robust_masking": (False,),
        },
        "RandomImageLayer": {"rng_type": (...,)},
        "TextVectorization": {"dtype": ("string",)},
    }
)


_MODES: Mapping[str, Any] = {"sum": add, "mul": multiply, "ave": average, "max": maximum}


def merge(
    inputs: Sequence[Any], mode: str = "sum", concat_axis: int = -1, dot_axes: Any = -1, name: str | None = None
) -> Any:
    """Merge arrays as Keras 1 spelt it.

    Args:
        inputs: Arrays `(batch, ...)`, or symbolic tensors.
        mode: "sum", "mul", "ave", "max", "concat", "dot" or "cos".
        concat_axis: Axis of "concat".
        dot_axes: Axes of "dot" and "cos".
        name: The layer's name.

    Returns:
        What the layer of that mode returns: `Add`, `Multiply`, `Average`, `Maximum`, `Concatenate` or `Dot`.

    Raises:
        ValueError: If the mode is unknown.

    >>> import jax.numpy as jnp
    >>> merge([jnp.ones(2), jnp.ones(2)], mode="sum").tolist()
    [2.0, 2.0]
    """
    if mode in _MODES:
        return _MODES[mode](inputs, name=name)
    if mode == "concat":
        return concatenate(inputs, axis=concat_axis, name=name)
    if mode in ("dot", "cos"):
        return dot(inputs, axes=dot_axes, normalize=mode == "cos", name=name)
    raise ValueError(f"merge: mode must be one of {', '.join(_MODES)}, concat, dot, cos; got {mode!r}.")


# Modules that held layers in some era, e.g. `from keras.layers.core import Dense`.
MODULE_PATHS = (
    "advanced_activations", "convolutional", "convolutional_recurrent", "core", "embeddings", "experimental",
    "experimental.preprocessing", "local", "merge", "noise", "recurrent", "rnn", "wrappers",
)  # fmt: skip


def install_module_paths(package: str) -> None:
    """Let the old module paths lead to the package of all layers."""
    module = sys.modules[package]
    for path in MODULE_PATHS:
        sys.modules[f"{package}.{path}"] = module
        if "." not in path and path not in vars(module):  # `merge` is also the function
            setattr(module, path, module)
