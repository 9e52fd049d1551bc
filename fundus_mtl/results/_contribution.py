"""What a role or a relation of roles adds to the results of a photograph."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import nan
from typing import Any, ClassVar, Literal, NamedTuple

from fundus_mtl.results._column import ColumnGroup, Columns, Shown, UncertaintyColumn
from fundus_mtl.results._exported import MaskFile, Quantity
from fundus_mtl.results._findings import Findings, Mask, Point
from fundus_mtl.results._rules import Rules

Kind = Literal["mask", "point", "score"]
KINDS: tuple[Kind, ...] = ("mask", "point", "score")
Sample = Mapping[str, Any]


class Missing(NamedTuple):
    """Something that the network was asked for and did not find.

    Args:
        kind: Kind of the answer; missing masks are named before points, and points before scores.
        flag: Flag of the row, such as ``disc_missing``.
        reason: Reason in the row's ``status_reason``, such as ``disc not found``.
    """

    kind: Kind
    flag: str
    reason: str


class Contribution:
    """What results get from a role or from a relation of roles; by default nothing.

    Attributes:
        columns: Columns of ``results.csv``, with units and meanings for the data dictionary.
        shown: Columns that the report shows.
        files: Kinds of masks that it writes, with their entries in the data dictionary and their labels in exports.
        quantities: Columns that reports for other programs have.
        options: Options that a user may set in `Rules`, with their default values.
        uncertainty: How its variation over mirrored views is called; None if it has none.
    """

    columns: ClassVar[tuple[ColumnGroup, ...]] = ()
    shown: ClassVar[tuple[Shown, ...]] = ()
    files: ClassVar[tuple[MaskFile, ...]] = ()
    quantities: ClassVar[tuple[Quantity, ...]] = ()
    options: ClassVar[Mapping[str, Any]] = {}
    uncertainty: ClassVar[UncertaintyColumn | None] = None

    @property
    def measured_in(self) -> tuple[str, ...]:
        """Names of the roles whose answers it uses."""
        raise NotImplementedError

    def listed(self, roles: Collection[str]) -> bool:
        """Return whether it belongs to results with these roles."""
        raise NotImplementedError

    def check(self, rules: Rules) -> None:
        """Check its options.

        Raises:
            ValueError: If an option has an impossible value.
        """

    def doubts(self, masks: Mapping[str, Mask], seen: Mask, rivals: Mapping[str, float]) -> dict[str, str]:
        """Return why masks cannot be those of their structures, by the name of the structure.

        Args:
            masks: Masks ``(H, W)`` by structure, as the roles gave them; without those that were doubted before.
            seen: Field of view ``(H, W)``.
            rivals: Area of a second region over that of the first, by the name of the role, where it is known.
        """
        return {}

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return the values of its columns; what could not be measured is NaN, None or absent.

        Args:
            found: What is known of the photograph.
            columns: Values that are known so far.
        """
        return {}

    def missing(self, found: Findings) -> Missing | None:
        """Return what was not found, or None."""
        return None

    def flags(self, found: Findings, columns: Columns) -> list[str]:
        """Return the names of what a person should look at."""
        return []

    def outlines(self, found: Findings) -> dict[str, Mask]:
        """Return masks ``(H, W)`` by name, whose outlines the overlay shows."""
        return {}

    def marks(self, found: Findings) -> dict[str, Point]:
        """Return points ``(x, y)`` in native px by name, which the overlay shows as crosses."""
        return {}

    def pictures(self, found: Findings) -> dict[str, bytes]:
        """Return PNG files by the name of their folder, which one of `files` must name."""
        return {}

    def spread(self, samples: Sequence[Sample], tasks: Mapping[str, str]) -> float:
        """Return how much the answer varies over postprocessed samples of one photograph; see `uncertainty`.

        Args:
            samples: One sample per view, each with ``pred_<task>``.
            tasks: Names of the tasks by role.
        """
        return nan
