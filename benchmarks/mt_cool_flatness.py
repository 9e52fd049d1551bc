"""How flat are the minima of MT-COOL's Table 1? Loss of one task while the other's share of the encoder is shaken.

    python benchmarks/mt_cool_table1.py test --data data/digits
    python benchmarks/mt_cool_flatness.py --data data/digits --figure docs/mt_cool_flatness.png

The paper claims that a task trained by MT-COOL does not mind when the other task's weights move. Each trained network of
the table is taken, uniform noise from a box of radius r is added to the share theta_j of one task, and the other task's
loss on the test digits is measured, for r from 0 to twice the largest bound of the table. Joint's network has no shares:
its layers are cut into the same halves, which changes nothing of what it computes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from _digit_jobs import Job, accuracy, model_file
from _table1_rows import BOUND, TASKS

SHOWN = {
    "Joint": "#999999",
    "MT-COOL (Vanilla)": "#e69f00",
    "MT-COOL (w/o Reg)": "#56b4e9",
    "MT-COOL (mean, M=2)": "#0072b2",
    "MT-COOL (clean, M=1)": "#009e73",
}
OTHER = dict(zip(TASKS, reversed(TASKS), strict=True))


def shares_of(plain: dict[str, Any], split: Any) -> dict[str, Any]:
    """Return the weights of a LeNet as those of the SplitLeNet that computes the same: shares are slices of channels."""
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


def load(job: Job, out: Path, tasks: list[Any]) -> Any:
    """Return the network that a job has trained, with shares."""
    import torch

    from fundus_mtl.networks import SplitLeNet

    weights = torch.load(model_file(job, out), weights_only=True)
    network = SplitLeNet(tasks)
    network.load_state_dict(weights if set(weights) == set(network.state_dict()) else shares_of(weights, network))
    return network.eval()


def losses(network: Any, batch: dict[str, Any], radii: np.ndarray, draws: int) -> dict[str, list[float]]:
    """Return each task's mean loss at each radius of noise on the other's share; the same noise for every network."""
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
    """Return the mean cross-entropy, a few hundred images at a time: their features stay in the processor's cache."""
    from torch.nn.functional import cross_entropy

    parts = zip(image.split(250), label.split(250), strict=True)
    total = sum(
        cross_entropy(network(some, tasks=(task,))[task], known, reduction="sum").item() for some, known in parts
    )
    return total / len(label)


def trained(out: Path) -> dict[str, list[tuple[Job, dict[str, Any]]]]:
    """Return the table's trainings that are to be shown, by row."""
    file = out / "table1.json"
    if not file.is_file():
        raise SystemExit(
            f"{file}: expected the trainings of the table, but got none; run mt_cool_table1.py test first."
        )
    kept = json.loads(file.read_text())
    return {row: [(Job(**{**j, "tasks": tuple(j["tasks"])}), result) for j, result in kept[row]] for row in SHOWN}


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
    """Measure every network of the table that is to be shown, up to twice the largest bound that one was trained with."""
    import torch
    from tqdm import tqdm

    torch.set_num_threads(options.threads)
    rows, (tasks, batch) = trained(Path(options.out)), test_digits(options.data)
    bounds = {row: json.loads(jobs[0][0].settings).get(BOUND) for row, jobs in rows.items()}
    radii = np.linspace(0, 2 * max(bound or 0 for bound in bounds.values()), 5)
    found: dict[str, Any] = {"radii": radii.tolist(), "bounds": bounds, "draws": options.draws, "loss": {}, "rms": {}}
    for row, job, known in tqdm([(row, *pair) for row, jobs in rows.items() for pair in jobs], desc="networks"):
        network = load(job, Path(options.out), tasks)
        if accuracy(network, batch, TASKS) != known["accuracy"]:
            raise SystemExit(
                f"{job.name}: expected the table's accuracy, but got another; are --data and --out of one run?"
            )
        found["loss"].setdefault(row, []).append(losses(network, batch, radii, options.draws))
        theta = torch.cat([p.detach().flatten() for name in TASKS for p in network.task_parameters(name)[0]])
        found["rms"].setdefault(row, []).append(theta.square().mean().sqrt().item())
    return found


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw a panel per task: mean over the seeds and their range; a ring where a row's own bound is."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    panels = figure.subplots(1, len(TASKS), sharey=True)
    for panel, task in zip(panels, TASKS, strict=True):
        for (row, colour), marker in zip(SHOWN.items(), "osD^v", strict=True):
            curves = np.array([seed[task] for seed in found["loss"][row]])
            mean, bound = curves.mean(axis=0), found["bounds"][row]
            panel.plot(found["radii"], mean, color=colour, marker=marker, markersize=4, label=_label(row, bound))
            panel.fill_between(
                found["radii"], curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, linewidth=0
            )
            if bound:
                height = np.exp(np.interp(bound, found["radii"], np.log(mean)))
                panel.plot(bound, height, "o", color=colour, markersize=12, fillstyle="none")
        panel.set(title=f"task {task}", xlabel=f"radius of the noise on the share of {OTHER[task]}", yscale="log")
    panels[0].set_ylabel("cross-entropy, test digits")
    panels[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def _label(row: str, bound: float | None) -> str:
    return f"{row}, b = {bound}" if bound else row


def table(found: dict[str, Any]) -> str:
    """Return the losses at radius 0, half and all of the largest in Markdown, and how large the weights are."""
    places = {f"{found['radii'][place]:g}": place for place in (0, 2, 4)}
    head = ["method", *(f"{task}, r = {label}" for task in TASKS for label in places), "rms of the shares"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in SHOWN:
        cells = [
            f"{np.mean([seed[task][place] for seed in found['loss'][row]]):.3f}"
            for task in TASKS
            for place in places.values()
        ]
        lines.append(
            f"| {' | '.join([_label(row, found['bounds'][row]), *cells])} | {np.mean(found['rms'][row]):.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="what data_prep.mnist wrote")
    parser.add_argument("--out", default="runs/mt_cool_table1", help="of mt_cool_table1.py")
    parser.add_argument("--draws", type=int, default=5, help="of noise, per radius")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--figure", default="runs/mt_cool_table1/flatness.png")
    options = parser.parse_args()
    found = measure(options)
    Path(options.figure).parent.mkdir(parents=True, exist_ok=True)
    (Path(options.out) / "flatness.json").write_text(json.dumps(found))
    draw(found, Path(options.figure))
    print(table(found))


if __name__ == "__main__":
    main()
