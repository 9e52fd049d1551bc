"""Stands for `ChildProcesses`: runs the stock command in this process, where MONAI is imported already."""

from __future__ import annotations

import ast
import warnings

from monai.bundle import run

from fundus_mtl.processes import ChildProcesses
from fundus_mtl.workflow import WorkflowError


class InProcess(ChildProcesses):
    """Reads a command's arguments as ``fire`` does, and calls what ``python -m monai.bundle run`` calls."""

    def run(self, command, log, held=()):
        module, verb, flag, args_file = command[2:6]
        assert (module, verb, flag) == ("monai.bundle", "run", "--args_file")
        given = dict(part.removeprefix("--").split("=", 1) for part in command[6:])
        options = {key: ast.literal_eval(value) for key, value in given.items()}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Can't merge entry")  # MONAI's, of every + option with a path
            try:
                run(args_file=args_file, logging_file=False, **options)
            except WorkflowError as error:
                log.write_text(f"error: {error}\n")
                return error.code
        return 0
