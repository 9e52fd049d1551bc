"""Run commands in parallel, stop them together, and lock folders."""

from __future__ import annotations

from fundus_mtl.processes._child_processes import ChildProcesses
from fundus_mtl.processes._interrupts import Interrupts
from fundus_mtl.processes._lock import LOCK_FILE, LockedError, locked
from fundus_mtl.processes._worker_pool import Devices, WorkerPool

__all__ = [
    "LOCK_FILE",
    "ChildProcesses",
    "Devices",
    "Interrupts",
    "LockedError",
    "WorkerPool",
    "locked",
]
