"""The workloads in PyTorch, eager, data on the device and shuffled by index there."""

from __future__ import annotations

from collections.abc import Callable

import torch
from networks_torch import NETWORKS
from torch.nn import functional
from workloads import Workload


def prepare(workload: Workload) -> Callable[[int], float]:
    """Return the function that trains."""
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = NETWORKS[workload.name]().to(device)
    make = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[workload.optimizer]
    optimizer = make(model.parameters(), lr=workload.learning_rate)
    inputs, targets = workload.data(workload.rows)
    inputs = inputs if isinstance(inputs, list) else [inputs]
    *x, y = (torch.from_numpy(array).to(device) for array in [*inputs, targets])
    classes = workload.loss == "sparse_categorical_crossentropy"
    y = y.long() if classes else y
    # -100 is PyTorch's own choice: no class.
    ignored = -100 if workload.padding is None else workload.padding

    def loss_of(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if classes:
            return functional.cross_entropy(out.flatten(0, -2), y.flatten(), ignore_index=ignored)
        if workload.loss == "binary_crossentropy":
            return functional.binary_cross_entropy_with_logits(out, y)
        return functional.mse_loss(out, y)

    def train(epochs: int) -> float:
        model.train()
        total = torch.zeros((), device=device)
        for _ in range(epochs):
            total = torch.zeros((), device=device)
            for rows in torch.randperm(workload.rows, device=device).split(workload.batch_size):
                optimizer.zero_grad(set_to_none=True)
                loss = loss_of(model(*[array[rows] for array in x]), y[rows])
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(rows)
        return float(total) / workload.rows

    return train
