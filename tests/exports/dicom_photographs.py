"""Small fundus photographs as DICOM, complete enough for `dciodvfy` to find no error in them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid

OP8 = "1.2.840.10008.5.1.4.1.1.77.1.5.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
# Whatever of these is found in a file that should not know the patient, leaked.
SECRETS = ("CANARY", "19420131", "19991231")


def photograph(shape: tuple[int, int] = (40, 60), laterality: str = "R", jpeg: bool = False) -> Dataset:
    """Return an 8-bit Ophthalmic Photography image: RGB, or YBR_FULL_422 compressed as JPEG."""
    dataset = _image(shape, jpeg, OP8, "OP")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "", "COLOR"]
    dataset.NumberOfFrames = 1
    dataset.FrameIncrementPointer = 0x00181063
    dataset.FrameTime = 0.0
    dataset.PixelSpacing = [0.006, 0.005]
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImageLaterality = laterality
    dataset.AnatomicRegionSequence = [_code("5665001", "SCT", "Retina")]
    dataset.AcquisitionDateTime = dataset.ContentDate + dataset.ContentTime
    dataset.PatientEyeMovementCommanded = "NO"
    dataset.PupilDilated = "NO"
    dataset.RefractiveStateSequence = []
    dataset.EmmetropicMagnification = None
    dataset.IntraOcularPressure = None
    dataset.HorizontalFieldOfView = None
    dataset.AcquisitionDeviceTypeCodeSequence = [_code("409898007", "SCT", "Fundus Camera")]
    dataset.IlluminationTypeCodeSequence = []
    dataset.LightPathFilterTypeStackCodeSequence = []
    dataset.ImagePathFilterTypeStackCodeSequence = []
    dataset.LensesCodeSequence = []
    dataset.DetectorType = "CCD"
    dataset.SynchronizationFrameOfReferenceUID = generate_uid()
    dataset.SynchronizationTrigger = "NO TRIGGER"
    dataset.AcquisitionTimeSynchronized = "N"
    return dataset


def secondary_capture(shape: tuple[int, int] = (40, 60)) -> Dataset:
    """Return a screen's picture of a photograph: no laterality, no spacing, no frames."""
    dataset = _image(shape, False, SECONDARY_CAPTURE, "XC")
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.ConversionType = "WSD"
    dataset.PatientOrientation = None
    dataset.Laterality = None
    return dataset


def save(dataset: Dataset, path: Path) -> Path:
    dcmwrite(path, dataset, enforce_file_format=True)
    return path


def _image(shape: tuple[int, int], jpeg: bool, sop_class: str, modality: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, generate_uid()
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    _identity(dataset)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = modality, 1, 1
    dataset.Manufacturer, dataset.ManufacturerModelName = "Nobody", "Synthetic"
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = "CANARY-DEVICE", "1"
    dataset.ContentDate, dataset.ContentTime = "19991231", "120000"
    dataset.BurnedInAnnotation = "NO"
    _pixels(dataset, shape, jpeg)
    return dataset


def _identity(dataset: Dataset) -> None:
    dataset.PatientName, dataset.PatientID = "CANARY^Müller", "CANARY-1"
    dataset.PatientBirthDate, dataset.PatientSex = "19420131", "F"
    dataset.PatientComments = "CANARY-2"
    dataset.StudyDate, dataset.StudyTime = "19991231", "115900"
    dataset.StudyID, dataset.AccessionNumber = "CANARY-3", "CANARY-4"
    dataset.StudyDescription = "CANARY study"
    dataset.ReferringPhysicianName = "CANARY^Doctor"
    dataset.InstitutionName = "CANARY clinic"
    dataset.add_new(0x00090010, "LO", "CANARY private")


def _pixels(dataset: Dataset, shape: tuple[int, int], jpeg: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    dataset.Rows, dataset.Columns = shape
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PhotometricInterpretation, dataset.LossyImageCompression = "RGB", "00"
    dataset.PixelData = pixels.tobytes()
    if jpeg:
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        dataset.PhotometricInterpretation, dataset.LossyImageCompression = "YBR_FULL_422", "01"
        dataset.LossyImageCompressionRatio, dataset.LossyImageCompressionMethod = 2.0, "ISO_10918_1"
        stream = BytesIO()
        Image.fromarray(pixels).save(stream, format="JPEG", subsampling="4:2:2")
        dataset.PixelData = encapsulate([stream.getvalue()])
        dataset["PixelData"].VR = "OB"


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code
