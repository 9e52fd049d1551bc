"""Bundles, methods and overlays are found by name or path; the items of a bundle's configs are read without MONAI."""

from __future__ import annotations

from pathlib import Path

import pytest

from fundus_mtl.workflow import files_of, find_bundle, first_part, items_of, lists_of, shared_items

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"


@pytest.fixture
def own(tmp_path):
    """A bundle of the user's own with two configs, an overlay and a default method."""
    configs = tmp_path / "eyes" / "configs"
    (configs / "overlays").mkdir(parents=True)
    (configs / "common.yaml").write_text("network: 1\nsize: 64\n")
    (configs / "train.yaml").write_text("_after_: [common.yaml]\nhandlers: [1, 2]\n+losses: {a: 1}\ntrain#trainer: 3\n")
    (configs / "args.yaml").write_text("config_file: [common.yaml, train.yaml]\noverlay: overlays/mine.yaml\n")
    (configs / "args_evaluate.yaml").write_text("config_file: common.yaml\n")
    (configs / "overlays" / "mine.yaml").write_text("network: 2\nmethod: mine\nsize::x: 1\n")
    return configs.parent


def test_a_bundle_by_name_by_path_and_beside_a_file(own, monkeypatch):
    assert find_bundle("digits_mtl", Path()).root == BUNDLES / "digits_mtl"
    assert find_bundle(str(own), Path()).root == own
    assert find_bundle("eyes", own.parent).root == own
    monkeypatch.chdir(own.parent)
    assert find_bundle("eyes", Path("/nowhere")).root == own


def test_overlays_of_the_bundle_come_first_then_those_beside_it(own, tmp_path, monkeypatch):
    bundle = find_bundle(str(own), tmp_path)
    (tmp_path / "mine.yaml").touch()
    (tmp_path / "other.yaml").touch()
    mine = own / "configs" / "overlays" / "mine.yaml"
    assert bundle.overlay("mine") == bundle.overlay("mine.yaml") == mine
    assert bundle.overlay("other") == tmp_path / "other.yaml"
    assert [path.resolve() for path in bundle.default_overlays()] == [mine]
    assert bundle.method_overlay("joint") == BUNDLES / "methods" / "joint.yaml"
    assert bundle.method_overlay("other.yaml") == tmp_path / "other.yaml"


@pytest.mark.parametrize(
    "find, message",
    [
        (lambda own: find_bundle("digit_mtl", own), "one of digits_mtl, .* but got digit_mtl; did you mean digits_mtl"),
        (lambda own: find_bundle("xyz", own), r"one of digits_mtl, .* but got xyz\.$"),
        (lambda own: find_bundle(str(own), own).method_overlay("pcgrat"), "but got pcgrat; did you mean pcgrad"),
        (lambda own: find_bundle(str(own), own).method_overlay("xyz"), "but got xyz; use one of cagrad, dwa"),
        (lambda own: find_bundle(str(own), own).overlay("mina"), "bundle eyes, but got mina; did you mean mine.yaml"),
        (lambda own: find_bundle(str(own), own).overlay("xyz"), "but got xyz; there is no such file"),
    ],
)
def test_what_is_not_found_is_named(own, find, message):
    with pytest.raises(FileNotFoundError, match=message):
        find(own)


def test_the_items_of_an_args_file(own):
    args = own / "configs" / "args.yaml"
    assert [path.name for path in files_of(args)] == ["common.yaml", "train.yaml"]
    assert items_of(args) == {"network", "size", "handlers", "losses", "train"}  # the order of files is no item
    assert lists_of(args) == {"handlers"}


def test_an_overlay_shares_only_what_the_evaluation_knows(own):
    shared = shared_items(own / "configs" / "args_evaluate.yaml", own / "configs" / "overlays" / "mine.yaml")
    assert shared == {"network": 2, "size::x": 1}


@pytest.mark.parametrize("item", ["train", "train::trainer", "train#trainer::amp", "+train::handlers"])
def test_the_first_part_of_an_id(item):
    assert first_part(item) == "train"
