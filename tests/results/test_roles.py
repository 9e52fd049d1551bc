"""Roles are open: a new one brings its columns, flags, pictures and report entries with it."""

from __future__ import annotations

import csv
import json
from typing import ClassVar

import cv2
import nibabel
import numpy as np
import pytest
from PIL import Image

from fundus_mtl import results
from fundus_mtl.biomarkers import GradabilityLimits
from fundus_mtl.exports import export_nifti
from fundus_mtl.photographs import scan_folder
from fundus_mtl.results import (
    Column,
    ColumnGroup,
    Cup,
    Disc,
    Findings,
    Fovea,
    Glaucoma,
    Histogram,
    Layout,
    MaskFile,
    MaskRole,
    Measure,
    Quality,
    Quantity,
    Relation,
    Role,
    Rules,
    Shown,
    flip_spreads,
    masks_of_run,
    overlay_of,
    quantities_of_run,
)
from tests.biomarkers.fundus_drawings import fundus

from .conftest import COLUMNS, LAYOUT, ROLES, answer

PICTURE, _ = fundus(340, 400, 160)


class Haemorrhage(MaskRole):
    """A role that the package does not know."""

    name: ClassVar[str] = "haemorrhage"
    structures: ClassVar[tuple[str, ...]] = ("haemorrhage",)
    options: ClassVar = {"haemorrhage_limit_px": 50}
    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(95, (Column("haemorrhage_area_px", "px²", "pixels that are <haemorrhage>"),)),
    )
    shown: ClassVar[tuple[Shown, ...]] = (
        Shown("haemorrhage_area_px", "Haemorrhage & co", 0, "px²", histogram=Histogram("Area <b>", "areas", 1000)),
    )
    files: ClassVar = (MaskFile("haemorrhages", "", "white inside", {0: 0, 255: 1}),)
    quantities: ClassVar = (Quantity("haemorrhage_area_px", "BLOOD", "Area of haemorrhages"),)

    def measure(self, found: Findings, columns):
        return {"haemorrhage_area_px": float(found.answers.masks["haemorrhage"].sum())}

    def flags(self, found: Findings, columns):
        limit = {**self.options, **found.rules.of_roles}["haemorrhage_limit_px"]
        return ["haemorrhage_large"] if columns["haemorrhage_area_px"] > limit else []

    def pictures(self, found: Findings):
        mask = found.answers.masks["haemorrhage"].astype(np.uint8) * 255
        return {"haemorrhages": bytes(cv2.imencode(".png", mask)[1])}


class HaemorrhagePerDisc(Relation):
    """A relation that the package does not know."""

    needs: ClassVar[tuple[str, ...]] = ("disc", "haemorrhage")
    columns: ClassVar[tuple[ColumnGroup, ...]] = (ColumnGroup(96, (Column("haemorrhage_per_disc", "1", "of areas"),)),)

    def measure(self, found: Findings, columns):
        return {"haemorrhage_per_disc": columns["haemorrhage_area_px"] / columns["disc_area_px"]}


def bleeding(item):
    """The drawn answer; 10 x 8 px bleed in the first photograph, none in the second."""
    sample, mask = answer(item), np.zeros((1, 60, 120), np.uint8)
    if item["id"] == "a.png":
        mask[0, 40:50, 60:68] = 1
    return sample | {"pred_h": mask, "probability_h": mask * 0.75}


@pytest.fixture
def folder(tmp_path, photograph):
    for name in ("a.png", "b.png"):
        photograph(tmp_path / "in" / name)
    return tmp_path / "in"


def test_a_role_of_ones_own(folder, tmp_path, infer, rows):
    roles, out = (*ROLES, Haemorrhage("h")), tmp_path / "out"
    rules = Rules(withhold_ungradable=False)
    assert infer(scan_folder(folder), out, bleeding, roles=roles, rules=rules).counts["ok"] == 2
    first, second = rows(out / "results.csv")
    assert set(first) - {column.name for column in COLUMNS} == {"haemorrhage_area_px"}
    assert list(first).index("haemorrhage_area_px") == list(first).index("flags") - 1
    assert (first["haemorrhage_area_px"], second["haemorrhage_area_px"]) == ("80", "0")
    assert "haemorrhage_large" in first["flags"].split(";")
    assert "haemorrhage_missing" in second["flags"].split(";")
    assert "haemorrhage not found" in second["status_reason"].split("; ")
    assert (first["vcdr"], second["vcdr"]) == ("0.5", "0.5")
    entries = {row["column"]: row for row in rows(out / "data_dictionary.csv")}
    assert entries["haemorrhage_area_px"]["meaning"] == "pixels that are <haemorrhage>"
    assert entries["haemorrhages/<image_id>.png"]["meaning"] == "white inside"
    assert "disc, cup and haemorrhage" in entries["overlays/<image_id>.jpg"]["meaning"]
    with Image.open(out / "haemorrhages/a.png.png") as mask:
        assert np.argwhere(np.asarray(mask) > 0).min(axis=0).tolist() == [40, 60]
    assert (out / "probabilities/a.png_haemorrhage.nii.gz").is_file()
    with Image.open(out / "overlays/a.png.jpg") as bled, Image.open(out / "overlays/b.png.jpg") as plain:
        differ = np.abs(np.asarray(bled).astype(int) - np.asarray(plain)).sum(axis=2) > 60
    assert differ[38:52, 58:70].any()
    assert not differ[:30].any()
    html = (out / "report.html").read_text(encoding="utf-8")
    assert '<button data-unit="px²">Haemorrhage &amp; co</button><small>px²</small>' in html
    assert '<td data-key="80">80</td>' in html
    assert "<h2>Area &lt;b&gt;</h2>" in html
    assert "haemorrhage large" in html


