"""What a run was made with, and how it is written: the records that `FolderResults` is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from fundus_mtl.results._model_card import ModelCard
from fundus_mtl.results._pseudonyms import IdMode


@dataclass(frozen=True)
class Provenance:
    """What shapes the answers beside the first model.

    Args:
        config_sha256: SHA-256 of the merged configuration.
        further: SHA-256 by name of what else shapes the answers, such as a second network's weights; None or empty for what
            is not used. A change makes another run.
        stages: Further models among these that look at the photograph again: ``id``, ``sha256`` (None for a model that is
            not used) and the ``roles`` that they answer, for exports that name the model behind a measurement.
        cards: The models, as the report presents them; None for one that is not used.
    """

    config_sha256: str = ""
    further: Mapping[str, str | None] = field(default_factory=dict)
    stages: Sequence[Mapping[str, Any]] = ()
    cards: Sequence[ModelCard | None] = ()

    @property
    def used_stages(self) -> list[Mapping[str, Any]]:
        """The stages that have weights."""
        return [stage for stage in self.stages if stage.get("sha256")]

    @property
    def used_further(self) -> dict[str, str]:
        """What else was used, by name."""
        return {name: digest for name, digest in self.further.items() if digest}


@dataclass(frozen=True)
class RunOptions:
    """How the results of a folder are written.

    Args:
        input_dir: Folder or list of the photographs, to make sure that results do not go there.
        resume: Whether to resume an earlier run of the same model, configuration and photographs.
        overwrite: Whether to replace an earlier run's results.
        id_mode: ``"name"`` calls photographs by their relative paths; ``"hash"`` keeps names of files and folders out of
            the results.
        id_key_file: File with the secret key of ``"hash"``, created if absent; None for a key that is destroyed at the end
            of the run.
        export_burned_in: Whether photographs with text burned in are shown in overlays and thumbnails.
        writers: Number of threads that measure and write while the network runs; 0 for none.
        timeout: Limit of time for measuring one photograph, and for hashing it, in s; None for no limit. See `TimeLimit`.

    Raises:
        ValueError: If the mode is unknown.
    """

    input_dir: str | Path | None = None
    resume: bool = True
    overwrite: bool = False
    id_mode: IdMode = "name"
    id_key_file: str | Path | None = None
    export_burned_in: bool = False
    writers: int = 1
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.id_mode not in get_args(IdMode):
            raise ValueError(f"id_mode: expected name or hash, but got {self.id_mode!r}.")
