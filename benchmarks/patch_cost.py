"""Measure the share of loading in a training step on HRF patches: reading and transforming, or the network.

    python -m data_prep.hrf_av HRF_FOLDER data/hrf_av      # or of phantoms: data_prep.phantom FOLDER --hrf-av 45 --size 3504
    python benchmarks/patch_cost.py --data data/hrf_av

Runs Joint training with the bundle's configs; ignite's profiler measures loader and step. The first epoch is skipped as a
warm-up. Photographs are cached before, as in every training.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
ROWS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "narrow.yaml: half size, 256 px, width 8, 3 x 4 patches": (("narrow.yaml",), {"batch_size": 3, "patches": 4}),
    "full size, 512 px, width 8, 2 x 2 patches": (
        (),
        {"patch": 512, "network_def::width": 8, "batch_size": 2, "patches": 2},
    ),
    "full size, 512 px, width 16, 2 x 2 patches": ((), {"patch": 512, "batch_size": 2, "patches": 2}),
}


def measure(overlays: tuple[str, ...], settings: dict[str, Any], data: str, epochs: int) -> tuple[float, float]:
    """Return the mean seconds per step of the loader and of the rest, after the first epoch."""
    import torch
    from ignite.handlers import BasicTimeProfiler

    from fundus_mtl.workflow import StrictWorkflow

    torch.set_num_threads(1)
    configs = BUNDLES / "hrf_av_mtl" / "configs"
    with tempfile.TemporaryDirectory() as out:
        workflow = StrictWorkflow(
            config_file=[str(configs / name) for name in ("common.yaml", "../../shared/train.yaml", "train.yaml")],
            workflow_type="train",
            logging_file=False,
            overlay=[str(configs / "overlays" / name) for name in overlays] or None,
            dataset_dir=data,
            output_dir=out,
            max_epochs=1 + epochs,
            val_interval=99,  # never
            tracking_uri=None,
            **settings,
        )
        workflow.initialize()
        trainer = workflow.parser.get_parsed_content("train::trainer")
        profiler = BasicTimeProfiler()
        profiler.attach(trainer)
        workflow.run()
        steps = trainer.state.epoch_length
        loading, working = profiler.dataflow_times[steps:], profiler.processing_times[steps:]
        workflow.finalize()
    return float(loading.mean()), float(working.mean())


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder written by data_prep.hrf_av")
    parser.add_argument("--epochs", type=int, default=2, help="measured epochs, after the first")
    options = parser.parse_args()
    print("| patches | loader, s per step | network, s per step | loader's share |\n|---|---|---|---|")
    for name, (overlays, settings) in ROWS.items():
        loading, working = measure(overlays, settings, options.data, options.epochs)
        share = loading / (loading + working)
        print(f"| {name} | {loading:.3f} | {working:.3f} | {share:.0%} |", flush=True)


if __name__ == "__main__":
    main()
