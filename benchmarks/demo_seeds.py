"""Train and evaluate the model of `make demo` for several seeds of phantoms and training, one row per seed.

python benchmarks/demo_seeds.py runs/demo_seeds --seeds 0 1 2 3 4 5 6 7 8 9

Rows are appended to seeds.csv in the folder; a seed that has a row is skipped, so that an interrupted call can be repeated.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from data_prep import phantom, refuge
from fundus_mtl.workflow import StrictWorkflow

BUNDLE = Path(__file__).resolve().parents[1] / "bundles" / "refuge_mtl"
RECIPE = [str(BUNDLE / "configs" / "overlays" / name) for name in ("robust.yaml", "demo.yaml")]
COUNTS = ("--train", "240", "--validation", "48", "--test", "60")  # as in the Makefile
MEASURES = ("disc_dice", "cup_dice", "fovea_within_0_5_dd", "vcdr_mae", "auc", "auc_classifier", "auc_vcdr")
TRAINING_ONLY = ("max_epochs", "lr", "encoder_lr", "averaging", "selection_rule")


def run(kind: str, shared: str, **options: Any) -> StrictWorkflow:
    """Run a part of the bundle in this process, without MLflow."""
    files = [str(BUNDLE / "configs" / name) for name in ("common.yaml", f"../../shared/{shared}.yaml", f"{kind}.yaml")]
    workflow = StrictWorkflow(config_file=files, overlay=RECIPE, workflow_type=None, tracking_uri=None, **options)
    workflow.initialize()
    workflow.run()
    workflow.finalize()
    return workflow


def prepared(folder: Path, seed: int) -> Path:
    """Draw phantoms unless they exist; return the folder of the datalist."""
    data = folder / f"data_{seed}"
    if not (data / "datalist_official.json").is_file():
        phantom.main([str(folder / f"raw_{seed}"), *COUNTS, "--seed", str(seed)])
        refuge.main([str(folder / f"raw_{seed}"), str(data)])
    return data


def measured(data: Path, out: Path, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    """Train and evaluate one seed; return its row."""
    where = {"dataset_dir": str(data), "output_dir": str(out)}
    begun, processor = time.perf_counter(), time.process_time()
    start = {"network_def::pretrained": str(BUNDLE / "models" / "model.pt"), "train::handlers::progress": None}
    trained = run("train", "train", seed=seed, **where, **start, **options)
    state = trained.parser.get_parsed_content("validate::evaluator").state
    cost = {"seconds": time.perf_counter() - begun, "processor_seconds": time.process_time() - processor}
    shown = {"handlers::figures": None, "handlers::progress": None}
    kept = {key: value for key, value in options.items() if key not in TRAINING_ONLY}
    run("evaluate", "evaluate", **where, **shown, **kept)
    with (out / "evaluation" / "summary.csv").open(newline="") as file:
        values = {row["metric"]: row["value"] for row in csv.DictReader(file)}
    row = {"epoch": state.best_metric_epoch, "val_score": state.best_metric}
    row |= {name: float(values[name] or "nan") for name in MEASURES}
    return row | cost


def main(arguments: Sequence[str] | None = None) -> None:
    """Append a row per seed to the table, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--phantoms", type=int, help="seed of the phantoms; default: that of the training")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="changed items, for example amp=true")
    given = parser.parse_args(arguments)
    options = {key: yaml.safe_load(value) for key, value in (item.split("=", 1) for item in given.set)}
    table = given.folder / "seeds.csv"
    given.folder.mkdir(parents=True, exist_ok=True)
    done = {int(row["seed"]) for row in csv.DictReader(table.open(newline=""))} if table.is_file() else set()
    for seed in sorted(set(given.seeds) - done):
        data = prepared(given.folder, seed if given.phantoms is None else given.phantoms)
        row = {"seed": seed, "threads": torch.get_num_threads()}
        row |= measured(data, given.folder / f"seed_{seed}", seed, options)
        row = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
        new = not table.is_file()
        with table.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)
        print(row, flush=True)


if __name__ == "__main__":
    main()
