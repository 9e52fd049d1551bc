"""Every architecture in every bundle, and the settings of parts of a network with every kind of optimizer."""

from __future__ import annotations

import json

import pytest
import torch
import yaml
from monai.bundle import ConfigParser

from fundus_mtl.networks import load_weights
from fundus_mtl.workflow import find_bundle, read_recipe
from tests.bundles.conftest import BUNDLES, run, workflow
from tests.bundles.test_bundles import METHODS, ROBUST, TINY, TRAINABLE, options

ARCHITECTURES = sorted((BUNDLES / "architectures").glob("*.yaml"))
SOFT = [path for path in ARCHITECTURES if path.stem in ("cross_stitch", "nddr")]
each = pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda path: path.stem)
SIZE = {"unet::width": 4, "unet::depth": 2}
RESNET = {"resnet::width": 4, "resnet::encoder": "resnet18"}
SIZES = {path.stem: SIZE for path in ARCHITECTURES} | {"resnet34": RESNET}
COOL = BUNDLES / "methods" / "mt_cool.yaml"


@each
@pytest.mark.parametrize("bundle", TRAINABLE)
def test_every_architecture_trains_and_is_evaluated_in_every_bundle(bundle, architecture, data_of, tmp_path):
    given = SIZES[architecture.stem] | options(data_of(bundle), tmp_path)
    made = run(bundle, "train", architecture, BUNDLES / "methods" / "joint.yaml", **TINY, **given)
    network = made.parser.get_parsed_content("network")
    assert len(network.encoder) == (5 if architecture.stem == "resnet34" else 3)
    run(bundle, "evaluate", architecture, tracking_uri=None, **given)
    assert (tmp_path / "evaluation" / "per_case.csv").read_text().count("\n") > 3
    recipe = json.loads((tmp_path / "models" / "recipe.json").read_text())["recipe"]
    assert list(recipe["overlays"]) == [architecture.name, "joint.yaml"]
    common = yaml.safe_load((BUNDLES / bundle / "configs" / "common.yaml").read_text())
    folders = find_bundle(bundle, tmp_path).overlay_folders
    shared = read_recipe(tmp_path / "models" / "model.pt").overrides(common, folders)
    parser = ConfigParser(common)
    parser.update(shared)  # the items that inference starts with
    load_weights(parser.get_parsed_content("network"), tmp_path / "models" / "model.pt")
    assert shared["network_def"]["_target_"].endswith(type(network).__name__)


@each
@pytest.mark.parametrize("bundle", ["digits_mtl", "refuge_disc_mtl"])
def test_mt_cool_trains_every_architecture(bundle, architecture, data_of, tmp_path):
    deep = architecture.stem == "resnet34"  # a pixel of one image has no variance at the bottom
    tiny = TINY | ({"batch_size": 16, "max_epochs": 2} if deep else {})
    made = run(
        bundle, "train", architecture, COOL, **tiny, **SIZES[architecture.stem],
        **{"train::trainer::warmup_iterations": 1}, **options(data_of(bundle), tmp_path),
    )  # fmt: skip
    network = made.parser.get_parsed_content("network")
    assert network.widths == ([4, 4, 8, 16, 32] if deep else [4, 8, 16])
    assert network.owners == len(network.tasks)


@pytest.mark.parametrize("method", [path for path in METHODS if path.stem != "torchjd"], ids=lambda path: path.stem)
@pytest.mark.parametrize("architecture", SOFT, ids=lambda path: path.stem)
def test_units_that_exchange_features_have_a_rate_of_their_own(architecture, method, digits_data, tmp_path):
    given = SIZE | {"lr": 0.25} | options(digits_data, tmp_path)
    made = workflow("digits_mtl", "train", architecture, method, tracking_uri=None, **given)
    network, optimizer = (made.parser.get_parsed_content(name) for name in ("network", "optimizer"))
    units = {id(p) for p in network.exchange.parameters()}
    rates = {(id(p) in units, group["lr"]) for group in optimizer.param_groups for p in group["params"] if p.ndim == 4}
    assert rates == {(True, 25.0), (False, 0.25)}


def test_the_encoder_and_the_heads_may_have_rates_of_their_own(refuge_data, tmp_path):
    """MAMG's paper trains the backbone ten times faster than the heads."""
    settings = {"encoder": {"lr": 0.01, "weight_decay": 0.5}, "heads": {"lr": 0.002}}
    given = {"part_settings": settings, "lr": 0.001} | options(refuge_data, tmp_path)
    made = workflow("refuge_mtl", "train", tracking_uri=None, **given)
    groups = made.parser.get_parsed_content("optimizer").param_groups
    assert [(g["name"], g["lr"], g["weight_decay"]) for g in groups] == [
        ("encoder", 0.01, 0.5), ("heads", 0.002, 0.0), ("rest", 0.001, 0.0),
    ]  # fmt: skip


def test_a_schedule_with_a_rate_per_group_keeps_the_ratio(refuge_data, tmp_path):
    """What docs/methods.md recommends with the recipe `robust`."""
    given = SIZE | options(refuge_data, tmp_path)
    given |= {"lr_scheduler::max_lr": "$[group['lr'] for group in @optimizer.param_groups]"}
    made = workflow("refuge_mtl", "train", ROBUST, SOFT[0], tracking_uri=None, **given)
    made.parser.get_parsed_content("lr_scheduler")
    first, second = (group["lr"] for group in made.parser.get_parsed_content("optimizer").param_groups)
    assert first == pytest.approx(100 * second)
    assert torch.is_tensor(made.parser.get_parsed_content("parameters")[0]["params"][0])
