from __future__ import annotations

from pathlib import Path

import pytest

from data_prep.derived_outlines import main, prepare
from fundus_mtl.data import load_datalist
from tests.data_prep.raw_photographs import disc_codes, mask, photograph, pixels, sheet


def row(data_set, name, disc=0.95, cup=0.9, **changes):
    known = {"data_set": data_set, "image": f"{name}.jpg", "mask": f"{data_set}/{name}.png"}
    return known | {"disc_agreement": str(disc), "cup_agreement": str(cup)} | changes


ROWS = [row("first", "a"), row("first", "b", disc=0.89), row("second", "a"), row("second", "c", cup=0.8)]


def raw_folder(folder, rows=ROWS):
    for number, entry in enumerate(ROWS):
        photograph(folder / entry["data_set"] / "images" / entry["image"], number)
        mask(folder / "outlines" / entry["mask"], disc_codes())
    sheet(folder / "outlines" / "agreement.csv", rows)
    return folder / "outlines"


def test_only_outlines_on_which_the_networks_agree(tmp_path):
    prepare(raw_folder(tmp_path), tmp_path / "out")
    document = load_datalist(tmp_path / "out" / "datalist.json")
    assert [item["id"] for item in document["training"]] == ["first_a", "second_a"]
    item = document["training"][1]
    assert item["source"] == "second"
    assert item["label_sources"] == {"disc": "networks", "cup": "networks"}
    assert Path(item["image"]).resolve() == (tmp_path.resolve() / "second" / "images" / "a.jpg")
    assert (pixels(item["cup"]) == 255).sum() == 150
    assert not (tmp_path / "out" / "masks" / "first_b_disc.png").exists()
    more = prepare(tmp_path / "outlines", tmp_path / "out", disc_agreement=0.8, cup_agreement=0.8)
    assert len(more["training"]) == 4


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"disc_agreement": "1.2"}, "expected disc_agreement from 0 to 1, but got '1.2'"),
        ({"mask": "../../secret.png"}, "expected a file below outlines, but got ../../secret.png"),
        ({"data_set": "../.."}, "expected a file below"),
        ({"image": "../../x.jpg"}, "expected a file below images"),
        ({"image": "none.jpg"}, "expected the photograph none.jpg"),
    ],
)
def test_wrong_rows_are_refused(tmp_path, changes, message):
    raw = raw_folder(tmp_path / "raw", [row("first", "a") | changes])
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        prepare(raw, tmp_path / "out")
    assert message in str(caught.value)


def test_the_command(tmp_path, capsys):
    raw = raw_folder(tmp_path / "raw")
    arguments = [str(raw), str(tmp_path / "out"), "--photographs", str(tmp_path / "raw")]
    assert main(arguments) == 0
    assert "2 disc, 2 cup" in capsys.readouterr().out
    assert main([*arguments, "--disc-agreement", "0.99"]) == 1
    assert "expected some on which the networks agree, but got none" in capsys.readouterr().err
    assert main([str(tmp_path / "gone"), str(tmp_path / "out")]) == 1
