"""Output that cannot be written never ends a program."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from fundus_mtl.files import lasting_streams, printable

WRITES = """
import logging, sys
from fundus_mtl.files import lasting_streams
with lasting_streams():
    logging.basicConfig(stream=sys.stdout, level="INFO")
    for index in range(20000):
        print("caf\\xe9 \\udcff", index)
        print("caf\\xe9", index, file=sys.stderr)
        logging.info("line %d", index)
    open(sys.argv[1], "w").write("whole")
"""


@pytest.mark.parametrize("redirected", ["2>&1 | head -1", "2>&-", ">&- 2>&-", ">/dev/full 2>/dev/full", "2>/dev/null"])
def test_a_process_goes_to_its_end(redirected, tmp_path):
    """Exit status 0 too: Python ends with 120 if it cannot write the rest of its output."""
    command = f'set -o pipefail; "$0" -c "$1" "$2" {redirected} >/dev/null'.replace(">&- 2>&- >/dev/null", ">&- 2>&-")
    command = command.replace("2>/dev/full >/dev/null", "2>/dev/full")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    given = ["bash", "-c", command, sys.executable, WRITES, str(tmp_path / "end")]
    assert subprocess.run(given, env=environment, check=False).returncode == 0
    assert (tmp_path / "end").read_text() == "whole"


def test_what_cannot_be_encoded_is_escaped(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii", write_through=True))
    with lasting_streams():
        print("caf\xe9 \udcff 1")
    assert raw.getvalue() == b"caf\\xe9 \\udcff 1\n"


def test_a_closed_stream_and_none(monkeypatch, capsys):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    monkeypatch.setattr(sys, "stderr", None)
    with lasting_streams():
        print("lost")
        print("lost too", file=sys.stderr)
    assert (sys.stdout, sys.stderr) == (closed, None)


def test_names_cannot_command_a_terminal():
    assert printable("eye\x1b[2J\r\n\u202e.png") == "eye\\x1b[2J\\r\\n\\u202e.png"
    assert printable("Müller 眼.png") == "Müller 眼.png"
