"""The study keeps sessions apart, its models learn from training rows, its page is its scores'."""

import json

import numpy as np
import pandas as pd
import pytest

from packetids.core import settings
from packetids.core.columns import FEATURES, NUMERIC
from packetids.learn import task_rows
from packetids.study import folds, page, peers, rounds, scores
from packetids.study.__main__ import Config, one
from tests.conftest import ROOT

BOT_IOT = [f"DoS/DoS_TCP/IoT_Dataset_TCP_DoS__{n:05}_20180604130103" for n in range(1, 18)]
EMBEDDED = [
    f"{folder}/{n}/{name}__00001_2026112617{n:02}00"
    for n in (1, 2, 3)
    for folder, name in (
        ("DoS/DoS_TCP", "IoT_Dataset_TCP_DoS"),
        ("Theft/Keylogging", "IoT_Keylogging"),
    )
]


def test_the_round_of_an_embedded_capture_is_its_folder():
    assert rounds.of_captures(EMBEDDED).tolist() == [0, 0, 1, 1, 2, 2]


def test_captures_without_numbered_folders_are_cut_into_blocks_of_neighbours():
    found = rounds.of_captures(BOT_IOT[::-1])[::-1]

    assert found.tolist() == sorted(found)
    assert np.bincount(found).tolist() == [3, 2, 2, 2, 2, 2, 2, 2]
    assert rounds.of_captures(BOT_IOT[:3]).tolist() == [0, 1, 2]


def test_strict_folds_test_each_row_once_and_divide_no_capture():
    rng = np.random.default_rng(0)
    captures = pd.Series(rng.choice(EMBEDDED, 300))
    made = folds.strict(captures)

    assert sorted(np.concatenate([fold.test for fold in made])) == list(range(300))
    for fold in made:
        parts = [fold.train, fold.validation, fold.test]
        assert sorted(np.concatenate(parts)) == list(range(300))
        held = [set(captures.iloc[part]) for part in parts]
        assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]
        assert {name.split("/")[2] for name in held[2]} == {fold.name}


def test_the_paper_protocol_takes_the_folds_that_were_dealt():
    (fold,) = folds.paper(np.array([0, 2, 1, 0, 2], np.int8))

    assert [part.tolist() for part in (fold.train, fold.validation, fold.test)] == [
        [0, 3], [2], [1, 4],
    ]  # fmt: skip


def features(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows whose window tells the class, and whose stream tells it better."""
    rng = np.random.default_rng(seed)
    target = (np.arange(n) % 2).astype(np.int8)
    table = pd.DataFrame({name: rng.integers(0, 5, n).astype(float) for name in FEATURES})
    for name in ("proto", "tcp.flags"):
        table[name] = table[name].astype(np.int32)
    for name in ("src.port", "dst.port"):
        table[name] = pd.Categorical(rng.choice(["80", "443"], n), categories=["80", "443"])
    table["tcp.window_size_value"] = np.where(rng.random(n) < 0.9, 100.0 * target, 50.0)
    table["stream"] = 10.0 * target
    return table, target


@pytest.mark.parametrize("peer", peers.PEERS, ids=lambda peer: peer.name)
def test_each_peer_learns_what_training_rows_tell(peer):
    table, target = features(600, 0)
    other, truth = features(200, 1)
    strict = [peers.inputs(one, strict=True) for one in (table, other)]
    said = peers.predicted(peer, (strict[0], target), strict[1], 2, [80, 443], 0)

    accuracy = (said == truth).mean()
    assert accuracy == pytest.approx(0.5) if peer.name == "majority" else accuracy > 0.85


def test_a_quantile_is_of_the_training_rows_and_moves_no_category():
    from packetids.study import fnn

    table, _ = features(400, 3)
    train = np.arange(200)
    table["frame.len"] = np.r_[np.arange(200.0), np.full(200, 1e9)]
    ranked = fnn.quantiles(table, train)

    assert ranked["frame.len"][:200].to_numpy() == pytest.approx(np.linspace(0, 1, 200), abs=0.01)
    assert (ranked["frame.len"][200:] == 1).all()  # beyond what training holds
    categories = [name for name in FEATURES if name not in NUMERIC]
    pd.testing.assert_frame_equal(ranked[categories], table[categories])


@pytest.mark.parametrize("name", peers.NETWORKS)
def test_a_network_learns_what_training_rows_tell(name):
    table, target = features(900, 4)
    parts = [np.arange(300 * i, 300 * (i + 1)) for i in range(3)]
    task = task_rows.Task(
        "multiclass", ("Normal", "DDoS_DoS"), table, target, np.arange(900), [80, 443],
        np.repeat([0, 1, 2], 300),
    )  # fmt: skip
    p = settings.load(Config, ["fnn=quick", "fnn.epochs_max=20"]).fnn
    fold = folds.Fold(folds.STRICT, "1", *parts)
    found = one(task, peers.inputs(table, strict=True), fold, name, 0, p).set_index("part")

    assert found.loc["all", "rows"] == 300 and found.loc["all", "accuracy"] > 0.85


def test_the_strict_protocol_does_not_see_the_conversations_number():
    table, _ = features(50, 0)

    assert peers.inputs(table, strict=True)["stream"].nunique() == 1
    assert peers.inputs(table, strict=False) is table


def test_matched_rows_are_those_that_training_holds():
    table, _ = features(400, 2)
    table["tcp.analysis.initial_rtt"] = table["tcp.time_delta"] = 0.0
    table["frame.len"] = table["length"] = table["ip.ttl_1"] = table["ip.ttl_2"] = 0.0
    table = peers.inputs(table, strict=True)
    train, test = np.arange(200), np.arange(200, 400)
    seen = scores.matched(table, train, test)

    held = {tuple(row) for row in table.iloc[train][list(FEATURES)].itertuples(index=False)}
    rows = table.iloc[test][list(FEATURES)].itertuples(index=False)
    assert seen.tolist() == [tuple(row) in held for row in rows]
    assert 0 < seen.mean() < 1


def test_parts_are_scored_apart():
    target, said = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0])
    seen = np.array([True, False, True, False])
    found = scores.table(target, said, seen, 2).set_index("part")

    assert found["rows"].to_dict() == {"all": 4, "matched": 2, "novel": 2}
    assert found["accuracy"].to_dict() == {"all": 0.5, "matched": 1.0, "novel": 0.0}


def test_a_summary_averages_a_rounds_seeds_before_it_takes_the_spread():
    columns = ["protocol", "fold", "model", "seed", "part", *scores.METRICS]
    made = pd.DataFrame(
        [
            ("strict", "1", "fnn", 0, "all", *[0.2] * len(scores.METRICS)),
            ("strict", "1", "fnn", 1, "all", *[0.4] * len(scores.METRICS)),
            ("strict", "2", "fnn", 0, "all", *[0.9] * len(scores.METRICS)),
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
