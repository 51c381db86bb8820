"""The workloads in PyTorch, eager, data on the device and shuffled by index there."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from workloads import Workload


class _LastOfLSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 100, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lstm(x)[0][:, -1]


class _ChannelsFirst(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 3, 1, 2)


_NETWORKS: dict[str, Callable[[], list[nn.Module]]] = {
    "regression": lambda: [nn.Linear(8, 30), nn.ReLU(), nn.Linear(30, 1)],
    "mlp": lambda: [nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)],
    "cnn": lambda: [
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
    ],
    "lstm": lambda: [_LastOfLSTM(), nn.Dropout(0.25), nn.Linear(100, 1)],
}


def prepare(workload: Workload) -> Callable[[int], float]:
    """Return the function that trains."""
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = nn.Sequential(*_NETWORKS[workload.name]()).to(device)
    make = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[workload.optimizer]
    optimizer = make(model.parameters(), lr=workload.learning_rate)
    x, y = (torch.from_numpy(array).to(device) for array in workload.data(workload.rows))
    loss_of: nn.Module = nn.MSELoss()
    if workload.loss == "sparse_categorical_crossentropy":
        loss_of, y = nn.CrossEntropyLoss(), y.long()

    def train(epochs: int) -> float:
        model.train()
        total = torch.zeros((), device=device)
        for _ in range(epochs):
            total = torch.zeros((), device=device)
            for rows in torch.randperm(workload.rows, device=device).split(workload.batch_size):
                optimizer.zero_grad(set_to_none=True)
                loss = loss_of(model(x[rows]), y[rows])
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(rows)
        return float(total) / workload.rows

    return train
