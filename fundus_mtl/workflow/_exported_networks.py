"""The network of an exported bundle as TorchScript and ONNX, by MONAI's own verbs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

from monai.bundle import ckpt_export, onnx_export

from fundus_mtl.workflow._error import RefusedError

_NEEDED = ("onnx", "onnxscript")


def check_onnx() -> None:
    """Check that the extra for ONNX is installed.

    Raises:
        RefusedError: If it is not.
    """
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise RefusedError(
            f"ONNX: expected the packages {' and '.join(_NEEDED)}, but got no {' and no '.join(missing)}; install "
            "fundus-mtl[onnx]."
        )


def write_networks(root: Path, input_shape: Sequence[int], onnx: bool) -> None:
    """Write ``models/model.ts`` and, if wanted, ``models/model.onnx`` from ``models/model.pt``.

    Args:
        root: Folder of an exported bundle with weights.
        input_shape: Channels, height and width of the network's input.
        onnx: Whether to write ONNX too.
    """
    models = root / "models"
    places = {"ckpt_file": models / "model.pt", "config_file": root / "configs" / "inference.json"}
    places |= {"meta_file": root / "configs" / "metadata.json"}
    given = {"net_id": "network_def"} | {name: str(path) for name, path in places.items()}
    logger = logging.getLogger(ckpt_export.__module__)
    level = logger.level
    logger.setLevel(logging.WARNING)  # it logs its arguments
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is deprecated, and MONAI says that configs are executable
            ckpt_export(filepath=str(models / "model.ts"), **given)
            if onnx:
                names = {"input_names": ["image"], "output_names": ["pred"]}
                with redirect_stdout(StringIO()):  # torch prints every step
                    onnx_export(
                        filepath=str(models / "model.onnx"),
                        input_shape=[1, *input_shape],
                        converter_kwargs=names,
                        **given,
                    )
    finally:
        logger.setLevel(level)
