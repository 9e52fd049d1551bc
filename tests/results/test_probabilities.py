"""Probability maps of a folder's photographs: exact enough, upright, and as safe as the masks."""

from __future__ import annotations

import json
from functools import partial

import nibabel
import numpy as np
import pytest
import SimpleITK
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fundus_mtl.photographs import scan_folder
from fundus_mtl.results import ArteryVein, OutputError, Rules, Vessel
from fundus_mtl.results._nifti_writer import write_nifti, write_probabilities

from .conftest import answer
from .test_resume import contents, killed

SHAPE = (5, 8)
MAP = np.linspace(0, 1, 40).reshape(SHAPE)


def with_maps(item):
    """The drawn answer, and maps whose half lies on the drawn edges."""
    sample = answer(item)
    maps = {name: 0.1 + 0.8 * sample[f"pred_{name}"].float() for name in ("disc", "cup")}
    return sample | {f"probability_{name}": found for name, found in maps.items()}


def loaded(path):
    return np.asarray(nibabel.load(path).dataobj)[:, :, 0].T


@pytest.fixture
def folder(tmp_path, photograph):
    for index, name in enumerate(("DOE/x.jpg", "b.png")):
        photograph(tmp_path / "in" / name, width=120 + index)
    return tmp_path / "in"


@settings(deadline=None, derandomize=True, max_examples=40)
@given(arrays(np.float32, SHAPE, elements=st.floats(0, 1, width=32)))
def test_no_value_is_off_by_half_a_level_or_changes_its_side(tmp_path_factory, found):
    path = tmp_path_factory.getbasetemp() / "p.nii.gz"
    for near in (found, np.nextafter(np.full(SHAPE, 0.5, np.float32), np.float32(0)), np.full(SHAPE, 0.5, np.float32)):
        write_probabilities(path, near)
        np.testing.assert_allclose(loaded(path), near, atol=0.5 / 65535 + 1e-7)
        np.testing.assert_array_equal(loaded(path) >= 0.5, near >= 0.5)


@pytest.mark.parametrize("scale", [None, (0.006, 0.005)])
def test_it_lies_over_the_mask_in_other_programs(tmp_path, scale):
    write_nifti(tmp_path / "mask.nii.gz", MAP >= 0.5, scale)
    write_probabilities(tmp_path / "map.nii.gz", MAP, scale)
    mask, found = (SimpleITK.ReadImage(str(tmp_path / f"{name}.nii.gz")) for name in ("mask", "map"))
    np.testing.assert_allclose(SimpleITK.GetArrayFromImage(found)[0], MAP, atol=1e-5)  # upright, scaled
    for place in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(found, place)() == getattr(mask, place)()
    header = nibabel.load(tmp_path / "map.nii.gz").header
    assert header.get_xyzt_units()[0] == ("unknown" if scale is None else "mm")
    assert header.get_data_dtype() == np.uint16
    assert bytes(header["descrip"].item()).startswith(b"Research use only")


@pytest.mark.parametrize("broken", [MAP - 0.1, MAP + 0.1, np.full(SHAPE, np.nan), MAP[None]])
def test_what_is_no_probability_map_is_refused(tmp_path, broken):
    with pytest.raises(ValueError, match="expected probabilities"):
        write_probabilities(tmp_path / "map.nii.gz", broken)
    assert not list(tmp_path.iterdir())


def test_a_run_writes_them_beside_the_masks(folder, tmp_path, infer):
    infer(scan_folder(folder), tmp_path / "out", with_maps, mm_per_px=0.05)
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out/probabilities").rglob("*.gz")}
    photographs = ("DOE/x.jpg", "b.png")
    assert names == {f"probabilities/{name}_{part}.nii.gz" for name in photographs for part in ("disc", "cup")}
    image = nibabel.load(tmp_path / "out/probabilities/b.png_disc.nii.gz")
    assert image.header.get_zooms()[:2] == pytest.approx((0.05, 0.05))
    disc = loaded(tmp_path / "out/probabilities/b.png_disc.nii.gz")
    assert disc.shape == (60, 121)
    assert (np.argwhere(disc >= 0.5).min(axis=0).tolist(), np.argwhere(disc >= 0.5).max(axis=0).tolist()) == (
        [10, 8],
        [33, 27],
    )
    rows = (tmp_path / "out/results.csv").read_text()
    infer(scan_folder(folder), tmp_path / "plain", mm_per_px=0.05)
    assert not (tmp_path / "plain/probabilities").exists()
    assert len((tmp_path / "plain/results.csv").read_text().splitlines()) == len(rows.splitlines())


