"""Deal each task's rows into folds: data/preprocess -> data/split/<task>.parquet, results/split.

Ge et al. 2019, section IV-D: 64 % training, 16 % validation, 20 % test. This is the last stage
before hours of training, so it refuses here what a later stage could not train.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from packetids import needs, split
from packetids.core import atomic, classes, columns, command, parquet, settings, tasks
from packetids.protocol import folds, rounds
from packetids.svc import samples

FEATURES = Path("data/preprocess/features.parquet")
FOLDS = Path("data/split")
COUNTS = Path("results/split/counts.csv")
STRICT = Path("results/split/strict.csv")

log = logging.getLogger("split")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    split: settings.Split
    svc: settings.Svc
    tasks: list[str]
    trials: list[str]
    protocols: list[str]
    seed: int


def main(config: Config) -> None:
    """Deal the rows of every task."""
    p = config.split
    features = columns.FEATURES if p.duplicates == "drop" else ()
    table = tasks.numbered(parquet.read(FEATURES, ["capture", "class", *features]).to_pandas())
    there = set(table["class"].unique())
    needs.check(there, config.tasks, config.trials, FEATURES, "row")
    if not needs.missing_groups(there):
        samples.check(tasks.task_labels(table, classes.MULTICLASS)[1], config.svc, config.seed)
    FOLDS.mkdir(parents=True, exist_ok=True)  # which stays empty without a task
    counts = []
    dealt = tasks.dealt(config.tasks, config.trials)
    for task in dealt:
        rows, target, names = tasks.task_labels(table, task)
        if p.duplicates == "drop":
            first = split.is_first(table.iloc[rows], target)
            rows, target = rows[first], target[first]
        if folds.STRICT in config.protocols and task == classes.MULTICLASS:
            leave_out(table, rows, target)
        fold = split.deal(table, rows, task, p.by, p.test_share, p.validation_share, config.seed)
        parquet.write(
            FOLDS / f"{task}.parquet", pa.table({"row": rows.astype(np.int32), "fold": fold})
        )
        for number, name in enumerate(tasks.FOLDS):
            sizes = np.bincount(target[fold == number], minlength=len(names))
            counts += [(task, name, *pair) for pair in zip(names, sizes, strict=True)]
    atomic.write_csv(COUNTS, pd.DataFrame(counts, columns=["task", "fold", "class", "rows"]))
    log.info("%d tasks of %d rows", len(dealt), len(table))


def leave_out(table: pd.DataFrame, rows: np.ndarray, target: np.ndarray) -> None:
    """Write the round of each row of the multi-class task, and which rounds can be left out."""
    names = classes.GROUPS
    of_row = rounds.of_rows(table["capture"])[rows]
    parquet.write(folds.ROUNDS, pa.table({"row": rows.astype(np.int32), "round": of_row}))
    found = []
    for fold in folds.strict(of_row):
        why = folds.untrainable(fold, target, names)
        sizes = np.bincount(target[fold.test], minlength=len(names))
        found += [(fold.name, *pair, why) for pair in zip(names, sizes, strict=True)]
        if why:
            log.warning("round %s cannot be left out under strict: %s", fold.name, why)
    header = ["round", "class", "test_rows", "left_out_because"]
    atomic.write_csv(STRICT, pd.DataFrame(found, columns=header))


if __name__ == "__main__":
    command.run(main, Config)
