"""Commands several at a time, stopped together, and locks on folders."""

from __future__ import annotations

from fundus_mtl.processes._commands import Children
from fundus_mtl.processes._crew import Crew, Devices
from fundus_mtl.processes._interrupts import Interrupts
from fundus_mtl.processes._lock import LockedError, locked

__all__ = [
    "Children",
    "Crew",
    "Devices",
    "Interrupts",
    "LockedError",
    "locked",
]
