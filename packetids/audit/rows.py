"""Rows that are in training and test alike, and fields that tell the capture and not the attack."""

import numpy as np
import pandas as pd

from packetids.core.columns import FEATURES
from packetids.datasheet import conflicts
from packetids.features import distinct
from packetids.learn.task_rows import Task
from packetids.protocol import folds, matched

DUPLICATES = [
    "protocol", "fold", "features", "test_rows", "in_training_share", "same_label_share",
]  # fmt: skip
FIELDS = ["feature", "distinct", "commonest_share", "of_one_capture_share", "order_correlation"]


def duplicates(task: Task, dealt: list[folds.Fold]) -> pd.DataFrame:
    """Count test rows that equal a training row, by what they are compared; `DUPLICATES`.

    ``same_label_share`` is of those whose equal has their label of the task, which a model needs
    to memorize only; with all twelve features, ``split.duplicates: drop`` leaves none.
    """
    found = []
    labelled = task.table.assign(label=task.target)
    for fold in dealt:
        for view, names in conflicts.VIEWS.items():
            seen = matched.matched(task.table, fold.train, fold.test, names)
            same = matched.matched(labelled, fold.train, fold.test, (*names, "label"))
            shares = float(seen.mean()), float(same.mean())
            found.append((fold.protocol, fold.name, view, len(seen), *shares))
    return pd.DataFrame(found, columns=DUPLICATES)


def fields(table: pd.DataFrame, captures: pd.Series) -> pd.DataFrame:
    """Describe how far each feature is bound to captures and to the order of rows in them.

    Parameters
    ----------
    table : DataFrame
        The columns of `columns.FEATURES`.
    captures : Series
        The capture of each row; rows of a capture are in the order of its frames.

    Returns
    -------
    DataFrame
        `FIELDS`: distinct values; the share of the commonest one; the share of rows whose value
        occurs in one capture only; Spearman's correlation of value and place in the capture,
        absolute, the mean over captures.
    """
    code = pd.factorize(captures)[0]
    place = pd.Series(np.arange(len(code))).groupby(code).rank(pct=True)
    found = []
    for name in FEATURES:
        first = distinct.first_equal(table, [name])
        counts = np.bincount(first)
        frame = pd.DataFrame({"value": first, "capture": code})
        lonely = frame.groupby("value")["capture"].transform("nunique") == 1
        number = table[name].cat.codes if hasattr(table[name], "cat") else table[name]
        ranks = pd.DataFrame({"value": number.groupby(code).rank(), "place": place})
        correlation = ranks.groupby(code)[["value", "place"]].corr().iloc[0::2, -1].abs().mean()
        found.append((name, int((counts > 0).sum()), float(counts.max() / len(first)),
                      float(lonely.mean()), float(correlation)))  # fmt: skip
    return pd.DataFrame(found, columns=FIELDS)
