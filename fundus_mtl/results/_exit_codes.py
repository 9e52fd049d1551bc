"""Exit statuses of a command that ran on a folder; 2 means wrong arguments, as usual."""

from __future__ import annotations

from collections.abc import Mapping

ALL_OK = 0
SOME_FAILED = 3
NOTHING_USABLE = 4


def exit_code(counts: Mapping[str, int]) -> int:
    """Return the exit status of a run; an ungradable photograph counts as usable, a failed one does not.

    Args:
        counts: Numbers of photographs that are ``ok``, ``ungradable`` and ``failed``.
    """
    if not counts["ok"] + counts["ungradable"]:
        return NOTHING_USABLE
    return SOME_FAILED if counts["failed"] else ALL_OK
