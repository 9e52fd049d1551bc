from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from data_prep import hrf_av, refuge
from data_prep._phantom_anatomy import Ellipse, sample_eye
from data_prep._phantom_drawing import field_mask
from data_prep._phantom_files import refuge_mask
from data_prep._phantom_source import PhantomSource
from data_prep.phantom import (
    clinic_cameras,
    draw_phantom,
    hrf_camera,
    main,
    refuge_camera,
    write_folder,
    write_hrf_av,
    write_refuge,
)
from fundus_mtl.data import read_datalist
from fundus_mtl.metrics.av import paint

SIZE = 200
CAMERAS = {split: refuge_camera(split, SIZE) for split in ("train", "validation", "test")} | clinic_cameras(SIZE)
CAMERAS["hrf"] = hrf_camera(SIZE)
EYES = 200


@pytest.fixture(scope="module")
def phantoms():
    """Twelve phantoms of the non-square camera, large enough for thin vessels to have a colour."""
    camera = refuge_camera("train", 360)
    return [draw_phantom(np.random.default_rng(k), camera, glaucoma=k % 2 == 1) for k in range(12)]


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "raw"
    write_refuge(folder, {"train": 20, "validation": 10, "test": 5}, size=120, seed=7, share=0.4)
    return folder


def columns(mask):
    """REFUGE's vertical diameter: pixels of the fullest column."""
    return int(mask.sum(axis=0).max())


# The geometry of an eye


def test_an_ellipse_by_hand():
    """Half axes 4 (across) and 2 (down) around x = 10, y = 5."""
    ellipse = Ellipse(np.array([10.0, 5.0]), np.diag([4.0, 2.0]))
    assert ellipse.half_height == 2
    radius = ellipse.radius(12, 20)
    assert radius.shape == (12, 20)
    assert radius[5, 10] == 0
    assert [radius[5, 14], radius[5, 6], radius[3, 10], radius[7, 10]] == [1, 1, 1, 1]
    assert radius[5, 12] == pytest.approx(0.5)


def test_a_tilted_ellipse_has_the_extent_of_its_border():
    matrix = np.array([[30.0, -12.0], [9.0, 21.0]])
    angle = np.linspace(0.0, 2.0 * np.pi, 100_001)
    border = matrix @ [np.cos(angle), np.sin(angle)]
    ellipse = Ellipse(np.array([40.0, 30.0]), matrix)
    assert ellipse.half_height == pytest.approx(border[1].max(), rel=1e-6)
    rows, cols = np.nonzero(ellipse.radius(60, 80) <= 1)
    assert [rows.min(), rows.max()] == pytest.approx([30 - border[1].max(), 30 + border[1].max()], abs=1)
    assert [cols.min(), cols.max()] == pytest.approx([40 - border[0].max(), 40 + border[0].max()], abs=1)


@pytest.mark.parametrize("name", CAMERAS)
def test_disc_cup_and_fovea_lie_where_they_must(name):
    camera = CAMERAS[name]
    for k in range(EYES):
        eye = sample_eye(np.random.default_rng(k), camera, glaucoma=k % 2 == 0)
        disc, cup = (part.radius(camera.height, camera.width) <= 1 for part in (eye.disc, eye.cup))
        field = field_mask(camera, eye)
        assert cup.any()
        assert not (cup & ~disc).any()
        assert not (disc & ~field).any()
        x, y = np.rint(eye.fovea).astype(int)
        assert field[y, x]
        assert eye.laterality == ("R" if eye.disc.centre[0] > eye.fovea[0] else "L")


def test_distances_and_angles_are_those_of_eyes():
    eyes = [sample_eye(np.random.default_rng(k), CAMERAS["train"], glaucoma=False) for k in range(EYES)]
    x, y = np.array([eye.disc.centre - eye.fovea for eye in eyes]).T
    diameters = np.hypot(x, y) / [2 * eye.disc.half_height for eye in eyes]
    assert np.mean(diameters) == pytest.approx(2.65, abs=0.07)
    assert np.std(diameters) == pytest.approx(0.30, abs=0.05)
    angles = np.degrees(np.arctan2(-y, abs(x)))  # positive: the disc is above the fovea
    assert np.mean(angles) == pytest.approx(6.0, abs=1.0)
    assert np.std(angles) == pytest.approx(4.0, abs=0.6)
    assert 0.35 < np.mean([eye.laterality == "R" for eye in eyes]) < 0.65