def test_its_folder_goes_with_the_run_that_it_belongs_to(folder, tmp_path, infer, make):
    items, out = scan_folder(folder), tmp_path / "out"
    infer(items, out, bleeding, roles=(*ROLES, Haemorrhage("h")))
    assert "haemorrhages" in json.loads((out / "run.json").read_text())["folders"]
    infer(items, out, bleeding, overwrite=True)
    assert not (out / "haemorrhages").exists()
    assert (out / "masks/a.png.png").is_file()


@pytest.mark.parametrize("name", ["../precious", "a/b", ".", "", "/", 3, None])
def test_a_record_cannot_name_a_folder_elsewhere_for_removal(name, folder, tmp_path, infer):
    items, out = scan_folder(folder), tmp_path / "out"
    infer(items, out)
    record = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(record | {"folders": [name]}))
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/x").touch()
    infer(items, out, overwrite=True)
    assert (tmp_path / "precious/x").exists()


def test_exports_know_a_role_of_ones_own(folder, tmp_path, infer):
    out = tmp_path / "out"
    infer(scan_folder(folder), out, bleeding, roles=(*ROLES, Haemorrhage("h")), mm_per_px=0.01)
    assert export_nifti(out, tmp_path / "nifti") == {}
    names = {f"{name}{part}.nii.gz" for name in ("a.png", "b.png") for part in ("", "_haemorrhages")}
    assert {path.name for path in (tmp_path / "nifti").iterdir()} == names
    labels = np.asarray(nibabel.load(tmp_path / "nifti/a.png_haemorrhages.nii.gz").dataobj)[:, :, 0].T
    assert (labels.sum(), labels.max(), labels[40, 60]) == (80, 1, 1)
    codes = np.asarray(nibabel.load(tmp_path / "nifti/a.png.nii.gz").dataobj)[:, :, 0].T
    assert np.bincount(codes.ravel()).tolist() == [60 * 120 - 480, 360, 120]
    (blood,) = (one for one in quantities_of_run(json.loads((out / "run.json").read_text())) if one.code == "BLOOD")
    assert blood == ("haemorrhage_area_px", "BLOOD", "Area of haemorrhages", "px²", ("haemorrhage",), False)


@pytest.mark.parametrize(
    "masks",
    [None, [{"folder": "../x", "labels": []}], [{"folder": "m", "labels": [[0, 256]]}], [{"folder": "m"}]],
    ids=str,
)
def test_a_record_of_another_form_is_refused(masks):
    with pytest.raises(ValueError, match=r"^expected a run.json that names its masks .* but got one of fundus_mtl 0.1"):
        masks_of_run({"software_version": "0.1", "exported": {"masks": masks}})
    with pytest.raises(ValueError, match=r"^expected a run.json that names its masks .* but got one of fundus_mtl 0.1"):
        quantities_of_run({"software_version": "0.1", "exported": {"quantities": masks}})


def test_a_failed_photograph_leaves_none_of_its_pictures(folder, tmp_path, infer):
    def half_wrong(item):
        sample = bleeding(item)  # the map is refused after the masks are written
        return sample | ({"probability_h": np.full((1, 60, 120), 2.0)} if item["id"] == "a.png" else {})

    found = infer(scan_folder(folder), tmp_path / "out", half_wrong, roles=(*ROLES, Haemorrhage("h")))
    assert found.counts == {"ok": 1, "ungradable": 0, "failed": 1}
    assert [path.name for path in (tmp_path / "out").rglob("a.png*")] == []


