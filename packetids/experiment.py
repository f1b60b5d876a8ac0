"""What a training needs from the tables before it, and what it leaves behind.

Shared by the stages train, sweep and evaluate, so that they meet the same rows and labels.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from packetids import atomic, parquet, split
from packetids.errors import PacketidsError
from packetids.preprocess import FEATURES, Fitted

FEATURES_TABLE = Path("data/preprocess/features.parquet")
FITTED = Path("data/preprocess/fitted.json")
FOLDS = Path("data/split")

# What a training leaves in its results folder, and beside its model.
RUN = "run.json"
HISTORY = "history.csv"
RUNTIME = "runtime.json"
ENCODER = "encoder.json"
CLASSES = "classes.json"  # names of the labels 0, 1, …


def svc_grid(c: float) -> str:
    """Name the support vector run of one candidate of the grid search."""
    return f"grid_{c:g}"


def svc_sample(packets: int) -> str:
    """Name the support vector run on a sample of `packets` rows."""
    return f"sample_{packets}"


@dataclass(frozen=True)
class Rows:
    """The rows of one classification task."""

    name: str
    classes: tuple[str, ...]
    table: pd.DataFrame  # preprocess.FEATURES of the task's rows
    target: np.ndarray  # int8 label of each row
    row: np.ndarray  # int64 row number in the features table
    well_known_ports: list[int]


@dataclass(frozen=True)
class Task(Rows):
    """The rows of one classification task, dealt into folds."""

    fold: np.ndarray  # int8: 0 train, 1 validation, 2 test

    def part(self, fold: str) -> tuple[pd.DataFrame, np.ndarray]:
        """Give feature rows and labels of one of `split.FOLDS`."""
        chosen = self.fold == split.FOLDS.index(fold)
        return self.table[chosen], self.target[chosen]


def load_rows(name: str) -> Rows:
    """Read a task's rows, which need not be dealt into folds."""
    table = parquet.read(FEATURES_TABLE, [*FEATURES, "class"]).to_pandas(
        split_blocks=True, self_destruct=True
    )
    rows, target, names = split.task_labels(table, name)
    table = table[list(FEATURES)]
    if len(rows) < len(table):
        table = table.iloc[rows].reset_index(drop=True)
    return Rows(name, names, table, target, rows, Fitted.load(FITTED).well_known_ports)


def load_task(name: str) -> Task:
    """Read a task's rows and the fold of each."""
    dealt = parquet.read(FOLDS / f"{name}.parquet")
    rows = load_rows(name)
    if not np.array_equal(rows.row, dealt["row"].to_numpy()):
        raise PacketidsError(
            f"{FOLDS / name}.parquet and {FEATURES_TABLE} are of different runs: delete the first "
            "and run dvc repro."
        )
    return Task(**vars(rows), fold=dealt["fold"].to_numpy())


def write_run(
    folder: Path,
    stage: str,
    name: str,
    key: str,
    params: dict[str, Any],
    metrics: dict[str, float],
) -> None:
    """Write ``run.json``: what MLflow is told about a run, and the key that knows it again."""
    values = {"stage": stage, "name": name, "key": key, "params": params, "metrics": metrics}
    atomic.write_json(folder / RUN, values)


def run_key(stage: str, name: str, settings: Any, seed: int, inputs: list[Path]) -> str:
    """Hash what produces a run: settings, seed and the octets of the inputs; 16 digits.

    The same work has the same key, anything else another.
    """
    digest = hashlib.sha256(json.dumps([stage, name, asdict(settings), seed]).encode())
    for path in inputs:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]
