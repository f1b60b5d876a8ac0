"""Fit a simple model on training rows, predict test rows.

Defaults are the libraries'; class weights are the paper's, where the library takes them. Trees see
features as numbers, categories as codes; linear models see the network's inputs. What any of them
learns, it learns from training rows.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from packetids.core import settings
from packetids.core.columns import FEATURES, PORTS
from packetids.learn import balance, encode
from packetids.learn.task_rows import Task

Weights = dict[int, float]

MAKE: dict[str, Callable[[int | None, Weights, int], Any]] = {
    "DummyClassifier": lambda depth, weights, seed: DummyClassifier(),
    "DecisionTreeClassifier": lambda depth, weights, seed: DecisionTreeClassifier(
        max_depth=depth, class_weight=weights, random_state=seed
    ),
    "RandomForestClassifier": lambda depth, weights, seed: RandomForestClassifier(
        max_depth=depth, class_weight=weights, random_state=seed, n_jobs=-1
    ),
    "HistGradientBoostingClassifier": lambda depth, weights, seed: HistGradientBoostingClassifier(
        max_depth=depth, class_weight=weights, random_state=seed
    ),
    "LogisticRegression": lambda depth, weights, seed: LogisticRegression(class_weight=weights),
    "LinearSVC": lambda depth, weights, seed: LinearSVC(class_weight=weights, random_state=seed),
    "KNeighborsClassifier": lambda depth, weights, seed: KNeighborsClassifier(n_jobs=-1),
}


@dataclass(frozen=True)
class Predicted:
    """What a model says of the test rows."""

    label: np.ndarray  # int64 (n_test,)
    attack: np.ndarray  # float64 (n_test,): probability of an attack; NaN if the model gives none
    converged: bool  # a solver that stops at its limit of iterations has not


def predicted(p: settings.Peer, task: Task, seed: int) -> Predicted:
    """Fit a peer on the task's training rows and predict its test rows."""
    table, target = task.part("train")
    test, _ = task.part("test")
    weights = balance.class_weights(target, len(task.classes), "inverse_max")
    model = MAKE[p.estimator](p.depth_max or None, weights, seed)
    if p.inputs == "network":
        encoder = encode.fit(table, task.well_known_ports, "min_max")
        inputs, tested = encoder.transform(table), encoder.transform(test)
    else:
        inputs, tested = numbers(table).to_numpy(), numbers(test).to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by `converged`
        model.fit(inputs, target)
    limit = getattr(model, "max_iter", None) if hasattr(model, "coef_") else None
    converged = limit is None or bool((np.asarray(model.n_iter_) < limit).all())
    if not hasattr(model, "predict_proba"):
        return Predicted(np.asarray(model.predict(tested)), np.full(len(test), np.nan), converged)
    probability = model.predict_proba(tested)
    label = model.classes_[probability.argmax(axis=1)]
    attack = 1.0 - probability[:, model.classes_ == 0].sum(axis=1)
    return Predicted(label, attack, converged)


def numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Return the features of `table` as float64; a category becomes its code."""
    coded = {name: table[name].cat.codes for name in PORTS}
    return table[list(FEATURES)].assign(**coded).astype(np.float64)
