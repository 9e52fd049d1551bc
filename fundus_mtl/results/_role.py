"""What a task's answer means to a person: the base classes of all roles, one per kind of answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.results._contribution import Contribution, Kind, Missing, Sample
from fundus_mtl.results._findings import Answers, Findings, Mask, Point
from fundus_mtl.results._relation import Relation


@dataclass(frozen=True)
class Role(Contribution):
    """What the answer of a task means to a person.

    A new role is a subclass of `MaskRole`, `PointRole` or `ScoreRole` in a file of its own. It names itself and its columns,
    and overrides what it needs of `Contribution`.

    Args:
        task: Name of the task that answers it. None if no task does: the columns are then in the table, but empty, so that
            tables of different trainings have the same columns.
        reason: Why no task answers it, for ``run.json`` and the report. Optional.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    landmark: ClassVar[bool] = False
    """Whether a photograph without it is not gradable; the report's thumbnails show its surroundings."""
    grades: ClassVar[bool] = False
    """Whether its score takes part in deciding whether the photograph is gradable."""
    by_itself: ClassVar[bool] = True
    """Whether it is drawn, and reported as missing, by itself; False where a relation does that."""
    structures: ClassVar[tuple[str, ...]] = ()
    """Names of the masks, of which probability maps may be written."""

    task: str | None
    reason: str | None = None

    @property
    def measured_in(self) -> tuple[str, ...]:
        """Its own name."""
        return (self.name,)

    @property
    def relations(self) -> tuple[Relation, ...]:
        """Relations that results with this role have in addition to those of all results; they measure last."""
        return ()

    def listed(self, roles: Collection[str]) -> bool:
        """Return whether it is one of these roles."""
        return self.name in roles

    def take(self, answer: NDArray[Any], seen: Mask) -> Answers:
        """Take the role's answer out of an array.

        Args:
            answer: Value of ``pred_<task>`` in a postprocessed sample.
            seen: Field of view ``(H, W)``.

        Raises:
            ValueError: If the answer does not have the expected shape.
        """
        raise NotImplementedError

    def take_probabilities(self, maps: NDArray[Any], seen: Mask) -> dict[str, NDArray[np.float64]]:
        """Return the probability maps ``(H, W)`` by structure; only masks have some."""
        return {}

    @property
    def lacking(self) -> Missing:
        """How it is called where it was not found."""
        return Missing(self.kind, f"{self.name}_missing", f"{self.name} not found")


class MaskRole(Role):
    """A structure with an area, or several of them, answered by a mask of the photograph's size.

    Attributes:
        structures: Names of the channels.
        within_field: Whether pixels outside the field of view are dropped.
    """

    kind: ClassVar[Kind] = "mask"
    within_field: ClassVar[bool] = False

    def take(self, answer: NDArray[Any], seen: Mask) -> Answers:
        """Take masks ``(C, H, W)``, nonzero inside; ``(H, W)`` too where there is one structure.

        Raises:
            ValueError: If they do not have the photograph's size or the number of structures.
        """
        masks = self._channels(answer, seen, "mask") > 0
        masks = masks & seen if self.within_field else masks
        return Answers(masks={name: self.clean(mask) for name, mask in zip(self.structures, masks, strict=True)})

    def clean(self, mask: Mask) -> Mask:
        """Return a mask ``(H, W)`` as it is measured, drawn and written."""
        return mask

    def take_probabilities(self, maps: NDArray[Any], seen: Mask) -> dict[str, NDArray[np.float64]]:
        """Return maps ``(H, W)`` by structure; none where a value is unknown.

        Raises:
            ValueError: If they do not have the photograph's size or the number of structures.
        """
        if not np.isfinite(maps).all():
            return {}
        checked = self._channels(maps, seen, "probabilities")
        checked = checked * seen if self.within_field else checked
        return dict(zip(self.structures, checked, strict=True))

    def missing(self, found: Findings) -> Missing | None:
        """Return that no pixel of any structure was found."""
        if not self.by_itself or any(found.answers.masks[name].any() for name in self.structures):
            return None
        return self.lacking

    def outlines(self, found: Findings) -> dict[str, Mask]:
        """Return the masks by structure."""
        return {name: found.answers.masks[name] for name in self.structures} if self.by_itself else {}

    def _channels(self, given: NDArray[Any], seen: Mask, what: str) -> NDArray[Any]:
        """Return ``(C, H, W)``."""
        shape = (len(self.structures), *seen.shape)
        if given.shape[-2:] != seen.shape or given.size != np.prod(shape):
            several = f" for {len(self.structures)} structures" if len(self.structures) > 1 else ""
            raise ValueError(
                f"{what} {self.name}: expected the photograph's size {seen.shape}{several}, but got {given.shape}."
            )
        return given.reshape(shape)


class PointRole(Role):
    """A place in the photograph, answered by ``(x, y)`` in native px; NaN where it was not found."""

    kind: ClassVar[Kind] = "point"

    def take(self, answer: NDArray[Any], seen: Mask) -> Answers:
        """Take a point.

        Raises:
            ValueError: If it does not have two coordinates.
        """
        return Answers(points={self.name: self._point(answer)})

    def missing(self, found: Findings) -> Missing | None:
        """Return that a coordinate is not known."""
        return None if np.isfinite(found.answers.points[self.name]).all() else self.lacking

    def marks(self, found: Findings) -> dict[str, Point]:
        """Return the point by the name of the role."""
        return {self.name: found.answers.points[self.name]}

    def spread(self, samples: Sequence[Sample], tasks: Mapping[str, str]) -> float:
        """Return the root mean square distance of the points from their mean (n - 1), in px."""
        points = np.stack([self._point(np.asarray(sample[f"pred_{self.task}"])) for sample in samples])
        return float(np.sqrt(points.var(axis=0, ddof=1).sum()))

    def _point(self, answer: NDArray[Any]) -> Point:
        if answer.size != 2:
            raise ValueError(f"point {self.name}: expected x and y, but got an array of shape {answer.shape}.")
        return answer.reshape(2).astype(np.float64)


class ScoreRole(Role):
    """A number about the whole photograph; NaN where there is none."""

    kind: ClassVar[Kind] = "score"

    def take(self, answer: NDArray[Any], seen: Mask) -> Answers:
        """Take a number, of which there must be one.

        Raises:
            ValueError: If there is none, or more than one.
        """
        return Answers(scores={self.name: self._score(answer)})

    def missing(self, found: Findings) -> Missing | None:
        """Return that the score is not known."""
        return None if np.isfinite(found.answers.scores[self.name]) else self.lacking

    def spread(self, samples: Sequence[Sample], tasks: Mapping[str, str]) -> float:
        """Return the standard deviation of the scores (n - 1)."""
        scores = [self._score(np.asarray(sample[f"pred_{self.task}"])) for sample in samples]
        return float(np.std(scores, ddof=1))

    @property
    def lacking(self) -> Missing:
        """How it is called where it was not found."""
        return Missing(self.kind, f"{self.name}_missing", f"no {self.name} score")

    def _score(self, answer: NDArray[Any]) -> float:
        if answer.size != 1:
            raise ValueError(f"score {self.name}: expected one number, but got an array of shape {answer.shape}.")
        return float(answer.reshape(-1)[0])
