"""What a model is: its note, and the card that comes with its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_PLACES = ("card.md", "../docs/README.md")  # beside the weights, or where a bundle has its documentation
_LONGEST = 100_000  # characters


@dataclass(frozen=True)
class ModelCard:
    """A model of a run, as its report presents it.

    Args:
        id: Name of the model.
        note: One sentence to show beside its numbers, such as what kind of pictures it was trained on; None for nothing.
        text: Text of its model card, Markdown; empty if none was found.
    """

    id: str
    note: str | None = None
    text: str = ""

    @classmethod
    def beside(cls, weights: str | Path, id: str, note: str | None = None) -> ModelCard:
        """Return the card that comes with a file of weights: ``card.md`` beside it, or the documentation of its bundle.

        Args:
            weights: File of weights.
            id: See the class.
            note: See the class.
        """
        texts = (_read(Path(weights).parent / place) for place in _PLACES)
        return cls(id, note, next(filter(None, texts), ""))


def _read(path: Path) -> str:
    """Return the text of a file; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:_LONGEST]
    except OSError:
        return ""
