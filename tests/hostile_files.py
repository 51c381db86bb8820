"""Files that must be refused: made with h5py, zipfile and json alone, with harmless markers as payload.

Run as a program, it makes them in a folder and hands each to its reader, under a limit of memory:
`python hostile_files.py folder` prints one line of JSON for each.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import marshal
import os
import pickle
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

MEMORY = 1 << 30
# What would appear if anything in a file were imported, unpickled or run.
MARKER = "marker"


class Row(NamedTuple):
    """A hostile file, what reads it, and a part of the error."""

    name: str
    reader: str
    make: Callable[[Path], Any]
    message: str


ROWS: list[Row] = []


def row(name: str, reader: str, message: str) -> Callable[[Callable[[Path], Any]], Any]:
    def add(make: Callable[[Path], Any]) -> Any:
        ROWS.append(Row(name, reader, make, message))
        return make

    return add


# HDF5, for a model of Dense(3) on 4 features and Dense(2): one valid file, and what is done to it.

KERNEL = "layers/dense/vars/0"
SHAPES = {"layers/dense/vars": [(4, 3), (3,)], "layers/dense_1/vars": [(3, 2), (2,)]}


def write_modern(path: Any) -> None:
    with h5py.File(path, "w") as file:
        for group, shapes in SHAPES.items():
            for index, shape in enumerate(shapes):
                file[f"{group}/{index}"] = np.full(shape, 0.5, "f4")


def write_legacy(path: Any) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"first", b"second"]
        for name, shapes in zip(("first", "second"), SHAPES.values(), strict=True):
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{w}:0".encode() for w in ("kernel", "bias")]
            for weight, shape in zip(("kernel", "bias"), shapes, strict=True):
                group[f"{name}/{weight}:0"] = np.full(shape, 0.5, "f4")


def changed(name: str, message: str, legacy: bool = False) -> Callable[[Callable[[Any], None]], Any]:
    """Add a row that opens a valid file and changes it."""

    def add(change: Callable[[Any], None]) -> Any:
        def make(path: Path) -> None:
            (write_legacy if legacy else write_modern)(path)
            with h5py.File(path, "r+") as file:
                change(file)

        row(name, "load_weights", message)(make)
        return change

    return add


def replaced(file: Any, **kwargs: Any) -> Any:
    del file[KERNEL]
    return file.create_dataset(KERNEL, **kwargs)


@changed("a soft link", "not followed")
def _(file: Any) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.SoftLink("/layers/dense_1/vars/0")


@changed("a link to another file", "not followed")
def _(file: Any) -> None:
    with h5py.File(f"{file.filename}.secret", "w") as secret:
        secret["kernel"] = np.ones((4, 3), "f4")
    del file[KERNEL]
    file[KERNEL] = h5py.ExternalLink(f"{file.filename}.secret", "kernel")


@changed("a group that is a link to another file", "not followed")
def _(file: Any) -> None:
    write_modern(f"{file.filename}.secret")
    del file["layers"]
    file["layers"] = h5py.ExternalLink(f"{file.filename}.secret", "layers")


@changed("a link among what the model does not take", "not followed")
def _(file: Any) -> None:
    file["layers/more"] = h5py.ExternalLink("/etc/passwd", "/")


@changed("data kept in another file", "outside of the file")
def _(file: Any) -> None:
    Path(f"{file.filename}.secret").write_bytes(b"x" * 48)
    replaced(file, shape=(4, 3), dtype="f4", external=[(f"{file.filename}.secret", 0, 48)])


@changed("a virtual dataset", "outside of the file")
def _(file: Any) -> None:
    del file[KERNEL]
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "data", (4, 3))
    file.create_virtual_dataset(KERNEL, layout)


@changed("text for numbers", "found text")
def _(file: Any) -> None:
    replaced(file, data=np.full((4, 3), b"0.5"))


@changed("strings of variable length for numbers", "found text")
def _(file: Any) -> None:
    replaced(file, shape=(4, 3), dtype=h5py.string_dtype())


@changed("pickled objects as bytes", "bytes without a meaning")
def _(file: Any) -> None:
    replaced(file, data=np.full((4, 3), np.void(pickle.dumps(_Marks()))))


@changed("references to objects", "references")
def _(file: Any) -> None:
    replaced(file, shape=(4, 3), dtype=h5py.ref_dtype)[...] = file["layers"].ref


@changed("references to regions", "references")
def _(file: Any) -> None:
    replaced(file, shape=(4, 3), dtype=h5py.regionref_dtype)


@changed("records", "records")
def _(file: Any) -> None:
    replaced(file, data=np.zeros((4, 3), [("a", "f4"), ("b", "f4")]))


@changed("lists as elements", "lists of variable length")
def _(file: Any) -> None:
    replaced(file, shape=(4, 3), dtype=h5py.vlen_dtype(np.float32))


@changed("arrays as elements", "arrays as elements")
def _(file: Any) -> None:
    replaced(file, shape=(4, 3), dtype=np.dtype(("f4", (1 << 20,))), chunks=(1, 1))


@changed("a type defined in the file", "defined in the file")
def _(file: Any) -> None:
    file["kind"] = np.dtype("f4")
    replaced(file, shape=(4, 3), dtype=file["kind"])[...] = 1.0


@changed("data that were never written", "never written")
def _(file: Any) -> None:
    replaced(file, shape=(4, 3), dtype="f4", chunks=(1, 1), fillvalue=7.0)


@changed("a shape of terabytes", "expected shape")
def _(file: Any) -> None:
    replaced(file, shape=(1 << 40,), dtype="f8", chunks=(1 << 20,), compression="gzip")


@changed("a chunk much larger than the data", "chunks")
def _(file: Any) -> None:
    replaced(file, shape=(4, 3), dtype="f4", maxshape=(None, None), chunks=(1 << 15, 1 << 12))


@changed("a filter that would be a plugin", "filter 31999")
def _(file: Any) -> None:
    del file[KERNEL]
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((4, 3))
    made.set_filter(31999, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((4, 3))
    h5py.h5d.create(file.id, KERNEL.encode(), h5py.h5t.IEEE_F32LE, space, made)


@changed("an empty dataset", "expected shape")
def _(file: Any) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.Empty("f4")


@changed("a group for a dataset", "expected shape")
def _(file: Any) -> None:
    del file[KERNEL]
    file.create_group(KERNEL)


@changed("groups in groups in groups", "nested")
def _(file: Any) -> None:
    group = file
    for _ in range(2000):
        group = group.create_group("g")


@changed("NaN", "NaN")
def _(file: Any) -> None:
    file[KERNEL][0, 0] = np.nan


@changed("layers named by numbers", "list of names", legacy=True)
def _(file: Any) -> None:
    file.attrs["layer_names"] = np.arange(2)


@changed("a layer's name that leads upwards", "no name of a group", legacy=True)
def _(file: Any) -> None:
    file.attrs["layer_names"] = [b"../first", b"second"]


@changed("a weight's name that leads upwards", "no name of a group", legacy=True)
def _(file: Any) -> None:
    file["first"].attrs["weight_names"] = [b"../second/second/kernel:0", b"first/bias:0"]


@changed("names that are records", "found records", legacy=True)
def _(file: Any) -> None:
    file.attrs["layer_names"] = np.zeros(2, [("a", "S5")])


@changed("names that are references", "found references", legacy=True)
def _(file: Any) -> None:
    file.attrs.create("layer_names", file["first"].ref, dtype=h5py.ref_dtype)


@changed("long names that may all be one", "unfold without bound", legacy=True)
def _(file: Any) -> None:
    file.attrs.create("layer_names", ["first" * (1 << 18), *["first"] * 2000], dtype=h5py.string_dtype())


@changed("a layer that is a link", "not followed", legacy=True)
def _(file: Any) -> None:
    del file["first"]
    file["first"] = h5py.ExternalLink("/etc/passwd", "/")


@changed("a listed weight that is not there", "does not contain", legacy=True)
def _(file: Any) -> None:
    del file["first/first/bias:0"]


@row("a shape of negative sizes", "load_weights", "")
def _(path: Path) -> None:
    write_modern(path)
    content, dimensions = path.read_bytes(), struct.pack("<QQ", 4, 3)
    assert dimensions in content
    path.write_bytes(content.replace(dimensions, struct.pack("<qq", -4, -3)))


@row("a file cut in half", "load_weights", "damaged")
def _(path: Path) -> None:
    write_modern(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


class _Marks:
    """Unpickled, it would create the marker."""

    def __reduce__(self) -> Any:
        return os.mkdir, (MARKER,)


@row("a pickle under the name of a weight file", "load_weights", "not an HDF5 file")
def _(path: Path) -> None:
    path.write_bytes(pickle.dumps(_Marks()))


@row("a pickled array under the name of a weight file", "load_weights", "not an HDF5 file")
def _(path: Path) -> None:
    content = io.BytesIO()
    np.save(content, np.array([_Marks()], object), allow_pickle=True)
    path.write_bytes(content.getvalue())


# Configurations


def chain(*layers: Any) -> dict[str, Any]:
    first = {"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "input"}}
    return {"class_name": "Sequential", "config": {"name": "model", "layers": [first, *layers]}}


def dense(units: Any, **config: Any) -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": "first", "units": units, **config}}


def code_that_marks() -> bytes:
    """Return what Keras writes for a lambda: code, which would create the marker."""
    return marshal.dumps((lambda x: __import__("os").mkdir("marker") or x).__code__)


CODE = base64.b64encode(code_that_marks()).decode()
MODERN_LAMBDA = {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}
GRAPH = {
    "class_name": "Functional",
    "config": {
        "name": "model",
        "layers": [
            {"class_name": "InputLayer", "name": "a", "config": {"batch_shape": [None, 4], "name": "a"}},
            {"class_name": "Dense", "name": "b", "config": {"units": 3, "name": "b"}, "inbound_nodes": [[["c", 0, 0]]]},
            {"class_name": "Dense", "name": "c", "config": {"units": 3, "name": "c"}, "inbound_nodes": [[["b", 0, 0]]]},
        ],
        "input_layers": [["a", 0, 0]],
        "output_layers": [["c", 0, 0]],
    },
}


def big_operation() -> dict[str, Any]:
    row = {"module": "keras.src.ops.numpy", "class_name": "Zeros", "name": "z"}
    row |= {"config": {"name": "z", "shape": [1 << 20, 1 << 20]}, "inbound_nodes": [{"args": [], "kwargs": {}}]}
    config = GRAPH["config"]
    return {**GRAPH, "config": {**config, "layers": [config["layers"][0], row], "output_layers": [["z", 0, 0]]}}


def array_of(dtype: str) -> dict[str, Any]:
    return {"class_name": "__numpy__", "config": {"value": ["a"], "dtype": dtype}}


CONFIGURATIONS: dict[str, tuple[Any, str]] = {
    "the code of a lambda": (
        chain({"class_name": "Lambda", "config": {"name": "l", "function": MODERN_LAMBDA}}), "Lambda"
    ),
    "the code of a lambda, as Keras 2 wrote it": (
        chain({"class_name": "Lambda", "config": {"name": "l", "function": [CODE, None, None],
               "function_type": "lambda", "module": "marker_module"}}), "Lambda"
    ),
    "a module that would be imported": (
        chain({"module": "marker_module", "class_name": "Mine", "config": {}, "registered_name": None}), "Unknown class"
    ),
    "a function of a module": (
        chain(dense(3, activation={"module": "os", "class_name": "function", "config": "mkdir",
                                   "registered_name": "mkdir"})), "mkdir"
    ),
    "a builtin function": (
        chain({"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "function"}), ""
    ),
    "__import__ for a class": (chain({"class_name": "__import__", "config": {"name": "marker_module"}}), "Unknown"),
    "a dotted name for a class": (chain({"class_name": "os.system", "config": {"command": "true"}}), "Unknown"),
    "a class that is no layer": (chain({"class_name": "Adam", "config": {}}), "Adam"),
    "an initializer that is code": (chain(dense(3, kernel_initializer=MODERN_LAMBDA)), ""),
    "a path for a vocabulary": (
        chain({"class_name": "StringLookup", "config": {"name": "s", "vocabulary": "/etc/hostname"}}), "other files"
    ),
    "a path for the vocabulary of a text layer": (
        chain({"class_name": "TextVectorization", "config": {"name": "s", "vocabulary": "/etc/hostname"}}),
        "other files",
    ),
    "an array of objects": (array_of("object"), "dtype"),
    "an array of long strings": (array_of("S2000000000"), "dtype"),
    "a layer of a trillion units": (chain(dense(10**12)), "at most"),
    "layers of a trillion weights": (chain(dense(10**7), {**dense(10**7), "config": {"units": 10**7}}), "at most"),
    "a filter bank of gigabytes": (
        chain({"class_name": "MelSpectrogram", "config": {"fft_length": 10**9}}), "fft_length=1000000000"
    ),
    "a loop without end": (
        chain({"class_name": "SpectralNormalization", "config": {"layer": dense(3), "power_iterations": 10**9}}),
        "power_iterations",
    ),
    "a number beyond 64 bits": (chain(dense(3, seed=10**30)), "64 bits"),
    "a negative number of units": (chain(dense(-3)), ""),
    "a string for units": (chain(dense("three")), ""),
    "a dictionary for units": (chain(dense({"a": 1})), ""),
    "more layers than a model has": (chain(*[{"class_name": "ReLU", "config": {}}] * 30_000), "layers"),
    "models in models in models": (functools.reduce(lambda a, _: chain(a), range(90), dense(3)), "nested"),
    "layers that wait for one another": (GRAPH, "refer to one another"),
    "an operation that takes nothing and makes terabytes": (big_operation(), "no output of another"),
    "a list": ([1, 2], "class_name"),
    "a number": (3, "class_name"),
    "no class": ({"config": {}}, "class_name"),
    "a dictionary for a class": ({"class_name": {"a": 1}, "config": {}}, ""),
}  # fmt: skip
TEXTS: dict[str, tuple[str, str, str]] = {
    "brackets without end": ("model_from_json", "[" * 100_000, "nested"),
    "a text that breaks off": ("model_from_json", '{"class_name": "Seq', "not valid JSON"),
    "a name given twice": ("model_from_json", '{"class_name": "Sequential", "class_name": "Model"}', "twice"),
    "a number of many digits": ("model_from_json", "9" * 100_000, "not valid JSON"),
    "a long string": ("model_from_json", '["' + "a" * (2 << 20) + '"]', "characters"),
    "millions of values": ("model_from_json", "[" + "[]," * 3_000_000 + "1]", "values"),
    "a Python object": ("model_from_yaml", f"!!python/object/apply:os.mkdir [{MARKER}]", "nothing that it names"),
    "a new Python object": ("model_from_yaml", "a: !!python/object/new:marker_module.Mine {}", "nothing that it names"),
    "a Python name": ("model_from_yaml", "class_name: !!python/name:os.mkdir ''", "nothing that it names"),
    "a Python module": ("model_from_yaml", "class_name: !!python/module:marker_module ''", "nothing that it names"),
    "an unknown tag": ("model_from_yaml", "class_name: !mine 3", "not valid YAML"),
    "repetitions of repetitions": (
        "model_from_yaml",
        "\n".join(["a0: &a0 [1]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40))]),
        "written out",
    ),
    "merged repetitions": (
        "model_from_yaml",
        "\n".join(
            ["a0: &a0 {a: 1}", *(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 40))]
        ),
        "written out",
    ),
    "a list that holds itself": ("model_from_yaml", "a: &a [*a]", "not complete"),
    "YAML nested without end": ("model_from_yaml", "[" * 100_000, "nested"),
    "a date": ("model_from_yaml", "class_name: 2001-01-01", "plain data"),
    "two documents": ("model_from_yaml", "a: 1\n---\nb: 2\n", "not valid YAML"),
}
for _name, (_data, _message) in CONFIGURATIONS.items():
    row(_name, "model_from_json", _message)(lambda path, data=_data: path.write_text(json.dumps(data)))
for _name, (_reader, _text, _message) in TEXTS.items():
    row(_name, _reader, _message)(lambda path, text=_text: path.write_text(text))


def run(folder: Path) -> None:
    """Make every file, read it, and print what came of it."""
    import resource

    sys.path.insert(0, str(folder))
    os.chdir(folder)
    (folder / "marker_module.py").write_text(f"import os\nos.mkdir({MARKER!r})\n")
    from hostile_archives import ARCHIVES

    from jkeras import layers
    from jkeras.models import Sequential, load_model, model_from_json, model_from_yaml

    def build() -> Any:
        return Sequential([layers.Dense(3, input_shape=(4,), name="first"), layers.Dense(2, name="second")])

    model = build()
    model.compile("adam", "mse")
    before = model.get_weights()
    readers: dict[str, tuple[str, Callable[[Path], Any]]] = {
        "load_weights": (".weights.h5", lambda path: model.load_weights(path)),
        "load_model": (".keras", lambda path: load_model(path)),
        "load_model_h5": (".h5", lambda path: load_model(path)),
        "load_safetensors": (".safetensors", lambda path: model.load_weights(path)),
        "load_checkpoint": (".h5", lambda path: model.load_checkpoint(path)),
        "model_from_json": (".json", lambda path: model_from_json(path.read_text())),
        "model_from_yaml": (".yaml", lambda path: model_from_yaml(path.read_text())),
    }
    build().load_weights(_valid(folder / "valid.weights.h5", write_modern))
    build().load_weights(_valid(folder / "valid.h5", write_legacy))
    for index, (name, reader, make, _) in enumerate([*ROWS, *ARCHIVES]):
        suffix, read = readers[reader]
        path = folder / f"{index:03d}{suffix}"
        make(path)
        used = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) << 10
        resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, resource.RLIM_INFINITY))
        start = time.process_time()
        try:
            read(path)
            outcome, message = "read", ""
        except Exception as error:
            outcome = "ValueError" if isinstance(error, ValueError) else type(error).__name__
            message = str(error)
        seconds = time.process_time() - start
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        untouched = all(map(np.array_equal, before, model.get_weights()))
        print(json.dumps([name, outcome, message, seconds, untouched, (folder / MARKER).exists()]), flush=True)
        path.unlink()


def _valid(path: Path, write: Callable[[Path], None]) -> Path:
    write(path)
    return path


if __name__ == "__main__":
    run(Path(sys.argv[1]))
