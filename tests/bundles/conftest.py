"""Tiny data for every bundle, prepared once per session, and bundles run on them in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_prep.hrf_av import prepare as prepare_hrf_av
from data_prep.phantom import write_hrf_av, write_refuge
from data_prep.refuge import prepare
from fundus_mtl.data import ArraySet, BalancedSampler, embedded_digits
from fundus_mtl.workflow import StrictWorkflow
from fundus_mtl.workflow._config_items import files_of

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"
# What makes a bundle tiny, and the fixture that prepares sixteen training samples for it.
TINY_BUNDLE: dict[str, dict[str, object]] = {
    "digits_mtl": {"hidden": 6},
    "hrf_av_mtl": {"patch": 32, "network_def::width": 4},
    "refuge_disc_mtl": {"crop": 48, "size": 32, "network_def::width": 4},
    "refuge_mtl": {"size": 32, "network_def::width": 2},
}
DATA = {
    "digits_mtl": "digits_data",
    "hrf_av_mtl": "hrf_data",
    "refuge_disc_mtl": "refuge_data",
    "refuge_mtl": "refuge_data",
}


@pytest.fixture(scope="session")
def refuge_data(tmp_path_factory):
    """Sixteen, four and four phantoms of about 96 px, as datalists."""
    folder = tmp_path_factory.mktemp("refuge")
    write_refuge(folder / "raw", {"train": 16, "validation": 4, "test": 4}, size=96, seed=0, share=0.5)
    prepare(folder / "raw", folder / "data")
    return folder / "data"


@pytest.fixture(scope="session")
def hrf_data(tmp_path_factory):
    """24 phantoms of 90x60 px in HRF-AV's layout: six to train, three to validate, fifteen to test."""
    folder = tmp_path_factory.mktemp("hrf")
    write_hrf_av(folder / "raw", 24, size=90, seed=0)
    prepare_hrf_av(folder / "raw", folder / "data")
    return folder / "data"


@pytest.fixture(scope="session")
def digits_data(tmp_path_factory):
    """Sixteen, four and four of the digits that come with scikit-learn, even and odd ones in turn."""
    embedded = embedded_digits("even_odd")
    counts = {"training": 16, "validation": 4, "testing": 4}
    sections = {name: _even_and_odd(embedded.sections[name], count) for name, count in counts.items()}
    folder = tmp_path_factory.mktemp("digits")
    ArraySet(embedded.about, embedded.tasks, sections).save(folder / "even_odd.npz")
    return folder


def _even_and_odd(arrays, count):
    order = BalancedSampler(torch.as_tensor(arrays["odd_present"]).int())
    order.generator = torch.Generator().manual_seed(0)
    rows = list(order)[:count]
    return {key: array[rows] for key, array in arrays.items()}


@pytest.fixture
def data_of(request):
    """From a bundle's name to its tiny data."""
    return lambda bundle: request.getfixturevalue(DATA[bundle])


def workflow(bundle, kind, *overlays, **overrides):
    """Make a bundle's workflow as its args file would, tiny."""
    configs = BUNDLES / bundle / "configs"
    args = configs / ("args.yaml" if kind == "train" else f"args_{kind}.yaml")
    files = files_of(args) if args.is_file() else [configs / "common.yaml", configs / f"{kind}.yaml"]
    return StrictWorkflow(
        config_file=[str(file) for file in files],
        workflow_type="train" if kind == "train" else "infer",
        logging_file=False,
        overlay=[str(overlay) for overlay in overlays] or None,
        **TINY_BUNDLE[bundle] | {"device": "$torch.device('cpu')"} | overrides,
    )


def run(*args, **options):
    """Initialize, run and finalize; return the workflow."""
    made = workflow(*args, **options)
    made.initialize()
    made.run()
    made.finalize()
    return made
