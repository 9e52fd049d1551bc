"""The configs of a bundle with the changes of a training, which the recipe beside the weights records."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from fundus_mtl.workflow._chosen_precision import chosen_precision
from fundus_mtl.workflow._config_items import files_of
from fundus_mtl.workflow._device import with_device
from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._merge import merge_files, merge_overrides
from fundus_mtl.workflow._part import SNAPSHOT, as_text
from fundus_mtl.workflow._recipe import COMMON, OVERLAYS, read_recipe
from fundus_mtl.workflow._verbatim import keep_text, literal


def trained_part(
    weights: str | Path,
    part: str = "stage",
    config: str = "stage.yaml",
    overlays: Sequence[str | Path] = (),
    **options: Any,
) -> Any:
    """Build a part of the bundle that some weights were trained with, as they were trained.

    Args:
        weights: File of weights with a ``recipe.json`` beside it, as trainings write them.
        part: Id of what to build.
        config: Name of a config file of the bundle.
        overlays: Overlays of the training that are not part of the bundles.
        **options: Items of the config to change last.

    Returns:
        The object that the item describes, for instance a `fundus_mtl.engines.NextStage`.

    Raises:
        RefusedError: If the recipe is missing or wrong, the bundle has no such file, or an option is no item.
    """
    names, changes = trained_configs(weights, config, overlays)
    content = merge_files(names, [])
    merge_overrides(content, {**changes, **options}, names, None)
    content |= chosen_precision(content)
    if SNAPSHOT in content and content[SNAPSHOT] is None:
        content[SNAPSHOT] = as_text(content)
    return ConfigParser(keep_text(with_device(content))).get_parsed_content(part)


def trained_configs(
    weights: str | Path, config: str, overlays: Sequence[str | Path] = ()
) -> tuple[list[Path], dict[str, Any]]:
    """Return the config files of the bundle that some weights were trained with, and what to change of them.

    Args:
        weights: File of weights with a ``recipe.json`` beside it.
        config: Name of a config file of the bundle, with the files of ``args_<config>`` before it, or ``common.yaml``.
        overlays: Overlays of the training that are not part of the bundles.

    Raises:
        RefusedError: If the recipe is missing or wrong, the bundle has no such file, or the training had no such overlay.
    """
    recipe = read_recipe(weights)
    if unused := [str(path) for path in overlays if Path(path).name not in recipe.overlays]:
        known = ", ".join(recipe.overlays) or "none"
        raise RefusedError(
            f"overlay: expected one that these weights were trained with ({known}), but got {', '.join(unused)}; leave it "
            "out."
        )
    bundles = Path(str(files("fundus_mtl.bundles")))
    folder = bundles / recipe.bundle / "configs"
    if not (folder / config).is_file():
        known = ", ".join(sorted(path.parent.parent.name for path in bundles.glob(f"*/configs/{config}")))
        raise RefusedError(
            f"{Path(weights).name}: expected weights of {known}, but got those of {recipe.bundle}; give other weights."
        )
    shared = merge_files([folder / COMMON], [])
    changes = recipe.overrides(
        shared, (folder / OVERLAYS, bundles / "methods", bundles / "architectures", *map(Path, overlays))
    )
    places = {"bundle_root": folder.parent, "ckpt_path": weights, "ckpt_dir": Path(weights).parent}
    own = {item: literal(str(place)) for item, place in places.items()}
    args = folder / f"args_{config}"
    return files_of(args) if args.is_file() else [folder / COMMON, folder / config], changes | own
