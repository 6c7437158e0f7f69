"""A multi-gate mixture of experts in PyTorch, as it is usually written and with what makes it fast on a CPU: all experts'
first layers in one product, their second layers and the towers in batched ones, fused Adam. One JSON line on stdout.

    python pytorch_mmoe.py --inputs 682 --tasks 6 --batch 1024 --steps 40 --threads 2 [--tables 42 --dim 16 --ids 60000] [--dropout 0.1]

With --tables the inputs are mostly embeddings gathered from one table (dense gradients, the same Adam), which is what a
ranker trains; without, the inputs are given and need gradients, as what lies below them would.
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional


class Layers(nn.Module):
    """`copies` linear layers side by side, each on its own input: [copies, rows, inputs] to [copies, rows, width]."""

    def __init__(self, copies, inputs, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(copies, inputs, width))
        self.bias = nn.Parameter(torch.zeros(copies, 1, width))
        nn.init.uniform_(self.weight, -((6 / inputs) ** 0.5), (6 / inputs) ** 0.5)

    def forward(self, x):
        return torch.baddbmm(self.bias, x, self.weight)


class Mixture(nn.Module):
    def __init__(self, inputs, tasks, dropout, experts=8, widths=(256, 128), tower=64):
        super().__init__()
        self.drop = nn.Dropout(dropout) if dropout > 0 else nn.Identity()
        self.experts, self.tasks, self.width = experts, tasks, widths[0]
        self.first = nn.Linear(inputs, experts * widths[0])
        self.second = Layers(experts, widths[0], widths[1])
        self.gates = nn.Linear(inputs, tasks * experts, bias=False)
        self.towers = Layers(tasks, widths[1], tower)
        self.heads = Layers(tasks, tower, 1)

    def forward(self, x):
        rows = x.shape[0]
        hidden = self.drop(functional.relu(self.first(x))).view(rows, self.experts, self.width).transpose(0, 1)
        expert = self.drop(functional.relu(self.second(hidden))).transpose(0, 1)  # [rows, experts, width]
        gates = functional.softmax(self.gates(x).view(rows, self.tasks, self.experts), dim=-1)
        mixed = torch.bmm(gates, expert).transpose(0, 1)  # [tasks, rows, width]
        return self.heads(self.drop(functional.relu(self.towers(mixed)))).squeeze(-1).t()


def run(arguments):
    torch.manual_seed(1)
    torch.set_num_threads(arguments.threads)
    network = Mixture(arguments.inputs, arguments.tasks, arguments.dropout)
    modules = [network]
    if arguments.tables > 0:
        table = nn.Embedding(arguments.ids, arguments.dim)
        modules.append(table)
    numbers = arguments.inputs - arguments.tables * arguments.dim
    optimizer = torch.optim.Adam([p for module in modules for p in module.parameters()], lr=1e-3, fused=True)
    regressions = 1 if arguments.tasks == 6 else 0

    def batch():
        labels = torch.randint(0, 2, (arguments.batch, arguments.tasks)).float()
        dense = torch.randn(arguments.batch, numbers)
        if arguments.tables == 0:
            return dense.requires_grad_(), None, labels
        return dense, torch.randint(0, arguments.ids, (arguments.batch, arguments.tables)), labels

    def step(dense, ids, labels):
        x = dense if ids is None else torch.cat([table(ids).flatten(1), dense], dim=1)
        logits = network(x)
        binary = logits.shape[1] - regressions
        loss = functional.binary_cross_entropy_with_logits(logits[:, :binary], labels[:, :binary]) * binary
        if regressions:
            loss = loss + functional.mse_loss(logits[:, binary:], labels[:, binary:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    batches = [batch() for _ in range(8)]
    for i in range(5):
        step(*batches[i])
    times = []
    for i in range(arguments.steps):
        start = time.perf_counter()
        step(*batches[i % len(batches)])
        times.append(time.perf_counter() - start)
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    products = []
    for _ in range(20):
        start = time.perf_counter()
        a @ b
        products.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "version": torch.__version__,
                "parameters": sum(p.numel() for p in network.parameters()),
                "examplesPerSecond": arguments.batch / statistics.median(times),
                "gemmGflops": 2 * 1024**3 / statistics.median(products) / 1e9,
            }
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name, default in {"inputs": 682, "tasks": 6, "batch": 1024, "steps": 40, "threads": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in {"tables": 0, "dim": 16, "ids": 60000}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dropout", type=float, default=0.0)
    run(parser.parse_args())
