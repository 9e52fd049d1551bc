"""What a command that ran over a folder says at its end; 2 is for wrong arguments, as everywhere."""

from __future__ import annotations

from collections.abc import Mapping

ALL_OK = 0
SOME_FAILED = 3
NOTHING_USABLE = 4


def exit_code(counts: Mapping[str, int]) -> int:
    """Return the exit code of a run: an ungradable photograph has its answer, a failed one has not.

    Args:
        counts: photographs ``ok``, ``ungradable`` and ``failed``.
    """
    if not counts["ok"] + counts["ungradable"]:
        return NOTHING_USABLE
    return SOME_FAILED if counts["failed"] else ALL_OK
