"""MT-COOL's Table 1: even and odd digits by ten methods; settings chosen on a validation part, then seeds on test digits.

    python -m data_prep.mnist MNIST_FOLDER data/digits
    python benchmarks/mt_cool_table1.py tune --data data/digits     # five settings per row, on the validation part
    python benchmarks/mt_cool_table1.py test --data data/digits     # what was chosen, five seeds, on the test digits
    python benchmarks/mt_cool_flatness.py --data data/digits        # how flat the minima are that `test` has found

A finished training is a file under --out and is not repeated, so that a stopped benchmark goes on. `test` also logs to
MLflow: one parent run, a child per training. Without --data it runs on scikit-learn's digits: good for a try only.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

from _digit_jobs import Job, Result, run_jobs
from _table1_rows import ROWS, SHARED, TASKS, Settings, described

Table = dict[str, dict[Job, Result]]
UNSAID = "LeNet of 10 and 20 channels, 50 hidden units; cosine to 0; T_w 100, L 1, lambda 1 where not chosen otherwise"


def about(data: str | None) -> tuple[str, str]:
    """Return name and SHA-256 of the digits."""
    from fundus_mtl.data import ArraySet, embedded_digits

    digits = embedded_digits("even_odd") if data is None else ArraySet.load(Path(data) / "even_odd.npz")
    return str(digits.about["name"]), digits.digest


def jobs_of(
    row: str, settings: Settings, seed: int, section: str, epochs: int, options: argparse.Namespace
) -> list[Job]:
    """List the trainings of one setting: one, or one per task."""
    given = {"seed": seed, "section": section, "epochs": epochs, "data": options.data, "digest": options.digest}
    groups = (TASKS[:1], TASKS[1:]) if ROWS[row].apart else (TASKS,)
    return [Job.of(ROWS[row].method, SHARED | settings, tasks=tasks, **given) for tasks in groups]


def best(candidates: dict[str, list[Settings]], options: argparse.Namespace) -> dict[str, Settings]:
    """Return the candidate of each row with the best mean accuracy on the validation part, and print all."""
    pairs = [(row, settings) for row, all_of_row in candidates.items() for settings in all_of_row]
    jobs = [jobs_of(row, settings, 0, "validation", options.tune_epochs, options) for row, settings in pairs]
    results = run_jobs([job for some in jobs for job in some], Path(options.out), options.jobs)
    found: dict[str, tuple[float, Settings]] = {}
    for (row, settings), some in zip(pairs, jobs, strict=True):
        score = statistics.mean(value for job in some for value in results[job]["accuracy"].values())
        print(f"{row:22s} {score:6.2f} %  {described(settings)}")
        if row not in found or score > found[row][0]:
            found[row] = score, settings
    return {row: settings for row, (_, settings) in found.items()}


def choose(options: argparse.Namespace) -> dict[str, Settings]:
    """Return the settings of each row: the best rate, then the best of three changes or none."""
    rates = best({name: row.rates() for name, row in ROWS.items()}, options)
    return best({name: row.changed(rates[name]) for name, row in ROWS.items()}, options)


def final_jobs(chosen: dict[str, Settings], options: argparse.Namespace) -> dict[str, list[Job]]:
    """List the trainings that the table shows, by row."""
    return {
        row: [
            job
            for seed in range(options.seeds)
            for job in jobs_of(row, settings, seed, "testing", options.epochs, options)
        ]
        for row, settings in chosen.items()
    }


def run_final(jobs: dict[str, list[Job]], options: argparse.Namespace) -> Table:
    """Run them, a seed of all rows after the other."""
    order = sorted((job for some in jobs.values() for job in some), key=lambda job: job.seed)
    results = run_jobs(order, Path(options.out), options.jobs)
    return {row: {job: results[job] for job in some} for row, some in jobs.items()}


def table(results: Table, chosen: dict[str, Settings]) -> str:
    """Return the table in Markdown; p of a paired t-test against Joint, seed by seed."""
    from fundus_mtl.metrics import paired_tests

    accuracy = {(row, task): _by_seed(some, task) for row, some in results.items() for task in TASKS}
    tests = {task: paired_tests({row: accuracy[row, task] for row in results}, "Joint") for task in TASKS}
    head = ["method", "chosen", "params", "wall", "processor", *(f"{t}, %" for t in TASKS), *(f"p {t}" for t in TASKS)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row, some in results.items():
        ratios = [
            _total(some, key) / _total(results["Joint"], key)
            for key in ("parameters", "wall_seconds", "processor_seconds")
        ]
        cells = [f"{statistics.mean(v):.2f} ± {statistics.stdev(v):.3f}" for v in (accuracy[row, t] for t in TASKS)]
        told = ["–" if row == "Joint" else _p_values(tests[task].loc[row]) for task in TASKS]
        line = [row, described(chosen[row]), *(f"{ratio:.2f}" for ratio in ratios), *cells, *told]
        lines.append(f"| {' | '.join(line)} |")
    return "\n".join(lines)


def _p_values(test: Any) -> str:
    return f"{test['t_p']:.3f} ({test['t_p_holm']:.3f})"


def _by_seed(some: dict[Job, Result], task: str) -> list[float]:
    return [result["accuracy"][task] for job, result in some.items() if task in job.tasks]


def _total(some: dict[Job, Result], key: str) -> float:
    return sum(result[key] for result in some.values())


def footnote(results: Table, options: argparse.Namespace) -> str:
    """Return what a reader must know of the table."""
    hours = sum(_total(some, "processor_seconds") for some in results.values()) / 3600
    return (
        f"{datetime.date.today()}, {options.name} (SHA-256 {options.digest[:12]}); {options.seeds} seeds, {options.epochs} "
        f"epochs, batches of {SHARED['batch_size']} where not chosen otherwise; {UNSAID}. Settings chosen on the validation "
        f"part after {options.tune_epochs} epochs of seed 0, five per row; the epoch by the loss on the 10,000 training "
        "digits that the paper does not use. params, wall, processor: relative to Joint; processor is one thread's time, "
        "wall is shared with what else ran. p: paired t-test against Joint, two-sided (in brackets: Holm-corrected over the "
        f"rows). All trainings of the table: {hours:.1f} hours of one core."
    )


def log(results: Table, text: str, chosen: dict[str, Settings], options: argparse.Namespace) -> None:
    """Add a parent run with the table, and a child per training, to MLflow, unless that was done before."""
    import mlflow

    from fundus_mtl.tracking import artifact_folder, open_client

    note = Path(options.out) / f"mlflow_parent_{hashlib.sha256(text.encode()).hexdigest()[:12]}.txt"
    if note.is_file():
        print(f"This table is in MLflow already: run {note.read_text()}.")
        return
    client = open_client(options.tracking_uri)
    mlflow.set_tracking_uri(options.tracking_uri)
    if client.get_experiment_by_name("mt_cool_table1") is None:
        client.create_experiment("mt_cool_table1", artifact_location=artifact_folder(options.tracking_uri))
    mlflow.set_experiment("mt_cool_table1")
    with mlflow.start_run(run_name=f"Table 1, {options.seeds} seeds") as parent:
        mlflow.set_tags({"data": options.name, "data_sha256": options.digest})
        mlflow.log_params(
            {"epochs": options.epochs, "tune_epochs": options.tune_epochs, "seeds": options.seeds, "shared": SHARED}
        )
        mlflow.log_text(text, "table1.md")
        for row, job, result in ((row, *pair) for row, some in results.items() for pair in some.items()):
            with mlflow.start_run(run_name=f"{row} {' '.join(job.tasks)} seed {job.seed}", nested=True):
                mlflow.set_tags({"method": row, "seed": job.seed, "data_sha256": options.digest})
                mlflow.log_params({"chosen": described(chosen[row]), "parameters": result["parameters"]})
                mlflow.log_metrics({f"test_acc_{task}": value for task, value in result["accuracy"].items()})
                mlflow.log_metrics({key: result[key] for key in ("wall_seconds", "processor_seconds")})
                for epoch, metrics in enumerate(result["course"], 1):
                    mlflow.log_metrics(metrics, step=epoch)
    note.write_text(parent.info.run_id)


def command_line(description: str | None) -> argparse.ArgumentParser:
    """Return what this benchmark and the one that looks at its networks have in common."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="what data_prep.mnist wrote")
    parser.add_argument("--out", default="runs/mt_cool_table1")
    parser.add_argument("--epochs", type=int, default=6, help="of what the table shows")
    parser.add_argument("--tune_epochs", type=int, default=4, help="of the trainings that choose the settings")
    parser.add_argument("--seeds", type=int, default=5, help="two or more")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, one thread each")
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return the options, the data's name and digest among them."""
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error(f"--seeds: expected 2 or more, but got {options.seeds}; one seed has no spread.")
    options.name, options.digest = about(options.data)
    return options


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("phase", choices=["tune", "test"])
    parser.add_argument("--tracking_uri", default="sqlite:///runs/mlflow.db", help="of MLflow; none: not logged")
    options = parse(parser)
    chosen = choose(options)
    if options.phase == "tune":
        return
    results = run_final(final_jobs(chosen, options), options)
    text = f"{table(results, chosen)}\n\n{footnote(results, options)}\n"
    (Path(options.out) / "table1.md").write_text(text)
    kept = {row: [[asdict(job), result] for job, result in some.items()] for row, some in results.items()}
    (Path(options.out) / "table1.json").write_text(json.dumps(kept))
    print(text)
    if options.tracking_uri != "none":
        log(results, text, chosen, options)


if __name__ == "__main__":
    main()
