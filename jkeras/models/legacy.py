"""Old spellings of `fit`, `evaluate` and `predict` and of their arguments, in one place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jkeras.core.errors import unexpected_argument

RENAMED = {"nb_epoch": "epochs"}
# Workers and queues of Keras 1 and 2: batches are prepared while the device works, whatever these say.
OBSOLETE = {"workers", "max_queue_size", "use_multiprocessing", "pickle_safe", "nb_worker", "max_q_size"}


def modernise(method: str, accepted: tuple[str, ...], given: dict[str, Any], batch_size: int = 32) -> dict[str, Any]:
    """Return the arguments that an old script gave by keyword, in their modern spelling.

    Raises:
        TypeError: If a keyword is neither an old nor a modern one.

    >>> modernise("fit", ("epochs",), {"nb_epoch": 3, "max_q_size": 10})
    {'epochs': 3}
    """
    modern: dict[str, Any] = {}
    for name, value in given.items():
        if name in OBSOLETE:
            continue
        if name == "samples_per_epoch":
            modern["steps_per_epoch"] = math.ceil(value / batch_size)
        elif name in ("nb_val_samples", "val_samples"):
            modern["steps" if method == "evaluate" else "validation_steps"] = math.ceil(value / batch_size)
        elif name in RENAMED:
            modern[RENAMED[name]] = value
        else:
            raise unexpected_argument(method, name, accepted)
    return modern


def former_ends(inputs: Any, outputs: Any, given: dict[str, Any]) -> tuple[Any, Any]:
    """Return the inputs and outputs of a model, which Keras 1 calls `input` and `output`; takes them out of `given`.

    >>> former_ends(None, None, {"input": 1, "output": 2})
    (1, 2)
    """
    return given.pop("input", inputs), given.pop("output", outputs)


class FormerMethods:
    """Methods that Keras 1 and 2 had beside those of today."""

    fit: Any
    evaluate: Any
    predict: Any

    def predict_proba(self, x: Any, batch_size: int = 32, verbose: int = 0) -> Any:
        """Return `predict(x)`: probabilities, if that is what the last layer computes.

        Args:
            x, batch_size, verbose: As in `predict`.
        """
        return self.predict(x, batch_size=batch_size, verbose=verbose)

    def predict_classes(self, x: Any, batch_size: int = 32, verbose: int = 0) -> np.ndarray:
        """Return the class of each sample: the largest output, or for a single output whether it exceeds 0.5.

        Args:
            x, batch_size, verbose: As in `predict`.
        """
        outputs = self.predict(x, batch_size=batch_size, verbose=verbose)
        return outputs.argmax(-1) if outputs.shape[-1] > 1 else (outputs > 0.5).astype("int32")

    def fit_generator(
        self, generator: Any, steps_per_epoch: int | None = None, epochs: int = 1, **arguments: Any
    ) -> Any:
        """Return the `History` of `fit` on a generator, as Keras 1 and 2 spell it.

        Args:
            generator: Yields batches `(x, y)` or `(x, y, sample_weight)`.
            steps_per_epoch, epochs: As in `fit`, which the other arguments are given to.
        """
        return self.fit(generator, steps_per_epoch=steps_per_epoch, epochs=epochs, **arguments)

    def evaluate_generator(self, generator: Any, steps: int | None = None, **arguments: Any) -> Any:
        """Return what `evaluate` does, on a generator, as Keras 1 and 2 spell it.

        Args:
            generator: Yields batches `(x, y)` or `(x, y, sample_weight)`.
            steps: Batches to evaluate.
        """
        return self.evaluate(generator, steps=steps, **{"verbose": 0, **arguments})

    def predict_generator(self, generator: Any, steps: int | None = None, **arguments: Any) -> Any:
        """Return what `predict` does, on a generator, as Keras 1 and 2 spell it.

        Args:
            generator: Yields inputs.
            steps: Batches to predict.
        """
        return self.predict(generator, steps=steps, **{"verbose": 0, **arguments})
