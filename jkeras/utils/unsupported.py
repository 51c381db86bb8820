"""Names of Keras 2 for what TensorFlow's runtime does: making one says what to use here."""

from __future__ import annotations

from typing import Any


class SidecarEvaluator:
    """Evaluates checkpoints in a process of its own, in Keras 2.

    Args:
        model, data, checkpoint_dir, steps, max_evaluations, callbacks: As in Keras 2.

    Raises:
        ValueError: Always, saying what to use.

    >>> SidecarEvaluator(None, None, "checkpoints")
    Traceback (most recent call last):
    ValueError: SidecarEvaluator watches the checkpoints of TensorFlow's distributed training...
    """

    def __init__(
        self,
        model: Any,
        data: Any,
        checkpoint_dir: Any,
        steps: Any = None,
        max_evaluations: Any = None,
        callbacks: Any = None,
    ):
        raise ValueError(
            "SidecarEvaluator watches the checkpoints of TensorFlow's distributed training, which jkeras does not "
            "write. Give fit(validation_data=...); or evaluate in a second process: "
            "model.load_weights(path); model.evaluate(data)."
        )


class StepsPerExecutionTuner:
    """Adjusts `steps_per_execution` while a model trains, in Keras 2.

    Args:
        optimizer, spe_variable, interval, change_spe_interval, change_threshold: As in Keras 2.

    Raises:
        ValueError: Always, saying what to use.

    >>> StepsPerExecutionTuner(None, None)
    Traceback (most recent call last):
    ValueError: StepsPerExecutionTuner is not needed: fit sizes its blocks of compiled steps to the clock by itself...
    """

    def __init__(
        self,
        optimizer: Any,
        spe_variable: Any,
        interval: Any = 5,
        change_spe_interval: Any = 10,
        change_threshold: Any = 0.1,
    ):
        raise ValueError(
            "StepsPerExecutionTuner is not needed: fit sizes its blocks of compiled steps to the clock by itself. "
            "Leave steps_per_execution out of compile()."
        )


class DatasetCreator:
    """Makes a `tf.data` data set on each worker, in Keras 2.

    Args:
        dataset_fn, input_options: As in Keras 2.

    Raises:
        ValueError: Always, saying what to use.

    >>> DatasetCreator(None)
    Traceback (most recent call last):
    ValueError: DatasetCreator makes a tf.data.Dataset on each worker of TensorFlow's parameter servers...
    """

    def __init__(self, dataset_fn: Any, input_options: Any = None):
        raise ValueError(
            "DatasetCreator makes a tf.data.Dataset on each worker of TensorFlow's parameter servers, which jkeras "
            "does not have. Give fit() the data themselves: arrays, a PyDataset or a generator."
        )
