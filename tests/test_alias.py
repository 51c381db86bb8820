"""`python -m jkeras` and `compat.install`: who sees the stand-ins, what they hold, and how errors are told."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from jkeras import compat
from jkeras.compat import former_modules, stand_in
from jkeras.compat.tf import namespace


def python(*arguments, code=None, stdin=None, cwd=None, **environment):
    """Run `python -m jkeras` on arguments, or on a script made of `code`."""
    if code is not None:
        script = cwd / "script.py"
        script.write_text(textwrap.dedent(code))
        arguments = (str(script), *arguments)
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.run(
        [sys.executable, "-m", "jkeras", *arguments], capture_output=True, text=True, timeout=240, input=stdin, cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )  # fmt: skip


@pytest.fixture
def stands():
    compat.install()
    yield
    compat.uninstall()


def run_code(code):
    """Execute code as a user's module, which this file is."""
    scope = {"__name__": __name__, "__file__": __file__}
    exec(textwrap.dedent(code), scope)
    return scope


# One former path of each area and era, and a name that stood there.
FORMER = """
keras.layers.core.Dense keras.layers.recurrent.LSTM keras.layers.convolutional.Convolution2D
keras.layers.normalization.BatchNormalization keras.layers.advanced_activations.LeakyReLU
keras.layers.embeddings.Embedding keras.layers.wrappers.TimeDistributed keras.layers.merge.concatenate
keras.layers.merge._Merge keras.layers.noise.GaussianNoise keras.layers.pooling.MaxPooling2D
keras.layers.local.LocallyConnected1D keras.layers.convolutional_recurrent.ConvLSTM2D keras.engine.Layer
keras.engine.topology.Input keras.engine.topology.Container keras.engine.training.Model
keras.engine.base_layer.Layer keras.utils.np_utils.to_categorical keras.utils.vis_utils.plot_model
keras.utils.visualize_util.plot keras.utils.generic_utils.Progbar keras.utils.generic_utils.get_custom_objects
keras.utils.data_utils.get_file keras.utils.data_utils.Sequence keras.preprocessing.sequence.pad_sequences
keras.preprocessing.text.Tokenizer keras.preprocessing.image.ImageDataGenerator
keras.callbacks.callbacks.EarlyStopping keras.optimizers.schedules.ExponentialDecay
keras.optimizers.legacy.Adam tensorflow.keras.optimizers.legacy.SGD keras.objectives.mse
keras.backend.tensorflow_backend.set_session keras.initializers.glorot_uniform
tensorflow.keras.layers.experimental.preprocessing.Rescaling tensorflow.keras.mixed_precision.experimental.Policy
tensorflow.python.keras.layers.Dense tensorflow.python.keras.layers.recurrent.GRU tensorflow.contrib.keras.layers.Dense
tensorflow.compat.v1.keras.layers.Dense tensorflow.python.keras.optimizer_v2.adam.Adam keras.src.layers.core.dense.Dense
keras.api._v2.keras.models.Sequential keras.models.load_model keras.datasets.mnist.load_data
keras_preprocessing.image.load_img tf_keras.layers.Dense keras.regularizers.l2 keras.constraints.max_norm
""".split()


@pytest.mark.parametrize("name", FORMER)
def test_names_are_found_where_they_stood(stands, name):
    module, _, last = name.rpartition(".")
    # `keras.layers.merge` is a module where it is imported, and a function where it is read.
    read = f"import {module}\nalso = {name}" if module != "keras.layers.merge" else "also = found"
    scope = run_code(f"from {module} import {last} as found\n{read}")
    assert scope["found"] is scope["also"]
    assert scope["found"].__module__.startswith("jkeras.")


def test_every_row_of_the_table_leads_somewhere():
    for path, places in former_modules.FORMER.items():
        found = [place for place in places if former_modules.exists(place) or place == ""]
        coming = {"applications", "wrappers"}  # parts of jkeras that need optional packages
        assert found or path.partition(".")[0] in coming, (path, places)
    for path in namespace._PLACES:
        for place in namespace.places_of(f"tensorflow.{path}" if path else "tensorflow"):
            assert stand_in.target_of(place) is not None, (path, place)


