"""Photographs, masks, datalists and folders: how data comes in."""

from fundus_mtl.data._datalist import datalist_digest, read_datalist, write_datalist
from fundus_mtl.data._failure import PHOTOGRAPH_ERRORS, plain_reason, root_cause
from fundus_mtl.data._file_hash import file_sha256, text_sha256
from fundus_mtl.data._folder import PHOTOGRAPH_EXTENSIONS, scan_folder
from fundus_mtl.data._folder_samples import FolderSamples
from fundus_mtl.data._folds import assign_folds
from fundus_mtl.data._reader import FundusReader
from fundus_mtl.data._unreadable import UnreadableImageError

__all__ = [
    "PHOTOGRAPH_ERRORS",
    "PHOTOGRAPH_EXTENSIONS",
    "FolderSamples",
    "FundusReader",
    "UnreadableImageError",
    "assign_folds",
    "datalist_digest",
    "file_sha256",
    "plain_reason",
    "read_datalist",
    "root_cause",
    "scan_folder",
    "text_sha256",
    "write_datalist",
]
