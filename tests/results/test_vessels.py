"""Arteries and veins in a folder's results: inside the field of view, in the data set's colours, with their numbers."""

from __future__ import annotations

import csv
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from fundus_mtl.biomarkers import gradability, vessel_measures
from fundus_mtl.results import (
    Answers,
    ArteryVein,
    Disc,
    Findings,
    FolderResults,
    Measure,
    PhotographFacts,
    Rules,
    Vessel,
)
from fundus_mtl.results._vessel_tree import VesselTree
from tests.biomarkers.fundus_drawings import fundus

SEEN = np.ones((2, 4), bool)
SEEN[:, 3] = False
ARTERY = np.array([[1, 1, 0, 1], [0, 0, 0, 0]], np.uint8)
VEIN = np.array([[0, 1, 0, 1], [0, 0, 1, 0]], np.uint8)
VESSEL = np.array([[1, 0, 0, 1], [0, 0, 1, 1]], np.uint8)


ROLES = {"artery_vein": ArteryVein("artery_vein"), "vessel": Vessel("vessel"), "disc": Disc("disc")}


def findings(seen=SEEN, mm_per_px=None, **answers):
    """What the vessel roles and the disc, as far as there are answers, take out of a sample."""
    roles = [ROLES[name] for name in answers]
    taken = [role.take(np.asarray(answers[role.name]), seen) for role in roles]
    masks = {name: mask for one in taken for name, mask in one.masks.items()}
    quality = gradability(np.zeros((*seen.shape, 3), np.uint8), seen)
    known = frozenset(role.name for role in roles)
    return Findings(known, Answers(masks), seen, quality, PhotographFacts(mm_per_px=mm_per_px), Rules())


def found(seen=SEEN, without=(), **changes):
    answers = {"artery_vein": np.stack([ARTERY, VEIN]), "vessel": VESSEL[None]} | changes
    return findings(seen, **{name: answer for name, answer in answers.items() if name not in without})


def columns_of(given):
    return VesselTree().measure(given, {})


def test_the_map_has_the_data_sets_colours_and_ends_at_the_field_of_view():
    map_png, mask_png = ROLES["artery_vein"].pictures(found()), ROLES["vessel"].pictures(found())
    with Image.open(BytesIO(map_png["artery_vein"])) as picture:
        assert picture.mode == "P"
        colours = np.asarray(picture.convert("RGB")).tolist()
    red, green, blue, black = [255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]
    assert colours == [[red, green, black, black], [black, black, blue, black]]
    with Image.open(BytesIO(mask_png["vessels"])) as picture:
        assert picture.mode == "1"
        assert np.asarray(picture).tolist() == [[True, False, False, False], [False, False, True, False]]


def test_densities_by_hand():
    columns = columns_of(found())
    assert columns["artery_density"] == pytest.approx(2 / 6)
    assert columns["vein_density"] == pytest.approx(2 / 6)
    assert columns["vessel_density"] == pytest.approx(2 / 6)  # of the vessel head
    assert columns_of(found(without=["vessel"]))["vessel_density"] == pytest.approx(3 / 6)  # artery or vein
    assert columns_of(found(without=["artery_vein"])) == {"vessel_density": pytest.approx(2 / 6)}
    assert np.isnan(columns_of(found(seen=np.zeros((2, 4), bool)))["vessel_density"])


def test_zones_are_measured_where_there_is_a_disc():
    rows, columns = np.mgrid[:200, :300]
    disc = np.hypot(columns - 100, rows - 90) <= 20
    artery = (np.abs(rows - 60) <= 2) | (np.abs(columns - 130) <= 3)
    vein = np.abs(rows - columns + 20) <= 4
    seen = np.ones((200, 300), bool)
    both = np.stack([artery, vein]).astype(np.uint8)
    without = columns_of(findings(seen, artery_vein=both))
    with_disc = columns_of(findings(seen, artery_vein=both, disc=disc[None]))
    assert "avr" not in without
    expected = vessel_measures(artery, vein, disc, seen).values
    for name in ("artery_count", "vein_count", "crae_px", "avr", "tortuosity_vein"):
        assert with_disc[name] == pytest.approx(expected[name], nan_ok=True)
    assert with_disc["artery_count"] > 0


