"""Each of the paper's numbers gets the verdict that its own counts and our intervals allow."""

import math

import pandas as pd
import pytest

from packetids.claims import judge, measured, page, verdicts
from packetids.claims.measured import NAN, Value
from packetids.results import compare
from tests.conftest import ROOT


@pytest.fixture
def paper(monkeypatch) -> pd.DataFrame:
    monkeypatch.chdir(ROOT)
    return compare.read_paper()


def verdict(place, paper, value, derived=NAN, is_bot_iot=False) -> str:
    return judge.judge(place, paper, derived, value, is_bot_iot).verdict


def test_the_papers_own_counts_contradict_what_the_audit_found(paper):
    table = judge.table(paper, {}, pd.DataFrame(), {}, is_bot_iot=False)
    against = table[table["verdict"] == verdicts.CONTRADICTS].set_index(["table", "row", "column"])

    said = {place[1:] for place in against.index if place[0] == "text"}
    assert said == {
        ("multiclass", "reconnaissance_recall_percent_above"),
        ("multiclass", "theft_recall_percent"),
        ("multiclass", "theft_as_reconnaissance_percent"),
        ("multiclass", "missed_percent"),
    }
    assert {place[0] for place in against.index} == {"text", "5-percent"}
    cell = against.loc[("5-percent", "Theft", "Theft")]
    assert cell["paper"] == 88.918 and cell["from_counts"] == pytest.approx(93.807, abs=1e-3)
    assert against.loc[("text", "multiclass", "missed_percent"), "from_counts"] == pytest.approx(
        0.0254, abs=1e-4
    )
    # Shares that Table IV's counts do give are no contradiction.
    assert ("text", "Data_Exfiltration", "precision_percent") not in against.index


def test_every_number_of_the_paper_is_judged_once(paper):
    table = judge.table(paper, {}, pd.DataFrame(), {}, is_bot_iot=False)

    assert len(table) == len(paper) > 250
    assert not table.duplicated(["table", "row", "column"]).any()
    assert set(table["verdict"]) <= {
        verdicts.OPEN,
        verdicts.CONTRADICTS,
    }  # without a number of ours


@pytest.mark.parametrize(
    ("place", "paper_says", "value", "expected"),
    [
        (("figure-3", "DoS_TCP", "recall"), 0.9, Value(0.91, "", 0.90, 0.92), verdicts.HOLDS),
        (("figure-3", "DoS_TCP", "recall"), 0.9, Value(0.89, "", 0.88, 0.905), verdicts.HOLDS),
        (("figure-3", "DoS_TCP", "recall"), 0.9, Value(0.85, "", 0.84, 0.86), verdicts.FAILS),
        (("text", "DoS_UDP", "missed_percent"), 0.1, Value(0.3, "", 0.2, 0.4), verdicts.FAILS),
        (("text", "DoS_UDP", "missed_percent"), 0.1, Value(0.15, "", 0.05, 0.3), verdicts.HOLDS),
        (("1", "DoS_UDP", "packets"), 7.0, Value(7.0, ""), verdicts.OPEN),
        (("6", "1000", "runtime_min"), 9.06, Value(0.1, ""), verdicts.OPEN),
        (("text", "fnn", "batch_size"), 500, Value(500, ""), verdicts.CHOICE),
        (("text", "fnn", "batch_size"), 500, Value(100, ""), verdicts.OTHER_CHOICE),
        (("text", "multiclass", "ddos_dos_and_theft_confused"), 0, Value(3, ""), verdicts.FAILS),
    ],
)
def test_a_verdict_follows_from_the_interval(place, paper_says, value, expected):
    assert verdict(place, paper_says, value) == expected


def test_counts_are_judged_on_bot_iot_alone():
    place = ("1", "DoS_UDP", "packets")

    assert verdict(place, 7.0, Value(7.0, ""), is_bot_iot=True) == verdicts.HOLDS
    assert verdict(place, 7.0, Value(8.0, ""), is_bot_iot=True) == verdicts.FAILS


@pytest.mark.parametrize(
    ("topic", "low", "high", "expected"),
    [
        ("regularization", -0.02, 0.01, verdicts.HOLDS),
        ("regularization", 0.01, 0.03, verdicts.FAILS),
        ("layers", -0.02, 0.01, verdicts.OPEN),
        ("layers", -0.02, -0.01, verdicts.HOLDS),
        ("learning rate", 0.01, 0.03, verdicts.FAILS),
    ],
)
def test_a_sentence_on_the_sweep_needs_more_than_one_better_run(topic, low, high, expected):
    assert judge.judge_trial(topic, low, high).verdict == expected


def test_a_trials_interval_is_of_rows_and_of_seeds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/score").mkdir(parents=True)
    pd.DataFrame({
        "task": "multiclass", "protocol": "paper", "model": ["dropout_0.2"],
        "only_network_right": [10], "only_model_right": [30],
    }).to_csv(measured.PAIRS, index=False)  # fmt: skip
    pd.DataFrame({
        "task": "multiclass", "protocol": "paper", "model": ["fnn"], "part": "all", "rows": [3000],
        "units": [3], "accuracy_std": [0.01],
    }).to_csv(measured.SUMMARY, index=False)  # fmt: skip
    (row,) = measured.trials().to_dict("records")

    assert row["difference"] == pytest.approx(0.02)  # of 1,000 rows
    variance = (40 - 400 / 1000) / 1000**2 + 2 * 0.01**2
    assert row["high"] - row["difference"] == pytest.approx(1.96 * math.sqrt(variance))


def test_the_page_counts_its_verdicts(paper):
    table = judge.table(paper, {}, pd.DataFrame(), {}, is_bot_iot=False)
    made = page.page(table, "Not BoT-IoT.")

    total = [line for line in made.splitlines() if line.startswith("| all ")][0]
    counts = [int(cell) for cell in total.strip("| ").split(" | ")[1:]]
    assert sum(counts[:-1]) == counts[-1] == len(table)
    assert "| Theft, Theft | 88.92 | 93.81 |" in made
