"""MT-COOL's Table 1: even and odd digits by ten methods; settings chosen on a validation part, then seeds on test digits.

    python -m data_prep.mnist MNIST_FOLDER data/digits
    python benchmarks/mt_cool_table1.py tune --data data/digits     # one seed per setting, on the validation part
    python benchmarks/mt_cool_table1.py test --data data/digits     # what was chosen, five seeds, on the test digits
    python benchmarks/mt_cool_flatness.py --data data/digits        # how flat the minima are that `test` has found

Every row has three settings to choose from. A finished training is a file under --out and is not repeated, so that a
stopped benchmark goes on. `test` also logs to MLflow: one parent run, a child per training. Without --data everything
runs on scikit-learn's digits, which are not MNIST: good for a try only.
"""

from __future__ import annotations

import argparse
import datetime
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
RATES = (0.05, 0.1, 0.2)  # the paper's 0.1, half and double
TASKS = ("even", "odd")
TRAINER = "train::trainer::"
BOUND = f"{TRAINER}bound"
BOUNDS = (0.01, 0.02, 0.05)  # the paper's is the last
# What the paper leaves open and all rows share. The rate falls to 0 along half a cosine, step by step.
SHARED = {
    "batch_size": 64,
    "lr": 0.1,
    "lr_each_epoch": False,
    "lr_scheduler": {
        "_target_": "torch.optim.lr_scheduler.CosineAnnealingLR",
        "optimizer": "@optimizer",
        "T_max": "$@max_epochs * len(@train::dataloader)",
    },
}


@dataclass(frozen=True)
class Row:
    """A line of the table: an overlay, what is fixed, and three values of one setting to choose from."""

    method: str
    fixed: dict[str, Any] = field(default_factory=dict)
    setting: str = "lr"
    values: tuple[Any, ...] = RATES
    apart: bool = False  # a network per task

    def grid(self) -> list[dict[str, Any]]:
        """Return all settings to choose from."""
        return [self.fixed | {self.setting: value} for value in self.values]


QUIET = {f"{TRAINER}samples": 1, f"{TRAINER}kl_weight": 0.0}
CLEAN = {f"{TRAINER}samples": 1, f"{TRAINER}kl_reference": "clean"}
ROWS = {
    "Independent": Row("joint", apart=True),
    "Joint": Row("joint"),
    "CAGrad": Row("cagrad", setting=f"{TRAINER}aggregator::c", values=(0.2, 0.4, 0.6)),
    "GradDrop": Row("graddrop"),
    "MGDA": Row("mgda"),
    "PCGrad": Row("pcgrad"),
    "MT-COOL (Vanilla)": Row("mt_cool", {**QUIET, BOUND: None}),
    "MT-COOL (w/o Reg)": Row("mt_cool", QUIET, BOUND, BOUNDS),
    "MT-COOL (mean, M=2)": Row("mt_cool", {}, BOUND, BOUNDS),
    "MT-COOL (clean, M=1)": Row("mt_cool", CLEAN, BOUND, BOUNDS),
}


@dataclass(frozen=True)
class Job:
    """One training, and the section of the digits that it is measured on."""

    row: str
    number: int  # of the setting in the row's grid
    seed: int
    tasks: tuple[str, ...]
    section: str
    epochs: int

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        words = (self.section, list(ROWS).index(self.row), self.number, *self.tasks, self.seed, f"{self.epochs}epochs")
        return "-".join(map(str, words))


