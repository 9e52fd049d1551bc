"""HRF-AV as it unpacks, in miniature: real names and colours, pictures of a few pixels."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_prep._hrf_av_documents import documents
from data_prep._hrf_av_files import find_files
from data_prep._hrf_av_items import build_items
from data_prep._hrf_av_masks import decode_map
from data_prep.hrf_av import main, prepare, table
from fundus_mtl.data import read_datalist
from fundus_mtl.photographs import FundusReader

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hrf_av"
WIDTH, HEIGHT = 24, 16
IDS = [f"{number:02}_{kind}" for number in range(1, 16) for kind in ("dr", "g", "h")]
DATALISTS = ("datalist_mt_cool.json", "datalist_mt_cool_all15.json", "datalist_public.json", "datalist_cv5.json")
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def colours() -> np.ndarray:
    """Artery of 6 px along row 2, vein of 5 px down column 7, crossing where they meet; two anti-aliased pixels."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[2, 4:10] = RED
    picture[1:6, 7] = BLUE
    picture[2, 7] = GREEN
    picture[2, 10] = (140, 0, 20)  # artery
    picture[6, 7] = (0, 0, 120)  # background
    return picture


def save(path: Path, pixels, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)
    return path


def photograph(path: Path, size=(WIDTH, HEIGHT)) -> Path:
    """A bright field of view, two columns narrower than the frame at either side."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[:, 2:-2] = (180, 90, 40)
    return save(path, picture, quality=95)


def field() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[1:-1, 3:-3] = 255
    return mask


def unpack(folder: Path, names) -> Path:
    """As the owners' archives and the authors' repository unpack; the photographs of ``dr`` end in capitals."""
    for name in names:
        photograph(folder / "images" / f"{name}.{'JPG' if name.endswith('dr') else 'jpg'}")
        save(folder / "av_gt" / f"{name}_AVmanual.png", colours())
        save(folder / "fov_mask" / f"{name}_mask.tif", field())
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All 45, prepared once; the folder and what came out."""
    folder = tmp_path_factory.mktemp("hrf_av")
    return folder, prepare(unpack(folder / "raw", IDS), folder / "out", seed=3)


@pytest.fixture
def raw(tmp_path) -> Path:
    """Three of each diagnosis, to spoil."""
    return unpack(tmp_path / "raw", IDS[:9])