def test_cups_are_larger_with_glaucoma_and_overlap_without():
    ratios = [
        [sample_eye(np.random.default_rng(k), CAMERAS["test"], glaucoma).vcdr for k in range(EYES)]
        for glaucoma in (False, True)
    ]
    assert np.mean(ratios, axis=1) == pytest.approx([0.45, 0.70], abs=0.03)
    assert np.std(ratios, axis=1) == pytest.approx([0.10, 0.08], abs=0.03)
    assert max(ratios[0]) > min(ratios[1])


# A phantom and its picture


def test_masks_agree_with_the_ratio_of_the_ellipses(phantoms):
    """Rasterising moves either diameter by less than one pixel."""
    for phantom in phantoms:
        assert phantom.image.shape == (348, 360, 3)
        assert phantom.image.dtype == np.uint8
        assert phantom.disc.shape == phantom.cup.shape == phantom.veins.shape == phantom.arteries.shape == (348, 360)
        assert columns(phantom.cup) / columns(phantom.disc) == pytest.approx(
            phantom.vcdr, abs=2 / columns(phantom.disc)
        )


def test_the_picture_shows_what_the_masks_say(phantoms):
    """Cup paler than rim, rim than retina; veins darker than arteries, arteries than retina; a dark macula and surround."""
    green = {part: [] for part in ("cup", "rim", "retina", "artery", "vein", "fovea", "outside")}
    for phantom in phantoms:
        rows, cols = np.mgrid[:348, :360]
        vessels = phantom.arteries | phantom.veins
        distance = np.hypot(cols - 179.5, rows - 173.5) / 360
        fovea = np.hypot(cols - phantom.fovea_xy[0], rows - phantom.fovea_xy[1])
        parts = {
            "cup": phantom.cup & ~vessels,
            "rim": phantom.disc & ~phantom.cup & ~vessels,
            "retina": ~phantom.disc & ~vessels & (distance < 0.42) & (fovea > 60),
            "artery": phantom.arteries & ~phantom.veins & ~phantom.disc & (distance < 0.42),
            "vein": phantom.veins & ~phantom.arteries & ~phantom.disc & (distance < 0.42),
            "fovea": ~vessels & (fovea < 6),
            "outside": distance > 0.51,
        }
        for part, mask in parts.items():
            assert mask.any(), part
            green[part].append(phantom.image[mask, 1].mean())
    for darker, brighter in [("rim", "cup"), ("retina", "rim"), ("artery", "retina"), ("vein", "artery")]:
        assert all(np.array(green[darker]) < green[brighter]), (darker, brighter)
    assert all(np.array(green["fovea"]) < 0.9 * np.array(green["retina"]))
    assert max(green["outside"]) < 10


def test_vessels_cross_the_rim_stay_in_the_field_and_spare_the_fovea(phantoms):
    camera = refuge_camera("train", 360)
    for k, phantom in enumerate(phantoms):
        field = field_mask(camera, sample_eye(np.random.default_rng(k), camera, glaucoma=k % 2 == 1))
        rows, cols = np.mgrid[:348, :360]
        near = np.hypot(cols - phantom.fovea_xy[0], rows - phantom.fovea_xy[1]) < 0.25 * columns(phantom.disc)
        for vessels in (phantom.arteries, phantom.veins):
            assert (vessels & phantom.disc & ~phantom.cup).any()
            assert (vessels & ~phantom.disc).any()
            assert not (vessels & ~field).any()
            assert not (vessels & near).any()
            share = vessels.sum() / field.sum()
            assert 0.01 < share < 0.15
        assert phantom.veins.sum() > phantom.arteries.sum()


def test_cameras_differ_as_refuges_do():
    train, test = refuge_camera("train", 2124), refuge_camera("test", 2124)
    assert (train.width, train.height) == (2124, 2056)
    assert (test.width, test.height) == (1634, 1634)
    cut = clinic_cameras(SIZE)["clinic_a"]
    field = field_mask(cut, sample_eye(np.random.default_rng(0), cut, glaucoma=False))
    height, width = np.ptp(np.nonzero(field.any(axis=1))), np.ptp(np.nonzero(field.any(axis=0)))
    assert height == pytest.approx(cut.cut * width, abs=2)
    with pytest.raises(KeyError):
        refuge_camera("training", SIZE)


# Reproducibility and labels


