"""The first lines of the report: what the paper claims, what holds, under which rules, how surely.

Every sentence is made from result files, each of which it names.
"""

from pathlib import Path

import pandas as pd

from packetids.claims import verdicts
from packetids.core.classes import MULTICLASS
from packetids.protocol.folds import PAPER, STRICT
from packetids.protocol.repeats import NETWORK, QUANTILE
from packetids.results.protocols import NETWORKS, with_bounds

SCORE, AUDIT = Path("results/score"), Path("results/audit")
CLAIMS = Path("results/claims/claims.csv")
SURE = 0.05


def of_run(titles: dict[str, str], dataset: str) -> list[str]:
    """Write the lines of the results on disk; `titles` is that of `protocols.titles`."""
    files = [SCORE / "summary.csv", SCORE / "pairs.csv", CLAIMS, AUDIT / "single.csv",
             AUDIT / "duplicates.csv"]  # fmt: skip
    summary, pairs, claims, single, duplicates = (pd.read_csv(path) for path in files)
    return sentences(summary, pairs, claims, single, duplicates, titles, dataset)


def sentences(
    summary: pd.DataFrame, pairs: pd.DataFrame, claims: pd.DataFrame, single: pd.DataFrame,
    duplicates: pd.DataFrame, titles: dict[str, str], dataset: str,
) -> list[str]:  # fmt: skip
    """Write the lines; empty if the multi-class task has no network."""
    rows = summary[(summary["task"] == MULTICLASS) & (summary["part"] == "all")]
    of = {
        protocol: {row["model"]: row for row in part.to_dict("records") if row["model"] in titles}
        for protocol, part in rows.groupby("protocol")
    }
    if NETWORK not in of.get(PAPER, {}):
        return []
    network = of[PAPER][NETWORK]
    claimed = claims[(claims["row"] == "multiclass") & (claims["column"] == "accuracy")]
    lines = [
        f"The paper claims an accuracy of {claimed['paper'].iloc[0]:g} on BoT-IoT, four classes.",
        "Under its own protocol, random rows, its network has an accuracy of "
        f"{with_bounds(network, 'accuracy')} on {dataset} and a macro F1 of "
        f"{with_bounds(network, 'f1_macro')}{_seeds(network)}.",
    ]
    if NETWORK in of.get(STRICT, {}):
        strict = of[STRICT][NETWORK]
        lines.append(
            f"Under a strict one, whole rounds of recording left out and no stream number, a macro "
            f"F1 of {with_bounds(strict, 'f1_macro')} is left, the mean of {strict['units']} "
            f"rounds, of which the worst has {strict['f1_macro_worst']:.3f}."
        )
    if QUANTILE in of[PAPER]:
        strictly = of.get(STRICT, {}).get(QUANTILE)
        lines.append(
            "Fed with quantiles instead of numbers between minimum and maximum, the same network "
            f"has a macro F1 of {with_bounds(of[PAPER][QUANTILE], 'f1_macro')} under paper, "
            "trained once"
            + (f", and {with_bounds(strictly, 'f1_macro')} under strict." if strictly else ".")
        )
    for protocol in (PAPER, STRICT):
        if NETWORK in of.get(protocol, {}) and of[protocol].keys() - NETWORKS:
            lines.append(_peers(protocol, of[protocol], pairs, titles))
    lines.append(_leaks(single, duplicates))
    n = claims["verdict"].value_counts().reindex(verdicts.ALL, fill_value=0)
    lines.append(
        f"Of {len(claims)} numbers and sentences of the paper, {n[verdicts.HOLDS]} hold on this "
        f"data, {n[verdicts.FAILS]} do not, {n[verdicts.OPEN]} cannot be judged on it, "
        f"{n[verdicts.CHOICE] + n[verdicts.OTHER_CHOICE]} are choices, and in "
        f"{n[verdicts.CONTRADICTS]} the paper contradicts itself."
    )
    lines.append(
        "Intervals, in brackets, are of 95 %: of test rows under paper, of rounds under strict. "
        "Numbers are from results/score, results/audit and results/claims/claims.csv."
    )
    return lines


def _leaks(single: pd.DataFrame, duplicates: pd.DataFrame) -> str:
    """Name the feature that tells most by itself under ``paper``, and rows that training holds."""
    scores = single.pivot(index="feature", columns="protocol", values="f1_macro_mean")
    best = scores[PAPER].idxmax()
    beside = f", {scores.loc[best, STRICT]:.3f} under strict" if STRICT in scores else ""
    of = duplicates[duplicates["protocol"] == PAPER].set_index("features")["in_training_share"]
    view = of.index[-1]
    return (
        f"What random rows hide: a tree on {best} alone has a macro F1 of "
        f"{scores.loc[best, PAPER]:.3f} under paper{beside}; {of[view]:.1%} of the test rows "
        f"under paper equal a training row {view}."
    )


def _peers(
    protocol: str, rows: dict[str, dict[str, float]], pairs: pd.DataFrame, titles: dict[str, str]
) -> str:
    network = rows[NETWORK]["f1_macro_mean"]
    simple = [name for name in rows if name not in NETWORKS]
    best = max(simple, key=lambda name: rows[name]["f1_macro_mean"])
    better = [name for name in simple if rows[name]["f1_macro_mean"] > network]
    chosen = pairs[(pairs["task"] == MULTICLASS) & (pairs["protocol"] == protocol)]
    sure = chosen[(chosen["model"] == best) & (chosen["p_holm"] < SURE)]
    folds = chosen["fold"].nunique()
    where = f" in {len(sure)} of {folds} rounds" if folds > 1 else ""
    found = f"p < {SURE}{where}" if len(sure) else "no difference"
    of_best = (
        f"the best, {titles[best]}, has {rows[best]['f1_macro_mean']:.3f} ({found} by McNemar's "
        "test with Holm's correction)"
    )
    if not better:
        return (
            f"Under {protocol}, no simple model has a higher macro F1 than the network: {of_best}."
        )
    return (
        f"Under {protocol}, {len(better)} of {len(simple)} simple models on the same rows have a "
        f"higher macro F1 than the network's {network:.3f}: {of_best}."
    )


def _seeds(row: dict[str, float]) -> str:
    if row["units"] < 2:
        return ""
    return f", the mean of {row['units']} seeds, whose deviation is {row['f1_macro_std']:.3f}"
