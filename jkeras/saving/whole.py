"""Whole models in one file: configuration, weights, what `compile` said, the state of the optimizer."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jkeras.core import blame
from jkeras.core.custom_objects import CustomObjectScope
from jkeras.optimizers import get as get_optimizer
from jkeras.saving.archive import WEIGHTS, new_archive, open_archive
from jkeras.saving.atomic import atomic_path
from jkeras.saving.compilation import training_config
from jkeras.saving.forms import keras2_form, with_activations_of_keras_2
from jkeras.saving.hdf5 import (
    find,
    open_for_reading,
    read_names,
    read_text,
    write_text,
)
from jkeras.saving.hdf5_seal import seal
from jkeras.saving.keras3_weights import match_keras3, write_keras3
from jkeras.saving.legacy_weights import KERAS_2_VERSION, match_legacy, write_legacy
from jkeras.saving.limits import check_size, parse_json
from jkeras.saving.matching import HostValues, Mismatches, assign_all, read_all
from jkeras.saving.optimizer_files import named_rows, numbered_rows, write_named, write_numbered
from jkeras.saving.optimizer_weights import Row, restore_optimizer
from jkeras.saving.text import VERSION, model_from_data, model_to_data
from jkeras.saving.weights import begins_as_zip

if TYPE_CHECKING:
    from jkeras.models import Model

_SUFFIXES = {".keras": "keras", ".h5": "h5", ".hdf5": "h5"}
_CONFIG, _METADATA = "config.json", "metadata.json"


def save_model(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    zipped: bool | None = None,
    include_optimizer: bool = True,
    save_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Write a whole model to one file, which appears whole or not at all.

    Args:
        model: A built model.
        filepath: `name.keras` for the format of Keras 3, `name.h5` (`.hdf5`) for that of Keras 1 and 2, which
            Keras 3 reads too.
        overwrite: Whether to replace an existing file.
        zipped: True or None: folders are not written.
        include_optimizer: Whether to write the state of the optimizer.
        save_format: "keras" or "h5", where the name does not say it.
        kwargs: `signatures`, `options` and `save_traces` of tf_keras, which mean nothing here and must be None.

    Raises:
        ValueError: If the format is unknown, the model is not built, or something has no name to be written by.

    >>> import tempfile
    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
    >>> model = Sequential([Dense(2, input_shape=(3,))])
    >>> save_model(model, path)
    >>> load_model(path).count_params()
    8
    """
    _check_arguments(zipped, kwargs)
    name = os.fspath(filepath)
    suffix = _SUFFIXES.get(os.path.splitext(name)[1].lower())
    format_ = {"keras": "keras", "h5": "h5", "hdf5": "h5", None: suffix}.get(save_format)
    if format_ is None or (suffix and suffix != format_):
        raise ValueError(
            f"Cannot tell in which format to write {name!r} (save_format={save_format!r}). "
            "Write model.save('name.keras'), or model.save('name.h5'). TensorFlow's folders are not written."
        )
    if not model._is_declared():
        raise ValueError(
            f"Model {model.name!r} cannot be saved: it is not built, so it has no weights yet. "
            "Give it an Input, call it on data, or call model.build(input_shape)."
        )
    (_write_archive if format_ == "keras" else _write_hdf5)(model, filepath, overwrite, include_optimizer)


def _check_arguments(zipped: bool | None, kwargs: dict[str, Any]) -> None:
    if zipped is False:
        raise ValueError("zipped=False would write a folder of files. A .keras file is one archive: leave it out.")
    for name, value in kwargs.items():
        if name not in ("signatures", "options", "save_traces"):
            raise TypeError(f"save got an unexpected argument {name!r}.")
        if value is not None and not (name == "save_traces" and value is True):
            raise ValueError(f"save({name}=...) belongs to TensorFlow's format, which is not written. Leave it out.")


