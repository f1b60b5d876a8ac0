"""The folds of both protocols.

``paper``: the random rows that the stage `split` deals, all twelve features. ``strict``: each round
of recording is the test fold once and the next one the validation fold, the same rounds for every
class. No conversation is in two folds, because no capture is; and no model sees `stream`, which
numbers conversations in the order of the capture.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from packetids.core import parquet, tasks
from packetids.core.classes import MULTICLASS
from packetids.learn import task_rows
from packetids.learn.task_rows import Task

PAPER, STRICT = "paper", "strict"
RANDOM = "random"  # the one fold of ``paper``
ROUNDS = Path("data/split/rounds.parquet")  # round of each row of the multi-class task, from 1
STREAM = "stream"


@dataclass(frozen=True)
class Fold:
    """Row numbers of one division into training, validation and test."""

    protocol: str
    name: str  # `RANDOM`, or the round that is the test
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def paper(fold: np.ndarray) -> list[Fold]:
    """Return the one division of the paper; `fold` numbers `tasks.FOLDS`, shape (n,)."""
    train, validation, test = (np.flatnonzero(fold == i) for i in range(len(tasks.FOLDS)))
    return [Fold(PAPER, RANDOM, train, validation, test)]


def strict(of_row: np.ndarray) -> list[Fold]:
    """Leave each round out once; `of_row` numbers the round of each row, shape (n,)."""
    there = np.unique(of_row)
    made = []
    for place, test in enumerate(there):
        validation = there[(place + 1) % len(there)]
        made.append(
            Fold(
                STRICT,
                f"{test}",
                np.flatnonzero((of_row != test) & (of_row != validation)),
                np.flatnonzero(of_row == validation),
                np.flatnonzero(of_row == test),
            )
        )
    return made


def untrainable(fold: Fold, target: np.ndarray, names: tuple[str, ...]) -> str:
    """Say why no model can be trained on `fold`; empty if one can.

    `target` holds the label of each row of the task, whose classes have `names`.
    """
    counts = np.bincount(target[fold.train], minlength=len(names))
    missing = [name for name, count in zip(names, counts, strict=True) if not count]
    if missing:
        return f"No row of {', '.join(missing)} is in the rounds that are left to train on."
    return "" if len(fold.validation) else "No row is left to validate on."


def load(task: Task, protocols: list[str]) -> list[Fold]:
    """Return the folds of a task that the stage `split` dealt and on which a model can be trained.

    ``strict`` is for the multi-class task, whose rows have a round.
    """
    dealt = []
    if PAPER in protocols:
        dealt += paper(task.fold)
    if STRICT in protocols and task.name == MULTICLASS:
        made = strict(parquet.read(ROUNDS, ["round"])["round"].to_numpy())
        dealt += [fold for fold in made if not untrainable(fold, task.target, task.classes)]
    return dealt


def names(protocols: list[str]) -> list[str]:
    """List the rounds that ``strict`` leaves out of the multi-class task."""
    if STRICT not in protocols:
        return []
    return [fold.name for fold in load(_whole(MULTICLASS), [STRICT])]


def seen(table: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Return the features as models of a protocol see them: under ``strict`` without `stream`.

    A column that is the same everywhere tells nothing, and leaves the network as wide as it is.
    """
    return table.assign(**{STREAM: 0.0}) if protocol == STRICT else table


def as_task(task: Task, fold: Fold) -> Task:
    """Return `task` with the features and folds of `fold`; a row of none has the number -1."""
    number = np.full(len(task.target), -1, np.int8)
    for place, rows in enumerate((fold.train, fold.validation, fold.test)):
        number[rows] = place
    return replace(task, table=seen(task.table, fold.protocol), fold=number)


def load_task(name: str, fold: str = RANDOM) -> Task:
    """Read a task as the fold of that name has it: `RANDOM`, or the number of a round."""
    task = _whole(name)
    if fold == RANDOM:
        return task
    (chosen,) = [one for one in load(task, [STRICT]) if one.name == fold]
    return as_task(task, chosen)


@lru_cache(maxsize=1)
def _whole(name: str) -> Task:
    """Read a task once for all its folds, which are as many as there are rounds."""
    return task_rows.load_task(name)
