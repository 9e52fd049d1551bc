"""What the network found in one photograph, as masks, a point and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl import biomarkers
from fundus_mtl.reporting._laterality import laterality_in_name
from fundus_mtl.reporting._table import Value
from fundus_mtl.reporting._vessels import Vessels, asked

Mask = NDArray[np.bool_]
RIM, CUP, BACKGROUND = 128, 0, 255


@dataclass(frozen=True)
class Findings:
    """The answers of the tasks that were asked; None where a task was not, empty or NaN where nothing was found.

    Args:
        disc: mask ``(H, W)``, cup included; cleaned, so that pictures, masks and numbers show the same thing.
        cup: mask ``(H, W)``, inside the disc.
        fovea: ``(x, y)``, native px.
        glaucoma: score, 0 to 1.
        vessels: arteries and veins.
    """

    disc: Mask | None = None
    cup: Mask | None = None
    fovea: NDArray[np.float64] | None = None
    glaucoma: float | None = None
    vessels: Vessels | None = None

    @classmethod
    def of(
        cls,
        sample: Mapping[str, Any],
        names: Mapping[str, str | None],
        shape: tuple[int, int],
        seen: Mask | None = None,
    ) -> Findings:
        """Take the answers out of a postprocessed sample.

        Args:
            sample: with ``pred_<task>``, as the bundle's postprocessing leaves it.
            names: task by role (``disc``, ``cup``, ``fovea``, ``glaucoma``, ``artery_vein``, ``vessel``); None for a role
                that no task has.
            shape: ``(H, W)`` of the photograph, which masks must have.
            seen: field of view ``(H, W)``, outside of which there are no vessels; by default the frame.

        Raises:
            ValueError: if a mask has another shape.
        """
        answers = {role: _array(sample.get(f"pred_{task}")) for role, task in names.items() if task is not None}
        disc, cup = (_mask(answers.get(role), role, shape) for role in ("disc", "cup"))
        fovea, glaucoma = answers.get("fovea"), answers.get("glaucoma")
        pair, vessel = answers.get("artery_vein"), answers.get("vessel")
        if disc is not None and cup is not None:
            disc, cup = biomarkers.clean_disc_cup(disc, cup)
        elif disc is not None:
            disc = biomarkers.clean_disc(disc)
        return cls(
            disc,
            cup,
            None if fovea is None else fovea.reshape(2).astype(np.float64),
            None if glaucoma is None else float(glaucoma.reshape(-1)[0]),
            Vessels.of(pair, vessel, np.ones(shape, bool) if seen is None else seen) if asked(names) else None,
        )

    @property
    def missing(self) -> list[str]:
        """What was asked for and not given: ``disc``, ``cup``, ``fovea``, ``score``, ``vessels``."""
        empty = [role for role in ("disc", "cup") if (mask := getattr(self, role)) is not None and not mask.any()]
        numbers = {"fovea": self.fovea, "score": self.glaucoma}
        empty += ["vessels"] if self.vessels is not None and not self.vessels.any_vessel.any() else []
        return empty + [role for role, got in numbers.items() if got is not None and not np.isfinite(got).all()]

    def codes(self) -> NDArray[np.uint8] | None:
        """Return REFUGE's codes ``(H, W)``: 0 cup, 128 rim, 255 background; None where no mask was asked for."""
        masks = [(self.disc, RIM), (self.cup, CUP)]
        given = [(mask, code) for mask, code in masks if mask is not None]
        if not given:
            return None
        codes = np.full(given[0][0].shape, BACKGROUND, np.uint8)
        for mask, code in given:
            codes[mask] = code
        return codes

    def columns(self, relpath: str) -> dict[str, Value]:
        """Return the measured columns of the photograph's row; what could not be measured is NaN."""
        columns: dict[str, Value] = {"laterality": laterality_in_name(relpath), "laterality_source": "filename"}
        flags = [f"{role}_missing" for role in self.missing]
        if self.disc is not None:
            columns |= dict(biomarkers.disc_measures(self.disc))  # type: ignore[arg-type]  # a TypedDict of floats
            flags += biomarkers.sanity_flags(self.disc, self.cup, self.fovea)
        if self.disc is not None and self.cup is not None:
            columns |= {
                "vcdr": biomarkers.vertical_cdr(self.disc, self.cup),
                "hcdr": biomarkers.horizontal_cdr(self.disc, self.cup),
                "acdr": biomarkers.area_cdr(self.disc, self.cup),
            }
        if self.cup is not None and self.cup.any():
            columns["cup_area_px"] = int(self.cup.sum())
        if self.fovea is not None:
            columns |= {"fovea_x_px": float(self.fovea[0]), "fovea_y_px": float(self.fovea[1])}
        if self.vessels is not None:
            columns |= self.vessels.columns(self.disc)
        flags += self._geometry(columns)
        reason = "; ".join("no glaucoma score" if role == "score" else f"{role} not found" for role in self.missing)
        return columns | {"glaucoma_prob": self.glaucoma, "flags": ";".join(flags), "status_reason": reason}

    def _geometry(self, columns: dict[str, Value]) -> list[str]:
        """Add the way from fovea to disc and the eye it tells; return flags."""
        seen = "unknown"
        if self.disc is not None and self.fovea is not None:
            geometry: dict[str, Any] = dict(biomarkers.disc_fovea(self.disc, self.fovea))
            seen = str(geometry.pop("laterality"))
            columns |= geometry
        named = columns["laterality"]
        if named == "unknown":
            columns |= {"laterality": seen, "laterality_source": None if seen == "unknown" else "predicted"}
        return ["laterality_conflict"] if "unknown" not in (named, seen) and named != seen else []


def answered(state: Any) -> list[Mapping[str, Any]]:
    """Return the samples with their ids, which MONAI leaves in the batch unless the engine repeats them."""
    batch = state.batch if isinstance(state.batch, list) else [{}] * len(state.output)
    return [
        sample if "id" in sample else {**sample, "id": source["id"]}
        for source, sample in zip(batch, state.output, strict=True)
    ]


def _array(answer: Any) -> NDArray[Any] | None:
    """Return a tensor or array as NumPy, wherever it lies."""
    return None if answer is None else np.asarray(answer.cpu() if hasattr(answer, "cpu") else answer)


def _mask(answer: NDArray[Any] | None, role: str, shape: tuple[int, int]) -> Mask | None:
    """Return the mask ``(H, W)`` of an answer ``(1, H, W)``."""
    if answer is None:
        return None
    if answer.shape[-2:] != shape or answer.size != shape[0] * shape[1]:
        raise ValueError(f"mask {role}: expected the photograph's size {shape}, but got {answer.shape}.")
    return answer.reshape(shape) > 0
