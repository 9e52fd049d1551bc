"""The verb ``fundus-mtl export``: a finished folder's results for other programs."""

from __future__ import annotations

import argparse
import sys
from typing import Any

ALL, REFUSED, SOME_LEFT_OUT = 0, 2, 3
_ABOUT = """RESULTS is what `fundus-mtl infer` wrote. Formats: refuge, the challenge's submission (masks as BMP, two tables);
nifti, masks as .nii.gz with spacing where it is known; dicom, a Structured Report and a Segmentation for each DICOM
photograph. Exit status: 0 everything is in it, 2 refused, 3 some photographs are not (the reasons are printed)."""


def add_export(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = verbs.add_parser(
        "export",
        help="results for other programs",
        description=_ABOUT,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("results", metavar="RESULTS", help="folder of a finished `fundus-mtl infer`")
    parser.add_argument("out", metavar="OUT", help="folder to write to")
    parser.add_argument("--format", required=True, choices=("refuge", "nifti", "dicom"))
    parser.add_argument("--photographs", metavar="FOLDER", help="dicom: the folder or list that was measured")
    parser.add_argument("--keep-identity", action="store_true", help="dicom: say who the patient is, for an archive")
    parser.add_argument("--training", action="store_true", help="refuge: the photographs are its training split")
    parser.set_defaults(run=run_export)


def run_export(given: argparse.Namespace) -> int:
    """Do what the command line says; return the exit status."""
    from fundus_mtl.results import OutputError

    try:
        left_out = _export(given)
    except (ValueError, ImportError, OutputError) as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
    for name, reason in left_out.items():
        print(f"left out: {name}: {reason}", file=sys.stderr)
    return SOME_LEFT_OUT if left_out else ALL


def _export(given: argparse.Namespace) -> dict[str, str]:
    from fundus_mtl.exports import export_dicom, export_nifti, export_refuge

    if given.format == "refuge":
        return export_refuge(given.results, given.out, given.training)
    if given.format == "nifti":
        return export_nifti(given.results, given.out)
    if given.photographs is None:
        raise ValueError(
            "--photographs: expected the folder that was measured, but got none; DICOM objects refer to it."
        )
    return export_dicom(given.results, given.out, given.photographs, given.keep_identity)
