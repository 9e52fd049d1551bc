"""Processor time of the rules against TorchJD's, in one process: on a matrix of gradients, and from a network's tensors.

    pip install -e '.[torchjd]'
    python benchmarks/rules.py [--numbers 1000000 10000000] [--tasks 2 4 8] [--rounds 5] [--threads 1]

Both ways alternate, and the shortest of the rounds counts, so that other load on the machine has little influence.
*Matrix* calls the rule on a (T, P) matrix.
*Tensors* starts from one gradient per task and parameter, as a training step has them: ours builds no matrix, TorchJD's
way joins the tensors, calls the rule, and splits the update. *Error* is the largest difference of our update from that of
the same weights computed in float64, relative to the length of the longest gradient.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torchjd.aggregation as theirs
from torch import Tensor

from fundus_mtl.aggregation import MGDA, CAGrad, GradDrop, PCGrad
from fundus_mtl.autograd import as_matrix, as_tensors, combine
from fundus_mtl.gram_matrix import gram

PAIRS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "PCGrad": (PCGrad, theirs.PCGrad),
    "MGDA": (MGDA, theirs.MGDA),
    "CAGrad": (lambda: CAGrad(c=0.5), lambda: theirs.CAGrad(c=0.5)),
    "GradDrop": (GradDrop, theirs.GradDrop),
}
LAYERS = 60  # tensors of a network of the size of the U-Net


def gradients(tasks: int, numbers: int) -> Tensor:
    """Return rows whose cosines are about 0.2, and -0.2 between the first and the second task."""
    shared = torch.randn(numbers)
    rows = torch.randn(tasks, numbers) + 0.5 * shared
    rows[1] -= shared
    return rows * torch.logspace(0, -2, tasks).unsqueeze(1)


def as_rows(matrix: Tensor) -> list[list[Tensor]]:
    """Split rows into tensors whose sizes grow as in an encoder."""
    shares = torch.linspace(1, 8, LAYERS) ** 2
    sizes = (shares / shares.sum() * matrix.shape[1]).int().tolist()
    sizes[-1] += matrix.shape[1] - sum(sizes)
    return fresh([list(row.split(sizes)) for row in matrix])


def fresh(rows: list[list[Tensor]]) -> list[list[Tensor]]:
    """Return copies of all tensors."""
    return [[part.clone() for part in row] for row in rows]


def from_tensors(rule: Any, rows: list[list[Tensor]]) -> list[Tensor]:
    """Combine as `SurgeryTrainer` does; the first task's tensors are overwritten."""
    if hasattr(rule, "weights"):
        return combine(rule.weights(gram(rows)).tolist(), rows)
    return as_tensors(rule(as_matrix(rows)), rows[0])


def by_matrix(rule: Any, rows: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Combine as TorchJD does."""
    return as_tensors(rule(as_matrix(rows)), rows[0])


def error(rule: Any, matrix: Tensor) -> float:
    """Return how far our float32 update is from the one that float64 gives."""
    if not hasattr(rule, "weights"):
        return 0.0
    twin = copy.deepcopy(rule)
    wide = matrix.double()
    exact = twin.weights(wide @ wide.T) @ wide
    return float((rule(matrix).double() - exact).norm() / wide.norm(dim=1).max())


def ratio(rounds: int, ours: Callable[[Any], Any], other: Callable[[Any], Any], make: Callable[[], Any]) -> float:
    """Return the shortest processor time of our calls, divided by that of the others.

    Args:
        rounds: Number of calls of each.
        ours: Our way.
        other: The other way.
        make: Returns an input, which a call may overwrite.
    """
    shortest = {ours: float("inf"), other: float("inf")}
    for turn in range(rounds):
        for call in (ours, other) if turn % 2 else (other, ours):
            call(make())  # warms up cache and memory
            given = make()
            start = time.process_time()
            call(given)
            shortest[call] = min(shortest[call], time.process_time() - start)
    return shortest[ours] / shortest[other]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, nargs="*", default=[10**6, 10**7])
    parser.add_argument("--tasks", type=int, nargs="*", default=[2, 4, 8])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=list(PAIRS), choices=list(PAIRS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print("| P | T | rule | matrix: ours ÷ TorchJD | tensors: ours ÷ TorchJD | error |\n|---|---|---|---|---|---|")
    for numbers in options.numbers:
        for tasks in options.tasks:
            matrix = gradients(tasks, numbers)
            rows = as_rows(matrix)
            for name in options.only:
                ours, other = (make() for make in PAIRS[name])
                on_matrix = ratio(options.rounds, ours, other, partial(torch.as_tensor, matrix))
                on_tensors = ratio(
                    options.rounds, partial(from_tensors, ours), partial(by_matrix, other), partial(fresh, rows)
                )
                cells = [f"{numbers:.0e}", str(tasks), name, f"{on_matrix:.2f}", f"{on_tensors:.2f}"]
                print(f"| {' | '.join(cells)} | {error(ours, matrix):.0e} |", flush=True)


if __name__ == "__main__":
    main()