def run_job(job: Job, options: argparse.Namespace) -> dict[str, Any]:
    """Do a job in this process; what it says goes to a file beside its results."""
    with (
        (Path(options.out) / "results" / f"{job.name}.log").open("w") as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        return train(job, options)


def train(job: Job, options: argparse.Namespace) -> dict[str, Any]:
    """Train, measure, and return accuracies in percent, their course, processor seconds and the number of parameters."""
    import torch
    from ignite.engine import Events

    from fundus_mtl.workflow import StrictWorkflow

    torch.set_num_threads(1)
    row = ROWS[job.row]
    final = job.section == "testing"
    sections = {"training_sections": ["training", "validation"], "validation_sections": ["spare"]} if final else {}
    given = {"dataset_dir": options.data, "output_dir": str(Path(options.out) / "runs" / job.name), "seed": job.seed}
    given |= {"task_names": list(job.tasks), "max_epochs": job.epochs, "tracking_uri": None}
    if options.data is None:  # scikit-learn's digits have no spare part
        sections = {}
    configs = BUNDLES / "digits_mtl" / "configs"
    workflow = StrictWorkflow(
        config_file=[str(configs / "common.yaml"), str(configs / "train.yaml")],
        workflow_type="train",
        logging_file=False,
        overlay=[str(BUNDLES / "methods" / f"{row.method}.yaml")],
        **given | sections | SHARED | row.grid()[job.number],
    )
    workflow.initialize()
    content = workflow.parser.get_parsed_content
    course: list[dict[str, float]] = []
    content("validate::evaluator").add_event_handler(
        Events.COMPLETED, lambda engine: course.append({k: float(v) for k, v in engine.state.metrics.items()})
    )
    started = time.process_time()  # one thread: what a clock would show if nothing else ran
    workflow.run()
    seconds = time.process_time() - started
    network = content("network")
    network.load_state_dict(torch.load(Path(content("ckpt_dir")) / "model.pt", weights_only=True))
    found = measure(network.eval(), content, job)
    workflow.finalize()
    size = sum(p.numel() for p in network.parameters())
    return {"accuracy": found, "course": course, "seconds": seconds, "parameters": size}


def measure(network: Any, content: Callable[[str], Any], job: Job) -> dict[str, float]:
    """Return each task's accuracy, percent, on the job's section."""
    from fundus_mtl.data import TensorSamples

    samples = TensorSamples(
        data=content("digits").select([job.section], list(job.tasks)),
        tasks=content("tasks"),
        transform=content("validate::preprocessing"),
    )
    batch = samples.collate(samples.__getitems__(list(range(len(samples)))))
    return accuracy(network, {key: value for key, value in batch.items() if key != "id"}, job.tasks)


def accuracy(network: Any, batch: dict[str, Any], tasks: tuple[str, ...]) -> dict[str, float]:
    """Return each task's accuracy, percent, on the digits that are its own."""
    import torch

    with torch.no_grad():
        answers = network(torch.as_tensor(batch["image"]))
    found = {}
    for name in tasks:
        rows = torch.as_tensor(batch[f"{name}_present"]).bool()
        right = answers[name][rows].argmax(dim=1) == batch[name][rows].argmax(dim=1)
        found[name] = 100 * right.double().mean().item()
    return found


def jobs_of(rows: dict[str, list[int]], seeds: range, section: str, epochs: int) -> Iterator[Job]:
    """List the trainings of some settings of every row, a seed after the other."""
    for seed, (row, numbers) in itertools.product(seeds, rows.items()):
        for number in numbers:
            for tasks in (TASKS[:1], TASKS[1:]) if ROWS[row].apart else (TASKS,):
                yield Job(row, number, seed, tasks, section, epochs)


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
    everything = {name: list(range(len(row.grid()))) for name, row in ROWS.items()}
    results = run_all(list(jobs_of(everything, range(1), "validation", options.tune_epochs)), options)
    found: dict[tuple[str, int], list[float]] = {}
    for job, result in results.items():
        found.setdefault((job.row, job.number), []).extend(result["accuracy"].values())
    score = {setting: statistics.mean(values) for setting, values in found.items()}
    return {name: max(range(len(row.grid())), key=lambda n, name=name: score[name, n]) for name, row in ROWS.items()}


def described(name: str, number: int) -> str:
    """Return what was chosen for a row: its setting and value."""
    row = ROWS[name]
    return f"{row.setting.split('::')[-1]} {row.values[number]}"


def table(chosen: dict[str, int], results: dict[Job, dict[str, Any]], options: argparse.Namespace) -> str:
    """Return the table in Markdown."""
    from scipy.stats import ttest_rel

    accuracy = {
        (name, task): [r["accuracy"][task] for j, r in results.items() if j.row == name and task in j.tasks]
        for name, task in itertools.product(ROWS, TASKS)
    }
    total = {
        name: {key: sum(r[key] for j, r in results.items() if j.row == name) for key in ("seconds", "parameters")}
        for name in ROWS
    }
    head = ["method", "chosen", "params", "time", *(f"{t}, %" for t in TASKS), *(f"p {t}" for t in TASKS)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in ROWS:
        ratios = [total[name][key] / total["Joint"][key] for key in ("parameters", "seconds")]
        cells = [f"{statistics.mean(v):.2f} ± {statistics.stdev(v):.3f}" for v in (accuracy[name, t] for t in TASKS)]
        tests = [
            "–" if name == "Joint" else f"{ttest_rel(accuracy[name, t], accuracy['Joint', t]).pvalue:.3f}"
            for t in TASKS
        ]
        row = [name, described(name, chosen[name]), *(f"{ratio:.2f}" for ratio in ratios), *cells, *tests]
        lines.append(f"| {' | '.join(row)} |")
    lines += [
        "",
        f"{datetime.date.today()}, {options.seeds} seeds, {options.epochs} epochs of {SHARED['batch_size']} digits; "
        f"settings chosen on the validation part after {options.tune_epochs} epochs of seed 0. params, time (of the "
        "processor): relative to Joint. p: paired t-test against Joint, two-sided, not corrected.",
    ]
    return "\n".join(lines)


def log(results: dict[Job, dict[str, Any]], text: str, chosen: dict[str, int], options: argparse.Namespace) -> None:
    """Add a parent run with the table, and a child per training, to MLflow."""
    import mlflow

    mlflow.set_tracking_uri(options.tracking_uri)
    mlflow.set_experiment("mt_cool_table1")
    with mlflow.start_run(run_name=f"Table 1, {options.seeds} seeds"):
        mlflow.log_params({"epochs": options.epochs, "tune_epochs": options.tune_epochs, "seeds": options.seeds})
        mlflow.log_text(text, "table1.md")
        for job, result in results.items():
            with mlflow.start_run(run_name=f"{job.row} {' '.join(job.tasks)} seed {job.seed}", nested=True):
                mlflow.set_tags({"method": job.row, "seed": job.seed})
                mlflow.log_params({"chosen": described(job.row, chosen[job.row]), "parameters": result["parameters"]})
                mlflow.log_metrics({f"test_acc_{task}": value for task, value in result["accuracy"].items()})
                mlflow.log_metric("processor_seconds", result["seconds"])
                for epoch, metrics in enumerate(result["course"], 1):
                    mlflow.log_metrics(metrics, step=epoch)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return what this benchmark and the one that looks at its networks have in common on the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="what data_prep.mnist wrote")
    parser.add_argument("--out", default="runs/mt_cool_table1")
    parser.add_argument("--epochs", type=int, default=8, help="of what the table shows")
    parser.add_argument("--tune_epochs", type=int, default=6, help="of the trainings that choose the settings")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, one thread each")
    return parser


def main() -> None:
    """Run the command line."""
    command = parser(__doc__)
    command.add_argument("phase", choices=["tune", "test"])
    command.add_argument("--tracking_uri", default="sqlite:///runs/mlflow.db", help="of MLflow; none: not logged")
    options = command.parse_args()
    chosen = choose(options)
    for name, number in chosen.items():
        print(f"{name:22s} {described(name, number)}")
    if options.phase == "tune":
        return
    wanted = jobs_of(
        {name: [number] for name, number in chosen.items()}, range(options.seeds), "testing", options.epochs
    )
    results = run_all(list(wanted), options)
    text = table(chosen, results, options)
    (Path(options.out) / "table1.md").write_text(text + "\n")
    print(text)
    if options.tracking_uri != "none":
        log(results, text, chosen, options)


if __name__ == "__main__":
    main()
