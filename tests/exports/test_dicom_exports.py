"""Reports and segmentations as DICOM: valid, exact, at their place in an archive, and silent about the patient."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread

from fundus_mtl.exports._dicom_seg import write_seg
from fundus_mtl.exports._dicom_sr import write_sr
from fundus_mtl.notices import DISCLAIMER
from tests.exports.dicom_photographs import SECRETS, photograph, save, secondary_capture

segread = pytest.importorskip("highdicom.seg", reason="needs the extra dicom").segread
SHAPE = (40, 60)
MODEL = {"id": "refuge_mtl", "sha256": "ab" * 32}
ROW: dict[str, Any] = {
    **{"status": "ok", "laterality": "R", "vcdr": 0.5, "hcdr": np.float64(0.4), "acdr": "0.25"},
    **{"rim_disc_ratio_min": float("nan"), "disc_area_px": 400, "cup_area_px": None, "disc_height_mm": 1.75},
    **{"disc_fovea_dist_px": 123.4567894, "disc_fovea_dist_dd": "", "glaucoma_prob": 0.125},
    **{"flags": "fovea_far;disc_at_edge", "scale_source": "assumed", "image_id": "CANARY.dcm"},
}
SOURCES: dict[str, Callable[[], Dataset]] = {
    "op": photograph,
    "jpeg": lambda: photograph(jpeg=True),
    "sc": secondary_capture,
}
Writer = Callable[..., None]


def box(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[rows, columns] = True
    return mask


DISC, CUP, NOTHING = box(slice(5, 30), slice(10, 50)), box(slice(10, 20), slice(20, 33)), box(slice(0), slice(0))


def sr(path: Path, source: Path | Dataset, row: dict[str, Any] = ROW, **options: Any) -> Dataset:
    write_sr(path, source, row, MODEL, "0.6.0", **options)
    return dcmread(path)


def seg(path: Path, source: Path | Dataset, disc: np.ndarray = DISC, cup: np.ndarray = CUP, **options: Any) -> Dataset:
    write_seg(path, source, disc, cup, MODEL, "0.6.0", **options)
    return dcmread(path)


BOTH = pytest.mark.parametrize("write", [sr, seg])


def faults(path: Path) -> list[str]:
    """Return the errors that dciodvfy finds; it must have known the kind of object, and its warnings are explained."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    reported = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr.splitlines()
    assert any(
        line in reported for line in ("Comprehensive3DSR", "Segmentation", "OphthalmicPhotography8BitImage", "SCImage")
    )
    return [line for line in reported if "error" in line.lower()]


def items(dataset: Dataset) -> Iterator[Dataset]:
    for item in dataset.get("ContentSequence", []):
        yield item
        yield from items(item)


def named(document: Dataset, meaning: str) -> list[Dataset]:
    return [item for item in items(document) if item.ConceptNameCodeSequence[0].CodeMeaning == meaning]


def numbers(document: Dataset) -> dict[str, tuple[float, str]]:
    return {
        item.ConceptNameCodeSequence[0].CodeMeaning: (
            float(item.MeasuredValueSequence[0].NumericValue),
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
        )
        for item in items(document)
        if item.ValueType == "NUM"
    }


@pytest.mark.parametrize("kind", SOURCES)
def test_dciodvfy_finds_no_error(tmp_path: Path, kind: str) -> None:
    source = SOURCES[kind]()
    assert faults(save(source, tmp_path / "source.dcm")) == []
    for keep in (False, True):
        for write in (sr, seg):
            write(tmp_path / "out.dcm", source, keep_identity=keep)
            assert faults(tmp_path / "out.dcm") == []
    seg(tmp_path / "out.dcm", source, NOTHING, NOTHING)
    assert faults(tmp_path / "out.dcm") == []


def test_a_report_holds_what_was_measured_and_nothing_else(tmp_path: Path) -> None:
    document = sr(tmp_path / "sr.dcm", photograph())
    assert numbers(document) == {
        "Vertical cup-disc ratio": (0.5, "1"),
        "Horizontal cup-disc ratio": (0.4, "1"),
        "Area cup-disc ratio": (0.25, "1"),
        "Optic disc area": (400, "{pixels}"),
        "Vertical optic disc diameter": (1.75, "mm"),
        "Distance of optic disc centre and fovea": (123.456789, "{pixels}"),
        "Glaucoma research score": (0.125, "1"),
    }


