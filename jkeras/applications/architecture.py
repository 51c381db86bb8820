"""How an architecture becomes a function: one signature, one check of the arguments, one way to load weights."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jkeras.applications.network import Network
from jkeras.applications.sources import fetch
from jkeras.core import blame
from jkeras.core.data_format import image_data_format
from jkeras.core.graph import SymbolicTensor
from jkeras.core.input import Input
from jkeras.core.layer import Layer
from jkeras.models import Model

# The arguments in the order of most architectures.
STANDARD: dict[str, Any] = {
    "include_top": True, "weights": "imagenet", "input_tensor": None, "input_shape": None, "pooling": None,
    "classes": 1000, "classifier_activation": "softmax", "name": None,
}  # fmt: skip

_MEANING = {
    "include_top": "Whether to add the classifier.",
    "weights": '`None` for random ones, "imagenet" for a checked download, or the path of a file of weights.',
    "input_tensor": "A symbolic tensor to compute from, instead of a new `Input`.",
    "input_shape": "Shape of an image without batch. Any size where there is no classifier.",
    "pooling": "Without the classifier: `None` for a map of features, 'avg' or 'max' for one vector.",
    "classes": "The number of classes.",
    "classifier_activation": "Activation of the classifier; `None` for logits.",
    "name": "The name of the model.",
    "alpha": "Factor of the number of filters in every layer.",
    "depth_multiplier": "Channels that each depthwise convolution makes of one.",
    "dropout": "Rate of the dropout below the classifier.",
    "dropout_rate": "Rate of the dropout below the classifier.",
    "minimalistic": "Leave out squeeze-and-excite blocks, 5x5 kernels and hard-swish.",
    "include_preprocessing": "Whether the model itself scales images with values in [0, 255].",
}

_DOCSTRING = """Return the model {public} as Keras names and orders it.

Images with values in [0, 255] go through `preprocess_input` of the same module first.

Args:
{listing}

Returns:
    A `Model` from images, `(batch, height, width, 3)`, to probabilities, `(batch, classes)`; without the classifier to
    features, `(batch, rows, columns, channels)`, or if they are pooled `(batch, channels)`.

Raises:
    ValueError: If an argument is not one of those, or an image is too small.
    OSError: If weights="imagenet" could not be downloaded.

Reference: {reference}.

