"""From the network's answer for one photograph to its columns and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.data import FAILURE, PHOTOGRAPH_ERRORS
from fundus_mtl.results._csv_table import Value
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._ledger import Ledger
from fundus_mtl.results._pictures import discard_pictures, write_pictures
from fundus_mtl.results._probabilities import write_maps
from fundus_mtl.results._rules import Rules

BURNED_IN = "burned_in_annotation"
FileFacts = Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """What a photograph adds to the results.

    Args:
        columns: of its row.
        files: its pictures and maps, relative to the output folder.
        thumbnail: small JPEG, None where the photograph must not be shown.
    """

    columns: dict[str, Value]
    files: tuple[str, ...]
    thumbnail: bytes | None


@dataclass(frozen=True)
class Measurement:
    """Measure a postprocessed sample on its photograph, and write its pictures.

    Args:
        output_dir: of the run.
        tasks: task by role.
        reader: reads the photograph at a path as RGB uint8 ``(3, H, W)``.
        facts: of the file at a path: ``laterality``, ``mm_per_px``, ``burned_in``; nothing else of it is looked at.
        mm_per_px: scale of photographs of which neither the file nor the list of files says one.
        rules: how photographs are judged; None is by default.
        export_burned_in: whether photographs with letters burned in are shown nevertheless.
    """

    output_dir: Path
    tasks: Mapping[str, str | None]
    reader: Callable[[str], ArrayLike]
    facts: Callable[[str], FileFacts] | None = None
    mm_per_px: float | None = None
    rules: Rules | None = None
    export_burned_in: bool = False

    def __call__(self, name: str, item: Mapping[str, Any], sample: Mapping[str, Any]) -> Measured:
        """Return the columns of the photograph called ``name``, after its pictures are in place.

        Raises:
            OutputError: if the output cannot be written at all.
            OSError: if only this name is impossible, or the photograph cannot be read.
            ValueError: if the answer does not fit the photograph.
        """
        picture = np.moveaxis(np.asarray(self.reader(item["image"]), dtype=np.uint8), 0, -1)
        facts = self._facts(item)
        findings = Findings.of(sample, self.tasks, picture, facts, self.rules)
        found = findings.columns(str(item.get("relpath", name)))
        height, width = picture.shape[:2]
        columns: dict[str, Value] = {"width_px": width, "height_px": height, **found}
        burned_in = facts.get("burned_in") == "yes"
        if burned_in:
            flags = [flag for flag in str(columns.get("flags") or "").split(";") if flag]
            columns["flags"] = ";".join(dict.fromkeys([*flags, BURNED_IN]))
        shown = self.export_burned_in or not burned_in
        files, thumbnail = write_pictures(self.output_dir, name, picture, findings, shown)
        if findings.seen is not None:  # the answers were not withheld
            scale = findings.facts.mm_per_px
            files += write_maps(self.output_dir, name, sample, self.tasks, findings.seen, scale)
        return Measured(columns, files, thumbnail)

    def _facts(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is known of the photograph: the user's list wins over the file, the file over the user's default."""
        facts = dict(self.facts(item["image"])) if self.facts is not None else {}
        if item.get("laterality") is not None:
            facts |= {"laterality": item["laterality"], "laterality_source": "list"}
        scale = item.get("mm_per_px")
        if scale is None and facts.get("mm_per_px") is None:
            scale = self.mm_per_px
        if scale is not None:
            facts |= {"mm_per_px": _along_both(scale), "scale_source": "user"}
        return facts


def commit(measure: Measurement, ledger: Ledger, sample: Mapping[str, Any], seconds: float) -> None:
    """Write a photograph's pictures, then its row, which makes it done; what is its fault is a failed row.

    Args:
        measure: of the run.
        ledger: of the run.
        sample: postprocessed, with its ``id``; with ``failure`` where that went wrong (``GuardedTransform``).
        seconds: that it took.

    Raises:
        OutputError: if the output cannot be written at all.
    """
    name = str(sample["id"])
    try:
        if FAILURE in sample:
            ledger.fail(name, "postprocess", sample[FAILURE], seconds)
            return
        measured = measure(name, ledger.items[name], sample)
    except PHOTOGRAPH_ERRORS as error:
        discard_pictures(measure.output_dir, name)
        ledger.fail(name, "measure", error, seconds)
    else:
        ledger.succeed(name, measured.columns, measured.files, measured.thumbnail, seconds)


def _along_both(scale: float | tuple[float, float]) -> tuple[float, float]:
    """Return the scale along x and along y."""
    return (scale, scale) if isinstance(scale, int | float) else (scale[0], scale[1])
