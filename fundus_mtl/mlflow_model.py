"""The module by which `mlflow.pyfunc.load_model` loads a bundle: weights and recipe are read as data, nothing is unpickled.

Its name is in the file ``MLmodel`` of a logged model. Research use only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from fundus_mtl.predictor import Answer, Predictor

_PATH = "path"  # column of paths in a table of photographs


class PhotographModel:
    """A predictor behind MLflow's interface: photographs in, one row of a table per photograph out.

    Args:
        predictor: model as `fundus_mtl.predictor.load_model` returns it.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Measure photographs.

        Args:
            model_input: Upright photographs, RGB uint8: one ``(H, W, 3)``, an array ``(N, H, W, 3)``, or a list; or paths
                of files: one, a list, or a table with the column ``path``.
            params: None are accepted.

        Returns:
            A row per photograph, in their order: ``status``, ``reason``, ``flags`` and the columns of ``results.csv`` that
            were measured. A file that cannot be read has the status ``failed``. Masks are those of `get_raw_model`.

        Raises:
            ValueError: if the input is none of these, or there are params.
        """
        import pandas as pd

        if params:
            raise ValueError(f"params: expected none, but got {', '.join(params)}; use model_config of load_model.")
        answers = [
            self._of_file(one) if isinstance(one, Path) else self.predictor([one])[0] for one in _each(model_input)
        ]
        return pd.DataFrame([_row(answer) for answer in answers])

    def get_raw_model(self) -> Predictor:
        """Return the predictor, whose answers also have masks and points."""
        return self.predictor

    def _of_file(self, path: Path) -> Answer:
        from fundus_mtl.data import PHOTOGRAPH_ERRORS, photograph_error, plain_reason
        from fundus_mtl.photographs import FundusReader
        from fundus_mtl.predictor import Answer

        reader = FundusReader()
        try:
            picture, facts = reader.read(path).picture, reader.facts(path)
        except PHOTOGRAPH_ERRORS as error:
            return Answer("failed", plain_reason(photograph_error(error)))
        return self.predictor([picture], [facts])[0]


def _load_pyfunc(data_path: str, model_config: Mapping[str, Any] | None = None) -> PhotographModel:
    """Load a bundle; called by MLflow.

    Args:
        data_path: Folder of the bundle, with ``models/model.pt`` and ``models/recipe.json``.
        model_config: ``device``, ``overlays`` and ``options`` of `fundus_mtl.predictor.load_model`.
    """
    from fundus_mtl.predictor import load_model

    given = dict(model_config or {})
    options = given.pop("options", {})
    return PhotographModel(load_model(Path(data_path) / "models" / "model.pt", **given, **options))


def _each(given: Any) -> list[Any]:
    """Return photographs as arrays and paths as `Path`, in their order."""
    if hasattr(given, "columns"):
        if _PATH not in given.columns:
            raise ValueError(
                f"table: expected a column {_PATH}, but got {', '.join(map(str, given.columns))}; add the paths."
            )
        given = list(given[_PATH])
    if isinstance(given, str | Path) or (isinstance(given, np.ndarray) and given.ndim == 3):
        given = [given]
    if not isinstance(given, Sequence | np.ndarray):
        raise ValueError(f"expected photographs or paths, but got {type(given).__name__}; give a list.")
    return [Path(one) if isinstance(one, str | Path) else one for one in given]


def _row(answer: Answer) -> dict[str, Any]:
    own = {"status": answer.status, "reason": answer.reason, "flags": ";".join(answer.flags)}
    return own | {name: value for name, value in answer.columns.items() if name not in own}
