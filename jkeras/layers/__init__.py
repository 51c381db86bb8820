"""The layers: configuration, declaration of weights, and one call into `jkeras.functional` each."""

from __future__ import annotations

from jkeras.core.input import Input, InputLayer
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from jkeras.layers.bidirectional import Bidirectional
from jkeras.layers.convolution import Conv1D, Conv2D, Conv3D
from jkeras.layers.dense import Dense
from jkeras.layers.dropout import Dropout, SpatialDropout1D
from jkeras.layers.embedding import Embedding
from jkeras.layers.gru import GRU
from jkeras.layers.lambda_layer import Lambda
from jkeras.layers.legacy import Convolution1D, Convolution2D, Convolution3D, install_module_paths, merge
from jkeras.layers.lstm import LSTM
from jkeras.layers.masking import ActivityRegularization, Masking
from jkeras.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from jkeras.layers.normalization import BatchNormalization, LayerNormalization
from jkeras.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from jkeras.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from jkeras.layers.simple_rnn import SimpleRNN
from jkeras.layers.table import deserialize, layers, serialize
from jkeras.layers.wrapper import TimeDistributed, Wrapper

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "Activation",
    "ActivityRegularization",
    "Add",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Convolution1D",
    "Convolution2D",
    "Convolution3D",
    "Dense",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Merge",
    "Minimum",
    "Multiply",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Reshape",
    "SimpleRNN",
    "Softmax",
    "SpatialDropout1D",
    "Subtract",
    "TimeDistributed",
    "Wrapper",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "merge",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

for _name in __all__:
    _class = globals()[_name]
    # An alias is another name of a class, whose configurations carry its own name.
    if isinstance(_class, type) and issubclass(_class, Layer):
        layers.register(_name, _class)

install_module_paths(__name__)
