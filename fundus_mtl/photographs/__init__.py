"""Photographs: find them, read them upright, and read eye and scale from their headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.photographs._checked_image import checked_image
    from fundus_mtl.photographs._find import find_photographs
    from fundus_mtl.photographs._frame_path import photograph_file
    from fundus_mtl.photographs._header_facts import HeaderFacts
    from fundus_mtl.photographs._photograph_list import PhotographList
    from fundus_mtl.photographs._reader import SHA256, FundusReader, Photograph
    from fundus_mtl.photographs._scan_folder import PHOTOGRAPH_EXTENSIONS, scan_folder
    from fundus_mtl.photographs._scan_list import scan_list
    from fundus_mtl.photographs._source import photograph_sha256
    from fundus_mtl.photographs._unreadable import UnreadableImageError
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "PHOTOGRAPH_EXTENSIONS",
    "SHA256",
    "FundusReader",
    "HeaderFacts",
    "Photograph",
    "PhotographList",
    "UnreadableImageError",
    "checked_image",
    "find_photographs",
    "photograph_file",
    "photograph_sha256",
    "scan_folder",
    "scan_list",
]
