"""A bundle in a folder of its own, in the layout of MONAI's model zoo."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.files import file_sha256, write_whole
from fundus_mtl.workflow._bundle_folder import find_bundle
from fundus_mtl.workflow._config_items import AFTER, files_of
from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._flat_config import stand_alone
from fundus_mtl.workflow._merge import load, merge_files, merge_overrides
from fundus_mtl.workflow._recipe import COMMON, RECIPE_FILE, Recipe, read_recipe
from fundus_mtl.workflow._verbatim import keep_text

# The file that is written, and the args file that names what it is made of; a bundle has the first two at least.
PARTS = {"train": "args.yaml", "evaluate": "args_evaluate.yaml", "inference": "args_inference.yaml"}
MULTI_GPU = "multi_gpu_train"
MODEL = "model.pt"
_BESIDE_WEIGHTS = re.compile(r"@ckpt_dir \+ '/([\w.-]+)'")  # what a config looks for in the folder of the weights


def export_bundle(
    name: str, out: str | Path, weights: str | Path | None = None, overlays: Sequence[str | Path] = ()
) -> Path | None:
    """Write a bundle that needs no file outside its folder.

    ``configs/`` gets one file for training, evaluation and inference each, with the overlays and options that the
    weights were trained with; ``models/`` the weights, their recipe and what inference reads beside them.

    Args:
        name: Name of a bundle of the package, or path of a bundle's folder.
        out: New or empty folder.
        weights: ``model.pt`` of a training, with its ``recipe.json``; None for those that the bundle has, if any.
        overlays: Overlays of your own that the training was given: files that no bundle has.

    Returns:
        Path of the weights in the new folder; None if there are none.

    Raises:
        FileNotFoundError: If there is no such bundle.
        RefusedError: If the folder is not empty, or the weights are those of another bundle.
    """
    bundle, out = find_bundle(name, Path()), Path(out)
    root = bundle.root
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RefusedError(f"{out}: expected a new or empty folder, but got one with files; give another folder.")
    found = Path(weights) if weights is not None else root / "models" / MODEL
    recipe = read_recipe(found) if weights is not None or found.is_file() else None
    if recipe is not None and recipe.bundle != root.name:
        raise RefusedError(f"{found}: expected weights of {root.name}, but got those of {recipe.bundle}.")
    places = [*bundle.overlay_folders, *map(Path, overlays)]
    configs = {part: keep_text(stand_alone(config)) for part, config in _merged(root, recipe, places).items()}
    _write(out, root, {**configs, **_multi_gpu(root)})
    return None if recipe is None else _copy_weights(found, out / "models", recipe, configs)


def _merged(root: Path, recipe: Recipe | None, places: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Return the merged config of each part that the bundle has."""
    merged = {}
    for part, file in PARTS.items():
        args = root / "configs" / file
        if not args.is_file():
            continue
        names, own = files_of(args), files_of(args, "overlay")
        if recipe is None:
            merged[part] = merge_files(names, own)
        elif part == "train":
            merged[part] = recipe.training(names, places)
        else:
            merged[part] = merge_files(names, [])
            shared = merge_files([root / "configs" / COMMON], [])
            merge_overrides(merged[part], recipe.overrides(shared, places), names, None)
    return merged


def _multi_gpu(root: Path) -> dict[str, dict[str, Any]]:
    """Return the overlay of training on several GPUs, if the bundle has one; it goes after the training's file."""
    args = root / "configs" / f"args_{MULTI_GPU.removesuffix('_train')}.yaml"
    if not args.is_file():
        return {}
    last = load(files_of(args)[-1])
    return {MULTI_GPU: {item: value for item, value in last.items() if item != AFTER}}


def _write(out: Path, root: Path, configs: dict[str, dict[str, Any]]) -> None:
    for folder in ("configs", "docs", "models"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for name, config in configs.items():
        write_whole(out / "configs" / f"{name}.json", json.dumps(config, indent=2, ensure_ascii=False) + "\n")
    for file in ("configs/metadata.json", "configs/logging.conf", "LICENSE"):
        shutil.copyfile(root / file, out / file)
    commands = "\n".join(f"{_RUN}{part}.json" for part in configs if part != MULTI_GPU)
    write_whole(out / "docs" / "README.md", _README.format(name=root.name, commands=commands, own=_own_readme(root)))


def _own_readme(root: Path) -> str:
    path = root / "docs" / "README.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _copy_weights(weights: Path, models: Path, recipe: Recipe, configs: dict[str, dict[str, Any]]) -> Path:
    """Copy the weights as ``model.pt``, their recipe, and what the configs look for beside them."""
    shutil.copyfile(weights, models / MODEL)
    record = {"recipe": json.loads(recipe.as_text()), "weights": {MODEL: file_sha256(models / MODEL)}}
    write_whole(models / RECIPE_FILE, json.dumps(record, indent=2) + "\n")
    for name in sorted(set(_BESIDE_WEIGHTS.findall(json.dumps(configs))) - {MODEL}):
        if (weights.parent / name).is_file():
            shutil.copyfile(weights.parent / name, models / name)
    return models / MODEL


_RUN = "python -m monai.bundle run --config_file configs/"
_README = """# {name}, a bundle on its own

Made with `fundus-mtl bundle {name}`. Research use only. It needs the Python package `fundus_mtl`. In this folder:

```bash
{commands}
```

From another folder add `--bundle_root` with the path of this one. `--dataset_dir` is the folder of the data, or of the
photographs. Add `--workflow_name fundus_mtl.workflow.StrictWorkflow` for checks of what you type, results that can be
resumed, an exit status, and paths as you write them: without it, MONAI reads every `#` in a value, such as the folder
`two #1`, as `::`, and takes numbers out of range, such as a size of 0. Training replaces `models/model.pt`; on several
GPUs it is `torchrun --standalone --nproc_per_node 2 -m monai.bundle run` with
`--config_file "['configs/train.json','configs/multi_gpu_train.json']"`.

What follows is the text of the bundle in the package. Its `args.yaml` and overlays are merged into the files here.

{own}"""
