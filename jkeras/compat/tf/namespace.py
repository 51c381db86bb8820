"""The table of `tf`: which module holds which part of it, and what to write instead of what there is not."""

from __future__ import annotations

from jkeras.core.errors import nearest

_HERE = "jkeras.compat.tf"

# Path below `tensorflow`: the modules of this folder that hold its names, in order.
_PLACES: dict[str, str] = {
    "": ". compat_v1",
    "math": "math",
    "nn": "nn",
    "linalg": "linalg arrays",
    "random": "random",
    "image": "image",
    "dtypes": "dtypes",
    "config": "config",
    "config.experimental": "config",
    "config.optimizer": "config.optimizer",
    "config.threading": "config.threading",
    "test": "config",
    "sysconfig": "config",
    "errors": "errors",
    "logging": "logs",
    "autograph": "logs",
    "autograph.experimental": "logs",
    "io": "gfile",
    "io.gfile": "gfile",
    "gfile": "gfile",
    "debugging": "debugging",
    "distribute": "distribute",
    "compat": ". compat_v1",
    "compat.v1": "compat_v1 .",
    "compat.v2": ".",
    "compat.v1.random": "compat_v1 random",
    "compat.v1.logging": "logs",
    "compat.v1.nn": "nn",
    "compat.v1.math": "math",
    "compat.v1.config": "config",
    "compat.v1.gfile": "gfile",
    "compat.v1.test": "config",
    "contrib": "",
    "python": "",
    "python.framework": "",
    "python.framework.ops": "variables compat_v1",
    "python.framework.dtypes": "dtypes",
    "python.framework.tensor_shape": "variables",
    "python.framework.random_seed": "compat_v1",
    "python.ops": "",
    "python.ops.array_ops": "arrays",
    "python.ops.math_ops": "math arrays",
    "python.ops.nn": "nn",
    "python.ops.nn_ops": "nn",
    "python.ops.random_ops": "compat_v1",
    "python.ops.linalg_ops": "linalg",
    "python.ops.control_flow_ops": "control",
    "python.platform": "",
    "python.platform.tf_logging": "logs",
    "python.platform.gfile": "gfile",
    "python.client": "",
    "python.client.device_lib": "device_lib",
    "python.util": "",
}

# Names that are not there because JAX does it another way.
INSTEAD = {
    "GradientTape": "there is no tape on JAX: gradients are those of functions. Write "
    "`loss, gradients = jax.value_and_grad(f)(params)` with `f = lambda params: "
    "loss_of(model.apply(params, state, x)[0])`, or override `train_step` or `compute_loss` of a "
    "model and let `fit` differentiate",
    "gradients": "gradients are those of functions: `jax.grad(f)(params)`; of symbolic tensors, "
    "`keras.backend.gradients`",
    "data": "fit takes arrays, generators, keras.utils.PyDataset, iterables of batches and torch DataLoaders, and "
    "prepares batches ahead by itself. Write model.fit(x, y, batch_size=32), or a generator that yields (x, y)",
    "MultiWorkerMirroredStrategy": "each process calls jkeras.distribution.initialize() first, and then trains on a "
    "mesh of all devices: model.fit(..., mesh=jax.make_mesh((jax.device_count(),), ('data',)))",
    "TPUStrategy": "JAX finds the TPU by itself. Use tf.distribute.MirroredStrategy(), or leave the strategy out",
    "cluster_resolver": "JAX finds the TPU by itself. Use tf.distribute.MirroredStrategy(), or leave the strategy out",
    "ParameterServerStrategy": "weights are split over devices by rules: model.fit(..., mesh=mesh, rules=rules)",
    "Module": "derive from keras.layers.Layer or keras.Model",
    "summary": "use the callback keras.callbacks.TensorBoard, or tensorboardX",
    "train": "optimizers are in tf.keras.optimizers, checkpoints are written by keras.callbacks.ModelCheckpoint",
    "saved_model": "models are saved by model.save('model.keras') and exported by model.export",
    "lite": "export the model: model.export(path)",
    "estimator": "train the model by fit",
    "feature_column": "use keras.utils.FeatureSpace, or preprocessing layers",
    "layers": "the layers are in tf.keras.layers",
    "losses": "the losses are in tf.keras.losses",
    "metrics": "the metrics are in tf.keras.metrics",
    "initializers": "the initializers are in tf.keras.initializers",
    "get_variable": "make weights by layer.add_weight, or tf.Variable",
    "assign": "use variable.assign(value)",
    "py_function": "use keras.layers.Lambda on functions of jax.numpy, or jax.pure_callback",
    "numpy_function": "use keras.layers.Lambda on functions of jax.numpy, or jax.pure_callback",
    "py_func": "use keras.layers.Lambda on functions of jax.numpy, or jax.pure_callback",
    "RaggedTensor": "arrays are dense on JAX. Pad: keras.preprocessing.sequence.pad_sequences",
    "ragged": "arrays are dense on JAX. Pad: keras.preprocessing.sequence.pad_sequences",
    "SparseTensor": "arrays are dense on JAX. Densify: matrix.toarray()",
    "sparse": "arrays are dense on JAX. Densify: matrix.toarray()",
    "strings": "arrays of JAX hold numbers. Use the layers StringLookup and TextVectorization, or Python's strings",
    "lookup": "use the layers StringLookup and IntegerLookup",
    "TensorArray": "collect in a list, or use tf.scan or jax.lax.scan",
    "Graph": "there is no global graph. Leave it out",
    "get_default_graph": "there is no global graph. Leave it out",
    "contrib": "TensorFlow 2 has no tf.contrib either; tf.contrib.keras is tf.keras",
    "import_graph_def": "load weights by model.load_weights(path)",
}


def places_of(name: str) -> tuple[str, ...] | None:
    """Return the full names of the modules in which names of a part of `tensorflow` are looked for, or None.

    >>> places_of("tensorflow.math"), places_of("tensorflow.data")
    (('jkeras.compat.tf.math',), None)
    """
    path = name.partition(".")[2]
    if path not in _PLACES:
        return None
    return tuple(_HERE if place == "." else f"{_HERE}.{place}" for place in _PLACES[path].split())


def refuse(module: str, name: str) -> AttributeError:
    """Return the error for a name that is not there: what to write instead, or the nearest name.

    >>> refuse("tensorflow", "reduce_meen").args[0]
    "tf.reduce_meen is not available on jkeras. Did you mean 'tf.reduce_mean'? It has ..."
    """
    spelt = f"tf{module.removeprefix('tensorflow')}.{name}"
    instead = INSTEAD.get(name) or INSTEAD.get(module.rpartition(".")[2])
    if instead:
        return AttributeError(f"{spelt} is not available on jkeras: {instead}.")
    from jkeras.compat.stand_in import find

    found = find(module)
    near = nearest(name, [] if found is None else dir(found)).removeprefix(" Did you mean '").removesuffix("'?")
    hint = f" Did you mean {spelt.removesuffix(name) + near!r}?" if near else ""
    return AttributeError(
        f"{spelt} is not available on jkeras.{hint} It has tf.keras and the array functions that scripts use beside "
        "it; write the rest with jax.numpy, or install TensorFlow and run with --real tensorflow."
    )
