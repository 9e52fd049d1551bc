"""From the bytes of a photograph to what the page shows of it; nothing is written."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from fundus_mtl.data import PHOTOGRAPH_ERRORS, photograph_error, plain_reason
from fundus_mtl.photographs import FundusReader
from fundus_mtl.predictor import Predictor
from fundus_mtl.results import Measured, cell, overlay_of, picture_bytes


class Answers:
    """Measure photographs for the page.

    Args:
        model: Measures a photograph.
        reader: Reads the bytes of a file.
    """

    def __init__(self, model: Predictor, reader: FundusReader | None = None) -> None:
        self.model, self.reader = model, reader or FundusReader()

    def __call__(self, data: bytes) -> dict[str, Any]:
        """Return what to show of a photograph.

        Args:
            data: Bytes of its file.

        Returns:
            ``status`` (``ok``, ``ungradable`` or ``failed``), ``reason``, ``flags``, ``size``; ``overlay``, the address of a
            picture, empty where the file's header says that text is burned into the photograph; ``numbers`` (name, value,
            unit) and ``columns`` (name, value, unit, meaning), those that are known. A photograph that cannot be read or
            measured has only status and reason.
        """
        try:
            picture, facts = self.reader.decoded(data).picture, self.reader.facts_of(data)
            measured = self.model.measured(picture, facts)
        except PHOTOGRAPH_ERRORS as error:
            reason = plain_reason(photograph_error(error)).removeprefix("photograph: ")
            return {"status": "failed", "reason": reason}
        overlay = "" if measured.findings.facts.burned_in else _address(overlay_of(picture, measured))
        return {
            "status": measured.status,
            "reason": str(measured.columns["status_reason"]),
            "flags": [flag.replace("_", " ") for flag in measured.flags],
            "size": f"{picture.shape[1]} × {picture.shape[0]} px",
            "overlay": overlay,
            "numbers": self._numbers(measured),
            "columns": self._columns(measured.columns),
        }

    def _numbers(self, measured: Measured) -> list[list[str]]:
        found = ((one, measured.columns.get(one.column)) for one in self.model.measure.shown)
        return [[one.heading, f"{value:.{one.decimals}f}", one.unit] for one, value in found if _known(value)]

    def _columns(self, columns: Mapping[str, Any]) -> list[list[str]]:
        known = (column for column in self.model.measure.columns if cell(columns.get(column.name)))
        return [[one.name, _text(columns[one.name]), one.unit, one.meaning] for one in known]


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and bool(cell(value))


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else cell(value)


def _address(picture: Any) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture_bytes(picture, '.jpg')).decode('ascii')}"
