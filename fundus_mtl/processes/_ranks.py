"""The processes of one distributed training on this machine; if one dies, the others are stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

_POLL = 0.1  # s


def run_ranks(command: Sequence[str], count: int, grace: float = 60.0) -> list[int]:
    """Run a command in several processes that find each other by ``torch.distributed``'s variables of the environment.

    After the first that fails, the others have time to notice it and to close what they opened: they get SIGTERM after half
    of the grace period, and SIGKILL at its end.

    Args:
        command: program and arguments; they do not pass through a shell.
        count: number of processes.
        grace: seconds between the failure of a process and the SIGKILL of the others.

    Returns:
        The exit status of each process; negative if a signal ended it.
    """
    processes = [
        subprocess.Popen(command, env=environment)  # noqa: S603  # a list of arguments, without a shell
        for environment in _environments(count)
    ]
    try:
        while all(process.poll() in (None, 0) for process in processes) and _running(processes):
            time.sleep(_POLL)
        _stop(processes, grace)
    except BaseException:  # Ctrl-C has reached them too: they are in this process's group
        _stop(processes, grace)
        raise
    return [process.wait() for process in processes]


def _environments(count: int) -> list[dict[str, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    threads = str(max(1, (os.cpu_count() or 1) // count))
    shared = {"OMP_NUM_THREADS": threads, **os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [
        {**shared, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
        for rank in range(count)
    ]


def _stop(processes: Sequence[subprocess.Popen[bytes]], grace: float) -> None:
    """Wait for the processes, and end those that do not end by themselves."""
    _wait(processes, grace / 2)
    for process in _running(processes):
        with suppress(ProcessLookupError):
            process.terminate()
    _wait(processes, grace / 2)
    for process in _running(processes):
        with suppress(ProcessLookupError):
            process.kill()


def _wait(processes: Sequence[subprocess.Popen[bytes]], seconds: float) -> None:
    end = time.monotonic() + seconds
    while _running(processes) and time.monotonic() < end:
        time.sleep(_POLL)


def _running(processes: Sequence[subprocess.Popen[bytes]]) -> list[subprocess.Popen[bytes]]:
    return [process for process in processes if process.poll() is None]
