"""The Python API: photographs in memory in, answers and measurements out. Research use only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # torch and MONAI are imported when a model is loaded
    from fundus_mtl.engines import Stage
    from fundus_mtl.results import Measure, Measured, ModelCard, Value

Photograph = NDArray[np.uint8]
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a model says of one photograph; the same as a folder run writes for it.

    Args:
        status: ``ok``, ``ungradable`` (the answers are withheld) or ``failed``.
        reason: Why the photograph failed or is ungradable, or what was not found; empty if there is nothing to report.
        flags: Reasons to look at the photograph before using its numbers.
        columns: Values by the name of their column in ``results.csv``, see ``Predictor.columns``; NaN, None or absent
            where unknown.
        masks: Masks ``(H, W)`` by structure, on the photograph's own pixels.
        points: Points ``(x, y)`` in native px by role, the origin at the centre of the top-left pixel; NaN if not found.
        scores: Scores by role; NaN if there is none.
    """

    status: str
    reason: str = ""
    flags: tuple[str, ...] = ()
    columns: Mapping[str, Value] = field(default_factory=dict)
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    points: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


class Predictor:
    """A network with its weights, the way from a photograph to it and back, and the measurements of its answers.

    `load_model` builds one from the weights of a training. A folder run uses the same stage and measurements.

    Args:
        stage: Network with its preprocessing and postprocessing.
        measure: Measures a photograph and its postprocessed sample.
    """

    def __init__(self, stage: Stage, measure: Measure) -> None:
        self.stage, self.measure = stage, measure

    @property
    def columns(self) -> dict[str, str]:
        """Meaning and unit by the name of each column that an answer may have."""
        return {column.name: f"{column.meaning} [{column.unit}]" for column in self.measure.columns}

    def __call__(self, images: Sequence[Photograph], facts: Sequence[Facts | None] | None = None) -> list[Answer]:
        """Return an answer for every photograph, in their order; one that cannot be measured does not stop the others.

        Args:
            images: Upright photographs, RGB uint8 ``(H, W, 3)``.
            facts: What is known of each photograph: ``laterality`` ("R" or "L"), ``mm_per_px`` (number or (x, y)),
                ``burned_in`` ("yes" or "no"); None for nothing.

        Raises:
            ValueError: If an image is not RGB uint8, or there are not as many facts as images.
        """
        known = [None] * len(images) if facts is None else list(facts)
        if len(known) != len(images):
            raise ValueError(
                f"facts: expected one per image, {len(images)}, but got {len(known)}; give None for unknown."
            )
        checked = [_checked(image, number) for number, image in enumerate(images)]
        return [self._answer(image, given) for image, given in zip(checked, known, strict=True)]

    def measured(self, image: Photograph, facts: Facts | None = None) -> Measured:
        """Return everything that was found in one photograph, for `fundus_mtl.results.overlay_of` and other drawings.

        Args:
            image: See `__call__`.
            facts: See `__call__`.

        Raises:
            ValueError: If an answer does not fit the photograph.
        """
        return self.measure(image, self.stage.answer({"id": "", "image": image}), facts)

    def _answer(self, image: Photograph, facts: Facts | None) -> Answer:
        from fundus_mtl.data import PHOTOGRAPH_ERRORS, photograph_error, plain_reason

        try:
            measured = self.measured(image, facts)
        except PHOTOGRAPH_ERRORS as error:
            return Answer("failed", plain_reason(photograph_error(error)))
        return Answer(
            measured.status,
            str(measured.columns["status_reason"]),
            measured.flags,
            measured.columns,
            measured.masks,
            measured.points,
            measured.scores,
        )


def load_model(
    weights: str | Path | None = None,
    device: str | None = None,
    overlays: Sequence[str | Path] = (),
    vessels: bool = False,
    **options: Any,
) -> Predictor:
    """Return the model of a training, ready for photographs in memory.

    Args:
        weights: File ``model.pt`` of a training, with ``recipe.json`` beside it; None for the weights that come with
            the package: disc, fovea and quality of the whole photograph, then disc and cup in a window around the disc.
        device: Such as ``"cpu"`` or ``"cuda:0"``; None for a GPU where there is one.
        overlays: Configuration files that the training used and the bundles do not have.
        vessels: Whether to find arteries and veins too, by the weights that come with the package.
        **options: Items of the bundle's ``inference.yaml``, such as ``disc_weights``, ``vessel_weights`` or ``rules``.

    Raises:
        FileNotFoundError: If there is no such file.
        RefusedError: If the recipe, the bundle or an option is not what it should be; a ``ValueError``.

    Example:
        >>> model = load_model()  # doctest: +SKIP
        >>> answer, = model([photograph])  # doctest: +SKIP
        >>> answer.columns["vcdr"], answer.masks["disc"].shape  # doctest: +SKIP
        (0.52, (1411, 1411))
    """
    predictor = _part("predictor", weights, device, overlays, vessels, options)
    assert isinstance(predictor, Predictor)
    return predictor


def model_cards(
    weights: str | Path | None = None,
    overlays: Sequence[str | Path] = (),
    vessels: bool = False,
    **options: Any,
) -> list[ModelCard]:
    """Return the cards of the models that `load_model` loads with the same arguments: name, note, text of the model card.

    Args:
        weights: See `load_model`.
        overlays: See `load_model`.
        vessels: See `load_model`.
        **options: See `load_model`.

    Raises:
        FileNotFoundError: See `load_model`.
        RefusedError: See `load_model`.
    """
    cards = _part("provenance::cards", weights, None, overlays, vessels, options)
    return [card for card in cards if card is not None]


def _part(
    part: str,
    weights: str | Path | None,
    device: str | None,
    overlays: Sequence[str | Path],
    vessels: bool,
    options: Mapping[str, Any],
) -> Any:
    from fundus_mtl.workflow import own_weights, paths_verbatim, trained_part, with_own_vessels

    given = dict(options) if device is None else {**options, "device": device}
    if vessels:
        given = with_own_vessels(given)
    if weights is None:
        weights, given = own_weights().first, own_weights().options(given)
    return trained_part(weights, part, "inference.yaml", overlays, **paths_verbatim(given))


def _checked(image: Any, number: int) -> Photograph:
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise ValueError(
            f"image {number}: expected RGB uint8 of shape (H, W, 3), but got {array.dtype} {array.shape}; "
            "convert it, for example with np.asarray(PIL.Image.open(path).convert('RGB'))."
        )
    return np.ascontiguousarray(array)
