"""Run the study and write docs/study.md: ``make study``, after ``make repro``.

Each training is kept in build/study as soon as it is done, in a folder named after the hash of its
inputs, so that an interrupted study goes on where it was.
"""

import argparse
import json
import logging
import os
import platform
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from packetids.core import atomic, classes, parquet, settings
from packetids.learn import task_rows
from packetids.peers import models as simple
from packetids.protocol import folds, matched, rounds
from packetids.protocol.repeats import NETWORK
from packetids.results.protocols import NETWORKS
from packetids.runs import record
from packetids.score import values
from packetids.study import models, novel, page

KEPT = Path("build/study")
SCORES, ABOUT, PAGE = Path("docs/study.csv"), Path("docs/study.json"), Path("docs/study.md")
COLUMNS = ["protocol", "fold", "model", "seed", "part", "rows", "train_rows"]

log = logging.getLogger("study")


@dataclass(frozen=True)
class Config:
    """What the study reads of the settings."""

    dataset: settings.Dataset
    fnn: settings.Fnn


def main() -> None:
    """Train and test every model on every fold, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m packetids.study", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="of the network on random rows")
    parser.add_argument("--page", action="store_true", help="write the page, train nothing")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    if not arguments.page:
        study(arguments.seeds)
    about = json.loads(ABOUT.read_text(encoding="utf-8"))
    atomic.write_text(PAGE, page.page(pd.read_csv(SCORES, dtype={"fold": str}), about))
    log.info("wrote %s", PAGE)


def study(n_seeds: int) -> None:
    """Write the scores of every model on every fold, and on what and when they were made."""
    began = datetime.now(UTC)
    config = settings.load(Config, [])
    task = task_rows.load_task(classes.MULTICLASS)
    captures = parquet.read(task_rows.FEATURES_TABLE, ["capture"])["capture"].to_pandas()
    inputs = [task_rows.FEATURES_TABLE, task_rows.FOLDS / f"{task.name}.parquet"]
    kept = KEPT / record.run_key("study", task.name, config.fnn, 0, inputs)
    strict = folds.strict(rounds.of_rows(captures))
    listed = [*folds.paper(task.fold), *strict]
    if config.dataset.name == novel.DATASET:
        table, target = novel.rows(task.name)
        listed.append(novel.fold(strict, len(task.target), len(target)))
        task = replace(
            task,
            table=pd.concat([task.table, table], ignore_index=True),
            target=np.concatenate([task.target, target]),
            row=np.concatenate([task.row, np.full(len(target), -1)]),
        )
    found = []
    for fold in listed:
        seeds = n_seeds if fold.protocol == folds.PAPER else 1
        runs = [
            *((name, 0) for name in models.peers()),
            *((name, seed) for name in NETWORKS for seed in range(seeds)),
        ]
        dealt = folds.as_task(task, fold)
        for name, seed in runs:
            file = kept / f"{fold.protocol}-{fold.name}-{name}-{seed}.csv"
            if not file.exists():
                atomic.write_csv(file, one(dealt, fold, name, seed, config.fnn))
            found.append(pd.read_csv(file, dtype={"fold": str}))
            shown = found[-1].iloc[0]
            log.info("%s %s, %s, seed %d: macro F1 %.4f", *shown[COLUMNS[:4]], shown["f1_macro"])
    whole = pd.concat(found, ignore_index=True)
    atomic.write_csv(SCORES, whole[[*COLUMNS, *values.METRICS]].round(6))
    atomic.write_json(ABOUT, about(config.dataset.name, task, began))


def one(
    task: task_rows.Task, fold: folds.Fold, name: str, seed: int, p: settings.Fnn
) -> pd.DataFrame:
    """Train one model on `task`, dealt as `fold` says; a row for each of `values.PARTS`."""
    if name in NETWORKS:
        from packetids.study import fnn  # TensorFlow, which no other model needs

        changed = p if name == NETWORK else settings.tried(p, name)
        predicted = fnn.predicted(task, changed, seed)
    else:
        predicted = simple.predicted(settings.peer(name), task, seed).label
    seen = matched.matched(task.table, fold.train, fold.test)
    return values.table(task.target[fold.test], predicted, seen, len(task.classes)).assign(
        protocol=fold.protocol, fold=fold.name, model=name, seed=seed,
        train_rows=len(fold.train),
    )  # fmt: skip


def about(dataset: str, task: task_rows.Task, began: datetime) -> dict[str, str]:
    """Tell on what, with what and when the study was made."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "Dataset": f"{dataset}, {len(task.table):,} rows without duplicates",
        "Command": "`python -m packetids.study`",
        "Commit": commit.stdout.strip() or "unknown",
        "Date": began.strftime("%Y-%m-%d"),
        "Machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


if __name__ == "__main__":
    main()
