"""Docstrings of array functions that are rows of a table: what parameters mean, what is returned, an example."""

from __future__ import annotations

import inspect

# What a parameter means where its row says nothing else.
PARAMETERS = {
    "x": "Array of any shape.",
    "x1": "Array of any shape.",
    "x2": "Array whose shape broadcasts with that of `x1`.",
    "y": "Array whose shape broadcasts with that of `x`.",
    "alpha": "A number.",
    "axes": "Axes; negative ones count from the last.",
    "axis": "The axis; negative ones count from the last.",
    "axis1": "The first of two axes.",
    "axis2": "The second of two axes.",
    "data_format": '"channels_last" or "channels_first"; None is `config.image_data_format()`.',
    "dilation_rate": "Distance between neighbours in a window: an integer, or one for each spatial axis.",
    "dtype": "Dtype of the result.",
    "endpoint": "Whether `stop` is the last number.",
    "epsilon": "A small number that keeps quotients finite.",
    "equal_nan": "Whether NaN equals NaN.",
    "fill_value": "The value of what lies outside.",
    "from_logits": "Whether `output` holds logits rather than probabilities.",
    "indices": "Array of integers.",
    "images": "Images `(height, width, channels)` or `(batch, height, width, channels)`; channels may come first.",
    "keepdims": "Whether the axes that are reduced stay, with size 1.",
    "k": "Number of the diagonal: 0 is the main one, positive numbers are above it.",
    "name": "Shown by profiles.",
    "padding": '"valid" for whole windows only; "same" pads, so that there is a window at each stride.',
    "rtol": "Tolerance relative to `|x2|`.",
    "atol": "Absolute tolerance.",
    "seed": "An integer, a `SeedGenerator`, a key of `jax.random`, or None for fresh numbers.",
    "shape": "Sizes: an integer or a tuple of them.",
    "sparse": "Not supported: every array is dense.",
    "strides": "Distance between windows: an integer, or one for each spatial axis.",
    "target": "Array of labels.",
    "output": "Array of predictions.",
}


def docstring(signature: inspect.Signature, summary: str, returns: str, about: dict[str, str]) -> str:
    """Return the docstring of a row but its example.

    Args:
        signature: The parameters.
        summary: What the function does, in one line.
        returns: What is returned, with shape and dtype.
        about: What parameters mean that are not in `PARAMETERS`, or mean something else here.

    >>> print(docstring(inspect.signature(lambda x, k=0: x), "Rotate.", "Array of the shape of `x`.", {"k": "Turns."}))
    Rotate.
    <BLANKLINE>
    Args:
        x: Array of any shape.
        k: Turns.
    <BLANKLINE>
    Returns:
        Array of the shape of `x`.
    """
    texts = {**PARAMETERS, **about}
    args = [f"    {name}: {texts[name]}" for name in signature.parameters if name in texts]
    parts = [summary, "\n".join(["Args:", *args]) if args else "", f"Returns:\n    {returns}" if returns else ""]
    return "\n\n".join(filter(None, parts))


def example(name: str, text: str) -> str:
    """Return an example of the function `name` as it is typed.

    Args:
        name: The name of the function.
        text: The arguments and the elements of the result, as `"[1, 2], 3 -> [4, 5]"`; several arrays stand in
            parentheses, and `shape (2, 3)` for what has that shape. What begins with `>>>` stands as it is.

    >>> example("add", "[1, 2], 3 -> [4, 5]").splitlines()
    ['>>> add([1, 2], 3).tolist()', '[4, 5]']
    """
    if text.startswith(">>>"):
        return inspect.cleandoc(text)
    arguments, _, result = text.rpartition(" -> ")
    call = f"{name}({arguments})"
    if result.startswith("shape "):
        return f">>> {call}.shape\n{result.removeprefix('shape ')}"
    shown = f"tuple(part.tolist() for part in {call})" if result.startswith("(") else f"{call}.tolist()"
    return f">>> {shown}\n{result}"
