"""The study as a page of Markdown: ``docs/study.md``."""

import numpy as np
import pandas as pd

from packetids.protocol import folds
from packetids.protocol.repeats import NETWORK
from packetids.results import protocols
from packetids.study import models, novel

SHOWN = {
    "f1_macro": "macro F1",
    "mcc": "MCC",
    "attack_recall": "attacks found",
    "false_alarms": "false alarms",
}


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Summarize the scores of each model: under ``paper`` over seeds, under ``strict`` over rounds.

    The novel round is a protocol of its own.

    Returns
    -------
    DataFrame
        A row a protocol, part and model: rows, runs, and of each metric the mean, the standard
        deviation over seeds or rounds, and the worst. A round's seeds are averaged first.
    """
    metrics = ["accuracy", *SHOWN]
    keys = ["protocol", "part", "model"]
    apart = np.where(scores["fold"] == novel.NAME, novel.NAME, scores["protocol"])
    unit = np.where(scores["protocol"] == folds.STRICT, scores["fold"], scores["seed"])
    scores = scores.assign(protocol=apart)
    by_unit = scores.assign(unit=unit).groupby([*keys, "unit"], sort=False)[metrics].mean()
    grouped = by_unit.groupby(level=keys, sort=False)
    found = pd.concat(
        [grouped.mean().add_suffix("_mean"), grouped.std(ddof=1).add_suffix("_std"),
         grouped.min().add_suffix("_worst")], axis="columns",
    )  # fmt: skip
    found["units"] = grouped.size()
    return found.reset_index()


def page(scores: pd.DataFrame, about: dict[str, str]) -> str:
    """Write the page; `about` says on what, with what and when the study was made."""
    found = summary(scores)
    parts = [
        "# What holds beyond one random split",
        "`make study` writes this page and `docs/study.csv`, from which a test makes it again; do "
        "not edit it.",
        " ".join(f"{name}: {value}." for name, value in about.items()),
        "Two protocols, on the multi-class task. **paper**: random rows, all twelve features, as "
        "in the paper. **strict**: each round of recording is the test once and the next one the "
        "validation, so that no conversation and no session is in two folds; `stream` is left "
        "out. Models have their libraries' defaults and the paper's class weights.",
        "## In words",
        "\n".join(f"- {line}" for line in sentences(found)),
        "## paper: random rows",
        _table(found, folds.PAPER, "all"),
        "Deviations are over seeds; a model without one was trained once.",
        "## strict: a round left out",
        _table(found, folds.STRICT, "all"),
        "Mean, standard deviation and worst over the rounds left out.",
        "## strict: rows that are not in training",
        "Test rows of which no equal training row exists.",
        _table(found, folds.STRICT, "novel"),
        *_novel(found),
    ]
    return "\n\n".join(parts) + "\n"


def sentences(found: pd.DataFrame) -> list[str]:
    """Say in words which model leads under each protocol, and what the network loses."""
    lines = []
    called = protocols.titles(models.peers())
    of = {
        protocol: found[(found["protocol"] == protocol) & (found["part"] == "all")].set_index(
            "model"
        )
        for protocol in (folds.PAPER, folds.STRICT)
    }
    for protocol, rows in of.items():
        score = rows["f1_macro_mean"]
        best = score.idxmax()
        network = score[NETWORK]
        better = [called[name] for name in score.index if score[name] > network]
        lines.append(
            f"Under {protocol}, {called[best]} has the highest macro F1, {score[best]:.3f}; "
            f"the paper's network has {network:.3f}"
            + (f", less than {_listed(better)}." if better else ", the highest of all.")
        )
    gap = of[folds.PAPER]["f1_macro_mean"] - of[folds.STRICT]["f1_macro_mean"]
    lines.append(
        f"From random rows to rounds left out, the network loses {gap[NETWORK]:.3f} of macro "
        f"F1, {called['random_forest']} {gap['random_forest']:.3f}: that much of the first "
        "number is the session and not the attack."
    )
    return lines


def _novel(found: pd.DataFrame) -> list[str]:
    if not (found["protocol"] == novel.NAME).any():
        return []
    return [
        "## The novel round",
        "Kinds of attack that no round of training has (`captures/novel`); trained on the other "
        "rounds as under strict.",
        _table(found, novel.NAME, "all"),
    ]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _table(found: pd.DataFrame, protocol: str, part: str) -> str:
    rows = found[(found["protocol"] == protocol) & (found["part"] == part)]
    rows = rows.sort_values("f1_macro_mean", ascending=False)
    called = protocols.titles(models.peers())
    head = ["model", "accuracy", *SHOWN.values(), "worst macro F1"]
    lines = [head, ["---", *["--:"] * (len(head) - 1)]]
    for row in rows.to_dict("records"):
        cells = [called[row["model"]]]
        for metric in ("accuracy", *SHOWN):
            deviation = row[f"{metric}_std"]
            more = "" if pd.isna(deviation) else f" ± {deviation:.3f}"
            cells.append(f"{row[f'{metric}_mean']:.3f}{more}")
        lines.append([*cells, f"{row['f1_macro_worst']:.3f}"])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
