"""A bundle in a folder of its own, in the layout of MONAI's model zoo."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.files import file_sha256, read_json, write_whole
from fundus_mtl.workflow._bundle_folder import Bundle, find_bundle
from fundus_mtl.workflow._config_items import AFTER, files_of
from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._exported_metadata import Described, described, exported_metadata
from fundus_mtl.workflow._exported_networks import check_onnx, write_networks
from fundus_mtl.workflow._exported_readme import exported_readme
from fundus_mtl.workflow._flat_config import stand_alone
from fundus_mtl.workflow._merge import load, merge_files, merge_overrides
from fundus_mtl.workflow._recipe import COMMON, RECIPE_FILE, Recipe, read_recipe
from fundus_mtl.workflow._stock_items import STOCK, with_stock_items
from fundus_mtl.workflow._verbatim import keep_text

# The file that is written, and the args file that names what it is made of; a bundle has the first two at least.
INFERENCE = "inference"
PARTS = {"train": "args.yaml", "evaluate": "args_evaluate.yaml", INFERENCE: "args_inference.yaml"}
MULTI_GPU = "multi_gpu_train"
MODEL = "model.pt"
_METADATA = "configs/metadata.json"
_BESIDE_WEIGHTS = re.compile(r"@ckpt_dir \+ '/([\w.-]+)'")  # what a config looks for in the folder of the weights


def export_bundle(
    name: str,
    out: str | Path,
    weights: str | Path | None = None,
    overlays: Sequence[str | Path] = (),
    onnx: bool = False,
) -> Path | None:
    """Write a bundle that needs no file outside its folder.

    ``configs/`` gets one file for training, evaluation and inference each, with the overlays and options that the
    weights were trained with; ``models/`` the weights, their recipe, what inference reads beside them, and the network
    as TorchScript. ``inference.json`` has MONAI's own ids for other programs, see ``bundles/shared/stock.yaml``.

    Args:
        name: Name of a bundle of the package, or path of a bundle's folder.
        out: New or empty folder.
        weights: ``model.pt`` of a training, with its ``recipe.json``; None for those that the bundle has, if any.
        overlays: Overlays of your own that the training was given: files that no bundle has.
        onnx: Whether to write ``models/model.onnx`` too, which needs the extra ``onnx``.

    Returns:
        Path of the weights in the new folder; None if there are none.

    Raises:
        FileNotFoundError: If there is no such bundle.
        RefusedError: If the folder is not empty, the weights are those of another bundle, or the extra is missing.
    """
    if onnx:
        check_onnx()
    bundle, out = find_bundle(name, Path()), Path(out)
    root = bundle.root
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RefusedError(f"{out}: expected a new or empty folder, but got one with files; give another folder.")
    found = Path(weights) if weights is not None else root / "models" / MODEL
    recipe = read_recipe(found) if weights is not None or found.is_file() else None
    if recipe is not None and recipe.bundle != root.name:
        raise RefusedError(f"{found}: expected weights of {root.name}, but got those of {recipe.bundle}.")
    places = [*bundle.overlay_folders, *map(Path, overlays)]
    merged = _merged(bundle, recipe, places)
    configs = {part: keep_text(stand_alone(config)) for part, config in merged.items()}
    parts = described(configs[INFERENCE]) if _has_stock(root) else None
    _write(out, root, {**configs, **_multi_gpu(root)}, parts)
    if recipe is None:
        return None
    model = _copy_weights(found, out / "models", configs)
    if parts is not None:
        write_networks(out, parts.input_shape, onnx)
    return model


def _has_stock(root: Path) -> bool:
    return (root / "configs" / STOCK).is_file()


def _merged(bundle: Bundle, recipe: Recipe | None, places: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Return the merged config of each part that the bundle has."""
    merged = {}
    for part, names in _files(bundle.root).items():
        own = files_of(bundle.root / "configs" / PARTS["train"], "overlay") if part == "train" else []
        if recipe is None:
            merged[part] = merge_files(names, own)
        elif part == "train":
            merged[part] = recipe.training(names, places)
        else:
            merged[part] = merge_files(names, [])
            shared = merge_files([bundle.root / "configs" / COMMON], [])
            merge_overrides(merged[part], recipe.overrides(shared, places), names, None)
        if part == INFERENCE and _has_stock(bundle.root):
            stock = [bundle.methods.parent / "shared" / STOCK, bundle.root / "configs" / STOCK]
            merged[part] = with_stock_items(merged[part], stock)
    return merged


def _files(root: Path) -> dict[str, list[Path]]:
    """Return the config files of each part that the bundle has."""
    args = {part: root / "configs" / file for part, file in PARTS.items()}
    found = {part: files_of(file) for part, file in args.items() if file.is_file()}
    if _has_stock(root):  # a bundle without inference has one for other programs, on what its evaluation starts with
        found.setdefault(INFERENCE, found["evaluate"][:-1])
    return found


def _multi_gpu(root: Path) -> dict[str, dict[str, Any]]:
    """Return the overlay of training on several GPUs, if the bundle has one; it goes after the training's file."""
    args = root / "configs" / f"args_{MULTI_GPU.removesuffix('_train')}.yaml"
    if not args.is_file():
        return {}
    last = load(files_of(args)[-1])
    return {MULTI_GPU: {item: value for item, value in last.items() if item != AFTER}}


def _write(out: Path, root: Path, configs: dict[str, dict[str, Any]], parts: Described | None) -> None:
    for folder in ("configs", "docs", "models"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for name, config in configs.items():
        write_whole(out / "configs" / f"{name}.json", json.dumps(config, indent=2, ensure_ascii=False) + "\n")
    for file in (_METADATA, "configs/logging.conf", "LICENSE"):
        shutil.copyfile(root / file, out / file)
    if parts is not None:
        metadata = exported_metadata(json.loads((out / _METADATA).read_text(encoding="utf-8")), parts)
        write_whole(out / _METADATA, json.dumps(metadata, indent=4, ensure_ascii=False) + "\n")
    runs = [part for part in configs if part != MULTI_GPU]
    readme = exported_readme(root.name, runs, parts is not None, _own_readme(root))
    write_whole(out / "docs" / "README.md", readme)


def _own_readme(root: Path) -> str:
    path = root / "docs" / "README.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _copy_weights(weights: Path, models: Path, configs: dict[str, dict[str, Any]]) -> Path:
    """Copy the weights as ``model.pt``, what is recorded of them, and what the configs look for beside them."""
    shutil.copyfile(weights, models / MODEL)
    record = read_json(weights.with_name(RECIPE_FILE)) | {"weights": {MODEL: file_sha256(models / MODEL)}}
    write_whole(models / RECIPE_FILE, json.dumps(record, indent=2) + "\n")
    for name in sorted(set(_BESIDE_WEIGHTS.findall(json.dumps(configs))) - {MODEL}):
        if (weights.parent / name).is_file():
            shutil.copyfile(weights.parent / name, models / name)
    return models / MODEL
