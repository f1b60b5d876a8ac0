"""The study's models learn from training rows, its page is its scores'."""

import json

import numpy as np
import pandas as pd
import pytest

from packetids.core import settings
from packetids.learn import task_rows
from packetids.protocol import folds
from packetids.results.protocols import NETWORKS
from packetids.score import values
from packetids.study import page
from packetids.study.__main__ import Config, one
from tests.conftest import ROOT
from tests.rows import features


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_learns_what_training_rows_tell(name):
    table, target = features(900, 4)
    parts = [np.arange(300 * i, 300 * (i + 1)) for i in range(3)]
    task = task_rows.Task(
        "multiclass", ("Normal", "DDoS_DoS"), table, target, np.arange(900), [80, 443],
        np.repeat([0, 1, 2], 300),
    )  # fmt: skip
    p = settings.load(Config, ["fnn=quick", "fnn.epochs_max=20"]).fnn
    fold = folds.Fold(folds.STRICT, "1", *parts)
    found = one(folds.as_task(task, fold), fold, name, 0, p).set_index("part")

    assert found.loc["all", "rows"] == 300 and found.loc["all", "accuracy"] > 0.75


def test_parts_are_scored_apart():
    target, said = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0])
    seen = np.array([True, False, True, False])
    found = values.table(target, said, seen, 2).set_index("part")

    assert found["rows"].to_dict() == {"all": 4, "matched": 2, "novel": 2}
    assert found["accuracy"].to_dict() == {"all": 0.5, "matched": 1.0, "novel": 0.0}


def test_a_summary_averages_a_rounds_seeds_before_it_takes_the_spread():
    columns = ["protocol", "fold", "model", "seed", "part", *values.METRICS]
    made = pd.DataFrame(
        [
            ("strict", "1", "fnn", 0, "all", *[0.2] * len(values.METRICS)),
            ("strict", "1", "fnn", 1, "all", *[0.4] * len(values.METRICS)),
            ("strict", "2", "fnn", 0, "all", *[0.9] * len(values.METRICS)),
        ],
        columns=columns,
    )
    (row,) = page.summary(made).to_dict("records")

    assert row["accuracy_mean"] == pytest.approx(0.6)
    assert (row["accuracy_worst"], row["units"]) == (pytest.approx(0.3), 2)


def test_the_page_is_made_from_its_scores():
    found = pd.read_csv(ROOT / "docs/study.csv", dtype={"fold": str})
    about = json.loads((ROOT / "docs/study.json").read_text())

    assert (ROOT / "docs/study.md").read_text() == page.page(found, about)


def test_the_readme_says_what_the_study_found():
    found = page.summary(pd.read_csv(ROOT / "docs/study.csv", dtype={"fold": str}))
    of = found[found["part"] == "all"].set_index(["protocol", "model"])["f1_macro_mean"]
    better = {name for name, score in of["paper"].items() if score > of["paper", "fnn"]}

    assert better == {"tree", "random_forest", "boosting"}
    assert all(of["strict", name] < of["paper", name] - 0.1 for name in {*better, "fnn"})
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert "A decision tree, a random forest and gradient boosting do better than" in readme
    assert "all four lose much when whole rounds of recording are left out" in readme
