"""A real run without a network, on photographs full of names: nothing is sent, and no name gets out."""

from __future__ import annotations

import base64
import os
import re
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom.uid import generate_uid

from fundus_mtl.cli import main
from tests.clinic.conftest import ANYWAY, fundus, rows, save_fundus
from tests.photographs.dicom_files import dicom, jpeg_photograph, save

NAME = "ZQDOE"  # in names of files and folders
TAGS = {
    "PatientName": "ZQMUELLER^EVA",
    "PatientID": "ZQ4711",
    "PatientBirthDate": "19611103",
    "PatientAddress": "ZQSTREET",
    "PatientComments": "ZQPATCOM",
    "OtherPatientIDs": "ZQOTHER",
    "AccessionNumber": "ZQACCESS",
    "InstitutionName": "ZQHOSPITAL",
    "InstitutionAddress": "ZQPLACE",
    "OperatorsName": "ZQOPERATOR",
    "ReferringPhysicianName": "ZQREFERRING",
    "StudyDescription": "ZQSTUDY",
    "SeriesDescription": "ZQSERIES",
    "StudyID": "ZQSTID",
    "ImageComments": "ZQIMAGECOM",
    "DeviceSerialNumber": "ZQSERIAL",
    "StationName": "ZQSTATION",
    "StudyDate": "19870605",
    "StudyTime": "235958",
}
PRIVATE = "ZQPRIVATE"
UID = generate_uid()
ODD = ["ZQSIDE", "ZQBURNED", "ZQCOLOURS", "ZQMODALITY", "ZQEXIF", "ZQARTIST", "ZQCOMMENT", "ZQCHUNK", "ZQTEXT"]
SECRETS = [*(part for value in TAGS.values() for part in value.split("^") if len(part) > 3), PRIVATE, str(UID), *ODD]


def with_patient(made, **broken):
    """Put the patient into a DICOM, in private elements too; ``broken`` elements hold values that their kind may not."""
    for keyword, value in (TAGS | broken).items():
        setattr(made, keyword, value)
    made.StudyInstanceUID, made.SeriesInstanceUID = UID, generate_uid()
    block = made.private_block(0x0009, PRIVATE, create=True)
    block.add_new(1, "LO", PRIVATE)
    return made


@pytest.fixture
def folder(tmp_path):
    """Photographs and failures of every kind, each with somebody's name in it."""
    folder = tmp_path / f"{NAME} clinic"
    pixels = fundus()
    save(folder / f"{NAME}.dcm", with_patient(dicom(pixels)))
    save(folder / f"{NAME} jpeg" / f"{NAME}^EVA 2.dcm", with_patient(jpeg_photograph(pixels)))
    save(folder / f"{NAME}_frames.dcm", with_patient(dicom(np.stack([pixels, pixels[:, ::-1]]))))
    odd = dicom(pixels)
    odd.add_new("PixelSpacing", "DS", "1.0")
    save(folder / f"{NAME}_odd.dcm", with_patient(odd, ImageLaterality="ZQSIDE", BurnedInAnnotation="ZQBURNED"))
    whole = (folder / f"{NAME}.dcm").read_bytes()
    (folder / f"{NAME}_cut.dcm").write_bytes(whole[:-2000])
    (folder / f"{NAME}_torn.dcm").write_bytes(whole[:600])
    wrong = with_patient(dicom(pixels), PhotometricInterpretation="ZQCOLOURS")
    save(folder / f"{NAME}_colours.dcm", wrong)
    kind = with_patient(dicom(pixels, kind="1.2.840.10008.5.1.4.1.1.77.1.5.4"), Modality="ZQMODALITY")
    save(folder / f"{NAME}_kind", kind)
    number = whole.replace(b"\x28\x00\x02\x01US\x02\x00\x07\x00", b"\x28\x00\x02\x01US\x02\x00\x63\x00")  # HighBit 99
    (folder / f"{NAME}_bits.dcm").write_bytes(number)
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "ZQEXIF", "ZQARTIST"
    Image.fromarray(pixels).save(folder / f"{NAME} OD.jpg", exif=exif, comment=b"ZQCOMMENT")
    told = PngInfo()
    told.add_text("Patient", "ZQCHUNK")
    Image.fromarray(pixels).save(folder / f"{NAME}.png", pnginfo=told)
    (folder / f"{NAME}.bmp").write_text("ZQTEXT")
    (folder / f"{NAME}_link.png").symlink_to(f"{NAME}_gone.png")
    (folder / f"{NAME}_folder.png").mkdir()
    (folder / f"{NAME}_half.jpg").write_bytes((folder / f"{NAME} OD.jpg").read_bytes()[:700])
    save_fundus(folder / f"{NAME}_locked.png").chmod(0)
    return folder


FAILED, WHOLE = 10, 7  # a file of two frames is two photographs


def everything(output):
    """Names and bytes of all that was written, and of the pictures inside the report."""
    found = [(str(path.relative_to(output)).encode(), path) for path in sorted(output.rglob("*"))]
    text = b"\n".join(name + b"\n" + (path.read_bytes() if path.is_file() else b"") for name, path in found)
    inside = re.findall(rb"base64,([\w+/=]+)", text)
    assert len(inside) >= WHOLE
    return text + b"\n".join(base64.b64decode(picture) for picture in inside)


def leaks(text, *names):
    """What of the patient, or of the files' names, is in it."""
    return [secret for secret in (*SECRETS, *names) if secret.encode() in text]


def command(*given):
    """A process without a network, in which root may not read what nobody may."""
    alone = ["unshare", *(["-n"] if os.geteuid() == 0 else ["-r", "-n"])]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("may not make a network namespace")
    bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    meek = bound if os.geteuid() == 0 and shutil.which("setpriv") else []
    return [*alone, *meek, sys.executable, "-m", "fundus_mtl.cli", *given]


def test_a_process_without_a_network_tells_no_name(folder, weights, tmp_path):
    """Weights, pictures, tables, report, what is printed: the whole of it, hashed."""
    out = tmp_path / "out"
    told = subprocess.run(
        command("infer", str(folder), str(out), "--weights", str(weights), *ANYWAY, "--set", "id_mode=hash"),
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )
    assert told.returncode == 3, told.stderr.decode()
    found = rows(out / "results.csv")
    states = [row["status"] for row in found]
    assert (states.count("failed"), len(states)) == (FAILED, FAILED + WHOLE), [row["status_reason"] for row in found]
    assert "Permission denied" in " ".join(row["status_reason"] for row in found)
    assert leaks(told.stdout + told.stderr + everything(out), NAME) == []
    assert b"Traceback" not in told.stderr
    assert b"Warning" not in told.stderr
    assert all(re.fullmatch("[0-9a-f]{32}(#.)?", row["image_id"]) and not row["source_relpath"] for row in found)
    for path in [*out.rglob("*.jpg"), *out.rglob("*.png")]:
        with Image.open(path) as picture:
            assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_no_connection_is_tried_and_no_identity_told(folder, weights, tmp_path, monkeypatch, caplog, capfd):
    """With the files' own names: they are there, and nothing of what the files hold."""
    tried = []

    def refuse(self, *given):
        tried.append(given)
        raise OSError("expected no connection")

    for what in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, what, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    out = tmp_path / "out"
    with caplog.at_level("INFO"):
        status = main(["infer", str(folder), str(out), "--weights", str(weights), *ANYWAY])
    assert (status, tried) == (3, [])
    told = capfd.readouterr()
    text = everything(out) + (caplog.text + told.out + told.err).encode()
    assert leaks(text) == []
    assert f"{NAME}.dcm".encode() in text
    assert str(tmp_path).encode() not in text
