"""The audit finds the leaks that are there, and none that are not."""

import numpy as np
import pandas as pd
import pytest

from packetids.audit import rows, shortcuts
from packetids.learn.task_rows import Task
from packetids.protocol import folds
from tests.rows import features


@pytest.fixture
def task() -> tuple[Task, list[folds.Fold]]:
    """Four rounds of 150 rows; `stream` tells the class by itself, the window in nine of ten."""
    table, target = features(600, 6)
    round_ = np.repeat([1, 2, 3, 4], 150)
    deal = np.random.default_rng(7).permutation(np.arange(600) % 3).astype(np.int8)
    task = Task("multiclass", ("Normal", "DDoS_DoS"), table, target, np.arange(600), [80, 443],
                deal)  # fmt: skip
    return task, [*folds.paper(deal), *folds.strict(round_)]


def test_a_feature_that_tells_the_class_is_named_under_paper_and_gone_under_strict(task):
    found = shortcuts.single(*task, seed=0).set_index(["feature", "protocol"])["f1_macro_mean"]

    assert found["stream", "paper"] == 1
    assert found["stream", "strict"] < 0.4  # one value everywhere
    assert found["tcp.window_size_value", "strict"] > 0.85
    assert found["frame.len", "paper"] < 0.65


def test_an_ablation_takes_out_what_it_names(task):
    found = shortcuts.ablations(*task, seed=0).set_index(["without", "protocol"])["f1_macro_mean"]

    assert found["nothing", "paper"] == 1 > found["stream", "paper"] > 0.85
    assert found["nothing", "strict"] == pytest.approx(found["stream", "strict"], abs=0.02)
    assert found["window", "strict"] < 0.65


def test_a_class_loses_recall_by_the_feature_it_hangs_on(task):
    dealt, made = task
    found = shortcuts.importance(dealt, made[1], seed=0)  # strict: without stream
    lost = found.groupby("feature")["recall_lost"].mean()

    assert lost.idxmax() == "tcp.window_size_value" and lost.max() > 0.2
    assert lost["stream"] == 0


def test_rows_that_differ_in_stream_alone_are_counted(task):
    dealt, made = task
    copies = pd.concat([dealt.table.iloc[:300]] * 2, ignore_index=True)
    copies["stream"] = np.arange(600)
    target = np.tile(dealt.target[:300], 2)
    target[300:390] = (target[300:390] + 1) % len(dealt.classes)
    half = Task(dealt.name, dealt.classes, copies, target, dealt.row, [80], dealt.fold)
    fold = folds.Fold(folds.PAPER, "random", np.arange(300), np.arange(0), np.arange(300, 600))
    found = rows.duplicates(half, [fold]).set_index("features")

    share = found["in_training_share"]
    assert share["all twelve"] == 0 and share["without stream"] == 1
    assert found["same_label_share"].tolist()[:2] == pytest.approx([0, 0.7])


def test_a_field_that_counts_up_is_bound_to_its_capture_and_order():
    table, _ = features(400, 8)
    captures = pd.Series(np.repeat(["a", "b"], 200))
    table["stream"] = np.tile(np.arange(200), 2)
    table["frame.len"] = np.arange(400)
    found = rows.fields(table, captures).set_index("feature")

    assert found.loc["stream", "order_correlation"] == pytest.approx(1)
    assert found.loc["stream", "of_one_capture_share"] == 0
    assert found.loc["frame.len", "of_one_capture_share"] == 1
    assert found.loc["length", "order_correlation"] < 0.3
