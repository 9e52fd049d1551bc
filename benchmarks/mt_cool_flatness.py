"""Measure how flat the minima of MT-COOL's Table 1 are: the loss of a task under noise on the other task's weights.

    fundus-mtl compare bundles/digits_mtl/configs/compare_table1.yaml
    python benchmarks/mt_cool_flatness.py --data data/digits --figure docs/mt_cool_flatness.png

The paper claims that the loss of a task trained by MT-COOL hardly depends on the other task's weights. For each network of
the table, uniform noise from a box of radius r is added to the share theta_j of one task, and the other task's loss on the
test digits is measured, for r from 0 to twice the largest bound of the table. Joint's network has no shares: its layers are
split into the same halves, which does not change its output.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from _flatness_report import OTHER, SHOWN, TASKS, draw, table

BOUND = "train::trainer::bound"


def shares_of(plain: dict[str, Any], split: Any) -> dict[str, Any]:
    """Return the weights of a LeNet as those of a SplitLeNet with the same output: shares are slices of channels."""
    import torch

    found, position = {}, dict.fromkeys(plain, 0)
    for name, value in split.state_dict().items():
        source = name if name in plain and plain[name].shape == value.shape else _whole(name)
        rows = slice(position[source], position[source] + len(value))
        found[name], position[source] = plain[source][rows], rows.stop
    assert all(end == len(plain[name]) for name, end in position.items())
    return {name: torch.as_tensor(value) for name, value in found.items()}


def _whole(name: str) -> str:
    before, _, after = name.partition(".shares.")
    return f"{before}.shares.0.{after.partition('.')[2]}"


def load(training: Path, tasks: list[Any]) -> Any:
    """Return the network of a training, with shares.

    Args:
        training: output folder of the training.
        tasks: tasks of the network.
    """
    import torch

    from fundus_mtl.networks import SplitLeNet

    weights = torch.load(training / "models" / "model.pt", weights_only=True)
    network = SplitLeNet(tasks)
    network.load_state_dict(weights if set(weights) == set(network.state_dict()) else shares_of(weights, network))
    return network.eval()


def losses(network: Any, batch: dict[str, Any], radii: np.ndarray, draws: int) -> dict[str, list[float]]:
    """Return each task's mean loss by radius of the noise on the other task's share; all networks get the same noise."""
    import torch

    found: dict[str, list[float]] = {}
    for task in TASKS:
        rows = batch[f"{task}_present"].bool()
        image, label = batch["image"][rows], batch[task][rows].argmax(dim=1)
        theta = network.task_parameters(OTHER[task])[0]
        trained = [p.detach().clone() for p in theta]
        generator = torch.Generator().manual_seed(0)
        units = [[torch.empty_like(p).uniform_(-1, 1, generator=generator) for p in theta] for _ in range(draws)]
        found[task] = []
        with torch.no_grad():
            for radius in radii:
                values = []
                for unit in units if radius else units[:1]:
                    for p, start, u in zip(theta, trained, unit, strict=True):
                        p.copy_(start + float(radius) * u)
                    values.append(_loss(network, image, label, task))
                found[task].append(float(np.mean(values)))
            for p, start in zip(theta, trained, strict=True):
                p.copy_(start)
    return found


def _loss(network: Any, image: Any, label: Any, task: str) -> float:
    """Return the mean cross-entropy; batches are small enough that their features fit into the processor's cache."""
    from torch.nn.functional import cross_entropy

    parts = zip(image.split(250), label.split(250), strict=True)
    total = sum(
        cross_entropy(network(some, tasks=(task,))[task], known, reduction="sum").item() for some, known in parts
    )
    return total / len(label)