def bits(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert (image.mode, image.size) == ("1", (WIDTH, HEIGHT))
        return np.asarray(image)


def ids(items) -> list[str]:
    return [item["id"] for item in items]


def kinds(items) -> Counter:
    return Counter(item["id"].split("_")[1] for item in items)


# Colours


def test_masks_worked_by_hand(raw, tmp_path):
    prepare(raw, out := tmp_path / "out")
    artery, vein, vessel, fov = (
        bits(out / "masks" / f"01_dr_{key}.png") for key in ("artery", "vein", "vessel", "fov")
    )
    assert [tuple(map(int, point)) for point in np.argwhere(artery)] == [(2, x) for x in range(4, 11)]
    assert [tuple(map(int, point)) for point in np.argwhere(vein)] == [(y, 7) for y in range(1, 6)]
    assert (vessel == (artery | vein)).all()
    assert vessel.sum() == 7 + 5 - 1
    assert (fov == (field()[..., 0] > 0)).all()


def test_every_blend_is_its_nearest_colour():
    """Against the distances themselves, on random blends of the four colours and on pixels half a level from a tie."""
    rng = np.random.default_rng(0)
    palette = np.array([(0, 0, 0), RED, BLUE, GREEN], float)
    blends = np.rint(rng.dirichlet(np.full(4, 0.5), 4000) @ palette)
    blends = np.concatenate([blends, [[127, 0, 0], [128, 0, 0], [0, 127, 120], [0, 128, 127], [130, 0, 131]]])
    distance = np.linalg.norm(blends[:, None] - palette, axis=2)
    nearest = distance.argmin(axis=1)
    clear = np.sort(distance, axis=1)
    decided = clear[:, 0] < clear[:, 1]
    assert decided.sum() > 3500
    artery, vein = decode_map(blends.T.reshape(3, -1, 5).astype(np.uint8), "01_h")
    assert (artery.ravel() == np.isin(nearest, (1, 3)))[decided].all()
    assert (vein.ravel() == np.isin(nearest, (2, 3)))[decided].all()


def test_equal_channels_may_be_either_vessel():
    """128 of two colours: the map does not say which, so it is a crossing, as it is to the metrics."""
    levels = np.array([[(128, 128, 0), (128, 0, 128), (0, 128, 128)]], np.uint8).transpose(2, 0, 1)
    artery, vein = decode_map(levels, "01_h")
    assert artery.all()
    assert vein.all()


@pytest.mark.parametrize("colour", [(255, 255, 255), (255, 255, 0), (0, 255, 255), (128, 128, 128)])
def test_white_and_other_foreign_colours_are_refused(colour, raw, tmp_path):
    picture = colours()
    picture[9, 20] = picture[10, 3] = colour
    save(raw / "av_gt" / "02_h_AVmanual.png", picture)
    with pytest.raises(
        ValueError, match="02_h: expected a map of black, red, green and blue, but got 2 other pixels"
    ) as e:
        prepare(raw, tmp_path / "out")
    assert f"{colour} at (20, 9)" in str(e.value)
    assert not (tmp_path / "out" / "masks" / "02_h_artery.png").exists()


def test_a_few_stray_pixels_count_as_background_and_are_said(caplog):
    """As in three real maps; one in 100,000 is the limit."""
    levels = np.zeros((3, 400, 500), np.uint8)
    levels[0, 5] = 255
    levels[:, 5, 3] = levels[:, 7, 8] = 136
    artery, vein = decode_map(levels, "11_h")
    assert artery.sum() == 499
    assert not vein.any()
    assert (
        "11_h: expected a map of black, red, green and blue, but got 2 other pixels, (136, 136, 136) at (3, 5); so few"
        in (caplog.text)
    )
    levels[:, 9, 9] = 255
    with pytest.raises(ValueError, match="11_h: expected a map of .* but got 3 other pixels"):
        decode_map(levels, "11_h")


def test_a_map_of_no_vessels_stays_empty():
    artery, vein = decode_map(np.zeros((3, 4, 5), np.uint8), "01_h")
    assert artery.shape == vein.shape == (4, 5)
    assert not (artery | vein).any()


@pytest.mark.parametrize("mode", ["P", "RGBA"])
def test_maps_of_other_modes(mode, raw, tmp_path):
    Image.fromarray(colours()).convert(mode).save(raw / "av_gt" / "01_h_AVmanual.png")
    prepare(raw, tmp_path / "out")
    for key in ("artery", "vein"):
        assert (bits(tmp_path / f"out/masks/01_h_{key}.png") == bits(tmp_path / f"out/masks/01_g_{key}.png")).all()


# Files


def test_an_item_has_every_label(whole):
    folder, found = whole
    items = {item["id"]: item for item in found["datalist_cv5.json"]["training"]}
    assert {key: value for key, value in items["07_g"].items() if key != "fold"} == {
        "id": "07_g",
        "image": "../raw/images/07_g.jpg",
        "artery": "masks/07_g_artery.png",
        "vein": "masks/07_g_vein.png",
        "vessel": "masks/07_g_vessel.png",
        "artery_vein_map": "../raw/av_gt/07_g_AVmanual.png",
        "fov": "masks/07_g_fov.png",
        "glaucoma": 1,
    }
    assert items["07_h"]["glaucoma"] == 0
    assert "glaucoma" not in items["07_dr"]
    assert items["07_dr"]["image"] == "../raw/images/07_dr.JPG"
    assert len(list((folder / "out" / "masks").iterdir())) == 4 * 45
    read = read_datalist(folder / "out" / "datalist_public.json", "testing", tasks=("artery", "vein", "vessel"))
    assert set(read[0]) == {"id", "image", "artery", "vein", "vessel"}
    assert set(np.unique(FundusReader(mode="mask")(read[0]["vessel"]))) == {0, 1}


def test_any_folders_and_any_case(raw, tmp_path):
    """As Learning-AVSegmentation packs it, with shouting suffixes, HRF's vessel truth beside it, and one file twice."""
    other = tmp_path / "other"
    for k, path in enumerate(sorted(raw.rglob("*.*"))):
        target = other / ("training" if k % 2 else "test") / path.parent.name / path.name.swapcase()
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    save(other / "manual1" / "01_h.tif", field())
    save(other / "av" / "01_h.png", colours())
    (other / "copy").mkdir()
    shutil.copy(raw / "images" / "01_h.jpg", other / "copy" / "01_h.jpeg")
    shutil.copy(raw / "images" / "01_h.jpg", other / "copy" / "._01_h.jpg")
    for circle in ("one", "two", "three"):  # without end for whoever follows them all
        (other / circle).symlink_to(other)
    items = build_items(find_files(other), tmp_path / "out")
    assert ids(items) == IDS[:9]
    assert all({"artery", "fov", "artery_vein_map"} <= set(item) for item in items)
    assert not (tmp_path / "out" / items[0]["image"]).is_symlink()


@pytest.mark.parametrize("name", ["01_H.JPG", "01_h_avMANUAL.PNG", "01_h_mask.png"])
def test_two_files_of_one_name_that_differ_are_refused(name, raw, tmp_path):
    picture = np.full((HEIGHT, WIDTH, 3), 7, np.uint8)
    save(raw / "zz" / name, picture)
    with pytest.raises(ValueError, match=r"01_h: expected one file of this name, but got two that differ, ") as e:
        prepare(raw, tmp_path / "out")
    assert f"and zz/{name}; move the wrong one away." in str(e.value)


def test_files_of_one_size_and_time_are_compared_to_the_last_byte(raw, tmp_path):
    path, other = raw / "images" / "01_h.jpg", raw / "copy" / "01_h.jpg"
    other.parent.mkdir()
    other.write_bytes(path.read_bytes()[:-1] + b"x")
    os.utime(other, ns=(path.stat().st_mtime_ns,) * 2)
    with pytest.raises(ValueError, match="got two that differ, copy/01_h.jpg and images/01_h.jpg"):
        find_files(raw)


def test_what_is_missing_is_a_missing_key_and_said(raw, tmp_path, caplog):
    (raw / "av_gt" / "02_g_AVmanual.png").unlink()
    (raw / "images" / "03_h.jpg").unlink()
    items = {item["id"]: item for item in build_items(find_files(raw), tmp_path / "out")}
    assert set(items["02_g"]) == {"id", "image", "fov", "glaucoma"}
    assert "03_h" not in items
    assert "expected a map for each name, but got none for 02_g; their vessels are missing" in caplog.text
    assert "expected a photograph for each name, but got none for 03_h; their maps are left out" in caplog.text


def test_a_missing_field_of_view_is_found_in_the_photograph(raw, tmp_path, caplog):
    shutil.rmtree(raw / "fov_mask")
    prepare(raw, tmp_path / "out")
    assert "got none for 01_dr, 01_g, 01_h, 02_dr, 02_g and 4 more; it is found in the photographs" in caplog.text
    seen = bits(tmp_path / "out" / "masks" / "01_dr_fov.png")
    assert seen[:, 3:-3].all()
    assert not seen[:, [0, 1, -2, -1]].any()


@pytest.mark.parametrize("white", [1, 255])
def test_a_field_of_one_bit_or_of_grey_levels(white, raw, tmp_path):
    save(raw / "fov_mask" / "01_h_mask.tif", field()[..., 0] // 255 * white)
    prepare(raw, tmp_path / "out")
    assert (bits(tmp_path / "out" / "masks" / "01_h_fov.png") == (field()[..., 0] > 0)).all()


def shifted():
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[1:-1, :-6] = 255  # two of its 18 columns are left of the bright part
    return mask


@pytest.mark.parametrize(
    "mask, message",
    [
        (255 - field(), "01_h: expected a field of view that fits .* a mask without the middle of the frame"),
        (shifted(), "01_h: expected a field of view that fits .* 11% of it in the black surround"),
        (255 * np.ones_like(field()), "01_h: expected a field of view that fits .* 17% of it in the black surround"),
        (
            field() // 255 * np.arange(HEIGHT, dtype=np.uint8)[:, None, None],
            "01_h: expected a mask of the field of view with 0",
        ),
    ],
)
def test_a_field_that_is_none_is_refused(mask, message, raw, tmp_path):
    save(raw / "fov_mask" / "01_h_mask.tif", mask)
    with pytest.raises(ValueError, match=message):
        prepare(raw, tmp_path / "out")


def test_vessels_over_half_of_the_map_are_refused(raw, tmp_path):
    save(raw / "av_gt" / "01_h_AVmanual.png", np.full((HEIGHT, WIDTH, 3), RED))
    with pytest.raises(ValueError, match="01_h: expected a mask of vessels that covers at most 50% .* but got 100%"):
        prepare(raw, tmp_path / "out")


def test_an_empty_field_of_view_is_refused(raw, tmp_path):
    save(raw / "fov_mask" / "01_h_mask.tif", 0 * field())
    with pytest.raises(ValueError, match="01_h: expected a field of view, but got an all-black mask"):
        prepare(raw, tmp_path / "out")


@pytest.mark.parametrize(
    "path, kind", [("av_gt/01_h_AVmanual.png", "map"), ("fov_mask/01_h_mask.tif", "field-of-view mask")]
)
def test_another_size_than_the_photographs_is_refused(path, kind, raw, tmp_path):
    save(raw / path, np.zeros((WIDTH, HEIGHT, 3)))
    message = (
        f"expected photograph and {kind} of one size, but got images/01_h.jpg with 24 x 16 px and {path} with 16 x"
    )
    with pytest.raises(ValueError, match=message):
        prepare(raw, tmp_path / "out")


# Splits


@pytest.mark.parametrize("name", DATALISTS)
def test_no_photograph_is_in_two_sections_and_none_is_lost(name, whole):
    document = json.loads((whole[0] / "out" / name).read_text())
    assert document == whole[1][name]
    everything = [key for section in ("training", "validation", "testing") for key in ids(document[section])]
    assert sorted(everything) == sorted(IDS)
    assert document["tasks"] == ["artery", "vein", "vessel", "fov", "artery_vein_map", "glaucoma"]
    assert not any("patient" in item for section in ("training", "testing") for item in document[section])


def test_mt_cools_split(whole):
    document, pooled = whole[1]["datalist_mt_cool.json"], whole[1]["datalist_mt_cool_all15.json"]
    assert [kinds(document[section]) for section in ("training", "validation", "testing")] == [
        {"h": count, "g": count, "dr": count} for count in (4, 1, 10)
    ]
    assert kinds(pooled["training"]) == {"h": 5, "g": 5, "dr": 5}
    assert pooled["validation"] == []
    assert ids(pooled["testing"]) == ids(document["testing"])
    for fold in range(5):
        members = [item for item in pooled["training"] if item["fold"] == fold]
        assert kinds(members) == {"h": 1, "g": 1, "dr": 1}
    first = read_datalist(whole[0] / "out" / "datalist_mt_cool_all15.json", "validation", fold=0)
    assert ids(first) == ids(document["validation"])
    assert len(read_datalist(whole[0] / "out" / "datalist_mt_cool_all15.json", "training")) == 15


def test_the_public_split(whole):
    document = whole[1]["datalist_public.json"]
    assert ids(document["testing"]) == [name for name in IDS if name >= "09"]
    assert sorted(ids(document["training"]) + ids(document["validation"])) == [name for name in IDS if name < "09"]
    assert kinds(document["validation"]) == {"h": 1, "g": 1, "dr": 1}
    assert not any("fold" in item for item in document["training"])


def test_the_public_split_goes_by_number_where_photographs_are_missing(whole):
    items = [item for item in whole[1]["datalist_cv5.json"]["training"] if item["id"][:2] not in ("03", "04", "05")]
    document = documents(items, seed=0)["datalist_public.json"]
    assert ids(document["testing"]) == [name for name in IDS if name >= "09"]


def test_five_folds(whole):
    items = whole[1]["datalist_cv5.json"]["training"]
    assert ids(items) == IDS
    for fold in range(5):
        assert kinds(item for item in items if item["fold"] == fold) == {"h": 3, "g": 3, "dr": 3}


def test_what_is_drawn_follows_the_seed(whole):
    items = build_items(find_files(whole[0] / "raw"), whole[0] / "out")
    assert documents(items, 3) == whole[1]
    for name, section in zip(DATALISTS[:3], ("testing", "testing", "validation"), strict=True):
        drawn = {tuple(ids(documents(items, seed)[name][section])) for seed in range(4)}
        assert len(drawn) > 2, name


def test_few_photographs_are_split_too_but_not_too_few(raw, tmp_path, caplog):
    found = prepare(raw, tmp_path / "out")
    assert "expected 45 photographs, but got 9" in caplog.text
    for document in found.values():
        assert {kind for section in ("training", "validation", "testing") for kind in kinds(document[section])} == {
            "h",
            "g",
            "dr",
        }
    assert [len(found["datalist_public.json"][section]) for section in ("training", "validation", "testing")] == [
        3,
        3,
        3,
    ]
    (raw / "images" / "03_g.jpg").unlink()
    with pytest.raises(
        ValueError, match="expected at least 3 photographs of each diagnosis in a split, but got 2 of g"
    ):
        prepare(raw, tmp_path / "out")


def test_numbers_that_leave_nothing_to_train_on_are_refused():
    items = [{"id": f"{number}_h", "image": "x"} for number in (13, 14, 15)]
    with pytest.raises(ValueError, match="expected at least 2 photographs of each diagnosis in a split, but got 0"):
        documents(items, seed=0)


# Running twice, and the command line


def test_a_second_run_only_writes_what_changed(raw, tmp_path):
    prepare(raw, out := tmp_path / "out")
    for path in (out / "masks").iterdir():
        path.chmod(0o400)  # a file that is written again gets other rights
    picture = colours()
    picture[12, 12] = RED
    save(raw / "av_gt" / "02_h_AVmanual.png", picture)
    os.utime(raw / "av_gt" / "02_h_AVmanual.png", ns=(5, 5))  # older than before
    (out / "masks" / "01_g_vein.png").unlink()
    photograph(raw / "images" / "03_g.jpg")
    prepare(raw, out)
    changed = {path.name for path in (out / "masks").iterdir() if path.stat().st_mode & 0o777 != 0o400}
    assert changed == {f"{name}_{key}.png" for name in ("02_h", "01_g") for key in ("artery", "vein", "vessel")}
    assert bits(out / "masks" / "02_h_artery.png")[12, 12]


def test_the_output_may_lie_in_the_raw_folder(raw):
    assert prepare(raw, raw / "out") == prepare(raw, raw / "out")
    assert len(read_datalist(raw / "out" / "datalist_cv5.json", "training")) == 9


def test_the_command_line(raw, tmp_path, capsys):
    assert main([str(raw), str(tmp_path / "out"), "--seed", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["datalist", "training", "validation", "testing"]
    assert lines[2].split("  ")[0] == "datalist_mt_cool_all15.json"
    assert "6 (2 h, 2 g, 2 dr) in 2 folds" in lines[2]
    assert "seed 1" in json.loads((tmp_path / "out" / "datalist_mt_cool.json").read_text())["source"]


def test_the_table_of_the_whole_set(whole):
    rows = table(whole[1]).splitlines()
    assert [cell.strip() for cell in re.split(" {2,}", rows[1])] == [
        "datalist_mt_cool.json",
        "12 (4 h, 4 g, 4 dr)",
        "3 (1 h, 1 g, 1 dr)",
        "30 (10 h, 10 g, 10 dr)",
    ]
    assert rows[4].endswith("  45 (15 h, 15 g, 15 dr) in 5 folds  0                   0")


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda raw: shutil.rmtree(raw), "Expected the folder "),
        (lambda raw: shutil.rmtree(raw / "images"), "Expected photographs (01_h.jpg) below "),
        (lambda raw: shutil.rmtree(raw / "av_gt"), "Expected maps (01_h_AVmanual.png) below "),
        (lambda raw: (raw / "images/01_h.jpg").write_text("version https"), "01_h: expected a readable photograph, "),
        (lambda raw: os.truncate(raw / "av_gt/01_h_AVmanual.png", 70), "01_h: expected a readable map, but got: "),
    ],
)
def test_errors_are_one_sentence(spoil, message, raw, tmp_path, capsys):
    spoil(raw)
    assert main([str(raw), str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"HRF-AV was not prepared. {message}")
    assert not list(tmp_path.rglob("*.json"))


def test_a_full_disk_is_one_sentence_and_leaves_no_half_mask(raw, tmp_path, monkeypatch, capsys):
    def full(self, path, **_):
        Path(path).touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    assert main([str(raw), str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(
        "HRF-AV was not prepared. 01_dr: expected to write 01_dr_artery.png, but got: No space left"
    )
    assert not list((tmp_path / "out").rglob("*.p*"))


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/hrf_av is not here: the real photographs cannot be read")
def test_real_maps_and_a_field_of_view(tmp_path):
    """11_h has 590 pixels between colours, one of them grey. The mask of 05_dr is left out, and found in the photograph."""
    for name in ("images/11_h.jpg", "images/05_dr.JPG", "av_gt/11_h_AVmanual.png", "av_gt/05_dr_AVmanual.png"):
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / name).symlink_to(REAL / name)
    shutil.copy(REAL / "fov_mask" / "11_h_mask.tif", tmp_path / "raw")
    items = {item["id"]: item for item in build_items(find_files(tmp_path / "raw"), tmp_path / "out")}
    read = {
        key: np.asarray(Image.open(tmp_path / "out" / items["11_h"][key]))
        for key in ("artery", "vein", "vessel", "fov")
    }
    picture = np.asarray(Image.open(REAL / "av_gt" / "11_h_AVmanual.png")).reshape(-1, 3)
    palette = np.array([(0, 0, 0), RED, GREEN, BLUE], float)
    pure = (picture[:, None] == palette.astype(np.uint8)).all(axis=2)
    between = ~pure.any(axis=1)
    assert between.sum() == 590
    nearest = np.linalg.norm(picture[between][:, None] - palette, axis=2).argmin(axis=1)
    nearest[(picture[between] == 136).all(axis=1)] = 0
    counts = pure.sum(axis=0) + np.bincount(nearest, minlength=4)
    assert read["artery"].shape == (2336, 3504)
    assert [read[key].sum() for key in ("artery", "vein")] == [counts[1] + counts[2], counts[2] + counts[3]]
    assert read["vessel"].sum() == counts[1:].sum()
    assert read["fov"].mean() == pytest.approx(0.845, abs=0.001)
    found = np.asarray(Image.open(tmp_path / "out" / items["05_dr"]["fov"]))
    mask = np.asarray(Image.open(REAL / "fov_mask" / "05_dr_mask.tif"))[..., 0] > 0
    assert 2 * (found & mask).sum() / (found.sum() + mask.sum()) > 0.99