@pytest.mark.parametrize(
    "code, message",
    [
        ("from keras.layers import Densee", "from 'keras.layers'. Did you mean 'Dense'?"),
        ("import keras.layers.recurent", "Did you mean 'keras.layers.recurrent'?"),
        ("from keras.layers.core import Droput", "Did you mean 'Dropout'?"),
        ("from tensorflow.data import Dataset", "tf.data is not available on jkeras: fit takes arrays"),
        ("from tensorflow import GradientTape", "jax.value_and_grad"),
        ("from tensorflow.math import reduce_meen", "Did you mean 'tf.math.reduce_mean'?"),
    ],
)
def test_a_missing_name_is_an_import_error_that_tells_the_nearest(stands, code, message):
    with pytest.raises(ImportError) as caught:
        run_code(code)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "name", ["data", "GradientTape", "raw_ops", "math.foo", "distribute.TPUStrategy", "py_function"]
)
def test_what_tf_has_not_is_named(stands, name):
    with pytest.raises(AttributeError, match=rf"tf\.{name} is not available on jkeras"):
        run_code(f"import tensorflow as tf\ntf.{name}")


def test_star_imports_take_classes_and_functions(stands):
    scope = run_code("from keras.layers import *\nfrom keras.models import *\nfrom keras import *")
    assert {"Dense", "Input", "add", "Sequential", "layers", "backend"} <= scope.keys()
    assert "annotations" not in scope and "Any" not in scope


def test_nothing_stays_in_sys_modules_and_stand_ins_pickle(stands):
    before = {name for name in sys.modules if name.partition(".")[0] == "tensorflow"}
    keras = run_code("import keras.layers.recurrent, tensorflow.math")["keras"]
    assert {name for name in sys.modules if name.partition(".")[0] == "tensorflow"} == before
    assert "keras.layers.recurrent" not in sys.modules
    assert pickle.loads(pickle.dumps(keras.layers.recurrent)) is keras.layers.recurrent


def test_installed_packages_and_the_standard_library_see_no_stand_in(stands, tmp_path):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    text = "try:\n    import tensorflow\n    found = tensorflow.__name__\nexcept ImportError:\n    found = None\n"
    (folder / "probing_library.py").write_text(text)
    (tmp_path / "probing_module.py").write_text(text)
    sys.path[:0] = [str(folder), str(tmp_path)]
    try:
        scope = run_code("import probing_library, probing_module, keras, importlib, importlib.util")
    finally:
        del sys.path[:2]
        sys.modules.pop("probing_library", None), sys.modules.pop("probing_module", None)
    assert (scope["probing_library"].found, scope["probing_module"].found) == (None, "tensorflow")
    assert scope["importlib"].util.find_spec("numpy") is not None


def test_real_packages_can_be_wanted():
    oracle = pytest.importorskip("keras")
    compat.install(keras=False)
    try:
        assert run_code("import keras")["keras"] is oracle
    finally:
        compat.uninstall()


def test_notebooks_load_the_extension(tmp_path):
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "jkeras")
    try:
        shell.run_cell(
            "from keras.layers.core import Dense; import tensorflow as tf; t = tf.keras.__name__"
        ).raise_error()
        assert shell.user_ns["Dense"].__module__ == "jkeras.layers.dense"
        assert shell.user_ns["t"] == "tensorflow.keras"
    finally:
        shell.run_line_magic("unload_ext", "jkeras")