def source(**changes):
    return PhantomSource(**{"camera": refuge_camera("validation", 100), "seed": 3, "stream": 0, "share": 0.4} | changes)


def test_a_phantom_depends_on_seed_stream_and_number_only():
    long, short = list(source().draw(4)), list(source().draw(2))
    for one, other in zip(long, short, strict=False):
        assert (one.image == other.image).all()
        assert one.fovea_xy == other.fovea_xy
    assert not (long[0].image == long[1].image).all()
    for changed in (source(seed=4), source(stream=1)):
        assert not (next(changed.draw(1)).image == long[0].image).all()


@pytest.mark.parametrize(
    "share, count, positives",
    [(0.4, 5, 2), (0.4, 20, 8), (0.25, 40, 10), (0.0, 10, 0), (1.0, 10, 10), (0.6, 5, 3), (0.29, 100, 29)],
)
def test_labels_have_the_share_that_was_asked_for(share, count, positives):
    assert sum(source(share=share).label(k) for k in range(count)) == positives


def test_labels_are_shuffled():
    orders = {tuple(source(seed=seed).label(k) for k in range(5)) for seed in range(20)}
    assert len(orders) > 3


# Files


def test_the_layout_is_refuges(raw):
    pictures = sorted(p.relative_to(raw).as_posix() for p in raw.rglob("*.jpg"))
    assert "REFUGE-Training400/Training400/Glaucoma/g0008.jpg" in pictures
    assert "REFUGE-Training400/Training400/Non-Glaucoma/n0012.jpg" in pictures
    assert "REFUGE-Validation400/REFUGE-Validation400/V0010.jpg" in pictures
    assert "REFUGE-Test400/Test400/T0005.jpg" in pictures
    assert len(pictures) == 35
    assert (raw / "Annotation-Training400/Annotation-Training400/Disc_Cup_Masks/Non-Glaucoma/n0012.bmp").is_file()
    assert (raw / "REFUGE-Test-GT/Disc_Cup_Masks/T0005.bmp").is_file()


@pytest.mark.parametrize(
    "sheet, label, names",
    [
        ("Annotation-Training400/Annotation-Training400/Fovea_location.xlsx", [], ("g0001.jpg", "n0012.jpg", 20)),
        ("REFUGE-Validation400-GT/Fovea_locations.xlsx", ["Glaucoma Label"], ("V0001.jpg", "V0010.jpg", 10)),
        ("REFUGE-Test-GT/Glaucoma_label_and_Fovea_location.xlsx", ["Label(Glaucoma=1)"], ("T0001.jpg", "T0005.jpg", 5)),
    ],
)
def test_the_sheets_are_refuges(raw, sheet, label, names):
    table = pd.read_excel(raw / sheet)
    assert table.columns.tolist() == ["ID", "ImgName", *label, "Fovea_X", "Fovea_Y"]
    assert (table["ImgName"].iloc[0], table["ImgName"].iloc[-1], len(table)) == names
    assert table["ID"].tolist() == list(range(1, len(table) + 1))
    if label:
        assert table[label[0]].sum() == 0.4 * len(table)


def test_mask_files_hold_refuges_codes_exactly(raw):
    folder = raw / "REFUGE-Validation400-GT/Disc_Cup_Masks"
    drawn = PhantomSource(refuge_camera("validation", 120), seed=7, stream=1, share=0.4).draw(3)
    for number, phantom in enumerate(drawn, start=1):
        with Image.open(folder / f"V{number:04d}.bmp") as image:
            assert image.mode == "L"
            codes = np.asarray(image)
        assert ((codes == 0) == phantom.cup).all()
        assert ((codes < 255) == phantom.disc).all()
        assert set(np.unique(codes)) == {0, 128, 255}
        assert (codes == refuge_mask(phantom)).all()


def test_data_prep_reads_back_what_was_drawn(raw, tmp_path):
    refuge.prepare(raw, tmp_path / "out")
    items = read_datalist(tmp_path / "out" / "datalist_official.json", "testing")
    drawn = list(PhantomSource(refuge_camera("test", 120), seed=7, stream=2, share=0.4).draw(5))
    assert [item["id"] for item in items] == [f"T{k:04d}" for k in range(1, 6)]
    for item, phantom in zip(items, drawn, strict=True):
        assert item["fovea"] == pytest.approx(phantom.fovea_xy)
        assert item["glaucoma"] == phantom.glaucoma
        for task in ("disc", "cup"):
            with Image.open(item[task]) as image:
                assert ((np.asarray(image) > 0) == getattr(phantom, task)).all()
        with Image.open(item["image"]) as image:
            assert np.abs(np.asarray(image, dtype=float) - phantom.image).mean() < 6  # JPEG
    training = read_datalist(tmp_path / "out" / "datalist_official.json", "training")
    assert {item["id"][0]: item["glaucoma"] for item in training} == {"g": 1, "n": 0}


