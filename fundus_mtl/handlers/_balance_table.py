"""The measurements of a training as two tables, which are continued after a resume."""

from __future__ import annotations

import csv
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

from fundus_mtl.files import csv_text, write_whole
from fundus_mtl.handlers._balance_measure import Balance

if TYPE_CHECKING:
    import pandas as pd

STEPS_FILE = "balance_steps.csv"
LAYERS_FILE = "balance.csv"
LAYER_COLUMNS = ("iteration", "task", "layer", "gradient", "contribution", "conflicts")


class BalanceTable:
    """Rows of measurements.

    ``balance.csv`` has a row per measured step, layer, and task with a gradient in the layer: mean absolute gradient (loss
    per unit of weight), mean absolute contribution (units of weight per step), and the share of the other tasks in
    conflict with this one. ``balance_steps.csv`` has a row per measured step: norms, means and cosines over the network,
    and the conflict rate. Unknown values are empty cells.

    Args:
        folder: folder of both files; created if it does not exist.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._steps: list[dict[str, float]] = []
        self._layers: list[tuple[float | str, ...]] = []
        self._new = False

    def add(self, iteration: int, balance: Balance) -> None:
        """Add one measurement."""
        self._new = True
        self._steps.append({"iteration": iteration, **balance.numbers()})
        gradients, conflicts = balance.layer_gradients.tolist(), balance.layer_conflicts.tolist()
        contributions = balance.layer_contributions.tolist()
        self._layers += [
            (iteration, task, layer, gradients[i][j], contributions[i][j], conflicts[i][j])
            for j, layer in enumerate(balance.layers)
            for i, task in enumerate(balance.tasks)
            if gradients[i][j] == gradients[i][j]  # NaN: no gradient there
        ]

    @property
    def steps(self) -> pd.DataFrame:
        """Rows per measured step."""
        import pandas as pd

        return pd.DataFrame(self._steps)

    @property
    def layers(self) -> pd.DataFrame:
        """Rows per measured step, layer and task."""
        import pandas as pd

        return pd.DataFrame(self._layers, columns=list(LAYER_COLUMNS))

    def write(self) -> None:
        """Write both files if there are new measurements."""
        if self._new:
            write_whole(self.folder / LAYERS_FILE, csv_text(self.layers))
            write_whole(self.folder / STEPS_FILE, csv_text(self.steps))
            self._new = False

    def restart(self, iteration: int) -> None:
        """Discard all rows and read the files up to an iteration; 0 for a new training, which reads nothing."""
        self._steps, self._layers, self._new = [], [], False
        for row in _read(self.folder / STEPS_FILE, iteration):
            numbers = {name: float(cell) for name, cell in row.items() if cell and name != "iteration"}
            self._steps.append({"iteration": int(row["iteration"]), **numbers})
        for row in _read(self.folder / LAYERS_FILE, iteration):
            numbers = {name: float(row[name] or nan) for name in LAYER_COLUMNS[3:]}
            self._layers.append((int(row["iteration"]), row["task"], row["layer"], *numbers.values()))


def _read(path: Path, last: int) -> list[dict[str, str]]:
    """Return the rows up to an iteration; empty if there is no file, because measuring began after a resume."""
    if last == 0 or not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if int(row["iteration"]) <= last]
