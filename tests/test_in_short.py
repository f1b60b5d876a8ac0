"""The report's first lines say what the result files hold, and nothing that they do not."""

import pandas as pd
import pytest

from packetids.claims import verdicts
from packetids.results import in_short, protocols
from packetids.score.confusion import METRICS

TITLES = {"fnn": "the paper's network", "tree": "decision tree", "majority": "commonest class",
          "quantile": "the same network on quantiles"}  # fmt: skip


def one(protocol: str, model: str, f1: float, units: int = 1, part: str = "all") -> dict:
    row = {"task": "multiclass", "protocol": protocol, "model": model, "part": part,
           "rows": 1000, "units": units}  # fmt: skip
    for metric in METRICS:
        value = f1 if metric == "f1_macro" else 0.5
        row |= {f"{metric}_mean": value, f"{metric}_std": 0.01, f"{metric}_worst": value - 0.1,
                f"{metric}_low": value - 0.02, f"{metric}_high": value + 0.02}  # fmt: skip
    return row


@pytest.fixture
def summary() -> pd.DataFrame:
    return pd.DataFrame([
        one("paper", "fnn", 0.8, 3), one("paper", "tree", 0.9), one("paper", "majority", 0.2),
        one("paper", "quantile", 0.85), one("paper", "dropout_0.2", 0.99),
        one("strict", "fnn", 0.6, 4), one("strict", "tree", 0.55, 4),
        one("strict", "majority", 0.2),
        one("strict", "tree", 0.5, 4, part="novel"),
    ])  # fmt: skip


PAIRS = pd.DataFrame(
    [("multiclass", "paper", "random", "tree", 1e-9), ("multiclass", "strict", "1", "tree", 0.01),
     ("multiclass", "strict", "2", "tree", 0.7)],
    columns=["task", "protocol", "fold", "model", "p_holm"],
)  # fmt: skip
CLAIMS = pd.DataFrame({
    "row": "multiclass", "column": ["accuracy", "missed", "x"], "paper": [0.99, 319, 1],
    "verdict": [verdicts.FAILS, verdicts.OPEN, verdicts.FAILS],
})  # fmt: skip
SINGLE = pd.DataFrame({
    "feature": ["stream", "stream", "proto", "proto"], "protocol": ["paper", "strict"] * 2,
    "f1_macro_mean": [0.7, 0.1, 0.3, 0.3],
})  # fmt: skip
DUPLICATES = pd.DataFrame({
    "protocol": "paper", "features": ["all twelve", "without stream and times"],
    "in_training_share": [0.01, 0.93],
})  # fmt: skip


def said(summary: pd.DataFrame, titles: dict[str, str] = TITLES) -> str:
    return "\n".join(in_short.sentences(summary, PAIRS, CLAIMS, SINGLE, DUPLICATES, titles, "tiny"))


def test_each_line_is_of_the_tables(summary):
    text = said(summary)

    assert "an accuracy of 0.99 on BoT-IoT" in text
    assert (
        "macro F1 of 0.800 (0.780 to 0.820), the mean of 3 seeds, whose deviation is 0.010" in text
    )
    assert (
        "the same network has a macro F1 of 0.850 (0.830 to 0.870) under paper, trained once."
        in text
    )
    assert (
        "0.600 (0.580 to 0.620) is left, the mean of 4 rounds, of which the worst has 0.500" in text
    )
    assert "Under paper, 1 of 2 simple models" in text
    assert "decision tree, has 0.900 (p < 0.05 by" in text
    assert "Under strict, no simple model" in text and "p < 0.05 in 1 of 2 rounds" in text
    assert "stream alone has a macro F1 of 0.700 under paper, 0.100 under strict; 93.0% of" in text
    assert (
        "Of 3 numbers and sentences of the paper, 0 hold on this data, 2 do not, 1 cannot" in text
    )
    assert "0.990" not in text  # the sweep's trials are no models of their own


def test_a_run_without_peers_or_without_the_network_says_less(summary):
    alone = summary[summary["model"].isin(["fnn", "quantile"])]

    assert "simple models" not in said(alone) and "macro F1 of 0.800" in said(alone)
    assert said(summary[summary["model"] != "fnn"]) == ""
    assert "strict one" not in said(summary[summary["protocol"] == "paper"])


def test_models_are_listed_by_what_is_left_under_strict(summary):
    table = protocols.models(summary, TITLES)

    assert table["model"].tolist() == [
        "the paper's network", "decision tree", "commonest class", "the same network on quantiles",
    ]  # fmt: skip
    tree = table.set_index("model").loc["decision tree"]
    assert tree["f1_macro_paper"] == "0.900 (0.880 to 0.920)"
    assert tree["worst_round_f1_macro"] == "0.450" and tree["f1_macro_strict_novel_rows"] == "0.500"


def test_the_figures_numbers_have_their_intervals(summary):
    found = protocols.numbers(summary, TITLES)

    assert found["model"].iloc[-1] == "the paper's network"  # best last, at the top of the figure
    row = found.set_index("model").loc["decision tree"]
    assert row["paper_mean"] == 0.9 and row["strict_low"] == pytest.approx(0.53)
    assert found["strict_mean"].isna().iloc[0]  # the trial has no strict run


def test_the_audits_tables_have_a_column_for_each_protocol():
    ablations = pd.DataFrame({
        "without": ["nothing", "nothing", "ports", "ports"], "protocol": ["paper", "strict"] * 2,
        "f1_macro_mean": [0.9, 0.7, 0.8, 0.6],
    })  # fmt: skip
    single = protocols.by_protocol(SINGLE.iloc[::-1], strongest_first=True)
    found = protocols.by_protocol(ablations, strongest_first=False)

    assert single["feature"].tolist() == ["stream", "proto"]  # the strongest first
    assert found.set_index("without")["macro_F1_strict"].to_dict() == {
        "nothing": 0.7, "ports": 0.6,
    }  # fmt: skip