def _write_archive(model: Any, filepath: Any, overwrite: bool, include_optimizer: bool) -> None:
    import h5py

    metadata = {"keras_version": VERSION, "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
    config = json.dumps(model_to_data(model))
    values = HostValues(model)
    with new_archive(filepath, overwrite) as archive:
        archive.put_text(_METADATA, json.dumps(metadata))
        archive.put_text(_CONFIG, config)
        with archive.put_file(WEIGHTS) as path, h5py.File(path, "x") as file:
            write_keras3(file, model, values)
            if include_optimizer:
                write_numbered(file, model)


def _without_graph(data: dict[str, Any]) -> dict[str, Any]:
    """Return what `.h5` files say of a model; of a subclass, which has no graph, also the shapes of its inputs."""
    kept = ("class_name", "config", "registered_name", "module")
    if not isinstance(data["config"].get("layers"), list):
        kept += ("build_config",)
    return {key: data[key] for key in kept}


def _write_hdf5(model: Any, filepath: Any, overwrite: bool, include_optimizer: bool) -> None:
    import h5py

    data = model_to_data(model)
    config = json.dumps(keras2_form(_without_graph(data)))
    version = VERSION
    if '"legacy_hard_sigmoid"' in config:  # what it is called, and which formula that is, goes by the version
        if '"hard_sigmoid"' in config:
            raise ValueError(
                "legacy_hard_sigmoid and hard_sigmoid have one name in .h5 files, which cannot hold a model with both. "
                "Save it as .keras."
            )
        config, version = json.dumps(with_activations_of_keras_2(json.loads(config), writes=True)), KERAS_2_VERSION
    values = HostValues(model)
    with atomic_path(filepath, overwrite) as temporary, h5py.File(temporary, "x") as file:
        file.attrs["backend"], file.attrs["keras_version"] = "jax", version
        write_text(file, "model_config", config)
        write_legacy(file.create_group("model_weights"), model, values)
        if model._compiled is not None and include_optimizer:
            write_text(file, "training_config", json.dumps(training_config(model)))
            write_named(file, model)
        seal(file)


def load_model(
    filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, safe_mode: bool = True,
    options: Any = None,
) -> Model:  # fmt: skip
    """Read a whole model from a file that Keras 1, 2 or 3, tf_keras or jkeras wrote, and go on as if it had been kept.

    Which format the file has is seen from its content. Nothing in it is executed, no module it names is imported.

    Args:
        filepath: A `.keras` archive or an HDF5 file.
        custom_objects: Users' classes and functions by name.
        compile: Whether to compile the model as the file says, and to restore the state of its optimizer.
        safe_mode: Must be true: jkeras runs no code from files. Functions of `Lambda` layers are given in
            `custom_objects`.
        options: Belongs to TensorFlow's format; must be None.

    Returns:
        The model, of the class that the file names.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, holds only weights, or names what is not known.

    >>> import tempfile
    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
    >>> Sequential([Dense(2, input_shape=(3,))]).save(path)
    >>> load_model(path).output_shape
    (None, 2)
    """
    if not safe_mode:
        raise ValueError("safe_mode=False would run code from the file, which jkeras never does. Use custom_objects=.")
    if options is not None:
        raise ValueError("options belong to TensorFlow's format. Leave them out.")
    name = os.fspath(filepath)
    if os.path.isdir(name):
        raise ValueError(
            f"{name!r} is a folder, such as TensorFlow writes for SavedModel, which is not read. "
            "Save the model there as .keras or .h5."
        )
    with CustomObjectScope(custom_objects):
        return (_read_archive if begins_as_zip(name) else _read_hdf5)(name, compile)


def _read_archive(name: str, compile: bool) -> Any:
    with open_archive(name) as archive:
        data = archive.json(_CONFIG)
        if isinstance(data, dict) and _METADATA in archive:
            data["keras_version"] = _version(archive.json(_METADATA))
        if WEIGHTS not in archive:
            raise ValueError(f"{name!r} has no {WEIGHTS!r}, so it is no whole model. It has: {archive.names[:10]}.")
        model = _made(data, name)
        with archive.hdf5(WEIGHTS) as file:
            _fill(model, file, name, match_keras3(file, model, Mismatches(name, skip=False)))
            if compile:
                _compile(
                    model, data.get("compile_config"), numbered_rows(file, name), name, find(file, "optimizer/vars")
                )
    return model


def _version(metadata: Any) -> str:
    return str(metadata.get("keras_version") or "") if isinstance(metadata, dict) else ""


def _read_hdf5(name: str, compile: bool) -> Any:
    with open_for_reading(name) as file:
        text = read_text(file, "model_config")
        if text is None:
            raise ValueError(
                f"{name!r} holds weights, but no model. Make the model in code, then model.load_weights({name!r})."
            )
        data = parse_json(text, f"model_config of {name!r}")
        if isinstance(data, dict):
            data["keras_version"] = read_text(file, "keras_version")
        model = _made(data, name)
        _fill(model, file, name, match_legacy(file, model, False, Mismatches(name, skip=False)))
        said = read_text(file, "training_config") if compile else None
        if said is not None:
            _compile(model, parse_json(said, f"training_config of {name!r}"), named_rows(file, name), name, None)
    return model


def _made(data: Any, name: str) -> Any:
    try:
        model = model_from_data(data, compile=False)
    except ValueError as error:
        raise ValueError(f"{name!r}: {error}") from error
    if not model._is_declared():
        shapes = (data.get("build_config") or {}).get("input_shape") if isinstance(data, dict) else None
        if shapes is None:
            raise ValueError(
                f"{name!r}: model {model.name!r} is not built by its configuration, and the file says no input shape."
            )
        model.build_from_config({"input_shape": shapes})
    return model


def _fill(model: Any, file: Any, name: str, matches: list[Any]) -> None:
    check_size(model.count_params(), sum(match.size for match in matches), repr(name))
    assign_all(read_all(matches, name, allow_nan=False))


def _compile(model: Any, config: Any, rows: list[Row], name: str, stored: Any) -> None:
    """Compile a model as its file says, and restore its optimizer."""
    if not config:
        return
    if stored is not None and not config.get("optimizer"):
        # Keras 3 forgets the optimizer of a model that it has written as .h5 before; its state still tells its name.
        told = read_names(stored, "name")
        guess = _optimizer_named(told[0] if told else "")
        blame.warn(
            f"{name!r} does not say which optimizer its model was trained with. It goes on with "
            f"{guess or 'rmsprop'!r} as it is by default; compile the model to say more."
        )
        config = {**config, "optimizer": guess} if guess else config
    model.compile_from_config(config)
    optimizer = model._compiled.optimizer
    if optimizer is not None:
        restore_optimizer(optimizer, model.trainable_variables, rows, repr(name))


def _optimizer_named(name: str) -> str | None:
    plain = name.rstrip("0123456789").rstrip("_")
    try:
        get_optimizer(plain)
    except ValueError:
        return None
    return plain
