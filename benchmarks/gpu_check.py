"""Check every method on a GPU in five minutes, on data that the script draws.

    python benchmarks/gpu_check.py [--device cuda] [--json gpu_check.json]

Run it from a copy of the checkout. It needs torch (2.8 or newer), monai, pytorch-ignite, numpy, scipy, scikit-image,
scikit-learn, pandas and pillow. Without a GPU it runs on the processor, with a smaller network.

One row per method and precision:

* *loss*: sum of the tasks' losses in the last step; all losses must be finite.
* *CPU*: largest relative difference of a task's loss from the same training on the processor in float32, over all steps.
  GradDrop and MT-COOL draw random numbers on the device, so that their trainings differ from the first step on.
* *syncs*: operations of one step that make the processor wait for the GPU, as CUDA's debug mode counts them.
* *÷ loop*: time of a step divided by that of a plain loop of the passes that the method cannot avoid.
* *MiB*: peak of GPU memory.

The last rows are images per second through the networks of the shipped models, with their weights.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ignite.engine import Events

from fundus_mtl.aggregation import MAMG, MGDA, CAGrad, GradDrop, PCGrad
from fundus_mtl.engines import (
    CooperativeTrainer,
    IndependentTrainer,
    JointTrainer,
    MultiAdaptiveTrainer,
    PrepareMultiTaskBatch,
    SurgeryTrainer,
)
from fundus_mtl.losses import HeatmapBCELoss, MultiTaskLoss
from fundus_mtl.networks import EfficientUNet, SplitUNet, VGGUNet, load_weights
from fundus_mtl.optim import MAO, OptimizerGroup
from fundus_mtl.precision import Precision
from fundus_mtl.tasks import Task
from fundus_mtl.weighting import DWA, GradNorm, Uncertainty

Batch = dict[str, Tensor]
ADAM = partial(torch.optim.Adam, lr=1e-3)
TASKS = (
    Task("disc", 1, "segmentation", nn.BCEWithLogitsLoss()),
    Task("cup", 1, "segmentation", nn.BCEWithLogitsLoss()),
    Task("fovea", 1, "heatmap", HeatmapBCELoss()),
    Task("glaucoma", 1, "classification", nn.BCEWithLogitsLoss()),
)
DTYPES = ("float32", "bfloat16", "float16")
OWN_DRAWS = ("graddrop", "mt_cool")
BUNDLES = Path(__file__).resolve().parents[1] / "bundles"


@dataclass(frozen=True)
class Method:
    """How to build a method, and the passes that one step of it cannot avoid.

    Args:
        trainer: Class of the trainer.
        options: Function from the parameters to further arguments of the trainer, such as the aggregator.
        optimizer: Function from the network to the optimizer.
        passes: ``joint`` (one backward pass), ``surgery`` (one per task) or ``turns`` (forward, backward and step per task).
        split: Whether the network has a share of each layer per task.
    """

    trainer: type
    options: Callable[[], dict[str, Any]] = dict
    optimizer: Callable[[nn.Module], Any] = lambda network: ADAM(network.parameters())
    passes: str = "joint"
    split: bool = False


def with_rule(rule: Callable[[], Any]) -> Method:
    """Return gradient surgery with a rule."""
    return Method(SurgeryTrainer, lambda: {"aggregator": rule()}, passes="surgery")


METHODS = {
    "joint": Method(JointTrainer),
    "dwa": Method(JointTrainer, lambda: {"weighting": DWA()}),
    "gradnorm": Method(JointTrainer, lambda: {"weighting": GradNorm()}),
    "uncertainty": Method(JointTrainer, lambda: {"weighting": Uncertainty(TASKS)}),
    "pcgrad": with_rule(PCGrad),
    "mgda": with_rule(MGDA),
    "cagrad": with_rule(CAGrad),
    "mamg": with_rule(MAMG),
    "graddrop": with_rule(GradDrop),
    "mao": Method(MultiAdaptiveTrainer, optimizer=lambda n: MAO(n.parameters(), lr=1e-3), passes="surgery"),
    "mtl_io": Method(
        IndependentTrainer, optimizer=lambda n: OptimizerGroup.per_task(TASKS, n.parameters(), ADAM), passes="turns"
    ),
    "mt_cool": Method(
        CooperativeTrainer,
        lambda: {"tasks": TASKS, "samples": 1, "kl_weight": 0.0},
        optimizer=lambda n: OptimizerGroup.per_share(TASKS, n, ADAM),
        passes="turns",
        split=True,
    ),
}


@dataclass
class Row:
    """Results of a method in a precision; None where something was not measured."""

    method: str
    precision: str
    loss: float | None = None
    difference: float | None = None
    synchronisations: int | None = None
    step_seconds: float | None = None
    ratio_to_loop: float | None = None
    peak_mib: float | None = None
    error: str | None = None
    losses: list[dict[str, float]] = field(default_factory=list)


def draw(count: int, size: int, batch: int) -> list[Batch]:
    """Return batches of bright discs with a brighter cup on a dark ground, and a fovea as a Gaussian spot."""
    generator = torch.Generator().manual_seed(0)
    grid = torch.stack(torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")).float()
    batches = []
    for _ in range(count):
        centres = size * (0.3 + 0.4 * torch.rand(batch, 2, 2, generator=generator))
        distances = (grid[None, None] - centres[..., None, None]).norm(dim=2)
        shares = 0.3 + 0.4 * torch.rand(batch, generator=generator)
        disc = (distances[:, 0] < size / 8).float()
        cup = (distances[:, 0] < size / 8 * shares[:, None, None]).float()
        fovea = torch.exp(-0.5 * (distances[:, 1] / (0.03 * size)) ** 2)
        image = 0.3 + 0.3 * disc + 0.3 * cup - 0.2 * fovea
        noise = 0.05 * torch.randn(batch, 3, size, size, generator=generator)
        present = {f"{task.name}_present": torch.ones(batch, dtype=torch.bool) for task in TASKS}
        batches.append(
            {
                "image": image[:, None] + noise,
                "disc": disc[:, None],
                "cup": cup[:, None],
                "fovea": fovea[:, None],
                "glaucoma": (shares > 0.5).float()[:, None],
                **present,
            }
        )
    return batches


def network_of(method: Method, width: int) -> nn.Module:
    """Return a network with the weights of seed 0, without dropout."""
    torch.manual_seed(0)
    if method.split:
        return SplitUNet(TASKS, width=max(4, width // 4), depth=4, norm="running")
    return VGGUNet(TASKS, width=width, dropout=0.0)


def build(method: Method, device: torch.device, precision: str, batches: Sequence[Batch], width: int) -> Any:
    """Return the trainer of a method."""
    network = network_of(method, width).to(device, memory_format=torch.channels_last)
    options = method.options()
    parameters: Any = network
    if isinstance(weighting := options.get("weighting"), nn.Module):
        parameters = nn.ModuleList([network, weighting.to(device)])
    return method.trainer(
        device=device,
        max_epochs=1,
        train_data_loader=list(batches),
        network=network,
        optimizer=method.optimizer(parameters),
        loss_function=MultiTaskLoss(TASKS),
        prepare_batch=PrepareMultiTaskBatch(TASKS),
        amp=precision,
        non_blocking=True,
        decollate=False,
        **options,
    )


def wait(device: torch.device) -> None:
    """Wait until a GPU has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def train(row: Row, trainer: Any, device: torch.device) -> None:
    """Run a training and fill in losses, time and memory."""
    started = [0.0]
    seconds: list[float] = []

    def begin() -> None:
        wait(device)
        started[0] = time.perf_counter()

    def end(engine: Any) -> None:
        wait(device)
        seconds.append(time.perf_counter() - started[0])
        row.losses.append({task.name: float(engine.state.output[f"loss_{task.name}"]) for task in TASKS})

    trainer.add_event_handler(Events.ITERATION_STARTED, begin)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, end)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    trainer.run()
    row.loss = sum(row.losses[-1].values())
    row.step_seconds = statistics.median(seconds[1:] or seconds)
    if device.type == "cuda":
        row.peak_mib = torch.cuda.max_memory_allocated(device) / 2**20


