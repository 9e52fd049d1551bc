"""Servers that tests start on free ports of this machine, and end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

NOBODY = 65534


def free_port():
    """A port that nobody listens to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def started(command, address, log, seconds=600, **options):
    """Run a server until the end of the context, which begins when the address answers."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True, **options)
    try:
        _wait(address, process, seconds)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(address, process, seconds):
    end = time.monotonic() + seconds
    while True:
        try:
            with urlopen(address, timeout=5) as answer:  # noqa: S310  # our own address
                assert answer.status == 200
                return
        except (URLError, ConnectionError, TimeoutError):
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.3)


@contextmanager
def tracking_server(folder, store):
    """Start ``mlflow server`` as docker/compose.yaml does; give its address."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--serve-artifacts", "--artifacts-destination", str(folder / "served")]
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": store}
    with started(command, f"{address}/health", folder / "server.log", cwd=folder, env=environment):
        yield address


def postgres_programs():
    """Folder of PostgreSQL's programs: on the path, or where Debian puts them; None without."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "initdb").is_file()), None)


@contextmanager
def postgres_server():
    """Start a PostgreSQL server with an empty database ``mlflow``; give its address for SQLAlchemy with psycopg."""
    programs, meek = postgres_programs(), []
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with tempfile.TemporaryDirectory(prefix="postgres") as folder:  # pytest's own folders are for one user
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            meek = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            os.chown(folder, NOBODY, NOBODY)
        data, port = Path(folder) / "data", free_port()
        initdb = [programs / "initdb", "--pgdata", data, "--username", "mlflow", "--auth", "trust", "--no-sync"]
        subprocess.run([*meek, *initdb], check=True, capture_output=True, cwd=folder)
        options = ["-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        process = subprocess.Popen(
            [*meek, programs / "postgres", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
        )
        try:
            _create_database(port, process)
            yield f"postgresql+psycopg://mlflow@127.0.0.1:{port}/mlflow"
        finally:
            process.send_signal(signal.SIGINT)  # a fast shutdown: connections are ended
            process.wait(60)


def _create_database(port, process):
    psycopg = pytest.importorskip("psycopg")
    end = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(
                f"host=127.0.0.1 port={port} user=mlflow dbname=postgres", autocommit=True
            ) as database:
                database.execute("CREATE DATABASE mlflow")
                return
        except psycopg.OperationalError:
            assert process.poll() is None, "PostgreSQL has ended"
            assert time.monotonic() < end, "PostgreSQL does not answer"
            time.sleep(0.2)
