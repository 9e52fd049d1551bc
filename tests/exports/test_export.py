"""A finished folder's results for other programs."""

from __future__ import annotations

import csv
import json
from functools import partial

import nibabel
import numpy as np
import pytest
from PIL import Image

from fundus_mtl.cli import main
from fundus_mtl.exports import export_dicom, export_nifti, export_refuge
from fundus_mtl.results import Cup, Disc, Fovea, Glaucoma, Layout, Measure

ROLES = [Disc("disc"), Cup("cup"), Fovea("fovea"), Glaucoma("glaucoma")]
EXPORTED = Layout.of(Measure(ROLES)).exported()
MODEL = {"id": "refuge_mtl", "sha256": "ab" * 32}
CODES = np.full((40, 60), 255, np.uint8)
CODES[10:30, 20:44] = 128
CODES[15:25, 25:35] = 0


def row(name, **columns):
    measured = {
        "status": "ok", "vcdr": 0.5, "hcdr": 0.4, "acdr": 0.2, "glaucoma_prob": 0.25, "fovea_x_px": 51.5,
        "fovea_y_px": 20.25, "mm_per_px_x": None, "mm_per_px_y": None, "laterality": "unknown",
    }  # fmt: skip
    return {"image_id": name, "source_relpath": name, "status_reason": "", **measured, **columns}


@pytest.fixture
def finished(tmp_path):
    """Return a maker of results folders."""

    def make(rows, state="completed", masks=True):
        folder = tmp_path / "results"
        (folder / "masks" / "sub").mkdir(parents=True)
        (folder / "run.json").write_text(
            json.dumps({"model": MODEL, "software_version": "0.1", "state": state, "exported": EXPORTED})
        )
        (folder / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in rows))
        for line in rows if masks else []:
            if line["status"] == "ok":
                Image.fromarray(CODES).save(folder / "masks" / f"{line['image_id']}.png")
        return folder

    return make


def table(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("place", ["results", "results/.", "results/masks", "results/masks/refuge"])
@pytest.mark.parametrize("export", [export_refuge, export_nifti, partial(export_dicom, photographs=".")])
def test_an_export_into_the_results_is_refused(finished, tmp_path, place, export):
    folder = finished([row("V0001.jpg")])
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "folders": ["masks", "overlays"]}))
    before = sorted(folder.rglob("*"))
    with pytest.raises(ValueError, match="expected an output folder of its own, but got"):
        export(folder, tmp_path / place)
    assert sorted(folder.rglob("*")) == before


def test_a_refuge_submission(finished, tmp_path):
    rows = [
        row("V0001.jpg"),
        row("V0002.jpg", glaucoma_prob=None, fovea_x_px=None),
        row("V0003.jpg", status="ungradable", status_reason="out of focus"),
    ]
    left_out = export_refuge(finished(rows), tmp_path / "out")
    assert left_out["V0003.jpg"] == "ungradable: out of focus"
    assert {name: reason for name, reason in left_out.items() if name != "V0003.jpg"} == {
        "V0002": "it has no fovea, without which the official code gives no result"
    }
    with Image.open(tmp_path / "out" / "segmentation" / "V0001.bmp") as mask:
        assert (np.asarray(mask) == CODES).all()
    assert table(tmp_path / "out" / "classification_results.csv")[1:] == [["V0001.jpg", "0.25"], ["V0002.jpg", ""]]
    assert table(tmp_path / "out" / "fovea_location_results.csv")[1:] == [
        ["V0001.jpg", "51.5", "20.25"],
        ["V0002.jpg", "", ""],
    ]


def test_two_photographs_of_one_name_are_told(finished, tmp_path):
    left_out = export_refuge(finished([row("a.jpg"), row("sub/a.png")]), tmp_path / "out")
    assert list(left_out) == ["sub/a.png"]
    assert "each photograph once" in left_out["sub/a.png"]


