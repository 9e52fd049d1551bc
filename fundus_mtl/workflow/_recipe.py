"""The overlays and options of a training, written beside its weights, so that inference can read them.

A recipe is data: names of overlays and plain values. Nothing in it is executed or evaluated, so a recipe from another
person is as safe as weights that are loaded with ``weights_only``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fundus_mtl.files import file_sha256, read_json
from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._items import SEPARATOR, look_up, split
from fundus_mtl.workflow._merge import MERGE, load, merge_files, merge_overrides

RECIPE_FILE, COMMON, OVERLAYS = "recipe.json", "common.yaml", "overlays"
_COMMANDS = ("$", "@", "%")
# Ids of every bundle that state where a training ran, not how.
_WHERE = frozenset({"bundle_root", "dataset_dir", "datalist", "output_dir", "ckpt_dir", "device", "num_workers"})
# Files whose content is in the weights.
_WHERE |= {"network_def::pretrained", "resnet::pretrained", "start_from", "resume_from"}


@dataclass(frozen=True)
class Recipe:
    """A training's bundle, overlays and options.

    Args:
        bundle: Name of the bundle's folder.
        overlays: SHA-256 of each overlay by file name, in the order of the training.
        options: Options of the command line that are plain values and no paths.
        expressions: Ids of options that were no plain values; their values are not kept.
    """

    bundle: str
    overlays: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    expressions: list[str] = field(default_factory=list)

    def as_text(self) -> str:
        """Return JSON in which MONAI's parser sees no reference or macro."""
        text = json.dumps(asdict(self))  # not sorted: overlays and options apply in this order
        return text.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "@%#$"})

    def refuse_commands(self) -> None:
        """Refuse what a config would execute: a recipe may come from another person.

        Raises:
            ValueError: If there is such an item.
        """
        kinds = {"bundle": str, "overlays": dict, "options": dict, "expressions": list}
        if wrong := [name for name, kind in kinds.items() if not isinstance(getattr(self, name), kind)]:
            raise ValueError(f"expected {kinds[wrong[0]].__name__} for {wrong[0]}, but got another kind of value.")
        if not all(isinstance(entry, str) for entry in (*self.overlays.values(), *self.expressions)):
            raise ValueError("expected texts as overlays and expressions, but got something else.")
        found = [item for item, value in self.options.items() if not _is_data(item, value)]
        if found or Path(self.bundle).name != self.bundle:
            raise ValueError(
                f"expected plain values and names, but got something else for {', '.join(found) or 'bundle'}."
            )

    def overrides(self, common: Mapping[str, Any], places: Sequence[Path]) -> dict[str, Any]:
        """Return what the recipe changes of the items that training and inference share.

        Args:
            common: Content of the bundle's ``common.yaml``; other items belong to training only.
            places: Where to look for overlays: folders of the bundles, and files that the user names. Never beside the
                weights, as overlays are executed.

        Raises:
            RefusedError: If an overlay is not found or has changed, or a shared item is no plain value, or one of another
                kind.
        """
        overlays = [load(file) for file in self._files(places)]
        if lost := [item for item in self.expressions if _parts(item)[0] in common]:
            raise RefusedError(f"{RECIPE_FILE}: expected plain values, but got something else for {', '.join(lost)}.")
        content, changed = deepcopy(dict(common)), set[str]()
        for given in (*overlays, self.options):
            shared = {item: value for item, value in given.items() if _parts(item)[0] in common}
            try:
                changed |= set(merge_overrides(content, shared, [Path(COMMON)], None))
            except RefusedError as error:
                raise RefusedError(f"{RECIPE_FILE}: {error}") from error
        return {item: look_up(content, split(item)) for item in sorted(changed)}

    def training(self, files: Sequence[Path], places: Sequence[Path]) -> dict[str, Any]:
        """Return the merged config of the training.

        Args:
            files: Config files of the bundle's training.
            places: See `overrides`.

        Raises:
            RefusedError: If an overlay is not found or has changed, or an option was no plain value.
        """
        if self.expressions:
            raise RefusedError(
                f"{RECIPE_FILE}: expected plain values, but got something else for {', '.join(self.expressions)}."
            )
        config = merge_files(files, self._files(places))
        merge_overrides(config, self.options, files, None)
        return config

    def _files(self, places: Sequence[Path]) -> list[Path]:
        return [_overlay(*known, places) for known in self.overlays.items()]


def recipe_of(bundle_root: str | Path, overlays: Sequence[Path], options: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a run, without options that are paths."""
    options = {item: value for item, value in options.items() if SEPARATOR.join(_parts(item)) not in _WHERE}
    kept = {item: value for item, value in options.items() if _is_data(item, value)}
    commands = [item for item, value in options.items() if item not in kept and not _is_path(value)]
    hashes = {file.name: file_sha256(file) for file in overlays}
    return Recipe(Path(bundle_root).resolve().name, hashes, kept, sorted(commands))


def read_recipe(weights: str | Path) -> Recipe:
    """Read the recipe beside a file of weights.

    Raises:
        RefusedError: If one of the two files is missing, or the recipe is none or belongs to other weights.
    """
    path = Path(weights).parent / RECIPE_FILE
    if not Path(weights).is_file():
        raise RefusedError(f"{weights}: expected weights of a training, but got no file; check the path.")
    try:
        record = read_json(path)
        known, sha256 = Recipe(**record["recipe"]), record["weights"][Path(weights).name]
        known.refuse_commands()
    except FileNotFoundError:
        raise RefusedError(
            f"{weights}: expected a {RECIPE_FILE} beside the weights, but got none; give the folder that the training wrote."
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RefusedError(
            f"{path}: expected a recipe of these weights, but got {error!r}; give the folder that the training wrote."
        ) from error
    if file_sha256(weights) != sha256:
        raise RefusedError(f"{weights}: expected the weights of {RECIPE_FILE}, but got others (SHA-256 differs).")
    return known


def _overlay(name: str, sha256: str, places: Sequence[Path]) -> Path:
    if Path(name).name != name:
        raise RefusedError(f"{RECIPE_FILE}: expected names of overlays, but got the path {name!r}.")
    found = [
        path for place in places if (path := place / name if place.is_dir() else place).name == name and path.is_file()
    ]
    if not found:
        raise RefusedError(
            f"{RECIPE_FILE}: expected the overlay {name} of the training, but got none; name the file with --overlay."
        )
    for path in found:
        if file_sha256(path) == sha256:
            return path
    raise RefusedError(
        f"{name}: expected the overlay of the training, but got another text (SHA-256); see {RECIPE_FILE}."
    )


def _is_data(item: str, value: Any) -> bool:
    """Return whether an option is data only: nothing that a config evaluates, imports or instantiates, and no path."""
    if any(key.startswith(("_", *_COMMANDS)) for key in _parts(item)):
        return False
    if isinstance(value, Mapping):
        return all(_is_data(str(key), part) for key, part in value.items())
    if isinstance(value, list | tuple):
        return all(_is_data(item, part) for part in value)
    if isinstance(value, str):
        return not value.startswith(_COMMANDS) and not _is_path(value)
    return value is None or isinstance(value, bool | int | float)


def _parts(item: str) -> list[str]:
    return split(item.removeprefix(MERGE))


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and not value.startswith(_COMMANDS) and ("/" in value or "\\" in value)
