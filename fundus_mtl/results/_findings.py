"""What the network found in one photograph, as masks, a point and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl import biomarkers
from fundus_mtl.results import _row_columns
from fundus_mtl.results._answers import Mask, as_array, as_mask, cleaned, refuge_codes
from fundus_mtl.results._eye import eye_of
from fundus_mtl.results._given_facts import Facts
from fundus_mtl.results._row_columns import Columns, reason_of
from fundus_mtl.results._rules import Rules
from fundus_mtl.results._vessel_findings import Vessels, asked, seen_in

UNCERTAINTIES = {
    "uncertainty_vcdr": "vcdr_uncertainty",
    "uncertainty_glaucoma_prob": "glaucoma_prob_uncertainty",
    "uncertainty_fovea_px": "fovea_uncertainty_px",
}


@dataclass(frozen=True)
class Findings:
    """The answers of the tasks that were asked; None where a task was not, empty or NaN where nothing was found.

    Of a photograph that is not gradable there are no answers, unless the rules say otherwise.

    Args:
        disc: mask ``(H, W)``, cup included; cleaned, so that pictures, masks and numbers show the same thing.
        cup: mask ``(H, W)``, inside the disc.
        fovea: ``(x, y)``, native px.
        glaucoma: score, 0 to 1.
        vessels: arteries and veins.
        seen: field of view ``(H, W)``; None is the frame.
        quality: whether the photograph is gradable; None where nobody looked.
        facts: the eye and the scale, as the file or a list says.
        rules: of the user.
        uncertainty: column by column, standard deviations over test-time flips.
    """

    disc: Mask | None = None
    cup: Mask | None = None
    fovea: NDArray[np.float64] | None = None
    glaucoma: float | None = None
    vessels: Vessels | None = None
    seen: Mask | None = None
    quality: biomarkers.Gradability | None = None
    facts: Facts = field(default_factory=Facts)
    rules: Rules = field(default_factory=Rules)
    uncertainty: Columns = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        sample: Mapping[str, Any],
        names: Mapping[str, str | None],
        picture: NDArray[np.uint8],
        facts: Mapping[str, Any] | None = None,
        rules: Rules | None = None,
    ) -> Findings:
        """Take the answers out of a postprocessed sample.

        Args:
            sample: with ``pred_<task>``, as the bundle's postprocessing leaves it, and perhaps ``uncertainty_vcdr``,
                ``uncertainty_glaucoma_prob`` and ``uncertainty_fovea_px``.
            names: task by role (``disc``, ``cup``, ``fovea``, ``glaucoma``, ``artery_vein``, ``vessel``); None for a role
                that no task has.
            picture: the photograph, RGB ``(H, W, 3)``; masks must have its size.
            facts: ``laterality``, ``laterality_source``, ``mm_per_px`` along x and y, ``scale_source``; see `Facts`.
            rules: by default those of `Rules`.

        Raises:
            ValueError: if a mask has another shape.
        """
        answers = {role: as_array(sample.get(f"pred_{task}")) for role, task in names.items() if task is not None}
        seen, rules, shape = seen_in(picture), rules or Rules(), picture.shape[:2]
        disc, cup = cleaned(*(as_mask(answers.get(role), role, shape) for role in ("disc", "cup")))
        quality = biomarkers.gradability(picture, seen, disc, rules.limits)
        if rules.withhold_ungradable and not quality["gradable"]:
            return cls(quality=quality, facts=Facts.of(facts), rules=rules)
        fovea, glaucoma = answers.get("fovea"), answers.get("glaucoma")
        return cls(
            disc,
            cup,
            None if fovea is None else fovea.reshape(2).astype(np.float64),
            None if glaucoma is None else float(glaucoma.reshape(-1)[0]),
            Vessels.of(answers.get("artery_vein"), answers.get("vessel"), seen) if asked(names) else None,
            seen,
            quality,
            Facts.of(facts),
            rules,
            {column: float(sample[key]) for key, column in UNCERTAINTIES.items() if key in sample},
        )

    @property
    def withheld(self) -> bool:
        """Whether the photograph is not gradable and its answers were dropped."""
        return self._ungradable and self.rules.withhold_ungradable

    @property
    def _ungradable(self) -> bool:
        return self.quality is not None and not self.quality["gradable"]

    @property
    def missing(self) -> list[str]:
        """What was asked for and not given: ``disc``, ``cup``, ``fovea``, ``score``, ``vessels``."""
        empty = [role for role in ("disc", "cup") if (mask := getattr(self, role)) is not None and not mask.any()]
        numbers = {"fovea": self.fovea, "score": self.glaucoma}
        empty += ["vessels"] if self.vessels is not None and not self.vessels.any_vessel.any() else []
        return empty + [role for role, got in numbers.items() if got is not None and not np.isfinite(got).all()]

    def codes(self) -> NDArray[np.uint8] | None:
        """Return REFUGE's codes ``(H, W)``: 0 cup, 128 rim, 255 background; None where there is no mask."""
        return refuge_codes(self.disc, self.cup)

    def columns(self, relpath: str) -> Columns:
        """Return the measured columns of the photograph's row; what could not be measured is NaN, None or absent.

        Args:
            relpath: of the photograph, whose name may tell the eye.
        """
        columns: Columns = {} if self.disc is None else _row_columns.disc_columns(self.disc, self.cup)
        columns |= {} if self.fovea is None else _row_columns.fovea_columns(self.fovea, self.disc)
        eye = eye_of(relpath, self.facts, str(columns.pop("laterality", "unknown")))
        if self.disc is not None and self.cup is not None:
            columns |= _row_columns.rim_columns(
                self.disc, self.cup, eye.undisputed, columns.get("disc_fovea_angle_deg")
            )
        columns |= {} if self.vessels is None else self.vessels.columns(self.disc, self.facts.mm_per_px)
        columns |= (
            _row_columns.scale_columns(self.facts, columns)
            | _row_columns.glaucoma_columns(self.glaucoma, self.rules)
            | self.uncertainty
        )
        flags = self._flags() + (["laterality_conflict"] if eye.conflict else [])
        columns |= _row_columns.eye_columns(eye) | _row_columns.quality_columns(self.quality)
        columns |= {"flags": ";".join(flags), "status_reason": reason_of(self.quality, self.missing)}
        return columns | {"status": "ungradable"} if self.withheld else columns

    def _flags(self) -> list[str]:
        """Name what a person should look at."""
        flags = [f"{role}_missing" for role in self.missing]
        if self.disc is not None:
            flags += biomarkers.sanity_flags(self.disc, self.cup, self.fovea, self.seen)
        return [*flags, "not_gradable"] if self._ungradable and not self.withheld else flags
