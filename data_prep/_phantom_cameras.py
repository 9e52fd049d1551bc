"""The cameras that phantoms are photographed with: REFUGE's two sizes, three colour balances, and two of a clinic, HRF's."""

from __future__ import annotations

from ._phantom_anatomy import Camera

SQUARE = 1634 / 2124  # REFUGE's Canon photographs against its Zeiss ones, in widths


def refuge_camera(split: str, size: int) -> Camera:
    """Return the camera of REFUGE's ``"train"``, ``"validation"`` or ``"test"`` split; ``KeyError`` otherwise.

    Args:
        split: REFUGE's training photographs are wider than high and from another maker than the rest.
        size: long side of a training photograph, px; the others are smaller by the factor of REFUGE's.
    """
    side = round(size * SQUARE)
    return {
        "train": Camera("visucam", size, round(size * 2056 / 2124), field=0.965, blur=0.0011),
        "validation": Camera("canon", side, side, field=0.95, gain=(1.08, 0.84, 0.75), blur=0.0022, vignetting=0.25),
        "test": Camera(
            "canon", side, side, field=0.95, gain=(0.92, 1.0, 1.15), blur=0.0016, noise=4.0, vignetting=0.45
        ),
    }[split]


def clinic_cameras(size: int) -> dict[str, Camera]:
    """Return a clinic's cameras by name of sub-folder; the first one's field is cut at top and bottom.

    Args:
        size: long side of a photograph, px.
    """
    return {
        "clinic_a": Camera("topcon", size, round(size * 0.8), field=0.97, cut=0.78, gain=(1.05, 0.95, 0.9)),
        "clinic_b": Camera(
            "handheld", round(size * 0.9), size, field=1.04, gain=(1.0, 0.9, 0.7), blur=0.003, noise=5.0
        ),
    }


def hrf_camera(size: int) -> Camera:
    """Return HRF's camera: 3:2, the circle of 0.931 widths cut by the frame at top and bottom (84.5 % of it are seen).

    Args:
        size: width of a photograph, px; 3504 in HRF.
    """
    return Camera("canon cr-1", size, round(size * 2 / 3), field=0.931, disc=0.12, gain=(1.02, 0.9, 0.8), blur=0.0007)