def test_a_script_is_run_as_python_runs_it(tmp_path):
    code = """
        import sys, keras, helper
        assert __name__ == "__main__" and sys.modules["__main__"].__file__ == __file__
        assert sys.path[0] == __import__("os").path.dirname(__import__("os").path.realpath(__file__))
        print(sys.argv[1:], helper.where)
        sys.exit(7)
    """
    (tmp_path / "helper.py").write_text("import tensorflow.keras.layers as L\nwhere = L.__name__\n")
    done = python("-x", "--help", code=code, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (7, "['-x', '--help'] tensorflow.keras.layers\n"), done.stderr


def test_a_traceback_shows_the_users_lines_only(tmp_path):
    code = """
        from keras.models import Sequential
        def broken():
            Sequential().fit_on_texts()
        broken()
    """
    done = python(code=code, cwd=tmp_path)
    assert done.returncode == 1
    files = [line for line in done.stderr.splitlines() if line.strip().startswith("File ")]
    assert len(files) == 2 and all("script.py" in line for line in files), done.stderr


def test_module_code_and_standard_input(tmp_path):
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "__init__.py").write_text("")
    (tmp_path / "tool" / "__main__.py").write_text("import sys, keras\nprint(keras.layers.__name__, sys.argv[1:])\n")
    assert python("run", "-m", "tool", "a", cwd=tmp_path).stdout == "keras.layers ['a']\n"
    assert python("-c", "import tensorflow as tf; print(tf.__version__[0])", cwd=tmp_path).stdout == "2\n"
    assert python("-", "b", stdin="import keras, sys; print(sys.argv)", cwd=tmp_path).stdout == "['-', 'b']\n"


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["--help"], 0, "usage: python -m jkeras"),
        ([], 2, "there is nothing to run"),
        (["absent.py"], 2, "'absent.py'"),
        (["-m", "absent_module"], 1, "'absent_module'"),
        (["--era", "x.py"], 2, "unknown option '--era'"),
        (["-c", "x ="], 1, "SyntaxError"),
    ],
)
def test_what_cannot_run_is_told(arguments, code, said, tmp_path):
    done = python(*arguments, cwd=tmp_path)
    assert done.returncode == code and said in done.stdout + done.stderr
    assert "runpy" not in done.stderr


TENSORS = """
import tensorflow as tf, numpy as np, keras
a = np.arange(12, dtype="float32").reshape(3, 4)
same = np.testing.assert_allclose
same(tf.reduce_mean(a, axis=[0, 1]).numpy(), a.mean())
same(tf.reduce_sum(a, 1, keep_dims=True), a.sum(1, keepdims=True))
same(tf.concat([a, a], 0), np.concatenate([a, a])); same(tf.stack([a, a], axis=1), np.stack([a, a], 1))
same(tf.split(a, [1, -1], axis=1)[1], a[:, 1:]); same(tf.gather(a, [2, 0]), a[[2, 0]])
same(tf.gather_nd(a, [[0, 1], [2, 3]]), [1, 11]); same(tf.one_hot([1, 0], 3), [[0, 1, 0], [1, 0, 0]])
same(tf.where(a > 5, a, tf.zeros_like(a)), np.where(a > 5, a, 0)); same(tf.matmul(a, a, transpose_b=True), a @ a.T)
same(tf.cumsum([1, 2, 3], exclusive=True), [0, 1, 3]); same(tf.cumsum([1, 2, 3], reverse=True), [6, 5, 3])
same(tf.nn.moments(a, axes=[0])[1], a.var(0)); same(tf.linalg.norm(a), np.linalg.norm(a), rtol=1e-6)
same(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1], logits=[[0., 0.]]), [np.log(2)], rtol=1e-6)
same(tf.nn.sigmoid_cross_entropy_with_logits(labels=[1.], logits=[0.]), [np.log(2)], rtol=1e-6)
same(tf.image.flip_left_right(a.reshape(1, 3, 4, 1))[0, :, :, 0], a[:, ::-1]); same(tf.range(1, 7, 2), [1, 3, 5])
b = np.arange(16, dtype="float32").reshape(4, 4, 1); same(tf.image.central_crop(b, 0.5), b[1:3, 1:3])
same(tf.image.crop_to_bounding_box(b, 1, 0, 2, 3), b[1:3, :3])
same(tf.pad(a, [[1, 0], [0, 1]]), np.pad(a, [(1, 0), (0, 1)])); same(tf.tile([[1, 2]], [2, 1]), [[1, 2], [1, 2]])
same(tf.linalg.band_part(np.ones((3, 3)), -1, 0), np.tril(np.ones((3, 3)))); same(tf.einsum("ij,kj->ik", a, a), a @ a.T)
same(tf.clip_by_norm([3., 4.], 1.), [.6, .8], rtol=1e-6); same(tf.math.l2_normalize([3., 4.]), [.6, .8], rtol=1e-6)
same(tf.nn.conv2d(np.ones((1, 4, 4, 1)), np.ones((2, 2, 1, 3)), strides=[1, 2, 2, 1], padding="SAME")[0, 0, 0], [4] * 3)
same(tf.nn.max_pool2d(a.reshape(1, 3, 4, 1), 2, 1, "VALID")[0, :, :, 0], [[5, 6, 7], [9, 10, 11]])
same(tf.sequence_mask([1, 3], 3), [[1, 0, 0], [1, 1, 1]]); same(tf.reverse(a, [1]), a[:, ::-1])
same(tf.boolean_mask(a, a[:, 0] > 3), a[1:]); same(tf.unique([3, 1, 3])[1], [0, 1, 0])
same(tf.math.top_k([1, 5, 3], 2)[0], [5, 3])
assert tf.cast(a, tf.int32).dtype == tf.int32 and tf.cast(a, tf.int64).dtype == tf.int32 and tf.shape(a)[1] == 4
assert tf.constant([[1, 2]]).get_shape().as_list() == [1, 2] and tf.rank(a) == 2 and tf.is_tensor(tf.zeros([2]))
v = tf.Variable([1., 2.]); v.assign_add([1., 1.]); same(v.numpy(), [2, 3]); assert isinstance(v, tf.Variable)
tf.random.set_seed(3); first = tf.random.normal([4]); tf.random.set_seed(3); same(first, tf.random.normal([4]))
assert tf.random.uniform([50], 0, 5, dtype=tf.int32).numpy().max() < 5 and isinstance(first, tf.Tensor)
with tf.Session() as session:
    session.run(tf.global_variables_initializer()); same(session.run(v), [2, 3])
@tf.function
def double(x): return 2 * x
assert double(2) == 4 and tf.function(double)(2) == 4
# The same functions on symbolic tensors, in functional models and Lambda, and on weights.
x = keras.Input((4,))
y = [tf.nn.softmax(x), tf.expand_dims(tf.reduce_max(x, axis=1), -1), tf.reshape(tf.square(x), [-1, 4])]
y = tf.concat(y, axis=-1)
noise = lambda t: tf.random.normal((tf.shape(t)[0], 9)) * tf.cast(tf.shape(t)[1], tf.float32)
y = keras.layers.Lambda(lambda t: t + noise(t) * 0)(y)
y = tf.clip_by_value(tf.cast(y, tf.float32) * v[0], 0., 50.)
assert keras.Model(x, y).predict(a, verbose=0).shape == (3, 9) and y.get_shape().as_list() == [None, 9]
loss = keras.losses.mse(x, tf.zeros_like(x)) + keras.losses.MeanSquaredError()(x, x)
same(keras.Model(x, loss).predict(a, verbose=0), (a ** 2).mean(1))
"""


