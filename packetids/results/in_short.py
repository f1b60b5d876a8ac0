"""The first lines of the report: what the paper claims, what holds, under which rules, how surely.

Every sentence is made from result files, each of which it names.
"""

import pandas as pd

from packetids.core.classes import MULTICLASS

PAPER, STRICT = "paper", "strict"
NETWORK = "fnn"
SCORES = ("accuracy", "f1_macro", "attack_recall", "false_alarms")
SURE = 0.05


def models(summary: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Return the scores of all models on the multi-class task under both protocols, best first.

    Parameters
    ----------
    summary : DataFrame
        ``results/score/summary.csv``.
    titles : dict
        What a model is called, by its name; other models, the sweep's, are left out.

    Returns
    -------
    DataFrame
        A row a model: of each protocol the scores with their intervals as text, for strict the
        worst round's macro F1 and the macro F1 on rows that training does not hold.
    """
    chosen = summary[(summary["task"] == MULTICLASS) & summary["model"].isin(list(titles))]
    rows: dict[str, dict[str, object]] = {}
    for one in chosen[chosen["part"] == "all"].to_dict("records"):
        row = rows.setdefault(one["model"], {"model": titles[one["model"]]})
        for score in SCORES:
            row[f"{score}_{one['protocol']}"] = _with_bounds(one, score)
        row[f"_{one['protocol']}"] = one["f1_macro_mean"]
        if one["protocol"] == STRICT:
            row["worst_round_f1_macro"] = f"{one['f1_macro_worst']:.3f}"
    for one in chosen[(chosen["part"] == "novel")].to_dict("records"):
        rows[one["model"]][f"f1_macro_{one['protocol']}_novel_rows"] = f"{one['f1_macro_mean']:.3f}"
    table = pd.DataFrame(list(rows.values()))
    if table.empty:
        return table
    by = f"_{STRICT}" if f"_{STRICT}" in table else f"_{PAPER}"
    table = table.sort_values(by, ascending=False, ignore_index=True)
    return table[[name for name in table if not name.startswith("_")]]


def sentences(
    summary: pd.DataFrame, pairs: pd.DataFrame, claims: pd.DataFrame, titles: dict[str, str],
    dataset: str,
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
        f"Under its own protocol, random rows, its network has {_with_bounds(network, 'accuracy')} "
        f"on {dataset}, and a macro F1 of {_with_bounds(network, 'f1_macro')}{_seeds(network)}.",
    ]
    if NETWORK in of.get(STRICT, {}):
        strict = of[STRICT][NETWORK]
        lines.append(
            f"Under a strict one, whole rounds of recording left out and no stream number, a macro "
            f"F1 of {strict['f1_macro_mean']:.3f} is left (interval of the captures "
            f"{strict['f1_macro_low']:.3f} to {strict['f1_macro_high']:.3f}; worst of "
            f"{strict['units']} rounds {strict['f1_macro_worst']:.3f})."
        )
    for protocol in (PAPER, STRICT):
        if NETWORK in of.get(protocol, {}) and len(of[protocol]) > 1:
            lines.append(_peers(protocol, of[protocol], pairs, titles))
    counts = claims["verdict"].value_counts()
    told = ", ".join(f"{n} × {verdict}" for verdict, n in counts.items())
    lines.append(f"Of {len(claims)} numbers and sentences of the paper: {told}.")
    lines.append(
        "Intervals are of 95 %: of rows drawn again under paper, of whole captures under strict. "
        "Numbers are from results/score/summary.csv, pairs.csv and results/claims/claims.csv."
    )
    return lines


def _peers(
    protocol: str, rows: dict[str, dict[str, float]], pairs: pd.DataFrame, titles: dict[str, str]
) -> str:
    network = rows[NETWORK]["f1_macro_mean"]
    best = max((name for name in rows if name != NETWORK), key=lambda m: rows[m]["f1_macro_mean"])
    better = [name for name in rows if rows[name]["f1_macro_mean"] > network]
    chosen = pairs[(pairs["task"] == MULTICLASS) & (pairs["protocol"] == protocol)]
    sure = chosen[(chosen["model"] == best) & (chosen["p_holm"] < SURE)]
    folds = chosen["fold"].nunique()
    of_best = (
        f"{titles[best]} has {rows[best]['f1_macro_mean']:.3f} and differs from the network "
        f"(McNemar, Holm, p < {SURE}) in {len(sure)} of {folds} folds"
    )
    if not better:
        return (
            f"Under {protocol}, no simple model has a higher macro F1 than the network: {of_best}."
        )
    return (
        f"Under {protocol}, {len(better)} of {len(rows) - 1} simple models on the same rows have a "
        f"higher macro F1 than the network's {network:.3f}: {of_best}."
    )


def _seeds(row: dict[str, float]) -> str:
    if row["units"] < 2:
        return ""
    return f" (mean of {row['units']} seeds, standard deviation {row['f1_macro_std']:.3f})"


def _with_bounds(row: dict[str, float], score: str) -> str:
    value = f"{row[f'{score}_mean']:.3f}"
    low, high = row[f"{score}_low"], row[f"{score}_high"]
    return value if pd.isna(low) else f"{value} ({low:.3f} to {high:.3f})"