def synchronisations(trainer: Any, batch: Batch, device: torch.device) -> int | None:
    """Return how often one more step makes the processor wait; None without a GPU."""
    if device.type != "cuda":
        return None
    trainer.state.iteration += 1
    pinned = {name: value.pin_memory() for name, value in batch.items()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        trainer._iteration(trainer, pinned)
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message).lower() for warning in caught)


class PlainLoop:
    """The passes that a step of a method cannot avoid, without rule, checks or engine."""

    def __init__(self, method: Method, device: torch.device, precision: Precision, width: int) -> None:
        self.method, self.device, self.precision = method, device, precision
        self.network = network_of(method, width).to(device, memory_format=torch.channels_last).train()
        self.parameters = list(self.network.parameters())
        self.optimizers = [ADAM(self.parameters) for _ in (TASKS if method.passes == "turns" else TASKS[:1])]
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision.needs_scaler)
        self.step = {"joint": self.joint, "surgery": self.surgery, "turns": self.turns}[method.passes]

    def seconds(self, batches: Sequence[Batch]) -> float:
        """Time the steps on some batches; the median without the first, s."""
        prepare = PrepareMultiTaskBatch(TASKS)
        found = []
        for batch in batches:
            wait(self.device)
            start = time.perf_counter()
            self.step(*prepare(batch, self.device, True))
            wait(self.device)
            found.append(time.perf_counter() - start)
        return statistics.median(found[1:] or found)

    def losses(self, image: Tensor, targets: Any, names: list[str] | None = None) -> dict[str, Tensor]:
        """Run the network for some tasks."""
        with torch.autocast(self.device.type, enabled=self.precision.mixed, **self.precision.autocast):
            answers = self.network(image, tasks=names)
        return MultiTaskLoss(TASKS)(answers, *targets)

    def joint(self, image: Tensor, targets: Any) -> None:
        """One forward and one backward pass."""
        self.backward(torch.stack(list(self.losses(image, targets).values())).sum(), self.optimizers[0])

    def surgery(self, image: Tensor, targets: Any) -> None:
        """One forward pass and one backward pass per task."""
        values = list(self.losses(image, targets).values())
        for index, value in enumerate(values):
            last = index + 1 == len(values)
            scaled = self.scaler.scale(value)
            found = torch.autograd.grad(scaled, self.parameters, retain_graph=not last, allow_unused=True)
        for parameter, gradient in zip(self.parameters, found, strict=True):
            parameter.grad = torch.zeros_like(parameter) if gradient is None else gradient
        self.update(self.optimizers[0])

    def turns(self, image: Tensor, targets: Any) -> None:
        """Forward pass, backward pass and step per task; MT-COOL ends with a forward pass."""
        for task, optimizer in zip(TASKS, self.optimizers, strict=True):
            self.backward(self.losses(image, targets, [task.name])[task.name], optimizer)
        if self.method.split:
            with torch.no_grad():
                self.losses(image, targets)

    def backward(self, loss: Tensor, optimizer: Any) -> None:
        """Differentiate a loss and step."""
        optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.update(optimizer)

    def update(self, optimizer: Any) -> None:
        """Step an optimizer."""
        self.scaler.step(optimizer)
        self.scaler.update()


