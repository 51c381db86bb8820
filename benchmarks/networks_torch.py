"""The networks in PyTorch, from its own layers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence


class _Last(nn.Module):
    """The output of a recurrent layer at the last step."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0][:, -1]


class _ChannelsFirst(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.movedim(-1, -3)


def _normed(inputs: int, filters: int, size: int, strides: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, filters, size, strides, padding=size // 2, bias=False)
    # Keras's numbers: PyTorch's momentum is what the new value weighs.
    return [convolution, nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)]


class _Residual(nn.Module):
    def __init__(self, inputs: int, filters: int, strides: int) -> None:
        super().__init__()
        self.straight = nn.Sequential(*([] if strides == 1 else _normed(inputs, filters, 1, strides)))
        self.residual = nn.Sequential(*_normed(inputs, filters, 3, strides), nn.ReLU(), *_normed(filters, filters, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.straight(x) + self.residual(x))


class _Words(nn.Module):
    """An embedding, with learned positions if there are `steps`. Begins as Keras's do."""

    def __init__(self, vocabulary: int, width: int, steps: int | None = None) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        nn.init.uniform_(self.words.weight, -0.05, 0.05)
        drawn = None if steps is None else nn.Parameter(nn.init.uniform_(torch.empty(steps, width), -0.05, 0.05))
        self.positions = drawn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        words = self.words(x)
        return words if self.positions is None else words + self.positions


class _ConvMax(nn.Module):
    """A convolution over the words and its largest value."""

    def __init__(self, width: int, filters: int, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, filters, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.conv(x.transpose(1, 2))).amax(-1)


class _Mean(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1)


def _block(width: int, heads: int) -> nn.Module:
    return nn.TransformerEncoderLayer(
        width, heads, 4 * width, 0.0, "gelu", layer_norm_eps=1e-3, batch_first=True, norm_first=True
    )


class _Seq2Seq(nn.Module):
    def __init__(self, vocabulary: int, units: int) -> None:
        super().__init__()
        self.source = nn.Embedding(vocabulary, units)
        self.teacher = nn.Embedding(vocabulary, units)
        for embedding in (self.source, self.teacher):
            # Keras's beginning. PyTorch's is 35 times larger, and learns this task at another pace.
            nn.init.uniform_(embedding.weight, -0.05, 0.05)
        self.encoder = nn.LSTM(units, units, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(units, 2 * units, batch_first=True)
        self.out = nn.Linear(2 * units, vocabulary)

    def forward(self, source: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        lengths = (source != 0).sum(1).cpu()
        packed = pack_padded_sequence(self.source(source), lengths, batch_first=True, enforce_sorted=False)
        _, states = self.encoder(packed)
        # (direction, rows, units) to (1, rows, directions * units)
        hidden, cell = (torch.cat(state.unbind(), -1)[None] for state in states)
        return self.out(self.decoder(self.teacher(teacher), (hidden, cell))[0])


class _ConvLSTM(nn.Module):
    """The usual cell: one convolution of the frame and the state side by side. Returns the last state."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.filters = filters
        self.gates = nn.Conv2d(channels + filters, 4 * filters, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = cell = x.new_zeros(len(x), self.filters, *x.shape[-2:])
        for frame in x.unbind(1):
            i, f, g, o = self.gates(torch.cat([frame, hidden], 1)).chunk(4, 1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            hidden = torch.sigmoid(o) * torch.tanh(cell)
        return hidden


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "regression": lambda: nn.Sequential(nn.Linear(8, 30), nn.ReLU(), nn.Linear(30, 1)),
    "mlp": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
    ),
    "cnn": lambda: nn.Sequential(
        _ChannelsFirst(),
        nn.Conv2d(1, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(7 * 7 * 64, 1024),
        nn.ReLU(),
        nn.Linear(1024, 10),
    ),
    "resnet": lambda: nn.Sequential(
        _ChannelsFirst(),
        *_normed(3, 16, 3),
        nn.ReLU(),
        _Residual(16, 16, 1),
        _Residual(16, 32, 2),
        _Residual(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    ),
    "textcnn": lambda: nn.Sequential(
        _Words(10_000, 64), _ConvMax(64, 128, 5), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1)
    ),
    "transformer": lambda: nn.Sequential(
        _Words(1_000, 64, steps=64),
        _block(64, 4),
        _block(64, 4),
        nn.LayerNorm(64, eps=1e-3),
        _Mean(),
        nn.Linear(64, 10),
    ),
    "lstm": lambda: nn.Sequential(_Last(nn.LSTM(1, 100, batch_first=True)), nn.Dropout(0.25), nn.Linear(100, 1)),
    "gru": lambda: nn.Sequential(_Last(nn.GRU(32, 128, batch_first=True)), nn.Linear(128, 10)),
    "seq2seq": lambda: _Seq2Seq(64, 64),
    "convlstm": lambda: nn.Sequential(
        _ChannelsFirst(), _ConvLSTM(1, 16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 8)
    ),
}
