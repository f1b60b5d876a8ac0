"""Test every trained network: models -> results/evaluate, data/evaluate.

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
from packetids.protocol import folds, repeats
from packetids.score import predictions

MODELS = Path("models")
RESULTS = Path("results/evaluate")

log = logging.getLogger("evaluate")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    seed: int
    tasks: list[str]
    trials: list[str]
    protocols: list[str]
    repeats: list[int]


@dataclass(frozen=True)
class Network:
    """A trained network, and the rows that test it."""

    stage: str
    name: str  # of the folder in `MODELS`
    model: str  # what predictions call it: ``fnn``, or the trial
    protocol: str
    fold: str
    seed: int
    task: task_rows.Task


def main(config: Config) -> None:
    """Test each network, and write all scores, confusion matrices and predictions."""
    scores, confusion, of_task, runtime_s = [], [], {}, {}
    with predictions.writing(predictions.NETWORKS) as written:
        for one in networks(config):
            tested = testing.test(MODELS / one.stage / one.name, one.task)
            runtime_s[f"{one.stage}/{one.name}"] = tested.runtime_s
            values = testing.scores(tested)
            scores += [(one.stage, one.name, *pair) for pair in values.items()]
            confusion += [(one.stage, one.name, *cell) for cell in testing.confusion(tested)]
            if one.stage == "train":
                of_task[one.name] = values
                # One row per test packet, for a look at single mistakes.
                path = RESULTS / "predictions" / f"{one.name}.parquet"
                parquet.write(path, testing.predictions(tested))
            written.write(
                one.task, one.protocol, one.fold, one.model, one.seed, tested.predicted,
                1.0 - tested.probabilities[:, 0],
            )  # fmt: skip
            log.info("%s %s: test accuracy %.5f", one.stage, one.name, values["accuracy"])
    write_csv("scores", scores, ["stage", "name", "metric", "value"])
    write_csv("confusion", confusion, ["stage", "name", "actual", "predicted", "packets"])
    atomic.write_json(RESULTS / "metrics.json", {name: of_task[name] for name in config.tasks})
    atomic.write_json(RESULTS / "runtime.json", runtime_s)


def networks(config: Config) -> Iterator[Network]:
    """List the trained networks, each task's rows read once."""
    here = (folds.PAPER, folds.RANDOM, config.seed)
    again = repeats.listed(
        config.seed, config.tasks, config.trials, config.protocols, config.repeats
    )
    for name in tasks.dealt(config.tasks, config.trials):
        task = task_rows.load_task(name)
        if name in config.tasks:
            yield Network("train", name, repeats.NETWORK, *here, task)
        if name == classes.MULTICLASS:
            for trial in config.trials:
                yield Network("sweep", trial, trial, *here, task)
    for one in again:
        task = folds.load_task(classes.MULTICLASS, one.fold)
        yield Network(
            "repeat", one.name, one.trial or repeats.NETWORK, one.protocol, one.fold, one.seed, task
        )


def write_csv(name: str, rows: list[tuple[Any, ...]], columns: list[str]) -> None:
    """Write a table of this stage."""
    atomic.write_csv(RESULTS / f"{name}.csv", pd.DataFrame(rows, columns=columns))


if __name__ == "__main__":
    command.run(main, Config)
