"""What MT-COOL's Table 1 compares: a row per method, and the settings that each may choose from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TASKS = ("even", "odd")
TRAINER = "train::trainer::"
BOUND, SAMPLES, KL = f"{TRAINER}bound", f"{TRAINER}samples", f"{TRAINER}kl_weight"
REFERENCE, WARM_UP, CONFLICT = f"{TRAINER}kl_reference", f"{TRAINER}warmup_iterations", f"{TRAINER}aggregator::c"
RATES = (0.1, 0.2)  # the paper's is the first; at 0.4 some rows diverge with some seeds
# What the paper leaves open and no row chooses. The rate falls to 0 along half a cosine, step by step.
SHARED: dict[str, Any] = {
    "batch_size": 128,
    "lr_each_epoch": False,
    "lr_scheduler": {
        "_target_": "torch.optim.lr_scheduler.CosineAnnealingLR",
        "optimizer": "@optimizer",
        "T_max": "$@max_epochs * len(@train::dataloader)",
    },
}

Settings = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A line of the table: five settings to choose from, first the best of `RATES`, then one change to it or none.

    Args:
        method: overlay of ``bundles/methods``.
        fixed: what makes the row what it is, and where its own settings start.
        changes: three, each tried at the best rate.
        apart: a network per task, on that task's digits: half the batch, so that it takes as many steps as the others.
    """

    method: str
    fixed: Settings = field(default_factory=dict)
    changes: tuple[Settings, ...] = ({"batch_size": 64}, {"weight_decay": 1e-4}, {"momentum": 0.5})
    apart: bool = False

    def rates(self) -> list[Settings]:
        """Return the settings of the first stage."""
        return [self.fixed | {"lr": rate} for rate in RATES]

    def changed(self, best: Settings) -> list[Settings]:
        """Return the settings of the second stage: the best of the first, and its three changes."""
        return [best, *(best | change for change in self.changes)]


QUIET = {SAMPLES: 1, KL: 0.0}
FULL = ({BOUND: 0.01}, {BOUND: 0.05}, {KL: 0.1})  # the paper's bound is 0.05
ROWS = {
    "Independent": Row(
        "joint", {"batch_size": 64}, ({"batch_size": 32}, {"weight_decay": 1e-4}, {"momentum": 0.5}), apart=True
    ),
    "Joint": Row("joint"),
    "CAGrad": Row("cagrad", {CONFLICT: 0.4}, ({CONFLICT: 0.2}, {CONFLICT: 0.6}, {"batch_size": 64})),
    "GradDrop": Row("graddrop"),
    "MGDA": Row("mgda"),
    "PCGrad": Row("pcgrad"),
    "MT-COOL (Vanilla)": Row(
        "mt_cool", {**QUIET, BOUND: None}, ({WARM_UP: 1000}, {"batch_size": 64}, {"weight_decay": 1e-4})
    ),
    "MT-COOL (w/o Reg)": Row("mt_cool", {**QUIET, BOUND: 0.02}, ({BOUND: 0.01}, {BOUND: 0.05}, {WARM_UP: 1000})),
    "MT-COOL (mean, M=2)": Row("mt_cool", {SAMPLES: 2, REFERENCE: "mean", BOUND: 0.02}, FULL),
    "MT-COOL (clean, M=1)": Row("mt_cool", {SAMPLES: 1, REFERENCE: "clean", BOUND: 0.02}, FULL),
}


def described(settings: Settings) -> str:
    """Return settings as short text, such as ``lr 0.1, bound 0.02``."""
    return ", ".join(
        f"{key.split('::')[-1]} {value}" for key, value in sorted(settings.items(), key=lambda e: e[0] != "lr")
    )
