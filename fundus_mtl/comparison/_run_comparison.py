"""Do a comparison: search, train, evaluate, sum up; called again, it goes on."""

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
from fundus_mtl.comparison._write_tables import write_tables
from fundus_mtl.processes import ChildProcesses, Devices, Interrupts, WorkerPool, locked

LOCAL = ("cases.csv", "failures.csv")  # they name photographs, which may be named after people
NO_TRIAL = Outcome("failed", "search: expected a trial with a number, but got none; see the log files of the trials.")


class NoTrackingError(ConnectionError):
    """MLflow does not answer where the comparison is to be told."""


@dataclass(frozen=True)
class Result:
    """What a comparison has come to.

    Args:
        outcomes: of the trainings, in the order of `plan`.
        frames: of all that was measured.
        files: written, by name.
        run_id: of the parent run in MLflow.
    """

    outcomes: Sequence[Outcome]
    frames: ResultFrames
    files: Mapping[str, Path]
    run_id: str

    @property
    def failed(self) -> int:
        """Return how many trainings failed."""
        return sum(outcome.status != "finished" for outcome in self.outcomes)


def run_comparison(comparison: Comparison, environment: Mapping[str, str], grace: float = 30.0) -> Result:
    """Do what is not done yet, and write the tables of all.

    Args:
        comparison: of `read_comparison`.
        environment: of the trainings' processes.
        grace: seconds that trainings have to end in after Ctrl-C; a second one ends them at once.

    Raises:
        ValueError: if an output folder holds the results of other settings, or of data that have changed.
        FileNotFoundError: if the comparison names a file that does not exist.
        LockedError: if the comparison is at work already.
        NoTrackingError: if MLflow does not answer.
        KeyboardInterrupt: after Ctrl-C, SIGTERM or SIGHUP, when everything is closed.
    """
    trainings = plan(comparison)
    if comparison.search is None:
        _check_all(trainings)
    children = ChildProcesses(environment, grace)
    interrupts = Interrupts(children)
    with locked(comparison.output_dir), interrupts.listening():
        store = _opened(comparison)
        status = "FAILED"
        try:
            with WorkerPool(comparison.workers, children) as pool, interrupts.raising():
                result = _Work(comparison, store, pool).do(trainings)
            status = "FAILED" if result.failed else "FINISHED"
            return result
        except BaseException:
            status = "KILLED" if interrupts.came else "FAILED"
            raise
        finally:
            store.close(status)


def _opened(comparison: Comparison) -> ComparisonRun:
    """Open the parent run.

    Raises:
        NoTrackingError: if MLflow does not answer at the address.
    """
    from mlflow.exceptions import MlflowException

    try:
        return ComparisonRun(comparison)
    except MlflowException as error:
        raise NoTrackingError(
            f"tracking_uri: expected an MLflow that answers, but got {type(error).__name__} ({error.error_code}); "
            "start the server, or leave tracking_uri out for a file."
        ) from error


def _check_all(trainings: Sequence[Training]) -> None:
    for training in trainings:
        check_settings(training)


class _Work:
    """The pieces that all trainings of one comparison share."""

    def __init__(self, comparison: Comparison, store: ComparisonRun, pool: WorkerPool) -> None:
        self.comparison, self.store, self.pool = comparison, store, pool
        self.devices = Devices(comparison.devices, comparison.workers)

    def do(self, trainings: Sequence[Training]) -> Result:
        """Search, train and evaluate all, and sum up."""
        searches = MethodSearches(self.comparison, self.store, self._train)
        chosen = dict(zip(searches.methods, self.pool.run(searches.choose, searches.methods, "searches"), strict=True))
        ready = [training.with_chosen(chosen.get(training.method) or {}) for training in trainings]
        _check_all(ready)
        hopeless = {method for method, values in chosen.items() if values is None}

        def train(training: Training) -> Outcome:
            return NO_TRIAL if training.method in hopeless else self._train(training)

        return self._sum_up(ready, self.pool.run(train, ready, "trainings"), searches)

    def _train(self, training: Training) -> Outcome:
        with self.devices.borrowed() as device:
            place = Place(self.comparison.tracking_uri, self.comparison.experiment_name, self.store.run_id, device)
            return do_training(training, place, self.pool.children, self.store.tidy)

    def _sum_up(self, trainings: Sequence[Training], outcomes: Sequence[Outcome], searches: MethodSearches) -> Result:
        comparison = self.comparison
        frames = collect(comparison, trainings, outcomes, searches.trials(), self.store)
        files, means, fragment = write_tables(comparison, frames)
        digests = {digest for digest in frames.trainings["data_sha256"] if digest}
        tags = {"data_sha256": digests.pop() if len(digests) == 1 else "several"} if digests else {}
        self.store.log({name: path for name, path in files.items() if name not in LOCAL}, means, tags)
        if fragment:  # after the tables, which no figure is to cost
            files |= publish(comparison, frames, fragment, self.store)
        return Result(outcomes, frames, files, self.store.run_id)