>>> import numpy as np
>>> from {module} import {public}, preprocess_input
>>> images = preprocess_input(np.zeros({shape}))  # what {public}().predict takes
>>> images.shape
{shape}
"""


def architecture(
    public: str,
    body: Callable[..., Any],
    table: Any = None,
    *,
    size: int,
    reference: str,
    smallest: int = 32,
    sizes: tuple[int, ...] = (),
    fixed: bool | None = None,
    arguments: Mapping[str, Any] = STANDARD,
    name: str | Callable[[Mapping[str, Any], tuple[Any, ...]], str] = "",
    folder: str = "",
    variant: Callable[[Mapping[str, Any], tuple[Any, ...]], str] | None = None,
    defaults: Mapping[type[Layer], Mapping[str, Any]] | None = None,
) -> Callable[..., Any]:
    """Return the public function of one architecture.

    Args:
        public: Its name.
        body: Called with the `Network`, the symbolic image, `table`, and those of the arguments that not every
            architecture has, by name; returns the outputs.
        table: The rows that tell this member of the family from the others.
        size: Height and width of images where none is given.
        reference: The paper.
        smallest: The least height and width.
        sizes: Further sizes that there are ImageNet weights for.
        fixed: Whether a model without `input_shape` is for images of `size`; by default, if it has a classifier.
        arguments: Names and defaults of the function's arguments, in order.
        name: The model's name, or what makes it of the arguments and the image's shape.
        folder: Where Keras publishes the weights.
        variant: What names the file of ImageNet weights, if there are several, from arguments and image shape.
        defaults: Arguments of the layers by their class.
    """
    arguments = {**arguments, "name": name if isinstance(name, str) else None}
    own = [key for key in arguments if key not in STANDARD]
    signature = inspect.Signature(
        [inspect.Parameter(key, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=v) for key, v in arguments.items()]
    )

    def make(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{public}{signature}: {error}.") from None
        bound.apply_defaults()
        request = dict(bound.arguments)
        _check(public, request)
        needs_size = request["include_top"] if fixed is None else fixed
        shape = _image_shape(public, request, size, smallest, sizes, needs_size)
        if not isinstance(name, str) and request["name"] is None:
            request["name"] = name(request, shape)
        network = Network(request, defaults or {})
        image = _image(public, request["input_tensor"], shape)
        outputs = body(network, image, table, **{key: request[key] for key in own})
        model = Model(_sources(image), outputs, name=request["name"])
        if request["weights"] == "imagenet":
            key = public if variant is None else variant(request, shape)
            model.load_weights(fetch(key, request["include_top"], folder))
        elif request["weights"] is not None:
            model.load_weights(request["weights"])
        return model

    make.__name__ = make.__qualname__ = public
    make.__module__ = body.__module__
    make.__signature__ = signature  # type: ignore[attr-defined]
    listing = "\n".join(f"    {key}: {_MEANING[key]}" for key in arguments)
    make.__doc__ = _DOCSTRING.format(
        public=public, listing=listing, reference=reference, module=make.__module__, shape=f"(1, {size}, {size}, 3)"
    )
    return make


def _check(public: str, request: Mapping[str, Any]) -> None:
    weights = request["weights"]
    if weights is not None and weights != "imagenet" and not os.path.exists(weights):
        raise ValueError(
            f"{public}: weights must be None (random), 'imagenet', or the path of a file; there is no file {weights!r}."
        )
    if weights == "imagenet" and request["include_top"] and request["classes"] != 1000:
        raise ValueError(
            f"{public}: the ImageNet classifier has 1000 classes; got classes={request['classes']}. "
            "Use include_top=False and add your own, or weights=None."
        )
    if request["pooling"] not in (None, "avg", "max"):
        raise ValueError(f"{public}: pooling must be None, 'avg' or 'max'; got {request['pooling']!r}.")


def _image_shape(
    public: str, request: Mapping[str, Any], size: int, smallest: int, sizes: tuple[int, ...], needs_size: bool
) -> tuple[Any, ...]:
    """Return the shape of an image as requested, without batch."""
    channels_last = image_data_format() == "channels_last"

    def ordered(height: Any, width: Any, channels: Any) -> tuple[Any, ...]:
        return (height, width, channels) if channels_last else (channels, height, width)

    given = request["input_shape"]
    if given is None:
        return ordered(size, size, 3) if needs_size else ordered(None, None, 3)
    if len(given) != 3:
        raise ValueError(f"{public}: input_shape must be three numbers such as {ordered(size, size, 3)}; got {given}.")
    height, width, channels = given if channels_last else (given[1], given[2], given[0])
    if any(n is not None and n < smallest for n in (height, width)):
        raise ValueError(f"{public}: images must be at least {smallest} by {smallest}; got input_shape={given}.")
    if request["include_top"] and needs_size and None in (height, width):
        raise ValueError(f"{public}: with include_top=True the image needs a size; got input_shape={given}.")
    if request["weights"] == "imagenet":
        usual = (height, width) in [(n, n) for n in (size, *sizes)]
        if channels != 3 or (request["include_top"] and needs_size and not usual):
            expected = " or ".join(str(ordered(n, n, 3)) for n in sorted({size, *sizes}))
            raise ValueError(
                f"{public}: the ImageNet weights are for input_shape={expected}; got {given}. "
                "Use include_top=False for other sizes of images, or weights=None."
            )
    elif channels not in (1, 3):
        blame.warn(f"{public}: images usually have 1 or 3 channels; input_shape={given} has {channels}.")
    return tuple(given)


def _image(public: str, tensor: Any, shape: tuple[Any, ...]) -> Any:
    if tensor is None:
        return Input(shape=shape)
    if not isinstance(tensor, SymbolicTensor):
        kind = (
            "an array" if isinstance(tensor, np.ndarray) or hasattr(tensor, "__jax_array__") else type(tensor).__name__
        )
        raise ValueError(f"{public}: input_tensor must be a symbolic tensor, as Input(...) returns it; got {kind}.")
    return tensor


def _sources(tensor: Any) -> Any:
    """Return the inputs that a symbolic tensor is computed from."""
    found: dict[int, Any] = {}
    todo, seen = [tensor], set()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        parents = [] if one.node is None else one.node.parents
        if not parents:
            found[id(one)] = one
        todo.extend(reversed(parents))
    inputs = list(found.values())
    return inputs[0] if len(inputs) == 1 else inputs
