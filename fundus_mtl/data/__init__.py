"""Photographs, masks, datalists and folders, and sets of small images: how data comes in."""

from fundus_mtl.data._array_set import ArraySet
from fundus_mtl.data._balanced_sampler import BalancedSampler
from fundus_mtl.data._config_hash import config_sha256
from fundus_mtl.data._datalist import datalist_digest, read_datalist, write_datalist
from fundus_mtl.data._digits import DIGIT_TASKS, Digits, digit_set
from fundus_mtl.data._embedded_digits import embedded_digits
from fundus_mtl.data._facts import Facts
from fundus_mtl.data._failure import PHOTOGRAPH_ERRORS, plain_reason, root_cause
from fundus_mtl.data._file_hash import file_sha256
from fundus_mtl.data._find import find_photographs
from fundus_mtl.data._folder import PHOTOGRAPH_EXTENSIONS, scan_folder
from fundus_mtl.data._folder_samples import FolderSamples
from fundus_mtl.data._folds import assign_folds
from fundus_mtl.data._frame_path import photograph_file
from fundus_mtl.data._guarded_transform import FAILURE, GuardedTransform
from fundus_mtl.data._list import scan_list
from fundus_mtl.data._reader import FundusReader
from fundus_mtl.data._tensor_samples import TensorSamples
from fundus_mtl.data._unreadable import UnreadableImageError

__all__ = [
    "DIGIT_TASKS",
    "FAILURE",
    "PHOTOGRAPH_ERRORS",
    "PHOTOGRAPH_EXTENSIONS",
    "ArraySet",
    "BalancedSampler",
    "Digits",
    "Facts",
    "FolderSamples",
    "FundusReader",
    "GuardedTransform",
    "TensorSamples",
    "UnreadableImageError",
    "assign_folds",
    "config_sha256",
    "datalist_digest",
    "digit_set",
    "embedded_digits",
    "file_sha256",
    "find_photographs",
    "photograph_file",
    "plain_reason",
    "read_datalist",
    "root_cause",
    "scan_folder",
    "scan_list",
    "write_datalist",
]