def test_a_missing_fovea_is_written_as_refuge_does(tmp_path):
    write_refuge(tmp_path, {"train": 0, "validation": 0, "test": 12}, size=60, seed=0, share=0.4, missing_fovea=0.5)
    table = pd.read_excel(tmp_path / "REFUGE-Test-GT" / "Glaucoma_label_and_Fovea_location.xlsx")
    missing = (table["Fovea_X"] == 0) & (table["Fovea_Y"] == 0)
    assert 2 <= missing.sum() <= 10
    assert (table.loc[~missing, ["Fovea_X", "Fovea_Y"]] > 5).all(axis=None)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["REFUGE-Test-GT", "REFUGE-Test400"]


def test_a_clinics_folder_is_nested_and_unlabelled(tmp_path):
    write_folder(tmp_path, 5, size=80, seed=0, share=0.4)
    files = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*"))
    assert files == [f"clinic_a/000{k}.jpg" for k in (1, 2, 3)] + [f"clinic_b/000{k}.jpg" for k in (1, 2)]
    with Image.open(tmp_path / files[0]) as wide, Image.open(tmp_path / files[-1]) as high:
        assert (wide.size, high.size) == ((80, 64), (72, 80))


# HRF-AV's layout


@pytest.fixture(scope="module")
def hrf(tmp_path_factory):
    """Nine phantoms, three of each diagnosis, as HRF-AV unpacks, and the same ones in memory."""
    folder = tmp_path_factory.mktemp("phantom") / "hrf"
    write_hrf_av(folder, 9, size=240, seed=4)
    source = PhantomSource(hrf_camera(240), seed=4, stream=5, share=0.0, artery_on_top=True)
    return folder, [source.phantom(number, glaucoma=number % 3 == 1) for number in range(9)]


def test_the_layout_is_hrf_avs(hrf):
    names = sorted(path.relative_to(hrf[0]).as_posix() for path in hrf[0].rglob("*.*"))
    assert names[:3] == [f"av_gt/01_{kind}_AVmanual.png" for kind in ("dr", "g", "h")]
    assert names[9:12] == [f"fov_mask/01_{kind}_mask.tif" for kind in ("dr", "g", "h")]
    assert names[18:] == [f"images/0{k}_{end}" for k in (1, 2, 3) for end in ("dr.JPG", "g.jpg", "h.jpg")]
    for name, mode in (
        ("av_gt/01_h_AVmanual.png", "RGB"),
        ("fov_mask/01_h_mask.tif", "RGB"),
        ("images/01_h.jpg", "RGB"),
    ):
        with Image.open(hrf[0] / name) as image:
            assert (image.mode, image.size) == (mode, (240, 160))


def test_maps_hold_hrf_avs_colours_exactly(hrf):
    for name, phantom in zip(("01_h", "01_g", "01_dr", "02_h"), hrf[1], strict=False):
        picture = np.asarray(Image.open(hrf[0] / "av_gt" / f"{name}_AVmanual.png"))
        assert (picture == paint(phantom.arteries, phantom.veins)).all()
        assert {tuple(map(int, colour)) for colour in np.unique(picture.reshape(-1, 3), axis=0)} == {
            (0, 0, 0),
            (255, 0, 0),
            (0, 255, 0),
            (0, 0, 255),
        }
        assert ((picture[..., 0] > 0) | (picture[..., 1] > 0)).sum() == phantom.arteries.sum()
        assert ((picture[..., 2] > 0) | (picture[..., 1] > 0)).sum() == phantom.veins.sum()
        assert ((picture[..., 1] > 0) == (phantom.arteries & phantom.veins)).all()
        field = np.asarray(Image.open(hrf[0] / "fov_mask" / f"{name}_mask.tif")) > 0
        assert (field == phantom.field[..., None]).all()
        assert field.mean() == pytest.approx(0.845, abs=0.01)  # as in HRF
        assert not (picture.any(axis=2) & ~phantom.field).any()


