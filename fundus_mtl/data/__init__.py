"""Data sets: datalists, samples of a folder, cross-validation folds, and sets of small images in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.data._array_set import ArraySet
    from fundus_mtl.data._balanced_sampler import BalancedSampler
    from fundus_mtl.data._datalist import datalist_digest, load_datalist, read_datalist, write_datalist
    from fundus_mtl.data._datalist_rules import patient_of, place_of
    from fundus_mtl.data._digits import DIGIT_TASKS, Digits, digit_set
    from fundus_mtl.data._embedded_digits import embedded_digits
    from fundus_mtl.data._failure import PHOTOGRAPH_ERRORS, is_out_of_memory, plain_reason, root_cause
    from fundus_mtl.data._folder_samples import FolderSamples
    from fundus_mtl.data._folds import assign_folds
    from fundus_mtl.data._guarded_transform import FAILURE, LATER, GuardedTransform, photograph_error
    from fundus_mtl.data._inspect_datalist import InspectedDatalist, inspect_datalist
    from fundus_mtl.data._native_keys import PIXELS, SEEN
    from fundus_mtl.data._picture_size import PICTURES, picture_size
    from fundus_mtl.data._source_sampler import SourceSampler
    from fundus_mtl.data._tensor_samples import TensorSamples
    from fundus_mtl.data._training_loader import TrainingLoader
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "DIGIT_TASKS",
    "FAILURE",
    "LATER",
    "PHOTOGRAPH_ERRORS",
    "PICTURES",
    "PIXELS",
    "SEEN",
    "ArraySet",
    "BalancedSampler",
    "Digits",
    "FolderSamples",
    "GuardedTransform",
    "InspectedDatalist",
    "SourceSampler",
    "TensorSamples",
    "TrainingLoader",
    "assign_folds",
    "datalist_digest",
    "digit_set",
    "embedded_digits",
    "inspect_datalist",
    "is_out_of_memory",
    "load_datalist",
    "patient_of",
    "photograph_error",
    "picture_size",
    "place_of",
    "plain_reason",
    "read_datalist",
    "root_cause",
    "write_datalist",
]
