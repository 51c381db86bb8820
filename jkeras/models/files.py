"""What a model does with files. The formats are in `saving/`, which is loaded when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Files:
    """The half of `Model` that writes and reads it."""

    def save_weights(self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None) -> None:
        """Write the weights to HDF5, in Keras's layout for the suffix: `.h5`, `.weights.h5`, or `.weights.json`.

        Args:
            filepath: Name of the file; `.safetensors` is written too.
            overwrite: Whether to replace an existing one.
            max_shard_size: Gigabytes in a file; `.weights.json` then names the index of several.
        """
        from jkeras.saving.weights import save_weights

        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(
        self, filepath: Any, by_name: bool = False, skip_mismatch: bool = False, allow_nan: bool = False
    ) -> None:
        """Read the weights from an HDF5 file that Keras or jkeras wrote; nothing changes if something does not fit.

        Args:
            filepath: A `.weights.h5` or a legacy `.h5` file.
            by_name: Match layers by name instead of by order (legacy files).
            skip_mismatch: Skip layers that do not fit, with a warning, instead of raising.
            allow_nan: Take weights that are not finite; otherwise they are refused.
        """
        from jkeras.saving.weights import load_weights

        load_weights(self, filepath, by_name=by_name, skip_mismatch=skip_mismatch, allow_nan=allow_nan)

    def save_checkpoint(self, filepath: Any, overwrite: bool = True, format: str | None = None) -> None:
        """Write all that training needs to go on exactly: weights, optimizer, place in the data, callbacks, history.

        Args:
            filepath: Name of the file.
            overwrite: Whether to replace an existing one.
            format: "hdf5", or "orbax" for a folder of shards that several hosts write together.
        """
        from jkeras.saving.checkpoint import save_checkpoint

        save_checkpoint(self, filepath, overwrite, format)

    def load_checkpoint(self, filepath: Any, resume: bool = True) -> Any:
        """Read what `save_checkpoint` wrote; the next `fit` goes on with that run.

        Args:
            filepath: The file or the folder.
            resume: False: take over the arrays only, and let `fit` begin a new run.

        Returns:
            The place of the run, with its `epoch` and `batch`, or None.
        """
        from jkeras.saving.checkpoint import load_checkpoint

        return load_checkpoint(self, filepath, resume)

    def export(
        self,
        filepath: Any,
        format: str | None = None,
        verbose: Any = None,
        input_signature: Any = None,
        platforms: Any = ("cpu", "cuda", "tpu"),
    ) -> None:
        """Write what the model computes in inference, weights included, to a file that runs with JAX alone.

        Args:
            filepath: Name of the file, `name.stablehlo` or `name.onnx`.
            format: "stablehlo" or "onnx", where the name does not say it.
            verbose: True to print what was written.
            input_signature: Shapes and dtypes of the inputs, such as `InputSpec(shape=(None, 3))`; known if the
                model was made from an `Input`.
            platforms: Where the program is to run.

        Raises:
            ValueError: If the model cannot be exported so; says what can be done.
        """
        from jkeras.saving.export import export_model

        export_model(self, filepath, format, verbose, input_signature, platforms)

    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        zipped: bool | None = None,
        include_optimizer: bool = True,
        save_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the whole model to one file: configuration, weights, what `compile` said, the optimizer's state.

        Args:
            filepath: `name.keras` for the format of Keras 3; `name.h5` (`.hdf5`) for that of Keras 1 and 2.
            overwrite: Whether to replace an existing file.
            zipped: True or None: a `.keras` file is a zip archive; folders are not written.
            include_optimizer: Whether to write the state of the optimizer.
            save_format: "keras" or "h5", where the name does not say it.

        Raises:
            ValueError: If the format is unknown, or something has no name to be written by.
        """
        from jkeras.saving.whole import save_model

        save_model(self, filepath, overwrite, zipped=zipped, include_optimizer=include_optimizer,
                   save_format=save_format, **kwargs)  # fmt: skip

    def get_compile_config(self) -> dict[str, Any]:
        """Return what `compile` said as plain data; a subclass with a `compile` of its own may say it otherwise."""
        from jkeras.saving.compilation import compile_config

        return compile_config(self)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile the model as plain data say.

        Args:
            config: What `get_compile_config` returned, or a file of any Keras holds.
        """
        from jkeras.saving.compilation import compile_from

        compile_from(self, config)

    def to_json(self, **kwargs: Any) -> str:
        """Return the configuration as JSON, which `model_from_json` and Keras 3 read; `kwargs` go to `json.dumps`."""
        from jkeras.saving.text import model_to_json

        return model_to_json(self, **kwargs)

    def to_yaml(self, **kwargs: Any) -> str:
        """Return the configuration as YAML, which `model_from_yaml` reads; `kwargs` go to `yaml.safe_dump`."""
        from jkeras.saving.text import model_to_yaml

        return model_to_yaml(self, **kwargs)
