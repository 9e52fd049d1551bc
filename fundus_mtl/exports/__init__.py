"""A finished folder's results for other programs: REFUGE, NIfTI, DICOM. Research use only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.exports._dicom_seg import write_seg
    from fundus_mtl.exports._dicom_source import source_header
    from fundus_mtl.exports._dicom_sr import write_sr
    from fundus_mtl.exports._folder_exports import export_dicom, export_nifti, export_refuge
    from fundus_mtl.exports._refuge_submission import RefugeSubmission
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "RefugeSubmission",
    "export_dicom",
    "export_nifti",
    "export_refuge",
    "source_header",
    "write_seg",
    "write_sr",
]
