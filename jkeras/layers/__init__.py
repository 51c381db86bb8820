"""The layers: configuration, declaration of weights, and one call into `jkeras.functional` each.

A layer is added by writing its class and naming it in `__all__` of its file; a file, by one line here.
"""

from __future__ import annotations

from typing import Any

from jkeras.core.errors import missing_name as _missing_name
from jkeras.core.input import Input as Input
from jkeras.core.input import InputLayer as InputLayer
from jkeras.core.layer import Layer as Layer
from jkeras.core.spec import InputSpec as InputSpec
from jkeras.layers.activation import *
from jkeras.layers.adaptive_pooling import *
from jkeras.layers.attention import *
from jkeras.layers.audio import *
from jkeras.layers.batch_normalization import *
from jkeras.layers.bidirectional import *
from jkeras.layers.borders import *
from jkeras.layers.conv_lstm import *
from jkeras.layers.convolution import *
from jkeras.layers.convolution_transpose import *
from jkeras.layers.cudnn import *
from jkeras.layers.dense import *
from jkeras.layers.dense_features import *
from jkeras.layers.depthwise import *
from jkeras.layers.dropout import *
from jkeras.layers.einsum_dense import *
from jkeras.layers.embedding import *
from jkeras.layers.first_era import *
from jkeras.layers.flax_layer import *
from jkeras.layers.gaussian_noise import *
from jkeras.layers.gru import *
from jkeras.layers.identity import *
from jkeras.layers.image import *
from jkeras.layers.jax_layer import *
from jkeras.layers.lambda_layer import *
from jkeras.layers.legacy import *
from jkeras.layers.legacy import install_module_paths as _install_module_paths
from jkeras.layers.locally_connected import *
from jkeras.layers.lstm import *
from jkeras.layers.masking import *
from jkeras.layers.merging import *
from jkeras.layers.multi_head_attention import *
from jkeras.layers.normalization import *
from jkeras.layers.pooling import *
from jkeras.layers.preprocessing import *
from jkeras.layers.reshaping import *
from jkeras.layers.rnn_layer import *
from jkeras.layers.separable import *
from jkeras.layers.simple_rnn import *
from jkeras.layers.spectral_normalization import *
from jkeras.layers.table import deserialize as deserialize
from jkeras.layers.table import layers as _layers
from jkeras.layers.table import serialize as serialize
from jkeras.layers.upsampling import *
from jkeras.layers.wrapper import *


def __getattr__(name: str) -> Any:
    raise _missing_name(__name__, name, _layers)


for _name, _class in list(globals().items()):
    # An alias is another name of a class, whose configurations carry its own name.
    if isinstance(_class, type) and issubclass(_class, Layer):
        _layers.register(_name, _class)

# What `from jkeras.layers import *` brings: no modules, as scripts have an `image` of their own. Type checkers do not
# see it, and take all that is imported above.
globals()["__all__"] = [
    name
    for name, value in globals().items()
    if not name.startswith("_") and callable(value) and value.__module__.startswith("jkeras.")
]

_install_module_paths(__name__)
