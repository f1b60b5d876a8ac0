"""Test every trained network: models/train, models/sweep -> results/evaluate.

Ge et al. 2019, section IV-E: confusion matrices, accuracy, precision, recall, F1. The networks
meet the test fold here and nowhere before.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from packetids.core import atomic, classes, command, parquet, tasks
from packetids.fnn import testing
from packetids.learn import task_rows

MODELS = Path("models")
RESULTS = Path("results/evaluate")

log = logging.getLogger("evaluate")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    tasks: list[str]
    trials: list[str]


def main(config: Config) -> None:
    """Test each network, and write all scores and confusion matrices."""
    scores, confusion, of_task, runtime_s = [], [], {}, {}
    for stage, name, task in networks(config):
        tested = testing.test(MODELS / stage / name, task)
        runtime_s[f"{stage}/{name}"] = tested.runtime_s
        values = testing.scores(tested)
        scores += [(stage, name, *pair) for pair in values.items()]
        confusion += [(stage, name, *cell) for cell in testing.confusion(tested)]
        if stage == "train":
            of_task[name] = values
            # One row per test packet, for a look at single mistakes.
            parquet.write(RESULTS / "predictions" / f"{name}.parquet", testing.predictions(tested))
        log.info("%s %s: test accuracy %.5f", stage, name, values["accuracy"])
    write_csv("scores", scores, ["stage", "name", "metric", "value"])
    write_csv("confusion", confusion, ["stage", "name", "actual", "predicted", "packets"])
    atomic.write_json(RESULTS / "metrics.json", {name: of_task[name] for name in config.tasks})
    atomic.write_json(RESULTS / "runtime.json", runtime_s)


def networks(config: Config) -> Iterator[tuple[str, str, task_rows.Task]]:
    """List the trained networks as stage, name and task, each task's rows read once."""
    for name in tasks.dealt(config.tasks, config.trials):
        task = task_rows.load_task(name)
        if name in config.tasks:
            yield "train", name, task
        if name == classes.MULTICLASS:
            for trial in config.trials:
                yield "sweep", trial, task


def write_csv(name: str, rows: list[tuple[Any, ...]], columns: list[str]) -> None:
    """Write a table of this stage."""
    atomic.write_csv(RESULTS / f"{name}.csv", pd.DataFrame(rows, columns=columns))


if __name__ == "__main__":
    command.run(main, Config)
