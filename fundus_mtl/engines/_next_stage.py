"""A second stage: another network runs on the part of a photograph that the predictions of the first one select."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai.utils import ImageMetaKey

from fundus_mtl.data import PIXELS
from fundus_mtl.engines._stage import Sample, Stage


class NextStage(Stage):
    """Preprocess a photograph with earlier predictions, run a network, and add its predictions.

    Use it in the postprocessing of an earlier network (*coarse to fine*).

    Args:
        *args: Arguments of `Stage`.
        answers: ``{key in the returned sample: key in the result of postprocessing}``; existing values are replaced,
            and removed if this stage has none.
        needs: Key of an earlier mask, which the preprocessing gets too. If the mask is empty, the stage is skipped and the
            sample does not change. Optional.
        uses: Key of an earlier mask, which the preprocessing gets where there is one. Optional.
        **kwargs: Arguments of `Stage`.
    """

    def __init__(
        self,
        *args: Any,
        answers: Mapping[str, str],
        needs: str | None = None,
        uses: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.answers, self.needs, self.uses = dict(answers), needs, uses

    def __call__(self, sample: Sample) -> dict[Any, Any]:
        """Return the sample with the predictions of this stage.

        Args:
            sample: Postprocessed sample: the metadata of ``image`` contains the file name, or ``photograph`` holds the
                pixels, RGB uint8 ``(H, W, 3)``; masks are ``(1, H, W)`` on the pixel grid of the photograph.
        """
        source = sample[PIXELS] if PIXELS in sample else sample["image"].meta[ImageMetaKey.FILENAME_OR_OBJ]
        item = {"id": sample.get("id"), "image": source}
        if self.needs is not None:
            if not sample[self.needs].any():
                return dict(sample)
            item[self.needs] = sample[self.needs]
        if self.uses is not None and self.uses in sample:
            item[self.uses] = sample[self.uses]
        done = self.answer(item)
        kept = {key: value for key, value in sample.items() if key not in self.answers}
        return kept | {key: done[source] for key, source in self.answers.items() if source in done}
