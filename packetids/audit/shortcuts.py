"""What one feature tells alone, what is lost without some, and what each class hangs on.

By trees, because they need no scaling and take a second; what a tree finds, a network can learn.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.tree import DecisionTreeClassifier

from packetids.core import seeds
from packetids.core.columns import FEATURES
from packetids.learn import balance
from packetids.learn.task_rows import Task
from packetids.peers.models import numbers
from packetids.protocol import folds

LEAVES_MAX, TREES = 64, 25
SHUFFLES = 3
WITHOUT: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "stream": ("stream",),
    "ports": ("src.port", "dst.port"),
    "TTL": ("ip.ttl_1", "ip.ttl_2"),
    "RTT and time delta": ("tcp.analysis.initial_rtt", "tcp.time_delta"),
    "window": ("tcp.window_size_value",),
    "lengths": ("frame.len", "length"),
}
SINGLE = ["feature", "protocol", "f1_macro_mean", "f1_macro_worst"]
ABLATIONS = ["without", "protocol", "f1_macro_mean", "f1_macro_worst"]
IMPORTANCE = ["feature", "class", "recall_lost"]


def single(task: Task, dealt: list[folds.Fold], seed: int) -> pd.DataFrame:
    """Score a tree of `LEAVES_MAX` leaves on each feature alone; `SINGLE`."""
    found, inputs = [], _inputs(task, dealt)
    for name in FEATURES:
        for protocol, scores in _scores(task, dealt, inputs, [name], seed, forest=False).items():
            found.append((name, protocol, float(np.mean(scores)), min(scores)))
    return pd.DataFrame(found, columns=SINGLE)


def ablations(task: Task, dealt: list[folds.Fold], seed: int) -> pd.DataFrame:
    """Score a forest of `TREES` trees without some features; ``strict`` has no stream anyway."""
    found, inputs = [], _inputs(task, dealt)
    for title, left_out in WITHOUT.items():
        names = [name for name in FEATURES if name not in left_out]
        for protocol, scores in _scores(task, dealt, inputs, names, seed, forest=True).items():
            found.append((title, protocol, float(np.mean(scores)), min(scores)))
    return pd.DataFrame(found, columns=ABLATIONS)


def importance(task: Task, fold: folds.Fold, seed: int) -> pd.DataFrame:
    """Shuffle each feature of the test rows: how much recall each class loses in a forest.

    Returns
    -------
    DataFrame
        `IMPORTANCE`, the mean over `SHUFFLES` shuffles.
    """
    dealt = folds.as_task(task, fold)
    (train, target), (test, actual) = dealt.part("train"), dealt.part("test")
    model = _fitted(numbers(train).to_numpy(), target, len(task.classes), seed, forest=True)
    inputs = numbers(test).to_numpy()
    whole = _recalls(actual, model.predict(inputs), len(task.classes))
    draw = seeds.generator(seed, "audit/importance")
    found = []
    for place, name in enumerate(FEATURES):
        lost = np.zeros(len(task.classes))
        for _ in range(SHUFFLES):
            shuffled = inputs.copy()
            shuffled[:, place] = draw.permutation(shuffled[:, place])
            lost += whole - _recalls(actual, model.predict(shuffled), len(task.classes))
        found += [(name, *pair) for pair in zip(task.classes, lost / SHUFFLES, strict=True)]
    return pd.DataFrame(found, columns=IMPORTANCE)


def _inputs(task: Task, dealt: list[folds.Fold]) -> dict[str, np.ndarray]:
    """Return the features as each protocol sees them, as numbers; float64 (n_task, 12)."""
    protocols = {fold.protocol for fold in dealt}
    return {name: numbers(folds.seen(task.table, name)).to_numpy() for name in protocols}


def _scores(
    task: Task, dealt: list[folds.Fold], all_inputs: dict[str, np.ndarray], names: Sequence[str],
    seed: int, *, forest: bool,
) -> dict[str, list[float]]:  # fmt: skip
    """Return the macro F1 of each fold, by protocol."""
    places = [FEATURES.index(name) for name in names]
    of: dict[str, list[float]] = {}
    for fold in dealt:
        inputs = all_inputs[fold.protocol][:, places]
        target = task.target[fold.train]
        model = _fitted(inputs[fold.train], target, len(task.classes), seed, forest=forest)
        said, actual = model.predict(inputs[fold.test]), task.target[fold.test]
        of.setdefault(fold.protocol, []).append(float(f1_score(actual, said, average="macro")))
    return of


def _fitted(
    inputs: np.ndarray, target: np.ndarray, n_classes: int, seed: int, *, forest: bool
) -> Any:
    weights = balance.class_weights(target, n_classes, "inverse_max")
    model = (
        RandomForestClassifier(TREES, class_weight=weights, random_state=seed, n_jobs=-1)
        if forest
        else DecisionTreeClassifier(
            max_leaf_nodes=LEAVES_MAX, class_weight=weights, random_state=seed
        )
    )
    return model.fit(inputs, target)


def _recalls(actual: np.ndarray, said: np.ndarray, n_classes: int) -> np.ndarray:
    right = np.bincount(actual[actual == said], minlength=n_classes)
    return right / np.maximum(np.bincount(actual, minlength=n_classes), 1)
