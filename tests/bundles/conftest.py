"""Phantoms in REFUGE's layout, prepared once per session, and bundles run on them in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_prep.phantom import write_refuge
from data_prep.refuge import prepare
from fundus_mtl.workflow import StrictWorkflow

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"


@pytest.fixture(scope="session")
def refuge_data(tmp_path_factory):
    """Sixteen, four and four phantoms of about 96 px, as datalists."""
    folder = tmp_path_factory.mktemp("refuge")
    write_refuge(folder / "raw", {"train": 16, "validation": 4, "test": 4}, size=96, seed=0, share=0.5)
    prepare(folder / "raw", folder / "data")
    return folder / "data"


def workflow(bundle, kind, *overlays, **overrides):
    """Make a bundle's workflow as its args file would, tiny."""
    configs = BUNDLES / bundle / "configs"
    return StrictWorkflow(
        config_file=[str(configs / "common.yaml"), str(configs / f"{kind}.yaml")],
        workflow_type="train" if kind == "train" else "infer",
        logging_file=False,
        overlay=[str(overlay) for overlay in overlays] or None,
        **{"size": 32, "network_def::width": 2, "device": "$torch.device('cpu')"} | overrides,
    )


def run(*args, **options):
    """Initialize, run and finalize; return the workflow."""
    made = workflow(*args, **options)
    made.initialize()
    made.run()
    made.finalize()
    return made
