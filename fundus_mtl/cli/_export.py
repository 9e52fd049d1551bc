"""The verb ``fundus-mtl export``: a finished folder's results for other programs."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from fundus_mtl.cli._endings import DONE, SOME_FAILED, refusing
from fundus_mtl.cli._output import shown_folder
from fundus_mtl.cli._parser import one_of
from fundus_mtl.cli._verb import add_verb

_ABOUT = """Convert what `fundus-mtl infer` wrote to RESULTS. Formats: refuge, the challenge's submission (masks as BMP, two
tables); nifti, masks as .nii.gz with their spacing where it is known; dicom, a Structured Report and a Segmentation for
each DICOM photograph. Exit status: 0 everything was exported, 2 refused, 3 some photographs were skipped (the reasons are
printed)."""
_EXAMPLES = """
fundus-mtl export RESULTS submission --format refuge
fundus-mtl export RESULTS masks --format nifti
fundus-mtl export RESULTS dicom --format dicom --photographs FOLDER
"""


def add_export(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = add_verb(verbs, "export", run_export, "convert results for other programs", _ABOUT, _EXAMPLES)
    parser.add_argument("results", metavar="RESULTS", help="folder of a finished `fundus-mtl infer`")
    parser.add_argument("out", metavar="OUT", help="folder to write to")
    parser.add_argument(
        "--format", required=True, type=one_of(("refuge", "nifti", "dicom")), help="refuge, nifti or dicom"
    )
    parser.add_argument("--photographs", metavar="FOLDER", help="dicom: the folder or list that was measured")
    parser.add_argument(
        "--keep-identity", action="store_true", help="dicom: keep the patient's identity, for an archive"
    )
    parser.add_argument("--training", action="store_true", help="refuge: the photographs are its training split")
    parser.add_argument(
        "--names",
        metavar="FILE",
        help="refuge: .csv with the columns image_id and name, for equal file names in several folders",
    )


def run_export(given: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    from fundus_mtl.files import printable
    from fundus_mtl.results import OutputError

    with refusing(ValueError, ImportError, OutputError):
        left_out = _export(given)
    for name, reason in left_out.items():
        print(printable(f"left out: {name}: {reason}"), file=sys.stderr)
    given.output.info(f"results are in {shown_folder(given.out)}")
    return SOME_FAILED if left_out else DONE


def _export(given: argparse.Namespace) -> dict[str, str]:
    from fundus_mtl.exports import export_dicom, export_nifti, export_refuge

    if given.format == "refuge":
        return export_refuge(given.results, given.out, given.training, given.names)
    if given.format == "nifti":
        return export_nifti(given.results, given.out)
    if given.photographs is None:
        raise ValueError(
            "--photographs: expected the folder that was measured, but got none; DICOM objects refer to it."
        )
    return export_dicom(given.results, given.out, given.photographs, given.keep_identity)
