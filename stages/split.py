"""Deal each task's rows into folds: data/preprocess -> data/split/<task>.parquet, results/split.

Ge et al. 2019, section IV-D: 64 % training, 16 % validation, 20 % test.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from packetids import atomic, command, parquet, settings, split

FEATURES = Path("data/preprocess/features.parquet")
FOLDS = Path("data/split")
COUNTS = Path("results/split/counts.csv")

log = logging.getLogger("split")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    split: settings.Split
    tasks: list[str]
    seed: int


def main(config: Config) -> None:
    """Deal the rows of every task."""
    p = config.split
    table = split.numbered(parquet.read(FEATURES, ["capture", "class"]).to_pandas())
    counts = []
    for task in config.tasks:
        rows, target, names = split.task_labels(table, task)
        fold = split.deal(table, rows, task, p.by, p.test_share, p.validation_share, config.seed)
        parquet.write(
            FOLDS / f"{task}.parquet", pa.table({"row": rows.astype(np.int32), "fold": fold})
        )
        for number, name in enumerate(split.FOLDS):
            sizes = np.bincount(target[fold == number], minlength=len(names))
            counts += [(task, name, *pair) for pair in zip(names, sizes, strict=True)]
    atomic.write_csv(COUNTS, pd.DataFrame(counts, columns=["task", "fold", "class", "rows"]))
    log.info("%d tasks of %d rows", len(config.tasks), len(table))


if __name__ == "__main__":
    command.run(main, Config)
