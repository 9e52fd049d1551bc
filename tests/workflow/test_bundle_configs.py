"""The bundles' own configs: merged alike by MONAI and by us, complete, and readable."""

from __future__ import annotations

import pytest
import yaml
from monai.bundle import ConfigParser

from fundus_mtl.workflow._merge import merge_files
from tests.bundles.conftest import BUNDLES, workflow

ARGS = sorted(BUNDLES.glob("*/configs/args*.yaml"))
METHODS = sorted((BUNDLES / "methods").glob("*.yaml"))
YAML = sorted(BUNDLES.rglob("*.yaml"))


def configs_of(args):
    return [args.parent / name for name in yaml.safe_load(args.read_text())["config_file"]]


def trains(args):
    return args.stem in ("args", "args_multi_gpu")


def stock(files):
    parser = ConfigParser()
    parser.read_config([str(file) for file in files])
    return {key: value for key, value in parser.get().items() if key not in ("_meta_", "_after_")}


@pytest.mark.parametrize("args", ARGS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_monai_merges_the_files_as_we_do(args):
    """StrictWorkflow checks one merged config, and MONAI builds from its own."""
    files = configs_of(args)
    for method in METHODS if trains(args) else [None]:
        overlays = [method] if method else []
        assert merge_files(files, overlays) == stock([*files, *overlays])


@pytest.mark.parametrize("path", YAML, ids=lambda path: "/".join(path.parts[-3:]))
def test_lines_are_short_and_long_mappings_are_blocks(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        assert len(line) <= 120, f"{path}:{number}"


def test_what_bundles_share_is_stated_once():
    """No bundle repeats a value that the shared file before it has."""
    for name, kind in (("train", "train"), ("evaluate", "evaluate"), ("evaluate", "inference")):
        shared = yaml.safe_load((BUNDLES / "shared" / f"{name}.yaml").read_text())
        for path in BUNDLES.glob(f"*/configs/{kind}.yaml"):
            own = yaml.safe_load(path.read_text())
            assert not [key for key, value in own.items() if key in shared and shared[key] == value], path


def test_nothing_is_logged_about_the_folder_that_bundles_share(caplog):
    workflow("digits_mtl", "train")
    assert not [record for record in caplog.records if "Not all config files" in record.getMessage()]