def test_a_report_says_by_what_of_which_eye_and_for_what_not(tmp_path: Path) -> None:
    document = sr(tmp_path / "sr.dcm", photograph())
    assert [item.TextValue for item in named(document, "Comment")] == [
        DISCLAIMER,
        "Flags: fovea_far;disc_at_edge",
        "Scale of the millimetres: assumed",
    ]
    assert [item.ConceptCodeSequence[0].CodeMeaning for item in named(document, "Laterality")] == ["Right"]
    assert [item.TextValue for item in named(document, "Algorithm Name")] == ["refuge_mtl"]
    assert [item.TextValue for item in named(document, "Algorithm Version")] == ["0.6.0"]
    assert [item.TextValue for item in named(document, "Algorithm Parameters")] == [f"model_sha256={'ab' * 32}"]
    assert (document.VerificationFlag, document.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert document.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99FUNDUSMTL"
    assert document.SeriesDescription.startswith("Research use only")


STAGES = (
    {"id": "refuge_disc_mtl", "sha256": "cd" * 32, "roles": ["disc", "cup"]},
    {"id": "hrf_av_mtl", "sha256": "ef" * 32, "roles": ["artery_vein", "vessel"]},
)


def test_each_measurement_names_the_models_that_answered(tmp_path: Path) -> None:
    """The disc is the second model's, the fovea the first one's, and the score was calibrated."""
    document = sr(tmp_path / "sr.dcm", photograph(), stages=STAGES, calibration="12" * 32)
    assert faults(tmp_path / "sr.dcm") == []
    reported = {}
    for item in items(document):
        if item.ValueType == "NUM":
            inner = {part.ConceptNameCodeSequence[0].CodeMeaning: [] for part in item.ContentSequence}
            for part in item.ContentSequence:
                inner[part.ConceptNameCodeSequence[0].CodeMeaning].append(part.get("TextValue"))
            reported[item.ConceptNameCodeSequence[0].CodeMeaning] = (
                inner["Algorithm Name"],
                inner["Algorithm Parameters"],
            )
    first, disc = (f"model_sha256={digits * 32}" for digits in ("ab", "cd"))
    assert reported["Vertical cup-disc ratio"] == (["refuge_disc_mtl"], [disc])
    assert reported["Vertical optic disc diameter"] == (["refuge_disc_mtl"], [disc])
    assert reported["Distance of optic disc centre and fovea"] == (["refuge_mtl + refuge_disc_mtl"], [first, disc])
    score = reported["Glaucoma research score"]
    assert score == (["refuge_mtl"], [first, f"calibration_sha256={'12' * 32}"])
    assert len(reported) == len(numbers(document))
    (observer,) = named(document, "Device Observer Serial Number")
    assert observer.TextValue == f"{'ab' * 32} + {'cd' * 32}"
    assert b"ef" * 32 not in (tmp_path / "sr.dcm").read_bytes()  # no vessels in it
    one = sr(tmp_path / "sr.dcm", photograph(), {"status": "ok", "vcdr": 0.5}, stages=STAGES)
    assert [item.TextValue for item in named(one, "Algorithm Name")] == ["refuge_disc_mtl"]  # of the group, once


def test_each_segment_names_the_model_that_drew_it(tmp_path: Path) -> None:
    def makers(stages: tuple[dict[str, Any], ...]) -> list[tuple[str, str]]:
        document = seg(tmp_path / "seg.dcm", photograph(), stages=stages)
        assert faults(tmp_path / "seg.dcm") == []
        reported = [segment.SegmentationAlgorithmIdentificationSequence[0] for segment in document.SegmentSequence]
        return [(algorithm.AlgorithmName, algorithm.AlgorithmParameters) for algorithm in reported]

    disc = ("refuge_disc_mtl", f"model_sha256={'cd' * 32}")
    assert makers(STAGES) == [disc, disc]
    first = ("refuge_mtl", f"model_sha256={'ab' * 32}")
    assert makers(({**STAGES[0], "roles": ["cup"]},)) == [first, disc]
    assert makers(STAGES[1:]) == [first, first]
    with pytest.raises(ValueError, match="model: expected a plain name as id"):
        makers(({**STAGES[0], "id": "home/doe"},))


@pytest.mark.parametrize("kind", SOURCES)
def test_a_segmentation_reads_back_pixel_by_pixel(tmp_path: Path, kind: str) -> None:
    source = SOURCES[kind]()
    for disc, cup in ((DISC, CUP), (DISC, NOTHING), (NOTHING, NOTHING), (CUP, DISC)):
        document = seg(tmp_path / "seg.dcm", source, disc, cup, keep_identity=True)
        assert document.NumberOfFrames == 2  # an empty segment is there too
        read = segread(tmp_path / "seg.dcm")
        pixels = read.get_pixels_by_source_instance([source.SOPInstanceUID])
        assert pixels.shape == (1, *SHAPE, 2)
        np.testing.assert_array_equal(pixels[0, ..., 0], disc)
        np.testing.assert_array_equal(pixels[0, ..., 1], cup)


@pytest.mark.parametrize("kind", ["77.1.5.2", "77.1.5.5", "77.1.5.6", "77.1.4", "7.4"])
def test_other_classes_of_photographs_are_taken_too(tmp_path: Path, kind: str) -> None:
    """Of 16 bits, wide field, visible light, and Secondary Capture of several frames."""
    source = photograph()
    source.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.{kind}"
    assert numbers(sr(tmp_path / "sr.dcm", source))
    document = seg(tmp_path / "seg.dcm", source, keep_identity=True)
    referred = [element.value for element in document.iterall() if element.keyword == "ReferencedSOPClassUID"]
    assert set(referred) == {source.SOPClassUID}
    pixels = segread(tmp_path / "seg.dcm").get_pixels_by_source_instance([source.SOPInstanceUID])
    np.testing.assert_array_equal(pixels[0], np.stack([DISC, CUP], axis=-1))


def test_a_segmentation_says_what_it_shows(tmp_path: Path) -> None:
    document = seg(tmp_path / "seg.dcm", photograph(laterality="L"))
    disc, cup = (segment.SegmentedPropertyTypeCodeSequence[0] for segment in document.SegmentSequence)
    assert (disc.CodeValue, disc.CodingSchemeDesignator) == ("81016008", "SCT")
    assert (cup.CodeValue, cup.CodingSchemeDesignator) == ("CUP", "99FUNDUSMTL")
    for code in (disc, cup):
        assert code.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"
    assert [segment.SegmentLabel for segment in document.SegmentSequence] == ["optic disc", "optic cup"]
    algorithm = document.SegmentSequence[1].SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("refuge_mtl", "0.6.0")
    assert document.ImageComments == DISCLAIMER
    assert list(document.PatientOrientation) == ["L", "F"]
    measures = document.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert list(measures.PixelSpacing) == [0.006, 0.005]
    unscaled = seg(tmp_path / "seg.dcm", secondary_capture())
    assert "PixelMeasuresSequence" not in unscaled.SharedFunctionalGroupsSequence[0]


def test_the_eye_is_the_photographs_or_else_the_results(tmp_path: Path) -> None:
    left = secondary_capture()
    left.Laterality = "L"
    for source, said, known in (
        (left, "unknown", ["Left"]),
        (photograph(laterality="L"), "unknown", ["Left"]),
        (photograph(laterality="B"), "R", ["Right"]),
        (photograph(laterality="B"), "unknown", []),
        (secondary_capture(), "L", ["Left"]),
        (secondary_capture(), "unknown", []),
    ):
        document = sr(tmp_path / "sr.dcm", source, ROW | {"laterality": said})
        assert [item.ConceptCodeSequence[0].CodeMeaning for item in named(document, "Laterality")] == known
        assert not seg(tmp_path / "seg.dcm", source, laterality=said).get("Laterality")
    with pytest.raises(ValueError, match="laterality: expected 'L' as the DICOM photograph says, but got 'R'"):
        seg(tmp_path / "other.dcm", photograph(laterality="L"), laterality="R")


@BOTH
@pytest.mark.parametrize("salt", [None, "secret"])
def test_by_default_nothing_tells_who_when_or_where(tmp_path: Path, write: Writer, salt: str | None) -> None:
    source = photograph()
    document = write(tmp_path / "out.dcm", save(source, tmp_path / "source.dcm"), salt=salt)
    content = (tmp_path / "out.dcm").read_bytes().decode("latin-1")
    uids = [source.StudyInstanceUID, source.SeriesInstanceUID, source.SOPInstanceUID]
    uids.append(source.SynchronizationFrameOfReferenceUID)
    assert [secret for secret in (*SECRETS, *uids) if secret in content] == []
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"):
        assert not document[name].value
    assert document.PatientIdentityRemoved == "YES"


def test_a_salt_keeps_the_results_of_a_photograph_together(tmp_path: Path) -> None:
    source = photograph()

    def studies(salt: str | None) -> set[str]:
        return {write(tmp_path / "out.dcm", source, salt=salt).StudyInstanceUID for write in (sr, seg, sr)}

    assert len(studies("one")) == 1
    assert studies("one") == studies("one")
    assert studies("one") != studies("two")
    assert len(studies(None)) == 3


@BOTH
def test_with_identity_it_belongs_to_the_patients_study(tmp_path: Path, write: Writer) -> None:
    source = photograph()
    before = source.to_json()
    document = write(tmp_path / "out.dcm", source, keep_identity=True)
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "AccessionNumber"):
        assert document[name].value == source[name].value
    assert str(document.PatientName) == "CANARY^Müller"
    assert "PatientIdentityRemoved" not in document
    assert document.SeriesInstanceUID != source.SeriesInstanceUID
    content = (tmp_path / "out.dcm").read_bytes().decode("latin-1")
    assert source.SOPInstanceUID in content
    for other in ("CANARY street", "CANARY-DEVICE", "CANARY-2", "CANARY clinic", "CANARY private"):
        assert other not in content
    assert source.to_json() == before


