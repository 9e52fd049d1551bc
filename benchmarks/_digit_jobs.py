"""Trainings of the digits bundle as jobs: several at a time, each with its results in a file of its own, never repeated."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
Result = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One training, and the section of the digits that it is measured on.

    Args:
        method: overlay of ``bundles/methods``.
        settings: of the bundle, as JSON with sorted keys.
        tasks: to train.
        seed: of network and order.
        section: ``validation``: trained on ``training``; ``testing``: trained on both.
        epochs: of training.
        data: folder that ``data_prep.mnist`` wrote; None for scikit-learn's digits.
        digest: SHA-256 of the digits.
    """

    method: str
    settings: str
    tasks: tuple[str, ...]
    seed: int
    section: str
    epochs: int
    data: str | None
    digest: str

    @classmethod
    def of(cls, method: str, settings: Mapping[str, Any], **given: Any) -> Job:
        """Make a job from settings that are not text yet."""
        return cls(method, json.dumps(settings, sort_keys=True), **given)

    @property
    def name(self) -> str:
        """Return the name of its files: what is in it can be told apart, whatever a later version of the table tries."""
        key = json.dumps([self.method, self.settings, self.tasks, self.section, self.epochs, self.digest])
        words = (self.method, *self.tasks, self.section, self.seed, hashlib.sha256(key.encode()).hexdigest()[:12])
        return "-".join(map(str, words))


def run_jobs(jobs: Sequence[Job], out: Path, workers: int) -> dict[Job, Result]:
    """Run what has no result yet, and return all results, in the jobs' order.

    Raises:
        RuntimeError: at the end, if jobs failed; the others' results are kept.
    """
    from tqdm import tqdm

    missing = [job for job in dict.fromkeys(jobs) if not result_file(job, out).is_file()]
    failed: dict[str, BaseException] = {}
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_quiet, initargs=(str(out),))
    try:
        waiting = {pool.submit(_run, job, str(out)): job for job in missing}
        for done in tqdm(as_completed(waiting), total=len(missing), desc="trainings", disable=not missing):
            if (error := done.exception()) is not None:
                failed[waiting[done].name] = error
    finally:
        pool.shutdown(cancel_futures=True)
    if failed:
        name, error = next(iter(failed.items()))
        raise RuntimeError(
            f"{len(failed)} of {len(missing)} trainings failed; {name}: {error}; see {out}/worker-*.log."
        )
    return {job: json.loads(result_file(job, out).read_text()) for job in jobs}


def result_file(job: Job, out: Path) -> Path:
    """Return the path of a job's result."""
    return out / "results" / f"{job.name}.json"


def model_file(job: Job, out: Path) -> Path:
    """Return the path of a job's best weights."""
    return out / "runs" / job.name / "models" / "model.pt"


def _quiet(out: str) -> None:
    """Send what a worker says to a file."""
    import os

    Path(out).mkdir(parents=True, exist_ok=True)
    sys.stdout = sys.stderr = (Path(out) / f"worker-{os.getpid()}.log").open("w", buffering=1)


def _run(job: Job, out: str) -> None:
    from fundus_mtl.files import write_whole

    result = train(job, Path(out))
    file = result_file(job, Path(out))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(result))


def train(job: Job, out: Path) -> Result:
    """Train, measure, and return accuracies in percent, their course, seconds, and the number of parameters."""
    import torch

    torch.set_num_threads(1)
    workflow = _workflow(job, out)
    workflow.initialize()
    content = workflow.parser.get_parsed_content
    course = _follow(content("validate::evaluator"))
    clocks = time.perf_counter(), time.process_time()
    workflow.run()
    wall, processor = time.perf_counter() - clocks[0], time.process_time() - clocks[1]
    network = content("network")
    network.load_state_dict(torch.load(model_file(job, out), weights_only=True))
    found = accuracy(network.eval(), _batch(content, job), job.tasks)
    workflow.finalize()
    size = sum(p.numel() for p in network.parameters())
    seconds = {"wall_seconds": wall, "processor_seconds": processor}
    return {"accuracy": found, "course": course, "parameters": size, "settings": job.settings, **seconds}


def _workflow(job: Job, out: Path) -> Any:
    from fundus_mtl.workflow import StrictWorkflow

    final = job.section == "testing" and job.data is not None  # scikit-learn's digits have no spare part
    sections = {"training_sections": ["training", "validation"], "validation_sections": ["spare"]} if final else {}
    given = {"dataset_dir": job.data, "output_dir": str(out / "runs" / job.name), "seed": job.seed}
    given |= {"task_names": list(job.tasks), "max_epochs": job.epochs, "tracking_uri": None}
    configs = BUNDLES / "digits_mtl" / "configs"
    return StrictWorkflow(
        config_file=[str(configs / name) for name in ("common.yaml", "../../shared/train.yaml", "train.yaml")],
        workflow_type="train",
        logging_file=False,
        overlay=[str(BUNDLES / "methods" / f"{job.method}.yaml")],
        **given | sections | json.loads(job.settings),
    )


def _follow(evaluator: Any) -> list[dict[str, float]]:
    """Return a list that fills with the metrics of every validation."""
    from ignite.engine import Events

    course: list[dict[str, float]] = []
    evaluator.add_event_handler(
        Events.COMPLETED, lambda engine: course.append({k: float(v) for k, v in engine.state.metrics.items()})
    )
    return course


def _batch(content: Callable[[str], Any], job: Job) -> dict[str, Any]:
    """Return all digits of the job's section as one batch."""
    from fundus_mtl.data import TensorSamples

    samples = TensorSamples(
        content("digits").select([job.section], list(job.tasks)), content("tasks"), content("validate::preprocessing")
    )
    return samples.collate(samples.__getitems__(range(len(samples))))


def accuracy(network: Any, batch: dict[str, Any], tasks: Sequence[str]) -> dict[str, float]:
    """Return each task's accuracy, percent, on the digits that are its own."""
    import torch

    with torch.no_grad():
        answers = network(torch.as_tensor(batch["image"]))
    found = {}
    for name in tasks:
        rows = torch.as_tensor(batch[f"{name}_present"]).bool()
        right = answers[name][rows].argmax(dim=1) == batch[name][rows].argmax(dim=1)
        found[name] = 100 * right.double().mean().item()
    return found
