"""One photograph of a run: measured, its pictures written, then its row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.data import FAILURE, LATER, PHOTOGRAPH_ERRORS, PIXELS
from fundus_mtl.photographs import SHA256
from fundus_mtl.processes import TimeLimit
from fundus_mtl.results._facts import KnownFacts, PhotographFacts
from fundus_mtl.results._findings import Picture
from fundus_mtl.results._layout import Layout
from fundus_mtl.results._ledger import Ledger
from fundus_mtl.results._measure import Measure
from fundus_mtl.results._photograph_measures import Measured
from fundus_mtl.results._picture_places import PicturePlaces
from fundus_mtl.results._pictures import discard_pictures, write_pictures


@dataclass(frozen=True)
class PhotographResults:
    """Turn postprocessed samples into pictures and rows.

    Args:
        output_dir: Folder of the run.
        reader: Reads the photograph at a path as RGB uint8 ``(3, H, W)``, upright; for samples without their pixels.
        measure: Measures it in memory.
        facts: Where eye and scale come from.
        places: Where the pictures of each photograph go.
        export_burned_in: Whether photographs with text burned in are shown.
        limit: Limit of time for reading and measuring; files are written without one, as none is ever written halfway.
    """

    output_dir: Path
    reader: Callable[[str], ArrayLike]
    measure: Measure
    facts: KnownFacts
    places: PicturePlaces
    export_burned_in: bool = False
    limit: TimeLimit = field(default_factory=lambda: TimeLimit(None, "measured"))

    def commit(self, ledger: Ledger, sample: Mapping[str, Any], seconds: float) -> None:
        """Write a photograph's pictures, then its row, which marks it as done; a problem with it makes a failed row.

        Args:
            ledger: Rows of the run.
            sample: Postprocessed, with its ``id``; with ``failure`` where that failed, or with the function ``later`` that
                does it (``GuardedTransform``).
            seconds: Time that it took.

        Raises:
            OutputError: If the output cannot be written at all.
        """
        name = str(sample["id"])
        sample = sample[LATER]() if LATER in sample else sample
        if FAILURE in sample:
            ledger.fail(name, "postprocess", sample[FAILURE], seconds)
            return
        try:
            self.places.check(name)
        except PHOTOGRAPH_ERRORS as error:
            ledger.fail(name, "measure", error, seconds)
            return
        try:
            columns, files, thumbnail = self._written(name, ledger.items[name], sample)
            columns["source_sha256"] = ledger.source_sha256(name, _sha256_at_first(sample))
        except PHOTOGRAPH_ERRORS as error:
            layout = Layout.of(self.measure)
            discard_pictures(self.output_dir, name, layout.mask_folders, layout.structures)
            ledger.fail(name, "measure", error, seconds)
        else:
            ledger.succeed(name, columns, files, thumbnail, seconds)

    def _written(
        self, name: str, item: Mapping[str, Any], sample: Mapping[str, Any]
    ) -> tuple[dict[str, Any], tuple[str, ...], bytes | None]:
        """Return the columns of a photograph, its files and its thumbnail, after the files are in place."""
        picture, measured, facts = self.limit(self._measured, item, sample, str(item.get("relpath", name)))
        shown = self.export_burned_in or not facts.burned_in
        files, thumbnail = write_pictures(self.output_dir, name, picture, measured, shown)
        return dict(measured.columns), files, thumbnail

    def _measured(
        self, item: Mapping[str, Any], sample: Mapping[str, Any], relpath: str
    ) -> tuple[Picture, Measured, PhotographFacts]:
        picture = sample[PIXELS] if PIXELS in sample else self._read(item["image"])
        facts = self.facts.of(item)
        return picture, self.measure(picture, sample, facts, relpath), facts

    def _read(self, path: str) -> Picture:
        return np.moveaxis(np.asarray(self.reader(path), dtype=np.uint8), 0, -1)


def _sha256_at_first(sample: Mapping[str, Any]) -> str | None:
    """Return the hash of the file as the network's input was read from it; None if the reader has not noted it."""
    return getattr(sample.get("image"), "meta", {}).get(SHA256)