@BOTH
def test_what_is_no_single_dicom_photograph_is_refused_with_the_reason(tmp_path: Path, write: Writer) -> None:
    Image.fromarray(np.zeros((*SHAPE, 3), np.uint8)).save(tmp_path / "photograph.jpg")
    out = tmp_path / "out.dcm"
    with pytest.raises(
        ValueError, match="expected a DICOM photograph, but got another kind of file; .*take the tables"
    ):
        write(out, tmp_path / "photograph.jpg")
    several = photograph()
    several.NumberOfFrames = 3
    with pytest.raises(ValueError, match="expected a photograph of one frame, but got 3 frames"):
        write(out, several)
    nameless = photograph()
    del nameless.StudyInstanceUID
    with pytest.raises(ValueError, match="but got one without StudyInstanceUID"):
        write(out, nameless)
    with pytest.raises(ValueError, match="hashed names and identity exclude each other"):
        write(out, photograph(), keep_identity=True, salt="secret")
    assert not out.exists()


@pytest.mark.parametrize(
    "row, reason",
    [
        ({"status": "failed", "vcdr": 0.5}, "expected the status ok, but got 'failed'"),
        ({"vcdr": float("nan"), "hcdr": "", "disc_area_px": None}, "expected a measurement at least, but got none"),
        ({"vcdr": "half"}, "vcdr: expected a number, but got 'half'"),
    ],
)
def test_a_row_without_measurements_has_no_report(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        sr(tmp_path / "sr.dcm", photograph(), row)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mask", [DISC.T, DISC.astype(np.uint8) * 255, DISC[:-1]])
def test_a_mask_is_bool_and_on_the_photographs_grid(tmp_path: Path, mask: np.ndarray) -> None:
    for masks in ((mask, CUP), (DISC, mask)):
        with pytest.raises(ValueError, match=r"mask: expected bool \(40, 60\) as the photograph, but got"):
            seg(tmp_path / "seg.dcm", photograph(), *masks)


@pytest.mark.parametrize(
    "model", [{"id": "home/doe/model", "sha256": "ab"}, {"id": "a"}, {"id": "a\\b", "sha256": "c"}]
)
def test_a_models_name_is_no_path(tmp_path: Path, model: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="model: expected (the keys id and sha256|a plain name as id), but got"):
        write_seg(tmp_path / "seg.dcm", photograph(), DISC, CUP, model, "0.6.0")
    with pytest.raises(ValueError, match="model: expected (the keys id and sha256|a plain name as id), but got"):
        write_sr(tmp_path / "sr.dcm", photograph(), ROW, model, "0.6.0")


@BOTH
def test_without_highdicom_the_remedy_is_told(tmp_path: Path, write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(ImportError, match=r"pip install 'fundus-mtl\[dicom\]'"):
        write(tmp_path / "out.dcm", photograph())


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """An archive that only this machine can reach, as a function of method, path and content."""
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("Orthanc is not installed (Debian package orthanc)")
    folder = tmp_path_factory.mktemp("orthanc")
    port = _free_port()
    settings = {"HttpPort": port, "RemoteAccessAllowed": False, "DicomServerEnabled": False, "Plugins": []}
    settings |= {"StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"), "HttpBindAddresses": []}
    (folder / "settings.json").write_text(json.dumps(settings))

    def ask(method: str, path: str, content: bytes | None = None) -> Any:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request(method, path, content)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, str(folder / "settings.json")], stdout=log, stderr=log, cwd=folder)
        try:
            _wait(ask, server, folder / "log")
            yield ask
        finally:
            server.terminate()
            server.wait(timeout=20)


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(ask: Callable[..., Any], server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        assert server.poll() is None, log.read_text(errors="replace")
        try:
            ask("GET", "/system")
        except ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("Orthanc does not answer.")


@pytest.mark.parametrize("kind", SOURCES)
def test_an_archive_takes_them(tmp_path: Path, orthanc: Callable[..., Any], kind: str) -> None:
    source = SOURCES[kind]()
    files = [save(source, tmp_path / "source.dcm")]
    for name, write in (("sr", sr), ("seg", seg)):
        for keep in (True, False):
            files.append(tmp_path / f"{name}_{keep}.dcm")
            write(files[-1], source, keep_identity=keep)
    taken = {}
    for path in files:
        status, answer = orthanc("POST", "/instances", path.read_bytes())
        assert (status, answer["Status"]) == (200, "Success")
        taken[path.stem] = answer["ParentStudy"]
    assert taken["source"] == taken["sr_True"] == taken["seg_True"]  # the study of the photograph
    assert taken["source"] not in (taken["sr_False"], taken["seg_False"])
    _, tags = orthanc("GET", f"/studies/{taken['sr_False']}")
    assert not tags["PatientMainDicomTags"].get("PatientName")
