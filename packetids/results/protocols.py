"""All models on the multi-class task under both protocols, as a table and for a figure."""

import pandas as pd

from packetids.core import settings
from packetids.core.classes import MULTICLASS
from packetids.protocol.folds import PAPER, STRICT
from packetids.protocol.repeats import NETWORK, QUANTILE

NETWORKS = {NETWORK: "the paper's network", QUANTILE: "the same network on quantiles"}
SCORES = ("accuracy", "f1_macro", "attack_recall", "false_alarms")


def titles(peers: list[str]) -> dict[str, str]:
    """Return what the networks and each of `peers` are called, by their names."""
    return {name: settings.peer(name).title for name in peers} | NETWORKS


def numbers(summary: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Return the macro F1 of all models on the multi-class task, for a figure; best last.

    Returns
    -------
    DataFrame
        model, and of each protocol its mean, low and high, such as ``paper_low``.
    """
    chosen = summary[
        (summary["task"] == MULTICLASS) & (summary["part"] == "all")
        & summary["model"].isin(list(titles))
    ]  # fmt: skip
    wide = chosen.pivot(
        index="model", columns="protocol", values=[f"f1_macro_{w}" for w in ("mean", "low", "high")]
    )
    wide.columns = [f"{protocol}_{what.split('_')[-1]}" for what, protocol in wide.columns]
    by = f"{STRICT}_mean" if f"{STRICT}_mean" in wide else f"{PAPER}_mean"
    wide = wide.sort_values(by, na_position="first").reset_index()
    return wide.assign(model=wide["model"].map(titles))


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
        worst round's macro F1 and the macro F1 on rows that training does not hold, and on all but
        the bots' own ARP, DNS and NTP.
    """
    chosen = summary[(summary["task"] == MULTICLASS) & summary["model"].isin(list(titles))]
    rows: dict[str, dict[str, object]] = {}
    for one in chosen[chosen["part"] == "all"].to_dict("records"):
        row = rows.setdefault(one["model"], {"model": titles[one["model"]]})
        for score in SCORES:
            row[f"{score}_{one['protocol']}"] = with_bounds(one, score)
        row[f"_{one['protocol']}"] = one["f1_macro_mean"]
        if one["protocol"] == STRICT:
            row["worst_round_f1_macro"] = f"{one['f1_macro_worst']:.3f}"
    for part in ("novel", "without_services"):
        for one in chosen[chosen["part"] == part].to_dict("records"):
            name = f"f1_macro_{one['protocol']}_{part.replace('novel', 'novel_rows')}"
            rows[one["model"]][name] = f"{one['f1_macro_mean']:.3f}"
    table = pd.DataFrame(list(rows.values()))
    if table.empty:
        return table
    by = f"_{STRICT}" if f"_{STRICT}" in table else f"_{PAPER}"
    table = table.sort_values(by, ascending=False, ignore_index=True)
    return table[[name for name in table if not name.startswith("_")]]


def with_bounds(row: dict[str, float], score: str) -> str:
    """Write the mean of a score of ``results/score/summary.csv``, and its interval."""
    value = f"{row[f'{score}_mean']:.3f}"
    low, high = row[f"{score}_low"], row[f"{score}_high"]
    return value if pd.isna(low) else f"{value} ({low:.3f} to {high:.3f})"


def by_protocol(table: pd.DataFrame, *, strongest_first: bool) -> pd.DataFrame:
    """Return a table of the audit, named by its first column, with a column for each protocol."""
    first = table.columns[0]
    wide = table.pivot(index=first, columns="protocol", values="f1_macro_mean")
    wide = wide.add_prefix("macro_F1_").rename_axis(columns=None)
    wide = wide.reindex(table[first].unique()).reset_index()
    return wide.sort_values(wide.columns[1], ascending=False) if strongest_first else wide