def difference(row: Row, reference: Row) -> float:
    """Return the largest relative difference of a loss between two trainings."""
    pairs = [
        (mine[name], other[name]) for mine, other in zip(row.losses, reference.losses, strict=True) for name in mine
    ]
    return max(abs(one - two) / max(abs(two), 1e-3) for one, two in pairs)


def check(name: str, options: argparse.Namespace) -> list[Row]:
    """Return the rows of a method, the processor's float32 training not included."""
    method, device = METHODS[name], torch.device(options.device)
    batches = draw(options.steps, options.size, options.batch)
    reference = Row(name, "float32")
    train(reference, build(method, torch.device("cpu"), "float32", batches, options.width), torch.device("cpu"))
    rows = []
    for precision in options.precisions:
        row = Row(name, precision)
        rows.append(row)
        try:
            trainer = build(method, device, precision, batches, options.width)
            train(row, trainer, device)
            row.synchronisations = synchronisations(trainer, batches[0], device)
            row.difference = None if name in OWN_DRAWS else difference(row, reference)
            loop = PlainLoop(method, device, Precision.of(precision, device), options.width).seconds(batches)
            row.ratio_to_loop = row.step_seconds / loop if row.step_seconds is not None else None
        except (RuntimeError, FloatingPointError) as error:
            row.error = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return rows


