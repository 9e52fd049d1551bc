"""Run a comparison: search, train, evaluate, write the tables; a second call resumes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fundus_mtl.comparison._definition import Comparison
from fundus_mtl.comparison._do_training import Outcome, do_training
from fundus_mtl.comparison._method_searches import MethodSearches
from fundus_mtl.comparison._parent_run import ComparisonRun
from fundus_mtl.comparison._plan import plan
from fundus_mtl.comparison._publish import publish
from fundus_mtl.comparison._result_frames import ResultFrames, collect
from fundus_mtl.comparison._training import Place, Training
from fundus_mtl.comparison._training_folder import check_settings
from fundus_mtl.comparison._write_tables import write_comparison_tables
from fundus_mtl.processes import ChildProcesses, Devices, Interrupts, WorkerPool, locked

LOCAL = ("cases.csv", "failures.csv")  # not logged: they name photographs, and those may be named after people
NO_TRIAL = Outcome("failed", "search: expected a trial with a finite metric, but got none; see the trials' log files.")


@dataclass(frozen=True)
class Result:
    """The result of a comparison.

    Args:
        outcomes: outcomes of the trainings, in the order of `plan`.
        frames: all measurements as data frames.
        files: written files by name.
        run_id: id of the parent run in MLflow.
    """

    outcomes: Sequence[Outcome]
    frames: ResultFrames
    files: Mapping[str, Path]
    run_id: str

    @property
    def failed(self) -> int:
        """Return the number of trainings that failed."""
        return sum(outcome.status != "finished" for outcome in self.outcomes)


def run_comparison(comparison: Comparison, environment: Mapping[str, str], grace: float = 30.0) -> Result:
    """Run the trainings that are not finished yet, and write the tables of all.

    Args:
        comparison: comparison, as `read_comparison` returns it.
        environment: environment variables of the trainings' processes.
        grace: seconds that trainings have to close after Ctrl-C; a second Ctrl-C kills them.

    Raises:
        ValueError: if an output folder holds the results of other settings, or of data that have changed.
        FileNotFoundError: if the comparison names a file that does not exist.
        LockedError: if another process runs the comparison.
        NoTrackingError: if MLflow does not answer.
        KeyboardInterrupt: after Ctrl-C, SIGTERM or SIGHUP, when everything is closed.
    """
    trainings = plan(comparison)
    if comparison.search is None:
        _check_all(trainings)
    children = ChildProcesses(environment, grace)
    interrupts = Interrupts(children)
    with locked(comparison.output_dir), interrupts.listening():
        parent_run = ComparisonRun(comparison)
        status = "FAILED"
        try:
            with WorkerPool(comparison.workers, children) as pool, interrupts.raising():
                result = _Work(comparison, parent_run, pool).run(trainings)
            status = "FAILED" if result.failed else "FINISHED"
            return result
        except BaseException:
            status = "KILLED" if interrupts.came else "FAILED"
            raise
        finally:
            parent_run.close(status)


def _check_all(trainings: Sequence[Training]) -> None:
    for training in trainings:
        check_settings(training)


class _Work:
    """The steps of a comparison, and what they share."""

    def __init__(self, comparison: Comparison, parent_run: ComparisonRun, pool: WorkerPool) -> None:
        self.comparison, self.parent_run, self.pool = comparison, parent_run, pool
        self.devices = Devices(comparison.devices, comparison.workers)

    def run(self, trainings: Sequence[Training]) -> Result:
        """Search, train and evaluate, then write the tables."""
        searches = MethodSearches(self.comparison, self.parent_run, self._train)
        chosen = dict(zip(searches.methods, self.pool.run(searches.choose, searches.methods, "searches"), strict=True))
        ready = [training.with_chosen(chosen.get(training.method) or {}) for training in trainings]
        _check_all(ready)
        without_values = {method for method, values in chosen.items() if values is None}

        def train(training: Training) -> Outcome:
            return NO_TRIAL if training.method in without_values else self._train(training)

        return self._sum_up(ready, self.pool.run(train, ready, "trainings"), searches)

    def _train(self, training: Training) -> Outcome:
        with self.devices.borrowed() as device:
            place = Place(self.comparison.tracking_uri, self.comparison.experiment_name, self.parent_run.run_id, device)
            return do_training(training, place, self.pool.children, self.parent_run.close_training)

    def _sum_up(self, trainings: Sequence[Training], outcomes: Sequence[Outcome], searches: MethodSearches) -> Result:
        comparison = self.comparison
        frames = collect(comparison, trainings, outcomes, searches.trials(), self.parent_run)
        files, means, fragment = write_comparison_tables(comparison, frames)
        digests = {digest for digest in frames.trainings["data_sha256"] if digest}
        tags = {"data_sha256": digests.pop() if len(digests) == 1 else "several"} if digests else {}
        self.parent_run.log({name: path for name, path in files.items() if name not in LOCAL}, means, tags)
        if fragment:  # after the tables, so that an error in a figure cannot prevent them
            files |= publish(comparison, frames, fragment, self.parent_run)
        return Result(outcomes, frames, files, self.parent_run.run_id)