def trained(out: Path) -> dict[str, dict[Path, dict[str, float]]]:
    """Return the folders of the trainings with their accuracies by task, percent, by method.

    Args:
        out: output folder of the comparison.
    """
    import pandas as pd

    file = out / "trainings.csv"
    if not file.is_file():
        raise SystemExit(
            f"{file}: expected the trainings of Table 1, but got no such file; run fundus-mtl compare first."
        )
    rows = pd.read_csv(file)
    finished = rows[rows["status"] == "finished"].to_dict("records")
    return {
        method: {
            out / method / "all" / f"seed{row['seed']}": {task: float(row[f"acc_{task}_percent"]) for task in TASKS}
            for row in finished
            if row["method"] == method
        }
        for method in SHOWN
    }


def bound_of(training: Path) -> float | None:
    """Return the bound that a network was trained with; None if there was none."""
    options = json.loads((training / "settings.json").read_text())["training"]["train_options"]
    bound = options.get(BOUND)
    return None if bound is None else float(bound)


def accuracy(network: Any, batch: dict[str, Any]) -> dict[str, float]:
    """Return each task's accuracy on the digits with its label, percent."""
    import torch

    with torch.no_grad():
        answers = network(batch["image"])
    found = {}
    for task in TASKS:
        rows = batch[f"{task}_present"].bool()
        right = answers[task][rows].argmax(dim=1) == batch[task][rows].argmax(dim=1)
        found[task] = 100 * right.double().mean().item()
    return found


def test_digits(data: str | None) -> tuple[list[Any], dict[str, Any]]:
    """Return the tasks, and all test digits as one batch."""
    import torch

    from fundus_mtl.data import ArraySet, TensorSamples, embedded_digits
    from fundus_mtl.tasks import Task

    tasks = [Task(name, 5, "classification", torch.nn.CrossEntropyLoss(), "softmax") for name in TASKS]
    digits = ArraySet.load(Path(data) / "even_odd.npz") if data else embedded_digits("even_odd")
    samples = TensorSamples(digits.select(["testing"], list(TASKS)), tasks, lambda item: {"image": item["image"] / 255})
    return tasks, samples.collate(samples.__getitems__(range(len(samples))))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure all networks, up to twice the largest bound that one of them was trained with."""
    import torch
    from tqdm import tqdm

    torch.set_num_threads(options.threads)
    rows, (tasks, batch) = trained(Path(options.out)), test_digits(options.data)
    bounds = {method: bound_of(next(iter(trainings))) for method, trainings in rows.items()}
    radii = np.linspace(0, 2 * max(bound or 0 for bound in bounds.values()), 5)
    found: dict[str, Any] = {"radii": radii.tolist(), "bounds": bounds, "draws": options.draws, "loss": {}, "rms": {}}
    pairs = [(method, *pair) for method, trainings in rows.items() for pair in trainings.items()]
    for method, training, known in tqdm(pairs, desc="networks"):
        network = load(training, tasks)
        if not np.allclose(list(accuracy(network, batch).values()), list(known.values()), rtol=0, atol=1e-6):
            raise SystemExit(
                f"{training.name} of {method}: expected the accuracy in trainings.csv, but got another; "
                "give the --data that the comparison was run with."
            )
        found["loss"].setdefault(method, []).append(losses(network, batch, radii, options.draws))
        theta = torch.cat([p.detach().flatten() for name in TASKS for p in network.task_parameters(name)[0]])
        found["rms"].setdefault(method, []).append(theta.square().mean().sqrt().item())
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder written by data_prep.mnist; by default the digits of scikit-learn")
    parser.add_argument("--out", default="runs/compare_table1", help="output folder of the comparison")
    parser.add_argument("--draws", type=int, default=5, help="draws of noise per radius")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--figure", default="runs/compare_table1/flatness.png")
    options = parser.parse_args()
    found = measure(options)
    Path(options.figure).parent.mkdir(parents=True, exist_ok=True)
    (Path(options.out) / "flatness.json").write_text(json.dumps(found))
    draw(found, Path(options.figure))
    print(table(found))


if __name__ == "__main__":
    main()
