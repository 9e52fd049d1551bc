"""What every test needs."""

from __future__ import annotations

import logging

import pytest

pytest_plugins = ["tests.tracked_runs"]
SET_BY_BUNDLES = (
    "fundus_mtl",
    "train_log",
    "PIL",
    "ignite.engine.engine",
)  # in their logging.conf, for a process of their own


@pytest.fixture(autouse=True)
def fresh_loggers():
    """Undo what a command run in this process has set, or later tests would not see what is logged."""
    for name in SET_BY_BUNDLES:
        logger = logging.getLogger(name)
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
        logger.handlers.clear()
    root = logging.getLogger()
    for handler in [one for one in root.handlers if type(one) is logging.StreamHandler]:
        root.removeHandler(handler)  # it writes to a stream that the capture of another test has closed