def throughput(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return images per second of the shipped networks, by batch size and precision."""
    device = torch.device(options.device)
    shipped = {
        "refuge_mtl": (("disc", "fovea", "quality"), (1, 1, 1), 320),
        "refuge_disc_mtl": (("segmentation",), (2,), 256),
    }
    found = []
    for bundle, (names, channels, size) in shipped.items():
        kinds = ["regression" if name == "quality" else "segmentation" for name in names]
        tasks = [
            Task(name, count, kind, nn.BCEWithLogitsLoss())
            for name, count, kind in zip(names, channels, kinds, strict=True)
        ]
        network = EfficientUNet(tasks)
        load_weights(network, BUNDLES / bundle / "models" / "model.pt")
        network = network.to(device, memory_format=torch.channels_last).eval()
        for name in options.precisions:
            precision = Precision.of(name, device)
            for batch in options.batches:
                image = torch.rand(batch, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
                seconds = []
                for _ in range(4):
                    wait(device)
                    start = time.perf_counter()
                    with torch.no_grad(), torch.autocast(device.type, enabled=precision.mixed, **precision.autocast):
                        network(image)
                    wait(device)
                    seconds.append(time.perf_counter() - start)
                rate = batch / statistics.median(seconds[1:])
                found.append({"bundle": bundle, "precision": name, "batch": batch, "images_per_second": rate})
    return found


def cell(value: float | int | None, form: str) -> str:
    """Return a number as text, or a dash."""
    return "–" if value is None else format(value, form)


def show(row: Row) -> None:
    """Print a line of the table."""
    if row.error is not None:
        print(f"| {row.method} | {row.precision} | {row.error} | | | | |", flush=True)
        return
    cells = [cell(row.loss, ".3f"), cell(row.difference, ".0e"), cell(row.synchronisations, "d")]
    cells += [cell(row.ratio_to_loop, ".2f"), cell(row.peak_mib, ".0f")]
    print(f"| {row.method} | {row.precision} | {' | '.join(cells)} |", flush=True)


def about(device: torch.device) -> dict[str, str]:
    """Return what the figures depend on."""
    on_gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else platform.processor() or platform.machine(),
        "auto": Precision.of("auto", device).name,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def main() -> int:
    """Print the tables; return 1 if a training failed, or differs from the processor's in float32."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--only", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--precisions", nargs="*", help="default: all three on a GPU, float32 and bfloat16 elsewhere")
    for name, value, meaning in (
        ("steps", None, "steps of each training"),
        ("width", None, "width of the network"),
        ("size", None, "side of the images, px"),
        ("batch", None, "images per step"),
    ):
        parser.add_argument(f"--{name}", type=int, default=value, help=meaning)
    parser.add_argument("--batches", type=int, nargs="*", help="batch sizes of the shipped networks")
    parser.add_argument("--tolerance", type=float, default=2e-3, help="of float32 losses against the processor's")
    options = parser.parse_args()
    device = torch.device(options.device)
    usual = (
        {"steps": 6, "width": 16, "size": 128, "batch": 4, "batches": [1, 8, 32], "precisions": list(DTYPES)}
        if device.type == "cuda"
        else {"steps": 3, "width": 4, "size": 64, "batch": 2, "batches": [1], "precisions": list(DTYPES[:2])}
    )
    for name, value in usual.items():
        setattr(options, name, getattr(options, name) or value)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # as precise as the processor
    facts = about(device)
    print(", ".join(f"{key} {value}" for key, value in facts.items()))
    print("\n| method | precision | loss | CPU | syncs | ÷ loop | MiB |\n|---|---|---|---|---|---|---|")
    rows = []
    for name in options.only:
        for row in check(name, options):
            rows.append(row)
            show(row)
    print("\n| network | precision | batch | images per second |\n|---|---|---|---|")
    rates = throughput(options)
    for rate in rates:
        print(
            f"| {rate['bundle']} | {rate['precision']} | {rate['batch']} | {rate['images_per_second']:.1f} |",
            flush=True,
        )
    given = {key: value for key, value in vars(options).items() if key != "json"}
    report = {"about": facts, "options": given, "rows": [asdict(row) for row in rows], "throughput": rates}
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    else:
        print("\n" + json.dumps(report))
    failed = [row for row in rows if row.error is not None or (row.loss is not None and row.loss != row.loss)]
    failed += [row for row in rows if row.precision == "float32" and (row.difference or 0.0) > options.tolerance]
    for row in failed:
        print(f"FAILED: {row.method} in {row.precision}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