def test_a_run_without_some_of_them_is_done_again(folder, tmp_path, infer):
    infer(items := scan_folder(folder), tmp_path / "out", with_maps)
    expected = contents(tmp_path / "out")
    (tmp_path / "out/probabilities/b.png_cup.nii.gz").unlink()
    (tmp_path / "out/probabilities/stray_cup.nii.gz").touch()
    made = []
    infer(items, tmp_path / "out", lambda item: made.append(item["id"]) or with_maps(item))
    assert made == ["b.png"]
    assert contents(tmp_path / "out") == expected


def test_killed_while_they_are_written(folder, tmp_path, infer):
    infer(items := scan_folder(folder), tmp_path / "whole", with_maps)
    expected = contents(tmp_path / "whole")
    for moment in range(6, 22, 3):  # syncs and renamings of the first photographs' files
        output = tmp_path / f"out{moment}"
        assert killed(partial(infer, items, output, with_maps), moment)
        infer(items, output, with_maps)
        assert contents(output) == expected, moment


def test_a_full_disk_stops_the_run_and_what_is_done_stays(folder, tmp_path, infer, monkeypatch):
    from fundus_mtl.results import _nifti_writer

    original = _nifti_writer.write_output

    def full(path, content):
        if "b.png" in path.name:
            raise OutputError("no room")
        original(path, content)

    monkeypatch.setattr(_nifti_writer, "write_output", full)
    with pytest.raises(OutputError):
        infer(scan_folder(folder), tmp_path / "out", with_maps)
    rows = [json.loads(line)["row"]["image_id"] for line in (tmp_path / "out/journal.jsonl").read_text().splitlines()]
    assert rows == ["DOE/x.jpg"]
    monkeypatch.undo()
    infer(scan_folder(folder), tmp_path / "out", with_maps)
    infer(scan_folder(folder), tmp_path / "whole", with_maps)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_pseudonyms_hold_for_their_names_too(folder, tmp_path, infer):
    infer(scan_folder(folder), tmp_path / "out", with_maps, id_mode="hash")
    paths = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert sum(path.name.endswith(".nii.gz") for path in paths) == 4
    assert not any("DOE" in str(path.relative_to(tmp_path)) or b"DOE" in path.read_bytes() for path in paths)


def test_a_map_that_does_not_fit_or_is_not_known(folder, tmp_path, infer):
    def transform(item):
        sample = with_maps(item)
        if item["id"] == "b.png":
            return sample | {"probability_cup": torch.zeros(1, 3, 3)}
        return sample | {"probability_cup": sample["probability_cup"] * float("nan")}

    results = infer(scan_folder(folder), tmp_path / "out", transform)
    assert results.counts == {"ok": 1, "ungradable": 0, "failed": 1}
    assert [path.name for path in (tmp_path / "out/probabilities").rglob("*.gz")] == ["x.jpg_disc.nii.gz"]
    assert (
        "probabilities cup: expected the photograph's size (60, 121), but got (1, 3, 3)"
        in (tmp_path / "out/failures.csv").read_text()
    )


def test_an_ungradable_photograph_has_none(folder, tmp_path, infer):
    infer(scan_folder(folder), tmp_path / "out", with_maps, rules=Rules(withhold_ungradable=True))
    assert not list((tmp_path / "out").rglob("*.gz"))


def test_vessels_end_at_the_field_of_view():
    seen = np.ones(SHAPE, bool)
    seen[:, 6:] = False
    maps = ArteryVein("av").take_probabilities(np.full((2, *SHAPE), [[[0.25]], [[0.75]]]), seen)
    maps |= Vessel("v").take_probabilities(np.full((1, *SHAPE), 0.5), seen)
    assert list(maps) == ["artery", "vein", "vessel"]
    for found, level in zip(maps.values(), (0.25, 0.75, 0.5), strict=True):
        np.testing.assert_array_equal(found, np.where(seen, level, 0))


def test_replacing_a_run_removes_them(folder, tmp_path, infer):
    infer(items := scan_folder(folder), tmp_path / "out", with_maps)
    infer(items, tmp_path / "out", overwrite=True)
    assert not (tmp_path / "out/probabilities").exists()
