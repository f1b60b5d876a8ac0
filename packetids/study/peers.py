"""Simple models beside the network, with their libraries' defaults and the paper's class weights.

Trees see the features as numbers, categories as codes; linear models see the network's inputs.
What any of them learns, it learns from training rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from packetids.datasheet.separability import numbers
from packetids.learn import balance, encode

FNN = "fnn"
QUANTILE = "fnn_quantile"
NETWORKS = {  # which are no peers, and stand among them
    FNN: "the paper's network",
    QUANTILE: "the same network on quantiles",
}
Weights = dict[int, float]
STREAM = "stream"


@dataclass(frozen=True)
class Peer:
    """A model by name."""

    name: str
    title: str
    make: Callable[[int, Weights], Any]  # from the seed and the class weights
    coded: bool  # takes the network's inputs, else numbers


PEERS = (
    Peer("majority", "commonest class", lambda seed, w: DummyClassifier(), False),
    Peer(
        "stump", "one question",
        lambda seed, w: DecisionTreeClassifier(max_depth=1, class_weight=w, random_state=seed),
        False,
    ),
    Peer(
        "tree_depth_4", "decision tree of depth 4",
        lambda seed, w: DecisionTreeClassifier(max_depth=4, class_weight=w, random_state=seed),
        False,
    ),
    Peer(
        "tree", "decision tree",
        lambda seed, w: DecisionTreeClassifier(class_weight=w, random_state=seed), False,
    ),
    Peer(
        "random_forest", "random forest",
        lambda seed, w: RandomForestClassifier(class_weight=w, random_state=seed, n_jobs=-1),
        False,
    ),
    Peer(
        "boosting", "gradient boosting",
        lambda seed, w: HistGradientBoostingClassifier(class_weight=w, random_state=seed), False,
    ),
    Peer(
        "logistic_regression", "logistic regression",
        lambda seed, w: LogisticRegression(class_weight=w, max_iter=300), True,
    ),
    Peer(
        "linear_svc", "linear SVC, all rows",
        lambda seed, w: LinearSVC(class_weight=w, random_state=seed), True,
    ),
)  # fmt: skip


def inputs(table: pd.DataFrame, strict: bool) -> pd.DataFrame:
    """Return the features; under the strict protocol without what `stream` tells.

    A column that is the same everywhere tells nothing, and leaves the network as wide as it is.
    """
    return table.assign(**{STREAM: 0.0}) if strict else table


def predicted(
    peer: Peer,
    train: tuple[pd.DataFrame, np.ndarray],
    test: pd.DataFrame,
    n_classes: int,
    well_known_ports: list[int],
    seed: int,
) -> np.ndarray:
    """Fit a peer on training rows and predict the test rows; int64, shape (n_test,)."""
    table, target = train
    model = peer.make(seed, balance.class_weights(target, n_classes, "inverse_max"))
    if peer.coded:
        encoder = encode.fit(table, well_known_ports)
        model.fit(encoder.transform(table), target)
        return np.asarray(model.predict(encoder.transform(test)))
    model.fit(numbers(table).to_numpy(), target)
    return np.asarray(model.predict(numbers(test).to_numpy()))