def test_a_relation_of_ones_own_is_absent_where_a_role_is_missing():
    disc, blood = np.zeros((1, 340, 400)), np.zeros((1, 340, 400))
    disc[0, 150:200, 250:300], blood[0, 10:20, 200:225] = 1, 1
    sample = {"pred_d": disc, "pred_h": blood}
    relations = (*results.RELATIONS, HaemorrhagePerDisc())
    both = Measure([Disc("d"), Haemorrhage("h")], relations=relations)
    assert both(PICTURE, sample).columns["haemorrhage_per_disc"] == 250 / 2500
    one = Measure([Haemorrhage("h")], relations=relations)
    assert "haemorrhage_per_disc" not in {column.name for column in one.columns}
    assert "haemorrhage_per_disc" not in one(PICTURE, sample).columns
    assert "haemorrhage_per_disc" not in both(PICTURE, {"pred_h": blood}).columns  # an answer is missing


def test_no_column_is_unknown_to_the_dictionary():
    """For every set of the known roles, what is measured has a place in the table, once."""
    disc, cup = np.zeros((1, 340, 400)), np.zeros((1, 340, 400))
    disc[0, 130:190, 260:310], cup[0, 150:186, 280:305] = 1, 1
    answers = {
        "disc": disc, "cup": cup, "fovea": np.array([120.0, 171.5]), "glaucoma": np.array([0.3]), "quality": np.array([0.8]),
        "artery_vein": np.concatenate([disc, cup]), "vessel": disc,
    }  # fmt: skip
    kinds = [Disc, Cup, Fovea, Glaucoma, Quality, results.ArteryVein, results.Vessel]
    for chosen in range(2 ** len(kinds)):
        roles: list[Role] = [kind(kind.name) for index, kind in enumerate(kinds) if chosen >> index & 1]
        measure = Measure(roles)
        found = measure(PICTURE, {f"pred_{name}": value for name, value in answers.items()}, {"mm_per_px": 0.02})
        names = [column.name for column in Layout.of(measure).columns]
        assert len(names) == len(set(names))
        assert set(found.columns) <= set(names)
        assert set(found.scores) == {"glaucoma", "quality"} & {role.name for role in roles}


def test_missing_masks_come_before_points_and_scores_and_flags_of_the_photograph_last():
    nothing, nowhere = np.zeros((2, 340, 400)), np.full(2, np.nan)
    roles = [Glaucoma("g"), Fovea("f"), *ROLES[:2], results.ArteryVein("av")]
    sample = {
        "pred_disc": nothing[:1],
        "pred_cup": nothing[:1],
        "pred_av": nothing,
        "pred_f": nowhere,
        "pred_g": nowhere[:1],
    }
    found = Measure(roles, Rules(withhold_ungradable=False))(
        PICTURE, sample, {"laterality": "R", "burned_in": "yes"}, "OS.png"
    )
    missing = ["disc_missing", "cup_missing", "vessels_missing", "fovea_missing", "score_missing"]
    assert found.flags == (*missing, "not_gradable", "laterality_conflict", "burned_in_annotation")
    reasons = ["disc not found", "cup not found", "vessels not found", "fovea not found", "no glaucoma score"]
    assert found.columns["status_reason"] == "; ".join(reasons)  # the disc once, though the grading names it too


def test_the_order_of_the_roles_does_not_matter():
    forth, back = Layout.of(Measure(ROLES)), Layout.of(Measure(ROLES[::-1]))
    assert forth.columns == back.columns
    assert forth.shown == back.shown


def test_the_report_shows_no_number_of_a_role_that_no_task_answers():
    roles = [Disc(None), Cup("c"), Fovea(None), Glaucoma("g")]
    layout = Layout.of(Measure(roles))
    assert [number.column for number in layout.shown] == ["glaucoma_prob"]
    assert layout.columns == LAYOUT.columns  # the table keeps them, empty


def test_the_run_and_the_report_say_why_a_role_has_no_task(folder, tmp_path, infer):
    roles, out = (*ROLES[:-1], Glaucoma(None, "AUC 0.5 on <another> camera")), tmp_path / "out"
    infer(scan_folder(folder), out, roles=roles)
    assert json.loads((out / "run.json").read_text())["unanswered"] == {"glaucoma": "AUC 0.5 on <another> camera"}
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "No result for glaucoma: AUC 0.5 on &lt;another&gt; camera" in html
    infer(scan_folder(folder), tmp_path / "other", roles=ROLES)
    assert "No result for" not in (tmp_path / "other/report.html").read_text(encoding="utf-8")


