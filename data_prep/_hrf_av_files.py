"""Find HRF-AV's photographs, artery/vein maps and field-of-view masks in whatever folders they were unpacked to.

The owners' archives and the public repackings differ in folders, and agree in names: ``01_h.jpg`` or ``01_dr.JPG``,
``01_h_AVmanual.png``, ``01_h_mask.tif``. HRF's own vessel truth ``01_h.tif`` is none of them and is passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ._raw_folder import claim, files_below

_NAME = re.compile(r"(\d{2}_(?:h|g|dr))(_avmanual|_mask|)(\.[a-z]+)", re.IGNORECASE)
_SUFFIXES = {"": (".jpg", ".jpeg"), "_avmanual": (".png",), "_mask": (".tif", ".tiff", ".png")}


@dataclass
class HrfAvFiles:
    """What was found, by id (``01_h``, ``01_g``, ``01_dr``)."""

    root: Path
    photographs: dict[str, Path] = field(default_factory=dict)
    maps: dict[str, Path] = field(default_factory=dict)
    fields: dict[str, Path] = field(default_factory=dict)

    def shown(self, path: Path) -> str:
        """Return a path as messages name it: relative to the root."""
        return path.relative_to(self.root).as_posix()


def find_files(raw: Path) -> HrfAvFiles:
    """Search a folder and all below it, links followed, names compared without regard to case.

    Raises:
        FileNotFoundError: if the folder does not exist, or holds no photograph or no artery/vein map.
        ValueError: if two different files claim the same id.
    """
    if not raw.is_dir():
        raise FileNotFoundError(
            f"HRF-AV: expected the folder {raw}, but there is none; give the one it was unpacked to."
        )
    files = HrfAvFiles(raw.resolve())
    kinds = {"": files.photographs, "_avmanual": files.maps, "_mask": files.fields}
    for path in files_below(files.root):
        match = _NAME.fullmatch(path.name)
        if match and match[3].lower() in _SUFFIXES[match[2].lower()]:
            claim(kinds[match[2].lower()], match[1].lower(), path, "file of this name", files.root)
    for found, what in ((files.photographs, "photographs (01_h.jpg)"), (files.maps, "maps (01_h_AVmanual.png)")):
        if not found:
            raise FileNotFoundError(
                f"HRF-AV: expected {what} below {raw}, but got none; unpack HRF's photographs and the artery/vein maps of "
                "Hemelings et al. there."
            )
    return files