def test_functions_of_tf_compute_what_tensorflow_documents(stands):
    run_code(TENSORS)


def test_what_has_no_effect_says_so_once(stands, recwarn):
    run_code(
        """
        import tensorflow as tf
        for _ in range(2):
            with tf.device('/gpu:0'):
                pass
            tf.compat.v1.disable_eager_execution()
            for gpu in tf.config.list_physical_devices('CPU'):
                tf.config.experimental.set_memory_growth(gpu, True)
        """
    )
    said = [str(w.message).partition(":")[0] for w in recwarn]
    assert len(said) == len(set(said))


def test_former_metric_names_answer_with_one_warning():
    from jkeras.core import former_names

    former_names._said.clear()
    logs = former_names.MetricLogs(loss=1.0, val_accuracy=0.5, learning_rate=0.1)
    with pytest.warns(UserWarning, match="'val_acc' is called 'val_accuracy'"):
        assert logs["val_acc"] == 0.5
    assert logs.get("val_acc") == 0.5 and "lr" in logs and "acc" not in logs  # without a further warning
    assert logs.get("acc") is None and list(logs) == ["loss", "val_accuracy", "learning_rate"]
    with pytest.raises(KeyError):
        logs["acc"]


def test_a_symbolic_loss_is_added_to_a_model():
    import jkeras

    x = jkeras.Input((3,))
    y = jkeras.layers.Dense(2, use_bias=False)(x)
    model = jkeras.Model(x, y)
    model.add_loss(jkeras.ops.sum(y**2, axis=-1))
    model.compile("sgd")
    data = np.ones((4, 3), "float32")
    expected = (model.predict(data, verbose=0) ** 2).sum(-1).mean()
    np.testing.assert_allclose(model.evaluate(data, verbose=0), expected, rtol=1e-5)
    assert [layer.name for layer in model.layers][:2] == ["input_layer", "dense"]
    assert model.fit(data, epochs=3, verbose=0).history["loss"][-1] < expected
