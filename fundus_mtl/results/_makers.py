"""Which model answered what: the first takes the whole photograph, further ones may take a part of it again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Model = Mapping[str, str]
Stage = Mapping[str, Any]


@dataclass(frozen=True)
class Makers:
    """The models of a run.

    Args:
        first: ``{"id": name, "sha256": of the weights}``; it answers every role that no stage answers.
        stages: Further models, each also with the ``roles`` for which its answers replace the first model's.
        calibration: SHA-256 of what the score was calibrated with; None if it was not calibrated.

    Raises:
        ValueError: If a model has other keys, or its id is a path, which would reveal where it is stored.
    """

    first: Model
    stages: Sequence[Stage] = ()
    calibration: str | None = None

    def __post_init__(self) -> None:
        check_model(self.first)
        for stage in self.stages:
            check_model({key: value for key, value in stage.items() if key != "roles"})

    @classmethod
    def of_run(cls, run: Mapping[str, Any]) -> Makers:
        """Return the models that a run's record names."""
        further = run.get("options", {}).get("further_models", {})
        return cls(run["model"], tuple(run.get("stages", ())), further.get("calibration"))

    def of(self, roles: Collection[str]) -> tuple[Model, ...]:
        """Return the models that answered some roles, each once, in the order in which they run."""
        answering = [self._of(role) for role in roles]
        return tuple(model for model in (self.first, *self.stages) if any(model is one for one in answering))

    def _of(self, role: str) -> Model:
        return next((stage for stage in reversed(self.stages) if role in stage["roles"]), self.first)


def check_model(model: Model) -> None:
    """Check that a model has a plain name and a hash.

    Raises:
        ValueError: If it has not.
    """
    if set(model) != {"id", "sha256"}:
        raise ValueError(f"model: expected the keys id and sha256, but got {', '.join(sorted(model)) or 'none'}.")
    if "/" in model["id"] or "\\" in model["id"]:
        raise ValueError("model: expected a plain name as id, but got a path; give the bundle's name.")
