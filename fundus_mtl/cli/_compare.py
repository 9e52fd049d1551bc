"""The verb ``fundus-mtl compare``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fundus_mtl.cli._endings import DONE, SOME_FAILED, refusing
from fundus_mtl.cli._key_values import add_key_values, key_values
from fundus_mtl.cli._output import shown_folder
from fundus_mtl.cli._verb import add_verb
from fundus_mtl.files import printable

if TYPE_CHECKING:
    from fundus_mtl.comparison import Comparison, Result

_ABOUT = """Train methods x folds x seeds on one bundle, evaluate them, and write the tables trainings.csv and
comparison.md .csv .tex .html to the output folder and to MLflow. Run it again to resume: what is finished is not repeated.
Exit status: 0 all finished, 2 refused, 3 some trainings failed (failures.csv has the reasons), 130 stopped."""
_EXAMPLES = """
fundus-mtl compare bundles/digits_mtl/configs/compare.yaml --dry-run
fundus-mtl compare bundles/digits_mtl/configs/compare.yaml --workers 2 seeds=[0,1]
fundus-mtl compare compare_cv5.yaml options.dataset_dir=data/refuge
"""


def add_compare(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = add_verb(
        verbs,
        "compare",
        run_compare,
        "compare methods over folds and seeds",
        _ABOUT,
        _EXAMPLES,
        if_stopped="run the same command again to resume.",
    )
    parser.add_argument("config", metavar="CONFIG", help="YAML file of the comparison")
    parser.add_argument("--workers", type=int, metavar="N", help="number of trainings that run at the same time")
    parser.add_argument("--dry-run", action="store_true", help="list the trainings and do nothing")
    add_key_values(parser, "key of the file, such as seeds; options.hidden for a part of a dictionary")


def run_compare(given: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    from fundus_mtl.comparison import NoTrackingError, OtherDataError, OtherSettingsError, listing, run_comparison
    from fundus_mtl.processes import LockedError

    with refusing(ValueError, FileNotFoundError, ModuleNotFoundError):
        comparison = _comparison(given)
    if given.dry_run:
        print(*map(printable, listing(comparison).splitlines()), sep="\n")
        return DONE
    with refusing(OtherDataError, OtherSettingsError, LockedError, NoTrackingError):
        result = run_comparison(comparison, _environment(comparison))
    _print(result)
    given.output.info(f"results are in {shown_folder(comparison.output_dir)}")
    return SOME_FAILED if result.failed else DONE


def _comparison(given: argparse.Namespace) -> Comparison:
    """Read and check what can be checked before anything runs."""
    from fundus_mtl.comparison import need_optuna, plan, read_comparison

    changes = key_values(given) | ({} if given.workers is None else {"workers": given.workers})
    comparison = read_comparison(given.config, changes)
    plan(comparison)
    if comparison.search is not None:
        need_optuna()
    return comparison


def _print(result: Result) -> None:
    """Print the failed trainings and the table."""
    for row in result.frames.trainings.to_dict("records"):
        if row["status"] != "finished":
            name = " ".join(str(row[key]) for key in ("method", "network") if row[key])
            failed = f"failed: {name} fold {row['fold']} seed {row['seed']}: {row['reason']}"
            print(printable(failed), file=sys.stderr)
    if "comparison.md" in result.files:
        print(*map(printable, result.files["comparison.md"].read_text(encoding="utf-8").splitlines()), sep="\n")


def _environment(comparison: Comparison) -> Mapping[str, str]:
    """Return the environment of the trainings: threads that share the cores, and MLflow's telemetry off."""
    threads = comparison.threads or max(1, (os.cpu_count() or 1) // comparison.workers)
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "MLFLOW_DISABLE_TELEMETRY": "true"}