def test_a_learned_quality_takes_the_place_of_the_rules():
    measure = Measure([Quality("q")])
    by_rules = measure(PICTURE, {}).columns
    learned = measure(PICTURE, {"pred_q": np.array([[0.25]])}).columns
    assert 0.5 < by_rules["quality_score"] < 1
    assert "quality_source" not in by_rules
    assert (learned["quality_score"], learned["quality_source"], learned["gradable"]) == (0.25, "model", True)
    assert measure(PICTURE, {"pred_q": np.array([1.01])}).columns["quality_score"] == 1
    unknown = measure(PICTURE, {"pred_q": np.array([np.nan])})
    assert unknown.columns["quality_score"] == by_rules["quality_score"]
    assert (unknown.flags, unknown.columns["status_reason"]) == (("quality_missing",), "no quality score")
    withheld = measure(np.zeros_like(PICTURE), {"pred_q": np.array([0.25])})
    assert (withheld.status, withheld.scores) == ("ungradable", {})
    assert withheld.columns["quality_score"] < 0.5
    assert [column.name for column in measure.columns].count("quality_source") == 1
    assert "quality_source" not in {column.name for column in COLUMNS}


def test_a_learned_quality_refuses_a_photograph_and_is_named():
    measure = Measure([Quality("q"), Fovea("f")], Rules(GradabilityLimits(learned_quality=0.3)))
    answers = {"pred_f": np.array([120.0, 171.5])}
    good = measure(PICTURE, {"pred_q": np.array([0.3]), **answers})
    assert (good.status, good.columns["gradable"], good.columns["ungradable_by"]) == ("ok", True, None)
    bad = measure(PICTURE, {"pred_q": np.array([0.29]), **answers})
    assert (bad.status, bad.columns["status_reason"], bad.points) == ("ungradable", "low quality score", {})
    names = ("quality_score", "quality_source", "gradable", "ungradable_by")
    assert [bad.columns[name] for name in names] == [0.29, "model", False, "model"]
    lenient = Measure([Quality("q")], Rules(GradabilityLimits(learned_quality=0.3), withhold_ungradable=False))
    assert lenient(PICTURE, {"pred_q": np.array([0.1])}).flags == ("not_gradable",)
    without = Measure([Fovea("f")], Rules(GradabilityLimits(learned_quality=0.3)))(PICTURE, answers)
    assert (without.status, without.columns["ungradable_by"]) == ("ok", None)  # by the rules alone


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="^roles: expected different names, but got disc more than once"):
        Measure([Disc("a"), Disc("b")])
    with pytest.raises(
        ValueError,
        match="^rules: expected some of limits, withhold_ungradable, withhold_implausible, glaucoma_cal",
    ):
        Measure(ROLES, Rules(glaucoma_treshold=0.5))
    with pytest.raises(ValueError, match=r"^score glaucoma: expected one number, but got an array of shape \(2,\)"):
        Measure(ROLES)(PICTURE, {"pred_glaucoma": np.zeros(2)})
    with pytest.raises(ValueError, match=r"^point fovea: expected x and y, but got an array of shape \(3,\)"):
        Measure(ROLES)(PICTURE, {"pred_fovea": np.zeros(3)})


def test_measuring_writes_and_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    disc = np.zeros((1, 340, 400), np.uint8)
    disc[0, 150:200, 250:300] = 1
    before, picture = disc.copy(), PICTURE.copy()
    measured = Measure(ROLES)(picture, {"pred_disc": disc})
    assert measured.masks["disc"].sum() == 2500
    drawn = overlay_of(picture, measured)
    assert drawn.shape == picture.shape
    assert (drawn != picture).any()
    np.testing.assert_array_equal(picture, PICTURE)
    np.testing.assert_array_equal(disc, before)
    assert list(tmp_path.iterdir()) == []


def test_the_spread_of_a_role_of_ones_own_is_asked_for():
    class Score(results.ScoreRole):
        name: ClassVar[str] = "dryness"
        uncertainty: ClassVar = results.UncertaintyColumn("dryness", "dryness_uncertainty")
        columns: ClassVar = (ColumnGroup(97, (Column("dryness_uncertainty", "1", "over views"),)),)

    spreads = flip_spreads([Score("s"), Glaucoma(None)])
    assert list(spreads) == ["uncertainty_dryness"]
    assert spreads["uncertainty_dryness"]([{"pred_s": 1.0}, {"pred_s": 3.0}]) == pytest.approx(np.sqrt(2))
    row = Measure([Score("s")])(PICTURE, {"pred_s": np.ones(1), "uncertainty_dryness": 0.5}).columns
    assert row["dryness_uncertainty"] == 0.5


def test_the_dictionary_of_a_run_with_one_score(tmp_path):
    text = Layout.of(Measure([Quality("q")])).data_dictionary()
    entries = {row["column"]: row["meaning"] for row in csv.DictReader(text.splitlines())}
    assert entries["overlays/<image_id>.jpg"] == "the photograph"
    assert not any(name.startswith(("masks/", "probabilities/", "disc_", "vcdr")) for name in entries)