def test_a_file_of_names_takes_photographs_of_one_name(finished, tmp_path, capsys):
    names = tmp_path / "names.csv"
    names.write_text("name,image_id\nT0001,a.jpg\nT0002,sub/a.png\n")
    results = finished([row("a.jpg"), row("sub/a.png"), row("b.jpg")])
    command = ["export", str(results), str(tmp_path / "out"), "--format", "refuge", "--names"]
    assert main([*command, str(names)]) == 0
    written = {path.name for path in (tmp_path / "out" / "segmentation").iterdir()}
    assert written == {"T0001.bmp", "T0002.bmp", "b.bmp"}  # what is not listed keeps its file's name
    assert [line[0] for line in table(tmp_path / "out" / "fovea_location_results.csv")[1:]] == [
        "T0001.jpg",
        "T0002.jpg",
        "b.jpg",
    ]
    capsys.readouterr()
    for text, message in [
        ("image_id\na.jpg\n", "names.csv: expected the columns image_id and name, but got no name."),
        (
            "image_id,name\na.jpg,x\nb.jpg,x\n",
            "names.csv: expected each name once, but got 'x' again; change one of them.",
        ),
        ("image_id,name\na.jpg,x\na.jpg,y\n", "names.csv: expected each image_id once, but got 'a.jpg' again"),
        ("image_id,name\na.jpg,\n", "names.csv: expected a value in each cell of name, but got an empty one"),
    ]:
        names.write_text(text)
        assert main([*command, str(names)]) == 2
        assert capsys.readouterr().err.startswith(f"error: {message}")
    assert main([*command, str(tmp_path / "no.csv")]) == 2
    assert (
        capsys.readouterr().err
        == "error: no.csv: expected a CSV file of names, but got: No such file or directory; check the path.\n"
    )


def test_nifti_labels_and_scale(finished, tmp_path):
    rows = [row("sub/a.jpg", mm_per_px_x=0.006, mm_per_px_y=0.007), row("b.jpg")]
    assert export_nifti(finished(rows), tmp_path / "out") == {}
    image = nibabel.load(tmp_path / "out" / "sub" / "a.jpg.nii.gz")
    labels = np.asarray(image.dataobj).reshape(60, 40).T
    assert (labels == np.where(CODES == 0, 2, np.where(CODES == 128, 1, 0))).all()
    assert image.header.get_zooms()[:2] == pytest.approx((0.006, 0.007))
    assert nibabel.load(tmp_path / "out" / "b.jpg.nii.gz").header.get_zooms()[:2] == (1, 1)


def test_without_masks_there_is_no_nifti(finished, tmp_path):
    assert export_nifti(finished([row("a.jpg")], masks=False), tmp_path / "out") == {"a.jpg": "no mask was asked for"}


def test_dicom_beside_what_is_no_dicom(finished, tmp_path, capsys):
    pytest.importorskip("highdicom", reason="the extra dicom is not installed")
    from pydicom import dcmread

    from tests.exports.dicom_photographs import photograph, save

    (tmp_path / "in").mkdir()
    save(photograph(CODES.shape), tmp_path / "in" / "eye.dcm")
    Image.fromarray(CODES).save(tmp_path / "in" / "a.png")
    results = finished([row("a.png"), row("eye.dcm", laterality="unknown")])
    status = main(
        ["export", str(results), str(tmp_path / "out"), "--format", "dicom", "--photographs", str(tmp_path / "in")]
    )
    assert status == 3
    assert "left out: a.png: expected a DICOM photograph" in capsys.readouterr().err
    report, segmentation = (dcmread(tmp_path / "out" / f"eye.dcm.{kind}.dcm") for kind in ("SR", "SEG"))
    assert report.Modality == "SR"
    assert (segmentation.Modality, segmentation.Rows, segmentation.Columns) == ("SEG", 40, 60)
    assert report.PatientName == ""
    assert report.StudyInstanceUID == segmentation.StudyInstanceUID  # of nobody, but the same
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"eye.dcm.SR.dcm", "eye.dcm.SEG.dcm"}


