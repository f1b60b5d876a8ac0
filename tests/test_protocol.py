"""Both protocols deal rows as they say, and strict keeps sessions apart."""

import numpy as np
import pandas as pd

from packetids.core.columns import FEATURES
from packetids.learn.task_rows import Task
from packetids.protocol import folds, matched, repeats, rounds
from tests.rows import features

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
    made = folds.strict(rounds.of_rows(captures))

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


def test_the_strict_protocol_does_not_see_the_conversations_number():
    table, _ = features(50, 0)

    assert folds.seen(table, folds.STRICT)["stream"].nunique() == 1
    assert folds.seen(table, folds.PAPER) is table


def test_matched_rows_are_those_that_training_holds():
    table, _ = features(400, 2)
    table["tcp.analysis.initial_rtt"] = table["tcp.time_delta"] = 0.0
    table["frame.len"] = table["length"] = table["ip.ttl_1"] = table["ip.ttl_2"] = 0.0
    table = folds.seen(table, folds.STRICT)
    train, test = np.arange(200), np.arange(200, 400)
    seen = matched.matched(table, train, test)

    held = {tuple(row) for row in table.iloc[train][list(FEATURES)].itertuples(index=False)}
    rows = table.iloc[test][list(FEATURES)].itertuples(index=False)
    assert seen.tolist() == [tuple(row) in held for row in rows]
    assert 0 < seen.mean() < 1


def test_a_round_is_not_left_out_if_no_row_of_a_class_remains():
    of_row, target = np.array([1, 1, 2, 2, 3, 3]), np.array([0, 1, 0, 0, 0, 1])
    said = [folds.untrainable(fold, target, ("Normal", "Theft")) for fold in folds.strict(of_row)]

    # Without round 1 and with round 2 to validate on, round 3 holds both classes.
    assert said[0] == "" and said[1] == ""
    assert said[2].startswith("No row of Theft is in the rounds that are left")


def test_a_task_is_dealt_as_its_fold_says():
    table, target = features(90, 5)
    task = Task("multiclass", ("Normal", "DDoS_DoS"), table, target, np.arange(90), [80, 443],
                np.zeros(90, np.int8))  # fmt: skip
    fold = folds.Fold(folds.STRICT, "2", np.arange(30), np.arange(30, 50), np.arange(50, 80))
    dealt = folds.as_task(task, fold)

    assert np.bincount(dealt.fold + 1).tolist() == [10, 30, 20, 30]  # ten rows of no fold
    assert dealt.part("test")[1].tolist() == target[50:80].tolist()
    assert dealt.table["stream"].nunique() == 1 < task.table["stream"].nunique()


def test_what_is_trained_again_depends_on_tasks_protocols_and_trials(monkeypatch):
    monkeypatch.setattr(folds, "names", lambda on: ["1", "2"] if folds.STRICT in on else [])
    both = [folds.PAPER, folds.STRICT]

    def names(tasks, trials, protocols, seeds):
        return [one.name for one in repeats.listed(0, tasks, trials, protocols, seeds)]

    assert names(["multiclass"], ["hidden_512", "quantile"], both, [5]) == [
        "seed_5", "round_1", "round_2", "quantile_round_1", "quantile_round_2",
    ]  # fmt: skip
    assert names(["multiclass"], ["hidden_512"], both, []) == ["round_1", "round_2"]
    assert names(["multiclass"], ["quantile"], [folds.PAPER], [5, 6]) == ["seed_5", "seed_6"]
    assert names(["DoS_TCP"], ["quantile"], both, [5]) == []
