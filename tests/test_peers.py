"""Every simple model of conf/peer/ learns from training rows, and says what it is sure of."""

import numpy as np
import pandas as pd
import pytest

from packetids.core import composed, settings
from packetids.learn.task_rows import Task
from packetids.peers import models
from packetids.protocol import folds
from tests.rows import features


@pytest.fixture
def task() -> Task:
    """600 rows to train on, 200 to test on; the window tells the class in nine of ten."""
    (one, target), (other, truth) = features(600, 0), features(200, 1)
    table = folds.seen(pd.concat([one, other], ignore_index=True), folds.STRICT)
    fold = np.repeat([0, 2], [600, 200]).astype(np.int8)
    return Task("multiclass", ("Normal", "DDoS_DoS"), table, np.concatenate([target, truth]),
                np.arange(800), [80, 443], fold)  # fmt: skip


@pytest.mark.parametrize("name", composed.options(settings.PEER))
def test_each_peer_learns_what_training_rows_tell(name, task):
    said = models.predicted(settings.peer(name), task, 0)

    accuracy = (said.label == task.part("test")[1]).mean()
    assert accuracy == pytest.approx(0.5) if name == "majority" else accuracy > 0.7
    if name == "linear_svc":
        assert np.isnan(said.attack).all()  # it has no probabilities
    else:
        assert ((said.attack >= 0) & (said.attack <= 1)).all()
        assert ((said.attack > 0.5) == (said.label > 0)).mean() > 0.99


def test_test_rows_change_no_peer(task):
    """A model that saw them could not say the same of the others."""
    peer = settings.peer("logistic_regression")
    whole = models.predicted(peer, task, 0)
    kept = np.r_[np.arange(600), np.arange(700, 800)]
    fewer = Task(task.name, task.classes, task.table.iloc[kept].reset_index(drop=True),
                 task.target[kept], task.row[kept], [80, 443], task.fold[kept])  # fmt: skip

    assert models.predicted(peer, fewer, 0).label.tolist() == whole.label[100:].tolist()


def test_a_solver_that_stops_early_is_told(task, monkeypatch):
    make = models.MAKE["LogisticRegression"]
    monkeypatch.setitem(
        models.MAKE, "LogisticRegression",
        lambda depth, weights, seed: make(depth, weights, seed).set_params(max_iter=1),
    )  # fmt: skip

    assert models.predicted(settings.peer("tree"), task, 0).converged
    assert not models.predicted(settings.peer("logistic_regression"), task, 0).converged
