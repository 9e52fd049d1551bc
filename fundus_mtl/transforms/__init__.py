"""Dictionary transforms for fundus photographs, in addition to MONAI's.

Images are ``(C, H, W)`` and upright, points are (x, y) in native px. The affine of an image records its geometric
transforms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.transforms._assign_vessels import AssignVesselsd
    from fundus_mtl.transforms._crop_disc import CropDiscd
    from fundus_mtl.transforms._fast_geometry import fast_geometry
    from fundus_mtl.transforms._fast_resize import FastResize
    from fundus_mtl.transforms._field_of_view import field_of_view, lit_part
    from fundus_mtl.transforms._heatmap_point import HeatmapPointd
    from fundus_mtl.transforms._invert import InvertBilineard
    from fundus_mtl.transforms._label_map import LabelMapd
    from fundus_mtl.transforms._laterality import FlipLateralityd
    from fundus_mtl.transforms._load import LoadFundusd
    from fundus_mtl.transforms._missing_labels import MissingLabelsd
    from fundus_mtl.transforms._native_masks import NativeMasksd
    from fundus_mtl.transforms._pillow_resize import PillowResized
    from fundus_mtl.transforms._point_heatmap import PointHeatmapd
    from fundus_mtl.transforms._rand_cup_size import RandCupSized
    from fundus_mtl.transforms._rand_field_of_view import RandFieldOfViewd
    from fundus_mtl.transforms._resize_longest import ResizeLongestd
    from fundus_mtl.transforms._resize_to_disc import ResizeToDiscd
    from fundus_mtl.transforms._rival_region import RIVAL, RivalRegiond
    from fundus_mtl.transforms._stack_masks import StackMasksd
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "RIVAL",
    "AssignVesselsd",
    "CropDiscd",
    "FastResize",
    "FlipLateralityd",
    "HeatmapPointd",
    "InvertBilineard",
    "LabelMapd",
    "LoadFundusd",
    "MissingLabelsd",
    "NativeMasksd",
    "PillowResized",
    "PointHeatmapd",
    "RandCupSized",
    "RandFieldOfViewd",
    "ResizeLongestd",
    "ResizeToDiscd",
    "RivalRegiond",
    "StackMasksd",
    "fast_geometry",
    "field_of_view",
    "lit_part",
]
