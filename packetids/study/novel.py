"""The embedded novel round: kinds of attack that no other round has, as rows to test on."""

from pathlib import Path

import numpy as np
import pandas as pd

from packetids.core import tasks
from packetids.core.columns import FEATURES, Fitted
from packetids.datasheet import packets
from packetids.features import preprocess
from packetids.learn import task_rows
from packetids.protocol.folds import STRICT, Fold

CAPTURES = Path("captures/novel")
DATASET = "testbed"  # of which it is a part
NAME = "novel"


def rows(task: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return features and labels of the round's packets for `task`, without duplicates."""
    read = packets.read(CAPTURES, Fitted.load(task_rows.FITTED))
    read = read[preprocess.kept(read, "by_label")]
    chosen, target, _ = tasks.task_labels(read, task)
    return read.iloc[chosen][list(FEATURES)].reset_index(drop=True), target


def fold(strict: list[Fold], known: int, novel: int) -> Fold:
    """Train on all rounds but one and validate on that one; `novel` rows follow `known` ones."""
    train = np.sort(np.concatenate([strict[0].train, strict[0].test]))
    return Fold(STRICT, NAME, train, strict[0].validation, known + np.arange(novel))
