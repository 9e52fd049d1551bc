"""Log lines with names from outside neither command a terminal nor forge other lines."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from fundus_mtl.files import PrintableFormatter, make_logs_printable


@pytest.fixture
def handler():
    """A handler of a logger, as a bundle's logging.conf makes it."""
    made = logging.StreamHandler(io.StringIO())
    made.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("fundus_mtl.test_printable")
    logger.addHandler(made)
    yield made
    logger.removeHandler(made)


def test_names_are_escaped_and_the_lines_of_the_message_stay(handler):
    make_logs_printable()
    make_logs_printable()  # twice is once
    logger = logging.getLogger("fundus_mtl.test_printable")
    logger.warning("%s in %s:\n%d of %r", "a\x1b[2J\nERROR forged", Path("b\u202ec"), 3, "d\n")
    assert handler.stream.getvalue().splitlines() == [
        r"WARNING a\x1b[2J\nERROR forged in b\u202ec:",
        r"3 of 'd\\n'",
    ]
    assert isinstance(handler.formatter, PrintableFormatter)
    assert type(handler.formatter.formatter) is logging.Formatter


def test_records_without_arguments_and_with_a_dictionary(handler):
    make_logs_printable()
    logger = logging.getLogger("fundus_mtl.test_printable")
    logger.warning("a\x1bb\nc")
    logger.warning("%(name)s", {"name": "x\x07"})
    assert handler.stream.getvalue().splitlines() == [
        r"WARNING a\x1bb",
        "WARNING c".removeprefix("WARNING "),
        r"WARNING x\x07",
    ]
