"""How well one feature alone tells an attack from normal packets, and how well all of them do.

For each binary task of the paper (a subcategory against normal packets) and each of its twelve
features: a small decision tree on that feature alone, scored by balanced accuracy, once on random
rows and once with each round left out. A feature that does well on a round that it has not seen
is a rule that a person could write down; `GATE` bounds it, and what exceeds the gate is explained
in ``separable.csv``.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.tree import DecisionTreeClassifier

from packetids.core import classes
from packetids.core.columns import FEATURES
from packetids.core.errors import PacketidsError
from packetids.core.seeds import generator
from packetids.peers.models import numbers

GATE = 0.9
ROWS_MAX = 16_000  # of each task: half attack, half normal, all rounds alike
LEAVES_MAX, LEAF_ROWS_MIN = 32, 20
FOLDS = 4  # of the split by random rows
TREES = 20
COLUMNS = ["task", "feature", "random", "left_out_mean", "left_out_worst"]
ALL = "all features"
EXPLAINED = ["task", "feature", "why"]


def table(packets: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Score each feature alone, and a forest on all, on every binary task.

    Returns
    -------
    DataFrame
        `COLUMNS`: balanced accuracy on random rows; the mean and the worst over rounds left out.
    """
    rows = []
    for task in classes.ATTACKS:
        if not (packets["class"] == task).any():
            continue
        chosen = _balanced(packets, task, seed)
        y = (chosen["class"] == task).to_numpy()
        rounds = chosen["round"].to_numpy()
        x = numbers(chosen)
        for name in (*FEATURES, ALL):
            columns = x if name == ALL else x[[name]]
            random = [_score(columns, y, train, name, seed) for train in _random(len(y), seed)]
            left_out = [
                _score(columns, y, rounds != one, name, seed) for one in sorted(set(rounds))
            ]
            rows.append((task, name, np.mean(random), np.mean(left_out), np.min(left_out)))
    return pd.DataFrame(rows, columns=COLUMNS)


def over_the_gate(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the single features whose mean over the rounds left out exceeds `GATE`."""
    single = scores[scores["feature"] != ALL]
    return single[single["left_out_mean"] > GATE]


def explained(path: Path) -> pd.DataFrame:
    """Read why a feature may exceed the gate.

    Raises
    ------
    PacketidsError
        If a column is missing.
    """
    found = pd.read_csv(path)
    if list(found.columns) != EXPLAINED:
        raise PacketidsError(
            f"{path}: needs the columns {', '.join(EXPLAINED)}, found {', '.join(found.columns)}."
        )
    return found


def unexplained(over: pd.DataFrame, why: pd.DataFrame) -> list[str]:
    """List what exceeds the gate without a reason, and reasons for what does not exceed it."""
    exceeding = set(zip(over["task"], over["feature"], strict=True))
    reasons = set(zip(why["task"], why["feature"], strict=True))
    return [
        *(f"{task}, {name}: exceeds {GATE} and has no reason" for task, name in
          sorted(exceeding - reasons)),
        *(f"{task}, {name}: has a reason and does not exceed {GATE}" for task, name in
          sorted(reasons - exceeding)),
    ]  # fmt: skip


def _balanced(packets: pd.DataFrame, task: str, seed: int) -> pd.DataFrame:
    """Draw as many rows of the attack as of normal packets, the same number from each round."""
    draw = generator(seed, f"datasheet/{task}")
    rounds = sorted(set(packets["round"]))
    each = ROWS_MAX // (2 * len(rounds))
    chosen = []
    for name in (task, classes.NORMAL):
        for one in rounds:
            rows = np.flatnonzero((packets["class"] == name) & (packets["round"] == one))
            chosen.append(draw.choice(rows, min(each, len(rows)), replace=False))
    return packets.iloc[np.sort(np.concatenate(chosen))]


def _random(rows: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the training rows of each of `FOLDS` folds of random rows; bool, shape (rows,)."""
    fold = generator(seed, "datasheet/folds").permutation(np.arange(rows) % FOLDS)
    for one in range(FOLDS):
        yield fold != one


def _score(x: pd.DataFrame, y: np.ndarray, train: np.ndarray, name: str, seed: int) -> float:
    model = (
        RandomForestClassifier(
            TREES, min_samples_leaf=2, class_weight="balanced", random_state=seed, n_jobs=2
        )
        if name == ALL
        else DecisionTreeClassifier(
            max_leaf_nodes=LEAVES_MAX, min_samples_leaf=LEAF_ROWS_MIN, class_weight="balanced",
            random_state=seed,
        )
    )  # fmt: skip
    values = x.to_numpy()
    model.fit(values[train], y[train])
    return float(balanced_accuracy_score(y[~train], model.predict(values[~train])))
