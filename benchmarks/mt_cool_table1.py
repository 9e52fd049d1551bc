"""MT-COOL's Table 1: even and odd digits by ten methods; settings chosen on a validation part, then seeds on test digits.

    python -m data_prep.mnist MNIST_FOLDER data/digits
    python benchmarks/mt_cool_table1.py tune --data data/digits     # one seed per setting, on the validation part
    python benchmarks/mt_cool_table1.py test --data data/digits     # what was chosen, five seeds, on the test digits
    python benchmarks/mt_cool_table1.py show                        # the table again

Every row has as many settings to choose from. A finished training is a file under --out and is not repeated, so that a
stopped benchmark goes on. Without --data it runs on scikit-learn's digits, which are not MNIST: good for a try only.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
RATES = (0.05, 0.1)  # the paper's 0.1, and half of it
TASKS = ("even", "odd")
TRAINER = "train::trainer::"


@dataclass(frozen=True)
class Row:
    """A line of the table: an overlay, what is fixed, and three values of one setting, each tried at both rates."""

    method: str
    fixed: dict[str, Any] = field(default_factory=dict)
    setting: str = "batch_size"
    values: tuple[Any, ...] = (32, 64, 128)
    apart: bool = False  # a network per task

    def grid(self) -> list[dict[str, Any]]:
        """Return all settings to choose from."""
        return [self.fixed | {"lr": lr, self.setting: value} for lr, value in itertools.product(RATES, self.values)]


QUIET = {f"{TRAINER}samples": 1, f"{TRAINER}kl_weight": 0.0}
ROWS = {
    "Independent": Row("joint", apart=True),
    "Joint": Row("joint"),
    "CAGrad": Row("cagrad", setting=f"{TRAINER}aggregator::c", values=(0.2, 0.4, 0.6)),
    "GradDrop": Row("graddrop"),
    "MGDA": Row("mgda"),
    "PCGrad": Row("pcgrad"),
    "MT-COOL (Vanilla)": Row("mt_cool", {**QUIET, f"{TRAINER}bound": None}),
    "MT-COOL (w/o Reg)": Row("mt_cool", QUIET, f"{TRAINER}bound", (0.01, 0.02, 0.05)),
    "MT-COOL (mean, M=2)": Row("mt_cool", {}, f"{TRAINER}bound", (0.01, 0.02, 0.05)),
    "MT-COOL (clean, M=1)": Row(
        "mt_cool", {f"{TRAINER}samples": 1, f"{TRAINER}kl_reference": "clean"}, f"{TRAINER}bound", (0.01, 0.02, 0.05)
    ),
}


@dataclass(frozen=True)
class Job:
    """One training, and the section of the digits that it is measured on."""

    row: str
    number: int  # of the setting in the row's grid
    seed: int
    tasks: tuple[str, ...]
    section: str

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return f"{self.section}-{list(ROWS).index(self.row)}-{self.number}-{'-'.join(self.tasks)}-{self.seed}"


def run_job(job: Job, options: argparse.Namespace) -> dict[str, Any]:
    """Do a job in this process; what it says goes to a file beside its results."""
    with (
        (Path(options.out) / "results" / f"{job.name}.log").open("w") as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        return train(job, options)


def train(job: Job, options: argparse.Namespace) -> dict[str, Any]:
    """Train, measure, and return accuracies in percent, seconds and the number of parameters."""
    import torch

    from fundus_mtl.workflow import StrictWorkflow

    torch.set_num_threads(1)
    row = ROWS[job.row]
    final = job.section == "testing"
    sections = {"training_sections": ["training", "validation"], "validation_sections": ["spare"]} if final else {}
    given = {"dataset_dir": options.data, "output_dir": str(Path(options.out) / "runs" / job.name), "seed": job.seed}
    given |= {"task_names": list(job.tasks), "max_epochs": options.epochs, "tracking_uri": None}
    if options.data is None:  # scikit-learn's digits have no spare part
        sections = {}
    configs = BUNDLES / "digits_mtl" / "configs"
    workflow = StrictWorkflow(
        config_file=[str(configs / "common.yaml"), str(configs / "train.yaml")],
        workflow_type="train",
        logging_file=False,
        overlay=[str(BUNDLES / "methods" / f"{row.method}.yaml")],
        **given | sections | row.grid()[job.number],
    )
    workflow.initialize()
    started = time.perf_counter()
    workflow.run()
    seconds = time.perf_counter() - started
    content = workflow.parser.get_parsed_content
    network = content("network")
    network.load_state_dict(torch.load(Path(content("ckpt_dir")) / "model.pt", weights_only=True))
    found = measure(network.eval(), content, job)
    workflow.finalize()
    return {"accuracy": found, "seconds": seconds, "parameters": sum(p.numel() for p in network.parameters())}


def measure(network: Any, content: Callable[[str], Any], job: Job) -> dict[str, float]:
    """Return each task's accuracy, percent, on the job's section."""
    import torch

    from fundus_mtl.data import TensorSamples

    samples = TensorSamples(
        data=content("digits").select([job.section], list(job.tasks)),
        tasks=content("tasks"),
        transform=content("validate::preprocessing"),
    )
    batch = samples.collate(samples.__getitems__(list(range(len(samples)))))
    with torch.no_grad():
        answers = network(torch.as_tensor(batch["image"]))
    found = {}
    for name in job.tasks:
        rows = torch.as_tensor(batch[f"{name}_present"]).bool()
        right = answers[name][rows].argmax(dim=1) == batch[name][rows].argmax(dim=1)
        found[name] = 100 * right.double().mean().item()
    return found


def jobs_of(rows: dict[str, list[int]], seeds: range, section: str) -> Iterator[Job]:
    """List the trainings of some settings of every row."""
    for (row, numbers), seed in itertools.product(rows.items(), seeds):
        for number in numbers:
            for tasks in (TASKS[:1], TASKS[1:]) if ROWS[row].apart else (TASKS,):
                yield Job(row, number, seed, tasks, section)


def run_all(jobs: list[Job], options: argparse.Namespace) -> dict[Job, dict[str, Any]]:
    """Run what has no result yet, a few at a time, and return all results."""
    from tqdm import tqdm

    folder = Path(options.out) / "results"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [job for job in jobs if not (folder / f"{job.name}.json").is_file()]
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(run_job, job, options): job for job in missing}
        for done in tqdm(as_completed(waiting), total=len(missing), desc="trainings"):
            (folder / f"{waiting[done].name}.json").write_text(json.dumps(done.result()))
    return {job: json.loads((folder / f"{job.name}.json").read_text()) for job in jobs}


def choose(options: argparse.Namespace) -> dict[str, int]:
    """Return the setting of each row with the best mean accuracy on the validation part."""
    jobs = list(jobs_of({name: list(range(len(row.grid()))) for name, row in ROWS.items()}, range(1), "validation"))
    results = run_all(jobs, options)
    found: dict[tuple[str, int], list[float]] = {}
    for job, result in results.items():
        found.setdefault((job.row, job.number), []).extend(result["accuracy"].values())
    score = {setting: statistics.mean(values) for setting, values in found.items()}
    chosen = {name: max(range(len(row.grid())), key=lambda n, name=name: score[name, n]) for name, row in ROWS.items()}
    for name, number in chosen.items():
        print(f"{name:22s} {score[name, number]:6.2f} %  {ROWS[name].grid()[number]}")
    return chosen


def table(chosen: dict[str, int], options: argparse.Namespace) -> str:
    """Train what was chosen with every seed, and return the table in Markdown."""
    from scipy.stats import ttest_rel

    results = run_all(list(jobs_of({n: [c] for n, c in chosen.items()}, range(options.seeds), "testing")), options)
    accuracy = {
        (name, task): [r["accuracy"][task] for j, r in results.items() if j.row == name and task in j.tasks]
        for name, task in itertools.product(ROWS, TASKS)
    }
    total = {
        name: {key: sum(r[key] for j, r in results.items() if j.row == name) for key in ("seconds", "parameters")}
        for name in ROWS
    }
    lines = ["| method | params | time | even, % | odd, % | p even | p odd |", "|---|---|---|---|---|---|---|"]
    for name in ROWS:
        ratios = [total[name][key] / total["Joint"][key] for key in ("parameters", "seconds")]
        cells = [f"{statistics.mean(v):.2f} ± {statistics.stdev(v):.3f}" for v in (accuracy[name, t] for t in TASKS)]
        tests = [
            "–" if name == "Joint" else f"{ttest_rel(accuracy[name, t], accuracy['Joint', t]).pvalue:.2f}"
            for t in TASKS
        ]
        lines.append(" | ".join([f"| {name}", *(f"{ratio:.2f}" for ratio in ratios), *cells, *tests]) + " |")
    lines += [
        "",
        f"{options.seeds} seeds, {options.epochs} epochs; p: paired t-test against Joint; params, time: relative to Joint.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phase", choices=["tune", "test", "show"])
    parser.add_argument("--data", help="what data_prep.mnist wrote")
    parser.add_argument("--out", default="runs/mt_cool_table1")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, one thread each")
    options = parser.parse_args()
    chosen = choose(options)
    if options.phase != "tune":
        text = table(chosen, options)
        (Path(options.out) / "table1.md").write_text(text + "\n")
        print(text)


if __name__ == "__main__":
    main()
