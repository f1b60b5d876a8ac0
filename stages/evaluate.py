"""Test every trained network: models/train, models/sweep -> results/evaluate.

Ge et al. 2019, section IV-E: confusion matrices, accuracy, precision, recall, F1. The test fold
is read here and nowhere before.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from packetids import metrics
from packetids.core import atomic, classes, command, parquet, tasks
from packetids.fnn import network
from packetids.learn import task_rows
from packetids.learn.encode import Encoder
from packetids.runs import record

MODELS = Path("models")
RESULTS = Path("results/evaluate")

log = logging.getLogger("evaluate")


@dataclass(frozen=True)
class Config:
    """What this stage reads."""

    tasks: list[str]
    trials: list[str]


def main(config: Config) -> None:
    """Test each model, and write all scores and confusion matrices."""
    scores, matrices, runtime_s = [], [], {}
    for stage, name, task in runs(config):
        folder = MODELS / stage / name
        table, target = task.part("test")
        start = time.perf_counter()
        inputs = Encoder.load(folder / record.ENCODER).code(table)
        chances = network.predict(network.load(folder), inputs)
        runtime_s[f"{stage}/{name}"] = time.perf_counter() - start
        predicted = chances.argmax(axis=1)
        if stage == "train":  # one row a test packet, to look at single mistakes
            write_predictions(task, predicted, chances)
        summary = metrics.summary(target, predicted, task.classes)
        scores += [(stage, name, metric, value) for metric, value in summary.items()]
        counts = metrics.confusion(target, predicted, len(task.classes))
        matrices += [
            (stage, name, actual, other, int(counts[i, j]))
            for i, actual in enumerate(task.classes)
            for j, other in enumerate(task.classes)
        ]
        log.info("%s %s: test accuracy %.5f", stage, name, summary["accuracy"])
    atomic.write_csv(
        RESULTS / "scores.csv", pd.DataFrame(scores, columns=["stage", "name", "metric", "value"])
    )
    atomic.write_csv(
        RESULTS / "confusion.csv",
        pd.DataFrame(matrices, columns=["stage", "name", "actual", "predicted", "packets"]),
    )
    atomic.write_json(
        RESULTS / "metrics.json",
        {
            task: {
                metric: value
                for stage, name, metric, value in scores
                if (stage, name) == ("train", task)
            }
            for task in config.tasks
        },
    )
    atomic.write_json(RESULTS / "runtime.json", runtime_s)


def runs(config: Config) -> Iterator[tuple[str, str, task_rows.Task]]:
    """List what was trained, each with its task's rows."""
    for name in tasks.dealt(config.tasks, config.trials):
        task = task_rows.load_task(name)
        if name in config.tasks:
            yield "train", name, task
        if name == classes.MULTICLASS:
            for trial in config.trials:
                yield "sweep", trial, task


def write_predictions(task: task_rows.Task, predicted: np.ndarray, chances: np.ndarray) -> None:
    """Write each test packet's row in the features table, label, prediction and its chance."""
    test = task.fold == tasks.FOLDS.index("test")
    predictions = pa.table(
        {
            "row": task.row[test],
            "actual": task.target[test],
            "predicted": predicted.astype(np.int8),
            "chance": chances.max(axis=1),
        }
    )
    parquet.write(RESULTS / "predictions" / f"{task.name}.parquet", predictions)


if __name__ == "__main__":
    command.run(main, Config)
