"""Run commands in parallel or as ranks, stop them, lock folders, limit the time of a call, choose a number of threads."""

from __future__ import annotations

from fundus_mtl.processes._child_processes import ChildProcesses
from fundus_mtl.processes._interrupts import Interrupts
from fundus_mtl.processes._lock import LOCK_FILE, WITHOUT_LOCKS, LockedError, alone, locked
from fundus_mtl.processes._ranks import run_ranks
from fundus_mtl.processes._time_limit import StalledError, TimeLimit, TooSlowError
from fundus_mtl.processes._worker_pool import Devices, WorkerPool
from fundus_mtl.processes._worker_threads import worker_threads

__all__ = [
    "LOCK_FILE",
    "WITHOUT_LOCKS",
    "ChildProcesses",
    "Devices",
    "Interrupts",
    "LockedError",
    "StalledError",
    "TimeLimit",
    "TooSlowError",
    "WorkerPool",
    "alone",
    "locked",
    "run_ranks",
    "worker_threads",
]
