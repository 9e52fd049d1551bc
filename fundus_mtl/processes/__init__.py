"""Run commands in parallel, stop them together, lock folders, and limit the time of a call."""

from __future__ import annotations

from fundus_mtl.processes._child_processes import ChildProcesses
from fundus_mtl.processes._interrupts import Interrupts
from fundus_mtl.processes._lock import LOCK_FILE, LockedError, locked
from fundus_mtl.processes._time_limit import StalledError, TimeLimit, TooSlowError
from fundus_mtl.processes._worker_pool import Devices, WorkerPool

__all__ = [
    "LOCK_FILE",
    "ChildProcesses",
    "Devices",
    "Interrupts",
    "LockedError",
    "StalledError",
    "TimeLimit",
    "TooSlowError",
    "WorkerPool",
    "locked",
]
