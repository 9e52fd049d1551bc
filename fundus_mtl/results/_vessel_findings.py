"""What the network found of arteries and veins: masks inside the field of view, numbers, and a map in HRF-AV's colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fundus_mtl import biomarkers
from fundus_mtl.metrics import av
from fundus_mtl.results._csv_table import Value
from fundus_mtl.transforms import field_of_view

Mask = NDArray[np.bool_]
# Of the maps of Hemelings et al. (2019): background, artery, vein, both.
PALETTE = ((0, 0, 0), av.ARTERY, av.VEIN, av.CROSSING)


@dataclass(frozen=True)
class Vessels:
    """Masks ``(H, W)`` of one photograph; None where a task was not asked. What lies outside the field of view is gone.

    Args:
        seen: the field of view.
        artery: of the artery/vein head.
        vein: likewise; a crossing is both.
        vessel: of the vessel head.
    """

    seen: Mask
    artery: Mask | None = None
    vein: Mask | None = None
    vessel: Mask | None = None

    @classmethod
    def of(cls, artery_vein: NDArray[Any] | None, vessel: NDArray[Any] | None, seen: Mask) -> Vessels:
        """Take masks ``(2, H, W)`` and ``(1, H, W)``, nonzero inside.

        Raises:
            ValueError: if a mask has not the photograph's size.
        """
        for name, given, channels in (("artery_vein", artery_vein, 2), ("vessel", vessel, 1)):
            if given is not None and given.shape != (channels, *seen.shape):
                raise ValueError(f"mask {name}: expected {(channels, *seen.shape)}, but got {given.shape}.")
        artery, vein = (None, None) if artery_vein is None else ((mask > 0) & seen for mask in artery_vein)
        return cls(seen, artery, vein, None if vessel is None else (vessel[0] > 0) & seen)

    @property
    def any_vessel(self) -> Mask:
        """The vessel head's answer, or arteries and veins together where there is none."""
        if self.vessel is not None:
            return self.vessel
        pair = [mask for mask in (self.artery, self.vein) if mask is not None]
        return np.logical_or.reduce(pair)

    def columns(self, disc: Mask | None, mm_per_px: tuple[float, float] | None = None) -> dict[str, Value]:
        """Return the numbers of a photograph's row; those of zones around the disc only where there is a disc.

        Args:
            disc: mask ``(H, W)``.
            mm_per_px: scale along x and y; calibres run in all directions, so that they get their mean.
        """
        area = np.count_nonzero(self.seen)
        shares = {"vessel": self.any_vessel, "artery": self.artery, "vein": self.vein}
        found: dict[str, Value] = {
            f"{name}_density": np.count_nonzero(mask) / area if area else float("nan")
            for name, mask in shares.items()
            if mask is not None
        }
        if self.artery is None or self.vein is None:
            return found
        scale = None if mm_per_px is None else 500 * sum(mm_per_px)
        around = np.zeros_like(self.seen) if disc is None else disc
        measured = biomarkers.vessel_measures(self.artery, self.vein, around, self.seen, scale).values
        names = ["tortuosity_artery", "tortuosity_vein", "fractal_dimension_vessel"]
        names += ["density_vessel_B", "density_vessel_C"] if disc is not None else []
        names += ["crae_px", "crve_px", "avr", "artery_count", "vein_count"] if disc is not None else []
        names += ["crae_um", "crve_um"] if disc is not None and scale is not None else []
        return found | {name: measured[name] for name in names}

    def pngs(self) -> tuple[bytes | None, bytes | None]:
        """Return the artery/vein map and the vessel mask as files; None where one was not asked for."""
        return self._map(), self._mask()

    def _map(self) -> bytes | None:
        """Arteries and veins in four colours."""
        from PIL import Image

        if self.artery is None or self.vein is None:
            return None
        codes = self.artery.astype(np.uint8) + 2 * self.vein.astype(np.uint8)
        picture = Image.fromarray(codes, mode="P")
        picture.putpalette([level for colour in PALETTE for level in colour])
        return _png(picture)

    def _mask(self) -> bytes | None:
        """The vessel head's answer, one bit per pixel."""
        from PIL import Image

        return None if self.vessel is None else _png(Image.fromarray(self.vessel))

    def outlines(self) -> dict[str, Mask]:
        """Return what is drawn on the photograph, by name."""
        if self.artery is None or self.vein is None:
            return {"vessel": self.any_vessel}
        return {"artery": self.artery, "vein": self.vein}


def seen_in(picture: NDArray[np.uint8]) -> Mask:
    """Return the field of view ``(H, W)`` of a photograph ``(H, W, 3)``; the frame where it cannot be told."""
    return np.asarray(field_of_view(torch.from_numpy(np.ascontiguousarray(np.moveaxis(picture, -1, 0))))[0])


def asked(tasks: Mapping[str, str | None]) -> bool:
    """Return whether one of the vessel tasks is among the roles."""
    return any(tasks.get(role) is not None for role in ("artery_vein", "vessel"))


def _png(picture: Any) -> bytes:
    stream = BytesIO()
    picture.save(stream, format="PNG", compress_level=4)
    return stream.getvalue()
