"""Small helpers around training: labels, data sets in Python, files, seeds."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from jkeras.utils.data import PyDataset as PyDataset
from jkeras.utils.data import Sequence as Sequence
from jkeras.utils.data import pack_x_y_sample_weight as pack_x_y_sample_weight
from jkeras.utils.data import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from jkeras.utils.numerical import normalize as normalize
from jkeras.utils.numerical import to_categorical as to_categorical

if TYPE_CHECKING:
    from jkeras.core.seeds import set_random_seed as set_random_seed
    from jkeras.utils import np_utils as np_utils
    from jkeras.utils.files import get_file as get_file

# Names whose module is imported when the name is first used: `import jkeras.utils` stays light.
_LAZY = {
    "get_file": ("jkeras.utils.files", "get_file"),
    "np_utils": ("jkeras.utils.np_utils", None),
    "set_random_seed": ("jkeras.core.seeds", "set_random_seed"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module_name, attribute = _LAZY[name]
    module = importlib.import_module(module_name)
    found = module if attribute is None else getattr(module, attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
