"""The verb ``fundus-mtl compare``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fundus_mtl.cli._key_values import parse_changes

if TYPE_CHECKING:
    from fundus_mtl.comparison import Comparison, Result

ALL_DONE, REFUSED, SOME_FAILED, INTERRUPTED = 0, 2, 3, 130
_ABOUT = """Train methods x folds x seeds on one bundle, evaluate them, and write the tables: trainings.csv,
comparison.md .csv .tex .html in the output folder, also in MLflow. Called again, it goes on: what is
finished is not repeated. Exit status: 0 all finished, 2 refused, 3 some trainings failed (the reasons
are in failures.csv), 130 stopped."""


def add_compare(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    form = argparse.RawDescriptionHelpFormatter
    parser = verbs.add_parser(
        "compare", help="methods, folds and seeds side by side", description=_ABOUT, formatter_class=form
    )
    parser.add_argument("config", help="YAML of the comparison, such as bundles/refuge_mtl/configs/compare_cv5.yaml")
    told = "a value on top of the file; options.hidden=10 for a part of a dictionary"
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=told)
    parser.add_argument("--workers", type=int, help="trainings at a time")
    parser.add_argument("--dry-run", action="store_true", help="list the trainings and do nothing")
    parser.set_defaults(run=run_compare)


def run_compare(given: argparse.Namespace) -> int:
    """Do what the command line says; return the exit status."""
    from fundus_mtl.comparison import NoTrackingError, OtherDataError, OtherSettingsError, listing, run_comparison
    from fundus_mtl.processes import LockedError

    try:
        comparison = _comparison(given)
    except (ValueError, FileNotFoundError, ModuleNotFoundError) as error:
        return _refused(error)
    if given.dry_run:
        print(listing(comparison))
        return ALL_DONE
    try:
        result = run_comparison(comparison, _environment(comparison))
    except KeyboardInterrupt:
        print("stopped: the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    except (OtherDataError, OtherSettingsError, LockedError, NoTrackingError) as error:
        return _refused(error)
    _tell(result)
    return SOME_FAILED if result.failed else ALL_DONE


def _comparison(given: argparse.Namespace) -> Comparison:
    """Read and check what can be checked before anything runs."""
    from fundus_mtl.comparison import need_optuna, plan, read_comparison

    changes = parse_changes(given.set) | ({} if given.workers is None else {"workers": given.workers})
    comparison = read_comparison(given.config, changes)
    plan(comparison)
    if comparison.search is not None:
        need_optuna()
    return comparison


def _refused(error: Exception) -> int:
    print(f"error: {error}", file=sys.stderr)
    return REFUSED


def _tell(result: Result) -> None:
    for row in result.frames.trainings.to_dict("records"):
        if row["status"] != "finished":
            who = " ".join(str(row[key]) for key in ("method", "network") if row[key])
            print(f"failed: {who} fold {row['fold']} seed {row['seed']}: {row['reason']}", file=sys.stderr)
    if "comparison.md" in result.files:
        print(result.files["comparison.md"].read_text(encoding="utf-8"))


def _environment(comparison: Comparison) -> Mapping[str, str]:
    """Return the processes' environment: threads that share the cores, and no word to MLflow's makers."""
    threads = comparison.threads or max(1, (os.cpu_count() or 1) // comparison.workers)
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "MLFLOW_DISABLE_TELEMETRY": "true"}
