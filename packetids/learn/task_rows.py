"""What a training needs from the tables before it, and what it leaves behind.

Shared by the stages train, sweep and evaluate, so that they meet the same rows and labels.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from packetids.core import parquet, tasks
from packetids.core.columns import FEATURES, Fitted
from packetids.core.errors import PacketidsError

FEATURES_TABLE = Path("data/preprocess/features.parquet")
FITTED = Path("data/preprocess/fitted.json")
FOLDS = Path("data/split")


@dataclass(frozen=True)
class Rows:
    """The rows of one classification task."""

    name: str
    classes: tuple[str, ...]
    table: pd.DataFrame  # preprocess.FEATURES of the task's rows
    target: np.ndarray  # int8 label of each row
    row: np.ndarray  # int64 row number in the features table
    well_known_ports: list[int]

    def take(self, place: np.ndarray) -> "Rows":
        """Return the rows at the positions `place`."""
        table = self.table.iloc[place].reset_index(drop=True)
        return replace(self, table=table, target=self.target[place], row=self.row[place])


@dataclass(frozen=True)
class Task(Rows):
    """The rows of one classification task, dealt into folds."""

    fold: np.ndarray  # int8: 0 train, 1 validation, 2 test

    def part(self, fold: str) -> tuple[pd.DataFrame, np.ndarray]:
        """Return feature rows and labels of one of `tasks.FOLDS`."""
        chosen = self.fold == tasks.FOLDS.index(fold)
        return self.table[chosen], self.target[chosen]


def load_rows(name: str) -> Rows:
    """Read a task's rows, which need not be dealt into folds."""
    table = parquet.read(FEATURES_TABLE, [*FEATURES, "class"]).to_pandas(
        split_blocks=True, self_destruct=True
    )
    rows, target, names = tasks.task_labels(table, name)
    table = table[list(FEATURES)]
    if len(rows) < len(table):
        table = table.iloc[rows].reset_index(drop=True)
    return Rows(name, names, table, target, rows, Fitted.load(FITTED).well_known_ports)


def load_task(name: str) -> Task:
    """Read those of a task's rows that the stage `split` dealt, and the fold of each."""
    dealt = parquet.read(FOLDS / f"{name}.parquet")
    row = dealt["row"].to_numpy()
    rows = load_rows(name)
    if len(row) < len(rows.row):  # without duplicates
        rows = rows.take(np.flatnonzero(np.isin(rows.row, row)))
    if not np.array_equal(rows.row, row):
        raise PacketidsError(
            f"{FOLDS / name}.parquet and {FEATURES_TABLE} are of different runs: delete the first "
            "and run dvc repro."
        )
    return Task(**vars(rows), fold=dealt["fold"].to_numpy())
