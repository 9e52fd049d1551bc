"""The finished runs that are to be joined: that they fit together, and their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fundus_mtl.results._entry import Entry
from fundus_mtl.results._journal import Journal
from fundus_mtl.results._output_folder import JOURNAL, RUN, TABLES, read_record
from fundus_mtl.results._run_record import identity
from fundus_mtl.results._shard_record import is_whole


@dataclass(frozen=True)
class Shard:
    """A finished run.

    Args:
        folder: Folder of the run.
        record: Its ``run.json``.
        journal: Its journal, read.
    """

    folder: Path
    record: dict[str, Any]
    journal: Journal

    @classmethod
    def of(cls, folder: Path) -> Shard:
        """Return the run of a folder.

        Raises:
            ValueError: If it holds no run, one that has not ended, or one with a damaged record or journal.
        """
        record = read_record(folder)
        if record is None or "shown" not in record:
            raise ValueError(
                f"expected results of `fundus-mtl infer`, but got none in {folder.name!r}; run that first."
            )
        missing = [name for name in (*TABLES, JOURNAL) if not (folder / name).is_file()]
        if record.get("state") != "completed" or missing:
            raise ValueError(
                f"expected runs that have ended, but got {folder.name!r}, which "
                f"{f'has no {missing[0]}' if missing else record.get('state')}; run its command again to resume it."
            )
        if not is_whole(record):
            raise ValueError(
                f"expected {RUN} as `fundus-mtl infer` writes it, but got another form in {folder.name!r}; measure that "
                "folder again."
            )
        journal = Journal(folder / JOURNAL)
        try:
            journal.read()
        except ValueError as error:
            raise ValueError(f"{folder.name!r}: {error}") from error
        return cls(folder, record, journal)

    @property
    def place(self) -> dict[str, int]:
        """``number``, ``of`` and ``photographs``, if it was made with ``--shard``; otherwise empty."""
        return dict(self.record["options"].get("shard") or {})

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same in all runs, without the number of the shard."""
        found = identity(self.record)
        return {**found, "options": {name: value for name, value in found["options"].items() if name != "shard"}}

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in the order of the rows."""
        return self.journal.entries(self.journal.names())


def in_order(folders: Sequence[Path]) -> list[Shard]:
    """Return the runs of some folders in the order of their rows: that of the shards' numbers, or as given.

    Raises:
        ValueError: See `Shard.of`; if runs differ, a shard is missing or has too few rows, or two have the same photograph.
    """
    shards = [Shard.of(folder) for folder in folders]
    for shard in shards[1:]:
        _refuse_other(shards[0], shard)
    if any(shard.place for shard in shards):
        shards = _by_number(shards)
    _refuse_duplicates(shards)
    return shards


def _refuse_other(first: Shard, shard: Shard) -> None:
    then, now = first.identity, shard.identity
    if other := [what.replace("_", " ") for what in then if then[what] != now[what]]:
        raise ValueError(
            f"expected runs with the same weights, configuration and options, but got another {', '.join(other)} in "
            f"{shard.folder.name!r} than in {first.folder.name!r}; merge only runs of the same command."
        )


def _by_number(shards: Sequence[Shard]) -> list[Shard]:
    totals = {(shard.place.get("of"), shard.place.get("photographs")): shard for shard in shards}
    if len(totals) > 1:
        one, other = list(totals.values())[:2]
        raise ValueError(
            f"expected shards of the same photographs, but got {_described(one)} and {_described(other)}; run the shards "
            "again on the same folder."
        )
    by_number: dict[int, Shard] = {}
    for shard in shards:
        if (known := by_number.setdefault(shard.place["number"], shard)) is not shard:
            raise ValueError(
                f"expected every shard once, but got shard {shard.place['number']} in {known.folder.name!r} and in "
                f"{shard.folder.name!r}; leave one out."
            )
    of, photographs = next(iter(totals))
    if missing := [str(number) for number in range(1, (of or 0) + 1) if number not in by_number]:
        raise ValueError(f"expected {of} shards, but got none with the number {', '.join(missing)}; run them first.")
    if (rows := sum(len(shard.journal.names()) for shard in shards)) != photographs:
        raise ValueError(f"expected {photographs} photographs in all shards, but got {rows}; run the shards again.")
    return [by_number[number] for number in sorted(by_number)]


def _described(shard: Shard) -> str:
    place = shard.place
    found = f"{place['number']}/{place['of']} of {place['photographs']} photographs" if place else "no shard"
    return f"{found} in {shard.folder.name!r}"


def _refuse_duplicates(shards: Sequence[Shard]) -> None:
    known: dict[str, Shard] = {}
    for shard in shards:
        for name in shard.journal.names():
            if (first := known.setdefault(name, shard)) is not shard:
                raise ValueError(
                    f"expected every photograph once, but got {name!r} in {first.folder.name!r} and in "
                    f"{shard.folder.name!r}; leave one out."
                )
