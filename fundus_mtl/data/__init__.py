"""Photographs, masks, datalists and folders, and sets of small images: how data comes in."""

from fundus_mtl.data._array_set import ArraySet
from fundus_mtl.data._balanced_sampler import BalancedSampler
from fundus_mtl.data._datalist import datalist_digest, read_datalist, write_datalist
from fundus_mtl.data._digits import DIGIT_TASKS, Digits, digit_set
from fundus_mtl.data._embedded_digits import embedded_digits
from fundus_mtl.data._failure import PHOTOGRAPH_ERRORS, plain_reason, root_cause
from fundus_mtl.data._file_hash import file_sha256, text_sha256
from fundus_mtl.data._folder import PHOTOGRAPH_EXTENSIONS, scan_folder
from fundus_mtl.data._folder_samples import FolderSamples
from fundus_mtl.data._folds import assign_folds
from fundus_mtl.data._reader import FundusReader
from fundus_mtl.data._tensor_samples import TensorSamples
from fundus_mtl.data._unreadable import UnreadableImageError

__all__ = [
    "DIGIT_TASKS",
    "PHOTOGRAPH_ERRORS",
    "PHOTOGRAPH_EXTENSIONS",
    "ArraySet",
    "BalancedSampler",
    "Digits",
    "FolderSamples",
    "FundusReader",
    "TensorSamples",
    "UnreadableImageError",
    "assign_folds",
    "datalist_digest",
    "digit_set",
    "embedded_digits",
    "file_sha256",
    "plain_reason",
    "read_datalist",
    "root_cause",
    "scan_folder",
    "text_sha256",
    "write_datalist",
]
