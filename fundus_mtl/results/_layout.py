"""What an output folder holds, given the roles of a run: columns, kinds of pictures, and the data dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fundus_mtl.results._column import Column, ColumnGroup, Shown, sorted_columns
from fundus_mtl.results._contribution import Contribution
from fundus_mtl.results._csv_table import table
from fundus_mtl.results._exported import ReportedQuantity
from fundus_mtl.results._measure import Measure
from fundus_mtl.results._picture_paths import OVERLAYS, PROBABILITIES, THUMBNAILS
from fundus_mtl.results._role import Role
from fundus_mtl.results._shown_numbers import shown_numbers

IDENTITY = ColumnGroup(
    -1,
    (
        Column("image_id", "", "the photograph's name in this run; an apostrophe is put before a formula's = + - @"),
        Column(
            "source_relpath",
            "",
            "path of the file relative to the input folder or the list's; empty where ids are hashes or the list's own",
        ),
        Column("source_sha256", "hex", "SHA-256 of the file; empty where it could not be read"),
        Column(
            "status",
            "ok | ungradable | failed",
            "ok: measured; ungradable: the photograph is too bad to measure, and the network's numbers are withheld; "
            "failed: no number of this row may be used",
        ),
        Column("status_reason", "", "why the photograph failed or is ungradable, or what was not found in it"),
    ),
)
RUN = ColumnGroup(
    1000,
    (
        Column("flags", "", "reasons to look at the photograph before using its numbers, separated by semicolons"),
        Column("model_id", "", "name of the model that takes the whole photograph"),
        Column("model_sha256", "hex", "SHA-256 of its weights"),
        Column(
            "further_sha256",
            "name=hex",
            "SHA-256 of what else shaped the row, separated by semicolons: models of further stages, the calibration, the "
            "regression on the cup-to-disc ratio; empty if there is nothing else",
        ),
        Column("software_version", "", "version of fundus_mtl"),
        Column("config_sha256", "hex", "SHA-256 of the configuration"),
        Column("timestamp_utc", "ISO 8601", "when the row was made; differs from run to run"),
        Column("runtime_s", "s", "time since the row before, shared by a batch; differs from run to run"),
    ),
)
VOLATILE_COLUMNS = ("timestamp_utc", "runtime_s")
FAILURE_COLUMNS: tuple[Column, ...] = (
    Column("source_relpath", "", "as in the results; image_id where it is empty there"),
    Column("stage", "scan | read | prepare | predict | postprocess | measure", "where it failed"),
    Column("error_class", "", "name of the Python exception"),
    Column("message", "", "what was wrong, in one line"),
)
RESULTS_JSONL = Column("results.jsonl", "", "the same rows as results.csv, one JSON each; null where a cell is empty")
SMALL = Column(f"{THUMBNAILS}/", "", "small pictures of a report with many rows; not a result")
JOURNAL = Column("journal.jsonl", "", "photographs that are done, for resuming the run; not a result")


@dataclass(frozen=True)
class Layout:
    """The output of a run.

    Args:
        contributions: Roles and relations of the run.
        roles: The roles among them.
    """

    contributions: tuple[Contribution, ...]
    roles: tuple[Role, ...]

    @classmethod
    def of(cls, measure: Measure) -> Layout:
        """Return the layout of a run that measures with these roles."""
        return cls(measure.contributions, measure.roles)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of ``results.csv``, in their order."""
        return sorted_columns((IDENTITY, *(group for one in self.contributions for group in one.columns), RUN))

    @property
    def shown(self) -> tuple[Shown, ...]:
        """Columns that the report shows, in their order; none of a role that no task answers."""
        return shown_numbers(self.roles, self.contributions)

    @property
    def mask_folders(self) -> tuple[str, ...]:
        """Names of the folders of masks."""
        return tuple(mask.folder for one in self.contributions for mask in one.files)

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of all folders that a run may write to."""
        return (*self.mask_folders, OVERLAYS, PROBABILITIES, THUMBNAILS)

    @property
    def structures(self) -> tuple[str, ...]:
        """Names of the structures that may have probability maps."""
        return tuple(name for role in self.roles for name in role.structures)

    def exported(self) -> dict[str, Any]:
        """Return what ``run.json`` tells exports: see `masks_of_run` and `quantities_of_run`."""
        units = {column.name: column.unit for column in self.columns}
        places = {name: place for place, name in enumerate(units)}
        quantities = [
            ReportedQuantity(*quantity[:3], units[quantity.column], one.measured_in, quantity.calibrated)._asdict()
            for one in self.contributions
            for quantity in one.quantities
        ]
        masks = [mask for one in self.contributions for mask in one.files]
        return {
            "masks": [{"folder": mask.folder, "labels": [*map(list, mask.labels.items())]} for mask in masks],
            "quantities": sorted(quantities, key=lambda quantity: places[quantity["column"]]),
        }

    def data_dictionary(self) -> str:
        """Return the table of what every column, and every file beside the table, means."""
        about = (Column("column", "", ""), Column("unit", "", ""), Column("meaning", "", ""))
        entries = (*self.columns, *self._files())
        return table(about, ({"column": name, "unit": unit, "meaning": meaning} for name, unit, meaning in entries))

    def _files(self) -> tuple[Column, ...]:
        relations = [mask.entry for one in self.contributions if one not in self.roles for mask in one.files]
        own = [mask.entry for role in self.roles for mask in role.files]
        maps = Column(
            f"{PROBABILITIES}/<image_id>_<structure>.nii.gz",
            "0 to 1",
            f"only with save_probabilities: what the masks were cut from, of {_list(self.structures, 'or')}; native size",
        )
        overlays = Column(f"{OVERLAYS}/<image_id>.jpg", "", _drawn(self.roles))
        return (*relations, overlays, *own, *([maps] if self.structures else []), SMALL, RESULTS_JSONL, JOURNAL)


def _drawn(roles: Sequence[Role]) -> str:
    """Return what an overlay shows."""
    masks = [role.name for role in roles if role.kind == "mask" and role.by_itself]
    masks = masks or [name for role in roles for name in role.structures]
    points = [role.name for role in roles if role.kind == "point"]
    parts = [f"outlines of {_list(masks, 'and')}"] if masks else []
    parts += [f"a cross at the {_list(points, 'and')}"] if points else []
    return " with ".join(["the photograph", *([" and ".join(parts)] if parts else [])])


def _list(names: Sequence[str], last: str) -> str:
    """Return names as in a sentence."""
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