def test_calibres_in_micrometres_where_the_scale_is_known():
    """Eight spokes of each kind cross zone B; 4 and 6 µm per pixel along x and y are 5 on the average."""
    rows, columns = np.mgrid[:300, :320] - np.array([150, 160])[:, None, None]
    disc, around = np.hypot(columns, rows) <= 30, np.hypot(columns, rows) > 34

    def spokes(turn):
        angles = np.pi / 8 * np.arange(8) + turn
        return around & np.any([np.abs(columns * np.sin(a) - rows * np.cos(a)) <= 1.5 for a in angles], axis=0)

    given = {"artery_vein": np.stack([spokes(0), spokes(np.pi / 16)]), "disc": disc[None]}
    seen = np.ones((300, 320), bool)
    px, um = columns_of(findings(seen, **given)), columns_of(findings(seen, (0.004, 0.006), **given))
    assert px["crae_px"] > 3
    assert "crae_um" not in px
    assert um["crae_um"] == pytest.approx(5 * px["crae_px"])
    assert um["crve_um"] == pytest.approx(5 * px["crve_px"])
    assert um["avr"] == px["avr"]
    assert 0 < px["density_vessel_C"] < px["density_vessel_B"] < 1


def test_another_size_is_refused():
    with pytest.raises(ValueError, match=r"mask vessel: expected the photograph's size \(2, 4\), but got \(1, 4, 2\)"):
        found(vessel=np.zeros((1, 4, 2)))
    expected = r"mask artery_vein: expected the photograph's size \(2, 4\) for 2 structures, but got \(1, 2, 4\)"
    with pytest.raises(ValueError, match=expected):
        found(artery_vein=VESSEL[None])


def test_no_vessel_at_all_is_told():
    measure, (picture, _) = Measure([ArteryVein("av")]), fundus(340, 400, 160)
    row = measure(picture, {"pred_av": np.zeros((2, 340, 400))}).columns
    assert row["flags"] == "vessels_missing"
    assert row["status_reason"] == "vessels not found"
    assert row["vessel_density"] == 0
    assert measure(picture, {"pred_av": np.ones((2, 340, 400))}).flags == ()


def test_a_folder_of_vessels(tmp_path):
    """Files, columns, dictionary and report of a run that was asked for vessels; another run has none of them."""
    height, width = 340, 400
    picture = np.moveaxis(fundus(height, width, 160)[0], -1, 0)
    items = [{"id": "a/one.jpg", "image": "a/one.jpg"}]
    results = FolderResults(
        tmp_path, items, lambda _: picture, {"id": "toy", "sha256": "0"}, [ArteryVein("artery_vein"), Vessel("vessel")]
    )
    everywhere = np.ones((2, height, width), np.uint8)
    results.start()
    results.add([{"id": "a/one.jpg", "pred_artery_vein": everywhere, "pred_vessel": everywhere[:1]}])
    results.finish()
    with (tmp_path / "results.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["status"] == "ok"
    assert float(row["vessel_density"]) == 1
    with Image.open(tmp_path / "artery_vein" / "a" / "one.jpg.png") as mapped:
        assert mapped.size == (width, height)
        levels = np.asarray(mapped.convert("RGB"))
    assert levels[170, 200].tolist() == [0, 255, 0]
    assert not levels[1, 1].any()  # outside of the field of view
    assert (tmp_path / "vessels" / "a" / "one.jpg.png").is_file()
    assert "vessel_density" in (tmp_path / "data_dictionary.csv").read_text()
    report = (tmp_path / "report.html").read_text()
    assert "<b>1.000</b><span>median vessel density</span>" in report
    assert "vCDR" not in report