def test_data_prep_reads_back_hrf_avs_phantoms(hrf, tmp_path):
    hrf_av.prepare(hrf[0], tmp_path / "out")
    items = {item["id"]: item for item in read_datalist(tmp_path / "out" / "datalist_cv5.json", "training")}
    for number, phantom in enumerate(hrf[1]):
        item = items[f"{number // 3 + 1:02d}_{('h', 'g', 'dr')[number % 3]}"]
        truth = {"artery": phantom.arteries, "vein": phantom.veins, "vessel": phantom.arteries | phantom.veins}
        for key, mask in (truth | {"fov": phantom.field}).items():
            with Image.open(item[key]) as image:
                assert (np.asarray(image) == mask).all()
        Image.fromarray(phantom.image).save(jpeg := tmp_path / "again.jpg", quality=90)
        assert Path(item["image"]).read_bytes() == jpeg.read_bytes()
    assert [items[f"01_{kind}"].get("glaucoma") for kind in ("h", "g", "dr")] == [0, 1, None]
    assert [phantom.glaucoma for phantom in hrf[1][:3]] == [False, True, False]


def test_arteries_run_over_veins_where_they_cross():
    """A crossing is then redder than a vein alone, and darker than it where the vein is on top. Nothing else differs."""
    camera = hrf_camera(600)
    over, under = (draw_phantom(np.random.default_rng(1), camera, False, artery_on_top=top) for top in (True, False))
    crossing, vein = over.arteries & over.veins & ~over.disc, over.veins & ~over.arteries & ~over.disc
    assert crossing.sum() > 1000
    assert (over.arteries == under.arteries).all()
    assert (over.veins == under.veins).all()
    assert over.image[crossing, 0].mean() > 1.1 * over.image[vein, 0].mean()
    assert under.image[crossing, 0].mean() < under.image[vein, 0].mean()
    far = ~(over.arteries | over.veins)
    assert np.abs(over.image[far].astype(int) - under.image[far]).mean() < 0.5


def test_the_command_line_for_hrf_av(tmp_path, capsys):
    main([str(tmp_path / "a"), "--hrf-av", "2", "--size", "60", "--seed", "4"])
    assert sorted(path.name for path in (tmp_path / "a" / "images").iterdir()) == ["01_g.jpg", "01_h.jpg"]
    main([str(tmp_path / "b"), "--hrf-av", "1"])
    with Image.open(tmp_path / "b" / "images" / "01_h.jpg") as image:
        assert image.size == (600, 400)
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--hrf-av", "1", "--folder", "1"])
    assert "not allowed with" in capsys.readouterr().err


def test_the_command_line(tmp_path, capsys):
    main([str(tmp_path / "raw"), "--train", "5", "--validation", "0", "--test", "1", "--size", "60", "--seed", "2"])
    assert len(list((tmp_path / "raw").rglob("*.jpg"))) == 6
    assert not (tmp_path / "raw" / "REFUGE-Validation400").exists()
    main([str(tmp_path / "folder"), "--folder", "2", "--size", "60"])
    assert len(list((tmp_path / "folder").rglob("*.jpg"))) == 2
    for wrong, message in (
        (["--train", "-1"], "count from 0 to 100000"),
        (["--glaucoma-share", "2"], "share from 0 to 1"),
        (["--size", "0"], "size in px from 48 to 8192"),
    ):
        with pytest.raises(SystemExit):
            main([str(tmp_path), *wrong])
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("seed", range(8))
def test_the_discs_frame_points_to_the_fovea_and_down_in_both_eyes(seed):
    eye = sample_eye(np.random.default_rng(seed), refuge_camera("train", 400), glaucoma=False)
    towards, down = eye.axes
    distance = np.hypot(*(eye.fovea - eye.disc.centre)) / (2 * eye.disc.half_height)
    assert eye.disc.centre + distance * towards == pytest.approx(eye.fovea)
    assert towards @ down == pytest.approx(0, abs=1e-9)
    assert down[1] > 0


WRONG = [("--train", "-1"), ("--train", "1e9"), ("--test", "999999999999"), ("--size", "47"), ("--size", "100000")]


@pytest.mark.parametrize("option, value", WRONG)
def test_counts_and_sizes_are_bounded(option, value, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "out"), option, value])
    wanted = rf"argument {option}: expected a (count|size in px) from \d+ to \d+, but got {value}"
    assert re.search(wanted, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()