def test_dicom_names_the_further_models_of_the_run(finished, tmp_path):
    pytest.importorskip("highdicom", reason="the extra dicom is not installed")
    from pydicom import dcmread

    from tests.exports.dicom_photographs import photograph, save

    (tmp_path / "in").mkdir()
    save(photograph(CODES.shape), tmp_path / "in" / "eye.dcm")
    results = finished([row("eye.dcm")])
    record = json.loads((results / "run.json").read_text())
    record["stages"] = [{"id": "closer", "sha256": "cd" * 32, "roles": ["disc", "cup"]}]
    record["options"] = {"further_models": {"disc": "cd" * 32, "calibration": "12" * 32}}
    (results / "run.json").write_text(json.dumps(record))
    assert export_dicom(results, tmp_path / "out", tmp_path / "in") == {}
    report = (tmp_path / "out" / "eye.dcm.SR.dcm").read_bytes()
    for part in (b"closer", b"refuge_mtl", b"model_sha256=" + b"cd" * 32, b"calibration_sha256=" + b"12" * 32):
        assert part in report
    algorithm = dcmread(tmp_path / "out" / "eye.dcm.SEG.dcm").SegmentSequence[0]
    assert algorithm.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "closer"


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--format", "dicom"], "--photographs: expected the folder that was measured"),
        (["--format", "nifti"], "expected a run that ended, but got one that stopped"),
    ],
)
def test_what_is_wrong_is_said(arguments, sentence, finished, tmp_path, capsys):
    assert main(["export", str(finished([row("a.jpg")], state="stopped")), str(tmp_path / "out"), *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected the results of `fundus-mtl infer`, but got none"):
        export_refuge(tmp_path, tmp_path / "out")


def test_a_pseudonym_has_no_dicom(finished, tmp_path):
    from fundus_mtl.exports import export_dicom

    (tmp_path / "in").mkdir()
    Image.fromarray(CODES).save(tmp_path / "in" / "a.png")
    left_out = export_dicom(finished([row("a1b2", source_relpath=None)]), tmp_path / "out", tmp_path / "in")
    assert left_out == {
        "a1b2": "it is under a pseudonym, or not among the photographs, so that its DICOM file is not known"
    }


def test_two_masks_never_share_a_file(finished, tmp_path):
    """The arteries and veins of the photograph x, and the disc of a photograph x_artery_vein."""
    rows = [row("x"), row("x_artery_vein")]
    folder = finished(rows)
    (folder / "artery_vein").mkdir()
    Image.fromarray(np.ones((40, 60), np.uint8)).save(folder / "artery_vein" / "x.png")
    record = json.loads((folder / "run.json").read_text())
    record["exported"]["masks"].append({"folder": "artery_vein", "labels": [[0, 0], [1, 1]]})
    (folder / "run.json").write_text(json.dumps(record))
    left_out = export_nifti(folder, tmp_path / "nifti")
    reason = "expected a file of its own, but got x_artery_vein.nii.gz, which another photograph has"
    assert left_out == {"x_artery_vein": reason}
    assert set(np.unique(nibabel.load(tmp_path / "nifti/x_artery_vein.nii.gz").dataobj)) == {1}


EVIL = [
    {"image_id": "../../pwned", "status": "ok"},
    {"image_id": "/pwned", "status": "ok"},
    {"image_id": "sub/../../pwned", "status": "ok"},
    {"image_id": "", "status": "ok"},
    {"image_id": "a\0b", "status": "ok"},
    {"image_id": 5, "status": "ok"},
    {"status": "ok"},
    {"image_id": "a.jpg"},
    {"image_id": "a.jpg", "status": "ok", "mm_per_px_x": [1]},
    7,
    [],
]


@pytest.mark.parametrize("export", [export_refuge, export_nifti, partial(export_dicom, photographs=".")])
@pytest.mark.parametrize("line", [*map(json.dumps, EVIL), "[" * 100_000 + "]" * 100_000, "not json"], ids=str)
def test_rows_of_a_stranger_lead_nowhere_else(finished, tmp_path, monkeypatch, line, export):
    """The id of a row names the files that are read and written."""
    folder = finished([row("a.jpg")])
    monkeypatch.chdir(folder / "masks" / "sub")
    Image.fromarray(CODES).save(tmp_path / "pwned.png")
    Image.fromarray(CODES).save("a.png")
    with (folder / "results.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=r"results\.jsonl: expected a row of `fundus-mtl infer` in line 2, but got"):
        export(folder, tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("pwned*.nii.gz"))
    assert not list(tmp_path.rglob("pwned*.bmp"))


@pytest.mark.parametrize(
    "changed",
    [
        7,
        [],
        {"model": 7},
        {"software_version": None},
        {"folders": "masks"},
        {"stages": [7]},
        {"stages": [{"id": "a"}]},
        {"options": []},
    ],
    ids=str,
)
def test_a_record_of_another_form_is_refused(finished, tmp_path, changed):
    folder = finished([row("a.jpg")])
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | changed if isinstance(changed, dict) else changed))
    for export in (export_refuge, export_nifti, partial(export_dicom, photographs=".")):
        with pytest.raises(ValueError, match="expected the results of `fundus-mtl infer`, but got none in 'results'"):
            export(folder, tmp_path / "out")


def test_a_record_that_never_ends_is_refused(finished, tmp_path):
    folder = finished([row("a.jpg")])
    (folder / "run.json").unlink()
    (folder / "run.json").symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="expected the results of `fundus-mtl infer`"):
        export_nifti(folder, tmp_path / "out")
    (folder / "run.json").unlink()
    (folder / "run.json").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(ValueError, match="expected the results of `fundus-mtl infer`"):
        export_nifti(folder, tmp_path / "out")
