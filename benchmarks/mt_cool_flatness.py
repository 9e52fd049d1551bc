"""How flat are the minima of MT-COOL's Table 1? Loss of one task while the other's share of the encoder is shaken.

    python benchmarks/mt_cool_table1.py test --data data/digits
    python benchmarks/mt_cool_flatness.py --data data/digits --figure docs/mt_cool_flatness.png

The paper claims that a task trained by MT-COOL does not mind when the other task's weights move. Each trained network of
the table is taken, uniform noise from a box of radius r is added to the share theta_j of one task, and the other task's
loss on the test digits is measured, for r from 0 to twice the bound. Joint's network has no shares: its layers are cut
into the same halves, which changes nothing of what it computes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import mt_cool_table1 as table1
import numpy as np

BOUND = 0.05  # the paper's
SHOWN = {
    "Joint": "#999999",
    "MT-COOL (Vanilla)": "#e69f00",
    "MT-COOL (w/o Reg)": "#56b4e9",
    "MT-COOL (mean, M=2)": "#0072b2",
}
OTHER = dict(zip(table1.TASKS, reversed(table1.TASKS), strict=True))


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


def load(job: table1.Job, options: argparse.Namespace, tasks: list[Any]) -> Any:
    """Return the network that a job has trained, with shares."""
    import torch

    from fundus_mtl.networks import SplitLeNet

    weights = torch.load(Path(options.out) / "runs" / job.name / "models" / "model.pt", weights_only=True)
    network = SplitLeNet(tasks)
    network.load_state_dict(weights if set(weights) == set(network.state_dict()) else shares_of(weights, network))
    return network.eval()


def losses(network: Any, batch: dict[str, Any], radii: np.ndarray, draws: int) -> dict[str, list[float]]:
    """Return each task's mean loss at each radius of noise on the other's share; the same noise for every network."""
    import torch
    from torch.nn.functional import cross_entropy

    found: dict[str, list[float]] = {}
    for task in table1.TASKS:
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
                    values.append(cross_entropy(network(image, tasks=(task,))[task], label).item())
                found[task].append(float(np.mean(values)))
            for p, start in zip(theta, trained, strict=True):
                p.copy_(start)
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure every network of the table that is to be shown."""
    import torch
    from tqdm import tqdm

    from fundus_mtl.data import ArraySet, TensorSamples, embedded_digits
    from fundus_mtl.tasks import Task

    torch.set_num_threads(options.threads)
    tasks = [Task(name, 5, "classification", torch.nn.CrossEntropyLoss(), "softmax") for name in table1.TASKS]
    digits = ArraySet.load(Path(options.data) / "even_odd.npz") if options.data else embedded_digits("even_odd")
    samples = TensorSamples(
        digits.select(["testing"], list(table1.TASKS)), tasks, lambda item: {"image": item["image"] / 255}
    )
    batch = samples.collate(samples.__getitems__(range(len(samples))))
    radii = np.linspace(0, 2 * BOUND, 5)
    chosen = {name: [number] for name, number in table1.choose(options).items() if name in SHOWN}
    jobs = list(table1.jobs_of(chosen, range(options.seeds), "testing", options.epochs))
    found: dict[str, Any] = {"radii": radii.tolist(), "bound": BOUND, "draws": options.draws, "loss": {}, "rms": {}}
    for job in tqdm(jobs, desc="networks"):
        network = load(job, options, tasks)
        known = json.loads((Path(options.out) / "results" / f"{job.name}.json").read_text())["accuracy"]
        assert table1.accuracy(network, batch, table1.TASKS) == known, f"{job.name}: not the network of the table"
        found["loss"].setdefault(job.row, []).append(losses(network, batch, radii, options.draws))
        theta = torch.cat([p.detach().flatten() for name in table1.TASKS for p in network.task_parameters(name)[0]])
        found["rms"].setdefault(job.row, []).append(theta.square().mean().sqrt().item())
    return found


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw a panel per task: mean over the seeds, and their range."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, len(table1.TASKS), sharey=True)
    for panel, task in zip(panels, table1.TASKS, strict=True):
        for (row, colour), marker in zip(SHOWN.items(), "osD^", strict=True):
            curves = np.array([seed[task] for seed in found["loss"][row]])
            panel.plot(found["radii"], curves.mean(axis=0), color=colour, marker=marker, markersize=4, label=row)
            panel.fill_between(
                found["radii"], curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, linewidth=0
            )
        panel.axvline(found["bound"], color="black", linewidth=0.8, linestyle=":")
        panel.set(title=f"task {task}", xlabel=f"radius of the noise on the share of {OTHER[task]}", yscale="log")
    panels[0].set_ylabel("cross-entropy, test digits")
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=110)


def table(found: dict[str, Any]) -> str:
    """Return the losses at radius 0, at the bound and at twice the bound, in Markdown."""
    places = {
        label: found["radii"].index(radius)
        for label, radius in zip(("0", "b", "2b"), (0, BOUND, 2 * BOUND), strict=True)
    }
    head = ["method", *(f"{task}, r = {label}" for task in table1.TASKS for label in places), "rms of the weights"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in SHOWN:
        cells = [
            f"{np.mean([seed[task][place] for seed in found['loss'][row]]):.3f}"
            for task in table1.TASKS
            for place in places.values()
        ]
        cells = [row, *cells, f"{np.mean(found['rms'][row]):.3f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line."""
    parser = table1.parser(__doc__)
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
