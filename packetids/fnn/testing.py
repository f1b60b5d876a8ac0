"""Test trained networks on their test folds.

Ge et al. 2019, section IV-E: confusion matrices, accuracy, precision, recall, F1.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from packetids import metrics
from packetids.core import tasks
from packetids.fnn import network
from packetids.learn.encode import Encoder
from packetids.learn.task_rows import Task
from packetids.runs import record


@dataclass(frozen=True)
class Tested:
    """One network on its test fold of n rows."""

    task: Task
    probabilities: np.ndarray  # float32 (n, n_classes)
    runtime_s: float  # of coding the rows, loading the network and predicting

    @property
    def predicted(self) -> np.ndarray:
        """Return the most probable class of each row; int64 (n,)."""
        return self.probabilities.argmax(axis=1)


def test(folder: Path, task: Task) -> Tested:
    """Predict the task's test fold with the network in `folder`."""
    table, _ = task.part("test")
    began = time.perf_counter()
    inputs = Encoder.load(folder / record.ENCODER).code(table)
    probabilities = network.predict(network.load(folder), inputs)
    return Tested(task, probabilities, time.perf_counter() - began)


def scores(tested: Tested) -> dict[str, float]:
    """Compute all metrics of one network."""
    _, target = tested.task.part("test")
    return metrics.summary(target, tested.predicted, tested.task.classes)


def confusion(tested: Tested) -> list[tuple[str, str, int]]:
    """Count test rows by actual and predicted class."""
    _, target = tested.task.part("test")
    names = tested.task.classes
    counts = metrics.confusion(target, tested.predicted, len(names))
    return [
        (actual, predicted, int(counts[i, j]))
        for i, actual in enumerate(names)
        for j, predicted in enumerate(names)
    ]


def predictions(tested: Tested) -> pa.Table:
    """Describe each test row: its row in the features table, label, prediction, probability."""
    task = tested.task
    fold = task.fold == tasks.FOLDS.index("test")
    return pa.table(
        {
            "row": task.row[fold],
            "actual": task.target[fold],
            "predicted": tested.predicted.astype(np.int8),
            "probability": tested.probabilities.max(axis=1),
        }
    )
