"""Numbers of a configuration have declared ranges; what is outside is refused before anything is built."""

from __future__ import annotations

import math
from copy import deepcopy

import pytest
import yaml

from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._items import MISSING, look_up, split
from fundus_mtl.workflow._merge import merge_files, merge_overrides
from fundus_mtl.workflow._ranges import ITEMS, Range, check_ranges
from tests.bundles.conftest import BUNDLES
from tests.workflow.test_bundle_configs import ARGS, configs_of


def name_of(path):
    return f"{path.parts[-3]}-{path.stem}"


def numbers_at_the_top(config):
    return {key for key, value in config.items() if type(value) in (int, float)}


@pytest.mark.parametrize("args", ARGS, ids=name_of)
def test_every_number_at_the_top_of_a_bundle_has_a_range(args):
    assert numbers_at_the_top(merge_files(configs_of(args), [])) <= ITEMS.keys()


def test_so_has_every_number_of_an_overlay():
    for path in [*BUNDLES.glob("*/configs/overlays/*.yaml"), *BUNDLES.glob("*/configs/stage.yaml")]:
        assert numbers_at_the_top(yaml.safe_load(path.read_text())) <= ITEMS.keys(), path


@pytest.mark.parametrize("item", sorted(ITEMS))
def test_a_range_is_of_an_item_that_a_bundle_has(item):
    files = [path for path in BUNDLES.rglob("*.yaml") if "compare" not in path.name]
    contents = [yaml.safe_load(path.read_text()) for path in files]
    assert any(item in content or look_up(content, split(item)) is not MISSING for content in contents)


WRONG = [-5, math.nan, 1e9 + 0.5, math.inf, -math.inf, 10**12, "12px", True]


@pytest.mark.parametrize("args", ARGS, ids=name_of)
def test_every_range_refuses_what_is_no_such_number(args):
    files = configs_of(args)
    config = merge_files(files, [])
    own = [item for item in ITEMS if type(look_up(config, split(item))) in (int, float)]
    assert own
    for item in own:
        for wrong in WRONG:
            with pytest.raises(RefusedError, match=item):
                merge_overrides(deepcopy(config), {item: wrong}, files, None)


@pytest.mark.parametrize(
    ("item", "wrong", "message"),
    [
        ("size", 0, "size: expected a whole number from 8 to 8192, but got 0."),
        ("size", 256.0, "size: expected a whole number from 8 to 8192, but got 256.0."),
        ("size", None, "size: expected a whole number from 8 to 8192, but got null."),
        ("zoom", 0, "zoom: expected a number from 0.01 to 4, but got 0."),
        ("lr", 0.0, "lr: expected a number above 0 up to 1000, but got 0.0."),
        ("overlap", 1, "overlap: expected a number from 0 below 1, but got 1."),
        ("diameters", 0.5, "diameters: expected a number from 1 to 20, or null, but got 0.5."),
    ],
)
def test_the_message_names_the_range(item, wrong, message):
    with pytest.raises(RefusedError) as caught:
        check_ranges({item: wrong})
    assert str(caught.value) == message


def test_what_is_in_its_range_passes():
    check_ranges({"size": 8, "zoom": 4, "lr": 1000.0, "overlap": 0, "diameters": None, "batch_size": 100_000})


def test_expressions_and_other_kinds_are_left_alone():
    check_ranges({"size": "$@a * 2", "zoom": "@b", "patch": [64, 64], "fold": "%c"})


def test_thresholds_and_probabilities_are_checked_wherever_they_are():
    cut = {"_target_": "monai.transforms.AsDiscreted", "keys": "disc", "threshold": 1.5}
    with pytest.raises(
        RefusedError, match=r"post::transforms::1::threshold: expected a number from 0 to 1, but got 1\.5"
    ):
        check_ranges({"post": {"transforms": [{}, cut]}})
    check_ranges({"post": [{"_target_": "ThresholdIntensityd", "threshold": 20}]})
    with pytest.raises(RefusedError, match=r"augmentation::0::prob: expected a number from 0 to 1, but got -0\.5"):
        check_ranges({"augmentation": [{"_target_": "RandFlipd", "prob": -0.5}]})


def test_no_number_is_nan_or_infinite():
    with pytest.raises(RefusedError, match=r"mine::deep::0: expected a finite number, but got nan"):
        check_ranges({"mine": {"deep": [math.nan]}})


def test_the_ends_of_a_range():
    half_open = Range(0, 1, above=True, below=True)
    assert [value in half_open for value in (0, 1e-9, 0.5, 1 - 1e-9, 1)] == [False, True, True, True, False]
    assert str(Range(0, 2**32 - 1, whole=True)) == "a whole number from 0 to 4294967295"
